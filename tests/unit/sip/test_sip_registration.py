"""A registration of ours: refreshed in time, tried again, taken back."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.sip.registration import Register, Registration
from ringback.sip.values import Headers

CONTACT = "sip:us@192.0.2.1:5060"
GRANTED: Headers = (("contact", f'<sip:other@h>;expires=9, "x" <{CONTACT};ob>;expires=600'),)


def registration(*registrars: str, expires: int = 600) -> Registration:
    return Registration(registrars or ("sip:one",), expires=expires, rng=random.Random(1))


def started(*registrars: str) -> Registration:
    made = registration(*registrars)
    made.start(0.0)
    made.poll()
    return made


def test_it_registers_and_refreshes_before_the_end() -> None:
    ours = registration()
    ours.start(0.0)
    assert ours.poll() == Register("sip:one", 600)
    assert ours.poll() is None
    assert ours.status(0.0).state == "registering"
    ours.answered(200, "OK", GRANTED, CONTACT, 1.0)
    status = ours.status(1.0)
    assert (status.state, status.until, status.next_try, status.why) == ("registered", 601.0, 541.0, "")
    ours.handle_timeout(540.0)
    assert ours.poll() is None
    ours.handle_timeout(541.0)
    assert ours.poll() == Register("sip:one", 600)
    assert ours.status(541.0).state == "registered"
    ours.start(541.0)
    assert ours.poll() is None


@pytest.mark.parametrize(
    ("headers", "refresh"),
    [
        ((("contact", f"<{CONTACT}>;expires=60"),), 30.0),
        ((("expires", "3600"),), 3240.0),
        ((), 540.0),
        ((("contact", '"'), ("contact", "<x"), ("expires", "120 (seconds)")), 80.0),
        ((("contact", f"<{CONTACT}>;expires=never"),), 540.0),
    ],
)
def test_the_registrar_decides_for_how_long(headers: Headers, refresh: float) -> None:
    ours = started()
    ours.answered(200, "OK", headers, CONTACT, 0.0)
    assert ours.next_timeout() == pytest.approx(refresh)


def test_an_interval_that_is_too_short_is_made_longer() -> None:
    ours = started()
    ours.answered(423, "Interval Too Brief", (("min-expires", "1800"),), CONTACT, 0.0)
    assert ours.poll() == Register("sip:one", 1800)
    ours.answered(423, "Interval Too Brief", (("min-expires", "1800"),), CONTACT, 0.0)
    assert ours.status(0.0).state == "waiting"
    other = started()
    other.answered(423, "Interval Too Brief", (("min-expires", "999999"),), CONTACT, 0.0)
    assert other.poll() is None
    assert "999999" in other.status(0.0).why


def test_waits_grow_and_have_an_end() -> None:
    """RFC 5626 section 4.5: between half and all of 30 seconds, doubled with each failure, up to 30 minutes."""
    ours, now = started(), 0.0
    for failure in range(12):
        ours.failed("no answer", now)
        longest = min(1800.0, 30.0 * 2**failure)
        deadline = ours.next_timeout()
        assert deadline is not None
        assert longest / 2 <= deadline - now <= longest
        assert ours.status(now).failures == failure + 1
        ours.handle_timeout(deadline)
        assert ours.poll() is not None
        now = deadline
    ours.answered(200, "OK", GRANTED, CONTACT, now)
    assert ours.status(now).failures == 0


def test_the_next_registrar_is_tried_at_once() -> None:
    ours = started("sip:one", "sip:two")
    ours.answered(503, "Service Unavailable", (), CONTACT, 0.0)
    assert ours.poll() == Register("sip:two", 600)
    ours.answered(200, "OK", GRANTED, CONTACT, 0.0)
    ours.handle_timeout(540.0)
    assert ours.poll() == Register("sip:two", 600)
    ours.failed("no answer", 541.0)
    assert ours.poll() == Register("sip:one", 600)
    ours.failed("no answer", 542.0)
    assert ours.poll() is None
    status = ours.status(542.0)
    assert (status.state, status.why) == ("registered", "no answer")
    assert ours.status(600.0).state == "waiting"


def test_a_refused_password_is_not_tried_often() -> None:
    ours = started()
    ours.answered(403, "Forbidden", (), CONTACT, 0.0)
    assert ours.next_timeout() == 300.0
    assert ours.status(0.0).why == "403 Forbidden: the name or the password is refused"


def test_retry_after_is_heeded() -> None:
    ours = started()
    ours.answered(503, "Busy", (("retry-after", "120;duration=60"),), CONTACT, 0.0)
    assert ours.next_timeout() == 120.0


def test_it_is_taken_back() -> None:
    for heard in ("answered", "failed"):
        ours = started()
        ours.answered(200, "OK", GRANTED, CONTACT, 0.0)
        ours.stop(10.0)
        assert ours.poll() == Register("sip:one", 0)
        assert (ours.status(10.0).state, ours.next_timeout()) == ("unregistering", None)
        if heard == "answered":
            ours.answered(200, "OK", (), CONTACT, 10.0)
        else:
            ours.failed("no answer", 10.0)
        assert ours.status(10.0).state == "stopped"
        ours.start(20.0)
        assert ours.poll() == Register("sip:one", 600)


def test_there_is_nothing_to_take_back_where_it_does_not_stand() -> None:
    ours = started()
    ours.stop(0.0)
    assert ours.poll() is None
    assert ours.status(0.0).state == "stopped"
    ours.answered(200, "OK", GRANTED, CONTACT, 0.0)
    ours.failed("late", 0.0)
    assert ours.status(0.0).state == "stopped"
    with pytest.raises(ValueError, match="needs a registrar"):
        Registration((), expires=600, rng=random.Random(1))


@given(st.lists(st.tuples(st.integers(200, 699), st.text(max_size=30), st.text(max_size=30)), max_size=20))
def test_whatever_is_answered_there_is_always_a_next_step(answers: list[tuple[int, str, str]]) -> None:
    ours, now = started("sip:one", "sip:two"), 0.0
    for code, contact, seconds in answers:
        ours.answered(
            code, "x", (("contact", contact), ("min-expires", seconds), ("retry-after", seconds)), CONTACT, now
        )
        if ours.poll() is None:
            deadline = ours.next_timeout()
            assert deadline is not None
            assert now < deadline <= now + 90_000
            now = deadline
            ours.handle_timeout(now)
            assert ours.poll() is not None
