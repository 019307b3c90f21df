"""Look-alikes are replaced where that makes the text shorter, and only there."""

from hypothesis import given
from hypothesis import strategies as st

from ringback.messaging.text.gsm7 import is_gsm7
from ringback.messaging.text.smart import to_gsm7


def test_what_word_processors_put_in_is_replaced() -> None:
    assert to_gsm7("“It’s half past 9 – or ½ hour later…”") == '"It\'s half past 9 - or 1/2 hour later..."'
    assert to_gsm7("a\u00a0b\u200bc") == "a bc"


def test_a_text_that_needs_ucs2_anyway_stays_as_it_is() -> None:
    assert to_gsm7("Привет – it’s") == "Привет – it’s"
    assert to_gsm7("plain") == "plain"


@given(st.text(max_size=100))
def test_either_all_of_it_fits_or_nothing_is_changed(text: str) -> None:
    replaced = to_gsm7(text)
    assert replaced == text or is_gsm7(replaced)
