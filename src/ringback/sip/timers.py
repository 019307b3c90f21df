"""The timers of RFC 3261 (table 4) and RFC 6026, as deadlines in one heap. All times are seconds."""

from heapq import heapify, heappop, heappush
from typing import Protocol

T1 = 0.5
"""Round-trip estimate: the first retransmission interval."""
T2 = 4.0
"""Longest interval between retransmissions, INVITE requests aside."""
T4 = 5.0
"""How long a message may live in the network."""

TIMEOUT = 64 * T1
"""Timers B, F, H, J, L and M: how long one side waits for the other."""
TIMER_D = 32.0
"""How long an ended client INVITE transaction takes retransmitted refusals."""
TRYING_AFTER = 0.2
"""A server INVITE transaction says 100 when its user said nothing for so long (§17.2.1)."""
RING_REFRESH = 60.0
"""A provisional answer is repeated each minute, or a proxy may give up on the call (§13.3.1.1)."""


class TimerTarget(Protocol):
    """Whose timer it is."""

    def on_timer(self, letter: str, now: float) -> None:
        """The timer of that letter has run out."""


class Timer:
    """One deadline. Stopping it lets go of its target at once."""

    __slots__ = ("deadline", "letter", "target")

    def __init__(self, deadline: float, letter: str, target: TimerTarget) -> None:
        self.deadline = deadline
        self.letter = letter
        self.target: TimerTarget | None = target


class Timers:
    """The deadlines of all transactions and calls of an endpoint."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0
        self._stopped = 0

    def __len__(self) -> int:
        """How many timers run."""
        return len(self._heap) - self._stopped

    def start(self, deadline: float, letter: str, target: TimerTarget) -> Timer:
        """Call `target.on_timer(letter, now)` at or after the deadline."""
        timer = Timer(deadline, letter, target)
        self._count += 1  # equal deadlines run out in the order of their start
        heappush(self._heap, (deadline, self._count, timer))
        return timer

    def stop(self, timer: Timer) -> None:
        """Forget a timer. Does nothing when it has run out or was stopped."""
        if timer.target is None:
            return
        timer.target = None
        self._stopped += 1
        # A busy server stops most timers early; left in the heap for their 32 s they would outweigh the calls.
        if self._stopped > 64 and self._stopped * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].target is not None]
            heapify(self._heap)
            self._stopped = 0

    def next(self) -> float | None:
        """Return the next deadline, or None when no timer runs."""
        while self._heap and self._heap[0][2].target is None:
            heappop(self._heap)
            self._stopped -= 1
        return self._heap[0][0] if self._heap else None

    def run_out(self, now: float) -> None:
        """Fire what is due, in the order of the deadlines; what is started meanwhile waits for the next run."""
        last = self._count
        postponed = []
        while (deadline := self.next()) is not None and deadline <= now:
            entry = heappop(self._heap)
            timer = entry[2]
            if entry[1] > last:
                postponed.append(entry)
                continue
            target, timer.target = timer.target, None
            if target is not None:
                target.on_timer(timer.letter, now)
        for entry in postponed:
            heappush(self._heap, entry)
