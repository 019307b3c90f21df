"""The order of a tick: clips, then what is fed, then rooms, then keys; taps see what was heard and said in the end."""

from pathlib import Path

import numpy as np
import pytest

from ringback.media.arena import ClipArena
from ringback.media.feeds import MarkReached
from ringback.media.happenings import Tapped
from ringback.media.plane import Plane
from tests.unit.media.plane_rig import FRAME, Peer, PlaneRig, levels

TONE, FED, SPOKEN = (np.full(10 * FRAME, level, np.int16) for level in (1000, 300, 50))


@pytest.fixture
def rig(tmp_path: Path) -> PlaneRig:
    return PlaneRig(tmp_path)


def said(rig: PlaneRig, row: int) -> int:
    """What a leg was told in the last tick; all samples of these tests' frames are alike."""
    assert len(set(rig.plane.said[row].tolist())) == 1
    return int(rig.plane.said[row, 0])


def test_clips_feeds_and_rooms_are_heard_together(rig: PlaneRig) -> None:
    one, two = rig.leg(), rig.leg()
    for row in (one, two):
        rig.plane.rooms.join(row, 1)
    rig.plane.play(one, rig.clip("a", TONE), 0, token=1)
    rig.plane.feeds.put(one, FED)
    rig.in_time((Peer(two), SPOKEN))

    assert said(rig, one) == 1000 + 300 + int(levels(SPOKEN)[0])
    assert said(rig, two) == 0
    assert int(levels(rig.plane.said[one])[0]) == int(rig.sent_audio(one)[-1])


def test_ticks_are_counted(rig: PlaneRig) -> None:
    rig.ticks(3)

    assert rig.plane.now == 3


def test_keys_as_tones_are_heard_in_place_of_all_else(rig: PlaneRig) -> None:
    row = rig.leg(telephone_event=None)
    rig.plane.feeds.put(row, FED)
    rig.plane.press(row, "1", token=1)
    rig.ticks(1)

    assert abs(int(rig.plane.said[row].astype(np.int64).sum())) < 150 * FRAME
    assert rig.plane.said[row].max() > 5000


def test_clips_wait_for_each_other_when_asked_to(rig: PlaneRig) -> None:
    row, first, second = rig.leg(), rig.clip("a", TONE[: 2 * FRAME]), rig.clip("b", FED[: 2 * FRAME])
    rig.plane.play(row, first, 1, token=1)
    rig.plane.play(row, second, 1, token=2, queue=True)
    heard = []
    for _ in range(5):
        rig.tick()
        heard.append(said(rig, row))

    assert heard == [1000, 1000, 300, 300, 0]


def test_what_was_fed_can_be_taken_back_and_its_marks_are_reached(rig: PlaneRig) -> None:
    row = rig.leg()
    rig.plane.feeds.put(row, FED)
    rig.plane.feeds.mark(row, "end")
    rig.ticks(2)
    assert rig.events == []
    rig.plane.clear_feed(row)
    rig.ticks(1)

    assert rig.events == [MarkReached(row, "end")]
    assert said(rig, row) == 0


@pytest.mark.parametrize(("heard", "told"), [(True, False), (False, True), (True, True), (False, False)])
def test_taps_report_what_was_asked_for_until_it_is_not(rig: PlaneRig, heard: bool, told: bool) -> None:
    row = rig.leg()
    rig.leg()
    rig.plane.play(row, rig.clip("a", TONE), 0, token=1)
    rig.plane.tap(row, heard=heard, said=told)
    rig.in_time((Peer(row), SPOKEN))
    tapped = [event for event in rig.of(Tapped) if isinstance(event, Tapped)]
    rig.plane.tap(row, heard=False, said=False)
    rig.ticks(3)

    assert len(rig.of(Tapped)) == len(tapped) == 10 * (heard + told)
    assert {event.row for event in tapped} <= {row}
    ear = b"".join(event.samples for event in tapped if event.heard)
    mouth = b"".join(event.samples for event in tapped if not event.heard)
    assert np.array_equal(np.frombuffer(ear, "<i2")[2 * FRAME :], levels(SPOKEN)[: 8 * FRAME] if heard else [])
    assert np.array_equal(np.frombuffer(mouth, "<i2"), TONE if told else [])


def test_a_leg_that_is_closed_takes_its_room_feed_and_tap_with_it(rig: PlaneRig) -> None:
    one, two = rig.leg(), rig.leg()
    for row in (one, two):
        rig.plane.rooms.join(row, 1)
    rig.plane.feeds.put(one, FED)
    rig.plane.feeds.mark(one, "end")
    rig.plane.tap(one, heard=True, said=True)
    rig.plane.close(one)
    again = rig.leg()
    assert again == one
    rig.in_time((Peer(two), SPOKEN))

    assert said(rig, again) == 0
    assert rig.of(Tapped) == rig.of(MarkReached) == []


def test_rows_that_nobody_uses_cost_nothing(rig: PlaneRig) -> None:
    """Only the rows up to the highest that is open are worked on."""
    legs = [rig.leg() for _ in range(4)]
    rig.ticks(1)
    for row in (3, 1):
        rig.plane.close(row)
    sent = rig.tick()

    assert sent.rows.tolist() == [legs[0], legs[2]]
    assert rig.plane._high == 3
    for row in (0, 2):
        rig.plane.close(row)
    assert rig.tick().rows.tolist() == []


def test_a_plane_of_no_legs_ticks() -> None:
    assert Plane(0, ClipArena(1)).tick(None).rows.tolist() == []
