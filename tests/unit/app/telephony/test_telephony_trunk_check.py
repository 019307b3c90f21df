"""A trunk is tried, and what is wrong is said in words."""

import asyncio
import ssl
from typing import Any

import pytest

from ringback.app.telephony import trunk_check
from ringback.app.telephony.trunk_check import Finding, TrunkCheck
from ringback.calls.trunks import Gateway, TrunkConfig
from ringback.sip import events as sip
from ringback.sip.locate import LocateError
from ringback.sip.sdes import ENTROPY_BYTES
from ringback.sip.values import DialogId, Flow, RequestId

UDP = Flow("UDP", ("192.0.2.1", 5060), ("203.0.113.5", 5060))
TLS = Flow("TLS", ("192.0.2.1", 5061), ("203.0.113.6", 5061), 0, "gw.example")
URI = "sip:gw.example"
SDP = b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 h\r\nt=0 0\r\nm=audio 9 RTP/AVP %s\r\n"


class Peer:
    """The other side: answers each request as a test has it; None is silence."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.flows: list[Flow] | Exception = [UDP]
        self.connects: Exception | None = None
        self.check: TrunkCheck | None = None
        self.invited: dict[str, Any] = {}
        self.hung_up = 0

    async def locate(self, uri: str) -> list[Flow]:
        if isinstance(self.flows, Exception):
            raise self.flows
        return self.flows

    async def connect(self, flow: Flow) -> Flow:
        if self.connects is not None and flow is TLS:
            raise self.connects
        return flow

    def request(self, method: str, target_uri: str, flow: Flow, **options: Any) -> RequestId:
        name = RequestId(len(method))
        answer = self.answers.get(method.lower(), 200)
        if answer is not None:
            code, body = answer if isinstance(answer, tuple) else (answer, b"")
            event = sip.RequestAnswered(name, code, "Reason", (), body, answered=code != 0)
            asyncio.get_running_loop().call_soon(self._tell, event)
        return name

    def invite(self, target_uri: str, flow: Flow, **options: Any) -> DialogId:
        self.invited = {"uri": target_uri, **options}
        call = DialogId(1)
        answer = self.answers.get("invite", 180)
        if answer is not None:
            event: sip.Event = sip.Ringing(call, answer, None) if answer < 200 else sip.Refused(call, answer, "Reason")
            asyncio.get_running_loop().call_soon(self._tell, sip.Answered(call, None) if answer == 200 else event)
        return call

    def bye(self, call: DialogId, now: float) -> None:
        self.hung_up += 1

    def _tell(self, event: sip.Event) -> None:
        assert self.check is not None
        self.check.on_event(event)


async def run(peer: Peer, call: str = "", **options: Any) -> list[Finding]:
    config = TrunkConfig(**{"name": "carrier", "gateways": (Gateway(URI),), **options})
    peer.check = TrunkCheck(config, peer, peer, lambda: 0.0, bytes(range(ENTROPY_BYTES)))
    return [finding async for finding in peer.check.run(call)]


async def last(peer: Peer, call: str = "", **options: Any) -> Finding:
    return (await run(peer, call, **options))[-1]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trunk_check, "ANSWER_SECONDS", 0.01)


async def test_a_trunk_with_which_all_is_well() -> None:
    peer = Peer(options=(200, SDP % b"8"))
    findings = await run(peer, "+14155550123", username="us", password="x", register=True, number_format="plain")
    assert [(finding.subject, finding.ok) for finding in findings] == [
        ("dns", True), ("answer", True), ("credentials", True), ("call", True),
    ]  # fmt: skip
    assert findings[0].text == f"{URI} is at UDP 203.0.113.5:5060"
    assert findings[1].text == "203.0.113.5:5060 answers with 200 Reason"
    assert findings[2].text == f"'us' is logged in at {URI}"
    assert peer.invited["uri"] == "sip:14155550123@gw.example"
    assert peer.invited["from_uri"] == "sip:us@gw.example"
    assert b"m=audio 9 " in peer.invited["sdp"]
    assert b"a=inactive" in peer.invited["sdp"]
    assert peer.hung_up == 1


async def test_names_that_lead_nowhere() -> None:
    peer = Peer()
    peer.flows = LocateError("there is no host gw.example")
    assert await run(peer, register=True, username="us") == [
        Finding("dns", False, f"{URI}: there is no host gw.example"),
        Finding("dns", False, f"registrar {URI}: there is no host gw.example"),
    ]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ssl.SSLCertVerificationError("x"), "its certificate is not believed"),
        (ssl.SSLError("wrong version"), "is it a port for TLS?"),
        (TimeoutError(), "a port that is not for TLS"),
        (ConnectionRefusedError(), "nobody listens there"),
        (OSError(113, "No route to host"), "No route to host"),
    ],
)
async def test_connections_that_fail(error: OSError, words: str) -> None:
    peer = Peer()
    peer.flows, peer.connects = [TLS], error
    finding = await last(peer)
    assert (finding.subject, finding.ok) == ("connection", False)
    assert finding.text.startswith("TLS to 203.0.113.6:5061: ")
    assert words in finding.text


async def test_a_tcp_port_that_nobody_answers() -> None:
    error = trunk_check._why_not_connected(Flow("TCP", ("", 0), ("::1", 5060)), TimeoutError())
    assert error == "TCP to [::1]:5060: nobody answers: a firewall, or a wrong address"


async def test_the_next_address_where_one_fails() -> None:
    peer = Peer()
    peer.flows, peer.connects = [TLS, UDP], ConnectionRefusedError()
    assert [(f.subject, f.ok) for f in await run(peer)] == [("dns", True), ("connection", False), ("answer", True)]
    peer.connects = None
    assert [(f.subject, f.ok) for f in await run(peer)] == [("dns", True), ("connection", True), ("answer", True)]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("answer", [None, 0])
async def test_silence(answer: int | None) -> None:
    finding = await last(Peer(options=answer))
    assert finding.text == (
        "203.0.113.5:5060 does not answer over UDP: a firewall, a wrong port, or it does not know us"
    )
    assert await last(Peer(options=answer), "+1") == finding


async def test_it_lives_but_takes_no_calls() -> None:
    finding = await last(Peer(options=503))
    assert (finding.ok, "takes no calls now" in finding.text) == (False, True)
    assert (await last(Peer(options=405))).ok


async def test_codecs_that_it_lacks() -> None:
    finding = await last(Peer(options=(200, SDP % b"18")))
    assert finding == Finding("codecs", False, "it speaks none of PCMU, PCMA: set codecs to what both sides have")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (401, "the name 'us' or the password is refused"),
        (403, "the name 'us' or the password is refused"),
        (404, "it has no user 'us'"),
        (500, "answers 500 Reason"),
    ],
)
async def test_logging_in(code: int, words: str) -> None:
    finding = await last(Peer(register=code), username="us", register=True, registrars=("sip:reg.example:5070",))
    assert (finding.subject, finding.ok) == ("credentials", False)
    assert words in finding.text


@pytest.mark.parametrize(
    ("code", "username", "subject", "ok", "words"),
    [
        (200, "", "call", True, "gets through (200)"),
        (407, "us", "credentials", False, "the name or the password is refused"),
        (403, "", "credentials", False, "it wants a name and a password"),
        (488, "", "codecs", False, "codecs (PCMU, PCMA) or srtp (off) do not suit it"),
        (404, "", "call", False, "it was dialled as +1415"),
        (486, "", "call", True, "refused with 486"),
        (500, "", "call", False, "refused with 500"),
    ],
)
async def test_calling(code: int, username: str, subject: str, ok: bool, words: str) -> None:
    finding = await last(Peer(invite=code), "+1415", username=username)
    assert (finding.subject, finding.ok) == (subject, ok)
    assert words in finding.text


@pytest.mark.usefixtures("impatient")
async def test_registrars_and_calls_that_nothing_is_heard_of() -> None:
    peer = Peer(register=None, invite=None)
    check = TrunkCheck(TrunkConfig("t", (Gateway(URI),), "us"), peer, peer, lambda: 0.0, bytes(ENTROPY_BYTES))
    assert "does not answer a REGISTER" in (await check._log_in(URI)).text
    assert (await check._try_call(UDP, "+1")).text == "nothing is heard of a call to +1"
    assert peer.hung_up == 1


async def test_a_trunk_without_gateways() -> None:
    assert await run(Peer(), "+1", gateways=()) == [Finding("dns", True, "it has no gateways: calls only come in")]


def test_entropy_is_needed() -> None:
    with pytest.raises(ValueError, match="bytes of entropy are needed"):
        TrunkCheck(TrunkConfig("a", ()), Peer(), Peer(), lambda: 0.0, b"")
