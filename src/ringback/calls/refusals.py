"""Requests that were refused, in the log: told of each source once in a while, however many there are."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

EVERY_SECONDS: Final = 60.0
"""A source is told of no more often than that."""
_SOURCES: Final = 1000
"""Sources that are remembered; of those beyond, each request is told of as if it were the first."""


@dataclass(slots=True)
class _Source:
    told_at: float
    untold: int = 0


class RefusalLog:
    """Says which refusals are worth a line of the log. A scanner sends thousands: the log must not be what fails."""

    def __init__(self) -> None:
        self._sources: OrderedDict[str, _Source] = OrderedDict()

    def line(self, reason: str, host: str, port: int, now: float) -> str | None:
        """Return the line for one refusal at `now` (seconds), None where its source was told of just before."""
        source = self._sources.get(host)
        if source is not None and now - source.told_at < EVERY_SECONDS:
            source.untold += 1
            return None
        more = (
            f", and {source.untold} more from there since the last of these lines" if source and source.untold else ""
        )
        self._sources[host] = _Source(now)
        self._sources.move_to_end(host)
        if len(self._sources) > _SOURCES:
            self._sources.popitem(last=False)
        return f"refused: {reason} (from {host}:{port}){more}"
