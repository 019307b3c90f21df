"""Records to store: whole, and different from each other in what a test says."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ringback.model.records import Account, CallEvent, CallRecord, IncomingNumber
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.storage.database import Database

NOW = datetime(2024, 2, 29, 12, 30, 15, 250_000, tzinfo=UTC)


def later(seconds: float) -> datetime:
    """A moment after NOW."""
    return NOW + timedelta(seconds=seconds)


def entropy(length: int) -> bytes:
    """Bytes that anybody can guess."""
    return bytes(range(length))


async def add_account(db: Database) -> Account:
    return await db.accounts.ensure_default(NOW, entropy)


def number(account: Account, digit: int = 0, **different: Any) -> IncomingNumber:
    values: dict[str, Any] = {
        "sid": f"PN{digit:032x}",
        "account_sid": account.sid,
        "phone_number": f"+1415555010{digit}",
        "voice_url": "http://127.0.0.1:8000/voice",
        "voice_method": "POST",
        "voice_fallback_url": None,
        "voice_fallback_method": "POST",
        "status_callback": "http://127.0.0.1:8000/status",
        "status_callback_method": "POST",
        "api_version": ApiVersion.V2008,
        "friendly_name": "Front door — Ünïcode",
        "date_created": NOW,
    }
    return IncomingNumber(**{**values, **different})


def call(account: Account, digit: int = 0, **different: Any) -> CallRecord:
    values: dict[str, Any] = {
        "sid": f"CA{digit:032x}",
        "account_sid": account.sid,
        "from_": "+14155550199",
        "to": "+14155550100",
        "direction": Direction.INBOUND,
        "status": CallStatus.RINGING,
        "api_version": ApiVersion.V2010,
        "phone_number_sid": "PN" + "0" * 32,
        "sip_call_id": "a84b4c76e66710@pc33.example.com",
        "date_created": later(digit),
    }
    return CallRecord(**{**values, **different})


def event(call_sid: str, seconds: float = 0, kind: str = "key", **data: Any) -> CallEvent:
    return CallEvent(call_sid, later(seconds), kind, data)
