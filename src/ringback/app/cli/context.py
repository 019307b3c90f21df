"""What all commands share: the options before the command, the settings, the database, and how errors are shown."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from ringback.app.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from ringback.app.settings import Loaded, Settings
    from ringback.storage.database import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class State:
    """The options before the command; `ctx.obj` of every command."""

    config: Path | None = None
    verbose: bool = False

    def load(self) -> Loaded:
        """Read the settings, with where they come from. Raises SettingsError."""
        from ringback.app.settings import Settings

        return Settings.load(self.config, os.environ)

    @property
    def settings(self) -> Settings:
        """The settings. Raises SettingsError."""
        return self.load().settings


def state(ctx: typer.Context) -> State:
    """Return the options before the command."""
    return ctx.find_root().obj if isinstance(ctx.find_root().obj, State) else State()


def with_database(settings: Settings, use: Callable[[Database], Awaitable[T]]) -> T:
    """Open the database of the settings, run `use` on it, and return what that returns. Raises StorageError."""
    from ringback.storage.database import Database
    from ringback.storage.secrets import SecretBox

    async def run() -> T:
        secrets = SecretBox(settings.storage.directory)
        async with Database.open(settings.storage.database, secrets) as database:
            return await use(database)

    return asyncio.run(run())


def console() -> Console:
    """Return where results are shown. Nothing in them is taken for markup, and no line is broken."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Show rows under their headings, as wide as they are: half a sid is of no use, neither in a pipe."""
    from rich.cells import cell_len

    lines = [columns, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(cell_len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        text = "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        typer.secho(text.rstrip(), bold=line is columns)


def printable(text: str) -> str:
    """Return a text that cannot do anything to a terminal: names and numbers may come from the caller's phone."""
    return text if text.isprintable() else ascii(text)[1:-1]


def report(error: Exception) -> None:
    """Tell an error on standard error: a line for each problem, and a hint if there is one."""
    for line in str(error).splitlines():
        typer.secho(f"error: {line}", fg="red", err=True)
    if isinstance(error, UserError) and error.hint:
        typer.secho(f"hint: {error.hint}", err=True)
