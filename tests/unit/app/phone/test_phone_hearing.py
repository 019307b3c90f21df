"""The ear: what is sound and what is not, when it came, and what was no packet at all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.app.phone.hearing import Hearing
from ringback.media import g711
from ringback.rtp.packet import RtpPacket
from ringback.rtp.telephone_event import TelephoneEvent
from tests.unit.app.phone.hand_loop import sine


def packet(n: int, samples: np.ndarray, codec: int = g711.PCMU) -> bytes:
    return bytes(RtpPacket(8 if codec else 0, n, n * 160, 7, g711.encode(samples, codec)))


SILENCE = np.zeros(160, np.int16)


@pytest.mark.parametrize("codec", [g711.PCMU, g711.PCMA])
def test_it_knows_when_it_first_heard_something(codec: int):
    ear = Hearing(10)
    for n in range(100):
        quiet = n < 30 or 40 <= n < 80
        ear.receive(packet(n, SILENCE if quiet else sine(), codec), 50 + n / 50)
    assert ear.first_packet == 50
    assert ear.first_sound == ear.sound_after(0) == pytest.approx(50.6)
    assert ear.sound_after(50.79) == pytest.approx(51.6)
    assert ear.sound_after(60) is None
    assert ear.last_sound == pytest.approx(51.98)


@pytest.mark.parametrize("codec", [g711.PCMU, g711.PCMA])
@pytest.mark.parametrize(("level", "loud"), [(0.0, False), (0.001, False), (0.01, True), (1.0, True)])
def test_noise_of_the_line_is_no_sound(codec: int, level: float, loud: bool):
    ear = Hearing(10)
    ear.receive(packet(0, sine(level=level), codec), 1.0)
    assert (ear.first_sound is not None) is loud
    assert ear.packets().loud.tolist() == [loud]


def test_it_knows_when_the_other_side_has_finished():
    ear = Hearing(10)
    assert not ear.spoke_and_stopped(0, 0.7, 9.0)
    ear.receive(packet(0, sine()), 1.0)
    assert not ear.spoke_and_stopped(0, 0.7, 1.69)
    assert ear.spoke_and_stopped(0, 0.7, 1.71)
    assert not ear.spoke_and_stopped(1.1, 0.7, 9.0)


@pytest.mark.parametrize("codec", [g711.PCMU, g711.PCMA])
def test_it_records_what_it_heard(codec: int):
    ear = Hearing(10)
    sound = sine(0.2)
    for n in range(10):
        ear.receive(packet(n, sound[160 * n : 160 * n + 160], codec), 1 + n / 50)
    heard = ear.recording(1.0)
    assert np.abs(heard.astype(int) - sound).max() < 500
    assert len(heard) == 1600


def test_it_keeps_the_arrival_of_each_packet():
    ear = Hearing(10)
    for n in (0, 2, 1):
        ear.receive(packet(n, SILENCE), 1 + n / 100)
    seen = ear.packets()
    assert seen.arrival.tolist() == [1.0, 1.02, 1.01]
    assert seen.sequence.tolist() == [0, 2, 1]
    assert seen.timestamp.tolist() == [0, 320, 160]
    assert not seen.loud.any()


@pytest.mark.parametrize(
    ("sequence", "lost"),
    [([], 0), ([5], 0), ([5, 6, 8], 1), ([5, 7, 6, 8], 0), ([5, 5, 6, 9, 9], 2), ([65534, 1], 2), ([0, 65535, 2], 1)],
)
def test_it_counts_what_was_lost(sequence: list[int], lost: int):
    ear = Hearing(10)
    for number in sequence:
        ear.receive(bytes(RtpPacket(0, number, 0, 7, b"\xff")), 1.0)
    assert ear.lost() == lost


def test_it_hears_keys():
    ear = Hearing(10, event_type=101)
    for timestamp, event in ((1000, 5), (1000, 5), (3000, 11)):
        ear.receive(bytes(RtpPacket(101, 0, timestamp, 7, bytes(TelephoneEvent(event, 160)))), 1.0)
    ear.receive(bytes(RtpPacket(101, 0, 9000, 7, b"")), 1.0)
    assert ear.keys == "5#"
    assert ear.first_packet is None


def test_it_measures_how_loud_it_is():
    ear = Hearing(10)
    assert ear.level() == -96.0
    ear.receive(packet(0, sine(level=0.5)), 0)
    assert ear.level() == pytest.approx(-9, abs=0.2)
    ear.receive(packet(1, SILENCE), 0)
    assert ear.level() == -96.0


def test_it_is_bounded():
    ear = Hearing(1)
    for n in range(300):
        ear.receive(packet(n, SILENCE), n / 50)
    assert len(ear.packets().arrival) == 100
    assert ear.ignored == 200


@given(st.binary(max_size=64) | st.binary(max_size=40).map(lambda rest: b"\x80\x00" + rest))
def test_any_datagram_is_heard_or_counted(data: bytes):
    ear = Hearing(10, event_type=101)
    ear.receive(data, 1.0)
    assert ear.ignored + len(ear.packets().arrival) in (0, 1)


def test_a_codec_that_was_not_agreed_on_is_ignored():
    ear = Hearing(10, codecs={8: g711.PCMA})
    ear.receive(packet(0, sine()), 1.0)
    assert (ear.ignored, ear.first_packet) == (1, None)
