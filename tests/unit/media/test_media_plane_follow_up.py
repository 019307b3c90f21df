"""Recordings, voices and announcements of a plane: what a tick does when its packets are on their way."""

from pathlib import Path

import numpy as np
import pytest

from ringback.media.arena import ClipArena
from ringback.media.gate import VoiceChange
from ringback.media.plane import Announced, KeyPressed, Plane, Recorded, VoiceHeard
from ringback.media.studio import Wanted
from ringback.rtp.telephone_event import TelephoneEvent
from tests.unit.media.inline_disk import InlineDisk
from tests.unit.media.peer_rig import recorded, tones
from tests.unit.media.plane_rig import EVENTS, Peer, PlaneRig, sine
from tests.unit.media.test_media_studio import Voices


class Rig(PlaneRig):
    """A plane that records and listens, and does after each tick what may wait."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.voices = Voices()
        self.plane = Plane(4, ClipArena(100), InlineDisk(), self.voices)

    def tick(self, *arriving):  # type: ignore[no-untyped-def]
        sent = super().tick(*arriving)
        self.events += self.plane.follow_up()
        return sent

    def record(self, row: int, **wanted: object) -> Path:
        path = self.folder / f"{row}.wav"
        self.plane.studio.start(row + 1, row, None, path, Wanted(**wanted))  # type: ignore[arg-type]
        return path


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_what_a_peer_says_and_hears_is_recorded(rig: Rig) -> None:
    one, two = rig.leg(), rig.leg()
    for row in (one, two):
        rig.plane.rooms.join(row, 1)
    path = rig.record(one, source="both", channels=2)
    rig.in_time((Peer(one), sine(400, 0.6)), (Peer(two), sine(1000, 0.6)))
    rig.plane.close(one)
    rig.ticks(1)

    (told,) = rig.of(Recorded)
    assert isinstance(told, Recorded)
    assert (told.token, told.reason, told.seconds) == (one + 1, "closed", 0.6)
    assert [tones(channel[800:4000]) for channel in recorded(path).T] == [{400}, {1000}]


@pytest.mark.parametrize("sent_early", [0, 2])
def test_a_key_is_in_no_file_though_its_tone_leaks(rig: Rig, sent_early: int) -> None:
    """A gateway makes an event of a tone, of which the beginning, or all, is in the audio as well."""
    one = rig.leg()
    path = rig.record(one, finish_keys="5")
    peer = Peer(one)
    rig.in_time((peer, sine(400, 0.4)))
    leaking = peer.say(sine(770, 0.1))
    for packet in leaking[:sent_early]:
        rig.tick(packet)
    rig.tick(leaking[sent_early], (one, peer.packet(EVENTS, bytes(TelephoneEvent(5, 160)))))
    rig.ticks(5)

    assert rig.of(KeyPressed) == [KeyPressed(one, "5")]
    (told,) = rig.of(Recorded)
    assert isinstance(told, Recorded)
    assert (told.reason, told.key) == ("key", "5")
    assert tones(recorded(path)[800:, 0]) == {400}


def test_events_leave_a_gap_in_the_recording_of_one_leg(rig: Rig) -> None:
    one = rig.leg()
    path = rig.record(one)
    peer = Peer(one)
    rig.in_time((peer, sine(400, 0.2)))
    for duration in (160, 320, 480):
        rig.tick((one, peer.packet(EVENTS, bytes(TelephoneEvent(5, duration)), timestamp=1600)))
    rig.ticks(10)
    rig.plane.studio.stop(one + 1)
    rig.ticks(1)

    assert len(recorded(path)) == (10 + 8) * 160, "three reports, and two ticks in which another might come"


def test_voices_are_told_until_the_leg_is_closed(rig: Rig) -> None:
    one = rig.leg()
    rig.plane.studio.detect(one, True)
    rig.voices.change(one, True)
    rig.ticks(2)
    rig.plane.close(one)
    rig.ticks(2)

    assert rig.of(VoiceHeard) == [VoiceHeard(one, True)]
    assert rig.voices.fed == [1, 2]
    assert VoiceChange(one, True, 0).speaking


def test_a_room_hears_an_announcement(rig: Rig) -> None:
    one, two = rig.leg(), rig.leg()
    rig.plane.rooms.join(one, 1)
    rig.plane.announce(1, rig.clip("tone", np.full(320, 1000, np.int16)), 1, 9)
    rig.plane.announce(1, rig.clip("nothing", np.zeros(0, np.int16)), 1, 10)
    rig.plane.close(two)
    rig.ticks(3)

    assert np.count_nonzero(rig.sent_audio(one) > 900) == 320
    assert rig.of(Announced) == [Announced(10), Announced(9)]


def test_nothing_to_follow_up_is_nothing_to_do(rig: Rig) -> None:
    rig.leg()
    rig.ticks(2)
    assert rig.plane.follow_up() == []
