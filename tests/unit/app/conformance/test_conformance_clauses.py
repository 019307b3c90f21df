"""The clauses of both versions."""

import re

import pytest

from ringback.app.conformance.clauses import clauses, matching
from ringback.model.status import ApiVersion


def test_every_clause_has_an_id_of_its_own_and_a_text() -> None:
    found = clauses()
    assert len(found) > 1000
    for one, clause in found.items():
        assert re.fullmatch(r"\d{4}-\d\d-\d\d/[\d.]+/[\w-]+", one)
        assert clause.text
        assert clause.title


def test_reading_them_again_gives_the_same_in_the_same_order() -> None:
    before = list(clauses().values())
    clauses.cache_clear()
    assert list(clauses().values()) == before


@pytest.mark.parametrize("version", list(ApiVersion))
def test_both_versions_are_there(version: ApiVersion) -> None:
    of_version = [clause for clause in clauses().values() if clause.version is version]
    assert len(of_version) > 300
    assert [clause.code for clause in of_version if clause.name == "12100"] == [12100]


def test_claims_name_one_clause_or_the_same_of_both() -> None:
    (one,) = matching("2008-08-01/2.4/timeout-default")
    assert one.text.startswith("5 ")
    assert [clause.id for clause in matching("*/2.4/timeout")] == ["2008-08-01/2.4/timeout", "2010-04-01/2.4/timeout"]
    for wrong in ("2008-08-01/2.4/nonsense", "*/2.4/input", "nonsense", "1999-01-01/2.4/timeout"):
        with pytest.raises(KeyError):
            matching(wrong)


def test_what_is_not_planned_says_why() -> None:
    (pay,) = matching("2010-04-01/2.10/Pay")
    (add_on,) = matching("2010-04-01/9/ListRecordingAddOnResult")
    assert "payment" in pay.not_planned
    assert "marketplace" in add_on.not_planned
    (sip,) = matching("2010-04-01/9/ListSipIpAddress")
    assert not sip.not_planned
