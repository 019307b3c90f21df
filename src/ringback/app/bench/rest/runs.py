"""The runs of `ringback bench rest`: a server with each database, asked for calls, lists, and new ones."""

import base64
import os
import platform
import random
import secrets
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from ringback.app.bench.media.machine import cpu_seconds, preferred
from ringback.app.bench.rest import postgres
from ringback.app.bench.rest.load import Outcome, load
from ringback.app.errors import UserError
from ringback.app.processes import free_port, running, server_environment, server_pid, until_ready
from ringback.model.records import Account, CallRecord
from ringback.model.sids import CALL, make_sid
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.storage.database import Database
from ringback.storage.secrets import SecretBox

Say = Callable[[str], None]
CallsRun = Callable[[Say], Awaitable[dict[str, Any]]]
"""Measures whole calls: returns `calls_per_second`, `calls_per_cpu_second` and `calls_failed`."""

_KEPT: Final = 2000
"""Calls in the store."""
_WARM_UP: Final = 1.0
_KINDS: Final = ("fetch", "list", "create")


async def bench_rest(seconds: float, postgresql: str | None, say: Say, calls: CallsRun | None = None) -> dict[str, Any]:
    """Measure on SQLite and, where it is installed or `postgresql` names one, on PostgreSQL. Raises UserError."""
    told: dict[str, Any] = {
        **{f"{kind}_{what}": {} for kind in _KINDS for what in ("per_second", "cpu_ms")},
        **{f"{kind}_ms": {"p99": {}} for kind in _KINDS}, "failed": 0,
        "calls_per_second": None, "calls_per_cpu_second": None, "calls_failed": None,
    }  # fmt: skip
    with preferred(), ExitStack() as stack:
        databases: dict[str, str | None] = {"sqlite": None}
        programs = postgres.programs()
        if postgresql or programs:
            databases["postgresql"] = postgresql or stack.enter_context(postgres.running(programs, careless=False))  # type: ignore[arg-type]
        for name, url in databases.items():
            await _measure(name, url, seconds, told, say)
    if calls is not None:
        told |= await calls(say)
    told["machine"] = {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.platform()}
    return told


async def _measure(name: str, url: str | None, seconds: float, told: dict[str, Any], say: Say) -> None:
    with tempfile.TemporaryDirectory(prefix="ringback-bench-") as folder, ExitStack() as processes:
        directory = Path(folder)
        port = free_port(socket.SOCK_STREAM)
        environment = server_environment(directory, 0) | {
            "RINGBACK_LOG__LEVEL": "error", "RINGBACK_HTTP__PORT": str(port), "RINGBACK_CALLS__PER_SECOND": "10000",
        }  # fmt: skip
        if url is not None:
            environment["RINGBACK_STORAGE__URL"] = url
        account, sids = await _fill(url or directory / "ringback.db", directory)
        log = processes.enter_context(
            running("server", [sys.executable, "-m", "ringback", "serve"], environment, directory)
        )
        await until_ready(log)
        pid = server_pid(directory)
        requests = _requests(account, sids, port)
        say(f"{name}: warming up")
        await load(port, requests["fetch"], _WARM_UP)
        for kind, request in requests.items():
            used = cpu_seconds(pid)
            full = await load(port, request, seconds)
            told[f"{kind}_cpu_ms"][name] = round(1000 * (cpu_seconds(pid) - used) / max(1, len(full.waits)), 3)
            say(f"{name}: {kind} {full.per_second:,.0f} a second")
            half = await load(port, request, seconds, rate=max(1.0, full.per_second / 2))
            say(f"{name}: {kind} at half of that, 99 % within {half.quantile(0.99):.1f} ms")
            _tell(told, kind, name, full, half)


def _tell(told: dict[str, Any], kind: str, name: str, full: Outcome, half: Outcome) -> None:
    told[f"{kind}_per_second"][name] = round(full.per_second)
    told[f"{kind}_ms"]["p99"][name] = round(half.quantile(0.99), 1)
    told["failed"] += full.failed + half.failed


async def _fill(where: str | Path, directory: Path) -> tuple[Account, list[str]]:
    """Put calls into a new store."""
    async with Database.open(where, SecretBox(directory)) as database:
        now = datetime.now(UTC)
        if await database.accounts.list():
            raise UserError("the database of a benchmark must be empty")
        account = await database.accounts.ensure_default(now, secrets.token_bytes)
        records = [
            CallRecord(
                make_sid(CALL, secrets.token_bytes(16)), account.sid, "+14155550100", "+14155550199",
                Direction.INBOUND, CallStatus.COMPLETED, ApiVersion.V2010, None, None, now + timedelta(seconds=number),
                start_time=now + timedelta(seconds=number), end_time=now + timedelta(seconds=number + 60),
            )
            for number in range(_KEPT)
        ]  # fmt: skip
        for record in records:
            await database.calls.create(record)
        return account, [record.sid for record in records]


def _requests(account: Account, sids: list[str], port: int) -> dict[str, Callable[[], bytes]]:
    """The requests of each kind."""
    rng = random.Random(1)
    credentials = base64.b64encode(f"{account.sid}:{account.auth_token}".encode()).decode()
    head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Basic {credentials}\r\nAccept: application/json\r\n"
    root = f"/2010-04-01/Accounts/{account.sid}/Calls"
    # Nobody is called by that name: the call is taken, kept, and fails at once.
    form = urlencode({"To": "client:nobody", "From": "bench", "Twiml": "<Response/>"})

    def fetch() -> bytes:
        return f"GET {root}/{rng.choice(sids)}.json HTTP/1.1\r\n{head}\r\n".encode()

    def listed() -> bytes:
        return f"GET {root}.json?PageSize=50&Status=completed HTTP/1.1\r\n{head}\r\n".encode()

    def create() -> bytes:
        kind = "Content-Type: application/x-www-form-urlencoded\r\n"
        return f"POST {root}.json HTTP/1.1\r\n{head}{kind}Content-Length: {len(form)}\r\n\r\n{form}".encode()

    return {"fetch": fetch, "list": listed, "create": create}
