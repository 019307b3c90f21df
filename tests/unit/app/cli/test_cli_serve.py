"""`ringback serve`: what it says, when it stops, and how it logs. tests/unit/app/test_server.py has the server."""

import asyncio
import json
import logging
import os
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest
from cli_typing import Ringback

from ringback.app import server
from ringback.app.cli import serve
from ringback.app.server import ServerError
from ringback.app.settings import LogSettings, Settings
from ringback.app.sip_sockets import listens
from ringback.media.client import MediaError
from ringback.model.records import IncomingNumber
from ringback.model.status import ApiVersion
from ringback.sip.net.tls import TlsSettings, fingerprint, own_certificate
from ringback.sip.net.transport import Listen
from ringback.storage.database import Database

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Standing:
    """A server with its store and nothing else; it gets a signal as soon as it stands."""

    new = False
    number = signal.SIGTERM
    failure: Exception | None = None
    stopped = 0
    further: tuple[Listen, ...] = ()
    tls: TlsSettings | None = None

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        if self.failure is not None:
            raise self.failure
        self.base_url = "http://127.0.0.1:8080"
        self.database = await self._stack.enter_async_context(Database.open(self.settings.storage.database))
        self.account = await self.database.accounts.ensure_default(NOW, secrets.token_bytes)
        self.account_is_new = self.new
        self.sip_address = (self.settings.sip.host, 5099)
        self.sip_listening = [*listens(self.settings.sip.model_copy(update={"port": 5099})), *self.further]
        self.sip_tls = self.tls
        self.media = self
        self.pids = [1, 2]
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), self.number)
        return self

    async def __aexit__(self, *_: object) -> None:
        type(self).stopped += 1
        await self._stack.aclose()


@pytest.fixture(autouse=True)
def standing(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Standing]]:
    class OfThisTest(Standing):
        pass

    monkeypatch.setattr(server, "Server", OfThisTest)
    monkeypatch.setattr("ringback.app.garbage.tune", lambda: None)  # the collector is that of all tests
    levels = {name: logging.getLogger(name).level for name in ("alembic", "aiosqlite", "asyncio", "uvicorn")}
    yield OfThisTest
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


async def add_numbers(database: Database, count: int) -> None:
    account = await database.accounts.ensure_default(NOW, secrets.token_bytes)
    for index in range(count):
        await database.numbers.add(
            IncomingNumber(
                f"PN{index:032x}", account.sid, f"+1555010{index:04d}", f"http://127.0.0.1:8000/{index}", "POST", None,
                "POST", None, "POST", ApiVersion.V2010, "", NOW,
            )
        )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(
    ringback: Ringback, standing: type[Standing], directory: Path, number: signal.Signals
) -> None:
    standing.number = number
    lines = ringback("serve").stdout.splitlines()
    assert standing.stopped == 1
    assert lines[:5] == [
        "SIP       127.0.0.1:5099 (UDP, TCP), calls from 127.0.0.0/8, ::1/128",
        "audio     127.0.0.1, UDP ports 20000 to 29998, 2 worker(s)",
        "REST      http://127.0.0.1:8080/2010-04-01, described at http://127.0.0.1:8080/docs",
        f"store     {directory / 'ringback.db'}",
        "settings  defaults and environment; see `ringback config`",
    ]
    assert lines[5].startswith("account   AC")
    assert lines[6] == "numbers   none yet: ringback numbers add +15550100001 --url http://127.0.0.1:8000/"
    assert lines[7:] == ["ready", "stopping: hanging up, writing down what is left"]


def test_a_new_account_shows_its_token_once(ringback: Ringback, standing: type[Standing]) -> None:
    standing.new = True
    output = ringback("serve").stdout
    token = json.loads(ringback("accounts", "list", "--tokens", "--json").output)[0]["auth_token"]
    assert f"          Auth Token, for the REST API and signatures: {token}\n" in output
    standing.new = False
    assert token not in ringback("serve").stdout


@pytest.mark.parametrize(("count", "more"), [(1, None), (20, None), (23, 3)])
def test_the_first_numbers_are_named(ringback: Ringback, store: Any, count: int, more: int | None) -> None:
    store(lambda database: add_numbers(database, count))
    lines = ringback("serve").stdout.splitlines()
    named = [line for line in lines if line.startswith("number    ")]
    assert len(named) == min(count, 20)
    assert "number    +15550100000 asks http://127.0.0.1:8000/0" in named
    assert [line for line in lines if "more:" in line] == (
        [f"          and {more} more: `ringback numbers list`"] if more else []
    )


def test_further_addresses_and_the_certificate_are_named(
    ringback: Ringback, standing: type[Standing], tmp_path: Path
) -> None:
    standing.further = (Listen("TLS", "127.0.0.1", 5061), Listen("UDP", "::1", 5099))
    standing.tls = TlsSettings(*own_certificate(tmp_path / "tls", ["a.example"], NOW))
    assert ringback("serve").stdout.splitlines()[1:5] == [
        "          127.0.0.1:5061 (TLS)",
        "          [::1]:5099 (UDP)",
        f"          certificate {standing.tls.certificate}",
        f"          its SHA-256 fingerprint {fingerprint(standing.tls.certificate)}",
    ]


def test_transports_that_are_off_are_not_named(ringback: Ringback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_SIP__UDP", "false")
    assert ringback("serve").stdout.startswith("SIP       127.0.0.1:5099 (TCP), ")


@pytest.mark.parametrize(
    "failure", [ServerError("the port is taken: set sip.port"), MediaError("no workers; see the log")]
)
def test_a_server_that_cannot_start_says_why(ringback: Ringback, standing: type[Standing], failure: Exception) -> None:
    standing.failure = failure
    result = ringback("serve", code=2)
    assert result.stderr == f"error: {failure}\n"
    assert "ready" not in result.stdout


# -- the log ----------------------------------------------------------------------------------------------------------


@contextmanager
def new_process() -> Iterator[logging.Logger]:
    """The root logger as it is in a new process: without handlers, those of the test runner included."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    try:
        yield root
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def test_the_log_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    with new_process():
        serve._log_to_stderr(LogSettings(level="info"))
        logging.getLogger("ringback.calls").info("call %s ended", "CA1")
        logging.getLogger("ringback.calls").debug("not told")
        logging.getLogger("aiosqlite").info("not told either")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(" INFO    ringback.calls: call CA1 ended")


def test_the_log_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """Line breaks and quotes in a message, and the lines of an error, stay within one line."""
    with new_process():
        serve._log_to_stderr(LogSettings(level="debug", format="json"))
        logging.getLogger("ringback.sip").debug('it said "é\n"')
        try:
            raise ValueError("odd")
        except ValueError:
            logging.getLogger("ringback.app").exception("failed")
    told, failed = map(json.loads, capsys.readouterr().err.splitlines())
    assert {name: told[name] for name in ("level", "logger", "message")} == {
        "level": "debug", "logger": "ringback.sip", "message": 'it said "é\n"'
    }  # fmt: skip
    assert told["time"]
    assert "error" not in told
    assert failed["level"] == "error"
    assert failed["error"].startswith("Traceback") and failed["error"].endswith("ValueError: odd")


def test_the_standard_error_of_the_process_is_where_it_goes() -> None:
    with new_process() as root:
        serve._log_to_stderr(LogSettings())
        (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    assert handler.stream is sys.stderr
