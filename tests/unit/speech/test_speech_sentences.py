"""Cutting texts into parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.speech.sentences import split


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("Hello", ["Hello"]),
        ("Hello. Bye!  Really?", ["Hello.", "Bye!", "Really?"]),
        ("Dr. Smith met J. K. Rowling. He left.", ["Dr. Smith met J. K. Rowling.", "He left."]),
        ("your code is b seven q. Thank you.", ["your code is b seven q.", "Thank you."]),
        ("at approx. five", ["at approx. five"]),
        ('He said "No." Then he left.', ['He said "No."', "Then he left."]),
        ("Is it No. 5? No. It is 6.", ["Is it No. 5?", "No.", "It is 6."]),
        ("你好。再见。", ["你好。", "再见。"]),
        (". Hm", [".", "Hm"]),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert split(text) == parts


def test_a_long_sentence_is_cut_at_commas_then_at_blanks_then_anywhere() -> None:
    assert split("one two, three four, five", 12) == ["one two,", "three four,", "five"]
    assert split("one two three, four", 9) == ["one two", "three,", "four"]
    assert split("abcdefghij kl", 4) == ["abcd", "efgh", "ij", "kl"]


@given(st.text(alphabet="ab.,! \u3002Q", max_size=300), st.integers(1, 40))
def test_nothing_is_lost_and_no_part_is_too_long(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(0 < len(part) <= limit for part in parts)
