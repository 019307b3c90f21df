"""Notifications: errors and warnings, each with the request that it came up with."""

from typing import Final

from ringback.model.notifications import NotificationRecord
from ringback.model.sids import CALL
from ringback.rest.errors import not_found
from ringback.rest.operations import Listed, Operation, Request
from ringback.rest.parameters import Parameter
from ringback.rest.resources.common import own
from ringback.rest.shapes import ACCOUNT_SID, CREATED, DATE, TEXT, UPDATED, URI, Field, Shape, nullable, sid, uri
from ringback.storage.records import Where

_LISTED: Final = (
    ACCOUNT_SID,
    Field("api_version", TEXT),
    Field("call_sid", nullable(sid("CA"))),
    CREATED,
    UPDATED,
    Field("error_code", TEXT, lambda notification: str(notification.error_code)),
    Field("log", TEXT, lambda notification: str(notification.log)),
    Field("message_date", nullable(DATE)),
    Field("message_text", TEXT),
    Field("more_info", URI),
    Field("request_method", nullable(TEXT), lambda notification: notification.request_method or None),
    Field("request_url", nullable(TEXT), lambda notification: notification.request_url or None),
    Field("sid", sid("NO")),
    uri("Notifications/{0.sid}"),
)
SUMMARY: Final = Shape("Notification", "Notifications", "notifications", _LISTED)
NOTIFICATION: Final = Shape(
    "Notification",
    "Notifications",
    "notifications",
    (*_LISTED, Field("request_variables", TEXT), Field("response_body", TEXT), Field("response_headers", TEXT)),
)
FILTERS: Final = (
    Parameter("Log", "integer", least=0, most=1, filters="log"),
    Parameter("MessageDate", "date", filters="message_date"),
)


async def listed(request: Request) -> Listed:
    """The notifications of the account, or of one call."""
    more = []
    if "CallSid" in request.path:
        call = await own(request, request.services.database.calls, request.path["CallSid"], CALL)
        more.append(Where("call_sid", "=", call.sid))
    return await request.listed(request.services.database.notifications, *more)


async def fetch(request: Request) -> NotificationRecord:
    """One notification."""
    found = await own(request, request.services.database.notifications, request.path["Sid"], "NO")
    if request.path.get("CallSid", found.call_sid) != found.call_sid:
        raise not_found(found.sid)
    return found


async def delete(request: Request) -> None:
    """Forget a notification."""
    found = await fetch(request)
    await request.services.database.notifications.remove(found.sid)


_ALL: Final = "/Accounts/{AccountSid}/Notifications"
_CALL: Final = "/Accounts/{AccountSid}/Calls/{CallSid}/Notifications"
OPERATIONS: Final = (
    Operation("GET", _ALL, "ListNotification", listed, SUMMARY, FILTERS, listed=True),
    Operation("GET", _ALL + "/{Sid}", "FetchNotification", fetch, NOTIFICATION),
    Operation("DELETE", _ALL + "/{Sid}", "DeleteNotification", delete, status=204),
    Operation("GET", _CALL, "ListCallNotification", listed, SUMMARY, FILTERS, listed=True),
    Operation("GET", _CALL + "/{Sid}", "FetchCallNotification", fetch, NOTIFICATION),
)
