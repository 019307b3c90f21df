"""`ringback trunks`: lines to other telephone networks, and the numbers that may be called by them."""

from __future__ import annotations

import asyncio
import json
import os
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringback.app.cli.context import printable, show_table, state, with_database
from ringback.app.errors import UserError

if TYPE_CHECKING:
    from ringback.app.settings import Settings
    from ringback.app.trunk_settings import TrunkSettings
    from ringback.model.telephony import OutboundPrefix, TrunkRecord, TrunkState
    from ringback.storage.database import Database

trunks = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Lines to other telephone networks.")

_Name = Annotated[str, typer.Argument(help="The name of the trunk.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Prefix = Annotated[str, typer.Argument(help="How numbers begin, such as +1 or +4420; `*` is any number.")]
_Account = Annotated[str | None, typer.Option("--account", metavar="SID", help="The account. Default: the oldest one.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(trunks, name="trunks")


@trunks.command("add")
def add(
    ctx: typer.Context,
    name: _Name,
    gateway: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URI", help="SIP address of a gateway, such as sip:gw.example;transport=tcp; repeat it for several."
        ),
    ] = None,
    username: Annotated[str, typer.Option(metavar="TEXT", help="Name to log in with.")] = "",
    password: Annotated[
        str, typer.Option(metavar="TEXT", help="Password to log in with. Default: what RINGBACK_TRUNK_PASSWORD holds.")
    ] = "",
    registration: Annotated[bool, typer.Option("--register", help="Register at the trunk.")] = False,
    inbound: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Address range that its calls come from; repeat it for several."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other setting of a trunk, as in the settings file."),
    ] = None,
    do_replace: Annotated[bool, typer.Option("--replace", help="Change the trunk if it is there already.")] = False,
) -> None:
    """Add a trunk to the store. A running server takes it up within seconds."""
    from ringback.app.trunk_settings import read_trunks

    loaded = state(ctx).settings
    values: dict[str, Any] = {
        "gateways": gateway or [],
        "inbound": inbound or [],
        "username": username,
        "password": password or os.environ.get("RINGBACK_TRUNK_PASSWORD", ""),
        "registration": registration,
        **_assignments(settings or []),
    }
    problems: list[str] = []
    read = read_trunks({name: {key: value for key, value in values.items() if value}}, {}, problems, where="error")
    if problems:
        raise UserError("\n".join(problem.removeprefix("error: ") for problem in problems))
    if name in loaded.trunks:
        raise UserError(f"the trunk {name} is in the settings file", hint="change it there, or choose another name")
    kept, secrets = read[name].stored()

    async def keep(database: Database) -> None:
        from ringback.model.telephony import TrunkRecord

        now = datetime.now(UTC)
        existing = await database.trunks.get(name)
        if existing is not None and not do_replace:
            raise UserError(f"there is a trunk {name} already", hint="--replace changes it")
        created = existing.date_created if existing else now
        await database.trunks.save(TrunkRecord(name, kept, created, secrets, now if existing else None))

    with_database(loaded, keep)
    typer.echo(f"{name} is kept; `ringback trunks test {name}` tries it")
    if not loaded.calls.outbound_prefixes:
        typer.echo("numbers may be called once they are allowed: ringback trunks allow +1")


@trunks.command("list")
def list_trunks(ctx: typer.Context, as_json: _AsJson = False) -> None:
    """List the trunks of the settings file and of the store, and how they fare in a running server."""
    settings = state(ctx).settings

    async def read(database: Database) -> tuple[list[TrunkRecord], list[TrunkState], list[OutboundPrefix]]:
        return await database.trunks.list(), await database.trunk_states.list(), await database.outbound_prefixes.list()

    records, states, prefixes = with_database(settings, read)
    found = _all(settings, records)
    reports: dict[str, Mapping[str, Any]] = {state.name: state.report for state in states}
    allowed = sorted({*settings.calls.outbound_prefixes, *(prefix.prefix for prefix in prefixes)})
    if as_json:
        told = [
            {"name": name, "in": place, "settings": trunk.stored()[0], "state": reports.get(name)}
            for name, (trunk, place) in found.items()
        ]
        typer.echo(json.dumps({"trunks": told, "prefixes": allowed}, indent=2, ensure_ascii=False))
        return
    if not found:
        typer.echo("no trunks yet; add one: ringback trunks add carrier --gateway sip:gw.example")
        return
    rows = []
    for name, (trunk, place) in found.items():
        config, report = trunk.config(name), reports.get(name, {})
        alive = {gateway["uri"]: gateway for gateway in report.get("gateways", [])}
        gateways = [f"{gateway.uri} {_life(alive.get(gateway.uri))}".rstrip() for gateway in config.gateways]
        rows.append(
            (
                name,
                place,
                "; ".join(gateways) or "none",
                _registered(config.register, report),
                str(report.get("calls", "")),
            )
        )
    show_table(("trunk", "kept in", "gateways", "registration", "calls"), rows)
    typer.echo(f"\nnumbers that may be called begin with {', '.join(allowed) or '(none; ringback trunks allow +1)'}")


@trunks.command("remove")
def remove(ctx: typer.Context, name: _Name) -> None:
    """Remove a trunk from the store. Its calls go on to their end."""
    settings = state(ctx).settings

    async def forget(database: Database) -> bool:
        return await database.trunks.remove(name)

    if not with_database(settings, forget):
        hint = "it is in the settings file" if name in settings.trunks else "`ringback trunks list` shows all of them"
        raise UserError(f"there is no trunk {name} in the store", hint=hint)
    typer.echo(f"{name} is removed")


@trunks.command("allow")
def allow(ctx: typer.Context, prefix: _Prefix, account: _Account = None) -> None:
    """Let an account call numbers that begin so."""
    from ringback.app.trunk_settings import is_prefix

    if not prefix or not is_prefix(prefix):
        raise UserError(f"{prefix!r} is no beginning of a number: +, digits, or * alone for all numbers")

    async def keep(database: Database) -> str:
        sid = await _account(database, account)
        await database.outbound_prefixes.allow(sid, prefix, datetime.now(UTC))
        return sid

    typer.echo(f"{with_database(state(ctx).settings, keep)} may call numbers that begin with {prefix}")


@trunks.command("deny")
def deny(ctx: typer.Context, prefix: _Prefix, account: _Account = None) -> None:
    """Take that back."""
    settings = state(ctx).settings

    async def forget(database: Database) -> tuple[str, bool]:
        sid = await _account(database, account)
        return sid, await database.outbound_prefixes.deny(sid, prefix)

    sid, was = with_database(settings, forget)
    if not was:
        hint = "it is in calls.outbound_prefixes" if prefix in settings.calls.outbound_prefixes else None
        raise UserError(f"{sid} was not allowed {prefix} by this command", hint=hint)
    typer.echo(f"{sid} may not call numbers that begin with {prefix} any more")


@trunks.command("test")
def test(
    ctx: typer.Context,
    name: _Name,
    call: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Call this number too, and hang up when it rings.")
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Try a trunk, and say what is wrong: names, connections, credentials, codecs. Exits with 1 where something is."""
    settings = state(ctx).settings

    async def read(database: Database) -> list[TrunkRecord]:
        return await database.trunks.list()

    found = _all(settings, with_database(settings, read))
    if name not in found:
        raise UserError(f"there is no trunk {name}", hint="`ringback trunks list` shows all of them")
    trunk, _ = found[name]
    failed = asyncio.run(_test(settings, name, trunk, call or "", as_json=as_json))
    if failed:
        raise typer.Exit(1)


async def _test(settings: Settings, name: str, trunk: TrunkSettings, call: str, *, as_json: bool) -> bool:
    from ringback.app.telephony.trunk_probe import probing

    failed = False
    number = _number(call, settings) if call else ""
    async with probing(settings, trunk.config(name)) as check:
        async for finding in check.run(number):
            failed = failed or not finding.ok
            if as_json:
                typer.echo(json.dumps({"subject": finding.subject, "ok": finding.ok, "text": finding.text}))
            else:
                mark = typer.style("ok  ", fg="green") if finding.ok else typer.style("FAIL", fg="red")
                typer.echo(f"{mark}  {finding.subject:<12}{printable(finding.text)}")
    return failed


def _number(call: str, settings: Settings) -> str:
    from ringback.model.numbers import normalise

    return normalise(call, settings.calls.default_region)


def _all(settings: Settings, records: list[TrunkRecord]) -> dict[str, tuple[TrunkSettings, str]]:
    """Return every trunk with where it is kept; the settings file wins where both have a name."""
    from ringback.app.trunk_settings import read_trunks

    problems: list[str] = []
    stored = read_trunks(
        {record.name: {**record.settings, **record.secrets} for record in records}, {}, problems, where="the store"
    )
    for problem in problems:
        typer.secho(f"warning: {problem}", err=True)
    found = {name: (trunk, "store") for name, trunk in stored.items()}
    found.update({name: (trunk, "settings") for name, trunk in settings.trunks.items()})
    return dict(sorted(found.items()))


def _assignments(texts: list[str]) -> dict[str, Any]:
    """Read `name=value` as a line of TOML; what is no TOML is a text."""
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            raise UserError(f"--set {text!r} should be like --set max_calls=10")
        try:
            values[name] = tomllib.loads(f"value = {value}")["value"]
        except ValueError:
            values[name] = value
    return values


def _life(gateway: Mapping[str, Any] | None) -> str:
    if gateway is None or gateway["alive"] is None:
        return ""
    return "(alive)" if gateway["alive"] else f"(dead: {gateway['why']})"


def _registered(wanted: bool, report: Mapping[str, Any]) -> str:
    if not wanted:
        return "none"
    registration = report.get("registration")
    if not registration:
        return "not running"
    left = registration["seconds_left"]
    text = registration["state"] + (f", {left} s left" if left is not None else "")
    return f"{text}: {registration['why']}" if registration["why"] else text


async def _account(database: Database, sid: str | None) -> str:
    import secrets

    if sid is None:
        return (await database.accounts.ensure_default(datetime.now(UTC), secrets.token_bytes)).sid
    if await database.accounts.get(sid) is None:
        raise UserError(f"there is no account {sid}", hint="`ringback accounts list` shows all of them")
    return sid
