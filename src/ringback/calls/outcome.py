"""From how a call ended to the status that is kept of it: one table."""

from typing import Final

from ringback.model.status import CallStatus

CALLER_HANGUP: Final = "caller-hangup"
CALLER_CANCELLED: Final = "caller-cancelled"
DOCUMENT_END: Final = "document-end"
HANGUP_VERB: Final = "hangup-verb"
REJECTED: Final = "rejected"
RTP_TIMEOUT: Final = "rtp-timeout"
TIME_LIMIT: Final = "time-limit"
APPLICATION_ERROR: Final = "application-error"
MEDIA_FAILURE: Final = "media-failure"
ACK_TIMEOUT: Final = "ack-timeout"
UNREACHABLE: Final = "unreachable"
SERVER_STOPPED: Final = "server-stopped"
SERVER_ERROR: Final = "server-error"
NOT_FOUND: Final = "not-found"
NOT_ACCEPTABLE: Final = "not-acceptable"
CAPACITY: Final = "capacity"
NO_ANSWER: Final = "no-answer"
REFUSED: Final = "refused"
CANCELED: Final = "canceled"
DECLINED: Final = "declined"
PARENT_ENDED: Final = "parent-ended"
TRANSFERRED: Final = "transferred"
NO_ROUTE: Final = "no-route"
API: Final = "api"
MACHINE: Final = "machine"
SESSION_EXPIRED: Final = "session-expired"
SERVER_RESTARTED: Final = "server-restarted"

BUSY_CODES: Final = frozenset({486, 600, 603})
"""Refusals that say that somebody is there and does not want to talk now (RFC 3261 §21.4.24, §21.6)."""
NO_ANSWER_CODES: Final = frozenset({408, 480, 487})
"""Refusals that say that nobody came to the phone."""

OUTCOMES: Final[dict[str, tuple[CallStatus, CallStatus]]] = {
    # reason: (status of a call that was answered, status of one that was not)
    CALLER_HANGUP: (CallStatus.COMPLETED, CallStatus.NO_ANSWER),
    CALLER_CANCELLED: (CallStatus.COMPLETED, CallStatus.NO_ANSWER),
    DOCUMENT_END: (CallStatus.COMPLETED, CallStatus.COMPLETED),
    HANGUP_VERB: (CallStatus.COMPLETED, CallStatus.COMPLETED),
    REJECTED: (CallStatus.COMPLETED, CallStatus.NO_ANSWER),
    RTP_TIMEOUT: (CallStatus.COMPLETED, CallStatus.FAILED),
    TIME_LIMIT: (CallStatus.COMPLETED, CallStatus.NO_ANSWER),
    # 2008-08-01 has a status of its own for this, "Failed - Application Error".
    APPLICATION_ERROR: (CallStatus.FAILED, CallStatus.FAILED),
    MEDIA_FAILURE: (CallStatus.FAILED, CallStatus.FAILED),
    ACK_TIMEOUT: (CallStatus.FAILED, CallStatus.FAILED),
    UNREACHABLE: (CallStatus.COMPLETED, CallStatus.FAILED),
    SERVER_STOPPED: (CallStatus.COMPLETED, CallStatus.FAILED),
    SERVER_ERROR: (CallStatus.FAILED, CallStatus.FAILED),
    NOT_FOUND: (CallStatus.FAILED, CallStatus.FAILED),
    NOT_ACCEPTABLE: (CallStatus.FAILED, CallStatus.FAILED),
    CAPACITY: (CallStatus.FAILED, CallStatus.FAILED),
    NO_ANSWER: (CallStatus.COMPLETED, CallStatus.NO_ANSWER),
    # What a refusal means is in its SIP status, below.
    REFUSED: (CallStatus.COMPLETED, CallStatus.FAILED),
    CANCELED: (CallStatus.COMPLETED, CallStatus.CANCELED),
    DECLINED: (CallStatus.COMPLETED, CallStatus.NO_ANSWER),
    PARENT_ENDED: (CallStatus.COMPLETED, CallStatus.CANCELED),
    TRANSFERRED: (CallStatus.COMPLETED, CallStatus.CANCELED),
    NO_ROUTE: (CallStatus.FAILED, CallStatus.FAILED),
    API: (CallStatus.COMPLETED, CallStatus.CANCELED),
    MACHINE: (CallStatus.COMPLETED, CallStatus.COMPLETED),
    SESSION_EXPIRED: (CallStatus.COMPLETED, CallStatus.FAILED),
    SERVER_RESTARTED: (CallStatus.FAILED, CallStatus.FAILED),
}
"""What each reason makes of a call."""

SIP_ENDINGS: Final[dict[str, str]] = {
    "bye": CALLER_HANGUP,
    "cancel": CALLER_CANCELLED,
    "reject": REJECTED,
    "ack-timeout": ACK_TIMEOUT,
    "unreachable": UNREACHABLE,
    "transport": UNREACHABLE,
    "session-expired": SESSION_EXPIRED,
}
"""What the SIP core's causes mean when the other side brought them about."""


def final_status(reason: str, *, answered: bool, sip_code: int = 0) -> CallStatus:
    """The status of a call that has ended for `reason`; `sip_code` is the one it was refused with, if it was.

    Raises KeyError for a reason that is not in the table.
    """
    status = OUTCOMES[reason][0 if answered else 1]
    if answered:
        return status
    if reason == REJECTED and sip_code == 486:
        return CallStatus.BUSY
    return refusal_status(sip_code) if reason == REFUSED else status


def refusal_status(sip_code: int) -> CallStatus:
    """What a call of ours has come to that was refused with a SIP status of 300 to 699."""
    if sip_code in BUSY_CODES:
        return CallStatus.BUSY
    return CallStatus.NO_ANSWER if sip_code in NO_ANSWER_CODES else CallStatus.FAILED
