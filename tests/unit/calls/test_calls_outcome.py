"""The table from endings to statuses, row by row."""

import pytest

from ringback.calls import outcome
from ringback.model.status import CallStatus

ROWS = [
    # reason, answered, SIP code, status
    (outcome.CALLER_HANGUP, True, 0, CallStatus.COMPLETED),
    (outcome.CALLER_CANCELLED, False, 487, CallStatus.NO_ANSWER),
    (outcome.DOCUMENT_END, True, 0, CallStatus.COMPLETED),
    (outcome.HANGUP_VERB, True, 0, CallStatus.COMPLETED),
    (outcome.REJECTED, False, 486, CallStatus.BUSY),
    (outcome.REJECTED, False, 603, CallStatus.NO_ANSWER),
    (outcome.RTP_TIMEOUT, True, 0, CallStatus.COMPLETED),
    (outcome.TIME_LIMIT, True, 0, CallStatus.COMPLETED),
    (outcome.TIME_LIMIT, False, 480, CallStatus.NO_ANSWER),
    (outcome.APPLICATION_ERROR, True, 0, CallStatus.FAILED),
    (outcome.MEDIA_FAILURE, True, 0, CallStatus.FAILED),
    (outcome.ACK_TIMEOUT, True, 0, CallStatus.FAILED),
    (outcome.UNREACHABLE, True, 0, CallStatus.COMPLETED),
    (outcome.SERVER_STOPPED, True, 0, CallStatus.COMPLETED),
    (outcome.SERVER_STOPPED, False, 503, CallStatus.FAILED),
    (outcome.SERVER_ERROR, True, 0, CallStatus.FAILED),
    (outcome.NOT_FOUND, False, 404, CallStatus.FAILED),
    (outcome.NOT_ACCEPTABLE, False, 488, CallStatus.FAILED),
    (outcome.CAPACITY, False, 503, CallStatus.FAILED),
]


@pytest.mark.parametrize(("reason", "answered", "code", "status"), ROWS)
def test_each_ending_has_its_status(reason: str, answered: bool, code: int, status: CallStatus) -> None:
    assert outcome.final_status(reason, answered=answered, sip_code=code) is status


def test_every_outcome_is_final() -> None:
    assert all(status.final for pair in outcome.OUTCOMES.values() for status in pair)


def test_every_ending_of_the_sip_core_is_in_the_table() -> None:
    assert set(outcome.SIP_ENDINGS.values()) <= set(outcome.OUTCOMES)


def test_a_reason_that_is_not_in_the_table_is_an_error() -> None:
    with pytest.raises(KeyError):
        outcome.final_status("boredom", answered=True)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (486, CallStatus.BUSY), (600, CallStatus.BUSY), (603, CallStatus.BUSY), (408, CallStatus.NO_ANSWER),
        (480, CallStatus.NO_ANSWER), (487, CallStatus.NO_ANSWER), (404, CallStatus.FAILED), (503, CallStatus.FAILED),
    ],
)  # fmt: skip
def test_what_a_refusal_means_is_in_its_sip_status(code: int, status: CallStatus) -> None:
    assert outcome.refusal_status(code) is status
    assert outcome.final_status(outcome.REFUSED, answered=False, sip_code=code) is status
