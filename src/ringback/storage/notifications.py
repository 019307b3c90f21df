"""The notifications of accounts in the store."""

from ringback.model.notifications import NotificationRecord
from ringback.storage.connections import Connections
from ringback.storage.kinds import NOTIFICATIONS
from ringback.storage.records import RecordStore


class NotificationStore(RecordStore[NotificationRecord]):
    """The notifications of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, NOTIFICATIONS)
