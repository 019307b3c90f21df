"""Reject. 2010-04-01 clause 2.3: reason rejected or busy [rejected]; as the first verb the call is never answered and
ends busy or no-answer; nothing after it runs. 2008-08-01 does not have it.
"""

import pytest
from twiml_calls import V2008, codes, read, take, verb

from ringback.model.status import CallStatus


@pytest.mark.conforms(
    "2010-04-01/2.3/Reject-reason",
    "2010-04-01/2.3/Reject-reason-default",
    "2010-04-01/2.3/Reject-busy",
    "2010-04-01/2.3/Reject-rejected",
    "2010-04-01/1/answering-reject",
)
@pytest.mark.parametrize(
    ("attribute", "sip_code", "status"),
    [
        ("", 603, CallStatus.NO_ANSWER),
        ('reason="rejected"', 603, CallStatus.NO_ANSWER),
        ('reason="busy"', 486, CallStatus.BUSY),
    ],
)
def test_the_reason(attribute: str, sip_code: int, status: CallStatus) -> None:
    taken = take(f"<Reject {attribute}/><Say>never</Say>")
    assert (taken.call.sip_code, taken.call.status, taken.call.answered_at) == (sip_code, status, None)
    assert (taken.end.reason, taken.call.end_reason, taken.heard) == ("rejected", "rejected", [])


def test_a_bad_reason_is_a_warning() -> None:
    assert codes('<Reject reason="lunch"/>') == [12200]
    assert verb('<Reject reason="lunch"/>').reason == "rejected"


def test_a_pause_before_it_lets_the_phone_ring() -> None:
    taken = take('<Pause length="10"/><Reject/>')
    assert (taken.call.answered_at, taken.call.ended_at, taken.call.sip_code) == (None, 10, 603)


def test_after_a_verb_that_answers_it_hangs_up_with_a_warning() -> None:
    taken = take("<Say>Hello</Say><Reject/><Say>never</Say>")
    assert (taken.heard, taken.codes(), taken.call.sip_code) == (["Hello"], [12200], None)
    assert (taken.end.reason, taken.call.status) == ("hangup-verb", CallStatus.COMPLETED)


@pytest.mark.conforms("2008-08-01/2.1/no-reject")
def test_2008_does_not_have_it() -> None:
    assert codes("<Reject/>", V2008) == [13750]
    assert read("<Reject/>", V2008).verbs == ()
    assert take("<Reject/><Say>goes on</Say>", version=V2008).heard == ["goes on"]
