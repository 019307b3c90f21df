"""The PostgreSQL server of benchmarks and tests: found, started, stopped. The tests of the store run a real one."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ringback.app.bench.rest import postgres


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was run; nothing is."""
    seen: list[list[str]] = []

    def run(command: list[str], **options: Any) -> None:
        assert options["check"]
        assert options["cwd"].is_dir()
        seen.append(command)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return seen


def test_a_server_listens_on_a_socket_in_a_directory_of_its_own(commands: list[list[str]]) -> None:
    with postgres.running(Path("/bin")) as url:
        base = Path(url.partition("?host=")[2])
        assert url == f"postgresql://ringback@/postgres?host={base}"
        made, started = commands
        assert made[:3] == ["/bin/initdb", "-D", str(base / "data")]
        assert (started[0], started[-1]) == ("/bin/pg_ctl", "start")
        assert f"-k {base}" in started[-2]
        assert "listen_addresses= " in started[-2]
        assert "fsync=off" in started[-2]
    assert commands[-1][-1] == "stop"
    assert not base.exists()


def test_one_that_is_measured_is_sure_of_the_disk(commands: list[list[str]]) -> None:
    with postgres.running(Path("/bin"), careless=False):
        assert "fsync" not in commands[1][-2]


def test_it_is_stopped_whatever_happens(commands: list[list[str]]) -> None:
    with pytest.raises(KeyError), postgres.running(Path("/bin")):
        raise KeyError
    assert [command[-1] for command in commands][1:] == ["start", "stop"]


def test_it_never_runs_as_root(commands: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    owned: list[tuple[str, str]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "chown", lambda path, user: owned.append((path.name, user)))
    with postgres.running(Path("/bin")) as url:
        base = Path(url.partition("?host=")[2]).name
    assert all(command[:4] == ["runuser", "-u", "postgres", "--"] for command in commands)
    assert owned == [(base, "postgres"), ("data", "postgres"), ("log", "postgres")]


def test_programs_on_the_path_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("initdb", "pg_ctl"):
        (tmp_path / name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert postgres.programs() == tmp_path.resolve()


def test_then_the_newest_that_debian_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert postgres.programs() is None
    for version in ("9", "17", "odd", "15"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "initdb").touch()
    assert postgres.programs() == tmp_path / "17" / "bin"
