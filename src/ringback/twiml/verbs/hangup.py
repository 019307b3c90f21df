"""Hangup: end the call. 2008-08-01 clause 2.10, 2010-04-01 clause 2.3."""

from dataclasses import dataclass
from typing import ClassVar

from ringback.calls import outcome
from ringback.twiml.session import Session
from ringback.twiml.verb import End, Next, Verb


@dataclass(frozen=True)
class Hangup(Verb):
    """It has no attributes. As the first verb it still answers the call; Reject does not."""

    name: ClassVar[str] = "Hangup"

    async def run(self, session: Session) -> Next:
        """End the session."""
        return End(outcome.HANGUP_VERB)
