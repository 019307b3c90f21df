"""The switch: which call an event belongs to, and which calls there are; between real SIP cores, in virtual time."""

import asyncio
import logging

import pytest
from calls_virtual import ACCOUNT, FLOW, NUMBER, conduct, finished, pick_up, virtual, wait_an_hour

from ringback.calls.leg import CallSettings, Leg
from ringback.calls.switch import SwitchSettings
from ringback.model import events
from ringback.model.status import CallStatus
from ringback.sip import sdp
from ringback.sip.events import DialogId, Ended, Refused, ReinviteAnswered, Trace
from ringback.testing.exchange import Exchange


@virtual
async def test_a_call_is_rung_answered_and_hung_up_when_its_handler_returns() -> None:
    exchange = Exchange(conduct(pick_up, lambda leg: leg.sleep(5)))
    phone = exchange.dial(NUMBER, caller="+14155550123")
    await phone.ended.wait()
    await finished(exchange)
    record = exchange.records[phone.sid]
    assert (record["from_"], record["to"], record["account_sid"]) == ("+14155550123", NUMBER, ACCOUNT)
    assert (record["status"], record["end_reason"]) == (CallStatus.COMPLETED, "document-end")
    assert (record["end_time"] - record["start_time"]).total_seconds() == pytest.approx(5)
    statuses = [event["status"] for event in exchange.timeline(phone.sid, events.STATUS)]
    assert statuses == ["ringing", "in-progress", "completed"]
    assert exchange.media.legs == []


@virtual
async def test_the_timeline_begins_with_the_invite_and_ends_with_the_status() -> None:
    exchange = Exchange(conduct(pick_up))
    phone = exchange.dial(NUMBER)
    await phone.ended.wait()
    await finished(exchange)
    mine = [event for event in exchange.events if event.call_sid == phone.sid]
    assert mine[0].kind == events.SIP_RECEIVED
    assert mine[0].data["line"] == f"INVITE sip:{NUMBER}@127.0.0.1 SIP/2.0"
    sent = [event["line"] for event in exchange.timeline(phone.sid, events.SIP_SENT)]
    assert sent[:2] == ["SIP/2.0 180 Ringing", "SIP/2.0 200 OK"]
    assert mine[-1].data == {"status": "completed", "reason": "document-end"}


@virtual
async def test_keys_come_by_telephone_event_and_by_info_in_one_row() -> None:
    taken: list[str | None] = []

    async def take_three(leg: Leg) -> None:
        taken.extend([await leg.next_key(10) for _ in range(3)])

    exchange = Exchange(conduct(pick_up, take_three))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    await asyncio.sleep(1)
    phone.audio.key("4")
    phone.info("application/dtmf-relay", b"Signal=#\r\nDuration=160\r\n")
    await finished(exchange)
    assert taken == ["4", "#", None]
    assert exchange.timeline(phone.sid, events.KEY) == [
        {"key": "4", "by": "rfc4733"},
        {"key": "#", "by": "info"},
    ]


@virtual
async def test_more_calls_than_allowed_are_answered_503() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour), settings=SwitchSettings(CallSettings(), max_concurrent=2))
    phones = [exchange.dial(NUMBER) for _ in range(3)]
    await phones[2].ended.wait()
    assert phones[2].refused_with == 503
    phones[0].hang_up()
    await phones[0].ended.wait()
    await asyncio.sleep(1)
    again = exchange.dial(NUMBER)
    await again.answered.wait()
    for phone in (phones[1], again):
        phone.hang_up()
    await finished(exchange)


@virtual
async def test_an_overload_is_answered_503_and_spares_the_calls_that_are_up() -> None:
    strained: list[str] = []
    exchange = Exchange(conduct(pick_up, wait_an_hour), busy=lambda: "".join(strained))
    first = exchange.dial(NUMBER)
    await first.answered.wait()
    strained.append("the server is 400 ms behind")
    second = exchange.dial(NUMBER)
    await second.ended.wait()
    (refused,) = (event for event in second.events if isinstance(event, Refused))
    assert (refused.code, refused.retry_after) == (503, 5)
    assert not first.ended.is_set()
    strained.clear()
    third = exchange.dial(NUMBER)
    await third.answered.wait()
    for phone in (first, third):
        phone.hang_up()
    await finished(exchange)


@virtual
async def test_a_sign_of_life_is_told_to_its_call() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phones = [exchange.dial(NUMBER) for _ in range(2)]
    await asyncio.gather(*(phone.answered.wait() for phone in phones))
    phones[1].audio.quiet()
    await asyncio.sleep(1)
    assert [len(exchange.timeline(phone.sid, events.WARNING)) for phone in phones] == [0, 1]
    for phone in phones:
        phone.hang_up()
    await finished(exchange)


@virtual
async def test_going_down_ends_all_calls_and_takes_no_more() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phones = [exchange.dial(NUMBER) for _ in range(3)]
    await asyncio.gather(*(phone.answered.wait() for phone in phones))
    await exchange.switch.close()
    assert {exchange.records[phone.sid]["end_reason"] for phone in phones} == {"server-stopped"}
    late = exchange.dial(NUMBER)
    await late.ended.wait()
    assert late.refused_with == 503


@virtual
async def test_what_comes_afterwards_sees_the_end() -> None:
    told: list[tuple[str, str | None, int]] = []

    async def tell(leg: Leg) -> None:
        told.append((str(leg.status), leg.end_reason, leg.duration))

    exchange = Exchange(conduct(pick_up, lambda leg: leg.sleep(61)), afterwards=tell)
    exchange.dial(NUMBER)
    await asyncio.sleep(70)
    assert told == [("completed", "document-end", 61)]


@virtual
async def test_numbers_are_read_by_whom_they_come_from() -> None:
    seen: list[tuple[str, str, str]] = []

    async def look(leg: Leg) -> None:
        seen.append((leg.info.from_, leg.info.to, leg.info.forwarded_from))

    exchange = Exchange(conduct(look), read_number=lambda user, identity: f"+49{user[1:]} of {identity}")
    diversion = (("Diversion", "<sip:0301@carrier.example>"),)
    exchange.dial("0302", caller="0303", headers=diversion)
    await asyncio.sleep(1)
    assert seen == [("sip:0303@127.0.0.1", "+49302 of None", "+49301 of None")]


@virtual
async def test_a_flood_of_junk_is_a_few_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    exchange = Exchange(conduct(pick_up))
    for _ in range(500):
        exchange.server.receive(b"\x00\x01 no SIP", FLOW, exchange.now())
    await asyncio.sleep(61)
    exchange.server.receive(b"\x00\x01 no SIP", FLOW, exchange.now())
    await asyncio.sleep(0.1)
    assert exchange.switch.refused == 501
    lines = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert len(lines) == 2
    assert lines[1].endswith("and 499 more from there since the last of these lines")


@virtual
async def test_who_forwarded_the_call_is_known() -> None:
    seen: list[tuple[str, str, str]] = []

    async def look(leg: Leg) -> None:
        seen.append((leg.info.from_, leg.info.to, leg.info.forwarded_from))

    exchange = Exchange(conduct(look))
    exchange.dial("5550100001", caller="alice", headers=(("Diversion", "<sip:+14155550199@carrier.example>;reason=x"),))
    exchange.dial(NUMBER, headers=(("Diversion", "nonsense"),))
    await asyncio.sleep(1)
    assert seen == [("sip:alice@127.0.0.1", "+15550100001", "+14155550199"), ("+14155550123", NUMBER, "")]


@virtual
async def test_junk_is_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    exchange = Exchange(conduct(pick_up))
    exchange.server.receive(b"\x00\x01 no SIP", FLOW, exchange.now())
    await asyncio.sleep(0.1)
    assert exchange.switch.refused == 1
    assert "from 127.0.0.9:1" in caplog.text


@virtual
async def test_a_live_call_is_found_by_its_sid_and_one_that_is_over_is_not() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phones = [exchange.dial(NUMBER) for _ in range(2)]
    await asyncio.gather(*(phone.answered.wait() for phone in phones))
    assert len(exchange.switch) == 2
    for phone in phones:
        leg = exchange.switch.find(phone.sid)
        assert leg is not None
        assert leg.info.sid == phone.sid
    phones[0].hang_up()
    await asyncio.sleep(1)
    assert exchange.switch.find(phones[0].sid) is None
    assert exchange.switch.find("CA" + "0" * 32) is None
    phones[1].hang_up()
    await finished(exchange)


@virtual
async def test_a_caller_may_change_the_session() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    phone.reinvite(sdp.offer("127.0.0.1", 40000, direction="sendonly"))
    await asyncio.sleep(1)
    assert phone.audio.formats[-1].sends is False
    phone.hang_up()
    await finished(exchange)


@virtual
async def test_events_of_calls_that_are_not_there_concern_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "ringback.calls.leg")
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    exchange.switch.on_event(Ended(DialogId(999), "bye", remote=True))
    exchange.switch.on_event(Trace(DialogId(999), "in", "BYE sip:a SIP/2.0", "2 BYE"))
    exchange.switch.on_event(Trace(None, "in", "OPTIONS sip:a SIP/2.0", "1 OPTIONS"))
    assert len(exchange.switch) == 1
    leg = phone.leg
    assert leg is not None
    assert leg.invite is not None
    exchange.switch.on_event(ReinviteAnswered(leg.invite.call, None))
    assert f"call {phone.sid}: ReinviteAnswered" in caplog.text
    phone.hang_up()
    await finished(exchange)


@virtual
async def test_going_down_takes_a_few_seconds_however_many_calls_do_not_let_go() -> None:
    async def stubborn(leg: Leg) -> None:
        while leg.now() < 20:
            try:
                await leg.sleep(20)
            except asyncio.CancelledError:
                continue

    exchange = Exchange(conduct(pick_up, stubborn))
    phones = [exchange.dial(NUMBER) for _ in range(20)]
    await asyncio.gather(*(phone.answered.wait() for phone in phones))
    began = exchange.now()
    async with asyncio.TaskGroup() as group:
        closing = group.create_task(exchange.switch.close())
        await asyncio.sleep(6)
        assert len(exchange.switch) == 0
        assert {exchange.records[phone.sid]["end_reason"] for phone in phones} == {"server-stopped"}
        await closing
    assert exchange.now() - began < 30


@virtual
async def test_what_comes_afterwards_is_waited_for_when_the_server_goes_down() -> None:
    told: list[str | None] = []

    async def tell(leg: Leg) -> None:
        await asyncio.sleep(3)
        told.append(leg.end_reason)

    exchange = Exchange(conduct(pick_up, wait_an_hour), afterwards=tell)
    phone = exchange.dial(NUMBER)
    await phone.answered.wait()
    await exchange.switch.close()
    assert told == ["server-stopped"]
