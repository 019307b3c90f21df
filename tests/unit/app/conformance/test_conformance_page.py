"""The page of conformance is what the tests prove."""

# Covers: app/conformance/__main__.py

import json
from pathlib import Path

import pytest

from ringback.app.conformance.__main__ import main
from ringback.app.conformance.claims import proofs
from ringback.app.conformance.clauses import clauses, matching
from ringback.app.conformance.page import PAGE, PROOFS, as_json, count, render, shipped, status

ROOT = Path(__file__).parents[4]
TIMEOUT = "2008-08-01/2.4/timeout"


@pytest.mark.long
def test_the_page_and_the_proofs_are_up_to_date() -> None:
    """`python -m ringback.app.conformance` makes them anew."""
    found = proofs(ROOT)
    assert (ROOT / PROOFS).read_text("utf-8") == as_json(found)
    assert (ROOT / PAGE).read_text("utf-8") == render(found)


def test_the_shipped_proofs_name_clauses() -> None:
    assert shipped().keys() <= clauses().keys()


def test_how_it_stands_with_a_clause() -> None:
    (timeout,), (pay,) = matching(TIMEOUT), matching("2010-04-01/2.10/Pay")
    assert status(timeout, {TIMEOUT: ["t"]}) == "proved"
    assert status(timeout, {}) == "missing"
    assert status(pay, {}) == "not planned"
    assert status(pay, {pay.id: ["t"]}) == "proved"
    assert count([timeout, pay], {}) == {"proved": 0, "missing": 1, "not planned": 1}


def test_a_page() -> None:
    many = [f"tests/unit/test_one.py::test_number_{number}" for number in range(5)]
    page = render({TIMEOUT: many, "2008-08-01/2.4/Digits": many[:1]})
    assert "[number 0](../tests/unit/test_one.py), [number 1]" in page
    assert "and 2 more |" in page
    assert "| `method` | method: GET or POST; another is 13312 | **missing** |" in page
    assert "not planned: taking cards" in page
    assert "| 2008-08-01 | 432 | 2 | 430 | 0 |" in page


def test_making_them_anew(tmp_path: Path) -> None:
    for path in (PAGE, PROOFS):
        (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    main(tmp_path)
    assert json.loads((tmp_path / PROOFS).read_text()) == {}
    assert "| 2008-08-01 | 432 | 0 |" in (tmp_path / PAGE).read_text()


@pytest.mark.parametrize("path", [PAGE, PROOFS])
def test_the_files_are_where_they_belong(path: Path) -> None:
    assert (ROOT / path).is_file()
