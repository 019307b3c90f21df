"""Which table keeps which record: what the writer behind the calls can save, change and forget."""

from typing import Any, Final

from ringback.model.conferences import ConferenceRecord, ParticipantRecord
from ringback.model.notifications import NotificationRecord
from ringback.model.provisioning import (
    ApplicationRecord,
    AvailableNumberRecord,
    CallerIdRecord,
    KeyRecord,
)
from ringback.model.queues import QueueMemberRecord, QueueRecord
from ringback.model.recordings import RecordingRecord, TranscriptionRecord
from ringback.model.records import Account, CallRecord, IncomingNumber
from ringback.storage import tables, tables_notifications, tables_rest
from ringback.storage.records import Records

ACCOUNTS: Final = Records(Account, tables.accounts)
NUMBERS: Final = Records(IncomingNumber, tables.numbers)
CALLS: Final = Records(CallRecord, tables.calls)
RECORDINGS: Final = Records(RecordingRecord, tables_rest.recordings)
TRANSCRIPTIONS: Final = Records(TranscriptionRecord, tables_rest.transcriptions)
CONFERENCES: Final = Records(ConferenceRecord, tables_rest.conferences)
PARTICIPANTS: Final = Records(ParticipantRecord, tables_rest.participants)
NOTIFICATIONS: Final = Records(NotificationRecord, tables_notifications.notifications)
QUEUES: Final = Records(QueueRecord, tables_rest.queues)
QUEUE_MEMBERS: Final = Records(QueueMemberRecord, tables_rest.queue_members, order="date_enqueued")
APPLICATIONS: Final = Records(ApplicationRecord, tables_rest.applications)
KEYS: Final = Records(KeyRecord, tables_rest.keys)
CALLER_IDS: Final = Records(CallerIdRecord, tables_rest.caller_ids)
AVAILABLE_NUMBERS: Final = Records(AvailableNumberRecord, tables_rest.available_numbers)

KINDS: Final[dict[type, Records[Any]]] = {
    records.record: records
    for records in (
        CALLS, RECORDINGS, TRANSCRIPTIONS, CONFERENCES, PARTICIPANTS, QUEUES, QUEUE_MEMBERS, NOTIFICATIONS,
    )
}  # fmt: skip
"""The records that calls write through `ringback.calls.journal.Journal`. Others may add theirs."""
