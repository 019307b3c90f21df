"""What all stores of records share: one dataclass, one table, its rows found by filters and read page by page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from types import UnionType
from typing import Any, Final, Generic, Literal, TypeVar, cast, get_args, get_type_hints

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Table,
    Update,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from ringback.model.records import dated
from ringback.storage.connections import Connections
from ringback.storage.errors import StorageError

R = TypeVar("R")

Key = str | tuple[str, ...]
"""A sid, or the values of a key of several columns in their order."""


@dataclass(frozen=True, slots=True)
class Where:
    """One condition on the rows of a page."""

    column: str
    """A property of the record."""
    op: Literal["=", "!=", "<", "<=", ">", ">=", "in", "like", "null"]
    value: Any = None
    """For `like` a pattern in which `*` stands for any characters; for `null` whether there is no value."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows: the newest first, `limit` at most, after `offset` of them or after the row `after`."""

    limit: int = 50
    offset: int = 0
    after: tuple[datetime, str] | None = None
    """The time and the last column of the key of the last row of the page before."""
    by_update: bool = False
    """Those that changed last come first, rather than those that were made last. Goes with `offset`, not `after`."""


FIRST: Final = Page()
"""The first page, of the usual size."""


class Records(Generic[R]):
    """How records of one dataclass are kept in one table. Works on connections, so that it takes part in transactions.

    `order` is the time column by which pages are sorted, newest first.
    """

    def __init__(self, record: type[R], table: Table, *, order: str = "date_created") -> None:
        self.record: Final = record
        self.table: Final = table
        self.order: Final = order
        self.noun: Final = table.name.replace("_", " ").removesuffix("s")
        self.key: Final = tuple(column.name for column in table.primary_key)
        self._names = {field.name for field in fields(cast("Any", record))}
        self._fixed = {*self.key, "account_sid", "date_created"}
        self._enums = _enums(record)
        self._dated = "date_updated" in self._names
        # Statements are made once: to build one costs as much as to run it.
        key_is = and_(*(table.c[name] == bindparam(f"{name}_") for name in self.key))
        self._insert = insert(table)
        self._select = select(table).where(key_is)
        self._update = update(table).where(key_is)
        self._delete = delete(table).where(key_is)
        self._updates: dict[tuple[str, ...], Update] = {}
        self._saves: dict[str, Any] = {}

    def of(self, row: RowMapping | Mapping[str, Any]) -> R:
        """Make the record of a row."""
        values = {name: row[name] for name in self._names}
        for name, enum in self._enums.items():
            if values[name] is not None:
                values[name] = enum(values[name])
        return self.record(**values)

    def row(self, record: R) -> dict[str, Any]:
        """Make the row of a record."""
        return {name: getattr(record, name) for name in self._names}

    def where(self, key: Key) -> ColumnElement[bool]:
        """Return the condition that only the row of that key meets."""
        values = (key,) if isinstance(key, str) else key
        return and_(*(self.table.c[name] == value for name, value in zip(self.key, values, strict=True)))

    def _bound(self, key: Key) -> dict[str, str]:
        values = (key,) if isinstance(key, str) else key
        return {f"{name}_": value for name, value in zip(self.key, values, strict=True)}

    def check(self, changes: Mapping[str, Any]) -> None:
        """Raise TypeError for a property that there is not, or that never changes."""
        if unknown := changes.keys() - (self._names - self._fixed):
            raise TypeError(f"a {self.noun} has no changeable property {', '.join(sorted(unknown))}")

    async def insert(self, connection: AsyncConnection, record: R) -> None:
        """Keep a new record."""
        await connection.execute(self._insert, self.row(record))

    async def save(self, connection: AsyncConnection, record: R) -> None:
        """Keep a record, in place of the one with the same key if there is one."""
        name = connection.dialect.name
        statement = self._saves.get(name)
        if statement is None:
            new = (postgresql if name == "postgresql" else sqlite).insert(self.table)
            rest = {name: new.excluded[name] for name in self._names if name not in self.key}
            statement = self._saves[name] = new.on_conflict_do_update(index_elements=list(self.key), set_=rest)
        await connection.execute(statement, self.row(record))

    async def change(self, connection: AsyncConnection, key: Key, changes: Mapping[str, Any]) -> None:
        """Change properties of a record. Raises StorageError when there is none of that key."""
        if not changes:
            return
        values = dated(changes) if self._dated else dict(changes)
        names = tuple(values)
        statement = self._updates.get(names)
        if statement is None:
            statement = self._updates[names] = self._update.values({name: bindparam(name) for name in names})
        result = await connection.execute(statement, {**values, **self._bound(key)})
        if result.rowcount == 0:
            raise StorageError(f"there is no {self.noun} {key}")

    async def remove(self, connection: AsyncConnection, key: Key) -> bool:
        """Forget a record and tell whether there was one."""
        return (await connection.execute(self._delete, self._bound(key))).rowcount > 0

    async def get(self, connection: AsyncConnection, key: Key) -> R | None:
        """Return the record of that key, if there is one."""
        row = (await connection.execute(self._select, self._bound(key))).mappings().first()
        return None if row is None else self.of(row)

    async def one(self, connection: AsyncConnection, condition: ColumnElement[bool]) -> R | None:
        """Return a record that meets the condition, if there is one."""
        row = (await connection.execute(select(self.table).where(condition).limit(1))).mappings().first()
        return None if row is None else self.of(row)

    async def page(self, connection: AsyncConnection, filters: Sequence[Where], page: Page) -> list[R]:
        """Return the records of a page."""
        last = self.table.c[self.key[-1]]
        order: ColumnElement[Any] = self.table.c[self.order]
        if page.by_update and self._dated:
            order = func.coalesce(self.table.c.date_updated, order)
        query = select(self.table).where(*self.conditions(filters)).order_by(order.desc(), last.desc())
        if page.after is not None:
            moment, key = page.after
            query = query.where(or_(order < moment, and_(order == moment, last < key)))
        rows = await connection.execute(query.limit(page.limit).offset(page.offset or None))
        return [self.of(row) for row in rows.mappings()]

    async def count(self, connection: AsyncConnection, filters: Sequence[Where]) -> int:
        """Tell how many records there are."""
        query = select(func.count()).select_from(self.table).where(*self.conditions(filters))
        return int((await connection.execute(query)).scalar_one())

    def conditions(self, filters: Iterable[Where]) -> list[ColumnElement[bool]]:
        """Return the filters as SQL."""
        return [_condition(self.table.c[one.column], one) for one in filters]


class RecordStore(Generic[R]):
    """The records of one kind in one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections, records: Records[R]) -> None:
        self._connections = connections
        self._records = records

    async def create(self, record: R) -> None:
        """Keep a new record. Raises StorageError when there is one with its key already."""
        await self._connections.at_once(lambda connection: self._records.insert(connection, record))

    async def save(self, record: R) -> None:
        """Keep a record, in place of the one with the same key if there is one."""
        await self._connections.at_once(lambda connection: self._records.save(connection, record))

    async def update(self, key: Key, **changes: Any) -> None:
        """Change properties of a record, named as in its class.

        Raises StorageError when there is no such record, and TypeError for a property that there is not or that never
        changes.
        """
        self._records.check(changes)
        await self._connections.at_once(lambda connection: self._records.change(connection, key, changes))

    async def get(self, key: Key) -> R | None:
        """Return the record of that key, if there is one."""
        return await self._connections.at_once(lambda connection: self._records.get(connection, key), writes=False)

    async def remove(self, key: Key) -> bool:
        """Forget a record and tell whether there was one."""
        return await self._connections.at_once(lambda connection: self._records.remove(connection, key))

    async def page(self, filters: Sequence[Where] = (), page: Page = FIRST) -> list[R]:
        """Return the newest records first that meet every filter, only those of that page."""
        return await self._connections.at_once(
            lambda connection: self._records.page(connection, filters, page), writes=False
        )

    async def count(self, filters: Sequence[Where] = ()) -> int:
        """Tell how many records meet every filter."""
        return await self._connections.at_once(
            lambda connection: self._records.count(connection, filters), writes=False
        )

    async def first(self, filters: Sequence[Where]) -> R | None:
        """Return the newest record that meets every filter, if there is one."""
        found = await self.page(filters, Page(limit=1))
        return found[0] if found else None


def _enums(record: type[Any]) -> dict[str, type[StrEnum]]:
    """The properties of a record class that hold words of an enumeration."""
    found: dict[str, type[StrEnum]] = {}
    for name, hint in get_type_hints(record).items():
        for one in get_args(hint) if isinstance(hint, UnionType) else (hint,):
            if isinstance(one, type) and issubclass(one, StrEnum):
                found[name] = one
    return found


def _condition(column: ColumnElement[Any], wanted: Where) -> ColumnElement[bool]:
    value = wanted.value
    found: ColumnElement[bool]
    match wanted.op:
        case "=":
            found = column == value
        case "!=":
            found = column != value
        case "<":
            found = column < value
        case "<=":
            found = column <= value
        case ">":
            found = column > value
        case ">=":
            found = column >= value
        case "in":
            found = column.in_(list(value))
        case "null":
            found = column.is_(None) if value else column.is_not(None)
        case "like":
            escaped = str(value).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")
            found = column.like(escaped, escape="\\")
    return found
