"""Errors and warnings become notifications, with the request that they came up with."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from ringback.app import notifications
from ringback.app.notifications import MOST_PER_CALL, NotifyingJournal
from ringback.model import events
from ringback.model.notifications import LOG_ERROR, LOG_WARNING, NotificationRecord
from ringback.model.records import CallEvent, CallRecord
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.rest.notices import Notice

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SHOP = "http://shop.example/voice"


class Taking:
    """A journal that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[CallEvent] = []
        self.saved: list[NotificationRecord] = []
        self.others: list[tuple[Any, ...]] = []

    def note(self, event: CallEvent) -> None:
        self.events.append(event)

    def create_call(self, record: CallRecord) -> None:
        self.others.append(("create", record.sid))

    def update_call(self, sid: str, **changes: Any) -> None:
        self.others.append(("update", sid, changes))

    def save(self, record: Any) -> None:
        self.saved.append(record)

    def change(self, kind: type, key: Any, **changes: Any) -> None:
        self.others.append(("change", kind, key, changes))

    def remove(self, kind: type, key: Any) -> None:
        self.others.append(("remove", kind, key))


class Rig:
    """A call whose events are noted."""

    def __init__(self, **options: Any) -> None:
        self.taking = Taking()
        numbers = count(1)
        self.journal = NotifyingJournal(self.taking, lambda size: next(numbers).to_bytes(size, "big"), **options)

    def begin(self, sid: str = "CA1", version: ApiVersion = ApiVersion.V2008) -> None:
        self.journal.create_call(
            CallRecord(sid, "AC1", "+1", "+2", Direction.INBOUND, CallStatus.RINGING, version, None, None, NOW)
        )

    def note(self, kind: str, /, sid: str = "CA1", **data: Any) -> None:
        self.journal.note(CallEvent(sid, NOW, kind, data))

    def exchange(self, number: str, url: str = SHOP, **answer: Any) -> None:
        parameters = {"CallSid": "CA1", "Digits": "ü&1"}
        self.note(events.WEBHOOK_REQUEST, id=number, method="POST", url=url, parameters=parameters)
        self.note(events.WEBHOOK_RESPONSE, id=number, **answer)


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.begin()
    return rig


@pytest.mark.conforms("2008-08-01/1.7/notifications")
def test_an_error_is_kept_with_its_request_and_the_answer(rig: Rig) -> None:
    rig.exchange("1", status=500, headers={"Content-Type": "text/html", "Server": "x y"}, body="Ouch")
    rig.note(events.ERROR, code=11200, message="the server answered 500", url=SHOP)
    assert rig.taking.saved == [
        NotificationRecord(
            sid=f"NO{1:032x}",
            account_sid="AC1",
            call_sid="CA1",
            log=LOG_ERROR,
            error_code=11200,
            message_text="the server answered 500",
            message_date=NOW,
            request_url=SHOP,
            request_method="POST",
            request_variables="CallSid=CA1&Digits=%C3%BC%261",
            response_headers="Content-Type=text%2Fhtml&Server=x+y",
            response_body="Ouch",
            api_version=ApiVersion.V2008,
            date_created=NOW,
        )
    ]
    assert len(rig.taking.events) == 3


@pytest.mark.conforms("2008-08-01/1.7/notifications")
def test_a_warning_is_one_too(rig: Rig) -> None:
    rig.exchange("1", status=200, body="<Response/>")
    rig.note(events.WARNING, code=12200, message="line 3: there is no verb Dance")
    (saved,) = rig.taking.saved
    assert (saved.log, saved.error_code, saved.request_url) == (LOG_WARNING, 12200, SHOP)


def test_the_request_is_the_last_one_to_that_url(rig: Rig) -> None:
    rig.exchange("1", SHOP + "?a=1", status=200, body="first")
    rig.exchange("2", SHOP, status=200, body="second")
    rig.exchange("3", "http://shop.example/menu", status=200, body="third")
    rig.note(events.WARNING, code=13511, message="voice", url=SHOP)
    rig.note(events.WARNING, code=13420, message="tune", url="http://shop.example/tune.mp3")
    assert [saved.response_body for saved in rig.taking.saved] == ["second", "third"]


def test_what_has_no_code_or_no_owner_is_none() -> None:
    rig = Rig()
    rig.note(events.ERROR, code=11200, message="whose?")
    rig.begin()
    rig.note(events.ERROR, code=0, message="no number +1415")
    rig.note(events.ERROR, message="nothing")
    rig.note(events.STATUS, status="completed")
    assert rig.taking.saved == []


def test_without_a_request_there_is_nothing_to_tell_of_it(rig: Rig) -> None:
    rig.note(events.ERROR, code=11100, message="malformed", url="http://a b/")
    (saved,) = rig.taking.saved
    assert (saved.request_url, saved.request_method, saved.request_variables) == ("http://a b/", "", "")


def test_the_owner_of_a_call_that_was_asked_for_is_looked_up() -> None:
    rig = Rig(whose=lambda sid: ("AC7", ApiVersion.V2010) if sid == "CA7" else None)
    rig.note(events.ERROR, sid="CA7", code=12100, message="broken")
    assert [(saved.account_sid, saved.api_version) for saved in rig.taking.saved] == [("AC7", ApiVersion.V2010)]


def test_a_call_has_a_hundred_at_most(rig: Rig) -> None:
    for _ in range(MOST_PER_CALL + 5):
        rig.note(events.WARNING, code=12200, message="again")
    assert len(rig.taking.saved) == MOST_PER_CALL


def test_memory_is_bounded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "_REMEMBERED", 3)
    for number in range(50):
        rig.exchange(str(number), status=200)
    rig.exchange("unknown", status=200)
    for number in range(5):
        rig.begin(f"CA{number}")
    assert len(rig.journal._calls) == 3
    assert all(len(told.exchanges) <= 20 for told in rig.journal._calls.values())
    rig.note(events.WEBHOOK_RESPONSE, id="never asked", body="x")


def test_long_texts_are_cut(rig: Rig) -> None:
    rig.exchange("1", status=200, body="x" * 9000, headers={"X": "y" * 9000})
    rig.note(events.ERROR, code=12100, message="z" * 9000)
    (saved,) = rig.taking.saved
    assert {len(text) for text in (saved.message_text, saved.response_headers, saved.response_body)} == {4000}


@pytest.mark.parametrize(("code", "log"), [(20001, LOG_WARNING), (21211, LOG_ERROR)])
def test_rest_requests_have_notifications(rig: Rig, code: int, log: int) -> None:
    notice = Notice(
        "AC1", code, "a parameter is unknown", ApiVersion.V2010, NOW, "http://api/Calls", "POST", {"To": "x"}
    )
    rig.journal.notice(notice)
    (saved,) = rig.taking.saved
    assert (saved.call_sid, saved.log, saved.request_variables) == (None, log, "To=x")


def test_everything_else_is_handed_on(rig: Rig) -> None:
    rig.journal.update_call("CA1", status="completed")
    rig.journal.change(CallRecord, "CA1", price=1)
    rig.journal.remove(CallRecord, "CA1")
    record = object()
    rig.journal.save(record)
    assert rig.taking.others == [
        ("create", "CA1"),
        ("update", "CA1", {"status": "completed"}),
        ("change", CallRecord, "CA1", {"price": 1}),
        ("remove", CallRecord, "CA1"),
    ]
    assert rig.taking.saved[-1] is record
