"""The mouth: one packet a frame, in order, silence where nothing is said, keys as events or tones."""

import numpy as np
import pytest

from ringback.app.phone.speaking import KEY_GAP, Speaking
from ringback.media import g711
from ringback.media.keypad import GAP_FRAMES, KEY_FRAMES, KeypadError
from ringback.rtp.packet import RtpPacket, parse
from ringback.rtp.telephone_event import KeyReceiver


def mouth(codec: int = g711.PCMU, event_type: int | None = 101) -> Speaking:
    payload_type = 8 if codec else 0
    return Speaking(7, 65534, 2**32 - 160, codec=codec, payload_type=payload_type, event_type=event_type)


def frames(speaking: Speaking, count: int) -> list[RtpPacket]:
    return [parse(speaking.next()) for _ in range(count)]


@pytest.mark.parametrize("codec", [g711.PCMU, g711.PCMA])
def test_it_sends_silence_at_a_steady_pace(codec: int):
    sent = frames(mouth(codec), 4)
    assert [packet.sequence for packet in sent] == [65534, 65535, 0, 1]
    assert [packet.timestamp for packet in sent] == [2**32 - 160, 0, 160, 320]
    assert [packet.marker for packet in sent] == [True, False, False, False]
    assert {packet.payload_type for packet in sent} == {8 if codec else 0}
    assert {packet.payload for packet in sent} == {bytes([g711.SILENCE[codec]]) * 160}


@pytest.mark.parametrize("codec", [g711.PCMU, g711.PCMA])
def test_it_says_what_it_is_given_and_then_is_silent(codec: int):
    speaking = mouth(codec)
    sound = np.asarray(8000 * np.sin(np.arange(500) / 4), np.int16)
    speaking.say(sound)
    said = np.concatenate([g711.decode(packet.payload, codec) for packet in frames(speaking, 5)])
    assert np.abs(said[:500].astype(int) - sound).max() < 300
    assert np.abs(said[500:]).max() <= 8


def test_keys_are_telephone_events():
    speaking = mouth()
    done = [speaking.press(key) for key in "1#"]
    sent = frames(speaking, 2 * (KEY_FRAMES + 2 + GAP_FRAMES) + 1)
    receiver = KeyReceiver()
    events = [packet for packet in sent if packet.payload_type == 101]
    assert [receiver.receive(p.ssrc, p.timestamp, p.payload) for p in events if p.marker] == ["1", "#"]
    assert len({packet.timestamp for packet in events}) == 2
    assert [packet.sequence for packet in sent] == [(65534 + n) % 65536 for n in range(len(sent))]
    assert speaking.pressed == done[-1] == 2


def test_a_key_counts_as_pressed_when_its_gap_is_over():
    speaking = mouth()
    wanted = speaking.press("5")
    released = 0
    for frame in range(40):
        packet = parse(speaking.next())
        if packet.payload_type == 101:
            released = frame
            assert speaking.down == wanted
        if speaking.pressed == wanted:
            assert (frame - released) * 0.02 == pytest.approx(KEY_GAP + 0.02)
            return
    pytest.fail("never pressed")


def test_a_peer_without_events_hears_tones():
    speaking = mouth(event_type=None)
    speaking.press("9")
    sent = frames(speaking, KEY_FRAMES + GAP_FRAMES)
    assert {packet.payload_type for packet in sent} == {0}
    spectrum = np.abs(np.fft.rfft(np.concatenate([g711.decode(p.payload) for p in sent[:KEY_FRAMES]])))
    hertz = np.argsort(spectrum)[-2:] * 8000 / (160 * KEY_FRAMES)
    assert sorted(hertz) == pytest.approx([852, 1477], abs=8)
    assert sent[-1].payload == b"\xff" * 160


def test_a_frame_that_is_left_out_takes_its_time():
    speaking = mouth()
    speaking.skip(3)
    assert parse(speaking.next()).timestamp == 320


def test_what_is_no_key_is_refused():
    with pytest.raises(KeypadError):
        mouth().press("x")
