"""The fuzz targets hold for what chance makes of their examples, and fail where a promise is broken."""

import random
from pathlib import Path

import pytest

from ringback.testing import fuzz
from ringback.testing.fuzz import TARGETS, main, run

VECTORS = sorted(path for path in (Path(__file__).parents[2] / "vectors").glob("rfc*/*.dat"))


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found(name: str) -> None:
    run(name, 40)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found_for_long(name: str) -> None:
    run(name, 3_000, seed=2)


@pytest.mark.parametrize("name", ["front-end", "endpoint"])
def test_the_torture_messages_pass(name: str) -> None:
    for path in VECTORS:
        TARGETS[name][0](path.read_bytes())


def test_a_broken_promise_is_told_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes) -> None:
        raise KeyError("x")

    monkeypatch.setitem(TARGETS, "broken", (broken, b"abc"))
    with pytest.raises(KeyError) as failure:
        run("broken", 5, seed=9)
    assert failure.value.__notes__[0].startswith("seed 9, try 0: b'")


def test_it_is_run_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    main(["sdp", "5", "3"])
    main(["headers", "5"])
    assert capsys.readouterr().out == "5 times sdp: nothing found\n5 times headers: nothing found\n"


def test_chance_is_the_same_for_one_seed() -> None:
    one, other = random.Random(1), random.Random(1)
    assert fuzz.mutated(fuzz.INVITE, one) == fuzz.mutated(fuzz.INVITE, other) != fuzz.INVITE
