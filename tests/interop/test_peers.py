"""The peers themselves: what the other tests of this folder rely on is shown here, without Ringback in between."""

import asyncio
from pathlib import Path

import pytest

from tests.interop.peers import sipp as scenarios
from tests.interop.peers import tones
from tests.interop.peers.process import PeerError

pytestmark = pytest.mark.needs("baresip", "sipp", "sox")


async def test_two_phones_hear_each_other_and_the_keys(phone):
    alice, bob = await phone("alice", tone=600), await phone("bob", tone=440)
    _, _ = await asyncio.gather(alice.dial(bob.uri), bob.answer())
    await asyncio.sleep(1)
    await alice.press("15#*0D")
    await alice.hangup()
    await bob.until("CALL_CLOSED")
    assert bob.keys() == "15#*0D"
    await alice.stop()
    await bob.stop()
    assert tones.listen(alice.recordings()[0], 0.5).is_tone(440)
    assert tones.listen(bob.recordings()[0], 0.5).is_tone(600, share=0.9)


async def test_a_phone_refuses_a_call(phone):
    alice, bob = await phone("alice"), await phone("bob")
    await alice.command("dial", bob.uri)
    await bob.until("CALL_INCOMING")
    await bob.hangup()
    closed = await alice.until("CALL_CLOSED")
    assert closed.param.startswith("486")


async def test_a_phone_that_is_not_called_says_so(phone):
    alice = await phone("alice")
    with pytest.raises(PeerError, match=r"alice: no CALL_INCOMING in 0\.1 s, but nothing"):
        await alice.until("CALL_INCOMING", 0.1)


@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_sipp_calls_a_phone_and_is_heard(phone, sipp, tmp_path: Path, transport: str):
    tone = tones.ulaw_file(tmp_path / "tone.ul", 800, 10)
    bob = await phone("bob", answers=True)
    script = scenarios.caller(scenarios.say(tone), scenarios.pause(1.5), to="bob")
    caller = await sipp("caller", script, remote=bob.sip, transport=transport)
    statistics = await caller.done()
    assert (statistics["SuccessfulCall(C)"], statistics["FailedCall(C)"]) == ("1", "0")
    await bob.stop()
    assert tones.listen(bob.recordings()[0]).is_tone(800)


async def test_a_phone_hears_itself_by_way_of_sipp(phone, sipp):
    echo = await sipp("echo", scenarios.callee(), echo=True)
    alice = await phone("alice", tone=500)
    await alice.dial(f"sip:echo@127.0.0.1:{echo.port}")
    await asyncio.sleep(1.5)
    await alice.hangup()
    await alice.stop()
    assert tones.listen(alice.recordings()[0], 0.3).is_tone(500)


async def test_sipp_refuses_a_call(phone, sipp):
    busy = await sipp("busy", scenarios.refusing("486 Busy Here"))
    alice = await phone("alice")
    await alice.command("dial", f"sip:busy@127.0.0.1:{busy.port}")
    closed = await alice.until("CALL_CLOSED")
    assert closed.param.startswith("486")


def test_silence_is_heard_as_nothing(tmp_path: Path):
    quiet = tones.write_wav(tmp_path / "quiet.wav", tones.sine(440, 1) // 1000)
    assert tones.listen(quiet) == tones.Heard(0.0, 0.0, 0.0, 0.0)


def test_a_tone_is_told_from_another_and_from_a_mixture(tmp_path: Path):
    mixed = tones.write_wav(tmp_path / "mixed.wav", tones.sine(440, 1, level=0.3) + tones.sine(600, 1, level=0.3))
    pure = tones.listen(tones.write_wav(tmp_path / "pure.wav", tones.sine(440, 1)))
    assert pure.is_tone(440)
    assert not pure.is_tone(450)
    assert not tones.listen(mixed).is_tone(440)
