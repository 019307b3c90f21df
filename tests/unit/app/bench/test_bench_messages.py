"""`ringback bench messages`: what is asked, counted and told. The server is played; SMSC and callbacks are real."""

import base64
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from bench_esme import BenchEsme

from ringback.app.bench import messages
from ringback.app.bench.media.errors import BenchError
from ringback.app.bench.messages import NUMBER, as_json, bench_messages
from ringback.storage.database import Database
from ringback.storage.secrets import SecretBox

pytestmark = pytest.mark.long

LOGIN = ("AC" + "1" * 32, "2" * 32)


class Served:
    """A server that does what REST promises: takes a message, submits it, and tells its application of the receipt.

    Of the texts in `lost` it submits none, of those in `silent` it tells nothing, those in `doubled` it submits twice,
    and those in `refused` it does not take.
    """

    def __init__(self, **odd: set[str]) -> None:
        self.lost, self.silent = odd.get("lost", set()), odd.get("silent", set())
        self.doubled, self.refused = odd.get("doubled", set()), odd.get("refused", set())
        self.environment: dict[str, str] = {}
        self.commands: list[list[str]] = []
        self.texts: list[str] = []
        self.ended = False
        self._stack = AsyncExitStack()

    def provide(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self.commands.append(list(arguments))

    @contextmanager
    def running(self, name: str, command: list[str], environment: dict[str, str], directory: Path) -> Iterator[Path]:
        assert command[-2:] == ["ringback", "serve"]
        self.environment = environment
        try:
            yield directory / f"{name}.log"
        finally:
            self.ended = True

    async def ready(self, log: Path, seconds: float) -> None:
        smsc = int(re.search(r"port=(\d+)", " ".join(self.commands[-1]))[1])  # type: ignore[index]
        self._esme = await self._stack.enter_async_context(BenchEsme(smsc))
        self._told = await self._stack.enter_async_context(aiohttp.ClientSession())
        application = web.Application()
        application.add_routes([web.post(f"/2010-04-01/Accounts/{LOGIN[0]}/Messages.json", self._message)])
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.01)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", int(self.environment["RINGBACK_HTTP__PORT"])).start()

    async def close(self) -> None:
        await self._stack.aclose()

    async def _message(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        token = request.headers["Authorization"].removeprefix("Basic ")
        assert base64.b64decode(token).decode() == ":".join(LOGIN)
        text = form["Body"]
        if text in self.refused:
            return web.Response(status=429, text="too many")
        self.texts.append(text)
        for _ in range(0 if text in self.lost else 2 if text in self.doubled else 1):
            await self._esme.submit(form["From"], form["To"], text)
            await self._esme.receipt()
        if text not in self.lost | self.silent:
            for status in ("sent", "delivered"):
                answer = {"MessageSid": text, "MessageStatus": status}
                async with self._told.post(form["StatusCallback"], data=answer) as done:
                    assert done.status == 200
        return web.json_response({}, status=201)


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """The cores on which this process would have been kept."""
    seen: list[set[int]] = []
    monkeypatch.setattr(messages, "two_cores", lambda: (3, 5))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5})
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cores: seen.append(set(cores)))
    monkeypatch.setattr(messages, "preferred", nullcontext)
    return seen


async def bench(
    monkeypatch: pytest.MonkeyPatch, served: Served, count: int = 20, url: str | None = None
) -> dict[str, Any]:
    """Run the benchmark with a server that is played."""

    async def account(environment: Mapping[str, str], directory: Path) -> tuple[str, str]:
        assert environment is served.environment
        return LOGIN

    monkeypatch.setattr(messages, "running", served.running)
    monkeypatch.setattr(messages, "run_ringback", served.provide)
    monkeypatch.setattr(messages, "until_ready", served.ready)
    monkeypatch.setattr(messages, "server_pid", lambda directory: os.getpid())
    monkeypatch.setattr(messages, "_account", account)
    monkeypatch.setattr(messages, "_PATIENCE", 0.3)
    monkeypatch.setattr(messages, "_WARM_UP", 5)
    try:
        return await bench_messages(count, 4, url, lambda text: None)
    finally:
        await served.close()


async def test_each_message_arrives_once_and_the_warm_up_is_not_counted(
    monkeypatch: pytest.MonkeyPatch, pinned: list[set[int]]
) -> None:
    served = Served()
    told = await bench(monkeypatch, served)
    assert (told["lost"], told["doubled"]) == (0, 0)
    assert told["messages_per_second"]["sqlite"] > 0
    assert told["messages_per_cpu_second"]["sqlite"] > 0
    assert told["messages_per_second"]["postgresql"] is None
    assert len(set(served.texts)) == len(served.texts) == 5 + 20
    assert served.commands[0] == ["numbers", "add", NUMBER, "--sms-url", "http://127.0.0.1:9/"]
    assert served.ended
    assert pinned == [{3}, {5}, {3, 5}], "the server, then its load, then as it was"


@pytest.mark.parametrize(
    ("odd", "lost", "doubled"),
    [
        ({"lost": {"message 3", "message 7"}}, 2, 0),
        ({"silent": {"message 0"}}, 1, 0),
        ({"doubled": {"message 19"}}, 0, 1),
    ],
)
async def test_what_is_lost_or_doubled_is_told(
    monkeypatch: pytest.MonkeyPatch, pinned: list[set[int]], odd: dict[str, set[str]], lost: int, doubled: int
) -> None:
    told = await bench(monkeypatch, Served(**odd))
    assert (told["lost"], told["doubled"]) == (lost, doubled)


async def test_a_message_that_is_refused_ends_it(monkeypatch: pytest.MonkeyPatch, pinned: list[set[int]]) -> None:
    served = Served(refused={"message 5"})
    with pytest.raises(BenchError, match="a message was refused: 429 too many"):
        await bench(monkeypatch, served)
    assert served.ended
    assert pinned[-1] == {3, 5}


async def test_both_engines_are_measured_where_both_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, and what was lost on either counts."""

    class Run:
        seconds, cpu_seconds, lost, doubled = 2.0, 0.5, 1, 2

        def __init__(self, count: int, at_once: int, url: str, load_core: int) -> None:
            asked.append((count, at_once, url, load_core))

        async def measure(self, say: messages.Say) -> "Run":
            return self

    asked: list[tuple[int, int, str, int]] = []
    said: list[str] = []
    monkeypatch.setattr(messages, "two_cores", lambda: (3, 5))
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cores: None)
    monkeypatch.setattr(messages, "preferred", nullcontext)
    monkeypatch.setattr(messages, "_Run", Run)
    told = await bench_messages(100, 8, "postgresql://bench", said.append)
    assert asked == [(100, 8, "", 5), (100, 8, "postgresql://bench", 5)]
    assert told == {
        "messages_per_second": {"sqlite": 50.0, "postgresql": 50.0},
        "messages_per_cpu_second": {"sqlite": 200.0, "postgresql": 200.0},
        "lost": 2,
        "doubled": 4,
    }
    assert said == ["sqlite: 100 messages, 8 requests at a time", "postgresql: 100 messages, 8 requests at a time"]
    assert json.loads(as_json(told)) == told


async def test_the_store_of_a_run_is_the_one_that_it_was_given(
    monkeypatch: pytest.MonkeyPatch, pinned: list[set[int]]
) -> None:
    served = Served()
    run = messages._Run(1, 1, "postgresql://bench", 5)
    monkeypatch.setattr(messages, "_Run", lambda *_: run)
    await bench(monkeypatch, served, count=1)
    assert served.environment["RINGBACK_STORAGE__URL"] == "postgresql://bench"
    assert served.environment["RINGBACK_STORAGE__DIRECTORY"]


async def test_one_core_is_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    with pytest.raises(BenchError, match="two cores"):
        await bench_messages(1, 1, None, lambda text: None)


async def test_the_client_logs_in_as_the_account_of_the_store(tmp_path: Path, empty_store: Path) -> None:
    shutil.copy(empty_store, tmp_path)
    async with Database.open(tmp_path / "ringback.db", SecretBox(tmp_path)) as database:
        account = await database.accounts.ensure_default(datetime(2026, 1, 1, tzinfo=UTC), os.urandom)
    assert await messages._account({}, tmp_path) == (account.sid, account.auth_token)
