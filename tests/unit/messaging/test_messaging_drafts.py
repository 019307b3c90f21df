"""What can be sent, and with which code the rest is refused. 2008-08-01 clause 3.2, 2010-04-01 clauses 9.6 and 15."""

# Covers: messaging/port.py

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.messaging.drafts import check, is_sender_name
from ringback.messaging.port import Draft, MessageRefused
from ringback.model.status import ApiVersion
from ringback.testing.messages import EPOCH

GOOD: dict[str, Any] = {"account_sid": "AC1", "to": "415-555-0100", "from_": "+15550100001", "body": "hello"}


@pytest.mark.conforms("2008-08-01/3.2/length")
@pytest.mark.parametrize(
    ("different", "code"),
    [
        ({"to": ""}, 21604),
        ({"to": "who?"}, 21211),
        ({"to": "+1234567890123456789"}, 21211),
        ({"to": "\ud800"}, 21211),
        ({"from_": " "}, 21603),
        ({"from_": "a name that is too long"}, 21212),
        ({"body": " "}, 21602),
        ({"body": "x" * 1601}, 21617),
        ({"body": "x" * 161, "api_version": ApiVersion.V2008}, 21605),
        ({"body": "\ud800"}, 20422),
        ({"media_urls": ("http://a/",) * 11}, 21623),
        ({"media_urls": ("ftp://a/",)}, 21620),
        ({"status_callback": "a word"}, 21609),
        ({"status_callback": "http://[::1"}, 21609),
        ({"status_callback": "receipt:esmes/office/7"}, 21609),
        ({"validity_period": 0}, 21624),
        ({"validity_period": 36_001}, 21624),
        ({"send_at": EPOCH + timedelta(minutes=10)}, 20422),
        ({"send_at": EPOCH + timedelta(days=36)}, 20422),
    ],
)
def test_what_is_refused(different: dict[str, Any], code: int) -> None:
    with pytest.raises(MessageRefused) as refusal:
        check(Draft(**GOOD | different), EPOCH)
    assert (refusal.value.code, refusal.value.http_status) == (code, 400)
    assert str(refusal.value).startswith(f"{code}: ")


def test_numbers_are_put_into_their_stored_form() -> None:
    checked = check(Draft(**GOOD), EPOCH)
    assert (checked.to, checked.from_, checked.num_segments) == ("+14155550100", "+15550100001", 1)
    assert check(Draft(**GOOD | {"to": "020 7946 0958"}), EPOCH, region="GB").to == "+442079460958"
    assert [check(Draft(**GOOD | {"to": to}), EPOCH).to for to in ("12345", "100", "menu", "sip:bob@example.com")] == [
        "12345", "100", "menu", "sip:bob@example.com",
    ]  # fmt: skip
    assert check(Draft(**GOOD | {"from_": " My Shop "}), EPOCH).from_ == "My Shop"


def test_look_alikes_are_replaced_where_that_is_wanted() -> None:
    curly = GOOD | {"body": "It’s"}
    assert check(Draft(**curly), EPOCH).body == "It's"
    assert check(Draft(**curly), EPOCH, smart=False).body == "It’s"
    assert check(Draft(**curly, smart_encoded=False), EPOCH).body == "It’s"
    assert check(Draft(**curly, smart_encoded=True), EPOCH, smart=False).body == "It's"


def test_it_may_wait_ten_hours_or_as_long_as_it_says() -> None:
    assert check(Draft(**GOOD), EPOCH).expires == EPOCH + timedelta(hours=10)
    later = EPOCH + timedelta(days=1)
    checked = check(Draft(**GOOD, validity_period=60, send_at=later), EPOCH)
    assert (checked.expires, checked.send_at) == (later + timedelta(seconds=60), later)


@given(st.text(), st.text(), st.text())
def test_any_draft_is_taken_or_refused(to: str, from_: str, body: str) -> None:
    with suppress(MessageRefused):
        check(Draft("AC1", to, from_, body), EPOCH)


def test_names_of_senders() -> None:
    assert is_sender_name("Lighthouse1")
    assert not is_sender_name("12345")
    assert not is_sender_name("Lighthouse 12")
