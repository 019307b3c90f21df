"""SMPP sessions, back to back in virtual time: SMPP v3.4 chapter 2 and 7.2."""

import random
from dataclasses import replace

import pytest

from ringback.messaging.smpp.pdu import Bind, Command, Pdu, Status, message_pdu
from ringback.messaging.smpp.session import (
    Answered,
    Arrived,
    BindAsked,
    Bound,
    Closed,
    Send,
    Session,
    Unanswered,
)
from tests.unit.messaging.smpp_lines import BIND, Line, deliver, submit


def bound(kind: str = "transceiver") -> Line:
    line = Line(replace(BIND, kind=kind)).accept()
    line.take("esme")
    line.take("smsc")
    return line


def test_a_bind_is_asked_for_and_let_in() -> None:
    line = Line()
    (asked,) = line.told["smsc"]
    assert isinstance(asked, BindAsked)
    assert asked.bind == BIND
    line.accept()
    assert line.told["esme"] == [Bound(BIND, "smsc")]
    assert line.told["smsc"][1:] == [Bound(BIND, "esme")]
    assert line.esme.may_send()
    assert line.smsc.may_send()


def test_a_bind_is_refused() -> None:
    line = Line()
    asked = line.told["smsc"][0]
    line.smsc.refuse_bind(asked, Status.RBINDFAIL)  # type: ignore[arg-type]
    line.run()
    assert line.told["esme"] == [Closed("the bind was refused with status 0x0d", Status.RBINDFAIL)]
    assert line.esme.closed
    assert line.smsc.closed


@pytest.mark.parametrize(("kind", "esme", "smsc"), [("transmitter", True, False), ("receiver", False, True)])
def test_who_may_send(kind: str, esme: bool, smsc: bool) -> None:
    line = bound(kind)
    assert (line.esme.may_send(), line.smsc.may_send()) == (esme, smsc)
    sender = line.smsc if esme else line.esme
    with pytest.raises(RuntimeError):
        sender.send(lambda sequence: message_pdu(submit(), sequence), 0)
    # One who does it all the same is refused.
    receiver, other = (line.esme, "esme") if esme else (line.smsc, "smsc")
    message = deliver() if esme else submit()
    receiver.receive(message_pdu(message, 1).encode(), 0)
    answer = receiver.poll()
    assert isinstance(answer, Send)
    assert int.from_bytes(answer.data[8:12], "big") == Status.RINVBNDSTS
    assert line.take(other) == []


def test_messages_go_both_ways_and_are_answered() -> None:
    line = bound()
    sequence = line.esme.send(lambda number: message_pdu(submit(), number), 0)
    assert line.esme.pending == 1
    line.run()
    (arrived,) = line.take("smsc")
    assert isinstance(arrived, Arrived)
    line.smsc.answer(arrived.request, Status.ROK, b"id-1\0")
    line.run()
    assert line.take("esme") == [Answered(sequence, Status.ROK, b"id-1\0")]
    assert line.esme.pending == 0
    line.smsc.send(lambda number: message_pdu(deliver(), number), 0)
    line.run()
    (arrived,) = line.take("esme")
    assert isinstance(arrived, Arrived)


def test_an_answer_that_does_not_come_is_told_once() -> None:
    line = bound()
    sequence = line.esme.send(lambda number: message_pdu(submit(), number), 0)
    line.run()
    (arrived,) = line.take("smsc")
    line.wait(9.9)
    assert line.take("esme") == []
    line.wait(0.1)
    assert line.take("esme") == [Unanswered(sequence)]
    line.smsc.answer(arrived.request, Status.ROK)  # type: ignore[union-attr]
    line.run()
    assert line.take("esme") == []
    assert not line.esme.closed


def test_signs_of_life() -> None:
    line = bound()
    line.wait(29)
    line.wait(1)
    line.wait(25)
    assert not line.esme.closed
    # One that gives none is given up.
    line.esme.handle_timeout(line.now + 31)
    while line.esme.poll() is not None:
        pass
    assert line.esme.next_timeout() == line.now + 41
    line.esme.handle_timeout(line.now + 41)
    assert line.esme.poll() == Closed("no answer to enquire_link")
    assert line.esme.next_timeout() is None


def test_who_never_binds_is_sent_away() -> None:
    session = Session("smsc", 0.0)
    assert session.next_timeout() == 10
    session.handle_timeout(9)
    assert session.poll() is None
    session.handle_timeout(10)
    assert session.poll() == Closed("no bind in time")
    session.handle_timeout(11)
    assert session.poll() is None


def test_unbinding() -> None:
    line = bound()
    line.esme.unbind(0)
    line.esme.unbind(0)
    assert not line.esme.may_send()
    line.run()
    assert line.take("esme") == [Closed("unbound")]
    assert line.take("smsc") == [Closed("the other side has unbound")]
    early = Session("smsc", 0.0)
    early.unbind(0)
    assert early.poll() == Closed("ended before it was bound")
    early.unbind(0)


def test_what_waits_when_the_connection_is_lost_is_unanswered() -> None:
    line = bound()
    sequence = line.esme.send(lambda number: message_pdu(submit(), number), 0)
    while line.esme.poll() is not None:
        pass
    line.esme.lost("gone")
    line.esme.lost("gone")
    assert [line.esme.poll(), line.esme.poll(), line.esme.poll()] == [Unanswered(sequence), Closed("gone"), None]
    line.esme.receive(b"\0\0\0\x10" + b"\0" * 12, 0)
    assert line.esme.poll() is None


def test_a_second_bind_and_unknown_commands_are_refused() -> None:
    line = bound()
    line.smsc.receive(Bind("a", "b").pdu(5).encode(), 0)
    line.smsc.receive(Pdu(0x103, 0, 6).encode(), 0)
    answers = [line.smsc.poll(), line.smsc.poll()]
    statuses = [int.from_bytes(answer.data[8:12], "big") for answer in answers if isinstance(answer, Send)]
    assert statuses == [Status.RALYBND, Status.RINVCMDID]


def test_a_bind_that_cannot_be_read_ends_it() -> None:
    session = Session("smsc", 0.0)
    session.receive(Pdu(Command.BIND_TRANSCEIVER, 0, 1, b"x").encode(), 0)
    assert isinstance(session.poll(), Send)
    assert isinstance(session.poll(), Closed)


def test_octets_that_are_no_smpp_end_it() -> None:
    session = Session("smsc", 0.0)
    session.receive(b"GET / HTTP/1.1\r\n\r\n", 0)
    nack = session.poll()
    assert isinstance(nack, Send)
    assert int.from_bytes(nack.data[4:8], "big") == Command.GENERIC_NACK
    assert isinstance(session.poll(), Closed)


def test_a_nack_is_an_answer_and_a_wrong_one_ends_it() -> None:
    line = bound()
    sequence = line.esme.send(lambda number: message_pdu(submit(), number), 0)
    line.esme.receive(Pdu(Command.GENERIC_NACK, 0, sequence).encode(), 0)
    while not isinstance(event := line.esme.poll(), Answered):
        assert isinstance(event, Send)
    assert event.status == Status.RSYSERR
    sequence = line.esme.send(lambda number: message_pdu(submit(), number), 0)
    line.esme.receive(Pdu(0x80000005, 0, sequence).encode(), 0)
    while not isinstance(event := line.esme.poll(), Closed):
        pass
    assert "of another kind" in event.reason


def test_no_octets_break_a_session() -> None:
    rng = random.Random(3)
    for _ in range(300):
        session = Session(rng.choice(["esme", "smsc"]), 0.0, bind=BIND if rng.random() < 0.5 else None)
        for _ in range(6):
            command = rng.choice([*map(int, Command), 0x80000001, 0x80000004, 0x80000009, 0x80000015])
            session.receive(
                Pdu(command, rng.randrange(3), rng.randrange(4), rng.randbytes(rng.randrange(40))).encode(), 0
            )
        session.receive(rng.randbytes(50), 0)
        while session.poll() is not None:
            pass
