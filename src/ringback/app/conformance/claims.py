"""Which tests claim to prove which clauses: read from the source of the tests, without running them.

A test claims clauses with a marker, `@pytest.mark.conforms("2008-08-01/2.4/timeout", ...)`; a class or `pytestmark`
does so for all its tests. An error code needs no marker: it is proved by the tests that name it as a number, once the
package itself names it somewhere.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ringback.app.conformance.clauses import Clause, clauses, matching

MARKER: Final = "conforms"

_ABOUT_CODES: Final = ("tests/unit/model/", "tests/unit/app/conformance/")
"""Tests of the codes as such: they raise none."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class UnknownClauseError(Exception):
    """A test claims a clause that there is not, or one that cannot be read."""


@dataclass(frozen=True, slots=True)
class _Test:
    name: str
    """As pytest knows it: `tests/unit/twiml/test_x.py::test_y`."""
    claims: tuple[str, ...]
    numbers: frozenset[int]


def proofs(root: Path) -> dict[str, list[str]]:
    """Return for each clause that is claimed the tests that prove it, sorted.

    `root` is the directory of the repository. Raises UnknownClauseError for claims of clauses that there are not, and
    for those that are computed rather than written out.
    """
    raised = numbers_of_package(root / "src" / "ringback")
    by_code: dict[int, list[str]] = {}
    for clause in clauses().values():
        if clause.code in raised:
            by_code.setdefault(clause.code, []).append(clause.id)
    found: dict[str, set[str]] = {}
    for test in _tests(root):
        claimed = {clause.id for claim in test.claims for clause in _matching(claim, test)}
        claimed.update(one for code in test.numbers & by_code.keys() for one in by_code[code])
        for one in claimed:
            found.setdefault(one, set()).add(test.name)
    return {one: sorted(found[one]) for one in clauses() if one in found}


def _matching(claim: str, test: _Test) -> Iterable[Clause]:
    try:
        return matching(claim)
    except KeyError:
        raise UnknownClauseError(f"{test.name} claims {claim}, which is no clause") from None


def numbers_of_tests(root: Path) -> dict[str, frozenset[int]]:
    """Return the whole numbers that each test names, those of tables that it uses included."""
    return {test.name: test.numbers for test in _tests(root)}


def numbers_of_package(package: Path) -> frozenset[int]:
    """Return the whole numbers that the package names, but for the table of the codes itself."""
    numbers: set[int] = set()
    for path in sorted(package.rglob("*.py")):
        if path.name != "errors.py" or path.parent.name != "model":
            numbers |= _numbers(ast.parse(path.read_text("utf-8")))
    return frozenset(numbers)


def _tests(root: Path) -> Iterator[_Test]:
    for path in sorted((root / "tests").rglob("test_*.py")):
        file = path.relative_to(root).as_posix()
        module = ast.parse(path.read_text("utf-8"))
        constants = _constants(module)
        yield from _of(module.body, file, _claims_of_module(module, file), constants)


def _of(
    body: Iterable[ast.stmt], prefix: str, claims: tuple[str, ...], constants: Mapping[str, frozenset[int]]
) -> Iterator[_Test]:
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            own = _claims(node.decorator_list, prefix)
            yield from _of(node.body, f"{prefix}::{node.name}", claims + own, constants)
        elif isinstance(node, _Function) and node.name.startswith("test_"):
            numbers = frozenset() if prefix.startswith(_ABOUT_CODES) else _numbers(node)
            # A table at the top of the module that the test is parametrized with is part of it.
            for name in {name.id for name in ast.walk(node) if isinstance(name, ast.Name)} & constants.keys():
                numbers |= constants[name]
            yield _Test(f"{prefix}::{node.name}", claims + _claims(node.decorator_list, prefix), numbers)


def _constants(module: ast.Module) -> dict[str, frozenset[int]]:
    """The numbers in each table of the module."""
    found = {}
    for node in module.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    found[target.id] = _numbers(node.value)
    return found


def _numbers(node: ast.AST) -> frozenset[int]:
    return frozenset(one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and type(one.value) is int)


def _claims_of_module(module: ast.Module, file: str) -> tuple[str, ...]:
    for node in module.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets):
            marks = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
            return _claims(marks, file)
    return ()


def _claims(decorators: Iterable[ast.expr], where: str) -> tuple[str, ...]:
    found = []
    for decorator in decorators:
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
            for argument in decorator.args if decorator.func.attr == MARKER else ():
                if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                    raise UnknownClauseError(f"{where}, line {argument.lineno}: write the clause out, it is not run")
                found.append(argument.value)
    return tuple(found)
