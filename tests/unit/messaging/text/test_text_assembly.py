"""Segments become messages whatever happens to them on the way."""

from hypothesis import given
from hypothesis import strategies as st

from ringback.messaging.text.alphabets import split
from ringback.messaging.text.assembly import Assembly, Key
from ringback.messaging.text.concatenation import Place

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=161, max_size=900)


def key(total: int, reference: int = 7) -> Key:
    return Key("c", "+1", "+2", reference, total, False)


@given(TEXTS, st.randoms(use_true_random=False))
def test_repeated_and_reordered_segments_make_the_text_once(text: str, random: object) -> None:
    parts = split(text)
    order = list(range(len(parts))) * 2
    random.shuffle(order)  # type: ignore[attr-defined]
    assembly = Assembly()
    done = []
    for index in order:
        puzzle, given_up = assembly.add(key(len(parts)), Place(7, len(parts), index + 1), parts[index], 0.0)
        assert not given_up
        if puzzle is not None:
            done.append(puzzle.text)
    assert done == [text]
    assert len(assembly) == 0


@given(TEXTS, st.data())
def test_whatever_is_lost_the_rest_comes_out_when_time_is_up(text: str, data: st.DataObject) -> None:
    parts = split(text)
    lost = data.draw(st.sets(st.integers(0, len(parts) - 1), min_size=1, max_size=len(parts)))
    assembly = Assembly(timeout=60)
    for index, part in enumerate(parts):
        if index not in lost:
            assert assembly.add(key(len(parts)), Place(7, len(parts), index + 1), part, 10.0) == (None, [])
    assert assembly.overdue(69.9) == []
    late = assembly.overdue(70.0)
    kept = [part for index, part in enumerate(parts) if index not in lost]
    assert [puzzle.text for puzzle in late] == (["".join(kept)] if kept else [])
    assert assembly.overdue(1000.0) == []


def test_a_reference_that_is_used_again_begins_another_message() -> None:
    assembly = Assembly()
    assembly.add(key(2), Place(7, 2, 1), "a", 0.0)
    _, given_up = assembly.add(key(2), Place(7, 2, 1), "b", 1.0)
    assert [puzzle.text for puzzle in given_up] == ["a"]
    puzzle, _ = assembly.add(key(2), Place(7, 2, 2), "c", 2.0)
    assert puzzle is not None
    assert puzzle.text == "bc"
    # What came already is forgotten after a time, and then the same text is another message.
    assert assembly.add(key(2), Place(7, 2, 2), "c", 3.0) == (None, [])
    assert len(assembly) == 0
    assembly.overdue(5000.0)
    assembly.add(key(2), Place(7, 2, 2), "c", 5000.0)
    assert len(assembly) == 1


def test_no_more_is_remembered_than_there_is_room_for() -> None:
    assembly = Assembly(limit=3)
    given_up = []
    for reference in range(10):
        given_up += assembly.add(key(2, reference), Place(reference, 2, 1), "x", float(reference))[1]
    assert [puzzle.key.reference for puzzle in given_up] == list(range(7))
    for reference in range(10):
        assembly.add(key(1, reference), Place(reference, 1, 1), "x", 0.0)
    assert len(assembly) == 3


def test_a_segment_that_could_not_be_kept_counts_as_one_that_never_came() -> None:
    assembly = Assembly()
    assembly.take_back(key(2), 1)
    assembly.add(key(2), Place(7, 2, 1), "a", 0.0)
    assembly.take_back(key(2), 1)
    assert not assembly.waits_for(key(2))
    assembly.add(key(2), Place(7, 2, 1), "a", 1.0)
    assert assembly.waits_for(key(2))
    puzzle, _ = assembly.add(key(2), Place(7, 2, 2), "b", 2.0)
    assert puzzle is not None
    # The last one, which made it whole: the message waits again, and is whole again when that segment is repeated.
    assembly.take_back(key(2), 2)
    assert assembly.waits_for(key(2))
    puzzle, _ = assembly.add(key(2), Place(7, 2, 2), "b", 3.0)
    assert puzzle is not None
    assert puzzle.text == "ab"
