"""Segments put together again: in any order, repeated, or never complete. Pure: `now` comes in, in seconds.

Whoever uses it keeps the segments durably; a `Puzzle` holds what is needed to tell when a message is complete.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from ringback.messaging.text.concatenation import Place


@dataclass(frozen=True, slots=True)
class Key:
    """What the segments of one message have in common."""

    carrier: str
    from_: str
    to: str
    reference: int
    total: int
    wide: bool


@dataclass(slots=True)
class Puzzle:
    """A message, as far as it came."""

    key: Key
    since: float
    pieces: dict[int, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every segment is there."""
        return len(self.pieces) == self.key.total

    @property
    def text(self) -> str:
        """What is there of the text, in its order."""
        return "".join(self.pieces[number] for number in sorted(self.pieces))


class Assembly:
    """Collects segments into messages.

    A segment that comes twice counts once, also for `timeout` seconds after its message was complete. A reference is
    used again sooner or later: a segment that differs from the one at its place begins another message.
    """

    def __init__(self, *, timeout: float = 3600.0, limit: int = 10_000) -> None:
        """`limit` messages at most are waited for, and as many remembered; beyond that the oldest is given up."""
        self._timeout = timeout
        self._limit = limit
        self._open: OrderedDict[Key, Puzzle] = OrderedDict()
        self._done: OrderedDict[Key, Puzzle] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, key: Key, place: Place, text: str, now: float) -> tuple[Puzzle | None, list[Puzzle]]:
        """Take a segment. Return its message when that is complete now, and those that have to be given up for it."""
        done = self._done.get(key)
        if done is not None and now - done.since < self._timeout and done.pieces.get(place.number) == text:
            return None, []
        given_up = []
        puzzle = self._open.get(key)
        if puzzle is not None and puzzle.pieces.get(place.number, text) != text:
            given_up.append(self._open.pop(key))
            puzzle = None
        if puzzle is None:
            puzzle = self._open[key] = Puzzle(key, now)
        puzzle.pieces[place.number] = text
        if not puzzle.complete:
            if len(self._open) > self._limit:
                given_up.append(self._open.popitem(last=False)[1])
            return None, given_up
        del self._open[key]
        self._remember(puzzle, now)
        return puzzle, given_up

    def waits_for(self, key: Key) -> bool:
        """Tell whether segments of a message are still to come."""
        return key in self._open

    def take_back(self, key: Key, number: int) -> None:
        """Forget that a segment came: it could not be kept, and will come again."""
        puzzle = self._done.pop(key, None) or self._open.get(key)
        if puzzle is None:
            return
        puzzle.pieces.pop(number, None)
        if puzzle.pieces:
            self._open[key] = puzzle
        else:
            self._open.pop(key, None)

    def overdue(self, now: float) -> list[Puzzle]:
        """Give up the messages that were waited for long enough, and return them."""
        late = [puzzle for puzzle in self._open.values() if now - puzzle.since >= self._timeout]
        for puzzle in late:
            del self._open[puzzle.key]
        while self._done and now - next(iter(self._done.values())).since >= self._timeout:
            self._done.popitem(last=False)
        return late

    def _remember(self, puzzle: Puzzle, now: float) -> None:
        puzzle.since = now
        self._done[puzzle.key] = puzzle
        self._done.move_to_end(puzzle.key)
        if len(self._done) > self._limit:
            self._done.popitem(last=False)
