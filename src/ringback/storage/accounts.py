"""Accounts in the store."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import RowMapping, insert, select

from ringback.model.records import Account
from ringback.model.sids import ACCOUNT, make_sid
from ringback.storage.connections import Connections
from ringback.storage.tables import accounts

DEFAULT_NAME = "Default"

_OLDEST_FIRST = select(accounts).order_by(accounts.c.date_created, accounts.c.sid)


class AccountStore:
    """The accounts of one database. Every method raises StorageError when the database fails.

    Auth tokens are kept as they are: applications check signatures with them, so a hash would not do.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def ensure_default(self, now: datetime, entropy: Callable[[int], bytes]) -> Account:
        """Return the oldest account, after creating one if there is none.

        `entropy(n)` returns n bytes that nobody can guess, as `secrets.token_bytes` does.
        """
        async with self._connections.write() as connection:
            row = (await connection.execute(_OLDEST_FIRST.limit(1))).mappings().first()
            if row is not None:
                return _account(row)
            account = Account(make_sid(ACCOUNT, entropy(16)), entropy(16).hex(), DEFAULT_NAME, now)
            await connection.execute(insert(accounts).values(asdict(account)))
            return account

    async def get(self, sid: str) -> Account | None:
        """Return the account of that sid, if there is one."""
        async with self._connections.read() as connection:
            row = (await connection.execute(select(accounts).where(accounts.c.sid == sid))).mappings().first()
        return None if row is None else _account(row)

    async def list(self) -> list[Account]:
        """Return every account, oldest first."""
        async with self._connections.read() as connection:
            return [_account(row) for row in (await connection.execute(_OLDEST_FIRST)).mappings()]


def _account(row: RowMapping) -> Account:
    return Account(**row)
