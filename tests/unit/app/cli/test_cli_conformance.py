"""`ringback conformance`: how it stands with each clause."""

import json

from cli_typing import Ringback


def test_clauses_are_listed(ringback: Ringback) -> None:
    text = ringback("conformance", "--api", "2008-08-01", "--section", "2.9").stdout
    assert "2008-08-01/2.9/length-default" in text
    assert "Pause: 1 unless it says otherwise" in text
    assert text.splitlines()[-1].startswith("3 clauses: ")


def test_only_what_is_missing(ringback: Ringback) -> None:
    rows = json.loads(ringback("conformance", "--missing", "--json").stdout)
    assert {row["status"] for row in rows} <= {"missing"}
    assert not any(row["tests"] for row in rows)


def test_as_json(ringback: Ringback) -> None:
    rows = json.loads(ringback("conformance", "--json").stdout)
    assert len(rows) > 1000
    assert rows[0].keys() == {"clause", "section", "what", "status", "reason", "tests"}
    assert any(row["reason"] for row in rows if row["status"] == "not planned")
