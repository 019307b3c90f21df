"""`ringback sms`: a handset in the terminal, and the messages that there were."""

from __future__ import annotations

import asyncio
import base64
import json
import mimetypes
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringback.app.cli.context import console, printable, show_table, state, with_database
from ringback.app.errors import UserError

if TYPE_CHECKING:
    from ringback.app.settings import Settings
    from ringback.model.messages import MessageRecord
    from ringback.storage.database import Database

HANDSET = "+15550100099"
"""The number of the handset, where the command line names none."""

_ENDED = "the server has ended"

sms = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="A handset in the terminal, and its messages.")

_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(sms, name="sms")


@sms.command("send")
def send(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(help="A number of this server.")],
    text: Annotated[
        str | None, typer.Argument(help="What to send. Without it, each line that is typed is a message.")
    ] = None,
    from_: Annotated[str, typer.Option("--from", metavar="NUMBER", help="The handset's own number.")] = HANDSET,
    media: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="A file to send along; repeatable.")] = None,
    wait: Annotated[float, typer.Option(min=0, max=3600, help="Seconds to wait for answers to a text.")] = 3,
    as_json: _AsJson = False,
) -> None:
    """Be a handset: send to a number, and show the answers as they come."""
    files = [_media(path) for path in media or []]
    asyncio.run(_send(state(ctx).settings, number, text, from_, files, wait, as_json))


@sms.command("listen")
def listen(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(help="The handset's own number.")] = HANDSET,
    as_json: _AsJson = False,
) -> None:
    """Be a handset: show the messages that come to a number, until Ctrl-C."""
    asyncio.run(_listen(state(ctx).settings, number, as_json))


@sms.command("list")
def list_messages(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, at most.")] = 20,
    as_json: _AsJson = False,
) -> None:
    """List the newest messages."""

    async def read(database: Database) -> list[MessageRecord]:
        from ringback.storage.messages import MessageQuery

        return await database.messages.find(MessageQuery(), limit=limit)

    found = with_database(state(ctx).settings, read)
    if as_json:
        typer.echo(json.dumps([_plain(record) for record in found], indent=2, ensure_ascii=False))
        return
    if not found:
        typer.echo("no messages")
        return
    rows = [
        (
            record.date_created.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            record.from_,
            record.to,
            f"{record.status}{f' {record.error_code}' if record.error_code else ''}",
            _short(record.body),
            record.sid,
        )
        for record in found
    ]
    show_table(("created", "from", "to", "status", "text", "sid"), rows)


@sms.command("show")
def show(
    ctx: typer.Context,
    sid: Annotated[str, typer.Argument(metavar="SID", help="A message's sid, or `last`.")] = "last",
) -> None:
    """Show everything about a message, and what happened to it."""
    with_database(state(ctx).settings, lambda database: _show(database, sid))


async def _show(database: Database, sid: str) -> None:
    from ringback.app.timeline import render
    from ringback.storage.messages import MessageQuery

    if sid == "last":
        newest = await database.messages.find(MessageQuery(), limit=1)
        record = newest[0] if newest else None
    else:
        record = await database.messages.get(sid)
    if record is None:
        raise UserError(f"there is no message {sid}", hint="`ringback sms list` shows the newest ones")
    for name, value in asdict(record).items():
        if value not in (None, "", False):
            typer.echo(f"{name.rstrip('_'):<24}{printable(str(value))}")
    events = await database.events.of_call(record.sid)
    if events:
        typer.echo()
    for stored in events:
        console().print(render(stored.event, record.date_created))


async def _send(
    settings: Settings,
    number: str,
    text: str | None,
    from_: str,
    media: list[dict[str, str]],
    wait: float,
    as_json: bool,
) -> None:
    async with _handset(settings) as (reader, writer):
        _say(writer, {"listen": from_})
        await _answer(reader)
        show = _show_json if as_json else _show_text
        trouble = ""
        async with asyncio.TaskGroup() as group:
            sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
            hearing = group.create_task(_hear(reader, writer, show, sent))
            lines = _typed() if text is None else _one(text)
            async for line in lines:
                _say(writer, {"send": {"from": from_, "to": number, "body": line, "media": media}})
                answer = await sent.get()
                if trouble := answer.get("error", ""):
                    break
                if as_json:
                    typer.echo(json.dumps(answer))
            else:
                await asyncio.sleep(wait)
            hearing.cancel()
        if trouble:  # not within the group, which would wrap it
            raise UserError(trouble)


async def _listen(settings: Settings, number: str, as_json: bool) -> None:
    async with _handset(settings) as (reader, writer):
        _say(writer, {"listen": number})
        answer = await _answer(reader)
        typer.echo(f"listening as {answer.get('listening', number)}; Ctrl-C ends", err=True)
        answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        await _hear(reader, writer, _show_json if as_json else _show_text, answers)
        raise UserError((await answers.get())["error"])


async def _hear(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, show: Any, answers: asyncio.Queue[dict[str, Any]]
) -> None:
    """Show messages until the server ends; whatever else it says goes to `answers`, and its end as well."""
    while line := await _line(reader):
        said = json.loads(line)
        if "message" in said:
            show(said["message"])
            _say(writer, {"seen": said["message"]["sid"]})
        else:
            await answers.put(said)
    await answers.put({"error": _ENDED})


@asynccontextmanager
async def _handset(settings: Settings) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    from ringback.messaging.carriers.local import socket_path

    path = socket_path(settings.storage.directory)
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=2**24)
    except OSError:
        raise UserError(
            "no server is running with this store", hint="start one: ringback serve (with the same settings)"
        ) from None
    try:
        yield reader, writer
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> dict[str, Any]:
    line = await _line(reader)
    said: dict[str, Any] = json.loads(line) if line else {"error": _ENDED}
    if "error" in said:
        raise UserError(said["error"])
    return said


async def _line(reader: asyncio.StreamReader) -> bytes:
    """Return what the server says next; nothing when it has ended, however it did."""
    try:
        return await reader.readline()
    except ConnectionError:
        return b""


def _say(writer: asyncio.StreamWriter, what: dict[str, Any]) -> None:
    writer.write(json.dumps(what).encode() + b"\n")


async def _one(text: str) -> AsyncIterator[str]:
    yield text


async def _typed() -> AsyncIterator[str]:
    """Yield what is typed, line by line, until the end of the input."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip():
            yield line.rstrip("\n")


def _show_text(message: dict[str, Any]) -> None:
    body = "\n".join(printable(line) for line in message["body"].splitlines())
    typer.echo(f"{printable(message['from'])} → {printable(message['to'])}: {body}")


def _show_json(message: dict[str, Any]) -> None:
    typer.echo(json.dumps(message, ensure_ascii=False))


def _media(path: Path) -> dict[str, str]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return {"content_type": kind, "data": base64.b64encode(data).decode()}


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 40 else f"{line[:39]}…"


def _plain(record: MessageRecord) -> dict[str, Any]:
    return {
        name.rstrip("_"): value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(record).items()
    }
