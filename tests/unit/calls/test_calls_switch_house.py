"""The switch as the house of its legs: calls that are placed, files of recordings, queues; in virtual time."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from calls_virtual import ACCOUNT, NUMBER, conduct, finished, pick_up, virtual, wait_an_hour

from ringback.calls.attendance import Attendance
from ringback.calls.dialing import Dialing, Target
from ringback.calls.house import Placing
from ringback.calls.leg import CallSettings, Leg
from ringback.calls.queueing import Queueing
from ringback.calls.switch import SwitchSettings
from ringback.model import events
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.testing.exchange import Answers, Exchange

A = "+15550100101"


async def talk(leg: Leg) -> None:
    await leg.sleep(3600)


def placing(to: str = A, **more: Any) -> Placing:
    return Placing(to, "+14155550123", ACCOUNT, ApiVersion.V2010, Direction.OUTBOUND_API, talk, **more)


@virtual
async def test_a_call_is_placed_and_has_a_record_at_once() -> None:
    exchange = Exchange(conduct(pick_up))
    exchange.answers[A] = Answers(talks=9)
    leg = exchange.switch.place(placing(caller_name="Shop", time_limit=100, username="u", password="p"))
    record = exchange.records[leg.info.sid]
    assert (record["status"], record["to"], record["direction"]) == (CallStatus.QUEUED, A, Direction.OUTBOUND_API)
    assert exchange.switch.find(leg.info.sid) is leg
    await finished(exchange)
    assert (exchange.called, exchange.records[leg.info.sid]["status"]) == ([A], CallStatus.COMPLETED)


@virtual
async def test_a_call_that_was_promised_keeps_its_sid_and_its_record() -> None:
    exchange = Exchange(conduct(pick_up))
    sid = "CA" + "5" * 32
    exchange.records[sid] = {"status": CallStatus.QUEUED}
    leg = exchange.switch.place(placing(sid=sid))
    assert (leg.info.sid, exchange.records[sid]) == (sid, {"status": CallStatus.QUEUED})
    await exchange.switch.close()


@virtual
async def test_a_child_knows_its_parent() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    child = exchange.switch.place(placing(parent=phone.leg))
    assert exchange.records[child.info.sid]["parent_call_sid"] == phone.sid
    await exchange.switch.close()


@pytest.mark.conforms("2008-08-01/7/13227", "2010-04-01/15/13227")
@pytest.mark.parametrize(("to", "sip_code", "code"), [("nowhere", 404, 13224), ("forbidden", 403, 13227)])
def test_what_leads_nowhere_has_failed_and_says_why(to: str, sip_code: int, code: int) -> None:
    @virtual
    async def test() -> None:
        exchange = Exchange(conduct(pick_up))
        leg = exchange.switch.place(placing(to))
        await finished(exchange)
        record = exchange.records[leg.info.sid]
        assert (record["status"], record["end_reason"], leg.sip_code) == (CallStatus.FAILED, "no-route", sip_code)
        (warning,) = exchange.timeline(leg.info.sid, events.WARNING)
        assert warning["code"] == code

    test()


@virtual
async def test_calls_that_we_make_count_towards_the_limit() -> None:
    exchange = Exchange(conduct(pick_up), settings=SwitchSettings(CallSettings(), max_concurrent=1))
    one, two = exchange.switch.place(placing()), exchange.switch.place(placing())
    await asyncio.sleep(5)
    assert two.sip_code == 503 and two.status.final
    await one.hangup()
    await finished(exchange)


@virtual
async def test_no_call_is_made_while_the_server_goes_down() -> None:
    exchange = Exchange(conduct(pick_up))
    await exchange.switch.close()
    leg = exchange.switch.place(placing())
    await leg.over.wait()
    assert (leg.sip_code, exchange.called) == (503, [])


@virtual
async def test_legs_dial_attend_and_wait_in_the_house() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    exchange.answers[A] = Answers(talks=5)
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    house, leg = exchange.switch, phone.leg
    assert leg is not None
    assert (await house.dial(leg, Dialing((Target(A),), caller_id=A))).seconds == 5
    assert (await house.attend(leg, Attendance("room", time_limit=3))).reason == "time-limit"
    assert house.queue(ACCOUNT, "help") is None
    waiting = asyncio.get_running_loop().create_task(house.enqueue(leg, Queueing("help")))
    await asyncio.sleep(1)
    queue = house.queue(ACCOUNT, "help")
    assert queue is not None and [each.leg for each in queue.waiting] == [leg]
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not queue.waiting
    await house.close()


@virtual
async def test_work_that_is_detached_is_waited_for_at_the_end() -> None:
    done: list[str] = []

    async def work() -> None:
        await asyncio.sleep(2)
        done.append("work")

    exchange = Exchange(conduct(pick_up))
    exchange.switch.detach(work(), "work")
    await exchange.switch.close()
    assert done == ["work"]


@virtual
async def test_recordings_have_a_directory_of_their_own() -> None:
    exchange = Exchange(conduct(pick_up))
    path = exchange.switch.recording_path("RE" + "1" * 32)
    assert path.name == "RE" + "1" * 32 + ".wav"
    assert Path(path.parent).is_dir()


@virtual
async def test_sids_are_never_the_same() -> None:
    exchange = Exchange(conduct(pick_up))
    made = {exchange.switch.make_sid("CF") for _ in range(50)}
    assert len(made) == 50
    assert all(sid.startswith("CF") and len(sid) == 34 for sid in made)
