"""Tries a trunk from end to end, and says in words what is wrong: names, connections, credentials, codecs."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from ringback.calls.dialplan import user_part
from ringback.calls.trunks import TrunkConfig
from ringback.sip import events as sip
from ringback.sip import sdp
from ringback.sip.auth import Credentials
from ringback.sip.fields import host_text, parse_uri
from ringback.sip.locate import LocateError
from ringback.sip.sdes import ENTROPY_BYTES, SrtpPolicy
from ringback.sip.values import DialogId, Flow, RequestId

ANSWER_SECONDS: Final = 5.0
_SRTP: Final[dict[str, SrtpPolicy]] = {"off": "off", "offered": "optional", "required": "required"}
_UNKNOWN_MEDIA_PORT: Final = 9
"""The discard port: nobody is to send audio for a call that is only tried."""

Subject = Literal["dns", "connection", "answer", "credentials", "codecs", "call"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One step of the check."""

    subject: Subject
    ok: bool
    text: str


class Endpoint(Protocol):
    """Those of `ringback.sip.endpoint.Endpoint` that the check needs."""

    def request(
        self,
        method: str,
        target_uri: str,
        flow: Flow,
        *,
        from_uri: str,
        to_uri: str | None = None,
        credentials: Credentials | None = None,
        now: float,
    ) -> RequestId:
        """Send a request."""
        ...  # fmt: skip

    def invite(
        self,
        target_uri: str,
        flow: Flow,
        *,
        from_uri: str,
        sdp: bytes,
        now: float,
        credentials: Credentials | None = None,
    ) -> DialogId:
        """Call."""
        ...  # fmt: skip

    def bye(self, call: DialogId, now: float) -> None:
        """Hang up, or take the call back."""
        ...


class Network(Protocol):
    """The sockets of that endpoint."""

    async def locate(self, uri: str) -> list[Flow]:
        """Find where a URI is reached. Raises LocateError."""
        ...

    async def connect(self, flow: Flow) -> Flow:
        """Open the connection of a flow. Raises OSError."""
        ...


class TrunkCheck:
    """One check of one trunk. Feed it the events of its endpoint (`on_event`)."""

    def __init__(
        self, config: TrunkConfig, endpoint: Endpoint, network: Network, clock: Callable[[], float], entropy: bytes
    ) -> None:
        """`entropy` are `ringback.sip.sdes.ENTROPY_BYTES` that nobody can guess."""
        if len(entropy) < ENTROPY_BYTES:
            raise ValueError(f"{ENTROPY_BYTES} bytes of entropy are needed")
        self._config = config
        self._endpoint = endpoint
        self._network = network
        self._clock = clock
        self._entropy = entropy
        self._answers: dict[RequestId, asyncio.Future[sip.RequestAnswered]] = {}
        self._call: asyncio.Queue[sip.Event] = asyncio.Queue()

    def on_event(self, event: sip.Event) -> None:
        """Take an event of the endpoint."""
        if isinstance(event, sip.RequestAnswered):
            waiting = self._answers.get(event.request)
            if waiting is not None and not waiting.done():
                waiting.set_result(event)
        elif isinstance(event, sip.Ringing | sip.Answered | sip.Refused | sip.Ended):
            self._call.put_nowait(event)

    async def run(self, call: str = "") -> AsyncIterator[Finding]:
        """Try every gateway, log in, and call the number `call` for a moment if one is given."""
        config = self._config
        if not config.gateways:
            yield Finding("dns", True, "it has no gateways: calls only come in")
        way: Flow | None = None
        for gateway in config.gateways:
            flow: Flow | None = None
            async for finding, found in self._reach(gateway.uri):
                yield finding
                flow = found or flow
            way = way or flow
        if config.register:
            for uri in config.registrars or tuple(gateway.uri for gateway in config.gateways):
                yield await self._log_in(uri)
        if call and way is not None:
            yield await self._try_call(way, call)

    async def _reach(self, uri: str) -> AsyncIterator[tuple[Finding, Flow | None]]:
        try:
            flows = await self._network.locate(uri)
        except LocateError as error:
            yield Finding("dns", False, f"{uri}: {error}"), None
            return
        places = ", ".join(f"{flow.transport} {host_text(flow.remote[0])}:{flow.remote[1]}" for flow in flows)
        yield Finding("dns", True, f"{uri} is at {places}"), None
        for flow in flows:
            if flow.reliable:
                try:
                    flow = await self._network.connect(flow)
                except OSError as error:
                    yield Finding("connection", False, _why_not_connected(flow, error)), None
                    continue
                yield Finding("connection", True, f"{flow.transport} to {_place(flow)} stands"), None
            finding, answered = await self._ask(uri, flow)
            yield finding, flow if answered else None
            if answered:
                return

    async def _ask(self, uri: str, flow: Flow) -> tuple[Finding, bool]:
        config = self._config
        user = f"{user_part(config.username)}@" if config.username else ""
        answer = await self._answer(
            self._endpoint.request(
                "OPTIONS", uri, flow, from_uri=f"sip:{user}{host_text(config.host)}", now=self._clock()
            )
        )
        if answer is None:
            text = f"{_place(flow)} does not answer over {flow.transport}"
            return Finding("answer", False, f"{text}: a firewall, a wrong port, or it does not know us"), False
        told = f"{_place(flow)} answers with {answer.code} {answer.reason}".rstrip()
        if answer.code == 503:
            return Finding("answer", False, f"{told}: it takes no calls now"), True
        lacking = self._lacking(answer)
        if lacking:
            return Finding("codecs", False, lacking), True
        return Finding("answer", True, told), True

    def _lacking(self, answer: sip.RequestAnswered) -> str:
        """Say what is wrong with the audio that the answer to an OPTIONS describes; empty where nothing is."""
        try:
            offered = {
                name
                for media in sdp.parse(answer.body).media
                for name in self._config.codecs
                if name.lower().encode() in answer.body.lower() or _static(name) in media.formats
            }
        except sdp.SdpError:
            return ""  # most say nothing of it
        if offered:
            return ""
        return f"it speaks none of {', '.join(self._config.codecs)}: set codecs to what both sides have"

    async def _log_in(self, uri: str) -> Finding:
        config = self._config
        try:
            flows = await self._network.locate(uri)
        except LocateError as error:
            return Finding("dns", False, f"registrar {uri}: {error}")
        registrar = parse_uri(uri)
        address = f"sip:{user_part(config.username)}@{host_text(config.host)}"
        port = f":{registrar.port}" if registrar.port and not config.domain else ""
        target = f"{registrar.scheme}:{host_text(config.domain or registrar.host)}{port}"
        # Without a Contact it only asks where we are registered: what stands is not touched (§10.2.3).
        answer = await self._answer(
            self._endpoint.request(
                "REGISTER", target, flows[0], from_uri=address, to_uri=address,
                credentials=Credentials(config.username, config.password), now=self._clock(),
            )
        )  # fmt: skip
        if answer is None:
            return Finding("credentials", False, f"registrar {uri} does not answer a REGISTER")
        return Finding("credentials", answer.code == 200, _of_login(config.username, uri, answer))

    async def _try_call(self, flow: Flow, number: str) -> Finding:
        config = self._config
        gateway = parse_uri(config.gateways[0].uri)
        port = f":{gateway.port}" if gateway.port else ""
        offer = sdp.offer(
            flow.local[0], _UNKNOWN_MEDIA_PORT, codecs=config.codecs, direction="inactive", srtp=_SRTP[config.srtp],
            entropy=self._entropy,
        )  # fmt: skip
        caller = user_part(config.caller_number or config.username or "anonymous")
        name = self._endpoint.invite(
            f"{gateway.scheme}:{user_part(config.dialled(number))}@{host_text(gateway.host)}{port}",
            flow,
            from_uri=f"sip:{caller}@{host_text(config.host)}",
            sdp=offer,
            credentials=Credentials(config.username, config.password) if config.username else None,
            now=self._clock(),
        )
        try:
            async with asyncio.timeout(4 * ANSWER_SECONDS):
                event = await self._call.get()
        except TimeoutError:
            self._endpoint.bye(name, self._clock())
            return Finding("call", False, f"nothing is heard of a call to {number}")
        self._endpoint.bye(name, self._clock())
        if isinstance(event, sip.Ringing | sip.Answered):
            code = event.code if isinstance(event, sip.Ringing) else 200
            return Finding("call", True, f"a call to {number} gets through ({code}); it was hung up")
        assert isinstance(event, sip.Refused | sip.Ended)
        return _of_refusal(config, number, event.code, event.reason)

    async def _answer(self, request: RequestId) -> sip.RequestAnswered | None:
        waiting = self._answers[request] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await waiting
        except TimeoutError:
            return None
        finally:
            del self._answers[request]
        return answer if answer.answered else None


def _place(flow: Flow) -> str:
    return f"{host_text(flow.remote[0])}:{flow.remote[1]}"


def _static(codec: str) -> str:
    return str(sdp.PAYLOAD_TYPES[codec])


def _why_not_connected(flow: Flow, error: OSError) -> str:
    where = f"{flow.transport} to {_place(flow)}"
    if isinstance(error, ssl.SSLCertVerificationError):
        why = getattr(error, "verify_message", "") or error
        return f"{where}: its certificate is not believed: {why}; sip.tls_ca names other authorities"
    if isinstance(error, ssl.SSLError):
        return f"{where}: TLS fails ({getattr(error, 'reason', '') or error}): is it a port for TLS?"
    if isinstance(error, TimeoutError) and flow.transport in ("TLS", "WSS"):
        return f"{where}: nobody answers TLS there: a firewall, or a port that is not for TLS"
    if isinstance(error, TimeoutError):
        return f"{where}: nobody answers: a firewall, or a wrong address"
    if isinstance(error, ConnectionRefusedError):
        return f"{where}: nobody listens there: a wrong port or transport"
    return f"{where}: {error.strerror or error}"


def _of_login(username: str, uri: str, answer: sip.RequestAnswered) -> str:
    told = f"{uri} answers {answer.code} {answer.reason}".rstrip()
    if answer.code == 200:
        return f"{username!r} is logged in at {uri}"
    if answer.code in (401, 407, 403):
        return f"{told}: the name {username!r} or the password is refused"
    if answer.code == 404:
        return f"{told}: it has no user {username!r}; is the domain right?"
    return told


def _of_refusal(config: TrunkConfig, number: str, code: int, reason: str) -> Finding:
    told = f"a call to {number} is refused with {code} {reason}".rstrip()
    if code in (401, 407, 403):
        advice = "the name or the password is refused" if config.username else "it wants a name and a password, or"
        return Finding("credentials", False, f"{told}: {advice}, or this caller id may not be shown")
    if code in (415, 488, 606):
        return Finding(
            "codecs", False, f"{told}: codecs ({', '.join(config.codecs)}) or srtp ({config.srtp}) do not suit it"
        )
    if code in (404, 484, 604):
        wrote = config.dialled(number)
        return Finding("call", False, f"{told}: it was dialled as {wrote}; is number_format right?")
    return Finding("call", code in (480, 486, 487, 600, 603), f"{told}")
