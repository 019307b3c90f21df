"""The SIP core and its sockets, as legs use them: each action takes the time and sends what came of it."""

from collections.abc import Callable, Sequence
from typing import Any

from ringback.calls.outgoing import Hop
from ringback.sip.endpoint import Endpoint
from ringback.sip.events import DialogId


class SipSignalling:
    """`ringback.calls.leg.Signalling` on a real endpoint."""

    def __init__(self, endpoint: Endpoint, clock: Callable[[], float], drain: Callable[[], None]) -> None:
        """`drain` sends what the endpoint has to send and delivers its events (`SipTransport.drain`)."""
        self._endpoint = endpoint
        self._clock = clock
        self._drain = drain

    def ring(self, call: DialogId) -> None:
        """Say that the phone rings."""
        self._endpoint.ring(call, self._clock())
        self._drain()

    def answer(self, call: DialogId, description: bytes) -> None:
        """Pick up."""
        self._endpoint.answer(call, description, self._clock())
        self._drain()

    def reject(self, call: DialogId, code: int, reason: str = "", headers: Sequence[tuple[str, str]] = ()) -> None:
        """Refuse."""
        self._endpoint.reject(call, code, self._clock(), reason or None, headers)
        self._drain()

    def bye(self, call: DialogId) -> None:
        """Hang up."""
        self._endpoint.bye(call, self._clock())
        self._drain()

    def check(self, call: DialogId) -> None:
        """Ask for a sign of life."""
        self._endpoint.check(call, self._clock())
        self._drain()

    def answer_reinvite(self, call: DialogId, description: bytes) -> None:
        """Accept a new session description."""
        self._endpoint.answer_reinvite(call, description, self._clock())
        self._drain()

    def reject_reinvite(self, call: DialogId, code: int) -> None:
        """Keep the old one."""
        self._endpoint.reject_reinvite(call, code, self._clock())
        self._drain()

    def invite(self, hop: Hop, description: bytes, headers: Sequence[tuple[str, str]]) -> DialogId:
        """Call somebody."""
        call = self._endpoint.invite(
            hop.uri,
            hop.flow,
            from_uri=hop.from_uri,
            from_name=hop.from_name,
            to_uri=hop.to_uri,
            sdp=description,
            now=self._clock(),
            headers=(*hop.headers, *headers),
            **_optional(hop),
        )
        self._drain()
        return call

    def cancel(self, call: DialogId) -> None:
        """Take a call back."""
        self._endpoint.bye(call, self._clock())
        self._drain()

    def reinvite(self, call: DialogId, description: bytes) -> None:
        """Offer another session: hold, or its end."""
        self._endpoint.reinvite(call, description, self._clock())
        self._drain()

    def info(self, call: DialogId, content_type: str, body: bytes) -> None:
        """Send an INFO."""
        self._endpoint.info(call, content_type, body, self._clock())
        self._drain()

    def refer(self, call: DialogId, refer_to: str, replaces: DialogId | None = None) -> None:
        """Ask the other side to call somebody in our place, or to take the place of another call of ours."""
        self._endpoint.refer(call, refer_to, self._clock(), replaces=replaces)
        self._drain()

    def accept_transfer(self, call: DialogId) -> None:
        """Agree to call somebody in the place of the other side."""
        self._endpoint.accept_transfer(call, self._clock())
        self._drain()

    def reject_transfer(self, call: DialogId, code: int) -> None:
        """Refuse to."""
        self._endpoint.reject_transfer(call, code, self._clock())
        self._drain()

    def notify_transfer(self, call: DialogId, code: int, reason: str | None = None) -> None:
        """Tell how that call goes; a code of 200 or more is the last."""
        self._endpoint.notify_transfer(call, code, reason, self._clock())
        self._drain()


def _optional(hop: Hop) -> dict[str, Any]:
    given: dict[str, Any] = {"credentials": hop.credentials, "route": hop.route}
    return {name: value for name, value in given.items() if value}
