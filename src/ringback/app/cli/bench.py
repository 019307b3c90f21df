"""`ringback bench`: measure Ringback on this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class MediaCase(StrEnum):
    """The kinds of work that `bench media` knows: the names in `ringback.app.bench.media.cases`."""

    PROMPT = "prompt"
    BRIDGE = "bridge"
    CONFERENCE10 = "conference10"
    CONFERENCE100 = "conference100"
    RECORD = "record"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    bench = typer.Typer(
        help="Measure Ringback on this machine; prints JSON.", no_args_is_help=True, rich_markup_mode=None
    )
    bench.command("call")(call)
    bench.command("media")(media)
    bench.command("rest")(rest)
    bench.command("signalling")(signalling)
    bench.command("messages")(messages)
    app.add_typer(bench, name="bench")


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


def rest(
    seconds: Annotated[float, typer.Option(min=0.5, max=300, help="Length of each measurement.")] = 5,
    postgresql: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An empty PostgreSQL database. Without it one is started, where installed."),
    ] = None,
    calls: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Whole calls to make at the end; 0 for none.")
    ] = 1000,
) -> None:
    """Measure how many requests of each kind the REST API answers in a second, and how fast at half of that.

    Then whole calls, from the request to the end of their TwiML, with the control process on one core. Starts a server
    of its own for each; the requests come from this process.
    """
    from ringback.app.bench.rest.calls import bench_whole_calls
    from ringback.app.bench.rest.runs import bench_rest

    def progress(text: str) -> None:
        typer.echo(text, err=True)

    async def whole_calls(say: Callable[[str], None]) -> dict[str, Any]:
        return await bench_whole_calls(calls, say)

    told = asyncio.run(bench_rest(seconds, postgresql, progress, whole_calls if calls else None))
    typer.echo(json.dumps(told, indent=2))


def media(
    legs: Annotated[
        list[int] | None, typer.Option(min=2, max=5000, help="Legs at once; repeat for several. 1000.")
    ] = None,
    case: Annotated[list[MediaCase] | None, typer.Option(help="A kind of work; repeat for several. All.")] = None,
    seconds: Annotated[float, typer.Option(min=1, max=60, help="Length of each measurement, after a warm-up.")] = 10,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds, of which the medians are told.")] = 1,
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw capacity and lateness to a file.")] = None,
) -> None:
    """Measure how many legs one core carries, as a share of what a bare loop in C does with the same socket calls.

    Runs one media worker on one core and telephones on another, so it needs two, and a C compiler. Each case runs
    between two runs of the bare loop.
    """
    from ringback.app.bench.media.cases import CASES
    from ringback.app.bench.media.plot import draw, pyplot
    from ringback.app.bench.media.runs import Options, bench_media

    def progress(text: str) -> None:
        typer.echo(text, err=True)

    if plot is not None:
        pyplot()  # better now than after the measurements
    levels = tuple(sorted(set(legs or [1000])))
    options = Options(levels, tuple(CASES[name] for name in case or MediaCase), seconds, rounds)
    told, results = asyncio.run(bench_media(options, progress))
    typer.echo(json.dumps(told, indent=2))
    if plot is not None:
        draw(results, plot)


class Transport(StrEnum):
    """What the calls of `bench signalling` come over."""

    UDP = "UDP"
    TCP = "TCP"


def signalling(
    calls: Annotated[int, typer.Option(min=100, max=1_000_000, help="Calls of each of the two halves.")] = 10_000,
    transport: Annotated[Transport, typer.Option(help="What the calls come over.")] = Transport.UDP,
) -> None:
    """Measure SIP alone: calls (INVITE, 200, ACK, BYE) a second and core, set-up time, and what memory is left behind.

    sipp (Debian: sip-tester) calls a SIP endpoint in a process of its own. Takes some two minutes, most of them to let
    the last transactions run out before memory is looked at.
    """
    from ringback.app.bench.signalling import bench_signalling

    def progress(text: str) -> None:
        typer.echo(text, err=True)

    typer.echo(json.dumps(asyncio.run(bench_signalling(calls, transport.value, progress)), indent=2))


def messages(
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="Messages to send.")] = 5000,
    at_once: Annotated[int, typer.Option("--at-once", min=1, max=500, help="REST requests at a time.")] = 32,
    postgresql: Annotated[
        str | None, typer.Option(metavar="URL", help="An empty PostgreSQL database to measure, too; it is filled.")
    ] = None,
) -> None:
    """Measure how many messages a second go from REST to SMPP, and from the receipt to the status callback.

    The server runs on one core; its client, the SMSC and the application on another.
    """
    from ringback.app.bench.messages import as_json, bench_messages

    def progress(text: str) -> None:
        typer.echo(text, err=True)

    typer.echo(as_json(asyncio.run(bench_messages(count, at_once, postgresql, progress))))
