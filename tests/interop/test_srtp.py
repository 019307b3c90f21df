"""A real phone that encrypts: what it hears, says and presses goes through SRTP, and its reports through SRTCP."""

import asyncio
import re
from pathlib import Path

import pytest

from ringback.model import events
from tests.interop.peers import tones
from tests.interop.peers.ringback import Ringback

pytestmark = [pytest.mark.long, pytest.mark.needs("baresip", "sox")]
NUMBER = "+14155550100"
REPORTED_SECONDS = 12
"""By then both sides have reported: we before 3.75 s, and baresip, each five seconds, about our report."""


@pytest.mark.conforms("2010-04-01/14/media")
@pytest.mark.parametrize("encryption", ["srtp-mand", "srtp"])
async def test_a_call_is_encrypted(ringback, application, phone, tmp_path: Path, encryption: str) -> None:
    await ringback.add_number(NUMBER, application.url())
    tone = tones.write_wav(tmp_path / "tone.wav", tones.sine(500, 30))
    application.files |= {"/tone.wav": tone.read_bytes()}
    application.pages |= {
        "/": '<Gather numDigits="2" action="/keys"><Play>/tone.wav</Play></Gather>',
        "/keys": "<Hangup/>",
    }
    alice = await phone(
        "alice",
        account=f"<sip:alice@127.0.0.1>;regint=0;mediaenc={encryption}",
        settings="module srtp.so\n",
    )
    await alice.dial(ringback.uri(NUMBER))
    await alice.hears(500)
    await asyncio.sleep(REPORTED_SECONDS)
    await alice.press("42")
    assert (await application.until("/keys")).fields["Digits"] == "42"
    await alice.until("CALL_CLOSED")
    (call,) = await ringback.ended()
    timeline = await ringback.timeline(call)
    (begun,) = [event.data for event in timeline if event.kind == events.MEDIA_START]
    assert begun["srtp"] == "AES_CM_128_HMAC_SHA1_80"
    (figures,) = [event.data for event in timeline if event.kind == events.MEDIA_STATS]
    assert (figures["replayed"], figures["forged"]) == (0, 0), figures
    assert figures["rtt_ms"] > 0, figures


@pytest.mark.parametrize("encryption", ["srtp-mand", "srtp"])
async def test_a_call_over_tls_is_encrypted(started, application, phone, tmp_path: Path, encryption: str) -> None:
    """The keys of SDES are a secret only where the signalling is: so phones are set up."""
    server = await Ringback.start(tmp_path / "ringback", {"sip.tls_port": "0"})
    started.append(server.process)
    try:
        await server.add_number(NUMBER, application.url())
        tone = tones.write_wav(tmp_path / "tone.wav", tones.sine(500, 30))
        application.files |= {"/tone.wav": tone.read_bytes()}
        application.pages |= {"/": "<Play>/tone.wav</Play>"}
        (port,) = re.findall(r"^ +127\.0\.0\.1:(\d+) \(TLS\)$", server.process.log(), re.MULTILINE)
        alice = await phone(
            "alice",
            account=f"<sip:alice@127.0.0.1;transport=tls>;regint=0;mediaenc={encryption}",
            settings="module srtp.so\n",
        )
        await alice.dial(f"sip:{NUMBER}@127.0.0.1:{port};transport=tls")
        await alice.hears(500)
        await alice.hangup()
        (call,) = await server.ended()
        timeline = await server.timeline(call)
        (begun,) = [event.data for event in timeline if event.kind == events.MEDIA_START]
        assert begun["srtp"] == "AES_CM_128_HMAC_SHA1_80"
        (figures,) = [event.data for event in timeline if event.kind == events.MEDIA_STATS]
        assert figures["received"] > 0 and figures["forged"] == 0, figures
        bob = await phone(
            "bob", account="<sip:bob@127.0.0.1;transport=tls>;regint=0;mediaenc=srtp", settings="module srtp.so\n"
        )
        await bob.dial(f"sip:{NUMBER}@127.0.0.1:{port};transport=tls")
        await bob.hears(500)
        assert "ERROR" not in server.process.log(), "the second is served as the first"
    finally:
        await server.stop()
