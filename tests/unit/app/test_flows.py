"""Calls from their first ring to what is told at the end: the worked flows of 2008-08-01 clause 12, each whole.

A flow goes the way of the real server: the switch, the interpreter, the web, and the store of what came of it.
"""

import asyncio
from pathlib import Path
from typing import Any, NoReturn

import pytest
from control_world import CALLEE, ControlWorld
from voice_world import ACCOUNT, CALLER, NUMBER, SHOP, STATUS_URL, number, virtual, wav
from web_in_memory import Asked, Page

from ringback.calls.dialplan import NoRoute
from ringback.model.conferences import ConferenceRecord, ConferenceStatus
from ringback.model.outgoing import MachineDetection
from ringback.model.records import CallRecord
from ringback.model.status import ApiVersion
from ringback.rest.control import Instructions, ParticipantChanges
from ringback.rest.versions.v2008_08_01 import CALL_SHAPE, Segment
from ringback.testing.exchange import Answers

V2008, V2010 = ApiVersion.V2008, ApiVersion.V2010
MENU = """
<Response>
  <Gather action="/menu" method="GET" numDigits="1"><Say>Press a key.</Say></Gather>
  <Say>Too late.</Say>
</Response>
"""


def in_rest(world: ControlWorld, sid: str) -> dict[str, Any]:
    """A call as the REST API of 2008-08-01 tells of it."""
    record = CallRecord(**world.kept(sid))
    parent = record.parent_call_sid
    shown = Segment(record, CallRecord(**world.kept(parent))) if parent else record
    return {tag: read(shown) for _, tag, read in CALL_SHAPE.readers}


def steps(world: ControlWorld) -> list[tuple[str, str, str]]:
    """What the application was asked: method, path, and the status of the call."""
    return [
        (asked.method, asked.url.removeprefix(SHOP.rstrip("/")).partition("?")[0], asked.fields["CallStatus"])
        for asked in world.web.asked
    ]


# -- an incoming call with a menu -------------------------------------------------------------------------------------


@pytest.mark.conforms("2008-08-01/12/menu", "2008-08-01/2.4/unreachable")
@virtual
async def test_a_menu_whose_key_is_pressed(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path, number(api_version=V2008)) as world:
        world.web.pages |= {SHOP: MENU, SHOP + "menu": "<Response><Say>You chose two.</Say></Response>"}
        phone = world.dial()
        await phone.answered.wait()
        await asyncio.sleep(0.3)
        during = in_rest(world, phone.sid)
        phone.audio.key("2")
        await phone.ended.wait()
        await world.over()
        assert world.spoken(phone) == ["Press a key.", "You chose two."]
        assert steps(world) == [
            ("POST", "/", "in-progress"),
            ("GET", "/menu", "in-progress"),
            ("POST", "/", "completed"),
        ]
        first, chosen, last = (asked.fields for asked in world.web.asked)
        assert (first["Caller"], first["Called"], first["DialStatus"]) == (CALLER[2:], NUMBER[2:], "answered")
        assert (first["CallGuid"], first["AccountGuid"]) == (phone.sid, ACCOUNT.sid)
        assert (chosen["CallSid"], chosen["Digits"], "DialStatus" in chosen) == (phone.sid, "2", False)
        assert last["CallSid"] == phone.sid
        after = in_rest(world, phone.sid)
        assert (during["Status"], during["EndTime"], during["Duration"]) == (1, None, None)
        assert (after["Status"], after["Flags"], after["PhoneNumberSid"]) == (2, 1, number().sid)
        assert after["EndTime"] > after["StartTime"]
        assert (world.errors(phone), world.warnings(phone)) == ([], [])


@pytest.mark.conforms("2008-08-01/12/menu")
@virtual
async def test_a_menu_that_nobody_answers(tmp_path: Path) -> None:
    """Five seconds after its prompt the verb below comes, and then the end."""
    async with ControlWorld(tmp_path, number(api_version=V2008)) as world:
        world.web.pages |= {SHOP: MENU}
        phone = await world.call()
        assert world.spoken(phone) == ["Press a key.", "Too late."]
        assert steps(world) == [("POST", "/", "in-progress"), ("POST", "/", "completed")]
        prompt, late = world.exchange.media.played
        assert 5 <= late.start - prompt.end < 5.1
        assert world.record(phone)["end_reason"] == "document-end"


@pytest.mark.conforms("2008-08-01/1.7/status")
@virtual
async def test_an_application_that_fails_is_status_4(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path, number(api_version=V2008)) as world:
        world.web.pages[SHOP] = Page("oops", "text/plain", 500)
        phone = await world.call()
        assert (in_rest(world, phone.sid)["Status"], world.errors(phone)) == (4, [11200])
        assert len(world.spoken(phone)) == 1, "the caller hears why"


# -- a call that is put through ---------------------------------------------------------------------------------------


def dialing(attributes: str) -> str:
    return f"<Response><Dial {attributes}>{CALLEE}</Dial><Say>Below.</Say></Response>"


@pytest.mark.conforms("2008-08-01/12/dial", "2008-08-01/2.6/action")
@pytest.mark.parametrize(
    ("callee", "status", "code"),
    [
        (Answers(code=486), "busy", 3),
        (Answers(rings=60), "no-answer", 5),
        (Answers(code=404), "failed", 4),
        (Answers(talks=20), "answered", 2),
    ],
    ids=["busy", "no-answer", "failed", "answered"],
)
def test_a_dial_tells_its_action_how_it_went(callee: Answers, status: str, code: int, tmp_path: Path) -> None:
    @virtual
    async def test() -> None:
        async with ControlWorld(tmp_path, number(api_version=V2008)) as world:
            world.exchange.answers[CALLEE] = callee
            world.web.pages |= {
                SHOP: dialing('action="/done"'),
                SHOP + "done": lambda asked: f"<Response><Say>It was {asked.fields['DialStatus']}.</Say></Response>",
            }
            phone = await world.call()
            assert world.exchange.called == [CALLEE]
            assert steps(world)[1:] == [("POST", "/done", "in-progress"), ("POST", "/", "completed")]
            assert world.web.asked[1].fields["DialStatus"] == status
            assert world.spoken(phone) == [f"It was {status}."], "what is below the Dial is not reached"
            (made,) = [sid for sid, kept in world.exchange.records.items() if kept["parent_call_sid"] == phone.sid]
            segment = in_rest(world, made)
            assert (segment["Sid"], segment["CallSegmentSid"]) == (phone.sid, made)
            assert (segment["Status"], segment["Flags"]) == (code, 1 | 4)
            assert world.record(phone)["end_reason"] == "document-end"

    test()


@pytest.mark.conforms("2008-08-01/12/dial", "2008-08-01/2.6/action-default")
@pytest.mark.parametrize("version", [V2008, V2010])
def test_a_dial_without_an_action_goes_on_below(version: ApiVersion, tmp_path: Path) -> None:
    @virtual
    async def test() -> None:
        async with ControlWorld(tmp_path, number(api_version=version)) as world:
            world.exchange.answers[CALLEE] = Answers(code=486)
            world.web.pages[SHOP] = dialing("")
            phone = await world.call()
            assert world.spoken(phone) == ["Below."]

    test()


@virtual
async def test_who_is_called_hears_a_document_first_and_may_decline(tmp_path: Path) -> None:
    """The url of a Number: a Hangup there is no answer for the caller, and its end is the bridge."""
    async with ControlWorld(tmp_path, number(api_version=V2008)) as world:
        screen = "<Response><Gather numDigits='1' action='/accept'><Say>Press one.</Say></Gather><Hangup/></Response>"
        world.web.pages |= {
            SHOP: f'<Response><Dial action="/done"><Number url="/screen">{CALLEE}</Number></Dial></Response>',
            SHOP + "screen": screen,
            SHOP + "accept": "<Response><Say>Here they are.</Say></Response>",
            SHOP + "done": "<Response/>",
        }
        world.exchange.answers[CALLEE] = Answers(talks=60)
        await world.call()
        assert world.told(SHOP + "screen")[0]["DialStatus"] == "answered"
        assert world.told(SHOP + "done")[-1]["DialStatus"] == "no-answer"

        phone = world.dial()
        await phone.answered.wait()
        await asyncio.sleep(2.5)
        (callee,) = [leg for leg in world.exchange.switch if leg.info.parent_sid == phone.sid]
        audio = next(audio for audio in world.exchange.media.legs if audio.listener is callee)
        audio.key("1")
        await asyncio.sleep(3)
        assert (audio.room is not None, audio.room) == (True, phone.audio.room), "they hear one another"
        await phone.ended.wait()
        await world.over()
        assert world.told(SHOP + "done")[-1]["DialStatus"] == "answered"


@pytest.mark.conforms("2010-04-01/2.6/refer")
@virtual
async def test_who_is_called_sends_the_caller_on(tmp_path: Path) -> None:
    """By REFER: the application says what that means, and here it dials whom it names."""
    async with ControlWorld(tmp_path, number()) as world:
        world.web.pages |= {
            SHOP: dialing('referUrl="/refer" action="/done"'),
            SHOP + "refer": "<Response><Dial>+15550100777</Dial><Say>Goodbye.</Say></Response>",
        }
        world.exchange.answers["+15550100777"] = Answers(talks=10)
        phone = world.dial()
        await asyncio.sleep(5)
        world.exchange.taken[CALLEE].transfer("sip:+15550100777@127.0.0.1")
        await phone.ended.wait()
        await world.over()
        (told,) = world.told(SHOP + "refer")
        assert told["ReferTransferTarget"] == "sip:+15550100777@127.0.0.1"
        assert (told["DialCallStatus"], told["CallSid"]) == ("completed", phone.sid)
        assert world.exchange.called == [CALLEE, "+15550100777"]
        assert (world.spoken(phone), world.told(SHOP + "done")) == (["Goodbye."], [])


@pytest.mark.conforms("2010-04-01/2.6.2/not-registered")
@virtual
async def test_a_client_that_is_not_there_fails_the_dial(tmp_path: Path) -> None:
    async def not_there(*_: object, **__: object) -> NoReturn:
        raise NoRoute(480, "the phone anna is not registered")

    async with ControlWorld(tmp_path, number()) as world:
        world.web.pages |= {
            SHOP: '<Response><Dial action="/done"><Client>anna</Client></Dial></Response>',
            SHOP + "done": "<Response/>",
        }
        world.exchange.lines.hops = not_there  # type: ignore[method-assign]
        await world.call()
        (told,) = world.told(SHOP + "done")
        assert (told["DialCallStatus"], told["DialBridged"]) == ("failed", "false")


# -- calls from the API -----------------------------------------------------------------------------------------------


@pytest.mark.conforms("2008-08-01/12/outgoing", "2008-08-01/6/make-call-IfMachine")
@pytest.mark.parametrize(
    ("verdict", "told"),
    [("human", "answered-human"), ("machine_end_beep", "answered-machine")],
    ids=["human", "machine"],
)
def test_a_call_from_the_api_knows_whom_it_reached(verdict: str, told: str, tmp_path: Path) -> None:
    def page(asked: Asked) -> str:
        person = asked.fields.get("DialStatus") == "answered-human"
        return f"<Response><Say>{'Dear person.' if person else 'Please call back.'}</Say></Response>"

    @virtual
    async def test() -> None:
        async with ControlWorld(tmp_path, number(api_version=V2008)) as world:
            world.web.pages[SHOP] = page
            world.verdict = verdict
            sid = await world.ask(api_version=V2008, machine_detection=MachineDetection())
            before = in_rest(world, sid)["Status"]
            await world.over()
            assert steps(world) == [("POST", "/", "in-progress"), ("POST", "/", "completed")]
            assert world.told(SHOP)[0]["DialStatus"] == told
            heard = [event["text"] for event in world.exchange.timeline(sid, "speech")]
            assert heard == ["Dear person." if verdict == "human" else "Please call back."]
            after = in_rest(world, sid)
            assert (before, after["Status"], after["Flags"]) == (0, 2, 2)

    test()


@pytest.mark.conforms("2008-08-01/12/outgoing", "2008-08-01/1.1/outgoing-not-connected")
@pytest.mark.parametrize(
    ("callee", "status", "code"),
    [(Answers(code=486), "busy", 3), (Answers(rings=100), "no-answer", 5), (Answers(code=404), "failed", 4)],
    ids=["busy", "no-answer", "failed"],
)
def test_a_call_from_the_api_that_reaches_nobody(callee: Answers, status: str, code: int, tmp_path: Path) -> None:
    @virtual
    async def test() -> None:
        async with ControlWorld(tmp_path, number(api_version=V2008)) as world:
            world.exchange.answers[CALLEE] = callee
            world.web.pages[SHOP] = "<Response><Say>Never said.</Say></Response>"
            sid = await world.ask(api_version=V2008, machine_detection=MachineDetection())
            await world.over()
            (told,) = world.told(SHOP)
            assert (told["DialStatus"], told["CallStatus"]) == (status, status)
            assert in_rest(world, sid)["Status"] == code
            assert world.exchange.timeline(sid, "speech") == []

    test()


# -- calls that are commanded -----------------------------------------------------------------------------------------


@pytest.mark.conforms("2008-08-01/12/control")
@virtual
async def test_a_live_call_is_muted_moved_and_hung_up(tmp_path: Path) -> None:
    """A room with two; one is muted, then moved into a Dial, moved out of it again, and hung up."""
    async with ControlWorld(tmp_path, number(api_version=V2008)) as world:
        room = '<Response><Dial><Conference beep="false">room</Conference></Dial></Response>'
        world.web.pages |= {
            SHOP: room,
            SHOP + "dial": dialing(""),
            SHOP + "wait": '<Response><Pause length="60"/></Response>',
            SHOP + "end": "<Response><Hangup/></Response>",
        }
        one, two = world.dial(), world.dial()
        await asyncio.sleep(3)
        (conference,) = world.exchange.switch.conferences
        assert one.audio.room == two.audio.room is not None

        await world.control.update_participant(conference.sid, one.sid, ParticipantChanges(muted=True))
        assert (one.audio.muted, two.audio.muted) == (True, False)

        await redirect(world, one.sid, "dial")
        await asyncio.sleep(5)
        (callee,) = [leg for leg in world.exchange.switch if leg.info.parent_sid == one.sid]
        assert (list(conference.members), one.audio.muted) == ([two.sid], False)

        await redirect(world, one.sid, "wait")
        await asyncio.sleep(1)
        assert world.exchange.switch.find(callee.info.sid) is None, "the dialed leg is dropped"
        assert one.leg is not None

        for phone in (one, two):
            await redirect(world, phone.sid, "end")
            await phone.ended.wait()
        await world.over()
        (ended,) = world.exchange.kept(ConferenceRecord)
        assert ended.status is ConferenceStatus.COMPLETED
        assert [in_rest(world, phone.sid)["Status"] for phone in (one, two)] == [2, 2]
        assert [world.record(phone)["end_reason"] for phone in (one, two)] == ["hangup-verb"] * 2


@pytest.mark.conforms("2008-08-01/2.6.2/members")
@virtual
async def test_forty_callers_share_a_conference(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path, number(api_version=V2008)) as world:
        world.web.pages[SHOP] = '<Response><Dial><Conference beep="false">room</Conference></Dial></Response>'
        phones = [world.dial() for _ in range(40)]
        await asyncio.sleep(5)
        (conference,) = world.exchange.switch.conferences
        assert sorted(conference.members) == sorted(phone.sid for phone in phones)
        assert len({phone.audio.room for phone in phones}) == 1
        assert {status for phone in phones for status in world.warnings(phone)} == set()
        for phone in phones:
            phone.hang_up()
        await world.over()


async def redirect(world: ControlWorld, sid: str, path: str) -> None:
    await world.control.redirect(sid, Instructions(url=SHOP + path))


# -- more than one feature at a time ----------------------------------------------------------------------------------


@virtual
async def test_a_support_line_of_2010(tmp_path: Path) -> None:
    """A menu, a queue with words while one waits, an agent who takes the caller, and what everybody is told."""
    async with ControlWorld(tmp_path, number(status_callback=STATUS_URL)) as world:
        world.web.pages |= {
            SHOP: '<Response><Gather numDigits="1" action="/key"><Play>/hello.wav</Play></Gather></Response>',
            SHOP + "hello.wav": Page(wav(2.0), "audio/wav"),
            SHOP + "key": '<Response><Enqueue waitUrl="/wait" action="/served">support</Enqueue></Response>',
            SHOP + "wait": lambda asked: (
                f"<Response><Say>You are number {asked.fields['QueuePosition']}.</Say><Pause length='30'/></Response>"
            ),
            SHOP + "served": "<Response><Say>Goodbye.</Say></Response>",
            SHOP + "agent": "<Response><Dial><Queue url='/before'>support</Queue></Dial></Response>",
            SHOP + "before": "<Response><Say>A caller.</Say></Response>",
            STATUS_URL: "",
        }
        caller = world.dial()
        await caller.answered.wait()
        caller.audio.key("1")
        await asyncio.sleep(10)
        world.exchange.answers[CALLEE] = Answers(talks=40)
        agent = await world.ask(url=SHOP + "agent")
        await caller.ended.wait()
        await world.over()
        assert world.spoken(caller)[0] == "You are number 1."
        assert world.spoken(caller)[-1] == "Goodbye."
        (served,) = world.told(SHOP + "served")
        assert served["QueueResult"] == "bridged"
        (completed,) = world.told(STATUS_URL)
        assert (completed["CallStatus"], world.kept(agent)["status"]) == ("completed", "completed")
        assert world.errors(caller) == []
