"""Audio that is fed from outside: in order, with its marks, bounded."""

import numpy as np
import pytest

from ringback.media.feeds import LONGEST, MOST_MARKS, FeedFull, Feeds, MarkReached


def fill(feeds: Feeds, rows: int = 2) -> tuple[np.ndarray, list[MarkReached]]:
    said = np.zeros((rows, 160), np.int16)
    return said, feeds.fill(said)


def samples(count: int, first: int = 1) -> np.ndarray:
    return np.arange(first, first + count, dtype=np.int16)


def test_pieces_of_any_length_are_played_one_after_the_other() -> None:
    feeds = Feeds()
    feeds.put(1, samples(100))
    feeds.put(1, samples(250, 101))
    out = np.concatenate([fill(feeds)[0][1] for _ in range(3)])
    assert out[:350].tolist() == list(range(1, 351))
    assert not out[350:].any()
    assert feeds.rows == []


def test_fed_audio_comes_on_top_of_what_plays_and_is_never_too_loud() -> None:
    feeds = Feeds()
    feeds.put(0, np.full(160, 30000, np.int16))
    said = np.full((1, 160), 10000, np.int16)
    feeds.fill(said)
    assert (said == 32767).all()


def test_a_mark_is_reached_when_all_before_it_has_been_played() -> None:
    feeds = Feeds()
    feeds.mark(0, "beginning")
    feeds.put(0, samples(200))
    feeds.mark(0, "end")
    assert fill(feeds)[1] == [MarkReached(0, "beginning")]
    assert fill(feeds)[1] == [MarkReached(0, "end")]
    assert fill(feeds)[1] == []


def test_what_is_cleared_is_not_played_and_its_marks_come_back() -> None:
    feeds = Feeds()
    feeds.put(0, samples(1600))
    feeds.mark(0, "never played")
    fill(feeds)
    assert feeds.clear(0) == [MarkReached(0, "never played")]
    assert not fill(feeds)[0].any()
    assert feeds.clear(0) == []


def test_there_is_a_bound_to_what_may_wait() -> None:
    feeds = Feeds()
    feeds.put(0, np.zeros(LONGEST, np.int16))
    with pytest.raises(FeedFull, match="120 s of audio"):
        feeds.put(0, samples(1))
    for number in range(MOST_MARKS):
        feeds.mark(0, str(number))
    with pytest.raises(FeedFull, match="marks"):
        feeds.mark(0, "one more")
    fill(feeds)
    feeds.put(0, samples(160))


def test_legs_do_not_hear_each_others_feeds() -> None:
    feeds = Feeds()
    feeds.put(0, samples(160))
    feeds.put(1, samples(160, 1000))
    said, _ = fill(feeds, 3)
    assert (said[0, 0], said[1, 0], said[2].any()) == (1, 1000, False)
