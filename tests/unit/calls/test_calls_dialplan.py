"""Where a number leads."""

import random
from collections.abc import Collection, Sequence
from typing import Any

import pytest

from ringback.calls.dialplan import Dialplan, NoRoute, Route
from ringback.calls.trunks import Gateway, TrunkConfig, Trunks
from ringback.sip.auth import Credentials
from ringback.sip.registrar import Binding
from ringback.sip.values import Flow, Headers

UDP = Flow("UDP", ("192.0.2.1", 5060), ("198.51.100.7", 5060))
TLS = Flow("TLS", ("192.0.2.1", 5061), ("198.51.100.7", 40000), 3)
CALLER = "+14155550199"


class House:
    """A server with a number, a name and a phone. Implements `ringback.calls.dialplan.Home`."""

    def __init__(self) -> None:
        self.registered: list[Binding] = []
        self.allowed: dict[str, list[str]] = {"AC1": ["+1", "+44"]}

    async def is_number(self, number: str) -> bool:
        return number in ("+14155550100", "menu", "100")

    async def application(self, sid: str, account_sid: str) -> Headers | None:
        return (("X-Ours", sid),) if (sid, account_sid) == ("AP1", "AC1") else None

    def is_phone(self, username: str) -> bool:
        return username in ("alice", "101")

    def bindings(self, username: str, now: float) -> Sequence[Binding]:
        return [binding for binding in self.registered if binding.user == username and binding.expires > now]

    def prefixes(self, account_sid: str) -> Collection[str]:
        return self.allowed.get(account_sid, [])

    def is_home(self, host: str, port: int | None) -> bool:
        return host in ("192.0.2.1", "ringback.example") and port in (None, 5060)

    def may_call(self, host: str) -> bool:
        return host == "friends.example"


class World:
    def __init__(self, *trunks: TrunkConfig) -> None:
        self.house = House()
        self.trunks = Trunks(trunks)
        self.plan = Dialplan(self.house, self.trunks, rng=random.Random(1), domain=lambda: "192.0.2.1")

    async def routes(self, target: str, caller: str = CALLER, account: str = "AC1", now: float = 0.0) -> list[Route]:
        return await self.plan.routes(target, account_sid=account, caller_id=caller, now=now)

    async def none(self, target: str, **options: Any) -> NoRoute:
        with pytest.raises(NoRoute) as raised:
            await self.routes(target, **options)
        assert str(raised.value) == raised.value.message
        return raised.value


def trunk(name: str = "carrier", **options: Any) -> TrunkConfig:
    return TrunkConfig(**{"name": name, "gateways": (Gateway("sip:gw.example:5070;transport=tcp"),), **options})


@pytest.mark.parametrize(
    ("target", "number"),
    [
        ("+14155550100", "+14155550100"),
        ("(415) 555-0100", "+14155550100"),
        ("tel:+1-415-555-0100;phone-context=x", "+14155550100"),
        ("sip:+14155550100@ringback.example;user=phone", "+14155550100"),
        ("sip:menu@RINGBACK.example", "menu"),
        (" 100 ", "100"),
    ],
)
async def test_a_number_of_this_server_comes_first(target: str, number: str) -> None:
    [route] = await World(trunk()).routes(target)
    assert (route.kind, route.uri, route.from_uri) == ("local", number, f"sip:{CALLER}@192.0.2.1")


async def test_an_application_of_the_account_is_called_here() -> None:
    world = World()
    (route,) = await world.routes("app:AP1")
    assert (route.kind, route.uri, route.headers, route.srtp) == ("local", "AP1", (("X-Ours", "AP1"),), "off")
    assert (await world.none("app:AP1", account="AC2")).code == 404
    assert (await world.none("app:AP2")).message == "this account has no application 'AP2'"


async def test_a_phone_has_a_route_for_each_binding() -> None:
    world = World()
    world.house.registered = [
        Binding("alice", "sip:alice@10.0.0.5:5060", UDP, 60.0, "a", 1, path=("<sip:edge.example;lr>",)),
        Binding("alice", "sip:alice@10.0.0.6;transport=tls", TLS, 60.0, "b", 1),
    ]
    for target in ("alice", "client:alice", "sip:alice@192.0.2.1:5060"):
        one, other = await world.routes(target)
        assert (one.kind, one.uri, one.flow, one.route) == (
            "phone", "sip:alice@10.0.0.5:5060", UDP, ("<sip:edge.example;lr>",),
        )  # fmt: skip
        assert (one.srtp, other.srtp, other.flow) == ("off", "offered", TLS)
        assert one.labels == {"phone": "alice"}
    error = await world.none("alice", now=60.0)
    assert (error.code, error.message) == (480, "the phone alice is not registered")


async def test_sip_addresses_where_they_are_allowed() -> None:
    [route] = await World().routes("sip:bob@friends.example:5070", caller="sip:alice@ringback.example")
    assert (route.kind, route.uri, route.next_hop, route.srtp) == (
        "sip", "sip:bob@friends.example:5070", "sip:bob@friends.example:5070", "off",
    )  # fmt: skip
    assert route.from_uri == "sip:alice@ringback.example"
    [route] = await World().routes("sips:bob@friends.example")
    assert route.srtp == "offered"
    error = await World().none("sip:bob@elsewhere.example")
    assert error.code == 403
    assert "calls.outbound_hosts" in error.message


@pytest.mark.parametrize(
    ("target", "code"),
    [("bob", 404), ("", 484), ("sip:", 484), ("sip:192.0.2.1", 484), ("+15005550006", 404), ("sip:a b@c", 484)],
)
async def test_nobody(target: str, code: int) -> None:
    assert (await World().none(target)).code == code


async def test_out_by_a_trunk() -> None:
    config = trunk(
        username="us", password="sesame", headers=(("X-Customer", "7"),), number_format="plain", srtp="required"
    )
    [route] = await World(config).routes("415 555 0123")
    assert route == Route(
        "trunk",
        "sip:14155550123@gw.example:5070;transport=tcp",
        "sip:14155550199@gw.example",
        headers=(("X-Customer", "7"),),
        credentials=Credentials("us", "sesame"),
        next_hop="sip:gw.example:5070;transport=tcp",
        srtp="required",
        trunk="carrier",
        gateway="sip:gw.example:5070;transport=tcp",
        labels={"trunk": "carrier", "gateway": "sip:gw.example:5070;transport=tcp"},
    )
    assert route.tries_next(503)
    assert not route.tries_next(486)


@pytest.mark.parametrize(
    ("mode", "caller", "from_uri", "headers"),
    [
        ("from", CALLER, "sip:+14155550199@us.example", ()),
        ("pai", CALLER, "sip:me@us.example", (("P-Asserted-Identity", "<sip:+14155550199@us.example>"),)),
        (
            "rpid", CALLER, "sip:me@us.example",
            (("Remote-Party-ID", "<sip:+14155550199@us.example>;party=calling;screen=yes;privacy=off"),),
        ),
        ("from", "anonymous", "sip:me@us.example", (("Privacy", "id"),)),
        ("from", "sip:+44 20@x", "sip:me@us.example", (("Privacy", "id"),)),
        ("from", "sip:200@ringback.example", "sip:200@us.example", ()),
        ("from", "client:j ö", "sip:j%20%C3%B6@us.example", ()),
    ],
)  # fmt: skip
async def test_the_caller_where_the_trunk_wants_it(mode: Any, caller: str, from_uri: str, headers: Any) -> None:
    [route] = await World(trunk(caller_id=mode, username="me", domain="us.example")).routes("+442079460000", caller)
    assert (route.from_uri, route.headers) == (from_uri, headers)


async def test_one_number_for_all_and_none_without_an_account() -> None:
    [route] = await World(trunk(caller_number="+14155550000", caller_id="pai")).routes("+442079460000")
    assert route.from_uri == "sip:+14155550000@gw.example"
    assert route.credentials is None
    [route] = await World(trunk()).routes("+442079460000", "")
    assert route.from_uri == "sip:anonymous@anonymous.invalid"


async def test_only_numbers_that_the_account_may_call() -> None:
    world = World(trunk())
    assert "only those that begin with +1, +44" in (await world.none("+4930123456")).message
    error = await world.none("+14155550123", account="AC2")
    assert (error.code, "none so far" in error.message) == (403, True)
    world.house.allowed["AC2"] = ["*"]
    assert await world.routes("+4930123456", account="AC2")


async def test_the_next_trunk_where_one_is_full_and_503_where_all_are() -> None:
    world = World(trunk("first", max_calls=1), trunk("second", max_calls=1, priority=2))
    first, second = await world.routes("+14155550123")
    assert (first.trunk, second.trunk) == ("first", "second")
    world.plan.seized(first, 0.0)
    [only] = await world.routes("+14155550123")
    assert only.trunk == "second"
    world.plan.seized(only, 0.0)
    error = await world.none("+14155550123")
    assert (error.code, error.message) == (
        503, "no line is free: trunk first has its 1 calls; trunk second has its 1 calls",
    )  # fmt: skip
    world.plan.released(first, 200, 0.0)
    [only] = await world.routes("+14155550123")
    assert only.trunk == "first"
    local = Route("local", "menu", "")
    world.plan.seized(local, 0.0)
    world.plan.released(local, 200, 0.0)
