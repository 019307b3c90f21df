"""Accounts in the store."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, select, update

from ringback.model.records import Account, AccountStatus
from ringback.model.sids import ACCOUNT, make_sid
from ringback.storage.connections import Connections
from ringback.storage.errors import StorageError
from ringback.storage.kinds import ACCOUNTS
from ringback.storage.records import FIRST, Page, Where
from ringback.storage.secrets import SecretBox

DEFAULT_NAME = "Default"

_accounts = ACCOUNTS.table
_OLDEST_FIRST = select(_accounts).order_by(_accounts.c.date_created, _accounts.c.sid)
_ENCRYPTED: Final = "gAAAA"
"""How every text of `SecretBox` begins (the version byte 0x80 of Fernet and the high bits of its time). A token is
hexadecimal, so that it never does."""


class AccountStore:
    """The accounts of one database. Every method raises StorageError when the database fails.

    Applications check signatures with the auth tokens, so that a hash would not do: they are kept encrypted.
    """

    def __init__(self, connections: Connections, secrets: SecretBox) -> None:
        self._connections = connections
        self._secrets = secrets

    async def ensure_default(self, now: datetime, entropy: Callable[[int], bytes]) -> Account:
        """Return the oldest account, after creating one if there is none.

        `entropy(n)` returns n bytes that nobody can guess, as `secrets.token_bytes` does.
        """
        async with self._connections.write() as connection:
            row = (await connection.execute(_OLDEST_FIRST.limit(1))).mappings().first()
            if row is not None:
                return self._account(row)
            account = Account(make_sid(ACCOUNT, entropy(16)), entropy(16).hex(), DEFAULT_NAME, now)
            await ACCOUNTS.insert(connection, self._sealed(account))
            return account

    async def create(self, account: Account) -> None:
        """Keep a new account. Raises StorageError when its sid is there already, or its owner is not."""
        async with self._connections.write() as connection:
            await ACCOUNTS.insert(connection, self._sealed(account))

    async def update(self, sid: str, **changes: Any) -> None:
        """Change properties of an account, named as in `Account`.

        Raises StorageError when there is no such account, and TypeError for a property that there is not or that
        never changes.
        """
        ACCOUNTS.check(changes)
        for name in ("auth_token", "secondary_token"):
            if changes.get(name) is not None:
                changes[name] = self._secrets.encrypt(changes[name])
        async with self._connections.write() as connection:
            await ACCOUNTS.change(connection, sid, changes)

    async def close_with_subaccounts(self, sid: str, status: AccountStatus, now: datetime) -> None:
        """Give an account and its subaccounts a status."""
        mine = or_(_accounts.c.sid == sid, _accounts.c.owner_account_sid == sid)
        async with self._connections.write() as connection:
            await connection.execute(update(_accounts).where(mine).values(status=status.value, date_updated=now))

    async def get(self, sid: str) -> Account | None:
        """Return the account of that sid, if there is one."""
        found = await self._connections.at_once(lambda connection: ACCOUNTS.get(connection, sid), writes=False)
        return None if found is None else self._opened(found)

    async def page(self, sid: str, filters: Sequence[Where] = (), page: Page = FIRST) -> list[Account]:
        """Return the newest first of an account itself and its subaccounts, those that meet every filter."""
        mine = or_(_accounts.c.sid == sid, _accounts.c.owner_account_sid == sid)
        query = select(_accounts).where(mine, *ACCOUNTS.conditions(filters))
        query = query.order_by(_accounts.c.date_created.desc(), _accounts.c.sid.desc())
        if page.after is not None:
            moment, last = page.after
            later = (_accounts.c.date_created == moment) & (_accounts.c.sid < last)
            query = query.where(or_(_accounts.c.date_created < moment, later))
        async with self._connections.read() as connection:
            rows = await connection.execute(query.limit(page.limit).offset(page.offset or None))
            return [self._account(row) for row in rows.mappings()]

    async def encrypt_all(self) -> int:
        """Encrypt the tokens of accounts that an earlier release wrote, and return how many there were."""
        plain = ~_accounts.c.auth_token.startswith(_ENCRYPTED)
        async with self._connections.read() as connection:
            found = (await connection.execute(select(_accounts.c.sid).where(plain).limit(1))).first()
        if found is None:
            return 0
        async with self._connections.write() as connection:
            rows = (await connection.execute(select(_accounts.c.sid, _accounts.c.auth_token).where(plain))).all()
            for sid, token in rows:
                sealed = {"auth_token": self._secrets.encrypt(token)}
                await connection.execute(update(_accounts).where(_accounts.c.sid == sid).values(sealed))
        return len(rows)

    async def list(self) -> list[Account]:
        """Return every account, oldest first."""
        async with self._connections.read() as connection:
            return [self._account(row) for row in (await connection.execute(_OLDEST_FIRST)).mappings()]

    def _account(self, row: Any) -> Account:
        return self._opened(ACCOUNTS.of(row))

    def _opened(self, account: Account) -> Account:
        secondary = account.secondary_token
        opened = None if secondary is None else self._open(secondary)
        return replace(account, auth_token=self._open(account.auth_token), secondary_token=opened)

    def _open(self, token: str) -> str:
        return self._secrets.decrypt(token) if token.startswith(_ENCRYPTED) else token

    def _sealed(self, account: Account) -> Account:
        for token in (account.auth_token, account.secondary_token):
            if token is not None and token.startswith(_ENCRYPTED):
                raise StorageError("an Auth Token is hexadecimal")
        secondary = account.secondary_token
        sealed = None if secondary is None else self._secrets.encrypt(secondary)
        return replace(account, auth_token=self._secrets.encrypt(account.auth_token), secondary_token=sealed)
