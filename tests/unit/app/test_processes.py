"""Processes that are started, waited for and ended."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ringback.app import processes
from ringback.app.errors import UserError
from ringback.app.processes import (
    ChildError,
    free_port,
    run_ringback,
    running,
    server_environment,
    server_pid,
    until_ready,
)
from ringback.app.settings import Settings
from ringback.testing.clock import run

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def says(path: Path, text: str) -> None:
    """Wait until a process has written something: ten seconds at most."""
    moment = threading.Event()
    for _ in range(5000):
        if text in path.read_text():
            return
        moment.wait(0.002)
    raise AssertionError(f"not said: {text}")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that are started."""
    popen, seen = subprocess.Popen, []

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        seen.append(popen(*arguments, **options))
        return seen[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    return seen


def test_a_process_runs_for_the_length_of_a_block(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    with running("talker", shell("echo $WORD; echo twice >&2; exec sleep 60"), {"WORD": "once"}, tmp_path) as log:
        assert log == tmp_path / "talker.log"
        says(log, "twice")
        assert log.read_text() == "once\ntwice\n"
        (process,) = started
        assert process.poll() is None
    assert process.returncode == -15


def test_a_process_ends_when_the_block_fails(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    with pytest.raises(KeyError), running("sleeper", shell("exec sleep 60"), ENVIRONMENT, tmp_path):
        raise KeyError
    assert started[0].returncode == -15


def test_a_process_that_does_not_listen_is_killed(
    tmp_path: Path, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 0.05)
    deaf = shell("trap '' TERM; echo deaf; while :; do sleep 1; done")
    with running("deaf", deaf, ENVIRONMENT, tmp_path) as log:
        says(log, "deaf")
    assert started[0].returncode == -9


def test_a_process_that_has_ended_by_itself_is_no_trouble(tmp_path: Path) -> None:
    with running("short", shell("echo done"), ENVIRONMENT, tmp_path) as log:
        says(log, "done")


def test_a_server_of_its_own_has_its_store_and_port_and_otherwise_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the variables nor the settings file of whoever runs the demo count."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ringback.toml").write_text("[calls]\nmax_concurrent = 1\n")
    monkeypatch.setenv("RINGBACK_SIP__HOST", "0.0.0.0")
    monkeypatch.setenv("RINGBACK_CONFIG", "elsewhere.toml")
    monkeypatch.setenv("EDITOR", "ed")
    store = tmp_path / "store"
    store.mkdir()
    environment = server_environment(store, 5099)
    loaded = Settings.load(None, environment)
    assert environment["EDITOR"] == "ed"
    changed = {key for key, source in loaded.sources.items() if source != "default"}
    assert changed == {"storage.directory", "sip.port", "http.port"}
    assert (loaded.settings.storage.directory, loaded.settings.sip.port) == (store, 5099)


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_a_server_is_found_among_our_children_by_its_store(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    stores = [tmp_path / "one", tmp_path / "other"]
    environments = [{"RINGBACK_STORAGE__DIRECTORY": str(store)} for store in stores]
    script = shell("echo there; exec sleep 60")
    with running("a", script, environments[0], tmp_path) as a, running("b", script, environments[1], tmp_path) as b:
        says(a, "there")
        says(b, "there")
        assert [server_pid(store) for store in stores] == [process.pid for process in started]
    with pytest.raises(ChildError, match="the server has ended"):
        server_pid(stores[0])


@pytest.mark.slow
def test_a_real_command_is_run_on_the_store_of_the_environment(tmp_path: Path) -> None:
    environment = server_environment(tmp_path, 5099)
    run_ringback(["numbers", "add", "+15550100001", "--url", "http://127.0.0.1:1/"], environment)
    assert (tmp_path / "ringback.db").is_file()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo fine; exit 0", None),
        ("echo bad >&2; exit 3", "exited with 3: bad"),
        ("echo odd; exit 4", "exited with 4: odd"),
    ],
)
def test_what_a_command_says_when_it_fails_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str | None
) -> None:
    """The interpreter is a script here, which is there sooner."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n[ \"$*\" = '-m ringback calls list' ] || exit 99\n{script}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    if said is None:
        run_ringback(["calls", "list"], ENVIRONMENT)
        return
    with pytest.raises(UserError) as raised:
        run_ringback(["calls", "list"], ENVIRONMENT)
    assert str(raised.value) == f"`ringback calls list` {said}"


def test_a_server_is_ready_when_its_last_word_is_that(tmp_path: Path) -> None:
    log = tmp_path / "server.log"

    async def wait() -> float:
        log.write_text("starting\n")
        asyncio.get_running_loop().call_later(3, lambda: log.write_text("starting\nready\n"))
        await until_ready(log)
        return asyncio.get_running_loop().time()

    assert run(wait()) == pytest.approx(3, abs=0.11)


@pytest.mark.parametrize(("said", "seconds"), [("error: the port is taken\n", 0), ("loading\n", 5)])
def test_what_a_server_says_instead_is_passed_on(tmp_path: Path, said: str, seconds: float) -> None:
    log = tmp_path / "server.log"
    log.write_text(said)

    async def wait() -> float:
        with pytest.raises(ChildError) as raised:
            await until_ready(log, seconds=5)
        assert str(raised.value) == f"the server did not start:\n{said}"
        return asyncio.get_running_loop().time()

    assert run(wait()) == pytest.approx(seconds, abs=0.11)


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_free_port_can_be_bound(kind: socket.SocketKind) -> None:
    port = free_port(kind)
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", port))
        assert free_port(kind) != port
