"""Sip: an address, with headers and a login."""

import pytest
from dial_rig import dial, only
from twiml_calls import codes

ADDRESS = "sip:anna@192.0.2.1"


def test_an_address_alone_is_called_as_it_is() -> None:
    target = only(dial(f"<Sip>{ADDRESS}</Sip>"))
    assert (target.to, target.username, target.password, target.headers) == (ADDRESS, "", "", ())


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("X-A=1", (("X-A", "1"),)),
        ("x-a=1&amp;User-to-User=b%20c", (("x-a", "1"), ("User-to-User", "b c"))),
        ("Remote-Party-ID=me&amp;P-Called-Party-ID=you", (("Remote-Party-ID", "me"), ("P-Called-Party-ID", "you"))),
    ],
)
def test_headers_stand_behind_the_question_mark(query: str, headers: tuple[tuple[str, str], ...]) -> None:
    taken = dial(f'<Sip username="u" password="p">{ADDRESS}?{query}</Sip>')
    assert (only(taken).headers, only(taken).to, taken.codes()) == (headers, ADDRESS, [])


@pytest.mark.parametrize("query", ["X-A=%01", "X-A%0d%0aEvil=1", "X-%20=1"])
def test_what_would_break_a_header_is_left_out(query: str) -> None:
    taken = dial(f"<Sip>sip:bob@office.example?{query}</Sip>")
    assert (only(taken).headers, taken.codes()) == ((), [13255])


def test_line_breaks_in_a_header_are_blanks() -> None:
    target = only(dial("<Sip>sip:bob@office.example?X-A=one%0d%0atwo</Sip>"))
    assert target.headers == (("X-A", "one two"),)


def test_headers_of_the_call_itself_are_left_out() -> None:
    taken = dial(f"<Sip>{ADDRESS}?Contact=evil&amp;X-B=2</Sip>")
    assert (only(taken).headers, taken.codes()) == ((("X-B", "2"),), [13255])


@pytest.mark.parametrize("address", ["", "anna@192.0.2.1", "http://192.0.2.1", f"sip:{'a' * 252}"])
def test_what_is_no_address_is_not_called(address: str) -> None:
    assert codes(f"<Dial><Sip>{address}</Sip></Dial>") == [13243, 13223]


def test_keys_for_whoever_answers() -> None:
    assert only(dial(f'<Sip sendDigits="1W2#">{ADDRESS}</Sip>')).send_keys == "1W2#"
    taken = dial(f'<Sip sendDigits="1 2">{ADDRESS}</Sip>')
    assert (only(taken).send_keys, taken.codes()) == ("", [13242])


@pytest.mark.parametrize(("username", "password"), [("anna", ""), ("", "secret")])
def test_half_a_login_is_a_warning(username: str, password: str) -> None:
    taken = dial(f'<Sip username="{username}" password="{password}">{ADDRESS}</Sip>')
    assert (only(taken).username, only(taken).password, taken.codes()) == (username, password, [13244])


@pytest.mark.parametrize("long", ["username", "password"])
def test_a_login_that_is_too_long_is_left_out(long: str) -> None:
    login = {"username": "u", "password": "p"} | {long: "x" * 257}
    attributes = " ".join(f'{name}="{value}"' for name, value in login.items())
    taken = dial(f"<Sip {attributes}>{ADDRESS}</Sip>")
    assert (getattr(only(taken), long), taken.codes()) == ("", [13249, 13244])
