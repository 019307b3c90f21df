"""What follows from a record: its key, its length, when it changed."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from ringback.model.records import CallRecord, dated, key_of
from ringback.model.status import ApiVersion, CallStatus, Direction

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def call(**times: datetime | None) -> CallRecord:
    return CallRecord(
        sid="CA" + "0" * 32,
        account_sid="AC" + "0" * 32,
        from_="+14155550100",
        to="+15550100001",
        status=CallStatus.COMPLETED,
        direction=Direction.INBOUND,
        api_version=ApiVersion.V2010,
        date_created=NOON,
        phone_number_sid=None,
        sip_call_id="x",
        **times,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(("seconds", "duration"), [(0.4, 0), (0.6, 1), (61.0, 61), (-1.0, 0)])
def test_a_call_lasts_from_its_answer_to_its_end(seconds: float, duration: int) -> None:
    """A clock that was set back makes no call shorter than nothing."""
    assert call(start_time=NOON, end_time=NOON + timedelta(seconds=seconds)).duration == duration


def test_a_call_that_goes_on_or_was_never_answered() -> None:
    assert call(start_time=NOON).duration is None
    assert call(end_time=NOON).duration == 0


def test_the_key_of_a_record_is_its_sid_or_whose_it_is() -> None:
    assert key_of(call()) == "CA" + "0" * 32
    assert key_of(SimpleNamespace(conference_sid="CF1", call_sid="CA1")) == ("CF1", "CA1")
    assert key_of(SimpleNamespace(queue_sid="QU1", call_sid="CA1")) == "CA1"


def test_a_change_is_dated_with_the_newest_moment_in_it() -> None:
    later = NOON + timedelta(seconds=5)
    assert dated({"start_time": NOON, "end_time": later})["date_updated"] == later
    assert dated({"status": CallStatus.BUSY}) == {"status": CallStatus.BUSY}
    said = {"end_time": later, "date_updated": NOON}
    assert dated(said) == said
