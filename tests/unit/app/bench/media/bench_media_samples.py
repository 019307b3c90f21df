"""Measurements as the programs would tell them."""

from typing import Any

import numpy as np

from ringback.app.bench.media.figures import Pair, Run, Window

BINS = 10001


def window(late_ms: list[float] | None = None, **changed: Any) -> Window:
    """Ten seconds of one leg whose packets were late by so much, in time unless it is said."""
    late = np.array(late_ms if late_ms is not None else [0.0] * 500)
    bins = np.bincount(np.minimum(late * 10, BINS - 1).astype(int), minlength=BINS)
    figures: dict[str, Any] = {
        "seconds": 10.0,
        "received": len(late),
        "lost": 0,
        "bins": bins,
        "worst_ms": float(max(late, default=0.0)),
        "loud": 0.5,
        "own_late": 0.0,
        "own_worst_ms": 0.1,
        "own_cpu": 0.2,
    }
    return Window(**figures | changed)


def run(name: str = "prompt", legs: int = 100, cpu: float = 0.1, **changed: Any) -> Run:
    """A run in which all legs were served."""
    waited, bytes_per_leg, stolen = (changed.pop(each, 0) for each in ("waited", "bytes_per_leg", "stolen"))
    return Run(name, legs, cpu, window(**{"received": legs * 500} | changed), waited, bytes_per_leg, stolen)


def pair(cpu: float, before: float = 0.1, after: float = 0.1, **changed: Any) -> Pair:
    """A case between two runs of the limit, each with the share of a core that it took."""
    case = run(cpu=cpu, **changed)
    return Pair(case, run("limit", case.legs, before), run("limit", case.legs, after))


def told(**changed: Any) -> dict[str, Any]:
    """What `rtp_load` prints after a second of two legs."""
    figures = {"seconds": 1.0, "received": 100, "lost": 0, "worst_ms": 0.2, "sent": 100, "looked": 8, "loud": 4}
    own = {"own_ticks": 1000, "own_late_ticks": 10, "own_worst_ms": 3.0, "own_cpu": 0.01}
    return {**figures, **own, "bins": [99, 0, 1, *[0] * (BINS - 3)], **changed}
