"""`ringback accounts`: whose numbers and calls these are, and what their requests are signed with."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ringback.app.cli.context import show_table, state, with_database
from ringback.app.errors import UserError

if TYPE_CHECKING:
    from ringback.model.records import Account
    from ringback.storage.database import Database


class Step(StrEnum):
    """The steps of changing an Auth Token."""

    SECONDARY = "secondary"
    PROMOTE = "promote"
    DISCARD = "discard"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    accounts = typer.Typer(help="Accounts and their Auth Tokens.", no_args_is_help=True, rich_markup_mode=None)
    accounts.command("create")(create_account)
    accounts.command("list")(list_accounts)
    accounts.command("rotate")(rotate)
    app.add_typer(accounts, name="accounts")


def create_account(
    ctx: typer.Context,
    name: Annotated[str, typer.Option(help="What to call it.")] = "",
    parent: Annotated[str | None, typer.Option(metavar="SID", help="Make it a subaccount of this account.")] = None,
    test: Annotated[bool, typer.Option("--test", help="Make test credentials: nothing is called or sent.")] = False,
    calls_per_second: Annotated[
        float | None, typer.Option(min=0.01, max=10_000, help="How fast its calls are made. Default: the setting.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Create an account, and show its sid and Auth Token."""
    import secrets

    from ringback.model.records import Account
    from ringback.model.sids import ACCOUNT, make_sid

    made = Account(
        make_sid(ACCOUNT, secrets.token_bytes(16)),
        secrets.token_hex(16),
        name or ("Test credentials" if test else "New account"),
        datetime.now(UTC),
        owner_account_sid=parent,
        is_test=test,
        calls_per_second=calls_per_second,
    )

    async def write(database: Database) -> None:
        if parent is not None and (owner := await _account(database, parent)).owner_account_sid is not None:
            raise UserError(f"{owner.sid} is a subaccount, which has none of its own")
        # The first account is the one whose numbers have none: it comes before any other.
        await database.accounts.ensure_default(datetime.now(UTC), secrets.token_bytes)
        await database.accounts.create(made)

    with_database(state(ctx).settings, write)
    _show(made, as_json)


def list_accounts(
    ctx: typer.Context,
    tokens: Annotated[bool, typer.Option("--tokens", help="Show the Auth Tokens, which sign requests.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the accounts. The first one is made with the first number, or the first start of the server."""

    async def read(database: Database) -> list[Account]:
        return await database.accounts.list()

    hidden = "hidden (--tokens shows it)"
    rows = [
        (account.sid, account.friendly_name, account.auth_token if tokens else hidden, _kind(account))
        for account in with_database(state(ctx).settings, read)
    ]
    if as_json:
        names = ("sid", "friendly_name", "auth_token", "kind")
        typer.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2))
        return
    show_table(("sid", "name", "auth token", "kind"), rows)


def rotate(
    ctx: typer.Context,
    sid: Annotated[str, typer.Argument(metavar="SID", help="The account.")],
    step: Annotated[
        Step,
        typer.Argument(help="secondary: make a second token; promote: it becomes the only one; discard: forget it."),
    ] = Step.SECONDARY,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Change an Auth Token without an interruption.

    Make a second token, give it to every application, then promote it. Until then both are accepted, and requests to
    applications are signed with the first.
    """
    import secrets

    async def write(database: Database) -> Account:
        account = await _account(database, sid)
        now = datetime.now(UTC)
        match step:
            case Step.SECONDARY:
                await database.accounts.update(sid, secondary_token=secrets.token_hex(16), date_updated=now)
            case Step.DISCARD:
                await database.accounts.update(sid, secondary_token=None, date_updated=now)
            case Step.PROMOTE if account.secondary_token is None:
                raise UserError(f"{sid} has no second token", hint=f"ringback accounts rotate {sid} secondary")
            case Step.PROMOTE:
                second = account.secondary_token
                await database.accounts.update(sid, auth_token=second, secondary_token=None, date_updated=now)
        return await _account(database, sid)

    _show(with_database(state(ctx).settings, write), as_json)


async def _account(database: Database, sid: str) -> Account:
    account = await database.accounts.get(sid)
    if account is None:
        raise UserError(f"there is no account {sid}", hint="`ringback accounts list` shows them")
    return account


def _kind(account: Account) -> str:
    """What there is to know of an account in a word or two."""
    words = ["test"] if account.is_test else []
    words += [f"subaccount of {account.owner_account_sid}"] if account.owner_account_sid else []
    words += [account.status.value] if account.status != "active" else []
    words += ["has a second token"] if account.secondary_token else []
    return ", ".join(words)


def _show(account: Account, as_json: bool) -> None:
    told = {"sid": account.sid, "friendly_name": account.friendly_name, "auth_token": account.auth_token}
    if account.secondary_token:
        told["secondary_auth_token"] = account.secondary_token
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    for name, value in told.items():
        typer.echo(f"{name.replace('_', ' '):<22}{value}")
