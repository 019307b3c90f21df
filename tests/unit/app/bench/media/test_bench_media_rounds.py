"""The order of the runs."""

from bench_media_samples import run

from ringback.app.bench.media.cases import CASES, Case
from ringback.app.bench.media.errors import NotAvailable
from ringback.app.bench.media.figures import Run
from ringback.app.bench.media.rounds import interleave


class Machine:
    """Notes what ran; the limit gets slower from run to run."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, int]] = []
        self.said: list[str] = []

    async def limit(self, legs: int) -> Run:
        self.ran.append(("limit", legs))
        return run("limit", legs, cpu=0.01 * len(self.ran))

    async def case(self, case: Case, legs: int) -> Run:
        self.ran.append((case.name, legs))
        if case.records:
            raise NotAvailable("no tape")
        return run(case.name, legs, cpu=0.5, own_cpu=0.99)


async def test_each_case_runs_between_two_of_the_limit() -> None:
    machine = Machine()
    cases = [CASES["prompt"], CASES["bridge"]]
    results = await interleave([10, 20], 2, cases, machine.limit, machine.case, machine.said.append)
    order = ["limit", "prompt", "limit", "bridge", "limit"]
    assert machine.ran == [(name, legs) for _ in range(2) for legs in (10, 20) for name in order]
    assert len(results.limits) == 12
    first, second = results.pairs[:2]
    assert (first.case.name, first.before, first.after) == ("prompt", *results.limits[:2])
    assert (second.case.name, second.before, second.after) == ("bridge", *results.limits[1:3])


async def test_what_is_not_available_is_tried_once() -> None:
    machine = Machine()
    cases = [CASES["record"], CASES["prompt"]]
    results = await interleave([10], 3, cases, machine.limit, machine.case, machine.said.append)
    assert [name for name, _ in machine.ran].count("record") == 1
    assert results.unavailable == {"record": "no tape"}
    assert [each.case.name for each in results.pairs] == ["prompt"] * 3
    assert "record: not available: no tape" in machine.said


async def test_progress_and_doubts_are_told() -> None:
    machine = Machine()
    await interleave([1000], 1, [CASES["prompt"]], machine.limit, machine.case, machine.said.append)
    assert machine.said[1:3] == [
        "round 1 of 1, 1,000 legs: prompt: 50.0% of the core, 2,000 legs per core, 0.00% late or lost",
        "  warning: the load generator used 99% of its core: take fewer legs",
    ]
    assert machine.said[-1].startswith("round 1 of 1, 1,000 legs: prompt: 0.0")
