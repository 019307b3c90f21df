"""Calls over each transport, from programs that others wrote: baresip, sipp, kamailio, and a WebSocket client."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from ringback.model.status import CallStatus
from ringback.sip.net.tls import TlsSettings, client_context, fingerprint
from tests.interop.peers import sipp as scenarios
from tests.interop.peers import tones
from tests.interop.peers.kamailio import Kamailio, modules
from tests.interop.peers.process import Process
from tests.interop.peers.ringback import Ringback

pytestmark = pytest.mark.needs("baresip", "sipp", "sox")
NUMBER = "+14155550100"
SETTINGS = {"sip.tls_port": "0", "sip.ws_port": "0", "sip.wss_port": "0", "sip.also_listen": "::1"}


class Served:
    """A server on all transports, whose number plays a tone and hangs up."""

    def __init__(self, server: Ringback) -> None:
        self.server = server
        said = re.findall(r"^ +(\S+):(\d+) \((\w+)\)$", server.process.log(), re.MULTILINE)
        self.ports = {(host, transport): int(port) for host, port, transport in said}
        (certificate,) = re.findall(r"^ +certificate (\S+)$", server.process.log(), re.MULTILINE)
        self.certificate = Path(certificate)

    def port(self, transport: str, host: str = "127.0.0.1") -> int:
        return self.ports[host, transport]


@pytest.fixture
async def served(tmp_path: Path, started: list[Process], application) -> AsyncIterator[Served]:
    server = await Ringback.start(tmp_path / "ringback", SETTINGS)
    started.append(server.process)
    await server.add_number(NUMBER, application.url())
    tone = tones.write_wav(tmp_path / "tone.wav", tones.sine(500, 1.5))
    application.files["/tone.wav"] = tone.read_bytes()
    application.pages["/"] = "<Play>/tone.wav</Play>"
    yield Served(server)
    await server.stop()


async def completed(server: Ringback) -> None:
    """The one call of the test was played to its end."""
    (call,) = await server.ended()
    assert (call.status, call.end_reason) == (CallStatus.COMPLETED, "document-end")


async def test_the_certificate_that_was_made_is_the_one_that_is_told_and_shown(served: Served):
    said = re.findall(r"SHA-256 fingerprint (\S+)", served.server.process.log())
    assert said == [fingerprint(served.certificate)]
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{served.port('TLS')}", "-CAfile", str(served.certificate)]
    command += ["-verify_return_error", "-verify_ip", "127.0.0.1"]
    shown = await asyncio.to_thread(subprocess.run, command, input=b"", capture_output=True, timeout=20, check=True)
    assert b"Verify return code: 0 (ok)" in shown.stdout


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_a_phone_calls_and_is_hung_up(served: Served, phone, transport: str):
    """The BYE comes over the connection that the phone has opened."""
    port = served.port("TLS") if transport == "tls" else served.server.port
    alice = await phone("alice", settings=f"sip_cafile {served.certificate}")
    await alice.dial(f"sip:{NUMBER}@127.0.0.1:{port};transport={transport}")
    await alice.hears(500)
    await alice.until("CALL_CLOSED")
    await completed(served.server)
    assert f"SIP/2.0/{transport.upper()}" in alice.process.log()


@pytest.mark.needs("kamailio")
@pytest.mark.parametrize(("there", "here"), [("udp", "udp"), ("tcp", "udp"), ("tls", "udp"), ("udp", "tcp")])
async def test_a_call_through_a_proxy(
    served: Served, phone, tmp_path: Path, started: list[Process], there: str, here: str
):
    """Between the phone (`here`) and us (`there`) is a proxy that stays in the call: Record-Route, two if need be."""
    if there == "tls" and not (modules() / "tls.so").exists():
        pytest.skip("kamailio has no TLS here: Debian's package kamailio-tls-modules")
    port = served.port("TLS") if there == "tls" else served.server.port
    tls = (served.certificate, served.certificate.with_name("key.pem")) if there == "tls" else None
    proxy = await Kamailio.start(tmp_path / "kamailio", f"sip:127.0.0.1:{port};transport={there}", tls)
    started.append(proxy.process)
    try:
        alice = await phone("alice")
        await alice.dial(f"sip:{NUMBER}@127.0.0.1:{proxy.port};transport={here}")
        await alice.hears(500)
        await alice.until("CALL_CLOSED")
        assert "Record-Route" in alice.process.log()
        await completed(served.server)
    finally:
        await proxy.stop()


@pytest.mark.parametrize("transport", ["u1", "t1"], ids=["UDP", "TCP"])
async def test_calls_over_ipv6(served: Served, application, sipp, transport: str):
    """Via, Contact and Record-Route have brackets; the audio stays where the server has it."""
    port = served.port("UDP" if transport == "u1" else "TCP", "[::1]")
    callers = await sipp(
        "callers", scenarios.caller(to=NUMBER, ends=False), remote=port, calls=5, transport=transport, host="::1"
    )
    assert (await callers.done())["SuccessfulCall(C)"] == "5"
    assert {call.status for call in await served.server.ended(5)} == {CallStatus.COMPLETED}


OFFER = """\
v=0
o=phone 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 40000 RTP/AVP 0
"""


def request(method: str, number: int, to: str = "", body: str = "") -> str:
    """A request as RFC 7118 §8 has it: a host that is none, for the connection is the way."""
    lines = [
        f"{method} sip:{NUMBER}@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK{method}{number}",
        "Max-Forwards: 70",
        "From: <sip:alice@example.com>;tag=asdyka899",
        to or f"To: <sip:{NUMBER}@127.0.0.1>",
        "Call-ID: asidkj3ss",
        f"CSeq: {number} {method}",
        "Contact: <sip:alice@df7jal23ls0d.invalid;transport=ws;ob>",
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body.replace(chr(10), chr(13) + chr(10)))}",
        "",
        body,
    ]
    return "\n".join(lines).replace("\n", "\r\n")


@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_a_call_over_a_websocket(served: Served, application, scheme: str):
    """From the INVITE to the BYE that the end of the document sends: all of it over one connection."""
    certificate = served.certificate
    tls = TlsSettings(certificate, certificate.with_name("key.pem"), ca=certificate)
    url = f"{scheme}://127.0.0.1:{served.port(scheme.upper())}/"
    options = {"ssl": client_context(tls)} if scheme == "wss" else {}
    async with asyncio.timeout(20), connect(url, subprotocols=[Subprotocol("sip")], **options) as phone:
        await phone.send(request("INVITE", 1, body=OFFER))
        answer = ""
        while not answer.startswith("SIP/2.0 200"):
            answer = str(await phone.recv())
        assert "m=audio" in answer
        (to,) = re.findall(r"^To: .*?$", answer.replace("\r", ""), re.MULTILINE)
        await phone.send(request("ACK", 1, to=to))
        bye = str(await phone.recv())
        while not bye.startswith("BYE "):
            bye = str(await phone.recv())
        head = bye.replace("\r", "").split("\n")
        kept = [line for line in head if line.startswith(("Via", "From", "To", "Call-ID", "CSeq"))]
        await phone.send("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]))
    await completed(served.server)
