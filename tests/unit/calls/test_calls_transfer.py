"""Transfers by phones: who goes, who stays, with whom, and what the phone is told; in virtual time."""

# Covers: testing/exchange.py

import asyncio
from dataclasses import dataclass, field

import pytest
from calls_virtual import ACCOUNT, NUMBER, conduct, finished, pick_up, virtual, wait_an_hour

from ringback.calls.dialing import Dialed, Dialing, Target
from ringback.calls.leg import Leg
from ringback.model.status import ApiVersion, CallStatus
from ringback.testing.exchange import Answers, Exchange, VirtualPhone

ALICE, BOB, CAROL, DAVE = "+15550100101", "+15550100102", "+15550100103", "+15550100104"
TO_CAROL = f"sip:{CAROL}@127.0.0.1"


@dataclass
class Office:
    """Whoever calls is connected to Bob, and whoever calls the number of Dave to Dave."""

    trusted: bool = True
    """Whether callers are phones of the server."""
    time_limit: float = 3600.0
    referrable: bool = False
    dialed: list[Dialed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.exchange = Exchange(self._conduct)

    async def _conduct(self, leg: Leg) -> None:
        leg.may_transfer = self.trusted
        leg.assign(ACCOUNT, None, ApiVersion.V2010)
        target = DAVE if leg.info.to == DAVE else BOB
        self.dialed.append(
            await leg.dial(Dialing((Target(target),), ALICE, time_limit=self.time_limit, referrable=self.referrable))
        )
        await leg.sleep(2)

    async def connect(self, number: str = NUMBER) -> VirtualPhone:
        phone = self.exchange.dial(number)
        await asyncio.sleep(3)
        return phone

    @property
    def bob(self) -> VirtualPhone:
        return self.exchange.taken[BOB]

    def talking(self) -> list[tuple[str, ...]]:
        """Who hears whom: the numbers of the legs in each room, `caller` for those that came in."""
        rooms: dict[int, list[str]] = {}
        for leg in self.exchange.switch:
            room = getattr(leg.audio.leg, "room", None)
            if room is not None:
                outgoing = leg.invite is None
                rooms.setdefault(room, []).append(leg.info.to.removeprefix("sip:")[:12] if outgoing else "caller")
        return sorted(tuple(sorted(room)) for room in rooms.values())

    def ends(self) -> dict[str, str]:
        return {record["to"]: record["end_reason"] for record in self.exchange.records.values()}

    async def over(self) -> None:
        await finished(self.exchange)
        assert self.exchange.media.legs == []


@virtual
async def test_the_callee_transfers_the_caller_to_somebody_else() -> None:
    office = Office()
    office.exchange.answers[CAROL] = Answers(rings=4, talks=30)
    caller = await office.connect()
    bob = office.bob
    bob.transfer(TO_CAROL)
    await asyncio.sleep(2)
    playing = caller.audio.playing
    assert playing is not None and "ringback" in playing.path.name, "the caller hears it ring"
    await asyncio.sleep(4)
    assert bob.progress == [100, 180, 200]
    assert bob.ended.is_set()
    assert office.talking() == [(CAROL, "caller")]
    await asyncio.sleep(60)
    assert [dialed.status for dialed in office.dialed] == ["completed"], "the document goes on after the last talk"
    assert office.ends() == {NUMBER: "document-end", BOB: "transferred", TO_CAROL: "caller-hangup"}
    await office.over()


@virtual
async def test_a_phone_that_hangs_up_right_after_its_wish_is_gone_and_the_others_are_connected() -> None:
    office = Office()
    await office.connect()
    office.bob.transfer(TO_CAROL)
    await asyncio.sleep(0.01)
    office.bob.hang_up()
    await asyncio.sleep(5)
    assert office.talking() == [(CAROL, "caller")]
    await office.exchange.switch.close()


@virtual
async def test_who_does_not_answer_leaves_the_two_as_they_were() -> None:
    office = Office()
    office.exchange.answers[CAROL] = Answers(code=486)
    caller = await office.connect()
    office.bob.transfer(TO_CAROL)
    await asyncio.sleep(5)
    assert office.bob.progress == [100, 180, 486]
    assert office.talking() == [(BOB, "caller")]
    office.bob.transfer("sip:nowhere@127.0.0.1")
    await asyncio.sleep(5)
    assert office.bob.progress[-1] == 404
    assert office.talking() == [(BOB, "caller")]
    caller.hang_up()
    await office.over()


@virtual
async def test_who_does_not_answer_a_phone_that_has_gone_ends_the_dial() -> None:
    office = Office()
    office.exchange.answers[CAROL] = Answers(rings=10, code=480)
    await office.connect()
    office.bob.transfer(TO_CAROL)
    await asyncio.sleep(2)
    office.bob.hang_up()
    await asyncio.sleep(10)
    assert [dialed.status for dialed in office.dialed] == ["completed"]
    await office.over()


@virtual
async def test_a_caller_who_gives_up_meanwhile_ends_it() -> None:
    office = Office()
    office.exchange.answers[CAROL] = Answers(rings=30)
    caller = await office.connect()
    office.bob.transfer(TO_CAROL)
    await asyncio.sleep(3)
    caller.hang_up()
    await asyncio.sleep(3)
    assert office.bob.ended.is_set()
    await office.over()
    assert office.ends()[TO_CAROL] == "parent-ended"


@pytest.mark.parametrize("stays", [True, False], ids=["it waits", "it hangs up at once"])
def test_the_caller_transfers_the_callee(stays: bool) -> None:
    @virtual
    async def test() -> None:
        office = Office()
        office.exchange.answers[CAROL] = Answers(rings=4, talks=30)
        caller = await office.connect()
        caller.transfer(TO_CAROL)
        await asyncio.sleep(0.01)
        if not stays:
            caller.hang_up()
        await asyncio.sleep(6)
        assert caller.ended.is_set()
        if stays:
            assert caller.progress == [100, 180, 200]
        assert office.talking() == [(BOB, CAROL)]
        await asyncio.sleep(60)
        assert office.ends()[TO_CAROL] == "caller-hangup"
        assert office.ends()[BOB] == "document-end"
        await office.over()

    test()


@virtual
async def test_the_caller_gets_the_callee_back_where_nobody_answers() -> None:
    office = Office()
    office.exchange.answers[CAROL] = Answers(rings=3, code=486)
    caller = await office.connect()
    caller.transfer(TO_CAROL)
    await asyncio.sleep(6)
    assert caller.progress == [100, 180, 486]
    assert office.talking() == [(BOB, "caller")]
    office.bob.hang_up()
    await asyncio.sleep(1)
    assert [dialed.status for dialed in office.dialed] == ["completed"]
    await office.over()


@virtual
async def test_whoever_came_by_a_transfer_may_transfer_again() -> None:
    office = Office()
    await office.connect()
    office.bob.transfer(TO_CAROL)
    await asyncio.sleep(4)
    office.exchange.taken[CAROL].transfer(f"sip:{DAVE}@127.0.0.1")
    await asyncio.sleep(4)
    assert office.talking() == [(DAVE, "caller")]
    await office.exchange.switch.close()


@virtual
async def test_the_time_limit_is_that_of_the_dial() -> None:
    office = Office(time_limit=20)
    await office.connect()
    await asyncio.sleep(8)
    office.bob.transfer(TO_CAROL)
    await asyncio.sleep(13)
    assert [(dialed.status, dialed.seconds) for dialed in office.dialed] == [("completed", 20)]
    await office.over()


@virtual
async def test_strangers_may_not_transfer() -> None:
    office = Office(trusted=False)
    caller = await office.connect()
    caller.transfer(TO_CAROL)
    await asyncio.sleep(2)
    assert (caller.progress, office.talking()) == ([603], [(BOB, "caller")])
    caller.hang_up()
    await office.over()


@pytest.mark.conforms("2010-04-01/2.6/refer")
@virtual
async def test_a_callee_may_refer_the_call_where_that_is_for_others_to_decide() -> None:
    """Nobody is called: the Dial is over, and tells where to. The caller's own wishes are as before."""
    office = Office(trusted=False, referrable=True)
    caller = await office.connect()
    caller.transfer(TO_CAROL)
    await asyncio.sleep(1)
    assert (caller.progress, office.dialed) == ([603], [])
    office.bob.transfer(TO_CAROL)
    await asyncio.sleep(1)
    (dialed,) = office.dialed
    assert (dialed.status, dialed.bridged, dialed.referred_to) == ("completed", True, TO_CAROL)
    assert (office.bob.progress[-1], office.bob.ended.is_set()) == (200, True)
    assert office.exchange.called == [BOB]
    await caller.ended.wait()
    assert office.ends() == {NUMBER: "document-end", BOB: "transferred"}
    await office.over()


@virtual
async def test_outside_of_a_talk_nobody_can_be_transferred() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phone = exchange.dial(NUMBER)
    await asyncio.sleep(1)
    phone.transfer(TO_CAROL)
    await asyncio.sleep(1)
    assert phone.progress == [603]
    await exchange.switch.close()


# -- attended ----------------------------------------------------------------------------------------------------------


@virtual
async def test_a_phone_connects_the_two_that_it_talks_to() -> None:
    """It has called both: they are callees, and their callers go."""
    office = Office()
    one, two = await office.connect(), await office.connect(DAVE)
    assert office.talking() == [(BOB, "caller"), (DAVE, "caller")]
    one.transfer(f"sip:{DAVE}@127.0.0.1", replaces=two)
    await asyncio.sleep(2)
    assert office.talking() == [(BOB, DAVE)]
    assert one.progress == [100, 200]
    assert one.ended.is_set() and two.ended.is_set()
    office.exchange.taken[DAVE].hang_up()
    await asyncio.sleep(2)
    assert office.exchange.records[office.exchange.sids[0]]["status"] is CallStatus.COMPLETED
    await office.over()


@virtual
async def test_a_phone_that_was_called_connects_its_caller_to_whom_it_has_called() -> None:
    office = Office()
    caller = await office.connect()
    bob = office.bob
    question = await office.connect(DAVE)
    bob.transfer(f"sip:{DAVE}@127.0.0.1", replaces=question)
    await asyncio.sleep(2)
    assert office.talking() == [(DAVE, "caller")]
    assert bob.ended.is_set() and question.ended.is_set()
    caller.hang_up()
    await office.over()


@virtual
async def test_a_phone_that_was_called_twice_connects_both_callers() -> None:
    office = Office()
    first = await office.connect()
    one = office.bob
    second = await office.connect()
    two = office.bob
    one.transfer(f"sip:{NUMBER}@127.0.0.1", replaces=two)
    await asyncio.sleep(2)
    assert office.talking() == [("caller", "caller")]
    first.hang_up()
    await asyncio.sleep(1)
    assert second.leg is not None, "its document goes on"
    await office.over()


@virtual
async def test_what_is_no_talk_cannot_be_taken_over() -> None:
    office = Office()
    office.exchange.answers[DAVE] = Answers(rings=60)
    one, two = await office.connect(), await office.connect(DAVE)
    one.transfer(f"sip:{DAVE}@127.0.0.1", replaces=two)
    await asyncio.sleep(1)
    assert (one.progress, office.talking()) == ([603], [(BOB, "caller")])
    await office.exchange.switch.close()
