"""Queues, and those who wait in them."""

from dataclasses import dataclass
from typing import Any, Final

from ringback.model.queues import DEFAULT_MAX_SIZE, LARGEST_MAX_SIZE, QueueRecord
from ringback.model.sids import QUEUE, is_sid, make_sid
from ringback.rest.errors import not_found, refused
from ringback.rest.operations import Listed, Operation, Request
from ringback.rest.parameters import Parameter
from ringback.rest.resources.common import own
from ringback.rest.shapes import (
    ACCOUNT_SID,
    CREATED,
    DATE,
    INTEGER,
    TEXT,
    UPDATED,
    Field,
    Shape,
    sid,
    subresources,
    uri,
)

_PATH: Final = "Queues/{0.sid}"
QUEUE_SHAPE: Final = Shape(
    "Queue",
    "Queues",
    "queues",
    (
        UPDATED,
        Field("current_size", INTEGER),
        Field("friendly_name", TEXT),
        uri(_PATH),
        ACCOUNT_SID,
        Field("average_wait_time", INTEGER),
        Field("sid", sid("QU")),
        CREATED,
        Field("max_size", INTEGER),
        subresources(_PATH, members="Members"),
    ),
)
MEMBER: Final = Shape(
    "QueueMember",
    "QueueMembers",
    "queue_members",
    (
        Field("call_sid", sid("CA")),
        Field("date_enqueued", DATE),
        Field("position", INTEGER),
        uri("Queues/{0.queue_sid}/Members/{0.call_sid}"),
        Field("wait_time", INTEGER),
        Field("queue_sid", sid("QU")),
    ),
)
NAME: Final = Parameter("FriendlyName", code=20002, most=64)
SIZE: Final = Parameter("MaxSize", "integer", least=1, most=LARGEST_MAX_SIZE)


@dataclass(frozen=True)
class _Queue:
    """A queue with what follows from its members."""

    record: QueueRecord
    current_size: int
    average_wait_time: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.record, name)


@dataclass(frozen=True)
class _Member:
    call_sid: str
    queue_sid: str
    account_sid: str
    date_enqueued: Any
    position: int
    wait_time: int


async def _with_sizes(request: Request, records: list[QueueRecord]) -> list[_Queue]:
    since = await request.services.database.queues.enqueued([record.sid for record in records])
    now = request.now
    found = []
    for record in records:
        waits = [max(0.0, (now - moment).total_seconds()) for moment in since[record.sid]]
        found.append(_Queue(record, len(waits), round(sum(waits) / len(waits)) if waits else 0))
    return found


async def listed(request: Request) -> Listed:
    """The queues of the account."""
    page = await request.listed(request.services.database.queues)
    return Listed(await _with_sizes(request, list(page.items)), page.more, page.last, page.total)


async def _record(request: Request) -> QueueRecord:
    name = request.path.get("QueueSid") or request.path["Sid"]
    return await own(request, request.services.database.queues, name, QUEUE)


async def fetch(request: Request) -> _Queue:
    """One queue."""
    return (await _with_sizes(request, [await _record(request)]))[0]


async def create(request: Request) -> _Queue:
    """Make a queue. Its name is its own."""
    database, name = request.services.database, request.values["friendly_name"]
    if await database.queues.named(request.account.sid, name) is not None:
        raise refused(20409, f"There is a queue '{name}' already")
    size = request.get("max_size", DEFAULT_MAX_SIZE)
    record = QueueRecord(make_sid(QUEUE, request.services.entropy(16)), request.account.sid, name, request.now, size)
    await database.queues.create(record)
    return _Queue(record, 0, 0)


async def update(request: Request) -> _Queue:
    """Rename a queue, or change how many may wait in it."""
    record, database, values = await _record(request), request.services.database, dict(request.values)
    name = values.get("friendly_name")
    if name and name != record.friendly_name and await database.queues.named(request.account.sid, name) is not None:
        raise refused(20409, f"There is a queue '{name}' already")
    if values:
        await database.queues.update(record.sid, **values, date_updated=request.now)
    return await fetch(request)


async def delete(request: Request) -> None:
    """Forget a queue in which nobody waits."""
    found = await fetch(request)
    if found.current_size:
        raise refused(20409, f"{found.current_size} callers wait in this queue: it can be deleted when it is empty")
    await request.services.control.forget_queue(found.record.sid)
    await request.services.database.queues.remove(found.record.sid)


def _member(request: Request, found: Any) -> _Member:
    record = found.record
    waited = max(0, int((request.now - record.date_enqueued).total_seconds()))
    return _Member(record.call_sid, record.queue_sid, record.account_sid, record.date_enqueued, found.position, waited)


async def members(request: Request) -> Listed:
    """Who waits in a queue, in the order in which they get their turn."""
    queue, page = await _record(request), request.page
    found = await request.services.database.queues.members(queue.sid, page.limit + 1, page.offset)
    return Listed([_member(request, one) for one in found[: page.limit]], len(found) > page.limit)


async def member(request: Request) -> _Member:
    """One who waits: the sid of a call, or `Front`."""
    queue, name = await _record(request), request.path["CallSid"]
    store = request.services.database.queues
    if name == "Front":
        front = await store.members(queue.sid, 1)
        found = front[0] if front else None
    else:
        found = await store.member(queue.sid, name) if is_sid(name, "CA") else None
    if found is None:
        raise not_found(f"{queue.sid}/Members/{name}")
    return _member(request, found)


async def dequeue(request: Request) -> _Member:
    """Take one who waits out of the queue, to go on with the TwiML of a URL."""
    here = await member(request)
    await request.services.control.dequeue(
        here.queue_sid, here.call_sid, request.values["url"], request.get("method", "POST")
    )
    return here


_ROOT: Final = "/Accounts/{AccountSid}/Queues"
_MEMBERS: Final = _ROOT + "/{QueueSid}/Members"
_NEW: Final = (Parameter("FriendlyName", code=20002, most=64, required=20002), SIZE)
_TURN: Final = (Parameter("Url", "url", required=21205, code=21205), Parameter("Method", "method", code=21209))
OPERATIONS: Final = (
    Operation("GET", _ROOT, "ListQueue", listed, QUEUE_SHAPE, listed=True),
    Operation("POST", _ROOT, "CreateQueue", create, QUEUE_SHAPE, _NEW, 201),
    Operation("GET", _ROOT + "/{Sid}", "FetchQueue", fetch, QUEUE_SHAPE),
    Operation("POST", _ROOT + "/{Sid}", "UpdateQueue", update, QUEUE_SHAPE, (NAME, SIZE)),
    Operation("DELETE", _ROOT + "/{Sid}", "DeleteQueue", delete, status=204),
    Operation("GET", _MEMBERS, "ListMember", members, MEMBER, listed=True),
    Operation("GET", _MEMBERS + "/{CallSid}", "FetchMember", member, MEMBER),
    Operation("POST", _MEMBERS + "/{CallSid}", "UpdateMember", dequeue, MEMBER, _TURN),
)
