"""How fast messages may go, and a stop for two numbers that answer each other. Pure.

`now` is seconds of a clock that only goes forward.
"""

from collections import OrderedDict, deque


class Rate:
    """So many a second, for each of many names; a name that was idle may be a second ahead."""

    def __init__(self, per_second: float, *, names: int = 10_000) -> None:
        """`per_second` 0 is no limit. `names` of them are remembered."""
        self._per_second = per_second
        self._names = names
        self._free_at: OrderedDict[str, float] = OrderedDict()

    def delay(self, name: str, now: float, count: int = 1) -> float:
        """Take the place of `count` messages of that name if there is one now, and return 0; else the seconds to it."""
        if self._per_second <= 0:
            return 0.0
        interval = 1 / self._per_second
        # A burst of one second's worth, and of one message at least.
        full = now - max(1.0 - interval, 0.0)
        earliest = max(self._free_at.get(name, full), full)
        if earliest > now:
            return earliest - now
        self._free_at[name] = earliest + count * interval
        self._free_at.move_to_end(name)
        if len(self._free_at) > self._names:
            self._free_at.popitem(last=False)
        return 0.0


class PairLimit:
    """Stops two numbers whose applications answer each other for ever: 15 messages in 30 s, whoever sends (14107)."""

    def __init__(self, *, most: int = 15, seconds: float = 30.0, pairs: int = 10_000) -> None:
        self.most = most
        self.seconds = seconds
        self._pairs = pairs
        self._times: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def allows(self, one: str, other: str, now: float) -> bool:
        """Count a message between two numbers, and tell whether it may go. One that may not go is not counted."""
        key = (min(one, other), max(one, other))
        times = self._times.setdefault(key, deque())
        self._times.move_to_end(key)
        while times and now - times[0] >= self.seconds:
            times.popleft()
        if len(self._times) > self._pairs:
            self._times.popitem(last=False)
        if len(times) >= self.most:
            return False
        times.append(now)
        return True
