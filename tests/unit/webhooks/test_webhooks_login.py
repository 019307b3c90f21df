"""Logins; whole conversations are in test_webhooks_session.py."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from ringback.webhooks.login import Login


def challenge(*values: str) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict([("WWW-Authenticate", value) for value in values]))


def test_nothing_is_sent_before_a_challenge() -> None:
    assert Login("user", "secret").headers == {}


@pytest.mark.parametrize(
    "values", [('Basic realm="a"',), ("basic",), ('Digest realm="a"', "Basic"), ('Bearer, BASIC realm="x"',)]
)
def test_a_basic_challenge_is_answered(values: tuple[str, ...]) -> None:
    """RFC 7617 clause 2, with its own example; the charset is UTF-8."""
    login = Login("Aladdin", "open sesame")
    assert login.challenged(challenge(*values))
    assert login.headers == {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}


def test_a_second_challenge_is_a_refusal() -> None:
    login = Login("test", "123£")
    assert login.challenged(challenge("Basic"))
    assert login.headers == {"Authorization": "Basic dGVzdDoxMjPCow=="}
    assert not login.challenged(challenge("Basic"))


@pytest.mark.parametrize("values", [(), ("Bearer",), ('Digest realm="basic"',), ("Basically",)])
def test_other_challenges_are_not_for_it(values: tuple[str, ...]) -> None:
    login = Login("user", "secret")
    assert not login.challenged(challenge(*values))
    assert login.headers == {}
