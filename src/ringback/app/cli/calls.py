"""`ringback calls`: the calls that came, and what happened in each of them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringback.app.cli.context import console, printable, show_table, state, with_database
from ringback.app.errors import UserError
from ringback.model.status import CallStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rich.text import Text

    from ringback.model.records import CallRecord
    from ringback.storage.database import Database
    from ringback.storage.events import StoredEvent

POLL = 0.25
"""Seconds between two looks at the store while following a call. Events are in the store 0.05 s after they happen."""

calls = typer.Typer(rich_markup_mode=None, help="The calls that came, and what happened in each of them.")

_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(calls, name="calls")


@calls.callback(invoke_without_command=True)
def default(ctx: typer.Context) -> None:
    """List the newest calls, unless a command says otherwise."""
    if ctx.invoked_subcommand is None:
        list_calls(ctx)


@calls.command("list")
def list_calls(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, at most.")] = 20,
    status: Annotated[CallStatus | None, typer.Option(help="Only calls of this status.")] = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="NUMBER", help="Only calls from this number.")] = None,
    to: Annotated[str | None, typer.Option(metavar="NUMBER", help="Only calls to this number.")] = None,
    as_json: _AsJson = False,
) -> None:
    """List the newest calls."""
    settings = state(ctx).settings
    who: dict[str, str | None] = {"from_": from_, "to": to}
    if from_ or to:
        # phonenumbers has the metadata of every country and is slow to import.
        from ringback.model.numbers import normalise

        who = {end: number and normalise(number, settings.calls.default_region) for end, number in who.items()}

    async def read(database: Database) -> list[CallRecord]:
        return await database.calls.list(limit, status=status, **who)

    found = with_database(settings, read)
    if as_json:
        typer.echo(json.dumps([_call(record) for record in found], indent=2, ensure_ascii=False))
        return
    if not found:
        typer.echo("no calls")
        return
    rows = [
        (
            record.date_created.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            record.from_,
            record.to,
            record.status.value,
            _length(record),
            record.end_reason or "",
            record.sid,
        )
        for record in found
    ]
    show_table(("began", "from", "to", "status", "length", "end", "sid"), rows)


@calls.command("show")
def show(
    ctx: typer.Context,
    sid: Annotated[str, typer.Argument(metavar="SID", help="A call's sid or its beginning, or `last`.")] = "last",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the call is over.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: one object, or with --follow one line for each event.")
    ] = False,
) -> None:
    """Show the timeline of a call: everything that happened in it, in the order in which it happened."""
    printer = _as_lines if as_json and follow else _as_one_object if as_json else _as_text

    async def read(database: Database) -> None:
        await printer(database, await _find(database, sid), follow)

    with_database(state(ctx).settings, read)


async def _as_text(database: Database, record: CallRecord, follow: bool) -> None:
    from ringback.app.timeline import render

    output = console()
    output.print(_heading(record))
    start: datetime | None = None
    async for stored in _timeline(database, record, follow):
        start = start or min(stored.event.at, record.date_created)
        output.print(render(stored.event, start))
    output.print(_ending(await database.calls.get(record.sid) or record))


async def _as_lines(database: Database, record: CallRecord, follow: bool) -> None:
    async for stored in _timeline(database, record, follow):
        typer.echo(json.dumps(_event(stored), ensure_ascii=False))


async def _as_one_object(database: Database, record: CallRecord, follow: bool) -> None:
    events = [_event(stored) async for stored in _timeline(database, record, follow)]
    typer.echo(json.dumps({"call": _call(record), "events": events}, indent=2, ensure_ascii=False))


async def _timeline(database: Database, record: CallRecord, follow: bool) -> AsyncIterator[StoredEvent]:
    """Yield the events of a call; following, those to come too, until it is over and a further look brought nothing."""
    last = 0
    while True:
        now = await database.calls.get(record.sid)
        new = await database.events.of_call(record.sid, last)
        for stored in new:
            yield stored
            last = stored.id
        over = now is None or now.status.final
        if not follow or (over and not new):
            return
        await asyncio.sleep(POLL)


async def _find(database: Database, sid: str) -> CallRecord:
    if sid == "last":
        newest = await database.calls.list(1)
        if not newest:
            raise UserError(
                "there are no calls yet", hint="`ringback call NUMBER` makes one, while `ringback serve` runs"
            )
        return newest[0]
    found = await database.calls.get(sid) if len(sid) > 2 else None
    if found is None:
        raise UserError(f"there is no call {sid}", hint="`ringback calls list` shows the newest ones")
    return found


def _heading(record: CallRecord) -> Text:
    from rich.text import Text

    began = record.date_created.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    ends = f"{printable(record.from_)} → {printable(record.to)}"
    return Text(f"{record.sid}  {ends}  {record.direction}, {began}, API {record.api_version}", "bold")


def _ending(record: CallRecord) -> Text:
    from rich.text import Text

    reason = f" ({record.end_reason})" if record.end_reason else ""
    length = _length(record)
    return Text(f"{record.status}{reason}{f' after {length}' if length else ''}", "bold")


def _length(record: CallRecord) -> str:
    """How long the call was connected; nothing while it is, or where it never was."""
    if record.start_time is None or record.end_time is None:
        return ""
    from ringback.app.timeline import duration

    return duration((record.end_time - record.start_time).total_seconds())


def _call(record: CallRecord) -> dict[str, Any]:
    return {name.rstrip("_"): _plain(value) for name, value in asdict(record).items()}


def _event(stored: StoredEvent) -> dict[str, Any]:
    event = stored.event
    return {"id": stored.id, "at": event.at.isoformat(), "kind": event.kind, "data": dict(event.data)}


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
