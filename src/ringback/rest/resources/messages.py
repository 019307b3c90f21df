"""Messages and their media, over the messaging port."""

import operator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ringback.messaging.port import Draft, MessageFilter
from ringback.model.messages import MediaRecord, MessageDirection, MessageRecord, MessageStatus
from ringback.model.status import ApiVersion
from ringback.rest.errors import not_found, refused
from ringback.rest.operations import Listed, Media, Operation, Request
from ringback.rest.parameters import Parameter
from ringback.rest.shapes import (
    ACCOUNT_SID,
    CREATED,
    DATE,
    INTEGER,
    TEXT,
    UPDATED,
    Field,
    Shape,
    enumeration,
    nullable,
    sid,
    subresources,
    uri,
    words,
)
from ringback.rest.test_credentials import magic_message
from ringback.rest.values import moments

_PATH: Final = "Messages/{0.sid}"
MESSAGE: Final = Shape(
    "Message",
    "Messages",
    "messages",
    (
        Field("body", TEXT),
        Field("num_segments", TEXT, lambda message: str(message.num_segments)),
        Field("direction", enumeration(MessageDirection)),
        Field("from", nullable(TEXT), lambda message: message.from_),
        Field("to", nullable(TEXT)),
        UPDATED,
        Field("price", nullable(TEXT)),
        Field("error_message", nullable(TEXT)),
        uri(_PATH),
        ACCOUNT_SID,
        Field("num_media", TEXT, lambda message: str(message.num_media)),
        Field("status", enumeration(MessageStatus)),
        Field("messaging_service_sid", nullable(sid("MG"))),
        Field("sid", sid("(SM|MM)")),
        Field("date_sent", nullable(DATE)),
        CREATED,
        Field("error_code", nullable(INTEGER)),
        Field("price_unit", nullable(TEXT)),
        Field("api_version", TEXT),
        subresources(_PATH, media="Media"),
    ),
)
MEDIA: Final = Shape(
    "Media",
    "MediaList",
    "media_list",
    (
        Field("sid", sid("ME")),
        ACCOUNT_SID,
        Field("parent_sid", sid("(SM|MM)"), lambda media: media.message_sid),
        Field("content_type", TEXT),
        CREATED,
        UPDATED,
        uri("Messages/{0.message_sid}/Media/{0.sid}"),
    ),
)
FEEDBACK: Final = Shape(
    "Feedback",
    "Feedbacks",
    "feedbacks",
    (
        ACCOUNT_SID,
        Field("message_sid", sid("(SM|MM)")),
        Field("outcome", words("confirmed", "unconfirmed")),
        CREATED,
        Field("date_updated", nullable(DATE), lambda feedback: feedback.date_created),
        uri("Messages/{0.message_sid}/Feedback"),
    ),
)

_IGNORED: Final = "Accepted, and without effect."
CREATE: Final = (
    Parameter("To", required=21604, code=21211, most=256),
    Parameter("From", code=21212, most=256),
    Parameter("MessagingServiceSid", "sid", code=21701, prefix="MG"),
    Parameter("Body", code=21617, most=1600),
    Parameter("MediaUrl", "url", code=21620, many=True),
    Parameter("StatusCallback", "url", code=21609),
    Parameter("ApplicationSid", "sid", code=21218, prefix="AP"),
    Parameter("ValidityPeriod", "integer", code=21624, least=1, most=36_000),
    Parameter("SmartEncoded", "boolean"),
    Parameter("ScheduleType", "word", words=("fixed",)),
    Parameter("SendAt", most=64),
    *(Parameter(name, "boolean", description=_IGNORED) for name in ("ProvideFeedback", "ForceDelivery", "ShortenUrls",
      "SendAsMms", "RiskCheck")),
    *(Parameter(name, most=2048, description=_IGNORED) for name in ("Attempt", "MaxPrice", "ContentRetention",
      "AddressRetention", "TrafficType", "ContentSid", "ContentVariables", "FallbackFrom", "MessageIntent")),
    Parameter("PersistentAction", many=True, most=2048, description=_IGNORED),
)  # fmt: skip
UPDATE: Final = (
    Parameter("Body", most=1600, empty=True),
    Parameter("Status", "word", words=("canceled",)),
)
FILTERS: Final = (
    Parameter("To", "number"),
    Parameter("From", "number"),
    Parameter("DateSent", "date", filters="date_sent"),
)


def _wanted(request: Request) -> MessageFilter:
    after = before = None
    for one in request.filters:
        if one.column == "date_sent":
            # The port's bounds are inclusive; the next smaller moment stands for an exclusive one.
            tick = timedelta(microseconds=1)
            if one.op in (">", ">="):
                after = one.value + (tick if one.op == ">" else timedelta())
            else:
                before = one.value - (tick if one.op == "<" else timedelta())
    return MessageFilter(
        account_sid=request.account.sid, to=request.get("to"), from_=request.get("from"), sent_after=after,
        sent_before=before,
    )  # fmt: skip


async def listed(request: Request) -> Listed:
    """The messages of the account."""
    wanted, page = _wanted(request), request.page
    found = await request.services.messages.list(wanted, limit=page.limit + 1, offset=page.offset)
    total = await request.services.messages.count(wanted) if request.version is ApiVersion.V2008 else None
    return Listed(found[: page.limit], len(found) > page.limit, None, total)


async def fetch(request: Request) -> MessageRecord:
    """One message."""
    return await request.services.messages.get(request.path["Sid"], request.account.sid)


async def create(request: Request) -> MessageRecord:
    """Send a message: it is queued when this returns."""
    if request.account.is_test:
        return magic_message(request)
    values = request.values
    if not values.get("from") and not values.get("messaging_service_sid"):
        raise refused(21603)
    callback = values.get("status_callback")
    if values.get("application_sid"):
        application = await request.services.database.applications.get(values["application_sid"])
        if application is None or application.account_sid != request.account.sid:
            raise refused(21218, f"There is no application {values['application_sid']}")
        callback = application.message_status_callback or application.sms_status_callback or callback
    draft = Draft(
        request.account.sid,
        values["to"],
        values.get("from", ""),
        values.get("body", ""),
        values.get("media_url", ()),
        api_version=request.version,
        status_callback=callback,
        messaging_service_sid=values.get("messaging_service_sid"),
        send_at=_send_at(values),
        validity_period=values.get("validity_period"),
        smart_encoded=values.get("smart_encoded"),
    )
    return await request.services.messages.send(draft)


def _send_at(values: dict[str, Any]) -> datetime | None:
    if values.get("schedule_type") is None:
        return None
    found = moments(values.get("send_at", ""))
    if found is None:
        raise refused(20422, "ScheduleType=fixed needs SendAt: a moment such as 2024-01-31T10:00:00Z")
    return found[0].astimezone(UTC)


async def update(request: Request) -> MessageRecord:
    """Take a scheduled message back, or forget what a message said."""
    messages, name = request.services.messages, request.path["Sid"]
    if request.get("status") == "canceled":
        return await messages.cancel(name, request.account.sid)
    if "body" in request.values:
        if request.values["body"]:
            raise refused(20422, "A message can be emptied, not changed: give an empty Body")
        return await messages.redact(name, request.account.sid)
    return await fetch(request)


async def delete(request: Request) -> None:
    """Forget a message and its media."""
    await request.services.messages.delete(request.path["Sid"], request.account.sid)


async def media(request: Request) -> Listed:
    """The media of a message."""
    found = await request.services.messages.media(request.path["MessageSid"], request.account.sid)
    compare = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
    for one in request.filters:
        found = [each for each in found if compare[one.op](each.date_created, one.value)]
    return request.slice(found)


async def fetch_media(request: Request) -> MediaRecord | Media:
    """A media file: what it is with `.json` or `.xml`, and itself without a suffix."""
    name = request.path["Sid"]
    records = await request.services.messages.media(request.path["MessageSid"], request.account.sid)
    record = next((one for one in records if one.sid == name), None)
    if record is None:
        raise not_found(name)
    if request.suffix:
        return record
    _, body = await request.services.messages.media_content(name, request.account.sid)
    return Media(
        body, record.content_type, (("content-disposition", "attachment"), ("x-content-type-options", "nosniff"))
    )


async def delete_media(request: Request) -> None:
    """Forget a media file."""
    await fetch_media(request)
    await request.services.messages.delete_media(request.path["Sid"], request.account.sid)


class _Feedback:
    def __init__(self, message: MessageRecord, outcome: str, now: datetime) -> None:
        self.account_sid, self.message_sid = message.account_sid, message.sid
        self.outcome, self.date_created = outcome, now


async def feedback(request: Request) -> _Feedback:
    """Hear whether a message was of use. Nothing follows from it here."""
    message = await request.services.messages.get(request.path["MessageSid"], request.account.sid)
    return _Feedback(message, request.get("outcome", "confirmed"), request.now)


_ROOT: Final = "/Accounts/{AccountSid}/Messages"
_MEDIA: Final = _ROOT + "/{MessageSid}/Media"
_DATES: Final = (Parameter("DateCreated", "date", filters="date_created"),)
_OUTCOME: Final = (Parameter("Outcome", "word", words=("confirmed", "unconfirmed")),)
OPERATIONS: Final = (
    Operation("GET", _ROOT, "ListMessage", listed, MESSAGE, FILTERS, listed=True),
    Operation("POST", _ROOT, "CreateMessage", create, MESSAGE, CREATE, 201, test=True),
    Operation("GET", _ROOT + "/{Sid}", "FetchMessage", fetch, MESSAGE),
    Operation("POST", _ROOT + "/{Sid}", "UpdateMessage", update, MESSAGE, UPDATE),
    Operation("DELETE", _ROOT + "/{Sid}", "DeleteMessage", delete, status=204),
    Operation(
        "GET",
        _MEDIA,
        "ListMedia",
        media,
        MEDIA,
        (Parameter("DateCreated", "date", filters="date_created"),),
        listed=True,
    ),
    Operation("GET", _MEDIA + "/{Sid}", "FetchMedia", fetch_media, MEDIA),
    Operation("DELETE", _MEDIA + "/{Sid}", "DeleteMedia", delete_media, status=204),
    Operation("POST", _ROOT + "/{MessageSid}/Feedback", "CreateMessageFeedback", feedback, FEEDBACK, _OUTCOME, 201),
)
