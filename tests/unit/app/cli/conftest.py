"""The command line as it is typed, on a store of its own."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from cli_typing import Ringback
from typer.main import get_command
from typer.testing import CliRunner, Result

from ringback.app.cli import build
from ringback.storage.database import Database


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where things are kept; also the working directory, so that no ringback.toml of this machine is read."""
    shutil.copytree(empty_store.parent, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGBACK_STORAGE__DIRECTORY", str(tmp_path / "data"))
    monkeypatch.delenv("RINGBACK_CONFIG", raising=False)
    monkeypatch.setenv("TZ", "UTC")
    yield tmp_path / "data"


@pytest.fixture(scope="session")
def app() -> Iterator[typer.Typer]:
    """All commands. Their tree is made once: making it takes longer than most of them run."""
    made = build()
    tree = get_command(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.testing, "_get_command", lambda app: tree if app is made else get_command(app))
        yield made


@pytest.fixture
def ringback(app: typer.Typer) -> Ringback:
    def run(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == code, result.output + repr(result.exception)
        assert "Traceback" not in result.output
        return result

    return run


@pytest.fixture
def store(directory: Path) -> Callable[[Callable[[Database], Awaitable[Any]]], Any]:
    """Does something with the database, as a server beside the command line would."""

    def use(change: Callable[[Database], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            async with Database.open(directory / "ringback.db") as database:
                return await change(database)

        return asyncio.run(run())

    return use
