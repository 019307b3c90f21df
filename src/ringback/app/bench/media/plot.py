"""The picture: capacity against legs, and how late packets were."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from ringback.app.bench.media.errors import BenchError
from ringback.app.bench.media.figures import BIN_MS, LATE_MS, levels
from ringback.app.bench.media.rounds import Results


def pyplot() -> Any:
    """matplotlib.pyplot, drawing to files. Raises BenchError where it is not installed."""
    try:
        importlib.import_module("matplotlib").use("Agg")
        return importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise BenchError("--plot needs matplotlib", hint="pip install 'ringback[bench]'") from error


def draw(results: Results, path: Path) -> None:
    """Write the picture. Raises BenchError where that cannot be done."""
    plt = pyplot()
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
    by_name = {"limit (C)": results.limits}
    for name in dict.fromkeys(pair.case.name for pair in results.pairs):
        by_name[name] = [pair.case for pair in results.pairs if pair.case.name == name]
    for name, runs in by_name.items():
        line = {"color": "black", "linestyle": "--"} if runs is results.limits else {}
        at = levels(runs)
        middle = [float(np.median([run.legs_per_core for run in each])) for each in at.values()]
        left.plot(list(at), middle, marker="o", label=name, **line)
        bins = np.sum([run.window.bins for run in runs], axis=0)
        # Each point: how many came later than the left edge of its bin. Where there are none, the line ends.
        later = bins[::-1].cumsum()[::-1] / max(1, bins.sum())
        shown = int(np.count_nonzero(later))
        right.step(np.arange(shown) * BIN_MS, later[:shown], where="post", label=name, **line)
    left.set(title="Capacity", xlabel="legs at once", ylabel="legs per core, by processor time", ylim=(0, None))
    left.set(xlim=(0, None), xticks=sorted({run.legs for run in results.limits}))
    left.legend()
    right.axvline(LATE_MS, color="grey", linewidth=1)
    right.set(title="Lateness", xlabel="ms after its time", ylabel="share of packets later than this", yscale="log")
    right.set_xlim(0, None)
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise BenchError(f"cannot write {path}: {error}") from error
    finally:
        plt.close(figure)
