"""Attributes: how their text is read, whatever verb they belong to."""

from dataclasses import dataclass

import pytest
from twiml_calls import V2008, V2010

from ringback.twiml.attributes import (
    BadValueError,
    attribute,
    attributes_of,
    boolean,
    free_text,
    http_method,
    integer,
    language_tag,
    one_of,
)


@dataclass(frozen=True)
class Sample:
    plain: str
    finish_on_key: str = attribute(free_text, "#", code=13310)
    loop: int = attribute(integer(0), 1, code=13510, nested_code=13322, since=V2010)


def test_attributes_are_named_like_their_fields_in_camel_case() -> None:
    found = attributes_of(Sample)
    assert {name: field for name, (field, _) in found.items()} == {"finishOnKey": "finish_on_key", "loop": "loop"}
    loop = found["loop"][1]
    assert (loop.code, loop.nested_code, loop.since, loop.default) == (13510, 13322, V2010, 1)
    finish = found["finishOnKey"][1]
    assert (finish.code, finish.nested_code, finish.since, finish.default) == (13310, 13310, V2008, "#")
    assert attributes_of(Sample) is found


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("7", 7), ("007", 7), ("999999999", 999_999_999)])
def test_whole_numbers(text: str, value: int) -> None:
    assert integer(0)(text, V2010) == value


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1 2", "x", "1e3", "٣", "9" * 10, "9" * 5000])
def test_what_is_no_whole_number(text: str) -> None:
    with pytest.raises(BadValueError, match="takes a whole number of at least 0"):
        integer(0)(text, V2010)


def test_whole_numbers_have_bounds_which_may_differ_by_version() -> None:
    timeout = integer(0, minimum_2008=1)
    assert timeout("0", V2010) == 0
    with pytest.raises(BadValueError, match="of at least 1"):
        timeout("0", V2008)
    with pytest.raises(BadValueError, match="of at least 1"):
        timeout("x", V2008)
    with pytest.raises(BadValueError, match="from 1 to 60"):
        integer(1, 60)("61", V2010)


def test_words() -> None:
    assert one_of("a", "b")("b", V2010) == "b"
    with pytest.raises(BadValueError, match="takes a or b"):
        one_of("a", "b")("B", V2010)


def test_methods() -> None:
    assert [http_method(text, V2008) for text in ("GET", "post")] == ["GET", "POST"]
    with pytest.raises(BadValueError, match="GET or POST"):
        http_method("HEAD", V2008)


def test_booleans() -> None:
    assert [boolean(text, V2010) for text in ("true", "false")] == [True, False]
    with pytest.raises(BadValueError, match="true or false"):
        boolean("True", V2010)


def test_languages() -> None:
    assert language_tag("zh-Hant-TW", V2010) == "zh-Hant-TW"
    for text in ("", "x", "en_US", "en-", "english-"):
        with pytest.raises(BadValueError, match="language tag"):
            language_tag(text, V2010)


def test_an_error_may_have_a_code_of_its_own() -> None:
    assert (BadValueError("m", 13311).code, BadValueError("m").code) == (13311, None)
