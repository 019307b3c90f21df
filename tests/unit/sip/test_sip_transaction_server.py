"""Server transactions: every cell of the two tables, with its deadlines."""

import random

import pytest

from ringback.sip.events import Flow, Send
from ringback.sip.message import Request, parse
from ringback.sip.policy import Policy
from ringback.sip.stack import Stack
from ringback.sip.transaction_server import (
    ACCEPTED,
    COMPLETED,
    CONFIRMED,
    INVITE,
    NON_INVITE,
    PROCEEDING,
    TERMINATED,
    ServerTransaction,
)  # fmt: skip
from ringback.sip.wire import ReplyHead

UDP = Flow("UDP", ("192.0.2.1", 5060), ("192.0.2.2", 5060))
TCP = Flow("TCP", ("192.0.2.1", 5060), ("192.0.2.2", 5060), 1)


class Play:
    """One transaction and what it sends."""

    def __init__(self, method: str, flow: Flow = UDP) -> None:
        self.stack = Stack(random.Random(1), Policy("test"), lambda flow: flow.local, trace=False)
        head = f"{method} sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n"
        request = parse((head + f"From: <sip:b>\r\nTo: <sip:a>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n\r\n").encode())
        assert isinstance(request, Request)
        reply = ReplyHead(request, flow.remote)
        self.tx = ServerTransaction(self.stack, ("k",), flow, reply, f"1 {method}", 0.0, invite=method == "INVITE")
        self.tx.tag = "tag"

    def sent(self) -> list[int]:
        """Return the codes sent since the last look."""
        codes = []
        while self.stack.outbox:
            item = self.stack.outbox.popleft()
            assert isinstance(item, Send)
            codes.append(int(item.data.split()[1]))
        return codes

    def sends_until(self, end: float) -> list[float]:
        """Let timers run out until that time; return when something was sent."""
        times = []
        while (due := self.stack.timers.next()) is not None and due <= end:
            self.stack.timers.run_out(due)
            times += [due] * len(self.sent())
        return times


def test_invite_says_100_after_200_ms() -> None:
    play = Play("INVITE")
    play.stack.timers.run_out(0.2)
    assert play.sent() == [100]
    play.tx.step("request", 0.5)
    assert play.sent() == [100]


def test_invite_does_not_say_100_when_its_user_spoke() -> None:
    play = Play("INVITE")
    play.tx.step("request", 0.05)
    assert play.sent() == [], "there is nothing to repeat yet"
    play.tx.respond(180, 0.1)
    assert play.sent() == [180]
    assert play.sends_until(100.0) == []
    play.tx.step("request", 1.0)
    assert play.sent() == [180]


def test_invite_refused() -> None:
    """Timer G doubles up to T2, timer H ends it; the ACK is what stops it; timer I absorbs further ACKs."""
    play = Play("INVITE")
    assert b";tag=tag" in play.tx.respond(486, 0.0)
    assert (play.sent(), play.tx.state) == ([486], COMPLETED)
    assert play.sends_until(16.0) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5]
    play.tx.step("request", 16.0)
    assert play.sent() == [486]
    play.tx.step("ack", 16.0)
    assert play.tx.state == CONFIRMED
    play.tx.step("ack", 16.1)
    play.tx.step("request", 16.2)
    assert play.sends_until(20.9) == []
    assert play.stack.servers
    play.sends_until(21.0)
    assert (play.tx.state, play.stack.servers, len(play.stack.timers)) == (TERMINATED, {}, 0)


def test_invite_refused_and_never_acknowledged() -> None:
    play = Play("INVITE")
    play.tx.respond(486, 0.0)
    play.sends_until(32.0)
    assert (play.tx.state, play.stack.servers, len(play.stack.timers)) == (TERMINATED, {}, 0)


def test_invite_refused_over_tcp() -> None:
    play = Play("INVITE", TCP)
    play.tx.respond(486, 0.0)
    assert play.sent() == [486]
    assert play.sends_until(31.9) == []
    play.tx.step("ack", 31.9)
    play.sends_until(31.9)
    assert play.tx.state == TERMINATED


def test_invite_accepted() -> None:
    """RFC 6026: the 2xx is repeated by the user; the transaction absorbs retransmitted INVITEs until timer L."""
    play = Play("INVITE")
    play.tx.respond(200, 0.0)
    assert (play.sent(), play.tx.state) == ([200], ACCEPTED)
    play.tx.step("request", 1.0)
    play.tx.step("ack", 1.0)
    assert play.sends_until(31.9) == []
    assert play.tx.respond(486, 2.0) == b""
    assert play.tx.state == ACCEPTED
    play.sends_until(32.0)
    assert (play.tx.state, play.stack.servers, len(play.stack.timers)) == (TERMINATED, {}, 0)


@pytest.mark.parametrize("code", [200, 404])
def test_non_invite(code: int) -> None:
    play = Play("OPTIONS")
    play.tx.step("request", 0.1)
    assert play.sent() == []
    play.tx.respond(183, 0.2)
    play.tx.step("request", 0.3)
    assert play.sent() == [183, 183]
    play.tx.respond(code, 1.0)
    play.tx.step("request", 2.0)
    assert (play.sent(), play.tx.state) == ([code, code], COMPLETED)
    assert play.tx.respond(500, 2.0) == b""
    play.sends_until(33.0)
    assert (play.tx.state, play.stack.servers) == (TERMINATED, {})


def test_non_invite_over_tcp_ends_with_its_answer() -> None:
    play = Play("OPTIONS", TCP)
    play.tx.respond(200, 1.0)
    assert play.sent() == [200]
    play.sends_until(1.0)
    assert (play.tx.state, play.stack.servers) == (TERMINATED, {})


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
@pytest.mark.parametrize("code", [0, 404])
def test_transport_error(method: str, code: int) -> None:
    play = Play(method)
    if code:
        play.tx.respond(code, 0.0)
    play.tx.step("transport error", 0.0)
    assert (play.tx.state, play.stack.servers, len(play.stack.timers)) == (TERMINATED, {}, 0)
    assert play.tx.respond(200, 1.0) == b""


def test_an_ended_transaction_holds_nothing() -> None:
    play = Play("INVITE")
    play.tx.merge = ("c", "", "1 INVITE")
    play.stack.merges[play.tx.merge] = play.tx.key
    play.tx.respond(486, 0.0)
    assert play.tx.reply is None
    play.tx.step("transport error", 0.0)
    assert (play.tx._last, play.stack.merges) == (b"", {})


@pytest.mark.parametrize("table", [INVITE, NON_INVITE])
def test_tables_are_closed(table: dict[tuple[str, str], tuple[str, tuple[str, ...]]]) -> None:
    """Every state that can be reached can be left, and nothing leaves Terminated."""
    reached = {target for target, _ in table.values()}
    left = {state for (state, _), (target, _) in table.items() if target != state}
    assert reached - left == {TERMINATED}
    assert PROCEEDING in left
