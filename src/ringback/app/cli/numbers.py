"""`ringback numbers`: the numbers of this server and the applications behind them."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from ringback.app.cli.context import show_table, state, with_database
from ringback.app.errors import UserError
from ringback.model.records import IncomingNumber
from ringback.model.sids import NUMBER, is_sid, make_sid
from ringback.model.status import ApiVersion

if TYPE_CHECKING:
    from ringback.app.settings import Settings
    from ringback.storage.database import Database

_LONGEST = 100
"""Characters of a number or a name. E.164 has 16; the user part of a SIP address is seldom longer than a word."""

numbers = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The numbers of this server and the applications behind them."
)


class Method(StrEnum):
    """How an application is asked."""

    GET = "GET"
    POST = "POST"


_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Which = Annotated[str, typer.Argument(metavar="NUMBER", help="The number as you would dial it, or its sid.")]
_METHOD = typer.Option(case_sensitive=False, help="How it is asked.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(numbers, name="numbers")


@numbers.command("add")
def add(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(help="A telephone number, or a plain name such as `menu`.")],
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Where calls to it are asked for their TwiML. Needed, unless --sms-url is there."
        ),
    ] = None,
    method: Annotated[Method, _METHOD] = Method.POST,
    fallback_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Asked instead when the first one fails.")
    ] = None,
    fallback_method: Annotated[Method, _METHOD] = Method.POST,
    status_callback: Annotated[str | None, typer.Option(metavar="URL", help="Told when a call is over.")] = None,
    status_callback_method: Annotated[Method, _METHOD] = Method.POST,
    sms_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where messages to it are asked for their TwiML.")
    ] = None,
    sms_method: Annotated[Method, _METHOD] = Method.POST,
    sms_fallback_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Asked instead when that one fails.")
    ] = None,
    sms_fallback_method: Annotated[Method, _METHOD] = Method.POST,
    api_version: Annotated[
        ApiVersion, typer.Option(help="The API that the application was written for.")
    ] = ApiVersion.V2010,
    friendly_name: Annotated[str | None, typer.Option(help="A name for people. Default: the number.")] = None,
    do_replace: Annotated[
        bool, typer.Option("--replace", help="Change the number if it is there already; its sid stays.")
    ] = False,
    as_json: _AsJson = False,
) -> None:
    """Add a number and say what to dial."""
    settings = state(ctx).settings
    phone_number = _normalised(number, settings)
    if url is None and sms_url is None:
        raise UserError("a number needs --url for its calls, --sms-url for its messages, or both")
    if sms_fallback_url and not sms_url:
        raise UserError("--sms-fallback-url needs --sms-url")
    for option, value in (
        ("--url", url),
        ("--fallback-url", fallback_url),
        ("--status-callback", status_callback),
        ("--sms-url", sms_url),
        ("--sms-fallback-url", sms_fallback_url),
    ):
        _check_url(option, value)
    new = IncomingNumber(
        sid=make_sid(NUMBER, secrets.token_bytes(16)),
        account_sid="",
        phone_number=phone_number,
        voice_url=url or "",
        voice_method=method.value,
        voice_fallback_url=fallback_url,
        voice_fallback_method=fallback_method.value,
        status_callback=status_callback,
        status_callback_method=status_callback_method.value,
        sms_url=sms_url,
        sms_method=sms_method.value,
        sms_fallback_url=sms_fallback_url,
        sms_fallback_method=sms_fallback_method.value,
        api_version=api_version,
        friendly_name=friendly_name or phone_number,
        date_created=datetime.now(UTC),
    )

    async def keep(database: Database) -> IncomingNumber:
        existing = await database.numbers.get_by_number(phone_number)
        if existing is None:
            account = await database.accounts.ensure_default(datetime.now(UTC), secrets.token_bytes)
            added = replace(new, account_sid=account.sid)
            await database.numbers.add(added)
            return added
        if not do_replace:
            raise UserError(
                f"the number {phone_number} is there already, as {existing.sid}, and asks {existing.voice_url}",
                hint="--replace changes it; `ringback numbers remove` removes it",
            )
        same: dict[str, Any] = {
            "sid": existing.sid,
            "account_sid": existing.account_sid,
            "date_created": existing.date_created,
        }
        changed = replace(new, **same)
        changes = {name: value for name, value in asdict(changed).items() if name not in same}
        await database.numbers.update(existing.sid, **changes)
        return changed

    kept = with_database(settings, keep)
    if as_json:
        typer.echo(_as_json(kept))
        return
    typer.echo(f"{kept.phone_number} asks {_asked(kept)} (API {kept.api_version}, {kept.sid})")
    if kept.voice_url:
        typer.echo(f"dial {_address(kept, settings)} once `ringback serve` is running")
    if kept.sms_url:
        typer.echo(f"write to it with `ringback sms send {kept.phone_number} TEXT`")


@numbers.command("list")
def list_numbers(ctx: typer.Context, as_json: _AsJson = False) -> None:
    """List all numbers."""

    async def read(database: Database) -> list[IncomingNumber]:
        return await database.numbers.list()

    found = with_database(state(ctx).settings, read)
    if as_json:
        typer.echo(json.dumps([asdict(number) for number in found], indent=2, default=str, ensure_ascii=False))
        return
    if not found:
        typer.echo("no numbers yet; add one: ringback numbers add +14155550100 --url http://127.0.0.1:8000/")
        return
    rows = [
        (
            number.phone_number,
            "" if number.friendly_name == number.phone_number else number.friendly_name,
            _asked(number),
            number.api_version.value,
            number.sid,
        )
        for number in found
    ]
    show_table(("number", "name", "asks", "API", "sid"), rows)


@numbers.command("show")
def show(ctx: typer.Context, number: _Which, as_json: _AsJson = False) -> None:
    """Show everything about a number."""
    settings = state(ctx).settings

    async def read(database: Database) -> IncomingNumber:
        return await _find(database, number, settings)

    found = with_database(settings, read)
    if as_json:
        typer.echo(_as_json(found))
        return
    for name, value in asdict(found).items():
        typer.echo(f"{name:<24}{'' if value is None else value}".rstrip())
    typer.echo(f"{'dial':<24}{_address(found, settings)}")


class Kind(StrEnum):
    """Kinds of numbers in the pool."""

    LOCAL = "local"
    MOBILE = "mobile"
    TOLL_FREE = "toll-free"
    NATIONAL = "national"
    SHARED_COST = "shared-cost"
    VOIP = "voip"
    MACHINE_TO_MACHINE = "machine-to-machine"


@numbers.command("offer")
def offer(
    ctx: typer.Context,
    offered: Annotated[list[str], typer.Argument(metavar="NUMBER...", help="Telephone numbers.")],
    kind: Annotated[Kind, typer.Option(help="What kind of numbers they are.")] = Kind.LOCAL,
) -> None:
    """Put numbers into the pool of those that accounts may take by the REST API."""
    from ringback.model.numbers import geography
    from ringback.model.provisioning import AvailableNumberRecord

    settings = state(ctx).settings
    now = datetime.now(UTC)
    records = []
    for number in offered:
        phone_number = _normalised(number, settings)
        if not phone_number.startswith("+"):
            raise UserError(f"{number!r} is no telephone number, such as +14155550100")
        place = geography(phone_number)
        country = place.country or settings.calls.default_region
        records.append(
            AvailableNumberRecord(
                phone_number, country, kind.value, now, locality=place.city or None, region=place.state or None
            )
        )

    async def keep(database: Database) -> int:
        return await database.available_numbers.offer(records)

    typer.echo(f"{with_database(settings, keep)} of {len(records)} numbers are in the pool")


@numbers.command("remove")
def remove(ctx: typer.Context, number: _Which) -> None:
    """Remove a number. Its calls stay."""
    settings = state(ctx).settings

    async def forget(database: Database) -> IncomingNumber:
        found = await _find(database, number, settings)
        await database.numbers.remove(found.sid)
        return found

    typer.echo(f"{with_database(settings, forget).phone_number} is removed")


async def _find(database: Database, which: str, settings: Settings) -> IncomingNumber:
    if is_sid(which, NUMBER):
        found = await database.numbers.get(which)
    else:
        found = await database.numbers.get_by_number(_normalised(which, settings))
    if found is None:
        raise UserError(f"there is no number {which}", hint="`ringback numbers list` shows all of them")
    return found


def _normalised(number: str, settings: Settings) -> str:
    # phonenumbers has the metadata of every country and is slow to import.
    from ringback.model.numbers import normalise

    normal = normalise(number, settings.calls.default_region)
    if not normal or len(normal) > _LONGEST or not normal.isprintable() or set(normal) & set(' @:;/?<>"'):
        raise UserError(
            f"{number!r} cannot be dialled: it should be a telephone number such as +14155550100, or a word"
        )
    return normal


def _check_url(option: str, url: str | None) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or not url.isprintable() or " " in url:
        raise UserError(f"{option} {url!r} should be an address such as http://127.0.0.1:8000/voice")


def _asked(number: IncomingNumber) -> str:
    """Which applications are asked about its calls and its messages."""
    asked = [f"{number.voice_method} {number.voice_url}"] if number.voice_url else []
    if number.sms_url:
        asked.append(f"{number.sms_method} {number.sms_url} about messages")
    return ", ".join(asked) or "nobody"


def _address(number: IncomingNumber, settings: Settings) -> str:
    sip = settings.sip
    host = sip.advertised_address or {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(sip.host, sip.host)
    return f"sip:{number.phone_number}@{f'[{host}]' if ':' in host else host}:{sip.port}"


def _as_json(number: IncomingNumber) -> str:
    return json.dumps(asdict(number), indent=2, default=str, ensure_ascii=False)
