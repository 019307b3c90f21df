"""What engines get to see."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.speech.normalise import Passage, Segment, clean, normalise, prose, read_as


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        # Quantities stay numbers, spaced digits are read one by one (2008-08-01 §2.2)
        ("12345", "12345"),
        ("1,000,000 calls", "1,000,000 calls"),
        ("1 2 3 4 5", "one two three four five"),
        ("1-2-3", "one two three"),
        ("3-4 people", "3-4 people"),
        ("room 101", "room 101"),
        ("007", "zero zero seven"),
        ("pi is 3.14159", "pi is 3.14159"),
        ("10:30", "10:30"),
        ("2024-01-02", "2024-01-02"),
        ("192.168.0.1", "192.168.0.1"),
        (
            "12345678901234567",
            "one two three four, five six seven eight, nine zero one two, three four five six, seven",
        ),
        # Telephone numbers
        ("(415) 555-0132", "four one five, five five five, zero one three two"),
        ("Call (415)555-0132.", "Call four one five, five five five, zero one three two."),
        ("415-555-0132", "four one five, five five five, zero one three two"),
        ("415.555.0132 or", "four one five, five five five, zero one three two or"),
        ("1-800-555-0132", "one, eight zero zero, five five five, zero one three two"),
        ("555-0132", "five five five, zero one three two"),
        ("+14155550132", "plus one, four one five, five five five, zero one three two"),
        ("+1 (415) 555-0132", "plus one, four one five, five five five, zero one three two"),
        ("+49 30 1234567.", "plus four nine, three zero, one two three four five six seven."),
        ("+491234567890123", "plus four nine one, two three four, five six seven, eight nine zero, one two three"),
        ("030 1234567", "zero three zero, one two three four five six seven"),
        ("4111 1111 1111 1234", "four one one one, one one one one, one one one one, one two three four"),
        ("123-45-6789", "one two three, four five, six seven eight nine"),
        # Codes
        ("Your code is A B 7 9 Q. Thank you.", "Your code is eh b seven nine q. Thank you."),
        ("A-B-C", "eh b c"),
        ("B 7", "b seven"),
        ("X7K9Q2", "x seven k nine q two"),
        ("B2B and MP3", "B2B and MP3"),
        ("take A 5 minute break", "take A 5 minute break"),
        ("I B", "I B"),
        ("A man", "A man"),
        ("plan A or B", "plan eh or B"),
        ("Press A.", "Press eh."),
        ("watch A Tale", "watch A Tale"),
        # Money
        ("$1,234.56", "1,234 dollars and 56 cents"),
        ("$1", "1 dollar"),
        ("$.50, $0.01", "50 cents, 1 cent"),
        ("$0", "0 dollars"),
        ("-$5.", "minus 5 dollars."),
        ("$1500", "1,500 dollars"),
        ("€3.50 or £1.01", "3 euros and 50 cents or 1 pound and 1 penny"),
        ("5 EUR, USD 12.5, ¥300", "5 euros, 12 dollars and 50 cents, 300 yen"),
        ("$5 million", "$5 million"),
        ("$5M", "$5M"),
        ("$1.234", "$1.234"),
        # Addresses
        ("mail a.b@example.com now", "mail a dot b at example dot com now"),
        ("see https://www.example.com/a/b.", "see example dot com slash a slash b."),
        ("www.my-shop.org", "my dash shop dot org"),
    ],
)
def test_english(text: str, spoken: str) -> None:
    assert prose(text, "en-US") == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Llame al (415) 555-0132.", "Llame al 4 1 5, 5 5 5, 0 1 3 2."),
        ("+34 91 123 45 67", "+ 3 4, 9 1, 1 2 3, 4 5, 6 7"),
        ("1 2 3", "1 2 3"),
        ("$5", "$5"),
        ("Ve a A", "Ve a A"),
        ("12345678901234567890", "1 2 3 4, 5 6 7 8, 9 0 1 2, 3 4 5 6, 7 8 9 0"),
    ],
)
def test_other_languages_get_what_is_the_same_everywhere(text: str, spoken: str) -> None:
    assert prose(text, "es") == spoken


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  a\n\tb\r\nc ", "a b c"),
        ("a\x01\x02b\x00", "a b"),
        ("[[h@loU]]", "[ [h@loU]]"),
        ("[[[", "[ [ ["),
        ("e\u0301", "é"),
        ("A" * 2000, "AAA"),
        ("Noooo", "Noooo"),
        ("ab" * 40, "ab" * 30 + " " + "ab" * 10),
        ("👩\u200d🚒", "👩\u200d🚒"),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("text", "interpret_as", "form", "spoken"),
    [
        ("ABC-12", "characters", "", "eh b c dash one two"),
        ("ab 12", "spell-out", "", "eh b, one two"),
        ("é~", "verbatim", "", "é"),
        ("12 34", "digits", "", "one two, three four"),
        ("none", "digits", "", "none"),
        ("4155550132", "telephone", "", "four one five, five five five, zero one three two"),
        ("14155550132", "telephone", "", "one, four one five, five five five, zero one three two"),
        ("4915", "telephone", "", "four nine one five"),
        ("none", "telephone", "", "none"),
        ("1234", "cardinal", "", "1,234"),
        ("12a", "number", "", "12a"),
        ("21", "ordinal", "", "21st"),
        ("12", "ordinal", "", "12th"),
        ("2nd", "ordinal", "", "2nd"),
        ("3/20", "fraction", "", "3 over 20"),
        ("1+1/2", "fraction", "", "1 and 1/2"),
        ("half", "fraction", "", "half"),
        ("3/14/2024", "date", "mdy", "March 14th, 2024"),
        ("14.3.24", "date", "dmy", "March 14th, 2024"),
        ("20240314", "date", "yyyymmdd", "March 14th, 2024"),
        ("????0314", "date", "yyyymmdd", "March 14th"),
        ("3-14", "date", "md", "March 14th"),
        ("3/1985", "date", "my", "March, 1985"),
        ("99", "date", "y", "1999"),
        ("13/14/2024", "date", "mdy", "13/14/2024"),
        ("3/14", "date", "mdy", "3/14"),
        ("3/14/2024", "date", "", "3/14/2024"),
        ("3/14/2024", "date", "abc", "3/14/2024"),
        ("1'21\"", "time", "", "1 minute 21 seconds"),
        ("2'", "time", "", "2 minutes"),
        ("0'", "time", "", "0 minutes"),
        ("10:30am", "time", "", "10:30am"),
        ("12.5", "currency", "", "12 dollars and 50 cents"),
        ("€1", "currency", "", "1 euro"),
        ("much", "currency", "", "much"),
        ("damn", "expletive", "", "beep"),
        ("10 km", "unit", "", "10 km"),
        ("$5", "nonsense", "", "5 dollars"),
        ("$5", None, "", "5 dollars"),
    ],
)
def test_say_as(text: str, interpret_as: str | None, form: str, spoken: str) -> None:
    assert read_as(Segment(text, interpret_as, form), "en-US") == spoken


@pytest.mark.parametrize(
    ("text", "interpret_as", "spoken"),
    [
        ("AB-12", "characters", "A B 1 2"),
        ("12 34", "digits", "1 2, 3 4"),
        ("+3491", "telephone", "+ 3 4 9 1"),
        ("12", "ordinal", "12"),
        ("caramba", "expletive", ""),
    ],
)
def test_say_as_in_other_languages(text: str, interpret_as: str, spoken: str) -> None:
    assert read_as(Segment(text, interpret_as), "es-ES") == spoken


def test_segments_of_a_sentence_become_one_passage() -> None:
    segments = [
        Segment("Your code is "),
        Segment("12", "digits"),
        Segment(". Bye", break_ms=200),
        Segment("x", rate=0.8),
    ]
    assert normalise(segments, "en") == [Passage("Your code is one two. Bye", 1.0, 200), Passage("x", 0.8)]


def test_pauses_alone_and_nothing_at_all() -> None:
    assert normalise("  \n ", "en") == []
    assert normalise([], "en") == []
    assert normalise([Segment("", break_ms=500)], "en") == [Passage("", 1.0, 500)]
    assert normalise([Segment(""), Segment("a")], "en") == [Passage("a")]


@given(st.text(max_size=200), st.sampled_from(["en-US", "es", ""]))
def test_any_text_can_be_normalised(text: str, language: str) -> None:
    """No control characters and no engine commands get through, whatever comes."""
    for passage in normalise(text, language):
        assert "[[" not in passage.text
        assert not any(unicodedata.category(c) == "Cc" for c in passage.text)


FORMS = ["characters", "digits", "telephone", "cardinal", "ordinal", "fraction", "date", "time", "currency", None]
FIGURES = st.text(alphabet="0123456789 .,-+$()AZa/@:'", max_size=60)


@given(FIGURES, st.sampled_from(FORMS), st.sampled_from(["", "mdy", "yyyymmdd", "my"]))
def test_any_figures_can_be_read(text: str, interpret_as: str | None, form: str) -> None:
    for language in ("en", "de"):
        read_as(Segment(text, interpret_as, form), language)
