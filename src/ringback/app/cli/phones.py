"""`ringback phones`: who may register at this server, and what to type into a softphone."""

from __future__ import annotations

import json
import re
import secrets
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ringback.app.cli.context import show_table, state, with_database
from ringback.app.errors import UserError

if TYPE_CHECKING:
    from ringback.app.settings import Settings
    from ringback.model.telephony import BindingRecord, PhoneRecord
    from ringback.storage.database import Database

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
"""What every softphone takes for a user name, and needs no escape in a SIP address."""
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Characters of a password: none that looks like another one, for somebody has to type it."""
_LENGTH = 20
"""Characters: 115 bits. A digest can be tried offline by whoever hears it, so a password must be beyond guessing."""

phones = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Phones that may register at this server.")

_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Transport(StrEnum):
    """How SIP travels."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(phones, name="phones")


@phones.command("add")
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="User name, such as `alice` or `100`: calls reach the phone by it.")],
    password: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A password of your own. Default: a good one is made.")
    ] = None,
    display_name: Annotated[str | None, typer.Option(metavar="TEXT", help="A name for people.")] = None,
    transport: Annotated[
        Transport | None,
        typer.Option(case_sensitive=False, help="How it shall connect. Default: UDP, if the server has it."),
    ] = None,
    do_replace: Annotated[
        bool, typer.Option("--replace", help="Give a phone that is there already a new password.")
    ] = False,
    qr: Annotated[bool, typer.Option("--qr/--no-qr", help="Show the settings as a QR code, too.")] = True,
    as_json: _AsJson = False,
) -> None:
    """Add a phone, and say what to type into it. Its password is shown this one time."""
    settings = state(ctx).settings
    if not _NAME.fullmatch(name):
        raise UserError(f"{name!r} is no user name: letters, digits, dots, hyphens, beginning with a letter or digit")
    secret = password if password is not None else "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    if len(secret) < 8 or not secret.isprintable() or len(secret) > 100:
        raise UserError("a password has 8 to 100 characters", hint="leave --password out, and a good one is made")
    host, port = _server(settings)
    chosen = _transport(settings, transport)
    if chosen is Transport.TLS:
        host, port = settings.sip.tls_name or host, settings.sip.tls_port or port

    async def keep(database: Database) -> None:
        now = datetime.now(UTC)
        existing = await database.phones.get(name)
        if existing is not None and not do_replace:
            raise UserError(f"there is a phone {name} already", hint="--replace gives it a new password")
        account = await database.accounts.ensure_default(now, secrets.token_bytes)
        await database.phones.save(_record(name, secret, settings, account.sid, display_name, existing, now))

    with_database(settings, keep)
    if as_json:
        told = {"username": name, "password": secret, "domain": host, "port": port, "transport": chosen.value}
        typer.echo(json.dumps({**told, "realm": settings.phones.realm}, indent=2, ensure_ascii=False))
        return
    _say_settings(settings, name, secret, host, port, chosen)
    if qr:
        _show_qr(f"sip:{name}:{secret}@{_bracketed(host)}:{port};transport={chosen.value}")


@phones.command("list")
def list_phones(ctx: typer.Context, as_json: _AsJson = False) -> None:
    """List the phones, and where each of them is registered."""

    async def read(database: Database) -> tuple[list[PhoneRecord], list[BindingRecord]]:
        return await database.phones.list(), await database.bindings.list(datetime.now(UTC))

    found, bindings = with_database(state(ctx).settings, read)
    of = {phone.username: [b for b in bindings if b.username == phone.username] for phone in found}
    now = datetime.now(UTC)
    if as_json:
        rows = [
            {
                "username": phone.username,
                "display_name": phone.display_name,
                "bindings": [_binding(binding, now) for binding in of[phone.username]],
            }
            for phone in found
        ]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not found:
        typer.echo("no phones yet; add one: ringback phones add alice")
        return
    table = []
    for phone in found:
        held = [_binding(binding, now) for binding in of[phone.username]] or [{}]
        for number, binding in enumerate(held):
            name, shown = (phone.username, phone.display_name) if number == 0 else ("", "")
            source = f"{binding['transport']} {binding['source']}" if binding else "not registered"
            left = f"{binding['seconds_left']} s" if binding else ""
            table.append((name, shown, source, left, str(binding.get("user_agent", ""))))
    show_table(("phone", "name", "registered from", "for", "software"), table)


@phones.command("remove")
def remove(ctx: typer.Context, name: Annotated[str, typer.Argument(help="The user name.")]) -> None:
    """Remove a phone. A running server forgets where it is within seconds."""

    async def forget(database: Database) -> bool:
        return await database.phones.remove(name)

    if not with_database(state(ctx).settings, forget):
        raise UserError(f"there is no phone {name}", hint="`ringback phones list` shows all of them")
    typer.echo(f"{name} is removed")


def _record(
    name: str,
    password: str,
    settings: Settings,
    account_sid: str,
    display_name: str | None,
    existing: PhoneRecord | None,
    now: datetime,
) -> PhoneRecord:
    from ringback.model.telephony import PhoneRecord
    from ringback.sip.auth import ha1

    realm = settings.phones.realm
    return PhoneRecord(
        name,
        existing.account_sid if existing else account_sid,
        realm,
        ha1("MD5", name, realm, password),
        ha1("SHA-256", name, realm, password),
        ha1("SHA-512-256", name, realm, password),
        display_name if display_name is not None else existing.display_name if existing else "",
        existing.date_created if existing else now,
        now if existing else None,
    )


def _binding(binding: BindingRecord, now: datetime) -> dict[str, object]:
    return {
        "contact": binding.contact,
        "transport": binding.transport,
        "source": f"{_bracketed(binding.remote_host)}:{binding.remote_port}",
        "behind_nat": binding.nat,
        "seconds_left": round((binding.expires - now).total_seconds()),
        "user_agent": binding.user_agent,
    }


def _server(settings: Settings) -> tuple[str, int]:
    """Return the address of the server as phones reach it."""
    from ringback.sip.net.udp import local_host_towards

    sip = settings.sip
    if sip.advertised_address:
        return sip.advertised_address, sip.port
    # Where it listens everywhere, the address that this machine calls others from.
    return {"0.0.0.0": local_host_towards("192.0.2.1"), "::": local_host_towards("2001:db8::1")}.get(
        sip.host, sip.host
    ), sip.port


def _transport(settings: Settings, wanted: Transport | None) -> Transport:
    sip = settings.sip
    there = {Transport.UDP: sip.udp, Transport.TCP: sip.tcp, Transport.TLS: sip.tls_port is not None}
    if wanted is not None and not there[wanted]:
        setting = "sip.tls_port" if wanted is Transport.TLS else f"sip.{wanted.value}"
        raise UserError(f"the server does not listen on {wanted.value.upper()}", hint=f"set {setting}")
    return wanted or (Transport.UDP if sip.udp else Transport.TCP)


def _say_settings(settings: Settings, name: str, password: str, host: str, port: int, transport: Transport) -> None:
    rows = [
        ("user name", name),
        ("authentication name", f"{name} (where there is a field for it)"),
        ("password", password),
        ("domain, or SIP server", f"{_bracketed(host)}:{port}"),
        ("transport", transport.value.upper()),
        ("proxy, STUN, ICE", "none"),
        ("codecs", "G.711: PCMU and PCMA"),
        ("DTMF", "RFC 2833 (RFC 4733)"),
        ("encryption of audio", "SRTP (SDES), optional" if transport is Transport.TLS else "off"),
    ]
    typer.echo(f"The phone {name} may register. Type this into it:\n")
    for label, value in rows:
        typer.echo(f"  {label:<24}{value}")
    typer.echo("\nThe password is not kept, only what checks it: write it down now, or make a new one with --replace.")
    if host.startswith("127.") or host == "::1":
        typer.echo(
            f"The server listens on {host}, which only this machine reaches: set sip.host and media.host for others."
        )


def _show_qr(uri: str) -> None:
    """Show a URI as a QR code; cameras read it on dark terminals and, inverted, on light ones."""
    import io

    import segno

    picture = io.StringIO()
    segno.make(uri, error="l", micro=False).terminal(picture, border=2, compact=True)
    typer.echo(f"\n{picture.getvalue()}")
    typer.echo("The code holds the address with the password; keep it to yourself.")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
