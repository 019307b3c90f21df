"""Texts of SIP phones (RFC 3428): MESSAGE requests between the endpoint and the carrier of registered phones."""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from typing import Final

from ringback.app.telephony.domains import IDENTITY
from ringback.messaging.carriers.sip import SipCarrier
from ringback.sip.endpoint import Endpoint
from ringback.sip.events import Event, IncomingRequest, RequestAnswered
from ringback.sip.fields import host_text, parse_uri
from ringback.sip.registrar import Binding
from ringback.sip.values import RequestId
from ringback.tasks import TaskOwner

logger = logging.getLogger(__name__)

_TEXT: Final = "text/plain"
_CHARSET = re.compile(r"""charset\s*=\s*"?([\w.:-]{1,40})""", re.IGNORECASE)


class SipTexts:
    """`SipMessages` on the endpoint of the server."""

    def __init__(
        self,
        bindings: Callable[[str, float], Sequence[Binding]],
        account_of: Callable[[str], str | None],
        *,
        clock: Callable[[], float],
    ) -> None:
        """`bindings` are the phones of a user at a moment, `account_of` whose phone a user's is."""
        self._bindings = bindings
        self._account_of = account_of
        self._clock = clock
        self._endpoint: Endpoint | None = None
        self._domain = ""
        self._tasks = TaskOwner()
        self._waiting: dict[RequestId, asyncio.Future[int]] = {}
        self.carrier: SipCarrier | None = None
        """Where texts of phones go."""

    def start(self, endpoint: Endpoint, host: str) -> None:
        """Begin, once the endpoint listens at a host."""
        self._endpoint = endpoint
        self._domain = host_text(host)

    async def close(self) -> None:
        """End: what waits for an answer gets none."""
        await self._tasks.close()

    def reaches(self, to: str) -> bool:
        """Whether a phone is registered for a number or user."""
        return self._endpoint is not None and bool(self._bindings(to, self._clock()))

    async def send(self, to: str, from_: str, body: str) -> int:
        """Send a MESSAGE to each phone of a user, and return the best of the answers; 408 for none."""
        assert self._endpoint is not None
        waiting = []
        for binding in self._bindings(to, self._clock()):
            answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            try:
                name = self._endpoint.request(
                    "MESSAGE",
                    binding.contact,
                    binding.flow,
                    from_uri=f"sip:{_user(from_)}@{self._domain}",
                    to_uri=f"sip:{_user(to)}@{self._domain}",
                    content_type=f"{_TEXT};charset=UTF-8",
                    body=body.encode("utf-8", "replace"),
                    route=binding.path,
                    now=self._clock(),
                )
            except ValueError as error:
                logger.warning("A text to %s cannot be sent: %s", to, error)
                continue
            self._waiting[name] = answer
            waiting.append(answer)
        # Success counts before any failure, and an answer before none.
        codes = await asyncio.gather(*waiting)
        return min(codes, key=lambda code: (not 200 <= code < 300, code == 408, code), default=480)

    def on_event(self, event: Event) -> bool:
        """Take an event of the endpoint, and tell whether it was one for texts."""
        if isinstance(event, RequestAnswered):
            answer = self._waiting.pop(event.request, None)
            if answer is not None and not answer.done():
                answer.set_result(event.code)
            return answer is not None
        if isinstance(event, IncomingRequest) and event.method == "MESSAGE":
            self._tasks.start(self._arrived(event), "a text of a phone")
            return True
        return False

    async def _arrived(self, event: IncomingRequest) -> None:
        assert self._endpoint is not None
        kind = (event.header("content-type") or _TEXT).lower()
        if self.carrier is None:
            code = 503
        elif kind.partition(";")[0].strip() != _TEXT:
            code = 415
        else:
            identity = event.identity or ""
            user = identity.removeprefix(IDENTITY) if identity.startswith(IDENTITY) else ""
            text = _decoded(event.body, kind)
            account = self._account_of(user) or ""
            code = await self.carrier.arrived(user or _user_of(event.from_), _user_of(event.request_uri), text, account)
        self._endpoint.respond(event.request, code, self._clock())


def _decoded(body: bytes, kind: str) -> str:
    match = _CHARSET.search(kind)
    try:
        return body.decode(match[1] if match else "utf-8", "replace")
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace")


def _user_of(uri: str) -> str:
    try:
        return parse_uri(uri).user or ""
    except ValueError:
        return ""


def _user(number: str) -> str:
    """What of a number or name may stand in the user part of a SIP URI (RFC 3261 section 25.1)."""
    return "".join(char for char in number if char.isascii() and (char.isalnum() or char in "-_.!~*'()&=+$,;?/")) or "-"
