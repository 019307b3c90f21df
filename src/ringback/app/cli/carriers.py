"""`ringback carriers`: what takes messages to the world and brings them from it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringback.app.cli.context import show_table, state, with_database
from ringback.app.errors import UserError

if TYPE_CHECKING:
    from ringback.model.messages import CarrierRecord
    from ringback.storage.database import Database

carriers = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="What takes messages to the world and brings them from it."
)


class Kind(StrEnum):
    """The kinds of carriers that can be added; that of this machine and that of phones are always there."""

    SMPP = "smpp"
    SMPP_SERVER = "smpp-server"
    HTTP = "http"


_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="The carrier's name.")]
_SECRETS = ("password", "secret")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(carriers, name="carriers")


@carriers.command("add")
def add(
    ctx: typer.Context,
    name: _Name,
    kind: Annotated[Kind, typer.Argument(help="How it is reached.")],
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="[SETTING=VALUE]...", help="What that kind needs: host=… port=… .")
    ] = None,
    prefix: Annotated[
        list[str] | None, typer.Option(help="Beginning of numbers that it takes messages to; repeatable. Default: all.")
    ] = None,
    account: Annotated[list[str] | None, typer.Option(help="Sid of an account that may use it. Default: all.")] = None,
    sender: Annotated[
        list[str] | None, typer.Option(help="Number whose messages go this way; repeatable. Default: all.")
    ] = None,
    priority: Annotated[int, typer.Option(min=0, max=10_000, help="The lowest one is tried first.")] = 100,
    rate: Annotated[float, typer.Option(min=0, max=100_000, help="Messages a second; 0 is no limit.")] = 0,
    do_replace: Annotated[bool, typer.Option("--replace", help="Change the carrier if it is there already.")] = False,
) -> None:
    """Add a carrier. A running server uses it within two seconds."""
    from ringback.model.messages import CarrierRecord

    record = CarrierRecord(
        name=_checked(name),
        kind=kind.value,
        settings=_settings(settings or []),
        date_created=datetime.now(UTC),
        prefixes=tuple(prefix or ("",)),
        accounts=tuple(account or ()),
        senders=tuple(sender or ()),
        priority=priority,
        rate=rate,
    )
    _try(record)

    async def keep(database: Database) -> None:
        existing = await database.carriers.get(record.name)
        if existing is None:
            await database.carriers.add(record)
        elif do_replace:
            await database.carriers.replace(replace(record, date_created=existing.date_created))
        else:
            raise UserError(
                f"there is a carrier {record.name} already, of the kind {existing.kind}", hint="--replace changes it"
            )

    with_database(state(ctx).settings, keep)
    typer.echo(f"{record.name} is added; `ringback carriers test {record.name}` tries it")


@carriers.command("list")
def list_carriers(ctx: typer.Context, as_json: _AsJson = False) -> None:
    """List the carriers, in the order in which they are tried. Passwords are not shown."""

    async def read(database: Database) -> list[CarrierRecord]:
        return await database.carriers.list()

    found = with_database(state(ctx).settings, read)
    if as_json:
        shown = [asdict(record) | {"settings": _shown(record.settings)} for record in found]
        typer.echo(json.dumps(shown, indent=2, default=str, ensure_ascii=False))
        return
    if not found:
        typer.echo("no carriers: messages stay on this machine. See docs/reference/carriers.md for how to add one")
        return
    rows = [
        (
            record.name,
            record.kind,
            " ".join(prefix or "all" for prefix in record.prefixes),
            str(record.priority),
            f"{record.rate:g}/s" if record.rate else "",
            _target(record),
        )
        for record in found
    ]
    show_table(("name", "kind", "prefixes", "priority", "rate", "where"), rows)


@carriers.command("remove")
def remove(ctx: typer.Context, name: _Name) -> None:
    """Remove a carrier. What waits for it goes another way."""

    async def forget(database: Database) -> bool:
        return await database.carriers.remove(name)

    if not with_database(state(ctx).settings, forget):
        raise UserError(f"there is no carrier {name}", hint="`ringback carriers list` shows all of them")
    typer.echo(f"{name} is removed")


@carriers.command("test")
def test(
    ctx: typer.Context,
    name: _Name,
    seconds: Annotated[float, typer.Option(min=0.1, max=300, help="How long to try.")] = 10,
) -> None:
    """Connect to a carrier as the server does, and tell whether that works. Nothing is sent."""

    async def read(database: Database) -> CarrierRecord | None:
        return await database.carriers.get(name)

    record = with_database(state(ctx).settings, read)
    if record is None:
        raise UserError(f"there is no carrier {name}", hint="`ringback carriers list` shows all of them")
    typer.echo(f"{name}: {asyncio.run(_tested(record, seconds))}")


async def _tested(record: CarrierRecord, seconds: float) -> str:
    if record.kind == "smpp":
        return await _bound(record, seconds)
    host, port, secure = _address(record)
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port, ssl=secure or None)
    except (OSError, TimeoutError) as error:
        hint = "is the server running?" if record.kind == "smpp-server" else None
        raise UserError(f"no connection to {host} port {port}: {str(error) or 'no answer'}", hint=hint) from error
    writer.close()
    return f"{host} port {port} takes connections"


async def _bound(record: CarrierRecord, seconds: float) -> str:
    from ringback.messaging.carriers.smpp import SmppSettings
    from ringback.messaging.smpp.link import Link, LinkError, connect
    from ringback.messaging.smpp.pdu import Pdu, Status

    async def not_now(link: Link, request: Pdu) -> None:
        link.answer(request, Status.RX_T_APPN, b"\0")  # the server will have it, not this test

    settings = SmppSettings.read(dict(record.settings))
    try:
        link = await connect(
            settings.host,
            settings.port,
            settings.binds[0],
            not_now,
            timers=settings.timers,
            tls=settings.tls,
            connect_timeout=seconds,
        )
    except LinkError as error:
        raise UserError(str(error)) from error
    peer = link.bound.result().peer
    await link.close()
    return f"bound to {settings.host} port {settings.port} as {settings.binds[0].kind}; it calls itself {peer or '?'}"


def _address(record: CarrierRecord) -> tuple[str, int, bool]:
    from urllib.parse import urlsplit

    if record.kind == "http":
        parts = urlsplit(str(record.settings["url"]))
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), parts.scheme == "https"
    return str(record.settings.get("host", "127.0.0.1")), int(str(record.settings.get("port", 2775))), False


def _try(record: CarrierRecord) -> None:
    """Refuse settings that the server could not use. Raises UserError."""
    from ringback.messaging.carriers.http import HttpCarrier
    from ringback.messaging.carriers.smpp import SmppSettings
    from ringback.messaging.carriers.smpp_server import SmppServerCarrier

    try:
        if record.kind == "smpp":
            SmppSettings.read(dict(record.settings))
        elif record.kind == "smpp-server":
            SmppServerCarrier(record)
        else:
            HttpCarrier(record, None, lambda: 0.0)  # type: ignore[arg-type]
    except ValueError as error:
        raise UserError(str(error), hint="docs/reference/carriers.md lists the settings of each kind") from error


def _settings(pairs: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise UserError(f"{pair!r} should be SETTING=VALUE")
        try:
            found[name] = json.loads(value) if value[:1] in ("[", "{") else value
        except ValueError as error:
            raise UserError(f"{name} begins like JSON, but is none: {error}") from error
    return found


def _checked(name: str) -> str:
    if (
        not name.replace("-", "").replace("_", "").isalnum()
        or not name.isascii()
        or len(name) > 64
        or name in ("local", "phones")
    ):
        raise UserError(
            f"{name!r} is no name for a carrier: letters, digits, - and _, and neither `local` nor `phones`"
        )
    return name


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: "hidden" if key in _SECRETS else _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value


def _target(record: CarrierRecord) -> str:
    if record.kind == "http":
        return str(record.settings.get("url", ""))
    return f"{record.settings.get('host', '127.0.0.1')}:{record.settings.get('port', 2775)}"
