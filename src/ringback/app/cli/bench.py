"""`ringback bench`: measure Ringback on this machine."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    bench = typer.Typer(
        help="Measure Ringback on this machine; prints JSON.", no_args_is_help=True, rich_markup_mode=None
    )
    bench.callback()(_group)
    bench.command("call")(call)
    app.add_typer(bench, name="bench")


def _group() -> None:
    """Keep `call` a command of its own, though it is the only one."""


def call(
    at_once: Annotated[
        list[int] | None, typer.Option("--at-once", min=1, max=200, help="Calls at once; repeat for several. 1 and 50.")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, max=10_000, help="Calls to measure at each of them, at least.")] = 20,
) -> None:
    """Measure what a caller waits: for the answer, for a cached Say, and from a key to the next document's Say.

    Starts a server and an application of its own. The time that the application takes is not counted.
    """
    from ringback.app.bench.calls import bench_calls

    def progress(text: str) -> None:
        typer.echo(text, err=True)

    typer.echo(json.dumps(asyncio.run(bench_calls(at_once or [1, 50], samples, progress)), indent=2))
