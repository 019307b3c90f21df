"""What is made of the measurements: capacity, ratio to the limit, lateness."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

PACKETS_PER_SECOND: Final = 50
BIN_MS: Final = 0.1
"""The width of a bin of lateness. The last bin holds all that is later than the others."""
LATE_MS: Final = 10.0
"""A packet that is later than this counts as late: a jitter buffer of one packet would have missed it."""


@dataclass(frozen=True, slots=True)
class Window:
    """What the load generator saw in `seconds` of time.

    `bins` counts packets by lateness, each `BIN_MS` wide; `loud` is the share of those packets looked into that were
    no silence; `own_late` is the share of its own milliseconds that it began more than 2 ms late, the worst of them by
    `own_worst_ms`, and `own_cpu` the share of its core that it used.
    """

    seconds: float
    received: int
    lost: int
    bins: NDArray[np.int64]
    worst_ms: float
    loud: float
    own_late: float
    own_worst_ms: float
    own_cpu: float

    @classmethod
    def read(cls, told: dict[str, Any]) -> Self:
        """Take what `rtp_load` prints. Raises KeyError and TypeError for what it does not."""
        return cls(
            seconds=told["seconds"],
            received=told["received"],
            lost=told["lost"],
            bins=np.array(told["bins"], np.int64),
            worst_ms=told["worst_ms"],
            loud=told["loud"] / max(1, told["looked"]),
            own_late=told["own_late_ticks"] / max(1, told["own_ticks"]),
            own_worst_ms=told["own_worst_ms"],
            own_cpu=told["own_cpu"],
        )

    def lateness(self, percent: float) -> float:
        """The lateness in ms that `percent` of the packets did not exceed, to the bin; 0 where there was none."""
        up_to = self.bins.cumsum()
        if not up_to[-1]:
            return 0.0
        place = int(np.searchsorted(up_to, up_to[-1] * percent / 100))
        return min(self.worst_ms, (place + 1) * BIN_MS) if place < len(self.bins) - 1 else self.worst_ms

    @property
    def late_or_lost(self) -> float:
        """The share of packets that were later than `LATE_MS`, or did not come."""
        late = int(self.bins[round(LATE_MS / BIN_MS) :].sum())
        expected = self.received + self.lost
        return (late + self.lost) / expected if expected else 1.0


@dataclass(frozen=True, slots=True)
class Run:
    """One program under load.

    `cpu` is the share of a core that it used, `waited` the share of the time in which it would have gone on but for
    others on that core, `stolen` the share in which the machine's host had that core, and `bytes_per_leg` what its
    memory grew by.
    """

    name: str
    legs: int
    cpu: float
    window: Window
    waited: float = 0.0
    bytes_per_leg: int = 0
    stolen: float = 0.0

    @property
    def legs_served(self) -> float:
        """How many legs got all their packets, or would have: under overload fewer than there were."""
        return self.window.received / PACKETS_PER_SECOND / self.window.seconds

    @property
    def legs_per_core(self) -> float:
        """How many would have taken all of the core."""
        return self.legs_served / self.cpu if self.cpu else 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A run of a case, and those of the limit just before and just after it."""

    case: Run
    before: Run
    after: Run

    @property
    def ratio(self) -> float:
        """What part of the limit was reached. Both neighbours count, so that a machine that slows down does not."""
        limit = (self.before.legs_per_core + self.after.legs_per_core) / 2
        return self.case.legs_per_core / limit if limit else 0.0


def summary(pairs: Sequence[Pair]) -> dict[str, Any]:
    """The figures of one case with so many legs: medians of its rounds, and of all rounds the worst lateness."""

    def typical(figure: Callable[[Pair], float]) -> float:
        return median(figure(pair) for pair in pairs)

    return {
        "legs": pairs[0].case.legs,
        "legs_per_core": round(typical(lambda pair: pair.case.legs_per_core)),
        "ratio": round(typical(lambda pair: pair.ratio), 3),
        "late_ms": {
            "p50": round(typical(lambda pair: pair.case.window.lateness(50)), 2),
            "p99": round(typical(lambda pair: pair.case.window.lateness(99)), 2),
            "max": round(max(pair.case.window.worst_ms for pair in pairs), 2),
        },
        "late_or_lost": round(typical(lambda pair: pair.case.window.late_or_lost), 6),
        "bytes_per_leg": round(typical(lambda pair: pair.case.bytes_per_leg)),
        "stolen": round(typical(lambda pair: pair.case.stolen), 4),
    }


def levels(runs: Sequence[Run]) -> dict[int, list[Run]]:
    """Runs by how many legs they had, fewest first."""
    return {legs: [run for run in runs if run.legs == legs] for legs in sorted({run.legs for run in runs})}


def report(
    limits: Sequence[Run], pairs: Sequence[Pair], unavailable: dict[str, str], names: Sequence[str]
) -> dict[str, Any]:
    """`limit` and `cases`, those called `names`, as they are printed.

    What is told of a case is what it did with the most legs; where several numbers were asked for, `levels` holds
    all of them. A case that the worker cannot do has `not_available` alone, with the reason.
    """
    told = [
        {"legs": legs, "legs_per_core": round(median(run.legs_per_core for run in runs))}
        for legs, runs in levels(limits).items()
    ]
    cases: dict[str, Any] = {}
    for name in names:
        if name in unavailable:
            cases[name] = {"not_available": unavailable[name]}
            continue
        mine = [pair for pair in pairs if pair.case.name == name]
        summaries = [
            summary([pair for pair in mine if pair.case.legs == legs]) for legs in levels([p.case for p in mine])
        ]
        cases[name] = summaries[-1] | ({"levels": summaries} if len(summaries) > 1 else {})
    limit: dict[str, Any] = {"legs_per_core": told[-1]["legs_per_core"] if told else 0}
    return {"limit": limit | ({"levels": told} if len(told) > 1 else {}), "cases": cases}


def doubts(run: Run) -> list[str]:
    """Reasons not to believe the figures of a run, for people to read."""
    window, found = run.window, []
    if window.own_late > 0.01:
        share, worst = f"{window.own_late:.0%}", f"{window.own_worst_ms:.0f} ms"
        found.append(f"the load generator itself was late {share} of the time, by up to {worst}: the machine is busy")
    if run.waited > 0.02:
        found.append(f"others had its core {run.waited:.0%} of the time: it was late because of them too")
    if run.stolen > 0.005:
        found.append(
            f"the host of this machine had its core {run.stolen:.1%} of the time: no program can be in time then"
        )
    if window.own_cpu > 0.85:
        found.append(f"the load generator used {window.own_cpu:.0%} of its core: take fewer legs")
    if run.legs_served < 0.98 * run.legs:
        found.append(f"{run.legs_served:,.0f} of {run.legs:,} legs were served: more than this core can do")
    return found
