"""The order of the runs. A machine gets faster and slower by the minute, so each case runs between two of the limit."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from ringback.app.bench.media.cases import Case
from ringback.app.bench.media.errors import NotAvailable
from ringback.app.bench.media.figures import Pair, Run, doubts

Say = Callable[[str], None]


@dataclass(slots=True)
class Results:
    """All that was measured. `unavailable` holds the reasons, by the name of the case."""

    limits: list[Run] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    unavailable: dict[str, str] = field(default_factory=dict)


async def interleave(
    levels: Sequence[int],
    rounds: int,
    cases: Sequence[Case],
    run_limit: Callable[[int], Awaitable[Run]],
    run_case: Callable[[Case, int], Awaitable[Run]],
    say: Say,
) -> Results:
    """Run all cases with each number of legs, so many rounds: limit, case, limit, case, …, limit."""
    results = Results()

    async def limit(legs: int, where: str) -> Run:
        run = await run_limit(legs)
        results.limits.append(run)
        _tell(run, where, say)
        return run

    for number in range(1, rounds + 1):
        for legs in levels:
            where = f"round {number} of {rounds}, {legs:,} legs"
            before = await limit(legs, where)
            for case in cases:
                if case.name in results.unavailable:
                    continue
                try:
                    run = await run_case(case, legs)
                except NotAvailable as reason:
                    results.unavailable[case.name] = str(reason)
                    say(f"{case.name}: not available: {reason}")
                    continue
                _tell(run, where, say)
                after = await limit(legs, where)
                results.pairs.append(Pair(run, before, after))
                say(f"{where}: {case.name}: {results.pairs[-1].ratio:.2f} of the limit")
                before = after
    return results


def _tell(run: Run, where: str, say: Say) -> None:
    late = f"{run.window.late_or_lost:.2%} late or lost"
    say(f"{where}: {run.name}: {run.cpu:.1%} of the core, {run.legs_per_core:,.0f} legs per core, {late}")
    for doubt in doubts(run):
        say(f"  warning: {doubt}")
