"""Which application answers which path."""

# Covers: rest/description.py

from collections.abc import MutableMapping
from typing import Any

import pytest
from rest_world import V2010, World

from ringback.model.status import ApiVersion
from ringback.rest.description import Description
from ringback.rest.front import Front


class Named:
    """An application that answers with its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": self.name.encode()})


@pytest.fixture
def front(rest: World) -> Front:
    made = Front(rest.application)
    for prefix in ("/", "/docs", "/docs/deep", "/openapi"):
        made.mount(prefix, Named(prefix))
    return made


async def ask(front: Any, path: str, kind: str = "http", method: str = "GET") -> list[MutableMapping[str, Any]]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": f"{kind}.connect" if kind == "websocket" else "http.request", "body": b""}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": kind, "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
             "headers": [], "client": None}  # fmt: skip
    await front(scope, receive, send)
    return sent


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/docs", "/docs"), ("/docs/2010-04-01", "/docs"), ("/docs/deep/er", "/docs/deep"), ("/docs/deeper", "/docs"),
        ("/openapi.json", "/openapi"), ("/elsewhere", "/"), ("/docsy", "/"), ("/", "/"),
    ],
)  # fmt: skip
async def test_the_longest_prefix_counts(front: Front, path: str, name: str) -> None:
    assert (await ask(front, path))[1]["body"] == name.encode()


async def test_the_api_is_not_hidden_by_what_is_mounted(front: Front) -> None:
    for path in (f"{V2010}/Accounts.json", "/2008-08-01/Accounts"):
        assert (await ask(front, path))[0]["status"] == 401


async def test_where_nothing_is_mounted_a_request_is_not_found_and_a_websocket_closed(rest: World) -> None:
    front = Front(rest.application)
    assert (await ask(front, "/nothing"))[0]["status"] == 404
    assert await ask(front, "/nothing", "websocket") == [{"type": "websocket.close", "code": 1000}]
    assert await ask(front, "/nothing", "lifespan") == []
    assert await ask(front, f"{V2010}/Accounts.json", "websocket") == [{"type": "websocket.close", "code": 1000}]


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/docs", 200, b"text/html; charset=utf-8"), ("/docs/2008-08-01/", 200, b"text/html; charset=utf-8"),
        ("/openapi.json", 200, b"application/json"), ("/openapi/2008-08-01.json", 200, b"application/json"),
        ("/docs/1999-01-01", 404, b"text/plain; charset=utf-8"), ("/other", 404, b"text/plain; charset=utf-8"),
    ],
)  # fmt: skip
async def test_the_description_has_its_pages(path: str, status: int, kind: bytes) -> None:
    description = Description(ApiVersion)
    start, body = await ask(description, path)
    headers = dict(start["headers"])
    assert (start["status"], headers[b"content-type"]) == (status, kind)
    assert int(headers[b"content-length"]) == len(body["body"])
    assert (await ask(description, path, method="HEAD"))[1]["body"] == b""


async def test_the_description_says_nothing_to_a_websocket_and_of_versions_that_are_off() -> None:
    assert await ask(Description(ApiVersion), "/docs", "websocket") == []
    assert (await ask(Description([]), "/docs"))[0]["status"] == 404
    assert (await ask(Description([ApiVersion.V2010]), "/docs/2008-08-01"))[0]["status"] == 404
