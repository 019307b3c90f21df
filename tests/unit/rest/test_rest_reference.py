"""The page of operations in the documentation is made from the tables, and up to date."""

import re
from pathlib import Path

from ringback.model.status import ApiVersion
from ringback.rest.reference import render
from ringback.rest.versions import TABLES

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_the_page_is_up_to_date() -> None:
    assert (DOCS / "reference" / "rest.md").read_text() == render(), "run the command in its first line"


def test_every_operation_is_on_it() -> None:
    page = render()
    for version in ApiVersion:
        for operation in TABLES[version]:
            assert re.search(rf"`{re.escape(operation.path)}` \|.*\b{operation.method} {operation.name}\b", page)
