"""Statuses are the words of the API, and five of them are final."""

from ringback.model.status import CallStatus


def test_five_statuses_are_final() -> None:
    assert {str(status) for status in CallStatus if status.final} == {
        "completed", "busy", "failed", "no-answer", "canceled",
    }  # fmt: skip
