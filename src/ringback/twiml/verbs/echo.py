"""Echo: the caller hears what the caller says. 2010-04-01 clause 2.3."""

from dataclasses import dataclass
from typing import ClassVar

from ringback.model.status import ApiVersion
from ringback.twiml.session import Session
from ringback.twiml.verb import GoOn, Next, Verb


@dataclass(frozen=True)
class Echo(Verb):
    """It has no attributes, and ends when the caller hangs up or the call is sent elsewhere: good for trying a line."""

    name: ClassVar[str] = "Echo"
    since: ClassVar[ApiVersion] = ApiVersion.V2010

    async def run(self, session: Session) -> Next:
        """Send back what comes."""
        began = session.call.now()
        try:
            await session.call.echo()
        finally:
            session.spent(began)
        return GoOn("no audio")
