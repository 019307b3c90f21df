"""Digest authentication: its arithmetic by published vectors, and the half that answers challenges."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.sip.auth import (
    AuthError,
    Challenge,
    ClientAuth,
    Credentials,
    Terms,
    authorization,
    digest,
    ha1,
    parse_challenge,
    parse_digest,
    quoted,
    same,
)
from ringback.sip.message import Response, parse

SDP = (
    b"v=0\r\no=bob 2890844526 2890844526 IN IP4 media.biloxi.com\r\ns=-\r\nc=IN IP4 media.biloxi.com\r\nt=0 0\r\n"
    b"m=audio 49170 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=video 51372 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n"
    b"m=video 53000 RTP/AVP 32\r\na=rtpmap:32 MPV/90000\r\n"
)
SMITH = "dcd98b7102dd2f0e8b11d0f600bfb0c093"


@pytest.mark.parametrize(
    ("algorithm", "qop", "response"),
    [
        ("MD5", "", "bf57e4e0d0bffc0fbaedce64d59add5e"),
        ("MD5", "auth", "89eb0059246c02b2f6ee02c7961d5ea3"),
        ("MD5", "auth-int", "bdbeebb2da6adb6bca02599c2239e192"),
        ("MD5-sess", "auth", "e4e4ea61d186d07a92c9e1f6919902e9"),
        ("MD5-sess", "auth-int", "91984da2d8663716e91554859c22ca70"),
    ],
)
def test_the_sip_examples_of_draft_smith(algorithm: str, qop: str, response: str) -> None:
    terms = Terms(algorithm, SMITH, "INVITE", "sip:bob@biloxi.com", qop, "0a4f113b", "00000001", SDP)
    assert terms.response(ha1(algorithm, "bob", "biloxi.com", "zanzibar")) == response


def test_the_example_of_rfc_2617_section_3_5() -> None:
    terms = Terms("MD5", SMITH, "GET", "/dir/index.html", "auth", "0a4f113b", "00000001")
    secret = ha1("MD5", "Mufasa", "testrealm@host.com", "Circle Of Life")
    assert terms.response(secret) == "6629fae49393a05397450978507c4ef1"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616_section_3_9_1(algorithm: str, response: str) -> None:
    """With the whole header line, as a client makes it."""
    challenge = parse_challenge(
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    line = authorization(
        challenge,
        Credentials("Mufasa", "Circle of Life"),
        method="GET",
        uri="/dir/index.html",
        body=b"",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        count=1,
    )
    assert parse_digest(line) == {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "uri": "/dir/index.html",
        "algorithm": algorithm,
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "nc": "00000001",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "qop": "auth",
        "response": response,
        "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    }


def test_the_example_of_rfc_7616_section_3_9_2() -> None:
    """As erratum 4897 has it: the RFC's own figures were made with a draft of SHA-512/256."""
    terms = Terms(
        "SHA-512-256", "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", "GET", "/doe.json", "auth",
        "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", "00000001",
    )  # fmt: skip
    secret = ha1("SHA-512-256", "Jäsøn Doe", "api@example.org", "Secret, or not?")
    assert terms.response(secret) == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    userhash = "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    assert digest("SHA-512-256", "Jäsøn Doe:api@example.org") == userhash


def test_sess_variants_of_rfc_8760_take_the_hash_of_their_name() -> None:
    terms = Terms("SHA-256-sess", "n", "INVITE", "sip:a", "auth", "c", "00000001")
    secret = ha1("SHA-256", "u", "r", "p")
    session = digest("SHA-256", f"{secret}:n:c")
    expected = digest("SHA-256", f"{session}:n:00000001:c:auth:{digest('SHA-256', 'INVITE:sip:a')}")
    assert terms.response(secret) == expected


def test_an_algorithm_that_there_is_not() -> None:
    with pytest.raises(AuthError, match="no digest algorithm 'SHA-1'"):
        digest("SHA-1", "")


def test_reading() -> None:
    assert parse_digest('digest a="x, \\"y\\"",  B = z ,c=""') == {"a": 'x, "y"', "b": "z", "c": ""}
    assert parse_digest("Digest " + f"a={quoted(chr(92) + chr(34))}") == {"a": '\\"'}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("Basic abc", "not Digest"),
        ("", "not Digest"),
        ('Digest a="x', "not closed"),
        ("Digest a", "cannot be read"),
        ("Digest a=1, A=2", "stands twice"),
        ("Digest " + ", ".join(f"a{i}=1" for i in range(41)), "more than 40"),
    ],
)
def test_what_cannot_be_read(value: str, reason: str) -> None:
    with pytest.raises(AuthError, match=reason):
        parse_digest(value)


@given(st.text(max_size=80).map("Digest {}".format) | st.text(max_size=80))
def test_whatever_comes_is_read_or_refused(value: str) -> None:
    for read in (parse_digest, parse_challenge):
        try:
            read(value)
        except AuthError as error:
            assert str(error)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ('Digest realm="r"', "without nonce or realm"),
        ('Digest nonce="n"', "without nonce or realm"),
        ('Digest realm="r", nonce="n", algorithm=AKAv1-MD5', "no digest algorithm 'AKAv1-MD5'"),
        ('Digest realm="r", nonce="n", qop="future"', "no quality of protection"),
    ],
)
def test_challenges_that_cannot_be_answered(value: str, reason: str) -> None:
    with pytest.raises(AuthError, match=reason):
        parse_challenge(value)


def test_a_challenge_of_a_server_that_knows_no_qop() -> None:
    """RFC 2069: no cnonce, no count, and no algorithm where it named none."""
    challenge = parse_challenge('Digest realm="r", nonce="n"')
    assert challenge == Challenge("r", "n")
    line = authorization(
        challenge, Credentials("u", "p"), method="REGISTER", uri="sip:r", body=b"", cnonce="c", count=3
    )
    assert set(parse_digest(line)) == {"username", "realm", "nonce", "uri", "response"}


def test_auth_int_where_nothing_else_is_offered_and_the_cnonce_of_a_session() -> None:
    challenge = parse_challenge('Digest realm="r", nonce="n", qop="auth-int", algorithm=MD5')
    line = authorization(challenge, Credentials("u", "p"), method="A", uri="b", body=b"c", cnonce="d", count=10)
    found = parse_digest(line)
    assert (found["qop"], found["nc"]) == ("auth-int", "0000000a")
    assert found["response"] == Terms("MD5", "n", "A", "b", "auth-int", "d", "0000000a", b"c").response(
        ha1("MD5", "u", "r", "p")
    )
    session = parse_challenge('Digest realm="r", nonce="n", algorithm=MD5-sess')
    line = authorization(session, Credentials("u", "p"), method="A", uri="b", body=b"", cnonce="d", count=1)
    assert parse_digest(line)["cnonce"] == "d"


def challenged(*values: str, code: int = 401) -> Response:
    name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
    lines = "".join(f"{name}: {value}\r\n" for value in values)
    text = (
        f"SIP/2.0 {code} No\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
        f"Call-ID: i\r\nCSeq: 1 INVITE\r\n{lines}\r\n"
    )
    message = parse(text.encode())
    assert isinstance(message, Response)
    return message


def client(realm: str = "") -> ClientAuth:
    return ClientAuth(Credentials("u", "p", realm), random.Random(1))


def test_the_topmost_challenge_that_is_known_is_answered() -> None:
    """RFC 8760 section 2.4; those of other schemes and algorithms are passed over."""
    response = challenged(
        'Digest realm="r", nonce="0", algorithm=AKAv1-MD5',
        "Bearer x",
        'Digest realm="r", nonce="1", algorithm=SHA-256, qop="auth"',
        'Digest realm="r", nonce="2", algorithm=MD5, qop="auth"',
    )
    [(name, value)] = client().answer(response, method="INVITE", uri="sip:c@d")
    assert name == "Authorization"
    assert parse_digest(value)["algorithm"] == "SHA-256"
    assert parse_digest(value)["nc"] == "00000001"


def test_a_proxy_and_the_server_behind_it_both_get_their_answers() -> None:
    auth = client()
    assert auth.again(method="INVITE", uri="sip:c@d") == []
    auth.answer(challenged('Digest realm="proxy", nonce="1", qop="auth"', code=407), method="INVITE", uri="sip:c@d")
    both = auth.answer(challenged('Digest realm="server", nonce="2", qop="auth"'), method="INVITE", uri="sip:c@d")
    assert [(name, parse_digest(value)["nc"]) for name, value in both] == [
        ("Proxy-Authorization", "00000002"),
        ("Authorization", "00000001"),
    ]
    later = auth.again(method="BYE", uri="sip:c@d")
    assert [parse_digest(value)["nc"] for _, value in later] == ["00000003", "00000002"]


def test_a_wrong_password_is_not_tried_twice() -> None:
    auth = client()
    auth.answer(challenged('Digest realm="r", nonce="1"'), method="INVITE", uri="sip:c@d")
    with pytest.raises(AuthError, match="'r' refuses the name or the password"):
        auth.answer(challenged('Digest realm="r", nonce="2"'), method="INVITE", uri="sip:c@d")


def test_a_nonce_that_grew_old_is_answered_again() -> None:
    """Also where the server does not say that it is old, but took it before."""
    auth = client()
    auth.answer(challenged('Digest realm="r", nonce="1", qop=auth'), method="INVITE", uri="sip:c@d")
    [(_, value)] = auth.answer(
        challenged('Digest realm="r", nonce="2", qop=auth, stale=TRUE'), method="INVITE", uri="sip:c@d"
    )
    assert (parse_digest(value)["nonce"], parse_digest(value)["nc"]) == ("2", "00000001")
    auth.again(method="BYE", uri="sip:c@d")
    assert auth.answer(challenged('Digest realm="r", nonce="3", qop=auth'), method="BYE", uri="sip:c@d")


def test_credentials_for_one_realm_are_shown_to_no_other() -> None:
    with pytest.raises(AuthError, match="the realm is 'r', not 'mine'"):
        client("mine").answer(challenged('Digest realm="r", nonce="1"'), method="INVITE", uri="sip:c@d")
    assert client("r").answer(challenged('Digest realm="r", nonce="1"'), method="INVITE", uri="sip:c@d")


def test_challenges_without_end_are_not_followed() -> None:
    auth = client()
    for i in range(20):
        auth.answer(challenged(f'Digest realm="{i}", nonce="1"'), method="INVITE", uri="sip:c@d")
    with pytest.raises(AuthError, match="too many realms"):
        auth.answer(challenged('Digest realm="20", nonce="1"'), method="INVITE", uri="sip:c@d")
    with pytest.raises(AuthError, match="without a challenge"):
        auth.answer(challenged(), method="INVITE", uri="sip:c@d")


def test_passwords_are_not_shown() -> None:
    assert "secret" not in repr(Credentials("u", "secret"))
    assert same("a", "a")
    assert not same("ä", "b\udcff")
