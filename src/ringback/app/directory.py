"""Whose number is it? Looked up in the store once a second at most, however many call at once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ringback.model.records import Account, IncomingNumber
from ringback.storage.database import Database

FRESH_SECONDS: Final = 1.0
"""How long an answer of the store counts. Numbers are changed by other processes, and soon is soon enough."""
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A number and its account."""

    number: IncomingNumber
    account: Account


class Directory:
    """The numbers of the store, each remembered for a moment; callers at the same moment share one look-up."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, tuple[float, asyncio.Future[Entry | None]]] = {}

    async def find(self, number: str) -> Entry | None:
        """The entry of a number in its stored form, or None. Raises StorageError."""
        while (asked := self._known.get(number)) is not None and self._clock() - asked[0] < FRESH_SECONDS:
            # Waited for, not awaited: one who hangs up takes the answer from nobody. Whoever asked may have hung up
            # before it came; then the next in line asks.
            await asyncio.wait([asked[1]])
            if not asked[1].cancelled():
                return asked[1].result()
        if len(self._known) >= _MOST:
            self._known.clear()
        answer: asyncio.Future[Entry | None] = asyncio.get_running_loop().create_future()
        mine = self._known[number] = (self._clock(), answer)
        try:
            found = await self._look_up(number)
        except BaseException as error:
            if self._known.get(number) is mine:
                del self._known[number]
            if isinstance(error, Exception):
                answer.set_exception(error)
                answer.exception()  # whoever waits gets it; with nobody waiting it is raised below all the same
            else:
                answer.cancel()
            raise
        answer.set_result(found)
        return found

    async def account(self, sid: str) -> Account | None:
        """The account of that sid. Raises StorageError."""
        return await self._database.accounts.get(sid)

    async def _look_up(self, phone_number: str) -> Entry | None:
        number = await self._database.numbers.get_by_number(phone_number)
        account = await self._database.accounts.get(number.account_sid) if number else None
        return Entry(number, account) if number and account else None
