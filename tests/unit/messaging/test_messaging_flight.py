"""A message on its way: any loss, repetition or order of answers and receipts leaves the right status."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ringback.messaging.flight import ACCEPTED, DELIVERED, Flight
from ringback.model.messages import MessageStatus as Status
from ringback.storage.message_changes import Part
from ringback.testing.messages import EPOCH, fake_message


def flight(units: int = 1) -> Flight:
    made = Flight(fake_message(status=Status.QUEUED))
    made.offer("net", units)
    return made


@given(st.integers(1, 5), st.randoms(use_true_random=False), st.data())
def test_any_order_loss_and_repetition_of_receipts(units: int, random: Any, data: st.DataObject) -> None:
    """Delivered when every unit is, undelivered when one is not, sent while a word is missing."""
    made = flight(units)
    words = [data.draw(st.sampled_from(["delivered", "undelivered", "lost"])) for _ in range(units)]
    events = [("answer", number) for number in range(1, units + 1)]
    events += [(word, number) for number, word in enumerate(words, 1) if word != "lost"] * data.draw(st.integers(1, 3))
    random.shuffle(events)
    seen: list[Status] = []
    answered: set[int] = set()
    for what, number in events:
        if what == "answer":
            if number not in answered:
                made.accepted(number, f"id-{number}")
            answered.add(number)
        elif number in answered:
            made.receipt(number, delivered=what == "delivered", error_code=30003)
        else:
            events.append((what, number))  # it comes again, as carriers repeat what was not acknowledged
        if made.total and not made.left():
            made.move(EPOCH, Status.SENT)
            made.move(EPOCH, *made.status())
        seen.append(made.record.status)
    expected = Status.SENT if "lost" in words else Status.DELIVERED
    if "undelivered" in words:
        expected = Status.UNDELIVERED
    assert made.record.status is expected
    order = [Status.QUEUED, Status.SENT, expected]
    assert [order.index(status) for status in seen] == sorted(order.index(status) for status in seen)


def test_units_that_were_taken_stay_with_their_carrier() -> None:
    made = flight(3)
    made.accepted(1, "a")
    made.refused(2)
    made.refused(3)
    assert made.begun
    assert made.left() == [2, 3]
    assert [part.number for part in made.offer("net", 3)] == [2, 3]
    made.refused(2)
    assert made.status() == (Status.SENDING, None)


def test_a_message_that_nobody_has_begins_anew_in_other_units() -> None:
    made = flight(2)
    made.refused(1)
    made.refused(2)
    assert not made.begun
    assert len(made.offer("other", 1)) == 1
    assert made.left() == [1]
    assert made.parts[1].carrier == "other"


def test_a_status_goes_forward_only() -> None:
    made = Flight(fake_message(status=Status.QUEUED))
    assert made.status() == (Status.QUEUED, None)
    assert made.move(EPOCH, Status.SENDING)
    assert not made.move(EPOCH, Status.QUEUED)
    later = EPOCH + timedelta(seconds=9)
    assert made.move(later, Status.SENT)
    assert made.record.date_sent == later
    assert made.move(EPOCH + timedelta(days=1), Status.UNDELIVERED, 30003)
    assert (made.record.error_message, made.record.date_sent) == ("The handset cannot be reached", later)
    assert not made.move(EPOCH, Status.DELIVERED)


def test_a_receipt_for_no_unit_is_no_news() -> None:
    made = flight()
    assert made.receipt(2, delivered=True, error_code=None) is None
    assert made.accepted(1, "a", delivered=True).state == DELIVERED
    assert made.receipt(1, delivered=False, error_code=1) is None


def test_a_receipt_before_the_answer_is_kept() -> None:
    made = flight()
    made.receipt(1, delivered=False, error_code=None)
    part = made.accepted(1, "a")
    assert (part.state, part.error_code, part.reference) == ("undelivered", 30008, "a")


def test_units_of_the_store_are_taken_up() -> None:
    part = Part("SM" + "0" * 32, 1, "net", ACCEPTED, "a")
    made = Flight(replace(fake_message(), status=Status.SENT), [part])
    assert made.status() == (Status.SENT, None)
