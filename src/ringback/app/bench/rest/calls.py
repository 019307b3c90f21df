"""Whole calls of `ringback bench rest`: from the POST that asks for one, through its TwiML, to its end.

The control process of the server has the first core for itself; its media worker, this process and the telephone that
is called, a process of its own that picks up at once, are on the second. Each call says a word, which is cached after
the first, and hangs up. So many calls are under way at once that the server always has something to do, but no more:
a call that waits for its turn would tell nothing about the server.
"""

import asyncio
import base64
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from ringback.app.bench.media.errors import BenchError
from ringback.app.bench.media.machine import cpu_seconds, pin, preferred, two_cores
from ringback.app.bench.rest.load import Connection
from ringback.app.errors import UserError
from ringback.app.processes import free_port, running, server_environment, server_pid, until_ready
from ringback.model.records import Account
from ringback.model.status import CallStatus
from ringback.storage.database import Database
from ringback.storage.records import Page, Where

_TWIML: Final = "<Response><Say>Hello.</Say><Hangup/></Response>"
_AT_ONCE: Final = 250
"""Calls that have not ended. Each lasts about a second, so this allows twice the goal."""
_ASKING: Final = 16
"""Requests at a time."""
_WARM_UP: Final = 50
_PATIENCE: Final = 30.0
"""Seconds without any call's end, after which what has not ended is lost."""
_LOOK: Final = 0.02
_GOODBYE: Final = 5.0
"""Seconds that the telephone may take to end."""

Say = Callable[[str], None]
Count = Callable[[], Awaitable[dict[str, int]]]


async def bench_whole_calls(calls: int, say: Say) -> dict[str, Any]:
    """Make `calls` calls and tell what came of them; `say` is told of progress.

    Returns `{"calls_per_second", "calls_per_cpu_second", "calls_failed"}`: calls that went as they should, by the clock
    and by the processor time of the control process; and those that did not. Raises UserError.
    """
    try:
        core, load_core = two_cores()
    except BenchError as error:
        raise UserError(str(error)) from error
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {load_core})
    try:
        with preferred(), tempfile.TemporaryDirectory(prefix="ringback-bench-") as name:
            return await _measured(Path(name), calls, core, say)
    finally:
        os.sched_setaffinity(0, before)


async def _measured(directory: Path, calls: int, core: int, say: Say) -> dict[str, Any]:
    clock = asyncio.get_running_loop().time
    port = free_port(socket.SOCK_STREAM)
    environment = server_environment(directory, 0) | {
        "RINGBACK_LOG__LEVEL": "error",
        "RINGBACK_HTTP__PORT": str(port),
        "RINGBACK_CALLS__PER_SECOND": "10000",
        "RINGBACK_CALLS__MAX_CONCURRENT": str(2 * _AT_ONCE),
    }
    with ExitStack() as processes:
        command = [sys.executable, "-m", "ringback", "serve"]
        log = processes.enter_context(running("server", command, environment, directory))
        await until_ready(log, 60)
        pid = server_pid(directory)
        pin(pid, core)
        async with Database.open(directory / "ringback.db") as database, _telephone() as (telephone, count):
            account = (await database.accounts.list())[0]
            run = _Run(port, _request(account, telephone, port), count)
            await run.make(_WARM_UP)
            say(f"{calls} whole calls, {_AT_ONCE} at once")
            used, began = cpu_seconds(pid), clock()
            await run.make(calls)
            seconds, spent = clock() - began, cpu_seconds(pid) - used
            good = await _completed(database, account) - _WARM_UP
            rang = (await count())["calls"] - _WARM_UP
    # A call that rang twice is as wrong as one that never did.
    failed = calls - good + abs(calls - rang)
    return {
        "calls_per_second": round((calls - failed) / seconds, 1),
        "calls_per_cpu_second": round((calls - failed) / spent, 1),
        "calls_failed": failed,
    }


class _Run:
    """Calls that are asked for while others go on."""

    def __init__(self, port: int, request: bytes, count: Count) -> None:
        self._port, self._request, self._count = port, request, count
        self._asked = self._ended = self._refused = 0
        self._news = asyncio.Event()

    async def make(self, calls: int) -> None:
        """Make so many calls, and return when they are over, or nothing happens any more."""
        loop = asyncio.get_running_loop()
        lines = [(await loop.create_connection(Connection, "127.0.0.1", self._port))[1] for _ in range(_ASKING)]
        left = iter(range(calls))
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch())
                asking = [group.create_task(self._ask(line, left)) for line in lines]
                await asyncio.wait(asking)
                await self._until_ended()
                watch.cancel()
        finally:
            for line in lines:
                line.close()

    async def _ask(self, line: Connection, left: Any) -> None:
        for _ in left:
            while self._asked - self._ended - self._refused >= _AT_ONCE:
                self._news.clear()
                await self._news.wait()
            self._asked += 1
            if await line.ask(self._request) != 201:
                self._refused += 1
                self._news.set()

    async def _watch(self) -> None:
        while True:
            if (ended := (await self._count())["ended"]) != self._ended:
                self._ended = ended
                self._news.set()
            await asyncio.sleep(_LOOK)

    async def _until_ended(self) -> None:
        while self._ended + self._refused < self._asked:
            self._news.clear()
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._news.wait()
            except TimeoutError:
                return


async def _completed(database: Database, account: Account) -> int:
    """How many calls were answered and ended well, once all that can be written is."""
    wanted = [Where("account_sid", "=", account.sid), Where("status", "=", CallStatus.COMPLETED.value)]
    unfinished = [Where("account_sid", "=", account.sid), Where("end_time", "null", True)]
    for _ in range(round(_PATIENCE / _LOOK)):
        if not await database.calls.page(unfinished, Page(1)):
            break
        await asyncio.sleep(_LOOK)
    return await database.calls.count(wanted)


@asynccontextmanager
async def _telephone() -> AsyncIterator[tuple[int, Count]]:
    """Run a telephone that picks up at once; yields its port, and what asks how many calls it had."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ringback.app.bench.answering",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    reader, writer = process.stdout, process.stdin
    assert reader is not None
    assert writer is not None
    turn = asyncio.Lock()

    async def count() -> dict[str, int]:
        async with turn:
            writer.write(b"count\n")
            told: dict[str, int] = json.loads(await asyncio.wait_for(reader.readline(), _PATIENCE))
            return told

    try:
        yield int(await asyncio.wait_for(reader.readline(), _PATIENCE)), count
    finally:
        writer.close()
        try:
            await asyncio.wait_for(process.wait(), _GOODBYE)
        except TimeoutError:
            process.kill()
            await process.wait()


def _request(account: Account, telephone: int, port: int) -> bytes:
    """The POST that asks for a call."""
    form = urlencode({"To": f"sip:bench@127.0.0.1:{telephone}", "From": "bench", "Twiml": _TWIML})
    credentials = base64.b64encode(f"{account.sid}:{account.auth_token}".encode()).decode()
    return (
        f"POST /2010-04-01/Accounts/{account.sid}/Calls.json HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Basic {credentials}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(form)}\r\n\r\n{form}"
    ).encode()
