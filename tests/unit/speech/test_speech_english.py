"""How English says what is not prose. More of it, in whole sentences, is in `test_speech_normalise`."""

import pytest

from ringback.speech import english


@pytest.mark.parametrize(
    ("text", "spoken"),
    [("", ""), ("A", "eh"), ("aZ9", "eh z nine"), ("q.", "q dot"), ("é~ü", "é ü"), ("x y", "x y"), ("²", "²")],
)
def test_letters(text: str, spoken: str) -> None:
    assert english.letters(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("$2", "2 dollars"),
        ("$1.01", "1 dollar and 1 cent"),
        ("$1.5", "1 dollar and 50 cents"),
        ("$12,345,678.90", "12,345,678 dollars and 90 cents"),
        ("$0.00", "0 dollars"),
        ("£0.02", "2 pence"),
        ("-€7", "minus 7 euros"),
        ("7 EUR", "7 euros"),
        ("EUR 7", "7 euros"),
        ("7€", "7 euros"),
        ("¥1", "1 yen"),
        ("$", "$"),
        ("$x", "$x"),
        ("US$5", "US$5"),
        ("$5 thousand", "$5 thousand"),
        ("$5k", "$5k"),
        ("$1.234", "$1.234"),
    ],
)
def test_money(text: str, spoken: str) -> None:
    assert english.money(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [("5", "5 dollars"), ("5 GBP", "5 pounds"), ("$5", "5 dollars"), ("5 shells", "5 shells"), ("-", "-")],
)
def test_currency(text: str, spoken: str) -> None:
    assert english.currency(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("http://example.com/", "example dot com"),
        ("WWW.example.com/a_b", "example dot com slash a underscore b"),
        ("me+you@mail.example.org.", "me plus you at mail dot example dot org."),
        ("@name", "@name"),
        ("a@b", "a@b"),
        ("awww.", "awww."),
    ],
)
def test_addresses(text: str, spoken: str) -> None:
    assert english.spoken_url(text) == spoken


def test_numbers() -> None:
    assert [english.cardinal(text) for text in ("7", "2024", "1,000", "0012", "x1", "", ",", "9" * 21)] == [
        "7", "2,024", "1,000", "12", "x1", "", ",", "9" * 21,
    ]  # fmt: skip
    endings = {1: "st", 2: "nd", 3: "rd", 4: "th", 11: "th", 12: "th", 13: "th", 21: "st", 112: "th", 122: "nd"}
    assert all(english.ordinal(str(number)) == f"{number}{ending}" for number, ending in endings.items())
    assert english.ordinal("first") == "first"


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("1/2", "1/2"),
        ("3/4", "3/4"),
        ("5/4", "5 over 4"),
        ("1/0", "1 over 0"),
        ("2 + 1/4", "2 and 1/4"),
        ("x/2", "x/2"),
    ],
)
def test_fraction(text: str, spoken: str) -> None:
    assert english.fraction(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [("1'1\"", "1 minute 1 second"), ("0'30\"", "30 seconds"), ("2'", "2 minutes"), ("0'0\"", "0 minutes"), ("x", "x")],
)
def test_minutes(text: str, spoken: str) -> None:
    assert english.minutes(text) == spoken


@pytest.mark.parametrize(
    ("text", "form", "spoken"),
    [
        ("2/29", "md", "February 29th"),
        ("1.12.49", "DMY", "December 1st, 2049"),
        ("1.12.50", "dmy", "December 1st, 1950"),
        ("31", "d", "31st"),
        ("7", "m", "July"),
        ("1969", "y", "1969"),
        ("20241301", "yyyymmdd", "20241301"),
        ("2024", "yyyymmdd", "2024"),
        ("????????", "yyyymmdd", "????????"),
        ("1/40", "md", "1/40"),
        ("1/2", "", "1/2"),
    ],
)
def test_date(text: str, form: str, spoken: str) -> None:
    assert english.date(text, form) == spoken
