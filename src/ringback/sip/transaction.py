"""What client and server transactions share: a table that says what to do, and the timers that it starts and stops."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ringback.sip.events import DialogId, Flow
from ringback.sip.stack import Stack
from ringback.sip.timers import T1, T2, Timer

TERMINATED = "Terminated"

Table = dict[tuple[str, str], tuple[str, tuple[str, ...]]]
"""(state, what happens) → (next state, actions). What is not listed changes nothing."""


class Transaction:
    """A state of a table and the timers that run in it. Its subclasses name the actions."""

    __slots__ = ("_interval", "_stack", "_table", "_timers", "call", "cseq", "flow", "state")

    ACTIONS: ClassVar[Mapping[str, Callable[[Any, float], None]]] = {}
    """What each action of the tables does."""

    def __init__(self, stack: Stack, table: Table, state: str, flow: Flow, cseq: str) -> None:
        self._stack = stack
        self._table = table
        self._timers: list[Timer] = []
        self._interval = T1
        self.state = state
        self.flow = flow
        self.cseq = cseq
        self.call: DialogId | None = None
        if flow.connection:
            stack.connections.add(flow.connection)

    def step(self, happens: str, now: float) -> None:
        """Take one step of the table."""
        found = self._table.get((self.state, happens))
        if found is None:
            return
        self.state, actions = found
        # First the timers and the table, then the user: it may send something of its own when it is told.
        for action in actions:
            self.ACTIONS[action](self, now)
        if self.state == TERMINATED:
            self._end()

    def on_timer(self, letter: str, now: float) -> None:
        """A timer of this transaction has run out."""
        self.step(letter, now)

    def _start(self, deadline: float, letter: str) -> None:
        self._timers.append(self._stack.timers.start(deadline, letter, self))

    def _stop_timers(self, now: float) -> None:
        for timer in self._timers:
            self._stack.timers.stop(timer)
        self._timers.clear()

    def _repeat(self, now: float, letter: str, longest: float = T2) -> None:
        """Wait twice as long as the last time; a reliable transport repeats nothing."""
        if not self.flow.reliable:
            self._start(now + self._interval, letter)
            self._interval = min(self._interval * 2, longest)

    def _linger(self, now: float, seconds: float, letter: str) -> None:
        """Wait for retransmissions, of which a reliable transport has none."""
        self._start(now if self.flow.reliable else now + seconds, letter)

    def _end(self) -> None:
        self._stop_timers(0.0)
