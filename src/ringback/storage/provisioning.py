"""Applications, API keys and validated caller ids in the store."""

from ringback.model.provisioning import ApplicationRecord, CallerIdRecord, KeyRecord
from ringback.storage.connections import Connections
from ringback.storage.kinds import APPLICATIONS, CALLER_IDS, KEYS
from ringback.storage.records import RecordStore, Where


class ApplicationStore(RecordStore[ApplicationRecord]):
    """The applications of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, APPLICATIONS)


class KeyStore(RecordStore[KeyRecord]):
    """The API keys of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, KEYS)


class CallerIdStore(RecordStore[CallerIdRecord]):
    """The validated caller ids of one database. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, CALLER_IDS)

    async def of_number(self, account_sid: str, phone_number: str) -> CallerIdRecord | None:
        """Return the validated caller id of an account with that number, if there is one."""
        return await self.first([Where("account_sid", "=", account_sid), Where("phone_number", "=", phone_number)])
