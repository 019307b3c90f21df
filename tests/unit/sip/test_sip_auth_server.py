"""The half of digest authentication that challenges and checks."""

import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.sip.auth import AuthError, Credentials, authorization, ha1, parse_challenge, parse_digest
from ringback.sip.auth_server import Check, DigestServer

URI = "sip:ringback.example;transport=tcp"
PASSWORDS = {"alice": "secret"}


def server(**options: Any) -> DigestServer:
    return DigestServer(**{"realm": "ringback", "key": b"k" * 32, "rng": random.Random(1), **options})


def secrets(username: str, algorithm: str) -> str | None:
    password = PASSWORDS.get(username)
    return None if password is None else ha1(algorithm, username, "ringback", password)


def answer(challenge: str, password: str = "secret", count: int = 1, *, user: str = "alice", **changes: Any) -> str:
    fields = {"method": "REGISTER", "uri": URI, "body": b"", "cnonce": "c", **changes}
    return authorization(parse_challenge(challenge), Credentials(user, password), count=count, **fields)


def check(on: DigestServer, value: str, now: float = 0.0, **changes: Any) -> Check:
    found = on.own([value])
    assert found is not None
    return on.check(
        found,
        **{"method": "REGISTER", "uri": URI, "body": b"", "secrets": secrets, "source": "a", "now": now, **changes},
    )


def nonce_line(on: DigestServer, now: float = 0.0) -> str:
    return on.challenge(now, "a")[0][1]


def test_who_knows_the_password_is_accepted() -> None:
    on = server()
    [(name, line)] = on.challenge(0.0, "a")
    assert name == "WWW-Authenticate"
    assert re.fullmatch(r'Digest realm="ringback", nonce="[0-9a-f]{60}", algorithm=MD5, qop="auth"', line)
    assert check(on, answer(line)) == Check("accepted", "alice")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256", "MD5-SESS"])
@pytest.mark.parametrize("qop", ["auth", "auth-int"])
def test_every_algorithm_and_quality(algorithm: str, qop: str) -> None:
    on = server(algorithms=(algorithm,), qop=(qop,))
    line = nonce_line(on)
    assert check(on, answer(line, body=b"text"), body=b"text").finding == "accepted"
    finding = check(on, answer(line, body=b"text", count=2), body=b"changed").finding
    assert finding == ("wrong password" if qop == "auth-int" else "accepted")


def test_algorithms_are_offered_in_their_order() -> None:
    """RFC 8760 section 2.4: the preferred one on top, each with the same nonce."""
    lines = [line for _, line in server(algorithms=("SHA-256", "MD5")).challenge(0.0, "a", stale=True)]
    assert ["SHA-256" in line for line in lines] == [True, False]
    assert len({parse_digest(line)["nonce"] for line in lines}) == 1
    assert all(line.endswith(", stale=true") for line in lines)


def test_a_wrong_password_and_a_user_who_is_not_there() -> None:
    on = server()
    wrong = check(on, answer(nonce_line(on), "guess"))
    assert wrong == Check("wrong password", "alice", "the password of 'alice' is wrong")
    assert check(on, answer(nonce_line(on), user="bob")).finding == "unknown user"
    assert len(on) == 0


def test_a_repeated_answer_is_refused_and_a_counted_one_is_not() -> None:
    on = server()
    line = nonce_line(on)
    assert check(on, answer(line)).finding == "accepted"
    assert check(on, answer(line)).finding == "replayed"
    assert check(on, answer(line, count=5)).finding == "accepted"
    assert check(on, answer(line, count=4)).finding == "replayed"
    assert len(on) == 1


def test_a_client_of_rfc_2069_may_use_a_nonce_once() -> None:
    on = server()
    line = re.sub(', qop="auth"', "", nonce_line(on))
    assert check(on, answer(line)).finding == "accepted"
    assert check(on, answer(line, count=2)).finding == "replayed"


def test_nonces_grow_old() -> None:
    on = server(lifetime=10.0)
    line = nonce_line(on, 100.0)
    assert check(on, answer(line), 110.0).finding == "accepted"
    assert check(on, answer(line, count=2), 110.1).finding == "stale"
    assert check(on, answer(nonce_line(on, 200.0)), 100.0).finding == "stale"


def test_nonces_of_others_are_stale_whatever_the_password() -> None:
    """A phone goes on by itself after a restart of the server, and a guess tells nothing."""
    on = server()
    for nonce in (
        nonce_line(server(key=b"o" * 32)),
        on.challenge(0.0, "b")[0][1],
        'Digest realm="ringback", nonce="x"',
    ):
        assert check(on, answer(nonce)).finding == "stale"
        assert check(on, answer(nonce, "guess")).finding == "stale"
    assert check(on, answer(on.challenge(0.0, "b")[0][1]), source="b").finding == "accepted"


def test_its_memory_is_bounded_and_what_is_forgotten_cannot_be_replayed() -> None:
    on = server(max_nonces=3)
    lines = [nonce_line(on, float(second)) for second in range(5)]
    for line in lines:
        assert check(on, answer(line), 5.0).finding == "accepted"
        assert len(on) <= 3
    assert check(on, answer(lines[0]), 5.0).finding == "stale"
    assert check(on, answer(lines[4]), 5.0).finding == "replayed"
    assert check(on, answer(nonce_line(on, 400.0)), 400.0).finding == "accepted"
    assert len(on) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (('algorithm=MD5', "algorithm=SHA-256"), "was not offered"),
        (("qop=auth", "qop=auth-int"), "was not offered"),
        (("nc=00000001", "nc=1"), "no number"),
        (("nc=00000001", "nc=0000000g"), "no number"),
        (("sip:ringback.example", "sip:elsewhere.example"), "made for 'sip:elsewhere.example"),
        (("sip:ringback.example", "tel@@"), "made for 'tel@@"),
    ],
)  # fmt: skip
def test_answers_to_another_question(change: tuple[str, str], why: str) -> None:
    on = server()
    result = check(on, answer(nonce_line(on)).replace(*change))
    assert result.finding == "unreadable"
    assert why in result.why


def test_ports_and_parameters_of_the_uri_may_differ() -> None:
    on = server()
    value = answer(nonce_line(on), uri="sip:Ringback.example:5060")
    assert check(on, value).finding == "accepted"
    assert check(on, answer(nonce_line(on), uri="sip:bob@ringback.example")).finding == "unreadable"


def test_only_our_realm_is_looked_at() -> None:
    on = server()
    other = 'Digest realm="other", nonce="n"'
    assert on.own([other]) is None
    assert on.own([]) is None
    found = on.own([other, answer(nonce_line(on))])
    assert found is not None
    assert found["username"] == "alice"
    with pytest.raises(AuthError):
        on.own(["Basic x"])


@given(st.dictionaries(st.sampled_from(["nonce", "uri", "qop", "nc", "cnonce", "username", "response"]), st.text()))
def test_whatever_comes_is_refused(found: dict[str, str]) -> None:
    assert (
        server().check(found, method="M", uri=URI, body=b"", secrets=secrets, source="a", now=0.0).finding != "accepted"
    )
