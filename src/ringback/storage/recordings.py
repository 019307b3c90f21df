"""Recordings and their transcriptions in the store."""

from sqlalchemy import update
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


async def end_unfinished(connection: AsyncConnection) -> None:
    """Give those that a crash has cut off an end: what was not finished is not there."""
    recordings, transcriptions = RECORDINGS.table, TRANSCRIPTIONS.table
    unfinished = [status.value for status in RecordingStatus if not status.final]
    await connection.execute(
        update(recordings).where(recordings.c.status.in_(unfinished)).values(status=RecordingStatus.ABSENT.value)
    )
    await connection.execute(
        update(transcriptions)
        .where(transcriptions.c.status == TranscriptionStatus.IN_PROGRESS.value)
        .values(status=TranscriptionStatus.FAILED.value)
    )
