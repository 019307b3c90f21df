"""Trunks: numbers, gateways, limits."""

import random
from collections import Counter
from ipaddress import ip_network
from typing import Any

import pytest

from ringback.calls.trunks import Gateway, Trunk, TrunkConfig, Trunks
from ringback.sip.auth import ha1

ONE, TWO = Gateway("sip:gw1.example"), Gateway("sip:gw2.example")


def config(name: str = "carrier", **options: Any) -> TrunkConfig:
    return TrunkConfig(**{"name": name, "gateways": (ONE, TWO), **options})


@pytest.mark.parametrize(
    ("options", "number", "dialled"),
    [
        ({}, "+14155550100", "+14155550100"),
        ({"number_format": "plain"}, "+14155550100", "14155550100"),
        ({"number_format": "national"}, "+14155550100", "4155550100"),
        ({"number_format": "national"}, "+4930123456", "0114930123456"),
        ({"number_format": "national", "region": "DE"}, "+4930123456", "030123456"),
        ({"number_format": "national", "region": "DE"}, "+14155550100", "0014155550100"),
        ({"number_format": "national"}, "+0", "0"),
        ({"strip": "+1", "prefix": "9"}, "+14155550100", "94155550100"),
        ({"strip": "+1", "prefix": "9"}, "+4930123456", "9+4930123456"),
        ({"number_format": "plain"}, "911", "911"),
    ],
)
def test_numbers_as_the_trunk_wants_them(options: dict[str, Any], number: str, dialled: str) -> None:
    assert config(**options).dialled(number) == dialled


def test_numbers_that_come_from_a_trunk_are_read_in_its_country() -> None:
    assert config(region="DE").read("030123456") == "+4930123456"
    plain = config(number_format="plain")
    assert plain.read("4930123456") == plain.read("+4930123456") == "+4930123456"
    assert config().read("4930123456") == "+14930123456"  # ten digits, as they are dialled in the US
    # Not what was agreed on, and still understood: a national number, an extension, a name, nobody.
    assert [config(number_format="plain", region="DE").read(user) for user in ("030123456", "100", "menu", "")] == [
        "+4930123456", "100", "menu", "",
    ]  # fmt: skip


def test_gateways_by_priority_then_by_weight() -> None:
    backup, small, large = Gateway("sip:c", 2), Gateway("sip:a", 1, 1), Gateway("sip:b", 1, 3)
    trunk, rng = Trunk(config(gateways=(backup, small, large))), random.Random(1)
    orders = [trunk.order(rng, 0.0) for _ in range(1000)]
    assert all(order[2] == backup and len(order) == 3 for order in orders)
    assert 700 < Counter(order[0].uri for order in orders)["sip:b"] < 800
    assert Trunk(config(gateways=(Gateway("sip:a", weight=0),))).order(rng, 0.0) == [Gateway("sip:a", weight=0)]


def test_a_gateway_that_failed_comes_last_for_a_while() -> None:
    trunk, rng = Trunk(config(gateways=(ONE, Gateway("sip:gw2.example", 2)))), random.Random(1)
    trunk.seized(0.0)
    trunk.released(ONE.uri, 503, 0.0)
    assert [gateway.uri for gateway in trunk.order(rng, 1.0)] == [TWO.uri, ONE.uri]
    assert [gateway.uri for gateway in trunk.order(rng, 31.0)] == [ONE.uri, TWO.uri]
    trunk.released(ONE.uri, 503, 40.0)
    trunk.released(ONE.uri, 486, 41.0)
    assert trunk.order(rng, 42.0)[0] == ONE
    trunk.released("sip:unknown", 503, 41.0)
    assert trunk.calls == 0


def test_dead_gateways_are_left_out_as_long_as_one_is_not() -> None:
    trunk, rng = Trunk(config()), random.Random(1)
    assert trunk.told(ONE.uri, False, "no answer", 5.0)
    assert not trunk.told(ONE.uri, False, "no answer", 6.0)
    assert not trunk.told("sip:unknown", False, "", 6.0)
    assert trunk.order(rng, 6.0) == [TWO]
    assert (trunk.states[ONE.uri].alive, trunk.states[ONE.uri].since, trunk.states[ONE.uri].why) == (
        False,
        5.0,
        "no answer",
    )
    trunk.told(TWO.uri, False, "no answer", 7.0)
    assert len(trunk.order(rng, 7.0)) == 2
    assert trunk.told(ONE.uri, True, "", 8.0)
    assert trunk.order(rng, 8.0) == [ONE]


def test_so_many_calls_at_once() -> None:
    trunk = Trunk(config(max_calls=2))
    trunk.seized(0.0)
    assert trunk.full(0.0) is None
    trunk.seized(0.0)
    assert trunk.full(0.0) == "trunk carrier has its 2 calls"
    trunk.released(ONE.uri, 200, 0.0)
    assert trunk.full(0.0) is None


def test_so_many_calls_a_second() -> None:
    trunk = Trunk(config(calls_per_second=2.0))
    for _ in range(2):
        assert trunk.full(0.0) is None
        trunk.seized(0.0)
    assert trunk.full(0.4) == "trunk carrier takes 2 calls a second"
    assert trunk.full(0.5) is None


def test_new_settings_keep_what_is_known_of_a_trunk() -> None:
    trunks = Trunks([config(calls_per_second=1.0), config("other")])
    before = trunks.by_name["carrier"]
    before.seized(0.0)
    before.told(ONE.uri, False, "dead", 0.0)
    third = Gateway("sip:gw3.example")
    trunks.set([config(gateways=(Gateway(ONE.uri, 5), third), calls_per_second=1.0)])
    after = trunks.by_name["carrier"]
    assert (after.calls, list(after.states), after.states[ONE.uri].alive) == (1, [ONE.uri, third.uri], False)
    assert after.states[ONE.uri].gateway.priority == 5
    assert after.full(0.1) is not None
    assert list(trunks.by_name) == ["carrier"]


def test_whose_calls_come_from_an_address() -> None:
    listed = config("listed", inbound=(ip_network("198.51.100.0/24"),))
    numeric = config("numeric", gateways=(Gateway("sip:203.0.113.5:5070"), Gateway("sip:[2001:db8::1]"), Gateway("x")))
    digest = config("digest", gateways=(Gateway("sip:192.0.2.1"),), inbound_username="them")
    trunks = Trunks([listed, numeric, digest])
    for _ in range(2):
        assert trunks.at("198.51.100.7") == "listed"
        assert trunks.at("203.0.113.5") == trunks.at("2001:db8::1") == "numeric"
        assert trunks.at("192.0.2.1") is None
    for number in range(5000):
        assert trunks.at(f"10.0.{number // 256}.{number % 256}") is None


def test_whose_calls_answer_challenges() -> None:
    trunks = Trunks([config(), config("digest", inbound_username="them", inbound_password="sesame")])
    found = trunks.user("them")
    assert found is not None
    assert found.name == "digest"
    assert trunks.user("") is None
    assert trunks.secret("them", "r", "MD5") == ha1("MD5", "them", "r", "sesame")
    assert trunks.secret("us", "r", "MD5") is None


def test_which_trunks_serve_a_number() -> None:
    trunks = Trunks(
        [
            config("b", priority=2),
            config("a", priority=2, prefixes=("*",)),
            config("first"),
            config("us", prefixes=("+1", "+1415"), priority=9),
            config("empty", gateways=()),
        ]
    )
    assert [trunk.config.name for trunk in trunks.for_number("+14155550100")] == ["us", "first", "a", "b"]
    assert [trunk.config.name for trunk in trunks.for_number("+44")] == ["first", "a", "b"]


def test_where_its_calls_come_from_and_that_passwords_are_not_shown() -> None:
    assert config().host == "gw1.example"
    assert config(domain="us.example").host == "us.example"
    assert config(gateways=()).host == ""
    assert "sesame" not in repr(config(password="sesame", inbound_password="sesame"))
