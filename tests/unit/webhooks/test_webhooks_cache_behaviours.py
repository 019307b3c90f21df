"""What is expected of HTTP caches, case by case, of the cache before the network.

The cases are in tests/vectors/http_cache.json under the names that the public collection of such behaviours gives them.
Each is a row of requests for one URL: what the application answers when it is asked (dates are seconds from now), how
much later the next request is, and where its answer has to come from. Those that do not apply have a reason.
"""

import json
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from cache_origin import BEGIN, Clock, Origin, get, request

from ringback.webhooks.cache import CachingExchange
from ringback.webhooks.cache_store import CacheStore
from ringback.webhooks.failures import FetchError

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "http_cache.json").read_text())
CASES: dict[str, list[dict[str, Any]]] = VECTORS["cases"]
IN_ALL = 370
"""Behaviours in the collection."""

_DATES = {"date", "expires", "last-modified"}


class Script(Origin):
    """The application of one case. It validates by what it gave out last."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.step: dict[str, Any] = {}
        self.given: dict[str, str] = {}

    def prepare(self, step: dict[str, Any]) -> None:
        self.step = step
        headers = [(name, self._value(name, value)) for name, value in step.get("answer", ())]
        status = step.get("status", 200)
        if step.get("comes", "").startswith("by "):
            status = 304
        error = {"error": FetchError(11206, "closed", kind="dropped")} if step.get("fails") else {}
        self.answers = [{"status": status, "headers": headers, "body": str(step.get("body", "text")).encode()} | error]

    def _value(self, name: str, value: Any) -> str:
        if name.lower() in _DATES and isinstance(value, int):
            return formatdate(self.clock.now + value, usegmt=True)
        return str(value)


@pytest.mark.conforms("2008-08-01/1.4/cache-get", "2010-04-01/7/cache")
@pytest.mark.parametrize("name", CASES)
async def test_behaviour(name: str, tmp_path: Path) -> None:
    clock = Clock(BEGIN)
    origin = Script(clock)
    cache = CachingExchange(origin, CacheStore(tmp_path, 1 << 24), clock)
    for step in CASES[name]:
        origin.prepare(step)
        url = f"http://a.example/{step.get('path', '')}?{step.get('query', '')}"
        asked = request(
            url, step.get("method", "GET"), **{name: str(value) for name, value in step.get("ask", {}).items()}
        )
        before = len(origin.asked)
        if step.get("comes") == "error":
            with pytest.raises(FetchError):
                await get(cache, asked)
            continue
        got = await get(cache, asked)
        sent = origin.asked[-1].headers if len(origin.asked) > before else None
        check(step, got.how, sent)
        assert got.status == step.get("gets", 200 if got.how == "validated" else step.get("status", 200))
        for field in step.get("has", ()):
            check_field(got.headers, field, clock)
        for field in step.get("lacks", ()):
            absent, value = (field, "") if isinstance(field, str) else field
            assert absent not in got.headers or (value and value not in got.headers[absent])
        for field, value in step.get("sends", ()):
            assert sent is not None
            assert sent[field] == value
        clock.now += step.get("later", 0)


def check(step: dict[str, Any], how: str, sent: Any) -> None:
    match step.get("comes"):
        case "kept":
            assert how in ("fresh", "stale")
        case "new":
            assert how == "new"
        case "by ETag":
            assert how == "validated"
            assert "If-None-Match" in sent
        case "by Last-Modified":
            assert how == "validated"
            assert "If-Modified-Since" in sent


def check_field(headers: Any, field: Any, clock: Clock) -> None:
    if isinstance(field, str):
        assert field in headers
    elif field[1] == ">":
        assert int(headers[field[0]]) > field[2]
    elif isinstance(field[1], str):
        assert ", ".join(headers.getall(field[0])) == field[1]
    else:
        assert field[0] in headers


def test_every_behaviour_is_proved_or_has_a_reason() -> None:
    reasons, excused = VECTORS["reasons"], VECTORS["not_applicable"]
    assert reasons.keys() == excused.keys()
    names = [name for group in excused.values() for name in group]
    assert len(set(names)) == len(names)
    assert not CASES.keys() & set(names)
    assert len(CASES) + len(names) == IN_ALL
