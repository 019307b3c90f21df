"""What all commands share: the options before the command, the settings, the database, and how errors are shown."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from ringback.app.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ringback.app.settings import Loaded, Settings
    from ringback.storage.database import Database

T = TypeVar("T")

_WIDTH_OF_A_PIPE = 1000
_SID = 34
"""Characters of a sid, which is of no use with fewer."""


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

    async def run() -> T:
        async with Database.open(settings.storage.database) as database:
            return await use(database)

    return asyncio.run(run())


def console() -> Console:
    """Return where results are shown. Nothing in them is taken for markup, and lines stay whole in a pipe or a file."""
    from rich.console import Console

    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(
        highlight=False, markup=False, emoji=False, soft_wrap=True, width=_WIDTH_OF_A_PIPE if piped else None
    )


def plain_table(*columns: str, wraps: str = "") -> Table:
    """Return a table of columns side by side, without lines around them; only the column `wraps` may be folded."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=column != wraps, min_width=_SID if column == "sid" else None)
    return table


def report(error: Exception) -> None:
    """Tell an error on standard error: a line for each problem, and a hint if there is one."""
    for line in str(error).splitlines():
        typer.secho(f"error: {line}", fg="red", err=True)
    if isinstance(error, UserError) and error.hint:
        typer.secho(f"hint: {error.hint}", err=True)
