"""Client transactions: every cell of the two tables, with its deadlines."""

import random

import pytest

from ringback.sip.events import Flow, Send
from ringback.sip.message import Response, parse
from ringback.sip.policy import Policy
from ringback.sip.stack import Stack
from ringback.sip.transaction_client import (
    ACCEPTED,
    CALLING,
    COMPLETED,
    INVITE,
    NON_INVITE,
    PROCEEDING,
    TERMINATED,
    ClientTransaction,
    Failure,
    Outcome,
)  # fmt: skip

UDP = Flow("UDP", ("192.0.2.1", 5060), ("192.0.2.2", 5060))
TCP = Flow("TCP", ("192.0.2.1", 5060), ("192.0.2.2", 5060), 1)


def answer(code: int) -> Response:
    """Make a response."""
    head = f"SIP/2.0 {code} R\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n"
    found = parse((head + "From: <sip:b>\r\nTo: <sip:a>\r\nCall-ID: c\r\nCSeq: 1 X\r\n\r\n").encode())
    assert isinstance(found, Response)
    return found


class Play:
    """One transaction, what it sends and what it tells."""

    def __init__(self, method: str, flow: Flow = UDP) -> None:
        self.stack = Stack(random.Random(1), Policy("test"), lambda flow: flow.local, trace=False)
        self.told: list[int | Failure] = []
        invite = method == "INVITE"
        self.tx = ClientTransaction(
            self.stack, ("z9hG4bKx", method), flow, method.encode(), f"1 {method}", 0.0, self.tell,
            make_ack=(lambda response: b"ACK") if invite else None,
        )  # fmt: skip

    def tell(self, outcome: Outcome, now: float) -> None:
        self.told.append(outcome if isinstance(outcome, Failure) else outcome.code)

    def sent(self) -> list[str]:
        """Return what was sent since the last look."""
        items = []
        while self.stack.outbox:
            item = self.stack.outbox.popleft()
            assert isinstance(item, Send)
            items.append(item.data.decode())
        return items

    def sends_until(self, end: float) -> list[float]:
        """Let timers run out until that time; return when something was sent."""
        times = []
        while (due := self.stack.timers.next()) is not None and due <= end:
            self.stack.timers.run_out(due)
            times += [due] * len(self.sent())
        return times

    def ended(self) -> bool:
        """Tell whether all is let go."""
        return (self.tx.state, self.stack.clients, len(self.stack.timers), self.tx.tell) == (TERMINATED, {}, 0, None)


def test_invite_timers_a_and_b() -> None:
    play = Play("INVITE")
    assert play.sent() == ["INVITE"]
    assert play.sends_until(31.9) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    play.sends_until(32.0)
    assert play.told == [Failure.TIMEOUT]
    assert play.ended()


def test_invite_over_tcp_is_sent_once() -> None:
    play = Play("INVITE", TCP)
    play.sent()
    assert play.sends_until(32.0) == []
    assert play.told == [Failure.TIMEOUT]


def test_invite_stops_repeating_with_the_first_answer() -> None:
    play = Play("INVITE")
    play.sent()
    play.tx.receive(answer(100), 0.1)
    play.tx.receive(answer(180), 0.2)
    assert play.sends_until(1000.0) == []
    assert (play.told, play.tx.state) == ([100, 180], PROCEEDING)


@pytest.mark.parametrize("provisional", [False, True])
def test_invite_refused(provisional: bool) -> None:
    """The refusal is acknowledged, and so is each retransmission of it, until timer D."""
    play = Play("INVITE")
    if provisional:
        play.tx.receive(answer(180), 0.1)
    play.sent()
    play.tx.receive(answer(486), 1.0)
    play.tx.receive(answer(486), 1.5)
    assert play.sent() == ["ACK", "ACK"]
    assert (play.told[-1], play.tx.state) == (486, COMPLETED)
    assert play.told.count(486) == 1
    assert play.tx.cseq == "1 ACK"
    play.sends_until(32.9)
    assert play.stack.clients
    play.sends_until(33.0)
    assert play.ended()


def test_invite_refused_over_tcp_ends_at_once() -> None:
    play = Play("INVITE", TCP)
    play.tx.receive(answer(486), 1.0)
    play.sends_until(1.0)
    assert play.ended()


@pytest.mark.parametrize("provisional", [False, True])
def test_invite_accepted_by_several(provisional: bool) -> None:
    """RFC 6026: each 2xx goes to the user until timer M."""
    play = Play("INVITE")
    if provisional:
        play.tx.receive(answer(180), 0.1)
    play.sent()
    play.tx.receive(answer(200), 1.0)
    play.tx.receive(answer(200), 2.0)
    play.tx.receive(answer(486), 2.5)
    assert play.told[-2:] == [200, 200]
    assert (play.sent(), play.tx.state) == ([], ACCEPTED)
    play.sends_until(33.0)
    assert play.ended()


def test_a_late_2xx_is_told() -> None:
    play = Play("INVITE")
    play.tx.receive(answer(486), 1.0)
    play.tx.receive(answer(200), 2.0)
    assert play.told == [486, 200]


def test_an_invite_that_was_given_up() -> None:
    play = Play("INVITE")
    play.tx.receive(answer(180), 0.1)
    play.tx.give_up_at(40.0)
    play.sends_until(40.0)
    assert play.told == [180, Failure.TIMEOUT]
    assert play.ended()


def test_non_invite_timers_e_and_f() -> None:
    play = Play("BYE")
    assert play.sent() == ["BYE"]
    assert play.sends_until(31.9) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    play.sends_until(32.0)
    assert play.told == [Failure.TIMEOUT]
    assert play.ended()


def test_non_invite_slows_down_after_a_provisional_answer() -> None:
    play = Play("BYE")
    play.sent()
    play.tx.receive(answer(100), 0.1)
    assert play.sends_until(31.0) == [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
    play.tx.receive(answer(183), 31.0)
    play.sends_until(32.0)
    assert play.told == [100, 183, Failure.TIMEOUT]


@pytest.mark.parametrize("code", [200, 481])
@pytest.mark.parametrize("provisional", [False, True])
def test_non_invite_answered(code: int, provisional: bool) -> None:
    play = Play("BYE")
    if provisional:
        play.tx.receive(answer(100), 0.1)
    play.tx.receive(answer(code), 1.0)
    play.tx.receive(answer(code), 1.1)
    assert play.told.count(code) == 1
    assert play.tx.state == COMPLETED
    play.sends_until(6.0)
    assert play.ended()


def test_non_invite_over_tcp() -> None:
    play = Play("BYE", TCP)
    play.sent()
    assert play.sends_until(10.0) == []
    play.tx.receive(answer(200), 10.0)
    play.sends_until(10.0)
    assert play.ended()


@pytest.mark.parametrize("method", ["INVITE", "BYE"])
@pytest.mark.parametrize("provisional", [False, True])
def test_transport_error(method: str, provisional: bool) -> None:
    play = Play(method)
    if provisional:
        play.tx.receive(answer(100), 0.1)
    play.tx.step("transport error", 1.0)
    assert play.told[-1] is Failure.TRANSPORT
    assert play.ended()
    play.tx.receive(answer(200), 2.0)
    assert play.told[-1] is Failure.TRANSPORT


def test_transport_error_after_the_answer_is_nobodys_business() -> None:
    play = Play("INVITE")
    play.tx.receive(answer(486), 1.0)
    play.tx.step("transport error", 1.0)
    assert play.told == [486]
    assert play.ended()


@pytest.mark.parametrize("table", [INVITE, NON_INVITE])
def test_tables_are_closed(table: dict[tuple[str, str], tuple[str, tuple[str, ...]]]) -> None:
    """Every state that can be reached can be left, and nothing leaves Terminated."""
    reached = {target for target, _ in table.values()}
    left = {state for (state, _), (target, _) in table.items() if target != state}
    assert reached - left == {TERMINATED}
    assert CALLING in left


def test_nobody_waits_any_more_though_the_first_answer_is_still_to_come() -> None:
    """The deadline outlives the provisional answer that stops the retransmissions."""
    play = Play("INVITE")
    play.tx.give_up_at(20.0)
    play.tx.give_up_at(99.0)
    play.tx.receive(answer(100), 0.1)
    play.sends_until(19.9)
    assert play.stack.clients
    play.sends_until(20.0)
    assert (play.told, play.ended()) == ([100, Failure.TIMEOUT], True)
