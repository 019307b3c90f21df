"""A gateway over HTTP, in memory: what it is sent, what it answers, what it posts."""

import base64
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from ringback.messaging.carriers.contract import (
    CarrierBusyError,
    CarrierDownError,
    CarrierLostError,
    CarrierRefusedError,
)
from ringback.messaging.carriers.http import HttpCarrier
from ringback.messaging.carriers.signatures import is_signed, sign
from ringback.model.messages import CarrierRecord
from ringback.storage.errors import StorageError
from ringback.testing.contracts_messages import check_carrier
from ringback.testing.messages import FakeInbox, fake_outgoing
from ringback.webhooks.exchange import Request
from ringback.webhooks.failures import FetchError

SECRET = "0123456789abcdef"
NOW = 1_700_000_000.0


class Gateway:
    """An `Exchange` that is one gateway."""

    def __init__(self) -> None:
        self.status, self.body, self.headers = 200, b'{"id": "g-1"}', {}
        self.error: FetchError | None = None
        self.requests: list[Request] = []

    @asynccontextmanager
    async def __call__(self, request: Request) -> Any:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        yield self

    async def read(self) -> bytes:
        body, self.body = self.body, b""
        return body

    async def close(self) -> None:
        pass

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        return CIMultiDictProxy(CIMultiDict(found)) if name == "headers" else found


def made(gateway: Gateway, **settings: Any) -> HttpCarrier:
    settings = {"url": "http://phone.local/send", "secret": SECRET, **settings}
    record = CarrierRecord("android", "http", settings, datetime(2026, 1, 1, tzinfo=UTC))
    return HttpCarrier(record, gateway, lambda: NOW)  # type: ignore[arg-type]


async def started(gateway: Gateway, inbox: FakeInbox | None = None, **settings: Any) -> HttpCarrier:
    carrier = made(gateway, **settings)
    await carrier.start(inbox or FakeInbox())  # type: ignore[arg-type]
    return carrier


async def test_it_keeps_the_contract() -> None:
    gateway = Gateway()
    (answer,) = await check_carrier(made(gateway), FakeInbox(), fake_outgoing())  # type: ignore[arg-type]
    assert answer.reference == "g-1"


async def test_a_message_is_posted_as_json_and_signed() -> None:
    gateway = Gateway()
    carrier = await started(gateway, headers={"X-Key": "k"}, fields={"text": "message"})
    await carrier.submit(fake_outgoing(body="héllo", media_urls=("http://app/c.png",), repeated=True), 1)
    (request,) = gateway.requests
    assert json.loads(request.body or b"") == {
        "id": "SM" + "0" * 31 + "1", "from": "+15550100001", "to": "+14155550100", "message": "héllo",
        "media": ["http://app/c.png"], "repeated": True,
    }  # fmt: skip
    assert request.headers["X-Key"] == "k"
    assert request.headers["Idempotency-Key"] == "SM" + "0" * 31 + "1"
    assert is_signed(SECRET, request.body or b"", request.headers, NOW)


async def test_a_message_is_posted_as_a_form_with_a_login() -> None:
    gateway = Gateway()
    gateway.body = b"whatever"
    carrier = await started(gateway, format="form", url="http://user:pass@phone.local/send")
    answer = await carrier.submit(fake_outgoing(repeated=True), 1)
    (request,) = gateway.requests
    assert parse_qs((request.body or b"").decode())["text"] == ["hello"]
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"user:pass").decode()
    assert answer.reference == "SM" + "0" * 31 + "1"


@pytest.mark.parametrize(
    ("body", "field", "reference"),
    [
        (b'{"data": [{"uid": 7}]}', "data.0.uid", "7"),
        (b"[]", "id", ""),
        (b'{"id": true}', "id", ""),
        (b'{"id":{}}', "id", ""),
    ],
)
async def test_where_the_id_is_in_the_answer(body: bytes, field: str, reference: str) -> None:
    gateway = Gateway()
    gateway.body = body
    answer = await (await started(gateway, id_field=field)).submit(fake_outgoing(), 1)
    assert answer.reference == (reference or "SM" + "0" * 31 + "1")


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, CarrierBusyError), (503, CarrierBusyError), (500, CarrierDownError), (400, CarrierRefusedError)],
)
async def test_what_a_gateway_answers(status: int, error: type[Exception]) -> None:
    gateway = Gateway()
    gateway.status, gateway.headers = status, {"Retry-After": "7"}
    carrier = await started(gateway)
    with pytest.raises(error) as raised:
        await carrier.submit(fake_outgoing(), 1)
    if isinstance(raised.value, CarrierBusyError):
        assert raised.value.seconds == 7
    assert carrier.state == f"the last answer was {status}"


@pytest.mark.parametrize(
    ("kind", "error"),
    [("ct", CarrierDownError), ("rt", CarrierLostError), ("dropped", CarrierLostError), ("other", CarrierLostError)],
)
async def test_a_gateway_that_cannot_be_talked_to(kind: str, error: type[Exception]) -> None:
    gateway = Gateway()
    gateway.error = FetchError(11200, "it is off", "http://phone.local/", kind)
    carrier = await started(gateway)
    with pytest.raises(error, match="it is off"):
        await carrier.submit(fake_outgoing(), 1)
    assert carrier.state == "it is off"


@pytest.mark.parametrize(
    "settings",
    [
        {"secret": "short"}, {"url": "nowhere"}, {"fields": {"what": "x"}}, {"headers": {"a b": "c"}}, {"typo": 1},
        {"headers": {"X": "a\nb"}},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_used(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        made(Gateway(), **settings)


def posted(values: Any, **headers: str) -> tuple[bytes, dict[str, str]]:
    body = values if isinstance(values, bytes) else json.dumps(values).encode()
    return body, sign(SECRET, body, NOW) | headers


async def test_what_came_to_the_gateway() -> None:
    inbox = FakeInbox()
    carrier = await started(Gateway(), inbox)
    media = [{"content_type": "image/png", "data": base64.b64encode(b"meow").decode()}]
    values = {"from": "+4477", "to": "+15550100001", "text": "hi", "media": media, "id": "7"}
    for _ in range(2):
        status, sid = await carrier.arrived(*posted(values))
        assert (status, sid[:2]) == (200, "SM")
    first, second = inbox.arrivals
    assert first == second
    assert (first.body, first.media[0].data, str(first.sid)[:2]) == ("hi", b"meow", "MM")
    form = b"from=%2B4477&to=%2B15550100001&text=hi"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await carrier.arrived(*posted(form, **kind)))[0] == 200
    assert inbox.arrivals[2].sid is None
    assert (await carrier.arrived(*posted({"from": "1", "to": "+15550109999"})))[0] == 404
    assert (await carrier.arrived(*posted({"from": "1"})))[0] == 400
    assert (await carrier.arrived(*posted([1])))[0] == 400
    assert (await carrier.arrived(*posted(b"{")))[0] == 400
    assert (await carrier.arrived(b"{}", {}))[0] == 403
    inbox.error = StorageError("full")
    assert (await carrier.arrived(*posted(values)))[0] == 503


async def test_delivery_reports() -> None:
    inbox = FakeInbox()
    carrier = await started(Gateway(), inbox)
    for status in ("delivered", "FAILED", "sent"):
        assert (await carrier.reported(*posted({"id": "g-1", "status": status, "error_code": "30005"})))[0] == 200
    await carrier.reported(*posted({"id": "g-2", "status": "expired", "error_code": "boom"}))
    assert inbox.receipts == [
        ("android", "g-1", True, None), ("android", "g-1", False, 30005), ("android", "g-2", False, 30008),
    ]  # fmt: skip
    assert (await carrier.reported(*posted({"id": "g-1"})))[0] == 400
    assert (await carrier.reported(b"", {}))[0] == 403
    inbox.error = StorageError("full")
    assert (await carrier.reported(*posted({"id": "g-1", "status": "read"})))[0] == 503
    await carrier.close()
    assert (await carrier.reported(*posted({})))[0] == 503
