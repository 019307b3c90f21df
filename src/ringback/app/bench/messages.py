"""`ringback bench messages`: how many messages a second go all the way, and whether each arrives exactly once.

The way is REST, queue, SMPP, receipt, status callback. The server runs on the first core; on the second are its client,
an SMSC made of smpp34, and the application that is told each status. Every message has a text of its own, so that what
the SMSC got can be compared with what the client was told was taken.
"""

import asyncio
import base64
import json
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from ringback.app.bench.media.errors import BenchError
from ringback.app.bench.media.machine import cpu_seconds, preferred, two_cores
from ringback.app.bench.smsc import Smsc
from ringback.app.processes import free_port, run_ringback, running, server_environment, server_pid, until_ready
from ringback.storage.database import Database
from ringback.storage.secrets import SecretBox

NUMBER = "+15550100008"
_WARM_UP = 50
_FINAL = ("delivered", "undelivered", "failed")
_PATIENCE = 60.0
"""Seconds without any news, after which what has not come is lost."""

Say = Callable[[str], None]


async def bench_messages(count: int, at_once: int, postgresql: str | None, say: Say) -> dict[str, Any]:
    """Send `count` messages, `at_once` requests at a time, on SQLite and on the PostgreSQL database of a URL.

    Returns `{"messages_per_second": {"sqlite", "postgresql"}, "messages_per_cpu_second": …, "lost", "doubled"}`; an
    engine that was not measured has None. Raises UserError.
    """
    core, load_core = two_cores()
    before = os.sched_getaffinity(0)
    told: dict[str, Any] = {"messages_per_second": {}, "messages_per_cpu_second": {}, "lost": 0, "doubled": 0}
    for engine, url in (("sqlite", ""), ("postgresql", postgresql)):
        told["messages_per_second"][engine] = told["messages_per_cpu_second"][engine] = None
        if url is None:
            continue
        say(f"{engine}: {count} messages, {at_once} requests at a time")
        os.sched_setaffinity(0, {core})
        try:
            with preferred():
                run = await _Run(count, at_once, url, load_core).measure(say)
        finally:
            os.sched_setaffinity(0, before)
        told["messages_per_second"][engine] = round(count / run.seconds, 1)
        told["messages_per_cpu_second"][engine] = round(count / run.cpu_seconds, 1)
        told["lost"] += run.lost
        told["doubled"] += run.doubled
    return told


class _Run:
    """One measurement."""

    def __init__(self, count: int, at_once: int, url: str, load_core: int) -> None:
        self._count, self._at_once, self._url, self._load_core = count, at_once, url, load_core
        self._ends: dict[str, str] = {}
        self._news = asyncio.Event()
        self.seconds = self.cpu_seconds = 0.0
        self.lost = self.doubled = 0

    async def measure(self, say: Say) -> "_Run":
        clock = asyncio.get_running_loop().time
        async with AsyncExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringback-bench-")))
            http = free_port(socket.SOCK_STREAM)
            environment = server_environment(directory, 0) | {
                "RINGBACK_LOG__LEVEL": "warning",
                "RINGBACK_HTTP__PORT": str(http),
                "RINGBACK_HTTP__MAX_CONCURRENT": "1000",
            }
            if self._url:
                environment["RINGBACK_STORAGE__URL"] = self._url
            smsc = await stack.enter_async_context(Smsc())
            callbacks = await self._application(stack)
            _provide(environment, smsc.port)
            with ExitStack() as processes:
                command = [sys.executable, "-m", "ringback", "serve"]
                log = processes.enter_context(running("server", command, environment, directory))
                # The server and all that it starts stay on its core; the load goes to the other one.
                os.sched_setaffinity(0, {self._load_core})
                await until_ready(log, 60)
                await smsc.bound()
                login = await _account(environment, directory)
                pid = server_pid(directory)
                token = base64.b64encode(":".join(login).encode()).decode()
                async with aiohttp.ClientSession(headers={"Authorization": f"Basic {token}"}) as session:
                    url = f"http://127.0.0.1:{http}/2010-04-01/Accounts/{login[0]}/Messages.json"
                    await self._send(session, url, callbacks, range(-_WARM_UP, 0))  # whatever is imported at first use
                    await self._wait(_WARM_UP)
                    self._ends.clear()
                    smsc.texts.clear()
                    began, used = clock(), cpu_seconds(pid)
                    accepted = await self._send(session, url, callbacks, range(self._count))
                    say(f"  {accepted} taken after {clock() - began:.1f} s")
                    await self._wait(accepted)
                    self.seconds, self.cpu_seconds = clock() - began, cpu_seconds(pid) - used
            delivered = sum(status == "delivered" for status in self._ends.values())
            self.lost = accepted - min(delivered, len(smsc.texts))
            self.doubled = sum(smsc.texts.values()) - len(smsc.texts)
        return self

    async def _send(self, session: aiohttp.ClientSession, url: str, callbacks: str, numbers: range) -> int:
        waiting = iter(numbers)

        async def some() -> int:
            taken = 0
            for number in waiting:
                data = {"From": NUMBER, "To": f"+1415555{number % 10_000:04d}", "Body": f"message {number}"}
                async with session.post(url, data=data | {"StatusCallback": callbacks}) as answer:
                    if answer.status != 201:
                        raise BenchError(f"a message was refused: {answer.status} {await answer.text()}")
                    taken += 1
            return taken

        return sum(await asyncio.gather(*(some() for _ in range(self._at_once))))

    async def _wait(self, count: int) -> None:
        """Wait until so many messages have come to their end, or nothing happens any more."""
        while len(self._ends) < count:
            self._news.clear()
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._news.wait()
            except TimeoutError:
                return

    async def _application(self, stack: AsyncExitStack) -> str:
        """The application whose status callback is asked; return the URL of that."""

        async def status(request: web.Request) -> web.Response:
            form = await request.post()
            if form["MessageStatus"] in _FINAL:
                self._ends[str(form["MessageSid"])] = str(form["MessageStatus"])
                self._news.set()
            return web.Response()

        application = web.Application()
        application.add_routes([web.post("/status", status)])
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/status"


def _provide(environment: Mapping[str, str], smsc_port: int) -> None:
    run_ringback(["numbers", "add", NUMBER, "--sms-url", "http://127.0.0.1:9/"], environment)
    settings = [f"port={smsc_port}", "host=127.0.0.1", "system_id=bench", "password=bench", "window=100"]
    run_ringback(["carriers", "add", "bench", "smpp", *settings, "--replace"], environment)


async def _account(environment: Mapping[str, str], directory: Path) -> tuple[str, str]:
    url = environment.get("RINGBACK_STORAGE__URL") or directory / "ringback.db"
    async with Database.open(url, SecretBox(directory)) as database:
        account = (await database.accounts.list())[0]
        return account.sid, account.auth_token


def as_json(told: Mapping[str, Any]) -> str:
    """Write what was measured."""
    return json.dumps(told, indent=2)
