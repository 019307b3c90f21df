"""What all nouns that call somebody have in common. 2010-04-01 clause 2.6."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from ringback.calls.dialing import Progress, Target
from ringback.calls.outcome import HANGUP_VERB
from ringback.calls.port import Call
from ringback.model.status import ApiVersion
from ringback.twiml.attributes import BadValueError, Parse, attribute, free_text, http_method
from ringback.twiml.session import SCREEN, Session

V2010 = ApiVersion.V2010
EVENTS = ("initiated", "ringing", "answered", "completed")
_STATUSES = {"initiated": "initiated", "ringing": "ringing", "answered": "in-progress"}


def event_list(*known: str) -> Parse:
    """Words of a list, in one attribute with spaces between."""

    def parse(text: str, _version: ApiVersion) -> tuple[str, ...]:
        events = tuple(text.replace(",", " ").split())
        if not events or not set(events) <= set(known):
            raise BadValueError(f"takes {', '.join(known)}")
        return events

    return parse


@dataclass(frozen=True)
class Callee:
    """A noun that calls somebody."""

    to: str = ""
    """As `ringback.calls.dialing.Target` has it."""
    url: str = attribute(free_text, "")
    """Asked when the callee has answered: its document is heard before the two are connected."""
    method: Literal["GET", "POST"] = attribute(http_method, "POST", code=13221, since=V2010)
    status_callback: str = attribute(free_text, "", since=V2010)
    status_callback_method: Literal["GET", "POST"] = attribute(http_method, "POST", since=V2010)
    status_callback_event: tuple[str, ...] = attribute(event_list(*EVENTS), ("completed",), since=V2010)

    def target(self, session: Session) -> Target:
        """Whom to call, and what to ask and tell meanwhile."""
        return Target(
            self.to,
            screen=self._screen(session) if self.url else None,
            watch=self._watch(session) if self.status_callback else None,
        )

    def _screen(self, session: Session) -> Callable[[Call], Awaitable[bool]]:
        async def screen(call: Call) -> bool:
            return await self._asked(session, call, {})

        return screen

    async def _asked(self, session: Session, call: Call, told: dict[str, str]) -> bool:
        """Let the callee hear the document of `url`, which is `told` something besides; false where it declines."""
        if session.version is ApiVersion.V2008:
            told = {"DialStatus": "answered", **told}
        end = await session.conduct(call, session.fetch(self.url, self.method, told), SCREEN)
        # A callee whose document fails has not accepted either: nobody asked it.
        return end.reason != HANGUP_VERB and end.error_code is None

    def _watch(self, session: Session) -> Callable[[Call, Progress], None]:
        sequence = 0

        def watch(call: Call, progress: Progress) -> None:
            nonlocal sequence
            number, sequence = sequence, sequence + 1
            if progress not in self.status_callback_event:
                return
            told = {
                "ParentCallSid": session.call.info.sid,
                "CallbackSource": "call-progress-events",
                "SequenceNumber": str(number),
            }
            if progress in _STATUSES:
                told["CallStatus"] = _STATUSES[progress]
            session.tell(call, self.status_callback, self.status_callback_method, told, "status callback")

        return watch
