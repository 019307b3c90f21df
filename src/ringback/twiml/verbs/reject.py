"""Reject: refuse a call without answering it. 2010-04-01 clause 2.3; 2008-08-01 does not have it."""

from dataclasses import dataclass
from typing import ClassVar

from ringback.calls import outcome
from ringback.model.status import ApiVersion, CallStatus
from ringback.twiml.attributes import SCHEMA, attribute, one_of
from ringback.twiml.session import Session
from ringback.twiml.verb import End, Next, Verb

SIP_CODES = {"busy": 486, "rejected": 603}
"""Busy Here (RFC 3261 21.4.24) and Decline (21.6.2)."""


@dataclass(frozen=True)
class Reject(Verb):
    """Why the call is refused."""

    name: ClassVar[str] = "Reject"
    since: ClassVar[ApiVersion] = ApiVersion.V2010

    reason: str = attribute(one_of("rejected", "busy"), "rejected")

    def picks_up(self, version: ApiVersion) -> bool:
        """Never."""
        return False

    async def run(self, session: Session) -> Next:
        """Refuse the call, or hang up when it has been answered by a verb above."""
        if session.call.status in (CallStatus.QUEUED, CallStatus.RINGING):
            await session.call.reject(SIP_CODES[self.reason])
            return End(outcome.REJECTED)
        session.warn(SCHEMA, "Reject comes too late: a verb above it has answered the call, which is hung up instead")
        return End(outcome.HANGUP_VERB)
