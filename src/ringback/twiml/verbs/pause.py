"""Pause: be silent for a while. 2008-08-01 clause 2.9, 2010-04-01 clause 2.3."""

from dataclasses import dataclass
from typing import ClassVar

from ringback.model.status import ApiVersion
from ringback.twiml.attributes import attribute, integer
from ringback.twiml.session import Session
from ringback.twiml.sounds import Silence, Sound
from ringback.twiml.verb import GoOn, Next, Verb


@dataclass(frozen=True)
class Pause(Verb):
    """How many seconds to wait."""

    name: ClassVar[str] = "Pause"
    drops_keys: ClassVar[bool] = True

    length: int = attribute(integer(1), 1, code=13910)

    def picks_up(self, version: ApiVersion) -> bool:
        """At the beginning of a call, 2010-04-01 lets the phone ring so much longer (clause 1, Answering)."""
        return version is ApiVersion.V2008

    def sounds(self, session: Session) -> tuple[Sound, ...]:
        """Silence."""
        return (Silence(self.length),)

    async def run(self, session: Session) -> Next:
        """Wait."""
        await session.pause(self.length)
        return GoOn()
