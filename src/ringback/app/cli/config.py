"""`ringback config`: every setting in force."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ringback.app.cli.context import console, plain_table, state

if TYPE_CHECKING:
    from ringback.app.settings import Loaded


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("config")(config)


def config(ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show every setting: its value, where that comes from, and what it means."""
    loaded = state(ctx).load()
    rows = _rows(loaded)
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    table = plain_table("setting", "value", "from", "meaning", wraps="meaning")
    for row in rows:
        style = None if row["source"] == "default" else "bold"
        table.add_row(row["key"], row["shown"], row["source"], row["description"], style=style)
    console().print(table)
    typer.echo(f"\nfile: {loaded.file or 'none (ringback.toml in this directory, or --config FILE)'}")


def _rows(loaded: Loaded) -> list[dict[str, str]]:
    from ringback.app.settings import catalogue
    from ringback.app.settings_docs import as_toml

    rows = []
    for setting in catalogue():
        value = getattr(getattr(loaded.settings, setting.section), setting.name)
        shown = as_toml(setting, value)
        rows.append(
            {
                "key": setting.key,
                "value": json.loads(shown),
                "shown": "" if value is None else shown,
                "source": loaded.sources[setting.key],
                "variable": setting.variable,
                "description": setting.description,
            }
        )
    return rows
