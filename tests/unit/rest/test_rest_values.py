"""Dates, booleans, names and parameters of requests."""

# Covers: rest/parameters.py rest/errors.py

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis.strategies import text

from ringback.rest import values
from ringback.rest.errors import RestError, not_found, refused
from ringback.rest.parameters import Parameter, Parsed, is_url, named, parse
from ringback.storage.records import Where

DAY = datetime(2024, 2, 29, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_dates_are_written_in_utc() -> None:
    moment = datetime(2024, 2, 29, 1, 2, 3, 999, tzinfo=timezone(timedelta(hours=3)))
    assert values.rfc2822(moment) == "Wed, 28 Feb 2024 22:02:03 +0000"
    assert values.epoch(moment) == "1709157723"


@pytest.mark.parametrize(
    ("name", "snake"),
    [("StatusCallbackEvent", "status_callback_event"), ("To", "to"), ("InPostalCode", "in_postal_code")],
)
def test_names(name: str, snake: str) -> None:
    assert (values.snake(name), values.camel(snake)) == (snake, name)


@pytest.mark.parametrize(
    ("word", "truth"), [("True", True), (" on ", True), ("0", False), ("", False), ("maybe", None)]
)
def test_booleans(word: str, truth: bool | None) -> None:
    assert values.boolean(word) is truth


@pytest.mark.parametrize(
    ("written", "start", "length"),
    [
        ("2024-02-29", DAY, timedelta(days=1)),
        (" 2024-02-29T10:00:00Z ", DAY.replace(hour=10), SECOND),
        ("2024-02-29T10:00:00+02:00", DAY.replace(hour=8), SECOND),
        ("2024-02-29T10:00:00 02:00", DAY.replace(hour=8), SECOND),  # the plus of a form is a blank
        ("2024-02-29 10:00:00", DAY.replace(hour=10), SECOND),
    ],
)
def test_moments(written: str, start: datetime, length: timedelta) -> None:
    assert values.moments(written) == (start, start + length)


@pytest.mark.parametrize(
    "written", ["", "2024", "yesterday", "2024-13-01", "9999-12-31", "2024-02-29T25:00:00Z", "T", "1 2"]
)
def test_what_is_no_moment(written: str) -> None:
    assert values.moments(written) is None
    assert values.bounds("", written, midnight=False) is None


@given(text())
def test_any_text_is_a_moment_or_none(written: str) -> None:
    found = values.moments(written)
    assert found is None or found[0] < found[1]


@pytest.mark.conforms("2010-04-01/8/inequality", "2008-08-01/4/date-filters")
@pytest.mark.parametrize(
    ("sign", "midnight", "expected"),
    [
        ("", False, [(">=", DAY), ("<", DAY + timedelta(days=1))]), ("", True, [(">=", DAY),
        ("<", DAY + timedelta(days=1))]),
        ("<", False, [("<", DAY + timedelta(days=1))]), ("<", True, [("<=", DAY)]),
        (">", False, [(">=", DAY)]), (">", True, [(">=", DAY)]), ("<!", False, [("<", DAY)]),
        ("<!", True, [("<", DAY)]),
        (">!", False, [(">=", DAY + timedelta(days=1))]), (">!", True, [(">", DAY)]),
    ],
)  # fmt: skip
def test_conditions_on_a_day(sign: str, midnight: bool, expected: list[tuple[str, datetime]]) -> None:
    assert values.bounds(sign, "2024-02-29", midnight=midnight) == expected


KNOWN = named(
    Parameter("Name", code=20002, most=5),
    (
        Parameter("Size", "integer", least=1, most=9),
        Parameter("Low", "integer", least=3),
        Parameter("Loud", "boolean"),
        Parameter("Url", "url", empty=True),
        Parameter("Method", "method"),
        Parameter("Colour", "word", words=("Red", "Blue"), filters="colour"),
        Parameter("CallSid", "sid", prefix="CA"),
        Parameter("Any", "sid"),
        Parameter("From", "number", filters="from_"),
        Parameter("StartTime", "date", filters="start_time"),
        Parameter("Event", many=True, to="events"),
        Parameter("Letters", pattern="[a-z]*", check=lambda word: word != "bad", convert=str.upper),
    ),
)


@pytest.mark.parametrize(
    ("name", "given_", "read"),
    [
        ("Name", "abcde", "abcde"), ("Size", " 9 ", 9), ("Loud", "YES", True),
        ("Url", "HTTPS://[::1]/x", "HTTPS://[::1]/x"),
        ("Url", "", ""), ("Method", "get", "GET"), ("Colour", "RED", "Red"),
        ("CallSid", "CA" + "aF" * 16, "CA" + "aF" * 16),
        ("Any", "RE" + "0" * 32, "RE" + "0" * 32), ("From", "(415) 555-0100", "+14155550100"),
        ("Letters", "abc", "ABC"),
    ],
)  # fmt: skip
def test_a_parameter_is_read(name: str, given_: str, read: object) -> None:
    parsed = parse([(name, given_)], KNOWN)
    assert parsed.values == {KNOWN[name].target: read}


@pytest.mark.parametrize(
    ("name", "given_", "why"),
    [
        ("Name", "abcdef", "it has 5 characters at most"), ("Name", "\0", "is not valid"),
        ("Size", "0", "a whole number from 1 to 9"), ("Size", "ten", "a whole number"), ("Low", "2", "number from 3"),
        ("Size", "1" * 16, "a whole number"), ("Loud", "loud", "is not valid"), ("Url", "ftp://x/", "absolute http"),
        ("Url", "http://" + "x" * 4096, "absolute http"), ("Method", "PUT", "it may be GET, POST"),
        ("Colour", "green", "it may be Red, Blue"), ("CallSid", "RE" + "0" * 32, "is not valid"),
        ("Any", "x", "not valid"),
        ("From", "9" * 257, "is not valid"), ("Letters", "A", "is not valid"), ("Letters", "bad", "is not valid"),
        ("StartTime", "soon", "it is a date or a moment"), ("Colour", "x" * 200, "x…' is not valid"),
    ],
)  # fmt: skip
def test_a_parameter_is_refused_with_what_it_may_be(name: str, given_: str, why: str) -> None:
    with pytest.raises(RestError) as error:
        parse([(name, given_)], KNOWN)
    assert error.value.code == KNOWN[name].code
    assert why in error.value.message
    assert error.value.message.startswith(name)


def test_filters_repetitions_and_what_nobody_knows() -> None:
    parsed = parse(
        [
            ("Colour", "red"), ("Colour", "blue"), ("Event", "a"), ("Event", "b"), ("StartTime>", "2024-02-29"),
            ("StartTime<2024-03-01", ""), ("Name>", "x"), ("Shade", "x"), ("Name", ""), ("From", "415*"),
        ],
        KNOWN, midnight=True,
    )  # fmt: skip
    assert parsed.values == {"colour": "Blue", "events": ("a", "b"), "from": "415*"}
    assert parsed.filters == [
        Where("colour", "=", "Blue"), Where("start_time", ">=", DAY), Where("start_time", "<", DAY + timedelta(days=1)),
        Where("from_", "like", "415*"),
    ]  # fmt: skip
    assert parsed.unknown == ["Name", "Shade"]
    assert parse([], KNOWN) == Parsed()
    assert len(parse([(f"x{place}", "") for place in range(50)], KNOWN).unknown) == 20
    with pytest.raises(RestError, match="repeated too often"):
        parse([("Event", "x")] * 101, KNOWN)


def test_what_is_required_is_missed() -> None:
    needed = named(Parameter("To", required=21201), Parameter("Called", to="to"))
    assert parse([("Called", "x")], needed).values == {"to": "x"}
    with pytest.raises(RestError, match="The parameter To is required"):
        parse([("To", "")], needed)


@pytest.mark.parametrize(
    "url", ["", "x", "http://", "http://[", "http://a:0/", "http://a:99999/", "http://a b/", "//a/"]
)
def test_what_is_no_url(url: str) -> None:
    assert not is_url(url)


def test_schemas() -> None:
    assert {name: one.schema() for name, one in KNOWN.items()} == {
        "Name": {"type": "string", "maxLength": 5},
        "Size": {"type": "integer", "minimum": 1, "maximum": 9},
        "Low": {"type": "integer", "minimum": 3},
        "Loud": {"type": "boolean"},
        "Url": {"type": "string", "format": "uri"},
        "Method": {"type": "string", "enum": ["GET", "POST"]},
        "Colour": {"type": "string", "enum": ["Red", "Blue"]},
        "CallSid": {"type": "string", "pattern": "^CA[0-9a-fA-F]{32}$"},
        "Any": {"type": "string", "pattern": "^[A-Z]{2}[0-9a-fA-F]{32}$"},
        "From": {"type": "string"},
        "StartTime": {"type": "string", "description": "A date or a moment (ISO 8601)"},
        "Event": {"type": "array", "items": {"type": "string"}},
        "Letters": {"type": "string", "pattern": "[a-z]*"},
    }


def test_errors_say_what_happened() -> None:
    assert str(refused(21210, "No")) == "400 21210: No"
    assert refused(20003).http_status == 401
    assert refused(20001).message  # the title of a warning
    assert refused(99999).message == "The request is not valid"
    assert str(not_found("/x")) == "404 20404: The requested resource /x was not found"
