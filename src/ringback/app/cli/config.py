"""`ringback config`: every setting in force."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringback.app.cli.context import show_table, state

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
    columns = ("setting", "value", "source", "description")
    texts = [{**row, "value": "" if row["value"] is None else json.dumps(row["value"])} for row in rows]
    show_table(columns, [[text[column] for column in columns] for text in texts])
    typer.echo(f"\nfile: {loaded.file or 'none (ringback.toml in this directory, or --config FILE)'}")


def _rows(loaded: Loaded) -> list[dict[str, Any]]:
    from ringback.app.settings import catalogue
    from ringback.app.settings_docs import as_toml

    return [
        {
            "setting": setting.key,
            "value": json.loads(as_toml(setting, getattr(getattr(loaded.settings, setting.section), setting.name))),
            "source": loaded.sources[setting.key],
            "variable": setting.variable,
            "description": setting.description,
        }
        for setting in catalogue()
    ]
