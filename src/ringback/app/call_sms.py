"""Text messages that calls send (2008-08-01 clause 2.7): by way of the message service."""

from collections.abc import Callable

from ringback.calls.port import Call
from ringback.messaging.port import Draft, MessageRefused, Messages
from ringback.model.errors import ApplicationError
from ringback.model.messages import MessageDirection
from ringback.storage.errors import StorageError
from ringback.twiml.services import OutgoingSms, SentSms

_CODES = {
    21604: 14101,
    21211: 14101,
    21603: 14102,
    21212: 14102,
    21606: 14108,
    21602: 14103,
    21605: 14103,
    21617: 14103,
    21609: 14105,
}
"""From the codes of the REST API to those of the verb, which are warnings."""


class CallSms:
    """Sends the text messages of calls."""

    def __init__(self, messages: Callable[[], Messages]) -> None:
        """`messages` gives the service; it may be there later than this."""
        self._messages = messages

    async def send(self, call: Call, sms: OutgoingSms) -> SentSms:
        """Send one. Raises ApplicationError, whose code is that of a warning."""
        draft = Draft(
            account_sid=call.info.account_sid,
            to=sms.to,
            from_=sms.from_,
            body=sms.body,
            direction=MessageDirection.OUTBOUND_CALL,
            api_version=call.info.api_version,
            status_callback=sms.status_callback or None,
        )
        try:
            record = await self._messages().send(draft)
        except MessageRefused as error:
            raise ApplicationError(_CODES.get(error.code, 14108), error.message) from error
        except StorageError as error:
            raise ApplicationError(14108, f"the message cannot be kept: {error}") from error
        return SentSms(record.sid, "sending")
