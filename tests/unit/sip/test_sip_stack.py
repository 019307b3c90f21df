"""What all parts of the core share."""

import random

from sip_talk import TCP, UDP, Talk

from ringback.sip.events import DialogId, Flow, PeerAlive, Send, Trace
from ringback.sip.message import parse
from ringback.sip.policy import Policy
from ringback.sip.stack import Stack


def stack(*, trace: bool = False) -> Stack:
    """Make a stack that advertises an IPv6 address."""
    return Stack(random.Random(1), Policy("test"), lambda flow: ("2001:db8::1", flow.local[1]), trace=trace)


def test_what_is_sent_and_told_stands_in_the_outbox_in_order() -> None:
    made, woken = stack(trace=True), []
    made.wakeup = lambda: woken.append(1)
    made.send(b"BYE sip:a SIP/2.0\r\nX: y\r\n\r\n", UDP, DialogId(1), "1 BYE")
    made.emit(PeerAlive(DialogId(1)))
    made.trace_in(parse(Talk().request("INFO", 4)), None)
    assert list(made.outbox) == [
        Trace(DialogId(1), "out", "BYE sip:a SIP/2.0", "1 BYE"),
        Send(b"BYE sip:a SIP/2.0\r\nX: y\r\n\r\n", UDP),
        PeerAlive(DialogId(1)),
        Trace(None, "in", "INFO sip:service@192.0.2.1 SIP/2.0", "4 INFO"),
    ]
    assert woken


def test_without_traces_there_are_none() -> None:
    made = stack()
    made.send(b"x\r\n", UDP, None, "1 BYE")
    made.trace_in(parse(Talk().request("INFO")), None)
    assert list(made.outbox) == [Send(b"x\r\n", UDP)]


def test_names_are_not_given_twice() -> None:
    made = stack()
    for make in (made.new_tag, made.new_branch, made.new_call):
        assert len({make() for _ in range(1000)}) == 1000
    assert made.new_branch().startswith("z9hG4bK")


def test_via_and_contact() -> None:
    made = stack()
    assert made.via(UDP, "z9hG4bKx") == "SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKx;rport"
    assert made.contact(UDP) == "<sip:[2001:db8::1]:5060>"
    assert made.contact(TCP) == "<sip:[2001:db8::1]:5060;transport=tcp>"
    tls, wss = (Flow(transport, ("192.0.2.1", 5061), ("192.0.2.2", 40000), 1) for transport in ("TLS", "WSS"))
    assert made.via(tls, "z9hG4bKx") == "SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKx;rport;alias"
    assert made.contact(tls) == "<sip:[2001:db8::1]:5061;transport=tls>"
    assert made.contact(wss) == "<sip:[2001:db8::1]:5061;transport=ws>"
    assert made.contact(tls, secure=True) == "<sips:[2001:db8::1]:5061;transport=tcp>"
