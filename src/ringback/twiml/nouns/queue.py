"""Queue: who waits longest in a queue. 2010-04-01 clause 2.6."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from ringback.calls.dialing import Target
from ringback.calls.port import Call
from ringback.twiml.attributes import attribute, free_text, http_method
from ringback.twiml.session import SCREEN, Session


@dataclass(frozen=True)
class Queue:
    """The name of a queue."""

    name: ClassVar[str] = "Queue"

    to: str = ""
    url: str = attribute(free_text, "")
    """Heard by who waited, before the two are connected."""
    method: Literal["GET", "POST"] = attribute(http_method, "POST")

    def target(self, session: Session) -> Target:
        """Whom to talk to."""
        return Target(f"queue:{self.to}", screen=self._screen(session) if self.url else None)

    def _screen(self, session: Session) -> Callable[[Call], Awaitable[bool]]:
        async def screen(call: Call) -> bool:
            told = {"DequeingCallSid": session.call.info.sid}
            await session.conduct(call, session.fetch(self.url, self.method, told), SCREEN)
            return True

        return screen
