"""Session timers (RFC 4028): a call whose other side has vanished ends by itself.

One side, the refresher, makes a re-INVITE or UPDATE in each interval; when none comes the other one hangs up.
"""

import re
from typing import TYPE_CHECKING

from ringback.sip.message import Request, Response
from ringback.sip.policy import SHORTEST_SESSION
from ringback.sip.timers import Timer
from ringback.sip.transaction_client import Outcome, code_and_reason
from ringback.sip.wire import Fields

if TYPE_CHECKING:
    from ringback.sip.call import Call

_INTERVAL = re.compile(r"\s*([0-9]{1,9})\s*(?:;(.*))?", re.DOTALL)
_REFRESHER = re.compile(r"(?:^|;)\s*refresher\s*=\s*\"?(uac|uas)\b", re.IGNORECASE)
_RETRY_AFTER = 5.0
"""Seconds after which a refresh that was refused is tried again."""


def _read(value: str | None) -> tuple[int, str]:
    """Return the seconds and the refresher (`uac`, `uas` or empty) of a Session-Expires; (0, "") for what is none."""
    match = _INTERVAL.fullmatch(value or "")
    if match is None:
        return 0, ""
    refresher = _REFRESHER.search(match[2] or "")
    return int(match[1]), refresher[1].lower() if refresher else ""


class SessionTimer:
    """The session timer of one call."""

    __slots__ = ("_call", "_expires", "_interval", "_min_se", "_ours", "_timers")

    def __init__(self, call: "Call") -> None:
        policy = call.stack.policy
        self._call = call
        self._min_se = policy.min_se
        """The shortest interval that anybody on the way takes."""
        self._interval = 0
        """Seconds that were agreed on; 0 while there is no timer."""
        self._ours = True
        """Whether we refresh."""
        self._expires = 0.0
        """When the session is over unless it is refreshed."""
        self._timers: list[Timer] = []

    @property
    def interval(self) -> int:
        """Seconds within which the session must be refreshed; 0 where it need not."""
        return self._interval

    @property
    def refresher(self) -> bool:
        """True when it is we who refresh."""
        return self._ours

    # -- requests of ours -----------------------------------------------------------------------------------------

    def request_fields(self) -> Fields:
        """Return what an INVITE or UPDATE of ours says (§7.1, §7.4): roles stay with whom they are."""
        policy = self._call.stack.policy
        if not policy.session_expires:
            return ()
        seconds = max(self._interval or policy.session_expires, self._min_se)
        role = "" if not self._interval else ";refresher=uac" if self._ours else ";refresher=uas"
        fields = [("Session-Expires", f"{seconds}{role}")]
        return fields if self._min_se == SHORTEST_SESSION else [*fields, ("Min-SE", str(self._min_se))]

    def lengthen(self, response: Response) -> bool:
        """Take the Min-SE of a 422 (§7.3); False when there is none that is longer than what we asked for."""
        seconds, _ = _read(response.get("min-se"))
        if seconds <= max(self._interval or self._call.stack.policy.session_expires, self._min_se):
            return False
        self._min_se = seconds
        return True

    def take(self, response: Response, now: float) -> None:
        """Take the 2xx to an INVITE or UPDATE of ours (§7.2): without a Session-Expires nothing expires."""
        if not self._call.stack.policy.session_expires:
            return
        seconds, refresher = _read(response.get("session-expires"))
        self._run(seconds, refresher != "uas", now)

    # -- requests of the other side -------------------------------------------------------------------------------

    def too_short(self, request: Request) -> Fields:
        """Return the header of a 422 where the interval asked for is too short (§9); else nothing."""
        policy = self._call.stack.policy
        return interval_too_short(request, policy.min_se) if policy.session_expires else ()

    def answer(self, request: Request, now: float) -> Fields:
        """Return what our 2xx to an INVITE or UPDATE says (§9), and start over."""
        policy = self._call.stack.policy
        if not policy.session_expires:
            return ()
        asked, refresher = _read(request.get("session-expires"))
        least, _ = _read(request.get("min-se"))
        able = "timer" in request.tags("supported")
        seconds = min(asked, max(policy.session_expires, least)) if asked else max(policy.session_expires, least)
        self._min_se = max(self._min_se, least)
        # Left the choice, we refresh: so we learn of a peer that has vanished, whatever it can do.
        ours = not (able and refresher == "uac")
        self._run(seconds, ours, now)
        fields = [("Session-Expires", f"{seconds};refresher={'uas' if ours else 'uac'}")]
        return fields if ours else [("Require", "timer"), *fields]

    # -- the clock ------------------------------------------------------------------------------------------------

    def _run(self, seconds: int, ours: bool, now: float) -> None:
        self.stop()
        self._interval, self._ours = seconds, ours
        if not seconds:
            return
        seconds = max(seconds, SHORTEST_SESSION)  # whoever wants to be refreshed each second is not obeyed
        # §10: half of the interval leaves time for a second try; who waits hangs up a little before the end.
        self._expires = now + (seconds if ours else seconds - min(32.0, seconds / 3))
        self._start(*((now + seconds / 2, "refresh") if ours else (self._expires, "expired")))

    def _start(self, deadline: float, letter: str) -> None:
        self._timers.append(self._call.stack.timers.start(deadline, letter, self))

    def stop(self) -> None:
        """The call is over, or the interval begins anew."""
        for timer in self._timers:
            self._call.stack.timers.stop(timer)
        self._timers.clear()

    def on_timer(self, letter: str, now: float) -> None:
        """Refresh the session, or end the call."""
        if letter == "expired":
            self._call.expire(now)
        elif self._call.established:
            self.stop()
            self._start(self._expires, "expired")
            self._refresh(now)

    def refresh_failed(self, now: float, *, alive: bool = True) -> None:
        """The refresh was refused: try again. An answer, whichever it is, tells that the other side lives."""
        if not self._interval or not self._call.established:
            return
        if alive:
            self._expires = now + max(self._interval, SHORTEST_SESSION)
        self._start(now + _RETRY_AFTER, "refresh")

    def _refresh(self, now: float) -> None:
        """Refresh by UPDATE without an offer, or by a re-INVITE that offers what holds already."""
        call = self._call
        if "update" in call.peer_allows:
            call.request("UPDATE", now, self._told, [*call.session_headers(), *self.request_fields()])
        elif call.local_sdp is None or not call.reinvites.offer(call.local_sdp, now, quiet=True):
            self.refresh_failed(now, alive=False)

    def _told(self, outcome: Outcome, now: float) -> None:
        call = self._call
        code, _ = code_and_reason(outcome)
        if code < 200 or call.ended_by(outcome, now) or not call.established:
            return
        if isinstance(outcome, Response) and code < 300:
            if call.dialog is not None:
                call.dialog.refresh_target(outcome)
            self.take(outcome, now)
        elif isinstance(outcome, Response) and code == 422 and self.lengthen(outcome):
            self._refresh(now)
        else:
            self.refresh_failed(now, alive=isinstance(outcome, Response))


def interval_too_short(request: Request, min_se: int) -> Fields:
    """Return the Min-SE of a 422 to a request that asks for less, and whose sender knows what that means (§9)."""
    seconds, _ = _read(request.get("session-expires"))
    if 0 < seconds < min_se and "timer" in request.tags("supported"):
        return [("Min-SE", str(min_se))]
    return ()
