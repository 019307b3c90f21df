"""`ringback accounts`: whose numbers and calls these are, and what signs their requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ringback.app.cli.context import show_table, state, with_database

if TYPE_CHECKING:
    from ringback.model.records import Account
    from ringback.storage.database import Database


def register(app: typer.Typer) -> None:
    """Add the commands."""
    accounts = typer.Typer(help="Accounts and their Auth Tokens.", no_args_is_help=True, rich_markup_mode=None)
    accounts.command("list")(list_accounts)
    app.add_typer(accounts, name="accounts")


def list_accounts(
    ctx: typer.Context,
    tokens: Annotated[bool, typer.Option("--tokens", help="Show the Auth Tokens, which sign requests.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the accounts. The first one is made with the first number, or the first start of the server."""

    async def read(database: Database) -> list[Account]:
        return await database.accounts.list()

    rows = [
        (account.sid, account.friendly_name, account.auth_token if tokens else "hidden (--tokens shows it)")
        for account in with_database(state(ctx).settings, read)
    ]
    if as_json:
        names = ("sid", "friendly_name", "auth_token")
        typer.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2))
        return
    show_table(("sid", "name", "auth token"), rows)
