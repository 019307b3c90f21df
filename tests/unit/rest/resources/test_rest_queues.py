"""Queues and those who wait in them (2010-04-01, clause 9.5)."""

from datetime import timedelta
from typing import Any

import pytest
from rest_world import NOW, V2010, World

from ringback.model.records import CallRecord
from ringback.model.status import CallStatus

QUEUES = f"{V2010}/Accounts/{{A}}/Queues"
TURN = {"Url": "http://127.0.0.1/turn"}


async def new(rest: World, name: str = "support", **form: str) -> dict[str, Any]:
    answer = await rest("POST", f"{QUEUES}.json", {"FriendlyName": name, **form})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json
    return made


async def wait(rest: World, queue_sid: str, seconds: float) -> CallRecord:
    """Let a call wait in a queue, since so many seconds ago."""
    call = await rest.new_call(status=CallStatus.IN_PROGRESS)
    await rest.control.enqueue(queue_sid, call, NOW - timedelta(seconds=seconds))
    return call


@pytest.mark.conforms("2010-04-01/9/CreateQueue", "2010-04-01/9/FetchQueue")
async def test_every_field_of_a_queue_in_its_order(rest: World) -> None:
    made = await new(rest)
    base = f"{V2010}/Accounts/{rest.account.sid}/Queues/{made['sid']}"
    assert list(made.items()) == [
        ("date_updated", "Thu, 29 Feb 2024 12:30:15 +0000"),
        ("current_size", 0),
        ("friendly_name", "support"),
        ("uri", f"{base}.json"),
        ("account_sid", rest.account.sid),
        ("average_wait_time", 0),
        ("sid", made["sid"]),
        ("date_created", "Thu, 29 Feb 2024 12:30:15 +0000"),
        ("max_size", 1000),
        ("subresource_uris", {"members": f"{base}/Members.json"}),
    ]
    assert (await rest("GET", f"{QUEUES}/{made['sid']}.json")).json == made


@pytest.mark.conforms("2010-04-01/9/ListQueue")
async def test_a_queue_knows_how_many_wait_and_how_long(rest: World) -> None:
    empty, queue = await new(rest, "empty"), await new(rest)
    for seconds in (10, 25):
        await wait(rest, queue["sid"], seconds)
    await wait(rest, queue["sid"], -5)  # by a clock that is ahead
    told = {one["sid"]: one for one in (await rest("GET", f"{QUEUES}.json")).json["queues"]}
    assert (told[queue["sid"]]["current_size"], told[queue["sid"]]["average_wait_time"]) == (3, 12)
    assert (told[empty["sid"]]["current_size"], told[empty["sid"]]["average_wait_time"]) == (0, 0)


@pytest.mark.conforms("2010-04-01/9/UpdateQueue")
async def test_a_queue_is_renamed_and_resized(rest: World) -> None:
    made, _ = await new(rest, MaxSize="5"), await new(rest, "sales")
    path = f"{QUEUES}/{made['sid']}.json"
    rest.clock.passed += 1
    changed = (await rest("POST", path, {"FriendlyName": "desk", "MaxSize": "5000"})).json
    assert (changed["friendly_name"], changed["max_size"]) == ("desk", 5000)
    assert changed["date_updated"] == "Thu, 29 Feb 2024 12:30:16 +0000"
    rest.clock.passed += 1
    assert (await rest("POST", path)).json == changed
    assert (await rest("POST", path, {"FriendlyName": "desk"})).status == 200  # its own name is not taken
    answer = await rest("POST", path, {"FriendlyName": "sales"})
    assert (answer.status, answer.json["code"]) == (409, 20409)


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({}, 400, 20002), ({"FriendlyName": "x" * 65}, 400, 20002), ({"FriendlyName": "support"}, 409, 20409),
        ({"FriendlyName": "x", "MaxSize": "0"}, 400, 20422), ({"FriendlyName": "x", "MaxSize": "5001"}, 400, 20422),
    ],
)  # fmt: skip
async def test_what_a_queue_is_refused_for(rest: World, form: dict[str, str], status: int, code: int) -> None:
    await new(rest)
    answer = await rest("POST", f"{QUEUES}.json", form)
    assert (answer.status, answer.json["code"]) == (status, code)


@pytest.mark.conforms("2010-04-01/9/DeleteQueue")
async def test_a_queue_in_which_somebody_waits_stays(rest: World) -> None:
    made = await new(rest)
    call = await wait(rest, made["sid"], 1)
    path = f"{QUEUES}/{made['sid']}.json"
    answer = await rest("DELETE", path)
    assert (answer.status, answer.json["code"]) == (409, 20409)
    await rest.control.dequeue(made["sid"], call.sid, "http://127.0.0.1/", "POST")
    assert (await rest("DELETE", path)).status == 204
    assert rest.control.asked[-1] == ("forget_queue", (made["sid"],))
    assert (await rest("GET", path)).json["code"] == 20404


@pytest.mark.conforms("2010-04-01/9/ListMember", "2010-04-01/9/FetchMember")
async def test_members_come_in_the_order_of_their_turn(rest: World) -> None:
    queue = (await new(rest))["sid"]
    calls = [await wait(rest, queue, seconds) for seconds in (5, 30, 20)]
    page = (await rest("GET", f"{QUEUES}/{queue}/Members.json", query="PageSize=2")).json
    assert [(one["call_sid"], one["position"], one["wait_time"]) for one in page["queue_members"]] == [
        (calls[1].sid, 1, 30), (calls[2].sid, 2, 20),
    ]  # fmt: skip
    path, _, query = page["next_page_uri"].partition("?")
    rest_of_it = (await rest("GET", path, query=query)).json
    assert [(one["call_sid"], one["position"]) for one in rest_of_it["queue_members"]] == [(calls[0].sid, 3)]
    assert rest_of_it["next_page_uri"] is None
    front = (await rest("GET", f"{QUEUES}/{queue}/Members/Front.json")).json
    assert list(front.items()) == [
        ("call_sid", calls[1].sid),
        ("date_enqueued", "Thu, 29 Feb 2024 12:29:45 +0000"),
        ("position", 1),
        ("uri", f"{V2010}/Accounts/{rest.account.sid}/Queues/{queue}/Members/{calls[1].sid}.json"),
        ("wait_time", 30),
        ("queue_sid", queue),
    ]
    assert (await rest("GET", f"{QUEUES}/{queue}/Members/{calls[0].sid}.json")).json["position"] == 3


@pytest.mark.conforms("2010-04-01/9/UpdateMember")
async def test_who_is_taken_out_goes_on_with_the_twiml_of_a_url(rest: World) -> None:
    queue = (await new(rest))["sid"]
    first, second = [await wait(rest, queue, seconds) for seconds in (20, 10)]
    answer = await rest("POST", f"{QUEUES}/{queue}/Members/Front.json", TURN)
    assert (answer.status, answer.json["call_sid"]) == (200, first.sid)
    answer = await rest("POST", f"{QUEUES}/{queue}/Members/{second.sid}.json", {**TURN, "Method": "GET"})
    assert (answer.json["call_sid"], answer.json["position"]) == (second.sid, 1)
    assert rest.control.asked == [
        ("dequeue", (queue, first.sid, TURN["Url"], "POST")),
        ("dequeue", (queue, second.sid, TURN["Url"], "GET")),
    ]
    assert (await rest("GET", f"{QUEUES}/{queue}.json")).json["current_size"] == 0


async def test_who_does_not_wait_is_not_found(rest: World) -> None:
    queue = (await new(rest))["sid"]
    call = await wait(rest, queue, 1)
    other = (await new(rest, "other"))["sid"]
    for name in ("Front", call.sid, "nonsense", "CA" + "0" * 32):
        for method, form in (("GET", None), ("POST", TURN)):
            answer = await rest(method, f"{QUEUES}/{other}/Members/{name}.json", form)
            assert (answer.status, answer.json["code"]) == (404, 20404)
    assert (await rest("GET", f"{QUEUES}/QU{'0' * 32}/Members.json")).json["code"] == 20404
    for form, code in (({}, 21205), ({"Url": "nowhere"}, 21205), ({**TURN, "Method": "PUT"}, 21209)):
        assert (await rest("POST", f"{QUEUES}/{queue}/Members/Front.json", form)).json["code"] == code
