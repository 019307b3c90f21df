"""`ringback cache`: the answers of applications that are kept, so that they need not be asked again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringback.app.cli.context import show_table, state
from ringback.app.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from ringback.webhooks.cache_store import Stored

cache = typer.Typer(
    rich_markup_mode=None,
    help="The answers to GET, documents and audio, that are kept for the next call (RFC 9111).",
)

_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(cache, name="cache")


@cache.callback(invoke_without_command=True)
def default(ctx: typer.Context) -> None:
    """List what is kept, unless a command says otherwise."""
    if ctx.invoked_subcommand is None:
        list_answers(ctx)


@cache.command("list")
def list_answers(ctx: typer.Context, as_json: _AsJson = False) -> None:
    """List the answers, those used last first: how old they are, and for how long they serve without a question."""
    rows = [_row(entry) for entry in reversed(_read(state(ctx).settings.storage.answers))]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not rows:
        typer.echo("nothing is kept")
        return
    columns = ("status", "type", "bytes", "age", "fresh for", "validated by", "url")
    show_table(
        columns,
        [
            (
                str(row["status"]),
                row["content_type"],
                str(row["bytes"]),
                f"{row['age']} s",
                f"{row['fresh_for']} s" if row["fresh_for"] else "-",
                row["validated_by"] or "-",
                row["url"],
            )
            for row in rows
        ],
    )
    typer.echo(f"\n{_counted(len(rows))}, {sum(row['bytes'] for row in rows) / 1e6:.1f} MB")


@cache.command("clear")
def clear(ctx: typer.Context) -> None:
    """Forget all answers. A server that runs asks anew from then on."""
    from ringback.webhooks.cache_store import clear_directory

    directory = state(ctx).settings.storage.answers
    try:
        count = clear_directory(directory)
    except OSError as error:
        raise UserError(f"{directory} cannot be cleared: {error.strerror}") from error
    typer.echo(f"{_counted(count)} forgotten")


def _counted(number: int) -> str:
    return "1 answer" if number == 1 else f"{number} answers"


def _read(directory: Path) -> list[Stored]:
    from ringback.webhooks.cache_store import read_directory

    try:
        return read_directory(directory)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{directory} cannot be read: {error.strerror}") from error


def _row(entry: Stored) -> dict[str, Any]:
    import time

    from ringback.webhooks.freshness import age, directives, lifetime

    seconds = age(entry.headers, entry.moment, time.time())
    left = 0 if "no-cache" in directives(entry.headers) else (lifetime(entry.headers, entry.moment) or 0) - seconds
    validators = [name for name in ("ETag", "Last-Modified") if name in entry.headers]
    return {
        "url": entry.url,
        "status": entry.status,
        "content_type": entry.headers.get("Content-Type", "").partition(";")[0],
        "bytes": entry.size,
        "age": int(seconds),
        "fresh_for": max(0, int(left)),
        "validated_by": ", ".join(validators),
    }
