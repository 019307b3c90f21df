"""Recordings and their transcriptions in the store."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ringback.model.recordings import RecordingRecord, RecordingStatus, TranscriptionRecord, TranscriptionStatus
from ringback.storage.connections import Connections
from ringback.storage.kinds import RECORDINGS, TRANSCRIPTIONS
from ringback.storage.records import RecordStore


class RecordingStore(RecordStore[RecordingRecord]):
    """The recordings of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, RECORDINGS)


class TranscriptionStore(RecordStore[TranscriptionRecord]):
    """The transcriptions of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, TRANSCRIPTIONS)

    async def next(self) -> TranscriptionRecord | None:
        """Return the oldest one that is still to be made."""
        table = TRANSCRIPTIONS.table
        waiting = select(table).where(table.c.status == TranscriptionStatus.IN_PROGRESS.value)
        query = waiting.order_by(table.c.date_created, table.c.sid).limit(1)
        async with self._connections.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else TRANSCRIPTIONS.of(row)

    async def untold(self) -> list[TranscriptionRecord]:
        """Return those that are finished and whose callback does not know it."""
        table = TRANSCRIPTIONS.table
        finished = table.c.status != TranscriptionStatus.IN_PROGRESS.value
        query = select(table).where(table.c.callback.is_not(None), finished).order_by(table.c.date_created)
        async with self._connections.read() as connection:
            return [TRANSCRIPTIONS.of(row) for row in (await connection.execute(query)).mappings()]


async def end_unfinished(connection: AsyncConnection) -> None:
    """Give recordings that a crash has cut off an end: what was not finished is not there. Transcriptions go on."""
    recordings = RECORDINGS.table
    unfinished = [status.value for status in RecordingStatus if not status.final]
    await connection.execute(
        update(recordings).where(recordings.c.status.in_(unfinished)).values(status=RecordingStatus.ABSENT.value)
    )
