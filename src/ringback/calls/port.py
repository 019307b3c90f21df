"""The Call port: what a document, or any other client of the switch, can do to one call."""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from ringback.calls.attendance import Attendance, Attended
from ringback.calls.dialing import Dialed, Dialing
from ringback.calls.queueing import Queued, Queueing
from ringback.calls.recording import Recording, RecordOptions
from ringback.model.audio import Clip
from ringback.model.outgoing import MachineDetection
from ringback.model.status import ApiVersion, CallStatus, Direction


@dataclass(frozen=True, slots=True)
class CallInfo:
    """Who calls whom. Numbers are in their stored form (E.164 where they are telephone numbers)."""

    sid: str
    account_sid: str
    from_: str
    to: str
    direction: Direction
    api_version: ApiVersion
    caller_name: str = ""
    forwarded_from: str = ""
    parent_sid: str = ""
    """The call whose Dial made this one."""
    sip_headers: tuple[tuple[str, str], ...] = ()
    """The caller's own headers, `x-…` in lower case."""


class Call(Protocol):
    """One call, seen from above. When the call ends, the task that drives it is cancelled: there is no other signal,
    and no method needs to be told.
    """

    @property
    def info(self) -> CallInfo:
        """Who calls whom."""
        ...

    @property
    def status(self) -> CallStatus:
        """What the call is doing now."""
        ...

    async def answer(self) -> None:
        """Pick up. Does nothing when it has been picked up already."""
        ...

    async def reject(self, sip_code: int) -> None:
        """Refuse a call that has not been answered, with a SIP status code of 4xx to 6xx. Ends the call."""
        ...

    async def hangup(self, reason: str = "hangup") -> None:
        """End the call; `reason` goes to its record. Does nothing when it has ended already."""
        ...

    async def play(self, clip: Clip, loop: int = 1) -> None:
        """Play a clip `loop` times (0: until cancelled) and return when its last sample has been sent.

        Cancelling it stops the audio with the next 20 ms frame. Answers the call first when it is not answered.
        """
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait while the caller hears silence."""
        ...

    async def next_key(self, timeout: float | None = None) -> str | None:
        """Take the next key (`0`-`9`, `*`, `#`, `A`-`D`), pressed already or to come; None after `timeout` seconds."""
        ...

    def clear_keys(self) -> None:
        """Forget the keys that were pressed and not taken."""
        ...

    async def send_keys(self, keys: str) -> None:
        """Press keys towards the caller: `0-9 A-D # *`, `w` waits half a second, `W` a second."""
        ...

    async def echo(self) -> None:
        """Send the caller what comes from the caller, until cancelled; answers the call first. Returns where there is
        no audio.
        """
        ...

    async def record(self, options: RecordOptions) -> Recording:
        """Begin to record; answers the call first. Raises `ringback.calls.errors.CallError` where that cannot be."""
        ...

    async def dial(self, dialing: Dialing) -> Dialed:
        """Connect the call to somebody, and return when that is over. Cancelling it ends the callee's call.

        The caller's keys are not taken, except `*` where `hangup_on_star` says so.
        """
        ...

    async def attend(self, attendance: Attendance) -> Attended:
        """Take part in a conference, and return when that is over. Cancelling it leaves the room."""
        ...

    async def enqueue(self, queueing: Queueing) -> Queued:
        """Wait in a queue, and return when that is over: after the talk with whoever came for the call."""
        ...

    async def detect_machine(self, detection: MachineDetection) -> str:
        """Listen to whoever answered, and return who that is in the words of AnsweredBy (2010-04-01 clause 5.4).

        The verdict goes into the record of the call. `unknown` where nothing can be heard.
        """
        ...

    def detach(self, work: Coroutine[Any, Any, None], what: str) -> None:
        """Do something that the end of the call does not stop, such as a last request; `what` names it in the log."""
        ...

    def note(self, kind: str, /, **data: Any) -> None:
        """Put an event into the call's timeline (`ringback.model.events`). Never blocks, never raises."""
        ...

    def now(self) -> float:
        """Seconds of a clock that only goes forward."""
        ...
