"""Calls of this server to applications of its own (2010-04-01 clause 2.6, Application).

Such a call goes out over SIP and comes back in, as one to a number does. A header shows that nobody else has made it:
an application's sid is no secret, and strangers must not call what has no number.
"""

import hashlib
import hmac
from typing import Final

from ringback.model.provisioning import ApplicationRecord
from ringback.sip.events import IncomingCall
from ringback.storage.database import Database

HEADER: Final = "X-Ringback-Application"


class OwnApplications:
    """Sends calls to applications, and knows them when they come."""

    def __init__(self, database: Database, key: bytes) -> None:
        """`key` are secret bytes, new for each start."""
        self._database = database
        self._key = key

    async def headers(self, sid: str, account_sid: str) -> tuple[tuple[str, str], ...] | None:
        """Return what the INVITE to an application carries; None where the account has none of that sid."""
        record = await self._database.applications.get(sid)
        if record is None or record.account_sid != account_sid:
            return None
        return ((HEADER, self._mark(sid)),)

    async def called(self, invite: IncomingCall) -> ApplicationRecord | None:
        """Return the application that a call of ours is for; None for any other call. Raises StorageError."""
        mark = invite.header(HEADER)
        if mark is None:
            return None
        ours = self._mark(invite.request_uri_user).encode()
        if not hmac.compare_digest(mark.encode("utf-8", "replace"), ours):
            return None
        return await self._database.applications.get(invite.request_uri_user)

    def _mark(self, sid: str) -> str:
        return hmac.new(self._key, b"application " + sid.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
