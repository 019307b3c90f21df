"""Header field values: what is read, what is forgiven, what is refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.sip import fields
from ringback.sip.fields import FieldError


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a,b", ["a", "b"]),
        ("a", ["a"]),
        ('"a,b" <sip:x>, <sip:y;p=1,2>', ['"a,b" <sip:x>', " <sip:y;p=1,2>"]),
        (r'"a\",b",c', [r'"a\",b"', "c"]),
        ("<sip:a,b", ["<sip:a", "b"]),
    ],
)
def test_lists_are_split_outside_of_quotes_and_brackets(text: str, pieces: list[str]) -> None:
    assert fields.split_outside(text, ",") == pieces


def test_an_open_quote_is_refused() -> None:
    with pytest.raises(FieldError, match="not closed"):
        fields.split_outside('"a,b', ",")


def test_parameters_are_read_without_case_and_quotes() -> None:
    read = fields.parse_parameters(r'; Tag = a1 ;LR;x="1;\"2";tag=b')
    assert read == {"tag": "a1", "lr": None, "x": '1;"2'}


@pytest.mark.parametrize("text", [";;", ";a;", "x;a=1", ";a b=1", ";=1"])
def test_broken_parameters_are_refused(text: str) -> None:
    with pytest.raises(FieldError):
        fields.parse_parameters(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"A \\"B\\"" <sip:a@b>;tag=1', ('A "B"', "sip:a@b", {"tag": "1"})),
        ("Bell, Alexander <sip:a@b>", ("Bell, Alexander", "sip:a@b", {})),
        ("sip:a@b;tag=1", ("", "sip:a@b", {"tag": "1"})),
        ("< sip:a@b >", ("", "sip:a@b", {})),
        ("<tel:+12125551234;phone-context=x>", ("", "tel:+12125551234;phone-context=x", {})),
    ],
)
def test_addresses(text: str, expected: tuple[str, str, dict[str, str | None]]) -> None:
    assert tuple(fields.parse_name_addr(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        '"open <sip:a@b>',
        '"x" sip:a@b',
        "<sip:a@b",
        "<>",
        "",
        "a@b",
        "sip:a@b?x=y",
        'a "b" <sip:c>',
        "<a b:c>",
        "<sip:a b>",
    ],
)
def test_broken_addresses_are_refused(text: str) -> None:
    with pytest.raises(FieldError):
        fields.parse_name_addr(text)


def test_a_missing_tag_is_an_empty_one() -> None:
    assert fields.parse_name_addr("<sip:a@b>").tag == ""
    assert fields.parse_name_addr("<sip:a@b>;tag").tag == ""


def test_via_with_all_blanks_that_the_grammar_allows() -> None:
    via = fields.parse_via(" SIP / 2.0 / udp  host : 5070 ; branch = z9hG4bKa ; rport ")
    assert (via.transport, via.host, via.port, via.branch) == ("UDP", "host", 5070, "z9hG4bKa")


@pytest.mark.parametrize("text", ["SIP/2.0/UDP", "x", "SIP/2.0/UDP h:99999", "SIP/2.0/UDP h;;", "SIP/2.0/UDP [::1"])
def test_broken_vias_are_refused(text: str) -> None:
    with pytest.raises(FieldError):
        fields.parse_via(text)


def test_a_broken_via_may_still_tell_whom_to_answer() -> None:
    via = fields.parse_via("SIP/2.0/UDP 192.0.2.2:5070;;;", salvage=True)
    assert via.response_address(("192.0.2.2", 9)) == ("192.0.2.2", 5070)
    with pytest.raises(FieldError):
        fields.parse_via("nothing", salvage=True)


@pytest.mark.parametrize("branch", ["", ";branch=z9hG4bK", ";branch=old-style"])
def test_branches_that_identify_nothing(branch: str) -> None:
    assert fields.parse_via(f"SIP/2.0/UDP h{branch}").branch == ""


@pytest.mark.parametrize(
    ("via", "marked"),
    [
        ("SIP/2.0/UDP 192.0.2.2;branch=x", "SIP/2.0/UDP 192.0.2.2;branch=x"),
        ("SIP/2.0/UDP 10.0.0.1:5070;branch=x", "SIP/2.0/UDP 10.0.0.1:5070;branch=x;received=192.0.2.2"),
        ("SIP/2.0/UDP 192.0.2.2;rport", "SIP/2.0/UDP 192.0.2.2;rport=999;received=192.0.2.2"),
        ("SIP/2.0/UDP h;received=6.6.6.6;lr", "SIP/2.0/UDP h;lr;received=192.0.2.2"),
        ('SIP/2.0/UDP h;x="a b";m=[::1]', 'SIP/2.0/UDP h;x="a b";m=[::1];received=192.0.2.2'),
    ],
)
def test_received_and_rport(via: str, marked: str) -> None:
    """RFC 3261 §18.2.1, RFC 3581 §4."""
    assert fields.parse_via(via).marked(("192.0.2.2", 999)) == marked


@pytest.mark.parametrize(
    ("via", "target"),
    [
        ("SIP/2.0/UDP h;rport", ("192.0.2.2", 999)),
        ("SIP/2.0/UDP h:5070", ("192.0.2.2", 5070)),
        ("SIP/2.0/UDP h", ("192.0.2.2", 5060)),
        ("SIP/2.0/UDP h;maddr=224.0.1.75", ("192.0.2.2", 5060)),
    ],
)
def test_where_responses_go(via: str, target: tuple[str, int]) -> None:
    """RFC 3261 §18.2.2; what the Via says of the host is not believed."""
    assert fields.parse_via(via).response_address(("192.0.2.2", 999)) == target


@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        ("sip:bob@example.com:5070;lr", "bob", "example.com", 5070),
        ("SIP:bob@EXAMPLE.com", "bob", "EXAMPLE.com", None),
        ("sip:#31#123@example.com", "#31#123", "example.com", None),
        ("sip:bob@sip_proxy", "bob", "sip_proxy", None),
        ("sip:bob@pbx1", "bob", "pbx1", None),
        ("sip:a%20b@3f2a:5060", "a b", "3f2a", 5060),
        ("sip:b%C3%BC:pass@pbx1", "bü", "pbx1", None),
        ("sips:[2001:db8::1]:5061", None, "[2001:db8::1]", 5061),
        ("tel:+1-212-555-1234", "+1-212-555-1234", "", None),
        ("TEL:*31#;phone-context=x.example;self", "*31#", "", None),
        ("sip:a@b.example;self=1", "a", "b.example", None),
        ("sip:a@pbx1;x=1;y", "a", "pbx1", None),
    ],
)
def test_uris(text: str, user: str | None, host: str, port: int | None) -> None:
    uri = fields.parse_uri(text)
    assert (uri.user, uri.host, uri.port) == (user, host, port)


@pytest.mark.parametrize(
    "text",
    [
        "sip:",
        "tel:",
        "tel:+12x!",
        "sip:" + "a" * 2000,
        "http://x",
        "sip:a@b?c=d",
        "sip:a@b:99999",
        "sip:a b@c",
        "",
        "sip:" + "a" * 300 + "@@",
    ],
)
def test_broken_uris_are_refused(text: str) -> None:
    with pytest.raises(FieldError):
        fields.parse_uri(text)


def test_user_of_what_is_no_sip_uri_is_empty() -> None:
    assert fields.user_of("isbn:123") == ""
    assert fields.user_of("sip:192.0.2.1") == ""
    assert fields.user_of("sip:x%40y@z.example") == "x@y"


def test_schemes_and_hosts() -> None:
    assert fields.scheme_of("SIP:x") == "sip"
    assert fields.scheme_of("no scheme") == ""
    assert fields.host_text("::1") == "[::1]"
    assert fields.host_text("[::1]") == "[::1]"
    assert fields.host_text("192.0.2.1") == "192.0.2.1"


@given(st.text(alphabet='"<>;,=@:%\\ ab1\t[]?', max_size=60))
def test_nothing_but_the_documented_error(text: str) -> None:
    """Each reader takes a text or raises FieldError."""
    for read in (fields.parse_name_addr, fields.parse_parameters, fields.parse_via, fields.parse_uri):
        with contextlib.suppress(FieldError):
            read(text)
    with contextlib.suppress(FieldError):
        fields.parse_via(text, salvage=True)


@pytest.mark.parametrize(
    "text",
    ["tel:" + "1" * 1900 + "!", "tel:+" + "1-" * 900 + "!", "sip:" + "a." * 900 + "!", "sip:" + "a-" * 900 + "!",
     "sip:a" + ";a=b" * 400 + "!", '"a"' + "<" * 30_000 + ",", "<a" * 10_000 + ",", '"' + '\\"' * 15_000 + ",",
     " " * 30_000 + "x", '"' * 30_001, ";a" * 15_000],
    ids=range(11),
)  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    """Patterns that step back and forth would hang the server for minutes; the limit of the test would end it."""
    for read in (fields.parse_name_addr, fields.parse_uri, lambda text: fields.split_outside(text, ",")):
        with contextlib.suppress(FieldError):
            read(text)


@given(
    st.sampled_from(["UDP", "TCP", "TLS", "WS"]),
    st.sampled_from(["192.0.2.1", "[2001:db8::1]", "pbx-1.example"]),
    st.one_of(st.none(), st.integers(0, 99999)),
    st.sampled_from(["", ";rport"]),
    st.from_regex(r"[A-Za-z0-9.\-_*]{1,20}", fullmatch=True),
    st.sampled_from(["", ";rport"]),
)
def test_the_usual_shape_of_a_via_is_read_like_any_other(
    transport: str, host: str, port: int | None, before: str, branch: str, after: str
) -> None:
    """A blank in front of it has it read step by step."""
    text = f"SIP/2.0/{transport} {host}{'' if port is None else f':{port}'}{before};branch={branch}{after}"
    try:
        slow = fields.parse_via(" " + text)
    except FieldError:
        with pytest.raises(FieldError):
            fields.parse_via(text)
    else:
        assert fields.parse_via(text) == slow
        assert list(fields.parse_via(text).parameters) == list(slow.parameters), "the order is that of the text"


@given(
    st.lists(st.tuples(st.sampled_from(["a", "B", "b", "lr"]), st.sampled_from(["", "=1", "=x-Y", "=<", "=", '="q"'])))
)
def test_plain_parameters_are_read_like_any_others(pieces: list[tuple[str, str]]) -> None:
    text = "".join(f";{name}{value}" for name, value in pieces)
    try:
        slow = fields.parse_parameters(text + " " if text else text)
    except FieldError:
        with pytest.raises(FieldError):
            fields.parse_parameters(text)
    else:
        assert fields.parse_parameters(text) == slow
