"""Who hears whom: each member speaks a tone of its own, and hears exactly the others'."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ringback.media.rooms import MOST_MEMBERS, RoomError, Rooms, Talking, turn_down

FRAMES = 25
"""Half a second of frames, a multiple of 2 Hz in each bin."""


def frequency(row: int) -> int:
    return 300 + 40 * row


def tones(count: int, level: float = 1000.0) -> NDArray[np.int16]:
    """int16[frames, rows, 160]: each row its own frequency."""
    when = np.arange(FRAMES * 160) / 8000
    rows = [level * np.sin(2 * np.pi * frequency(row) * when) for row in range(count)]
    return np.array(rows).reshape(count, FRAMES, 160).transpose(1, 0, 2).astype(np.int16)


def run(rooms: Rooms, talk: NDArray[np.int16], playing: NDArray[np.int16] | None = None) -> NDArray[np.int16]:
    """Mix all frames; returns what each row hears, int16[rows, samples]."""
    out = []
    for index, frame in enumerate(talk):
        said = np.zeros_like(frame) if playing is None else playing[index].copy()
        rooms.mix(frame, said)
        out.append(said)
    return np.stack(out, axis=1).reshape(talk.shape[1], -1)


def heard_by(samples: NDArray[np.int16], count: int) -> set[int]:
    """The rows whose tones are in these samples."""
    spectrum = np.abs(np.fft.rfft(samples.astype(float))) / len(samples)
    return {row for row in range(count) if spectrum[round(frequency(row) * len(samples) / 8000)] > 50}


def matrix(rooms: Rooms, count: int) -> list[set[int]]:
    heard = run(rooms, tones(count))
    return [heard_by(samples, count) for samples in heard]


def test_two_in_a_room_hear_each_other_and_nobody_else() -> None:
    rooms = Rooms(4)
    for row, room in ((0, 7), (1, 8), (2, 7), (3, 8)):
        rooms.join(row, room)
    assert matrix(rooms, 4) == [{2}, {3}, {0}, {1}]


def test_in_a_conference_all_hear_the_others_and_not_themselves() -> None:
    rooms = Rooms(10)
    for row in range(5):
        rooms.join(row, 1)
    for row in range(5, 8):
        rooms.join(row, 2)
    everybody = matrix(rooms, 10)
    assert everybody[:5] == [set(range(5)) - {row} for row in range(5)]
    assert everybody[5:8] == [{5, 6, 7} - {row} for row in range(5, 8)]
    assert everybody[8:] == [set(), set()]


def test_who_is_alone_hears_nothing_and_who_leaves_is_gone() -> None:
    rooms = Rooms(3)
    for row in range(3):
        rooms.join(row, 1)
    rooms.leave(2)
    assert matrix(rooms, 3) == [{1}, {0}, set()]
    rooms.leave(1)
    assert matrix(rooms, 3) == [set(), set(), set()]


@pytest.mark.parametrize("count", [2, 4])
def test_a_muted_member_hears_and_is_not_heard(count: int) -> None:
    rooms = Rooms(count)
    for row in range(count):
        rooms.join(row, 1)
    rooms.mute(0, True)
    everybody = matrix(rooms, count)
    assert everybody[0] == set(range(1, count))
    assert all(0 not in others for others in everybody[1:])
    rooms.mute(0, False)
    assert matrix(rooms, count)[1] == set(range(count)) - {1}


def test_a_held_member_is_left_out_and_hears_its_own_music() -> None:
    rooms = Rooms(4)
    for row in range(3):
        rooms.join(row, 1)
    rooms.hold(0, True)
    music = tones(4)[:, [3, 3, 3, 3]].copy()
    music[:, 1:] = 0
    heard = run(rooms, tones(4), music)
    assert [heard_by(samples, 4) for samples in heard[:3]] == [{3}, {2}, {1}]


def test_a_coach_hears_all_and_is_heard_by_one() -> None:
    rooms = Rooms(4)
    for row in range(4):
        rooms.join(row, 1)
    rooms.coach(3, 0)
    assert matrix(rooms, 4) == [{1, 2, 3}, {0, 2}, {0, 1}, {0, 1, 2}]
    rooms.coach(3, None)
    assert matrix(rooms, 4)[1] == {0, 2, 3}


def test_a_coach_in_a_room_of_two_is_still_heard() -> None:
    rooms = Rooms(2)
    rooms.join(0, 1)
    rooms.join(1, 1)
    rooms.coach(1, 0)
    assert matrix(rooms, 2) == [{1}, {0}]


def test_a_prompt_is_heard_on_top_of_the_room() -> None:
    rooms = Rooms(3)
    rooms.join(0, 1)
    rooms.join(1, 1)
    prompt = tones(3)[:, [2, 2, 2]].copy()
    prompt[:, 1:] = 0
    heard = run(rooms, tones(3), prompt)
    assert [heard_by(samples, 3) for samples in heard[:2]] == [{1, 2}, {0}]


def test_a_room_of_shouting_people_is_turned_down_rather_than_clipped() -> None:
    count = 20
    rooms = Rooms(count)
    for row in range(count):
        rooms.join(row, 1)
    heard = run(rooms, tones(count, level=12000.0))
    assert np.abs(heard.astype(int)).max() <= 32767
    # Clipping makes overtones and sums that nobody spoke; turning down leaves the members' own tones alone.
    spectrum = np.abs(np.fft.rfft(heard[0][4000 - 3200 :].astype(float))) ** 2
    own = np.zeros(len(spectrum), bool)
    for row in range(count):
        place = round(frequency(row) * 3200 / 8000)
        own[max(0, place - 6) : place + 7] = True
    assert spectrum[~own].sum() < 0.01 * spectrum[own].sum()


def test_the_gain_comes_back_after_a_shout() -> None:
    rooms = Rooms(3)
    for row in range(3):
        rooms.join(row, 1)
    run(rooms, tones(3, level=30000.0))
    heard = run(rooms, tones(3))
    quiet = heard[0].reshape(FRAMES, 160)
    assert np.abs(quiet[-1].astype(int)).max() > 1500


def test_a_room_is_full_at_250_and_a_leg_is_in_one_room() -> None:
    rooms = Rooms(MOST_MEMBERS + 1)
    for row in range(MOST_MEMBERS):
        rooms.join(row, 1)
    with pytest.raises(RoomError, match="as many as may be"):
        rooms.join(MOST_MEMBERS, 1)
    with pytest.raises(RoomError, match="in room 1 already"):
        rooms.join(0, 2)
    rooms.join(0, 1)
    heard = run(rooms, tones(MOST_MEMBERS + 1)[:2])
    assert heard.shape[0] == MOST_MEMBERS + 1


def test_who_talks_is_told_once_and_again_when_they_stop() -> None:
    rooms = Rooms(3)
    for row in range(3):
        rooms.join(row, 1, watched=True)
    talk = np.zeros((60, 3, 160), np.int16)
    talk[5:20, 1] = 3000
    told = [(tick, event) for tick, frame in enumerate(talk) for event in rooms.mix(frame, np.zeros_like(frame))]
    assert told == [(5, Talking(1, True)), (44, Talking(1, False))]


def test_a_row_that_is_cleared_brings_nothing_to_its_next_leg() -> None:
    rooms = Rooms(3)
    for row in range(3):
        rooms.join(row, 1)
    rooms.mute(0, True)
    rooms.coach(1, 0)
    for row in range(3):
        rooms.clear(row)
    for row in range(3):
        rooms.join(row, 2)
    assert matrix(rooms, 3) == [{1, 2}, {0, 2}, {0, 1}]


def test_the_sum_of_a_room_can_be_recorded() -> None:
    rooms = Rooms(4)
    for row in range(3):
        rooms.join(row, 5)
    assert rooms.place(6) is None
    rooms.leave(2)
    assert rooms.place(5) is None
    rooms.keep_sum(5, True)
    assert rooms.place(5) is not None
    rooms.join(2, 5)
    place = rooms.place(5)
    assert place is not None
    sums = []
    for frame in tones(4):
        rooms.mix(frame, np.zeros_like(frame))
        sums.append(rooms.totals[place].copy())
    assert heard_by(np.concatenate(sums), 4) == {0, 1, 2}


def test_a_deaf_member_is_heard_and_hears_its_coaches_alone() -> None:
    rooms = Rooms(4)
    for row in range(4):
        rooms.join(row, 1)
    rooms.deafen(0, True)
    rooms.coach(3, 0)
    assert matrix(rooms, 4) == [{3}, {0, 2}, {0, 1}, {0, 1, 2}]
    rooms.deafen(0, False)
    rooms.coach(3, None)
    assert matrix(rooms, 4) == [{1, 2, 3}, {0, 2, 3}, {0, 1, 3}, {0, 1, 2}]


def test_of_two_a_deaf_one_hears_nothing() -> None:
    rooms = Rooms(2)
    rooms.join(0, 1)
    rooms.join(1, 1)
    rooms.deafen(0, True)
    assert matrix(rooms, 2) == [set(), {0}]


def test_relays_are_not_counted() -> None:
    rooms = Rooms(MOST_MEMBERS + 3)
    rooms.join(0, 1, relay=True)
    for row in range(1, MOST_MEMBERS + 1):
        rooms.join(row, 1)
    with pytest.raises(RoomError):
        rooms.join(MOST_MEMBERS + 1, 1)
    rooms.join(MOST_MEMBERS + 1, 1, relay=True)


def test_a_role_ends_with_the_membership_and_may_come_before_it() -> None:
    rooms = Rooms(3)
    rooms.mute(0, True)
    for row in range(3):
        rooms.join(row, 1)
    rooms.coach(1, 2)
    assert (rooms.of(0), matrix(rooms, 3)) == (1, [{2}, {2}, {1}])
    rooms.leave(0)
    rooms.leave(1)
    assert rooms.of(0) is None
    rooms.join(0, 1)
    rooms.join(1, 1)
    assert matrix(rooms, 3) == [{1, 2}, {0, 2}, {0, 1}]


def test_a_row_that_is_used_again_has_no_role() -> None:
    rooms = Rooms(2)
    rooms.mute(0, True)
    rooms.deafen(0, True)
    rooms.clear(0)
    rooms.join(0, 1)
    rooms.join(1, 1)
    assert matrix(rooms, 2) == [{1}, {0}]


def test_what_is_too_loud_is_turned_down_without_an_edge() -> None:
    loud = np.full((1, 160), 65534, np.int32)
    first, gain = turn_down(loud, np.ones(1, np.float32))
    assert gain == 0.5
    assert np.all(first == 32767)
    second, gain = turn_down(loud // 4, gain)
    assert gain == np.float32(0.6)
    assert 0.5 * 16383 <= second[0, 0] < second[0, -1] <= 0.6 * 16384
