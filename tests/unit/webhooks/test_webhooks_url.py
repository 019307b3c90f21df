"""URLs: what goes on the wire, what is refused, and what a fragment may ask for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.model.errors import ApplicationError
from ringback.webhooks.url import MAX_LENGTH, Overrides, parse_overrides, parse_target, resolve, with_query


@pytest.mark.conforms("2010-04-01/6/fragment", "2010-04-01/6/port", "2010-04-01/6/userinfo", "2008-08-01/1.5/url")
@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("https://example.com", "https://example.com/"),
        (" https://example.com/a\n", "https://example.com/a"),
        ("HTTP://Example.COM:80/A", "http://example.com/A"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("http://example.com:443/", "http://example.com:443/"),
        ("https://example.com?a=1", "https://example.com/?a=1"),
        ("https://example.com/a b?c=d e", "https://example.com/a%20b?c=d%20e"),
        ("https://example.com/%7Euser/%zz", "https://example.com/%7Euser/%25zz"),
        ("https://example.com/ü", "https://example.com/%C3%BC"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("http://[::1]:5000/", "http://[::1]:5000/"),
        ("http://127.0.0.1:5000/", "http://127.0.0.1:5000/"),
        ("http://host./", "http://host./"),
        ("http://example.com/a?q#frag", "http://example.com/a?q"),
        ("http://user:pw@example.com/", "http://example.com/"),
        ("http://example.com/a?b=http://x/?y", "http://example.com/a?b=http://x/?y"),
    ],
)
def test_what_is_sent(text: str, wire: str) -> None:
    target = parse_target(text)
    assert target.url == wire
    assert parse_target(wire).url == wire
    assert wire.startswith(target.origin + "/")


@pytest.mark.conforms("2010-04-01/7/urls")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begin with http"),
        ("/relative", "begin with http"),
        ("example.com/", "begin with http"),
        ("ftp://example.com/", "begin with http"),
        ("javascript:alert(1)", "begin with http"),
        ("http://", "host"),
        ("http:///path", "host"),
        ("http://my_app/", "underscores"),
        ("http://-a.example/", "host name"),
        ("http://a..b/", "host"),
        ("http://" + "a" * 64 + ".example/", "host"),
        ("http://" + "a." * 130 + "example/", "host"),
        ("http://example.com:0/", "port"),
        ("http://example.com:99999/", "ort"),
        ("http://example.com:x/", "ort"),
        ("http://[::1/", "IPv6"),
        ("http://[zz]/", ""),
        ("http://[fe80::1%25eth0]/", "zone"),
        ("http://a b/", "Host"),
        ("http://example.com/\x00", "control"),
        ("http://example.com/a\r\nHost: b", "control"),
        ("http://a%3Ab:c@example.com/", "colon"),
        ("http://example.com/\ud800", "surrogates"),
        ("http://example.com/" + "a" * MAX_LENGTH, "longer"),
    ],
)
def test_what_is_malformed(text: str, why: str) -> None:
    with pytest.raises(ApplicationError) as raised:
        parse_target(text)
    assert raised.value.code == 11100
    assert why in raised.value.message


def test_a_message_shows_no_password() -> None:
    with pytest.raises(ApplicationError) as raised:
        parse_target("http://user:secret@my_app/")
    assert "secret" not in str(raised.value)


def test_the_login_is_decoded() -> None:
    assert parse_target("https://us%40er:p%3Aw@example.com/").login == ("us@er", "p:w")
    assert parse_target("https://example.com/").login is None
    assert parse_target("https://user@example.com/").login == ("user", "")


def test_an_origin_has_scheme_host_and_port() -> None:
    origins = {
        parse_target(url).origin for url in ("http://a/", "https://a/", "http://a:81/", "http://b/", "http://a:80/x")
    }
    assert origins == {"http://a", "https://a", "http://a:81", "http://b"}


@given(st.text(max_size=60) | st.text("htps:/@[]%#?.:0a_", max_size=30).map(lambda text: "http://" + text))
def test_any_text_is_a_url_or_malformed(text: str) -> None:
    try:
        target = parse_target(text)
    except ApplicationError as error:
        assert error.code == 11100
        str(error).encode()
    else:
        assert target.url.isascii()
        assert parse_target(target.url).url == target.url


def test_parameters_go_behind_the_query() -> None:
    assert with_query("http://a/", {}) == "http://a/"
    assert with_query("http://a/", {"From": "+1 ü"}) == "http://a/?From=%2B1+%C3%BC"
    assert with_query("http://a/?x=1", {"y": "2"}) == "http://a/?x=1&y=2"


@pytest.mark.parametrize(
    ("base", "reference", "url"),
    [
        ("http://a/b/c", "d", "http://a/b/d"),
        ("http://a/b/c", " ../d\n", "http://a/d"),
        ("http://a/b/c?q", "", "http://a/b/c?q"),
        ("http://a/b/c", "https://x/y", "https://x/y"),
        ("http://a/b/c", "//x/y", "http://x/y"),
    ],
)
def test_references_are_resolved(base: str, reference: str, url: str) -> None:
    assert resolve(base, reference) == url


def test_a_reference_that_is_none() -> None:
    with pytest.raises(ApplicationError) as raised:
        resolve("http://a/", "//[b")
    assert raised.value.code == 11100


@pytest.mark.conforms(
    "2010-04-01/7/ct",
    "2010-04-01/7/rt",
    "2010-04-01/7/tt",
    "2010-04-01/7/rc",
    "2010-04-01/7/rp",
    "2010-04-01/7/e",
    "2010-04-01/7/sni",
)
@pytest.mark.parametrize(
    ("fragment", "overrides"),
    [
        ("", Overrides()),
        ("section", Overrides()),
        ("ct=2000&rt=3000&tt=4000&rc=2&rp=4xx,rt", Overrides(2.0, 3.0, 4.0, 2, frozenset({"4xx", "rt"}))),
        ("rp=4xx%2C5xx", Overrides(retry_on=frozenset({"4xx", "5xx"}))),
        ("rc=0&rp=all", Overrides(retries=0, retry_on=frozenset({"all"}))),
        ("ct=99&rt=15001&tt=99999&rc=6&rp=6xx", Overrides()),
        ("ct=10000&tt=15000", Overrides(connect_timeout=10.0, total_timeout=15.0)),
        ("ct=10001", Overrides()),
        ("ct=-1&rt=1e3&tt=²&rc=", Overrides()),
        ("ct=500&sni=n&e=ashburn&&=", Overrides(connect_timeout=0.5, sni=False)),
        ("sni=y", Overrides()),
        ("sni=no", Overrides()),
    ],
)
def test_connection_overrides(fragment: str, overrides: Overrides) -> None:
    """Clause 7 of the 2010-04-01 specification; what makes no sense is ignored."""
    assert parse_overrides(fragment) == overrides
    assert parse_target(f"http://a/#{fragment}").overrides == overrides
