"""`ringback accounts`."""

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import typer
from cli_typing import Ringback

from ringback.app.cli import accounts
from ringback.model.records import Account
from ringback.storage.database import Database

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def make_account(database: Database) -> Account:
    return await database.accounts.ensure_default(NOW, secrets.token_bytes)


@pytest.fixture
def account(store: Callable[..., Any]) -> Account:
    made: Account = store(make_account)
    return made


def test_there_are_none_before_the_first_number(ringback: Ringback) -> None:
    assert ringback("accounts", "list").output.split() == ["sid", "name", "auth", "token", "kind"]
    assert json.loads(ringback("accounts", "list", "--json").output) == []


def test_tokens_are_shown_only_when_they_are_asked_for(ringback: Ringback, account: Account) -> None:
    output = ringback("accounts", "list").output
    assert account.sid in output
    assert account.auth_token not in output
    assert "hidden (--tokens shows it)" in output
    assert account.auth_token in ringback("accounts", "list", "--tokens").output


@pytest.mark.parametrize("tokens", [False, True])
def test_json(ringback: Ringback, account: Account, tokens: bool) -> None:
    (told,) = json.loads(ringback("accounts", "list", "--json", *(["--tokens"] if tokens else [])).output)
    assert told == {
        "sid": account.sid,
        "friendly_name": account.friendly_name,
        "auth_token": account.auth_token if tokens else "hidden (--tokens shows it)",
        "kind": "",
    }


@pytest.mark.long
def test_an_account_is_created_with_what_it_is(ringback: Ringback, account: Account) -> None:
    made = json.loads(ringback("accounts", "create", "--name", "Shop", "--parent", account.sid, "--json").output)
    tested = json.loads(ringback("accounts", "create", "--test", "--json").output)
    assert made["friendly_name"] == "Shop"
    assert len(made["auth_token"]) == 32
    told = {row["sid"]: row for row in json.loads(ringback("accounts", "list", "--json", "--tokens").output)}
    assert told[made["sid"]]["kind"] == f"subaccount of {account.sid}"
    assert told[made["sid"]]["auth_token"] == made["auth_token"]
    assert told[tested["sid"]]["kind"] == "test"
    assert made["sid"] in ringback("accounts", "create", "--parent", made["sid"], code=2).output


@pytest.mark.long
def test_a_token_is_changed_in_steps(ringback: Ringback, account: Account) -> None:
    second = json.loads(ringback("accounts", "rotate", account.sid, "--json").output)
    assert second["auth_token"] == account.auth_token
    assert "has a second token" in ringback("accounts", "list").output
    promoted = ringback("accounts", "rotate", account.sid, "promote").output
    assert second["secondary_auth_token"] in promoted
    assert "has no second token" in ringback("accounts", "rotate", account.sid, "promote", code=2).output
    ringback("accounts", "rotate", account.sid, "secondary")
    assert "secondary" not in ringback("accounts", "rotate", account.sid, "discard").output


def test_an_account_that_is_not_there(ringback: Ringback, account: Account) -> None:
    assert "there is no account" in ringback("accounts", "rotate", "AC" + "0" * 32, code=2).output


def test_without_a_command_it_says_what_there_is(ringback: Ringback) -> None:
    assert "list" in ringback("accounts", code=2).output


def test_the_commands_register_themselves() -> None:
    app = typer.Typer()
    accounts.register(app)
    assert [group.name for group in app.registered_groups] == ["accounts"]
