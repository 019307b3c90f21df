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

_BUSY_HERE: Final = 486

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
}
"""What each reason makes of a call."""

SIP_ENDINGS: Final[dict[str, str]] = {
    "bye": CALLER_HANGUP,
    "cancel": CALLER_CANCELLED,
    "reject": REJECTED,
    "ack-timeout": ACK_TIMEOUT,
    "unreachable": UNREACHABLE,
    "transport": UNREACHABLE,
}
"""What the SIP core's causes mean when the other side brought them about."""


def final_status(reason: str, *, answered: bool, sip_code: int = 0) -> CallStatus:
    """The status of a call that has ended for `reason`; `sip_code` is the one it was refused with, if it was.

    Raises KeyError for a reason that is not in the table.
    """
    status = OUTCOMES[reason][0 if answered else 1]
    if reason == REJECTED and not answered and sip_code == _BUSY_HERE:
        return CallStatus.BUSY
    return status
