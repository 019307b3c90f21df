"""`ringback guard`: who is not heard, why, and who always is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Annotated

import typer

from ringback.app.cli.context import show_table, state, with_database
from ringback.app.errors import UserError

if TYPE_CHECKING:
    from ringback.model.telephony import GuardAllowed, GuardBlock, GuardRefusal
    from ringback.storage.database import Database

guard = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Guards: who is blocked, and what was refused to whom."
)

_Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An IP address, or a range such as 10.0.0.0/8.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(guard, name="guard")


@guard.command("list")
def list_guard(
    ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the blocked addresses, those that are never judged, and what was refused since the server started."""

    async def read(database: Database) -> tuple[list[GuardBlock], list[GuardAllowed], list[GuardRefusal]]:
        store = database.guard
        return await store.blocks(), await store.allowed(), await store.refusals()

    now = datetime.now(UTC)
    settings = state(ctx).settings
    blocks, allowed, refusals = with_database(settings, read)
    blocks = [block for block in blocks if block.until > now]
    always = [(str(network), "guard.allow") for network in settings.guard.allow]
    always += [(str(network), "sip.allow") for network in settings.sip.allow]
    always += [(entry.network, entry.note) for entry in allowed]
    if as_json:
        told = {
            "blocked": [{"source": b.source, "until": b.until.isoformat(), "why": b.why} for b in blocks],
            "allowed": [{"network": network, "by": note} for network, note in always],
            "refused": [
                {"source": r.source, "reason": r.reason, "count": r.count, "last": r.last.isoformat()} for r in refusals
            ],
        }
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    if blocks:
        rows = [(b.source, f"{(b.until - now).total_seconds():.0f} s", b.why) for b in blocks]
        show_table(("blocked", "for", "because"), rows)
    else:
        typer.echo("nobody is blocked")
    typer.echo()
    show_table(("never judged", "by"), always)
    if refusals:
        typer.echo()
        refused = [(r.source, r.reason, str(r.count), r.last.strftime("%Y-%m-%d %H:%M:%S UTC")) for r in refusals]
        show_table(("refused", "reason", "times", "last"), refused)


@guard.command("allow")
def allow(
    ctx: typer.Context,
    address: _Address,
    note: Annotated[str, typer.Option(metavar="TEXT", help="Whose it is, for people.")] = "",
) -> None:
    """Never judge an address; it still has to prove who it is."""
    network = _network(address)

    async def keep(database: Database) -> None:
        from ringback.model.telephony import GuardAllowed

        await database.guard.allow(GuardAllowed(network, note, datetime.now(UTC)))

    with_database(state(ctx).settings, keep)
    typer.echo(f"{network} is never judged")


@guard.command("disallow")
def disallow(ctx: typer.Context, address: _Address) -> None:
    """Judge an address again that was allowed."""
    network = _network(address)

    async def forget(database: Database) -> bool:
        return await database.guard.disallow(network)

    if not with_database(state(ctx).settings, forget):
        raise UserError(f"{network} was not allowed by this command", hint="`ringback guard list` shows what is")
    typer.echo(f"{network} is judged again")


@guard.command("unblock")
def unblock(ctx: typer.Context, address: _Address) -> None:
    """Hear an address again. A running server takes it up within seconds."""
    from ringback.sip.guard import source_of

    source = source_of(address)

    async def forget(database: Database) -> bool:
        return await database.guard.unblock(source)

    if not with_database(state(ctx).settings, forget):
        raise UserError(f"{source} is not blocked", hint="`ringback guard list` shows who is")
    typer.echo(f"{source} is heard again")


def _network(address: str) -> str:
    try:
        return str(ip_network(address.strip(), strict=False))
    except ValueError as error:
        raise UserError(f"{address!r} is no address or range: {error}") from error
