"""Status callbacks: an application is told what became of its message.

2008-08-01 clause 1.1 (sent and failed only), 2010-04-01 clause 5.5 (each status).
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from ringback.messaging.jobs import TryLaterError
from ringback.model import events
from ringback.model.errors import ApplicationError
from ringback.model.messages import MessageRecord, MessageStatus
from ringback.model.numbers import presented
from ringback.model.records import CallEvent
from ringback.model.status import ApiVersion
from ringback.storage.message_changes import Job
from ringback.storage.messages import MessageStore
from ringback.webhooks.client import WebhookClient
from ringback.webhooks.failures import FetchError

CALLBACK: Final = "callback"
"""The kind of its jobs."""

_STATUS_2008 = {
    MessageStatus.SENT: "sent",
    MessageStatus.DELIVERED: "sent",
    MessageStatus.FAILED: "failed",
    MessageStatus.UNDELIVERED: "failed",
    MessageStatus.CANCELED: "failed",
}
_TOLD_2008 = (MessageStatus.SENT, MessageStatus.FAILED, MessageStatus.UNDELIVERED)

Tokens = Callable[[str], Awaitable[str | None]]
"""Returns the Auth Token of an account."""
Note = Callable[[CallEvent], None]


def callback_job(record: MessageRecord, now: datetime) -> Job | None:
    """Return the job that tells the present status of a message; None where nobody wants to know."""
    url = record.status_callback
    if not url or not url.startswith("http"):
        return None
    if record.api_version is ApiVersion.V2008 and record.status not in _TOLD_2008:
        return None
    told = {"status": record.status.value, "error_code": record.error_code, "error_message": record.error_message}
    return Job(f"{CALLBACK}:{record.sid}:{record.status}", CALLBACK, record.sid, now, told)


def status_parameters(record: MessageRecord, status: str, error_code: int | None, error: str | None) -> dict[str, str]:
    """Return the parameters of a status callback, in the words of the message's version."""
    if record.api_version is ApiVersion.V2008:
        word = _STATUS_2008.get(MessageStatus(status), status)
        return {"SmsSid": record.sid, "SmsStatus": word, "AccountSid": record.account_sid}
    parameters = {
        "MessageSid": record.sid,
        "SmsSid": record.sid,
        "MessageStatus": status,
        "SmsStatus": status,
        "From": presented(record.from_, ApiVersion.V2010),
        "To": presented(record.to, ApiVersion.V2010),
        "AccountSid": record.account_sid,
        "ApiVersion": record.api_version.value,
    }
    if record.messaging_service_sid:
        parameters["MessagingServiceSid"] = record.messaging_service_sid
    if error_code is not None:
        parameters["ErrorCode"] = str(error_code)
        parameters["ErrorMessage"] = error or ""
    return parameters


class Callbacks:
    """Does the jobs of status callbacks."""

    def __init__(
        self, webhooks: WebhookClient, tokens: Tokens, store: MessageStore, note: Note, utcnow: Callable[[], datetime]
    ) -> None:
        self._webhooks = webhooks
        self._tokens = tokens
        self._store = store
        self._note = note
        self._utcnow = utcnow

    async def run(self, job: Job, context: object) -> None:
        """Tell one status. Raises TryLaterError where the application cannot be reached, or fails."""
        record = context if isinstance(context, MessageRecord) else await self._store.get(job.subject)
        token = await self._tokens(record.account_sid) if record is not None else None
        if record is None or token is None or not record.status_callback:
            return  # deleted meanwhile
        data = job.data
        parameters = status_parameters(record, data["status"], data.get("error_code"), data.get("error_message"))
        try:
            await self._webhooks.session(token).request("POST", record.status_callback, parameters)
        except ApplicationError as error:
            text = f"the status {data['status']} could not be told: {error.message}"
            warning = {"code": 15003, "message": text, "url": error.url or record.status_callback}
            if job.attempts == 0:
                self._note(CallEvent(record.sid, self._utcnow(), events.WARNING, warning))
            if _may_work_later(error):
                raise TryLaterError(text) from error


def _may_work_later(error: ApplicationError) -> bool:
    """A server that answers 4xx has understood and does not want it; a URL that is none never will be one."""
    if not isinstance(error, FetchError):
        return False
    return not 400 <= error.status < 500 or error.status in (408, 425, 429)
