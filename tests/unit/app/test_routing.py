"""From the dial plan's routes to addresses."""

from collections.abc import Sequence
from typing import Any

import pytest
from voice_world import virtual

from ringback.app.routing import PlannedRouting
from ringback.calls.dialplan import NoRoute, Route
from ringback.calls.outgoing import Hop
from ringback.sip.auth import Credentials
from ringback.sip.events import Flow

HOME = Flow("UDP", ("127.0.0.1", 5060), ("127.0.0.1", 5060))
PHONE = Flow("TCP", ("127.0.0.1", 5060), ("192.0.2.7", 4000), 9)
FAR = Flow("UDP", ("127.0.0.1", 5060), ("198.51.100.1", 5060))
FARTHER = Flow("UDP", ("127.0.0.1", 5060), ("198.51.100.2", 5060))


class Plan:
    def __init__(self, *found: Route) -> None:
        self.found = found
        self.told: list[tuple[str, Route, int]] = []

    async def routes(self, target: str, *, account_sid: str, caller_id: str, now: float) -> Sequence[Route]:
        assert (target, account_sid, caller_id, now) == ("+15550100", "AC1", "+15550199", 7.0)
        return self.found

    def seized(self, route: Route, now: float) -> None:
        self.told.append(("seized", route, 0))

    def released(self, route: Route, sip_code: int, now: float) -> None:
        self.told.append(("released", route, sip_code))


async def locate(uri: str) -> Sequence[Flow]:
    if uri == "sip:nowhere.example":
        raise ValueError("no address")
    return [] if "none" in uri else [FAR, FARTHER]


def routing(*routes: Route, home: Flow = HOME) -> tuple[PlannedRouting, Plan]:
    plan = Plan(*routes)
    return PlannedRouting(plan, locate, lambda: 7.0, lambda: home), plan


async def hops(where: PlannedRouting, credentials: Credentials | None = None) -> list[list[Hop]]:
    found = await where.hops("+15550100", account_sid="AC1", caller_id="+15550199", credentials=credentials)
    return [list(group) for group in found]


def trunk(**changes: Any) -> Route:
    values = {"next_hop": "sip:carrier.example", "srtp": "required", "trunk": "carrier"} | changes
    return Route("trunk", "sip:+15550100@carrier.example", "sip:+15550199@us.example", **values)


@virtual
async def test_a_trunk_is_offered_its_codecs() -> None:
    (first, _) = await hops(routing(trunk(codecs=("PCMA",)))[0])
    assert first[0].codecs == ("PCMA",)


@virtual
async def test_a_number_of_this_server_is_called_here() -> None:
    (group,) = await hops(routing(Route("local", "+15550100", "+15550199", "Anna"))[0])
    (hop,) = group
    assert (hop.uri, hop.flow, hop.from_uri, hop.from_name, hop.srtp) == (
        "sip:+15550100@127.0.0.1:5060", HOME, "sip:+15550199@127.0.0.1", "Anna", "off",
    )  # fmt: skip
    six = Flow("UDP", ("::1", 5060), ("::1", 5060))
    ((hop,),) = await hops(routing(Route("local", "+15550100", "sip:a@b"), home=six)[0])
    assert (hop.uri, hop.from_uri) == ("sip:+15550100@[::1]:5060", "sip:a@b")


@virtual
async def test_the_phones_of_a_user_ring_at_once_and_trunks_follow_one_by_one() -> None:
    phones = [Route("phone", f"sip:anna@192.0.2.{n}", "sip:a@b", flow=PHONE, srtp="offered") for n in (7, 8)]
    groups = await hops(routing(trunk(), *phones)[0])
    assert [[hop.uri for hop in group] for group in groups] == [
        ["sip:anna@192.0.2.7", "sip:anna@192.0.2.8"],
        ["sip:+15550100@carrier.example"],
        ["sip:+15550100@carrier.example"],
    ]
    assert [group[0].flow for group in groups] == [PHONE, FAR, FARTHER]
    assert [group[0].srtp for group in groups] == ["optional", "required", "required"]
    assert [group[0].name for group in groups] == ["phone", "carrier", "carrier"]


@virtual
async def test_the_credentials_of_the_request_count_before_those_of_the_trunk() -> None:
    trunks, asked = Credentials("trunk", "x"), Credentials("user", "y")
    where, _ = routing(trunk(credentials=trunks))
    assert (await hops(where))[0][0].credentials is trunks
    assert (await hops(where, asked))[0][0].credentials is asked


@virtual
async def test_what_has_no_address_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    where, _ = routing(trunk(next_hop="sip:nowhere.example"), trunk())
    assert len(await hops(where)) == 2
    assert "no address for sip:nowhere.example" in caplog.text
    with pytest.raises(NoRoute) as error:
        await hops(routing(trunk(next_hop="sip:none.example"))[0])
    assert error.value.code == 480


@virtual
async def test_the_plan_learns_of_each_call_over_its_routes() -> None:
    where, plan = routing(trunk())
    (first,), (second,) = await hops(where)
    where.seized(first)
    where.released(first, 503)
    where.seized(second)
    where.released(second, 200)
    route = plan.found[0]
    assert plan.told == [("seized", route, 0), ("released", route, 503), ("seized", route, 0), ("released", route, 200)]
    stranger = Hop("sip:x@y", HOME, "sip:a@b")
    where.seized(stranger)
    where.released(stranger, 200)
    assert len(plan.told) == 4
