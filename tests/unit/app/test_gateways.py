"""Where gateways post: paths, methods, sizes."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ringback.app import gateways
from ringback.app.gateways import Gateways
from ringback.messaging.carriers.http import HttpCarrier
from ringback.messaging.carriers.signatures import sign
from ringback.model.messages import CarrierRecord
from ringback.testing.messages import FakeInbox

SECRET = "0123456789abcdef"


async def post(
    inbox: FakeInbox, path: str, *chunks: bytes, method: str = "POST", signed: bool = True, broken: bool = False
) -> tuple[int, bytes]:
    settings: dict[str, object] = {"url": "http://127.0.0.1:9/", "secret": SECRET}
    carrier = HttpCarrier(
        CarrierRecord("my phone", "http", settings, datetime(2026, 1, 1, tzinfo=UTC)), None, lambda: 9.0
    )  # type: ignore[arg-type]
    await carrier.start(inbox)  # type: ignore[arg-type]
    headers = sign(SECRET, b"".join(chunks), 9.0) if signed else {}
    scope = {
        "type": "http", "path": path, "method": method,
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": chunk, "more_body": index + 1 < len(chunks)}
        for index, chunk in enumerate(chunks)
    ]
    if broken:
        messages = [{"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    application = Gateways(lambda name: carrier if name == "my phone" else None)
    await application(scope, receive, send)
    await application({"type": "websocket"}, receive, send)
    return sent[0]["status"], sent[1]["body"]


async def test_messages_and_receipts_are_taken() -> None:
    inbox = FakeInbox()
    body = json.dumps({"from": "+4477", "to": "+15550100001", "text": "hi"}).encode()
    assert (await post(inbox, "/carriers/my%20phone/messages", body[:9], body[9:]))[0] == 200
    assert inbox.arrivals[0].body == "hi"
    report = b'{"id": "7", "status": "delivered"}'
    assert await post(inbox, "/carriers/my phone/receipts", report) == (200, b"ok")
    assert inbox.receipts == [("my phone", "7", True, None)]


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("/carriers/other/messages", {}, 404),
        ("/carriers/my phone/other", {}, 404),
        ("/carriers/my phone", {}, 404),
        ("/carriers/my phone/messages", {"method": "GET"}, 405),
        ("/carriers/my phone/messages", {"signed": False}, 403),
        ("/carriers/my phone/messages", {"broken": True}, 400),
    ],
)
async def test_what_is_refused(path: str, options: dict[str, Any], status: int) -> None:
    assert (await post(FakeInbox(), path, b"{}", **options))[0] == status


async def test_bodies_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "MOST_BODY", 10)
    assert (await post(FakeInbox(), "/carriers/my phone/messages", b"x" * 6, b"x" * 6))[0] == 413
