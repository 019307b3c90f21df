"""Who may start something: the guard, trunks, digests and open addresses together."""

import random
from ipaddress import ip_network
from typing import Any

import pytest

from ringback.sip.auth import Credentials, authorization, ha1, parse_challenge
from ringback.sip.auth_server import DigestServer
from ringback.sip.guard import Guard, GuardLimits
from ringback.sip.screen import Screen
from ringback.sip.values import Allow, Challenge, Deny, Flow, RequestView, Silent

STRANGER, TRUNK, OPEN = "203.0.113.9", "198.51.100.1", "127.0.0.1"
URI = "sip:+15550100@ringback.example"


class World:
    """Peers, and a screen before them."""

    def __init__(self, **users: str) -> None:
        self.users = users
        self.bound: set[str] = set()
        self.guard = Guard(GuardLimits(wrong_passwords=3, users=4))
        self.digest = DigestServer(realm="ringback", key=b"k", rng=random.Random(1))
        self.screen = Screen(
            self.guard,
            self.digest,
            self,
            open_to=[ip_network("127.0.0.0/8")],
            is_bound=lambda flow: flow.remote[0] in self.bound,
            is_own=lambda flow: flow.remote == flow.local,
        )

    def secret(self, username: str, algorithm: str) -> str | None:
        password = self.users.get(username)
        return None if password is None else ha1(algorithm, username, "ringback", password)

    def identity(self, username: str) -> str:
        return f"phone:{username}"

    def trunk_at(self, host: str) -> str | None:
        return "carrier" if host == TRUNK else None

    def any_users(self) -> bool:
        return bool(self.users)

    def ask(
        self, host: str = STRANGER, method: str = "INVITE", user: str = "alice", now: float = 0.0, **headers: str
    ) -> Any:
        lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        view = RequestView(method, URI, f"sip:{user}@h", user, URI, "+15550100", "id", lines, b"")
        return self.screen(view, Flow("UDP", ("192.0.2.1", 5060), (host, 5060)), now)

    def answer(self, user: str, password: str, host: str = STRANGER, method: str = "INVITE", count: int = 1) -> Any:
        challenge = parse_challenge(self.digest.challenge(0.0, host)[0][1])
        line = authorization(
            challenge, Credentials(user, password), method=method, uri=URI, body=b"", cnonce="c", count=count
        )
        return self.ask(host, method, user, authorization=line), line


def test_strangers_get_silence_where_nobody_could_answer_a_challenge() -> None:
    world = World()
    assert world.ask() == Silent("INVITE from an address that is not allowed")
    assert world.ask(OPEN, "REGISTER") == Silent("there are no phones")
    assert world.guard.totals == {"address not allowed": 1, "there are no phones": 1}


def test_strangers_get_a_challenge_and_no_more() -> None:
    world = World(alice="secret")
    for method in ("INVITE", "REGISTER", "OPTIONS", "MESSAGE"):
        verdict = world.ask(method=method)
        assert isinstance(verdict, Challenge)
        assert verdict.code == 401
        assert verdict.headers[0][0] == "WWW-Authenticate"


def test_who_knows_a_password_is_that_user() -> None:
    world = World(alice="secret")
    verdict, line = world.answer("alice", "secret")
    assert verdict == Allow("phone:alice")
    replayed = world.ask(authorization=line)
    assert isinstance(replayed, Challenge)
    assert replayed.headers[0][1].endswith("stale=true")
    assert world.guard.totals == {"replayed credentials": 1}


def test_a_nonce_of_another_run_is_challenged_as_stale() -> None:
    world, other = World(alice="secret"), World(alice="secret")
    other.digest = DigestServer(realm="ringback", key=b"other", rng=random.Random(1))
    _, line = other.answer("alice", "secret")
    verdict = world.ask(authorization=line)
    assert isinstance(verdict, Challenge)
    assert "stale=true" in verdict.headers[0][1]
    assert world.guard.totals == {}


def test_wrong_passwords_are_refused_alike_and_then_not_heard() -> None:
    world = World(alice="secret")
    assert world.answer("alice", "guess")[0] == Deny(403, "Wrong Name or Password")
    assert world.answer("bob", "guess")[0] == Deny(403, "Wrong Name or Password")
    world.answer("alice", "guess")
    assert world.answer("alice", "secret")[0] == Silent("blocked")
    assert world.ask() == Silent("blocked")


def test_scanners_and_searches_get_silence() -> None:
    world = World(alice="secret")
    assert world.ask(user_agent="friendly-scanner") == Silent("scanner")
    searcher = "203.0.113.77"
    verdicts = [world.ask(searcher, "REGISTER", str(user)) for user in range(100, 106)]
    assert [type(verdict) for verdict in verdicts] == [Challenge] * 4 + [Silent] * 2
    assert verdicts[4] == Silent("too many users")
    assert verdicts[5] == Silent("blocked")


def test_a_trunk_is_known_by_its_address_and_registers_nowhere() -> None:
    world = World(alice="secret")
    assert world.ask(TRUNK, user_agent="friendly-scanner") == Allow("trunk:carrier")
    assert world.ask(TRUNK, "OPTIONS") == Allow("trunk:carrier")
    assert isinstance(world.ask(TRUNK, "REGISTER"), Challenge)


def test_open_addresses_may_call_and_still_prove_who_they_are() -> None:
    world = World(alice="secret")
    assert world.ask(OPEN) == Allow(None)
    assert world.answer("alice", "secret", OPEN)[0] == Allow("phone:alice")
    assert isinstance(world.ask(OPEN, "REGISTER"), Challenge)
    for _ in range(9):
        assert world.answer("alice", "guess", OPEN, "REGISTER")[0] == Deny(403, "Wrong Name or Password")
    assert world.guard.blocks(0.0) == []
    assert world.guard.totals == {"wrong password": 9}


def test_phones_may_ask_for_a_sign_of_life_where_they_registered() -> None:
    world = World(alice="secret")
    world.bound.add(STRANGER)
    assert world.ask(method="OPTIONS") == Allow()
    assert isinstance(world.ask(method="INVITE"), Challenge)


@pytest.mark.parametrize("value", ["Basic x", 'Digest a="'])
def test_credentials_that_cannot_be_read(value: str) -> None:
    world = World(alice="secret")
    verdict = world.ask(authorization=value)
    assert isinstance(verdict, Deny)
    assert verdict.code == 400
    assert world.ask(OPEN, authorization=value) == Allow()
    assert world.ask(TRUNK, authorization=value) == Allow("trunk:carrier")


def test_credentials_that_answer_another_question() -> None:
    world = World(alice="secret")
    nonce = parse_challenge(world.digest.challenge(0.0, STRANGER)[0][1]).nonce
    verdict = world.ask(authorization=f'Digest realm="ringback", nonce="{nonce}", username="alice", uri="sip:x@y"')
    assert verdict == Deny(400, "Bad Request (credentials)")
    assert world.guard.totals == {"unreadable credentials": 1}


def test_credentials_for_another_realm_are_none() -> None:
    assert isinstance(World(alice="secret").ask(authorization='Digest realm="other", nonce="n"'), Challenge)


def test_the_server_may_call_itself() -> None:
    world = World(alice="secret")
    assert world.ask("192.0.2.1") == Allow()


def test_who_is_told_that_a_message_cannot_be_read() -> None:
    world = World(alice="secret")
    world.bound.add("203.0.113.8")
    world.guard.allow([ip_network("203.0.113.7")])
    hosts = [STRANGER, TRUNK, OPEN, "203.0.113.8", "203.0.113.7", "192.0.2.1"]
    flows = [Flow("UDP", ("192.0.2.1", 5060), (host, 5060)) for host in hosts]
    assert [world.screen.knows(flow) for flow in flows] == [False, True, True, True, True, True]
