"""How old answers are and how long they may be used (RFC 9111)."""

import pytest
from cache_origin import BEGIN, date
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from ringback.webhooks.freshness import Moment, age, directives, http_date, lifetime, seconds, stale_allowance

MOMENT = Moment(BEGIN, BEGIN)


def headers(*cache_control: str, **others: str) -> CIMultiDict[str]:
    return CIMultiDict([("Cache-Control", value) for value in cache_control] + list(others.items()))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("max-age=60", {"max-age": "60"}),
        ("Max-Age=60, PUBLIC", {"max-age": "60", "public": None}),
        ("max-age=1, max-age=60", {"max-age": "1"}),
        ('private="a, \\"b", max-age="60"', {"private": 'a, "b', "max-age": "60"}),
        ('extension="max-age=3600", max-age=1', {"extension": "max-age=3600", "max-age": "1"}),
        ("max-age =60, max-age= 60, no-store", {"no-store": None}),
        (" ,, no-cache ,", {"no-cache": None}),
        ('broken="no end', {}),
        ("", {}),
    ],
)
def test_directives(text: str, read: dict[str, str | None]) -> None:
    assert directives(headers(text)) == read


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    directives(headers(text))
    http_date(text)
    seconds(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("60", 60), ("0060", 60), ("0", 0), ("000", 0), ("9" * 500, 1 << 31), ("2147483648", 1 << 31)]
    + [(text, None) for text in ("", "-1", "1.0", "a", "1a", "'1'", "٣", None)],
)
def test_seconds(text: str | None, value: int | None) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777.0),
        ("Sun Nov  6 08:49:37 1994", 784111777.0),
        ("Friday, 06-Nov-26 08:49:37 GMT", 1793954977.0),
        ("Sun, 06 Nov 1994 08:49:37 UTC", None),
        ("Sun, 06 Nov 94 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 8:49:37 GMT", None),
        ("Sun, 06 Foo 1994 08:49:37 GMT", None),
        ("Sun, 31 Feb 1994 08:49:37 GMT", None),
        ("0", None),
    ],
)
def test_dates(text: str, moment: float | None) -> None:
    assert http_date(text) == moment


@pytest.mark.parametrize(
    ("fields", "later", "old"),
    [
        ({}, 7, 7),
        ({"Date": date(-5)}, 7, 12),
        ({"Date": date(500)}, 7, 7),
        ({"Age": "30"}, 7, 37),
        ({"Age": "30", "Date": date(-60)}, 0, 60),
        ({"Age": "30, 5"}, 0, 30),
        ({"Age": "soon"}, 7, 7),
    ],
)
def test_age(fields: dict[str, str], later: float, old: float) -> None:
    assert age(headers(**fields), MOMENT, BEGIN + later) == old


def test_the_time_that_the_answer_took_counts() -> None:
    assert age(headers(Age="30"), Moment(BEGIN - 4, BEGIN), BEGIN) == 34


@pytest.mark.parametrize(
    ("fields", "fresh"),
    [
        ({}, None),
        ({"Last-Modified": date(-100_000)}, None),
        ({"Cache-Control": "max-age=60"}, 60),
        ({"Cache-Control": "max-age=60, s-maxage=5"}, 5),
        ({"Cache-Control": "max-age=soon", "Expires": date(60)}, 0),
        ({"Expires": date(60), "Date": date(10)}, 50),
        ({"Expires": date(60)}, 60),
        ({"Expires": date(-60)}, 0),
        ({"Expires": "0"}, 0),
    ],
)
def test_lifetime(fields: dict[str, str], fresh: float | None) -> None:
    assert lifetime(headers(**fields), MOMENT) == fresh


def test_two_ends_are_none() -> None:
    twice = headers()
    twice.extend([("Expires", date(60)), ("Expires", date(60))])
    assert lifetime(twice, MOMENT) == 0


@pytest.mark.parametrize(
    ("said", "allowed"),
    [
        ("", 100),
        ("max-age=60", 100),
        ("stale-if-error=7", 7),
        ("stale-if-error=long", 0),
        ("no-cache", 0),
        ("must-revalidate, stale-if-error=7", 0),
        ("proxy-revalidate", 0),
        ("s-maxage=60", 0),
    ],
)
def test_how_stale_an_answer_may_be(said: str, allowed: float) -> None:
    assert stale_allowance(headers(said), 100) == allowed
