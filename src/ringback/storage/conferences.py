"""Conferences and their participants in the store."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from ringback.model.conferences import ConferenceRecord, ConferenceStatus, ParticipantRecord, ParticipantStatus
from ringback.storage.connections import Connections
from ringback.storage.kinds import CONFERENCES, PARTICIPANTS
from ringback.storage.records import RecordStore, Where


class ConferenceStore(RecordStore[ConferenceRecord]):
    """The conferences of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, CONFERENCES)

    async def running(self, account_sid: str, friendly_name: str) -> ConferenceRecord | None:
        """Return the conference of that name that goes on, if there is one."""
        return await self.first(
            [
                Where("account_sid", "=", account_sid),
                Where("friendly_name", "=", friendly_name),
                Where("status", "!=", ConferenceStatus.COMPLETED.value),
            ]
        )


class ParticipantStore(RecordStore[ParticipantRecord]):
    """The participants, by `(conference_sid, call_sid)`. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, PARTICIPANTS)


async def end_unfinished(connection: AsyncConnection, now: datetime) -> None:
    """End the conferences that a crash has cut off."""
    conferences, participants = CONFERENCES.table, PARTICIPANTS.table
    await connection.execute(
        update(conferences)
        .where(conferences.c.status != ConferenceStatus.COMPLETED.value)
        .values(status=ConferenceStatus.COMPLETED.value, date_updated=now)
    )
    final = [status.value for status in ParticipantStatus if status.final]
    await connection.execute(
        update(participants)
        .where(participants.c.status.not_in(final))
        .values(status=ParticipantStatus.COMPLETE.value, date_updated=now)
    )
