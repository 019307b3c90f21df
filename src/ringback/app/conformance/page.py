"""The page docs/conformance.md and the file of proofs in the package, made from the clauses and the tests."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Final, Literal

from ringback.app.conformance.clauses import Clause, clauses
from ringback.model.status import ApiVersion

PAGE: Final = Path("docs/conformance.md")
PROOFS: Final = Path("src/ringback/app/conformance/proofs.json")
_SHOWN: Final = 3
"""Tests that the page names for a clause; there may be dozens."""

Status = Literal["proved", "missing", "not planned"]
Proofs = Mapping[str, Sequence[str]]

_HEAD = """\
<!-- Made by `python -m ringback.app.conformance`. A test holds it up to date. -->

# Conformance

What the two versions of the API ask for, clause by clause, and the test that proves that Ringback does it. A clause
that no test proves is **missing** here, whether Ringback does it or not. `ringback conformance` shows the same.

The words are Ringback's own. A test claims a clause with the marker `conforms`; an error code is proved by the tests
that name it, once Ringback itself names it.
"""


@lru_cache
def shipped() -> Proofs:
    """Return the proofs that came with the package."""
    found: dict[str, list[str]] = json.loads((files(__package__) / PROOFS.name).read_text("utf-8"))
    return found


def status(clause: Clause, proofs: Proofs) -> Status:
    """Tell how it stands with a clause."""
    if clause.id in proofs:
        return "proved"
    return "not planned" if clause.not_planned else "missing"


def count(some: Iterable[Clause], proofs: Proofs) -> dict[Status, int]:
    """Count clauses by how it stands with them."""
    found = [status(clause, proofs) for clause in some]
    return {one: found.count(one) for one in ("proved", "missing", "not planned")}


def render(proofs: Proofs) -> str:
    """Make the page."""
    parts = [_HEAD, _overview(proofs)]
    for version in ApiVersion:
        parts.append(f"## {version}\n")
        of_version = [clause for clause in clauses().values() if clause.version is version]
        for (section, title), group in groupby(of_version, key=lambda clause: (clause.section, clause.title)):
            parts.append(f"### {version} clause {section}: {title}\n")
            parts.append(_table(group, proofs))
    return "\n".join(parts)


def as_json(proofs: Proofs) -> str:
    """Make the file of proofs."""
    return json.dumps(proofs, indent=0, ensure_ascii=False) + "\n"


def _overview(proofs: Proofs) -> str:
    lines = ["| Version | Clauses | Proved | Missing | Not planned |", "|---|---|---|---|---|"]
    for version in ApiVersion:
        some = [clause for clause in clauses().values() if clause.version is version]
        counted = count(some, proofs)
        lines.append(f"| {version} | {len(some)} | " + " | ".join(str(number) for number in counted.values()) + " |")
    return "\n".join(lines) + "\n"


def _table(some: Iterable[Clause], proofs: Proofs) -> str:
    lines = ["| Clause | What | Proof |", "|---|---|---|"]
    for clause in some:
        text = clause.text.replace("|", "\\|")
        lines.append(f"| `{clause.name}` | {text} | {_proof(clause, proofs)} |")
    return "\n".join(lines) + "\n"


def _proof(clause: Clause, proofs: Proofs) -> str:
    match status(clause, proofs):
        case "missing":
            return "**missing**"
        case "not planned":
            return f"not planned: {clause.not_planned}"
    tests = proofs[clause.id]
    named = ", ".join(_link(test) for test in tests[:_SHOWN])
    return named + (f" and {len(tests) - _SHOWN} more" if len(tests) > _SHOWN else "")


def _link(test: str) -> str:
    file, _, name = test.partition("::")
    return f"[{name.replace('_', ' ').removeprefix('test ')}](../{file})"
