"""Where a page begins, as its token says it."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis.strategies import datetimes, from_regex, integers, just

from ringback.rest.errors import RestError
from ringback.rest.paging import page_of, token, untoken

MOMENT = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)


def encoded(plain: bytes) -> str:
    return "PA" + base64.urlsafe_b64encode(plain).decode().rstrip("=")


@given(datetimes(timezones=just(UTC)), from_regex(r"[A-Z]{2}[0-9a-f]{32}", fullmatch=True))
def test_the_last_row_of_a_page_is_found_again(moment: datetime, key: str) -> None:
    assert untoken(token((moment, key), 7)) == ((moment, key), 0)


@given(integers(0, 2**31 - 1))
def test_so_many_rows_are_skipped(offset: int) -> None:
    assert untoken(token(None, offset)) == (None, offset)


@pytest.mark.conforms("2010-04-01/15/21481")
@pytest.mark.parametrize(
    "text",
    [
        "", "PA", "nonsense", "PA!!!", "PBQDA", "PAé", encoded(b"@-1"), encoded(b"@2147483648"), encoded(b"@x"),
        encoded(b"17.CA;"), encoded(b"17."), encoded(b"x.CA"), encoded(b"9" * 30 + b".CA"), encoded(b"\xff\xfe.CA"),
    ],
)  # fmt: skip
def test_what_nobody_has_written_is_refused(text: str) -> None:
    with pytest.raises(RestError) as error:
        untoken(text)
    assert (error.value.http_status, error.value.code) == (400, 21481)
    assert str(error.value) == ("400 21481: PageToken is not valid: take the whole next_page_uri of the page before")


def test_the_token_counts_before_the_number() -> None:
    page, number = page_of({})
    assert (page.limit, page.offset, page.after, number) == (50, 0, None, 0)
    page, number = page_of({"page_size": 10, "page": 3})
    assert (page.limit, page.offset, number) == (10, 30, 3)
    values = {"page": 1, "page_token": token((MOMENT, "CA1"), 0), "to": "x"}
    page, number = page_of(values)
    assert (page.offset, page.after, number) == (0, (MOMENT, "CA1"), 1)
    assert values == {"to": "x"}  # what is left is for the resource
    page, _ = page_of({"page_token": token(None, 20)})
    assert (page.offset, page.after) == (20, None)
    assert MOMENT + timedelta(microseconds=1) != untoken(token((MOMENT, "CA1"), 0))[0]
