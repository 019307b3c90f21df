"""The picture, and what is said where it cannot be drawn."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest
from bench_media_samples import pair, run

from ringback.app.bench.media import plot
from ringback.app.bench.media.errors import BenchError
from ringback.app.bench.media.rounds import Results

RESULTS = Results(limits=[run("limit"), run("limit", 200)], pairs=[pair(0.2), pair(0.2, legs=200)])


class Axes:
    """Notes what is drawn."""

    def __init__(self) -> None:
        self.drawn: list[tuple[str, tuple[object, ...], dict[str, object]]] = []

    def __getattr__(self, name: str) -> object:
        return lambda *arguments, **named: self.drawn.append((name, arguments, named))


class Figure:
    """Writes a picture that is none."""

    def savefig(self, path: Path, dpi: int) -> None:
        path.write_bytes(b"picture")


class Pyplot(ModuleType):
    """Stands in for matplotlib, which need not be installed."""

    def __init__(self) -> None:
        super().__init__("pyplot")
        self.axes = (Axes(), Axes())
        self.closed = 0

    def subplots(self, *_: int, **__: object) -> tuple[Figure, tuple[Axes, Axes]]:
        return Figure(), self.axes

    def close(self, figure: Figure) -> None:
        self.closed += 1

    def use(self, backend: str) -> None:
        assert backend == "Agg"


@pytest.fixture
def pyplot(monkeypatch: pytest.MonkeyPatch) -> Pyplot:
    stand_in = Pyplot()
    monkeypatch.setattr(importlib, "import_module", lambda name: stand_in)
    return stand_in


def test_capacity_and_lateness_of_the_limit_and_each_case(tmp_path: Path, pyplot: Pyplot) -> None:
    plot.draw(RESULTS, tmp_path / "out.png")
    left, right = pyplot.axes
    lines = [(arguments, named["label"]) for name, arguments, named in left.drawn if name == "plot"]
    assert lines == [(([100, 200], [1000.0, 2000.0]), "limit (C)"), (([100, 200], [500.0, 1000.0]), "prompt")]
    assert [named["label"] for name, _, named in right.drawn if name == "step"] == ["limit (C)", "prompt"]
    assert (tmp_path / "out.png").read_bytes() == b"picture"
    assert pyplot.closed == 1


def test_a_place_that_cannot_be_written(tmp_path: Path, pyplot: Pyplot) -> None:
    with pytest.raises(BenchError, match="cannot write"):
        plot.draw(RESULTS, tmp_path / "none" / "out.png")
    assert pyplot.closed == 1


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(BenchError, match="needs matplotlib") as raised:
        plot.pyplot()
    assert raised.value.hint == "pip install 'ringback[bench]'"
