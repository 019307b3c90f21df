"""The HTTP exchanges of a call, from its timeline."""

from typing import Any, Final

from ringback.model import events
from ringback.model.sids import CALL
from ringback.rest.operations import Listed, Operation, Request
from ringback.rest.resources.common import own
from ringback.rest.shapes import Field, Shape
from ringback.rest.values import rfc2822

EVENT: Final = Shape(
    "Event", "Events", "events", (Field("request", {"type": "object"}), Field("response", {"type": "object"}))
)


class _Exchange:
    def __init__(self, data: dict[str, Any]) -> None:
        self.request = {
            "method": data.get("method"),
            "url": data.get("url"),
            "parameters": {str(name): str(value) for name, value in (data.get("parameters") or {}).items()},
        }
        self.response: dict[str, Any] = {
            "response_code": None, "request_duration": None, "content_type": None, "response_body": None,
            "date_created": None,
        }  # fmt: skip


async def listed(request: Request) -> Listed:
    """The requests to the application of a call and its answers, in their order."""
    call = await own(request, request.services.database.calls, request.path["CallSid"], CALL)
    found: dict[Any, _Exchange] = {}
    for stored in await request.services.database.events.of_call(call.sid):
        data = dict(stored.event.data)
        if stored.event.kind == events.WEBHOOK_REQUEST:
            found[data.get("id")] = _Exchange(data)
        elif stored.event.kind == events.WEBHOOK_RESPONSE and data.get("id") in found:
            found[data.get("id")].response = {
                "response_code": data.get("status"),
                "request_duration": data.get("ms"),
                "content_type": data.get("content_type"),
                "response_body": data.get("body"),
                "date_created": rfc2822(stored.event.at),
            }
    return request.slice(list(found.values()))


OPERATIONS: Final = (
    Operation("GET", "/Accounts/{AccountSid}/Calls/{CallSid}/Events", "ListCallEvent", listed, EVENT, listed=True),
)
