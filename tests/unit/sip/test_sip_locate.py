"""RFC 3263 by zones of a few lines: what is asked, what comes of it, in which order."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.sip.locate import (
    Answer,
    Attempts,
    LocateError,
    Naptr,
    Question,
    Srv,
    Target,
    Unanswered,
    by_weight,
    locating,
)

Zone = Mapping[tuple[str, str], Answer]
# RFC 3263 §4.1 has this domain, with names of our own.
EXAMPLE: dict[tuple[str, str], Answer] = {
    ("NAPTR", "example.com"): (
        Naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com."),
        Naptr(90, 50, "s", "SIP+D2T", "_sip._tcp.example.com"),
        Naptr(100, 50, "s", "SIP+D2U", "_sip._udp.example.com"),
    ),
    ("SRV", "_sip._tcp.example.com"): (Srv(0, 1, 5060, "server1.example.com."), Srv(0, 2, 5060, "server2.example.com")),
    ("SRV", "_sips._tcp.example.com"): (Srv(0, 1, 5061, "server1.example.com"),),
    ("SRV", "_sip._udp.example.com"): (Srv(0, 1, 5070, "server1.example.com"),),
    ("A", "server1.example.com"): ("192.0.2.1",),
    ("A", "server2.example.com"): ("192.0.2.2",),
    ("AAAA", "server1.example.com"): ("2001:db8::1",),
    ("A", "example.com"): ("192.0.2.9",),
}


def found(uri: str, zone: Zone = EXAMPLE, **options: Any) -> tuple[list[Target], list[str]]:
    """Return the targets, and what was asked for them."""
    asked: list[str] = []
    steps = locating(uri, random.Random(1), **options)
    try:
        questions = next(steps)
        while True:
            asked += [f"{question.kind} {question.name}" for question in questions]
            questions = steps.send([zone.get((q.kind, q.name), ()) for q in questions])
    except StopIteration as end:
        return end.value, asked


def targets(uri: str, zone: Zone = EXAMPLE, **options: Any) -> list[str]:
    """Return the targets as short texts."""
    made = found(uri, zone, **options)[0]
    return [f"{t.transport} {t.host} {t.port}" + (f" {t.name}" if t.transport in ("TLS", "WSS") else "") for t in made]


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("sip:me@192.0.2.7", "UDP 192.0.2.7 5060"),
        ("sip:me@192.0.2.7:5080", "UDP 192.0.2.7 5080"),
        ("sip:me@[2001:DB8::7]", "UDP 2001:db8::7 5060"),
        ("sip:192.0.2.7;transport=tcp", "TCP 192.0.2.7 5060"),
        ("sip:192.0.2.7;transport=TLS", "TLS 192.0.2.7 5061 "),
        ("sips:192.0.2.7", "TLS 192.0.2.7 5061 "),
        ("sips:192.0.2.7:443;transport=tcp", "TLS 192.0.2.7 443 "),
        ("sip:192.0.2.7;transport=ws", "WS 192.0.2.7 80"),
        ("sips:192.0.2.7;transport=ws", "WSS 192.0.2.7 443 "),
        ("sip:me@example.com;maddr=192.0.2.7", "UDP 192.0.2.7 5060"),
        ("sips:me@example.com;maddr=192.0.2.7", "TLS 192.0.2.7 5061 example.com"),
    ],
)
def test_an_address_needs_no_questions(uri: str, target: str) -> None:
    """§4.1, §4.2: a numeric host is it, UDP and 5060 unless the URI says otherwise."""
    assert found(uri)[1] == []
    assert targets(uri) == [target]


def test_a_port_is_looked_up_as_an_address_only() -> None:
    """§4.2: an explicit port asks for no SRV records."""
    made, asked = found("sip:me@server1.example.com:5090;transport=tcp")
    assert asked == ["A server1.example.com", "AAAA server1.example.com"]
    assert [(t.host, t.port) for t in made] == [("192.0.2.1", 5090), ("2001:db8::1", 5090)]


def test_the_domain_says_what_it_likes_best() -> None:
    """§4.1: NAPTR by order and preference, of what both sides speak."""
    made = targets("sip:me@example.com", families=("A",))
    assert made[0] == "TLS 192.0.2.1 5061 example.com"
    assert sorted(made[1:3]) == ["TCP 192.0.2.1 5060", "TCP 192.0.2.2 5060"]
    assert made[3] == "UDP 192.0.2.1 5070"
    assert targets("sip:me@Example.COM.", transports=("UDP",), families=("AAAA",)) == ["UDP 2001:db8::1 5070"]


def test_sips_is_never_less_than_tls() -> None:
    assert targets("sips:me@example.com", families=("A",)) == ["TLS 192.0.2.1 5061 example.com"]
    assert targets("sips:me@example.com", transports=("UDP",), families=("A",)) == ["TLS 192.0.2.1 5061 example.com"]


def test_a_transport_of_the_uri_asks_for_its_own_service() -> None:
    made, asked = found("sip:me@example.com;transport=udp", families=("A",))
    assert asked == ["SRV _sip._udp.example.com", "A server1.example.com"]
    assert made == [Target("UDP", "192.0.2.1", 5070, "example.com")]
    assert found("sip:me@example.com;transport=tls")[1][0] == "SRV _sips._tcp.example.com"
    assert found("sip:me@example.com;transport=ws", families=("A",))[1] == ["SRV _sip._ws.example.com", "A example.com"]


def test_without_naptr_each_of_our_transports_is_asked_for() -> None:
    zone = {key: value for key, value in EXAMPLE.items() if key[0] != "NAPTR"}
    made, asked = found("sip:me@example.com", zone, transports=("UDP", "TLS"), families=("A",))
    assert asked[:3] == ["NAPTR example.com", "SRV _sip._udp.example.com", "SRV _sips._tcp.example.com"]
    assert [t.transport for t in made] == ["UDP", "TLS"]


def test_without_any_service_the_host_itself_is_it() -> None:
    assert targets("sip:me@host.example", {("A", "host.example"): ("192.0.2.3",)}) == ["UDP 192.0.2.3 5060"]
    assert targets("sips:me@host.example", {("A", "host.example"): ("192.0.2.3",)}) == [
        "TLS 192.0.2.3 5061 host.example"
    ]


def test_naptr_records_that_are_none_of_ours() -> None:
    records = (
        Naptr(1, 1, "u", "E2U+sip", ""),
        Naptr(2, 1, "s", "SIP+D2S", "_sip._sctp.example.com"),
        Naptr(3, 1, "a", "SIP+D2U", "server1.example.com"),
        Naptr(4, 1, "s", "SIP+D2U", "."),
        Naptr(5, 1, "S", "sip+d2w", "_sip._ws.example.com"),
    )
    zone = EXAMPLE | {("NAPTR", "example.com"): records}
    assert found("sip:me@example.com", zone)[1][1] == "SRV _sip._udp.example.com", "none of use: as if there were none"
    assert found("sip:me@example.com", zone, transports=("WS",))[1][1] == "SRV _sip._ws.example.com"


def test_a_service_that_is_decidedly_not_there() -> None:
    """RFC 2782: the target is the root."""
    zone: Zone = {("SRV", "_sip._udp.example.com"): (Srv(0, 0, 0, "."),), ("A", "example.com"): ("192.0.2.9",)}
    with pytest.raises(LocateError, match="no SIP server for UDP"):
        found("sip:me@example.com;transport=udp", zone)
    both = dict(zone) | {("SRV", "_sip._tcp.example.com"): (Srv(0, 0, 5060, "example.com"),)}
    assert targets("sip:me@example.com", both)[0] == "TCP 192.0.2.9 5060"


def test_addresses_in_srv_records_are_taken_all_the_same() -> None:
    zone: Zone = {("SRV", "_sip._udp.example.com"): (Srv(0, 0, 5060, "192.0.2.4"), Srv(1, 0, 5060, "192.0.2.4"))}
    made, asked = found("sip:me@example.com;transport=udp", zone)
    assert (len(made), asked) == (1, ["SRV _sip._udp.example.com"])


def test_name_servers_that_do_not_answer() -> None:
    """A lookup that fails on the way is passed over; the last one is told."""
    silent = Unanswered("no name server answers")
    zone: dict[tuple[str, str], Answer] = {("NAPTR", "example.com"): silent, ("SRV", "_sip._udp.example.com"): silent}
    assert targets("sip:me@example.com", zone | {("A", "example.com"): ("192.0.2.9",)}) == ["UDP 192.0.2.9 5060"]
    with pytest.raises(LocateError, match=r"address of example.com cannot be looked up: no name server answers"):
        found("sip:me@example.com", zone | {("A", "example.com"): silent})


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("sip:me@nowhere.example", "there is no host nowhere.example"),
        ("tel:+15550100", "names no host"),
        ("http://example.com", "no URI to call"),
        ("nonsense", "no URI to call"),
        ("sip:me@example.com;transport=sctp", "transport SCTP, which is not spoken here"),
        ("sips:me@example.com;transport=udp", "sips is TLS, and UDP has none"),
    ],
)
def test_uris_that_lead_nowhere(uri: str, why: str) -> None:
    with pytest.raises(LocateError, match=why):
        found(uri)


def test_answers_are_bounded() -> None:
    hosts = {("A", f"h{n}.example.com"): tuple(f"192.0.2.{i}" for i in range(99)) for n in range(99)}
    zone: Zone = hosts | {("SRV", "_sip._udp.example.com"): [Srv(n, 0, 5060, f"h{n}.example.com") for n in range(99)]}
    made, asked = found("sip:me@example.com;transport=udp", zone, families=("A",))
    assert (len(made), len(asked)) == (32, 33)


def test_weights_are_shares() -> None:
    """RFC 2782: of equal priority, one that weighs thrice is first three times as often; weight 0 is seldom."""
    records = [Srv(1, 30, 1, "a"), Srv(1, 10, 1, "b"), Srv(1, 0, 1, "c"), Srv(0, 0, 1, "first"), Srv(9, 99, 1, "last")]
    rng = random.Random(7)
    orders = [[record.target for record in by_weight(records, rng)] for _ in range(2000)]
    assert {(order[0], order[-1]) for order in orders} == {("first", "last")}
    second = Counter(order[1] for order in orders)
    assert second["a"] / second["b"] == pytest.approx(3, rel=0.2)
    assert 0 < second["c"] < 150


@given(
    st.lists(st.builds(Srv, st.integers(0, 3), st.integers(0, 65535), st.just(1), st.sampled_from("abc"))),
    st.integers(0, 99),
)
def test_an_order_has_every_record_once(records: list[Srv], seed: int) -> None:
    ordered = by_weight(records, random.Random(seed))
    assert sorted(ordered, key=repr) == sorted(records, key=repr)
    assert [record.priority for record in ordered] == sorted(record.priority for record in records)


@given(st.text(max_size=60), st.data())
def test_whatever_the_uri_it_leads_somewhere_or_is_refused(text: str, data: st.DataObject) -> None:
    names = st.sampled_from(["example.com", ".", "", "192.0.2.1"])
    answers: Sequence[st.SearchStrategy[Answer]] = (
        st.just(()), st.just(Unanswered("x")), st.lists(st.sampled_from(["192.0.2.1", "::1"]), max_size=3),
        st.lists(st.builds(Srv, st.integers(0, 2), st.integers(0, 2), st.integers(0, 9), names), max_size=3),
        st.lists(st.builds(Naptr, st.integers(0, 2), st.integers(0, 2), st.sampled_from("sa"),
                           st.sampled_from(["SIP+D2U", "SIPS+D2T"]), names), max_size=3),
    )  # fmt: skip
    try:
        steps = locating(f"sip:{text}", random.Random(0))
        questions = next(steps)
        for _ in range(5):
            questions = steps.send([data.draw(st.one_of(answers)) for _ in questions])
        raise AssertionError("it never ends")
    except StopIteration as end:
        assert end.value
    except LocateError:
        pass


def test_the_next_target_is_tried_where_nobody_spoke() -> None:
    """§4.3: 503, a transport that fails, a request that times out; the word of a server stands."""
    made = found("sip:me@example.com", families=("A",))[0]
    attempts = Attempts(made)
    assert attempts.current == made[0]
    assert attempts.after(486) is None
    assert attempts.after(408) is None
    assert attempts.after(500, answered=False) is None
    assert attempts.after(503) == made[1]
    assert attempts.after(408, answered=False) == made[2]
    assert attempts.after(503, answered=False) == made[3] == attempts.current
    assert attempts.after(503) is None


def test_a_question_is_a_value() -> None:
    assert Question("A", "x") == Question("A", "x")
