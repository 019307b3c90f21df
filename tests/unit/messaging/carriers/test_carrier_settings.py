"""Settings of carriers, from the command line as texts and from JSON as they are."""

from typing import Any

import pytest

from ringback.messaging.carriers.settings import Reader


def test_values_are_read_from_texts_too() -> None:
    reader = Reader(
        {"a": "x", "b": "7", "c": "1.5", "d": "yes", "e": False, "f": 3, "g": {"h": "i"}, "j": ["k"], "l": [{}]}
    )
    assert (reader.text("a"), reader.whole("b"), reader.number("c")) == ("x", 7, 1.5)
    assert (reader.flag("d", default=False), reader.flag("e", default=True), reader.whole("f")) == (True, False, 3)
    assert (reader.mapping("g"), reader.texts("j"), reader.tables("l")) == ({"h": "i"}, ("k",), [{}])
    assert (reader.text("m", "n"), reader.word("o", "p", "q")) == ("n", "p")
    assert (reader.whole("r", 1), reader.flag("s", default=True)) == (1, True)
    assert (reader.mapping("t"), reader.texts("u"), reader.tables("v")) == ({}, (), [])
    reader.finish()


@pytest.mark.parametrize(
    ("value", "read", "told"),
    [
        (1, lambda r: r.text("x"), "should be a text"),
        ("a b", lambda r: r.text("x", pattern=r"\S+"), "cannot be used"),
        ("abc", lambda r: r.text("x", longest=2), "cannot be used"),
        ("c", lambda r: r.word("x", "a", "b"), "one of a, b"),
        ("many", lambda r: r.whole("x"), "whole number"),
        (True, lambda r: r.whole("x"), "whole number"),
        (1.5, lambda r: r.whole("x"), "whole number"),
        (float("inf"), lambda r: r.whole("x"), "whole number"),
        (-1, lambda r: r.whole("x"), "from 0 to"),
        (True, lambda r: r.number("x"), "should be a number"),
        (1e9, lambda r: r.number("x"), "from 0 to"),
        ("maybe", lambda r: r.flag("x", default=True), "true or false"),
        ([], lambda r: r.mapping("x"), "a table of texts"),
        ({"a": 1}, lambda r: r.mapping("x"), "a table of texts"),
        ({}, lambda r: r.tables("x"), "a list of tables"),
        ([1], lambda r: r.texts("x"), "a list of texts"),
        (None, lambda r: r.text("x", "y"), "is missing"),
    ],
)
def test_what_cannot_be_used_is_told(value: Any, read: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read(Reader({"x": value}))


def test_what_is_missing_or_mistyped_is_told() -> None:
    with pytest.raises(ValueError, match="host is missing"):
        Reader({}).text("host")
    reader = Reader({"hots": "x"})
    reader.text("host", "y")
    with pytest.raises(ValueError, match="no setting hots; there are host"):
        reader.finish()
