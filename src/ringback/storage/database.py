"""The store as one object: a database and the stores that live in it."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from ringback.storage import conferences, queues, recordings
from ringback.storage.accounts import AccountStore
from ringback.storage.calls import CallStore
from ringback.storage.carriers import CarrierStore
from ringback.storage.conferences import ConferenceStore, ParticipantStore
from ringback.storage.connections import Connections
from ringback.storage.engines import create_engine, database_url, prepare_file
from ringback.storage.errors import StorageError
from ringback.storage.events import EventStore
from ringback.storage.guard import GuardStore
from ringback.storage.messages import MessageStore
from ringback.storage.notifications import NotificationStore
from ringback.storage.numbers import AvailableNumberStore, NumberStore
from ringback.storage.outgoing import OutgoingStore
from ringback.storage.phones import BindingStore, PhoneStore
from ringback.storage.provisioning import ApplicationStore, CallerIdStore, KeyStore
from ringback.storage.queues import QueueStore
from ringback.storage.recordings import RecordingStore, TranscriptionStore
from ringback.storage.schema import migrate
from ringback.storage.secrets import SecretBox
from ringback.storage.sip_domains import SipStore
from ringback.storage.trunks import PrefixStore, TrunkStateStore, TrunkStore

__all__ = ["Database", "StorageError"]


class Database:
    """An open database. `Database.open` makes one."""

    def __init__(self, connections: Connections, secrets: SecretBox) -> None:
        self.connections = connections
        self.secrets = secrets
        self.accounts = AccountStore(connections, secrets)
        self.numbers = NumberStore(connections)
        self.available_numbers = AvailableNumberStore(connections)
        self.calls = CallStore(connections)
        self.outgoing = OutgoingStore(connections)
        self.events = EventStore(connections)
        self.messages = MessageStore(connections)
        self.carriers = CarrierStore(connections, secrets)
        self.recordings = RecordingStore(connections)
        self.transcriptions = TranscriptionStore(connections)
        self.conferences = ConferenceStore(connections)
        self.participants = ParticipantStore(connections)
        self.queues = QueueStore(connections)
        self.notifications = NotificationStore(connections)
        self.applications = ApplicationStore(connections)
        self.keys = KeyStore(connections)
        self.caller_ids = CallerIdStore(connections)
        self.phones = PhoneStore(connections)
        self.bindings = BindingStore(connections)
        self.trunks = TrunkStore(connections, secrets)
        self.trunk_states = TrunkStateStore(connections)
        self.outbound_prefixes = PrefixStore(connections)
        self.guard = GuardStore(connections)
        self.sip = SipStore(connections)

    @classmethod
    def open(cls, url_or_path: str | Path, secrets: SecretBox | None = None) -> Opening:
        """Open a database, creating it and bringing its schema up to date where needed.

        Takes the path of an SQLite file or a `postgresql://` URL. Use it as `await Database.open(...)`, and close the
        database yourself, or as `async with Database.open(...) as database`. Either raises StorageError when it cannot
        be opened, or when a newer release has written it.

        `secrets` encrypts the tokens and passwords in it. An SQLite file has the key beside it where nothing else is
        said; for PostgreSQL it must be said.
        """
        return Opening(url_or_path, secrets)

    async def end_unfinished(self, now: datetime) -> int:
        """Give everything that a crash has left open an end, and return how many calls that were.

        For a server that started at `now` and so had no calls before; no one else may use it.
        """
        ended = await self.calls.fail_unfinished(now)
        async with self.connections.write() as connection:
            await recordings.end_unfinished(connection)
            await conferences.end_unfinished(connection, now)
            await queues.end_unfinished(connection)
        return ended

    @property
    def name(self) -> str:
        """The database as people know it: its path, or its URL without the password."""
        return self.connections.name

    async def close(self) -> None:
        """Close every connection. The database may not be used afterwards. Raises StorageError."""
        await self.connections.close()


class Opening:
    """A database that is about to be opened; see `Database.open`."""

    def __init__(self, url_or_path: str | Path, secrets: SecretBox | None) -> None:
        self._url_or_path = url_or_path
        self._secrets = secrets
        self._database: Database | None = None

    def __await__(self) -> Generator[Any, None, Database]:
        return self._open().__await__()

    async def __aenter__(self) -> Database:
        self._database = await self._open()
        return self._database

    async def __aexit__(self, *_exception: object) -> None:
        if self._database is not None:
            await self._database.close()

    async def _open(self) -> Database:
        url = database_url(self._url_or_path)
        secrets = self._secrets or _beside(url)
        prepare_file(url)
        database = Database(Connections(create_engine(url)), secrets)
        try:
            async with database.connections.write() as connection:
                await connection.run_sync(migrate)
            await database.accounts.encrypt_all()
        except BaseException:
            await database.close()
            raise
        return database


def _beside(url: URL) -> SecretBox:
    """The key in the directory of an SQLite file."""
    if not url.drivername.startswith("sqlite"):
        raise StorageError("say where the key of this database is: Database.open(url, SecretBox(directory))")
    return SecretBox(Path(url.database or "").parent)
