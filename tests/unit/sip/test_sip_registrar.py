"""The registrar: RFC 3261 section 10.3, Path of RFC 3327, and phones behind NATs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.sip.registrar import Binding, Limits, Registered, Registrar
from ringback.sip.values import Flow, Headers

FLOW = Flow("UDP", ("192.0.2.1", 5060), ("198.51.100.7", 5060))
HERE = "<sip:alice@198.51.100.7:5060>"
INSIDE = "<sip:alice@10.0.0.5:5060>"


def headers(*contacts: str, expires: int | str | None = 600, cseq: int = 1, **more: str) -> Headers:
    lines = [
        ("via", "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKa;rport"),
        ("call-id", more.pop("call_id", "one")),
        ("cseq", f"{cseq} REGISTER"),
        *(("contact", contact) for contact in contacts),
        *((name.replace("_", "-"), value) for name, value in more.items()),
    ]
    return (*lines, *([("expires", str(expires))] if expires is not None else []))


def register(on: Registrar, *contacts: str, flow: Flow = FLOW, now: float = 0.0, **more: Any) -> Registered:
    return on.register("alice", headers(*contacts, **more), flow, now)


def contacts_of(result: Registered) -> list[str]:
    return [value for name, value in result.headers if name == "Contact"]


def test_a_phone_registers_is_found_and_expires() -> None:
    on = Registrar()
    result = register(on, HERE, now=100.0, user_agent="Phone\x00 1")
    assert (result.code, contacts_of(result)) == (200, ["<sip:alice@198.51.100.7:5060>;expires=600;q=1"])
    [binding] = on.bindings("alice", 100.0)
    expected = Binding("alice", "sip:alice@198.51.100.7:5060", FLOW, 700.0, "one", 1, user_agent="Phone 1")
    assert result.added == (binding,) == (expected,)
    assert on.all(699.9) == [binding]
    assert on.bindings("alice", 700.0) == []
    assert len(on) == 1
    assert on.expire(700.0) == [binding]
    assert len(on) == 0
    assert on.bindings("bob", 0.0) == []


def test_a_query_changes_nothing() -> None:
    on = Registrar()
    register(on, HERE)
    result = register(on, expires=None, cseq=2)
    assert (result.added, result.removed, len(contacts_of(result))) == ((), (), 1)


def test_several_phones_by_q_then_by_age() -> None:
    on = Registrar()
    register(
        on, "<sip:a@198.51.100.7>;q=0.5", "<sip:b@198.51.100.7>;q=0.9", '"C, d" <sip:c@198.51.100.7>;q=0.5;expires=900'
    )
    assert [b.contact[4] for b in on.bindings("alice", 0.0)] == ["b", "c", "a"]
    register(on, "<sip:d@198.51.100.7>;q=7", call_id="two")
    assert on.bindings("alice", 0.0)[0].q == 1.0


def test_refreshing_is_no_second_binding() -> None:
    """URIs are compared, not texts: section 19.1.4."""
    on = Registrar()
    register(on, "<sip:alice@HOST.example:5060;transport=tcp;x=1>")
    result = register(on, "<sip:alice@host.example:5060;transport=TCP>", cseq=2, now=10.0)
    assert len(on) == 1
    assert (len(result.added), result.removed) == (1, ())
    register(on, "<sip:alice@host.example:5060>", cseq=3)
    assert len(on) == 2


def test_expiry_of_a_contact_goes_before_that_of_the_request() -> None:
    on = Registrar(Limits(default_expires=300, max_expires=1000))
    register(on, "<sip:a@h>;expires=120", "<sip:b@h>", "<sip:c@h>;expires=99999", expires="nonsense")
    assert {b.contact[4]: b.expires for b in on.bindings("alice", 0.0)} == {"a": 120, "b": 300, "c": 1000}


def test_an_interval_that_is_too_short() -> None:
    """423, and nothing of the request is done."""
    on = Registrar()
    result = register(on, "<sip:a@h>", "<sip:b@h>;expires=59")
    assert (result.code, result.headers) == (423, (("Min-Expires", "60"),))
    assert len(on) == 0


def test_unregistering_one_and_all() -> None:
    on = Registrar()
    register(on, "<sip:a@h>", "<sip:b@h>", "<sip:c@h>")
    result = register(on, "<sip:b@h>;expires=0", "<sip:nobody@h>;expires=0", cseq=2)
    assert [b.contact for b in result.removed] == ["sip:b@h"]
    assert len(contacts_of(result)) == 2
    result = register(on, "*", expires=0, cseq=3)
    assert (result.code, contacts_of(result), len(result.removed), len(on)) == (200, [], 2, 0)


@pytest.mark.parametrize(
    ("contacts", "expires"),
    [
        (["*", "<sip:a@h>"], 0),
        (["*"], 60),
        (["*"], None),
        (["<tel:+1>"], 60),
        (["<sip:a@h"], 60),
        (['"a <sip:a@h>, b'], 60),
        ([f"<sip:{i}@h>" for i in range(21)], 60),
    ],
)
def test_what_cannot_be_carried_out(contacts: list[str], expires: int | None) -> None:
    on = Registrar()
    assert register(on, *contacts, expires=expires).code == 400
    assert on.register("alice", (("via", "SIP"), ("contact", HERE)), FLOW, 0.0).code == 400
    assert len(on) == 0


def test_late_requests_undo_nothing() -> None:
    on = Registrar()
    register(on, HERE, cseq=5)
    assert register(on, HERE, cseq=5, expires=0).code == 500
    assert register(on, "*", cseq=4, expires=0).code == 500
    assert len(on) == 1
    assert register(on, HERE, cseq=1, call_id="another", expires=0).code == 200
    assert len(on) == 0


def test_a_binding_that_has_expired_orders_nothing() -> None:
    on = Registrar()
    register(on, HERE, cseq=5)
    assert register(on, HERE, cseq=1, now=601.0).code == 200


def test_there_may_be_so_many() -> None:
    on = Registrar(Limits(per_user=2, total=3))
    assert register(on, "<sip:a@h>", "<sip:b@h>").code == 200
    assert register(on, "<sip:c@h>", cseq=2).code == 403
    assert register(on, "<sip:c@h>", "<sip:a@h>;expires=0", cseq=3).code == 200
    assert on.register("bob", headers("<sip:a@h>"), FLOW, 0.0).code == 200
    result = on.register("carol", headers("<sip:a@h>"), FLOW, 0.0)
    assert (result.code, result.headers) == (503, (("Retry-After", "60"),))
    assert [b.user for b in on.drop_user("alice")] == ["alice", "alice"]
    assert on.drop_user("alice") == []


def test_a_phone_behind_a_nat_is_reached_where_it_came_from() -> None:
    on = Registrar()
    register(on, INSIDE)
    [binding] = on.bindings("alice", 0.0)
    assert (binding.flow, binding.nat, binding.contact) == (FLOW, True, "sip:alice@10.0.0.5:5060")


@pytest.mark.parametrize(
    ("via", "port", "nat"),
    [("SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKa", 5070, False), ("SIP/2.0/UDP x;rport;branch=z9hG4bKa", 40000, True)],
)
def test_a_phone_that_sends_from_another_port_than_it_listens_on(via: str, port: int, nat: bool) -> None:
    """RFC 3581: with rport it listens where it sends from, else where it says."""
    on = Registrar()
    flow = Flow("UDP", FLOW.local, ("198.51.100.7", 40000))
    on.register("alice", (("via", via), *headers("<sip:alice@198.51.100.7:5070>")[1:]), flow, 0.0)
    [binding] = on.bindings("alice", 0.0)
    assert (binding.flow.remote[1], binding.nat) == (port, nat)


def test_path_is_the_route_to_the_phone() -> None:
    on = Registrar()
    path = "<sip:edge.example;lr>, <sip:core.example;lr>"
    result = register(on, INSIDE, path=path)
    [binding] = on.bindings("alice", 0.0)
    assert binding.path == ("<sip:edge.example;lr>", "<sip:core.example;lr>")
    assert not binding.nat
    assert [value for name, value in result.headers if name == "Path"] == list(binding.path)
    assert register(on, INSIDE, path="<sip:a", cseq=2).code == 400
    assert register(on, INSIDE, path=",".join(["<sip:a>"] * 11), cseq=2).code == 400


def test_a_phone_that_moves_leaves_its_old_address() -> None:
    """By its instance (RFC 5626), or by the connection that it changes its Contact on."""
    on = Registrar()
    register(on, '<sip:a@h>;+sip.instance="<urn:uuid:1>"')
    result = register(on, '<sip:b@h>;+sip.instance="<urn:uuid:1>"', call_id="two")
    assert [b.contact for b in result.removed] == ["sip:a@h"]
    tcp = Flow("TCP", FLOW.local, ("198.51.100.7", 40000), 3)
    register(on, "<sip:c@h>", call_id="three", flow=tcp)
    result = register(on, "<sip:d@h>", call_id="three", cseq=2, flow=tcp)
    assert [b.contact for b in result.removed] == ["sip:c@h"]
    assert sorted(b.contact for b in on.bindings("alice", 0.0)) == ["sip:b@h", "sip:d@h"]


def test_a_connection_that_goes_takes_with_it_what_nothing_else_leads_to() -> None:
    on = Registrar()
    tcp = Flow("TCP", FLOW.local, ("198.51.100.7", 40000), 3)
    register(on, "<sip:a@198.51.100.7:5062;transport=tcp>", INSIDE, flow=tcp)
    assert on.lost(FLOW) == []
    assert [b.contact for b in on.lost(tcp)] == ["sip:alice@10.0.0.5:5060"]
    [binding] = on.bindings("alice", 0.0)
    assert (binding.flow.remote, binding.flow.connection) == (("198.51.100.7", 5062), 0)


def test_what_was_kept_from_before_a_restart() -> None:
    on = Registrar()
    tls = Flow("TLS", FLOW.local, ("198.51.100.7", 40000), 3)
    udp = Binding("alice", "sip:alice@10.0.0.5", FLOW, 60.0, "one", 1, nat=True)
    direct = Binding("alice", "sip:b@198.51.100.7;transport=tls", tls, 60.0, "one", 1)
    on.restore([udp, direct])
    flows = {b.contact[4]: b.flow for b in on.bindings("alice", 0.0)}
    assert flows == {"a": FLOW, "b": Flow("TLS", FLOW.local, ("198.51.100.7", 5061))}


@given(st.lists(st.tuples(st.sampled_from(["contact", "expires", "path", "cseq", "via"]), st.text(max_size=60))))
def test_whatever_comes_gets_an_answer(lines: list[tuple[str, str]]) -> None:
    on = Registrar()
    result = on.register("alice", tuple(lines), FLOW, 0.0)
    assert result.code in (200, 400, 423)
    assert len(on) == len(on.bindings("alice", 0.0))
