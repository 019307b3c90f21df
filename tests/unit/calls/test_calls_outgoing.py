"""The INVITEs of a call that we make: which goes out when, who is listened to, and what the failures come to."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from calls_virtual import FLOW, OFFER, virtual

from ringback.calls.audio import CODECS, AudioSettings, LegAudio
from ringback.calls.outgoing import Attempts, Connected, Group, Hop, NotConnected
from ringback.sip import sdp
from ringback.sip.description import parse
from ringback.sip.events import Answered, DialogId, Ended, Refused, Ringing
from ringback.testing.clock import run
from ringback.testing.exchange import Lines
from ringback.testing.media import FakeMedia

ANSWER = sdp.answer(OFFER, "127.0.0.1", 41000)[0]
EARLY = sdp.answer(OFFER, "127.0.0.1", 42000)[0]
UNFIT = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 18\r\n"


ENTROPY = random.Random(7).randbytes


class Listener:
    def on_key(self, key: str) -> None: ...
    def on_quiet(self, times: int) -> None: ...
    def on_lost(self) -> None: ...


def hop(name: str, **rules: Any) -> Hop:
    return Hop(f"sip:{name}@h", FLOW, "sip:us@h", name=name, **rules)


class Making:
    """A call that is being made: INVITEs are numbered in the order in which they go out."""

    def __init__(self) -> None:
        self.media = FakeMedia()
        self.lines = Lines()
        self.invited: list[str] = []
        self.offers: list[bytes] = []
        self.cancelled: list[str] = []
        self.bound: list[DialogId] = []
        self.rung: list[tuple[int, bool]] = []
        self.headers: list[Sequence[tuple[str, str]]] = []
        self.audio = LegAudio(
            self.media, Listener(), AudioSettings(), lambda kind, **data: None, ENTROPY, lambda: False
        )
        self.attempts = Attempts(
            self, self.lines, self.audio, self.bound.append, lambda *rung: self.rung.append(rung), [("X-Tenant", "7")]
        )

    def invite(self, hop: Hop, description: bytes, headers: Sequence[tuple[str, str]]) -> DialogId:
        if hop.name == "unsayable":
            raise ValueError("a URI with a line break")
        assert b"m=audio" in description
        self.invited.append(hop.name)
        self.offers.append(description)
        self.headers.append(headers)
        return DialogId(len(self.invited) - 1)

    def cancel(self, call: DialogId) -> None:
        self.cancelled.append(self.invited[call])

    async def connect(self, *groups: Group, timeout: float = 60.0) -> Connected | NotConnected:
        await self.audio.open()
        return await self.attempts.connect(groups, timeout)

    def later(self, seconds: float, event: Any) -> None:
        asyncio.get_running_loop().call_later(seconds, self.attempts.on_event, event)

    @property
    def released(self) -> list[tuple[str, int]]:
        return [(uri[4:].partition("@")[0], code) for uri, code in self.lines.seizures if code]


def ringing(number: int, description: bytes | None = None, *, code: int = 180, fork: str = "") -> Ringing:
    return Ringing(DialogId(number), code, description, fork=fork)


def answered(number: int, description: bytes | None = ANSWER, *, fork: str = "") -> Answered:
    return Answered(DialogId(number), description, fork=fork)


def refused(number: int, code: int) -> Refused:
    return Refused(DialogId(number), code, "no")


@virtual
async def test_somebody_rings_and_picks_up() -> None:
    making = Making()
    making.later(1, ringing(0))
    making.later(5, answered(0))
    connected = await making.connect([hop("a")])
    assert connected == Connected(DialogId(0), hop("a"))
    assert (making.rung, making.bound, making.headers) == ([(180, False)], [DialogId(0)], [[("X-Tenant", "7")]])
    assert making.media.legs[0].formats[-1].remote == ("127.0.0.1", 41000)
    assert (making.cancelled, making.released) == ([], [])


@virtual
async def test_the_next_is_tried_where_a_hop_fails_and_not_where_the_callee_does_not_want() -> None:
    making = Making()
    making.later(1, refused(0, 503))
    making.later(2, refused(1, 486))
    outcome = await making.connect([hop("a")], [hop("b")], [hop("c")])
    assert outcome == NotConnected(486, "no")
    assert making.invited == ["a", "b"]
    assert making.released == [("a", 503), ("b", 486)]


@virtual
async def test_a_hop_that_says_nothing_is_left_for_the_next() -> None:
    making = Making()
    loop = asyncio.get_running_loop()
    began = loop.time()
    making.later(8, answered(1))
    connected = await making.connect([hop("dead")], [hop("b")])
    assert isinstance(connected, Connected) and connected.hop.name == "b"
    assert (making.cancelled, loop.time() - began) == (["dead"], 8)
    assert making.released == [("dead", 487)]


def _codecs(description: bytes) -> list[str]:
    (media,) = parse(description).media
    return [codec.name for codec in media.codecs if codec.name in CODECS]


@virtual
async def test_each_hop_is_offered_what_it_may_have() -> None:
    """Codecs and encryption are those of its own trunk or phone, however many ring at once."""
    making = Making()
    plain, secure = hop("plain", codecs=("PCMA",)), hop("secure", srtp="required", codecs=("PCMU", "PCMA"))
    making.later(1, refused(0, 503))
    making.later(2, ringing(1))
    async with asyncio.TaskGroup() as tasks:
        connecting = tasks.create_task(making.connect([plain], [secure, plain]))
        await asyncio.sleep(2.5)
        assert [_codecs(offer) for offer in making.offers] == [["PCMA"], ["PCMU", "PCMA"], ["PCMA"]]
        assert [b"RTP/SAVP" in offer for offer in making.offers] == [False, True, False]
        # The answer is held against the offer that it is for, though another one went out later.
        answer, _ = sdp.answer(making.offers[1], "127.0.0.1", 41000, srtp="required", entropy=ENTROPY(64))
        making.attempts.on_event(answered(1, answer))
    assert connecting.result() == Connected(DialogId(1), secure)
    assert making.media.legs[0].formats[-1].srtp is not None
    again = parse(making.audio.offer()).media[0]
    assert (again.protocol, _codecs(making.audio.offer())) == ("RTP/SAVP", ["PCMU", "PCMA"])


@virtual
async def test_an_answer_without_the_encryption_that_its_hop_requires_is_no_answer() -> None:
    making = Making()
    making.later(1, answered(0))
    outcome = await making.connect([hop("secure", srtp="required"), hop("plain")], timeout=5)
    assert isinstance(outcome, NotConnected)
    assert ("secure", 488) in making.released


@virtual
async def test_the_last_hop_may_be_silent_as_long_as_it_may_ring() -> None:
    making = Making()
    outcome = await making.connect([hop("a")], timeout=20)
    assert isinstance(outcome, NotConnected)
    assert (outcome.code, outcome.timed_out, asyncio.get_running_loop().time()) == (487, True, 20)
    assert making.cancelled == ["a"]


@virtual
async def test_a_hop_that_rings_is_waited_for() -> None:
    making = Making()
    making.later(2, ringing(0))
    outcome = await making.connect([hop("a")], [hop("b")], timeout=30)
    assert isinstance(outcome, NotConnected) and outcome.timed_out
    assert making.invited == ["a"]


@virtual
async def test_silence_everywhere_is_told_as_a_timeout() -> None:
    making = Making()
    making.later(9, Ended(DialogId(1), "unreachable", True))
    assert await making.connect([hop("a")], [hop("b")]) == NotConnected(480)


@virtual
async def test_several_ring_at_once_and_the_first_wins() -> None:
    making = Making()
    making.later(1, ringing(0))
    making.later(1, ringing(1))
    making.later(2, refused(2, 486))
    making.later(3, answered(1))
    connected = await making.connect([hop("a"), hop("b"), hop("c")])
    assert isinstance(connected, Connected) and connected.hop.name == "b"
    assert (making.invited, making.cancelled) == (["a", "b", "c"], ["a"])
    assert sorted(making.released) == [("a", 487), ("c", 486)]


@pytest.mark.parametrize(
    ("codes", "telling"),
    [((480, 486), 486), ((404, 480), 480), ((500, 404), 404), ((603, 486), 603), ((502, 415), 415), ((486, 600), 600)],
)
def test_the_most_telling_failure_counts(codes: tuple[int, ...], telling: int) -> None:
    async def test() -> None:
        making = Making()
        for number, code in enumerate(codes):
            making.later(1 + number, refused(number, code))
        outcome = await making.connect([hop(str(number)) for number in range(len(codes))])
        assert isinstance(outcome, NotConnected) and outcome.code == telling

    run(test())


@virtual
async def test_nobody_to_call_is_not_available() -> None:
    assert await Making().connect() == NotConnected(480, "there was nobody to call")


@virtual
async def test_what_cannot_be_put_into_an_invite_is_a_bad_request() -> None:
    making = Making()
    assert await making.connect([hop("unsayable")]) == NotConnected(400, "a URI with a line break")
    assert making.released == []


@virtual
async def test_early_audio_is_heard_from_the_first_who_sends_it() -> None:
    making = Making()
    making.later(1, ringing(0, EARLY, code=183))
    making.later(2, ringing(1, ANSWER, code=183))
    making.later(3, answered(0, EARLY))
    await making.connect([hop("a"), hop("b")])
    assert making.rung == [(183, True), (183, False)]
    assert [each.remote[1] for each in making.media.legs[0].formats] == [42000, 42000]


@virtual
async def test_early_audio_that_does_not_fit_is_only_a_ring() -> None:
    making = Making()
    making.later(1, ringing(0, UNFIT, code=183))
    making.later(3, answered(0))
    assert isinstance(await making.connect([hop("a")]), Connected)
    assert making.rung == [(183, False)]


@virtual
async def test_an_answer_without_a_description_means_the_early_one_of_its_fork() -> None:
    making = Making()
    making.later(1, ringing(0, EARLY, code=183, fork="x"))
    making.later(2, answered(0, None, fork="x"))
    assert isinstance(await making.connect([hop("a")]), Connected)
    making = Making()
    making.later(1, ringing(0, EARLY, code=183, fork="x"))
    making.later(2, answered(0, None, fork="y"))
    outcome = await making.connect([hop("a")])
    assert isinstance(outcome, NotConnected) and outcome.code == 488
    assert making.cancelled == ["a"], "it has picked up, and is let go"


@virtual
async def test_an_answer_that_does_not_fit_ends_that_call_and_the_others_go_on() -> None:
    making = Making()
    making.later(1, answered(0, UNFIT))
    making.later(4, answered(1))
    connected = await making.connect([hop("a"), hop("b")])
    assert isinstance(connected, Connected) and connected.hop.name == "b"
    assert (making.cancelled, making.released) == (["a"], [("a", 488)])


@virtual
async def test_news_of_what_is_over_changes_nothing() -> None:
    making = Making()
    making.later(1, refused(0, 486))
    making.later(1.5, refused(0, 404))
    making.later(2, answered(9))
    making.later(3, answered(1))
    assert isinstance(await making.connect([hop("a"), hop("b")]), Connected)
    assert making.released == [("a", 486)]


@virtual
async def test_cancelling_takes_every_invite_back() -> None:
    making = Making()
    await making.audio.open()
    task = asyncio.get_running_loop().create_task(making.connect([hop("a"), hop("b")]))
    await asyncio.sleep(3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    making.attempts.withdraw()
    assert making.cancelled == ["a", "b"]
    assert making.released == [("a", 487), ("b", 487)]


@virtual
async def test_other_addresses_that_a_refusal_names_are_told() -> None:
    making = Making()
    making.later(1, Refused(DialogId(0), 302, "Moved", contacts=("sip:other@h",)))
    outcome = await making.connect([hop("a")])
    assert isinstance(outcome, NotConnected) and outcome.contacts == ("sip:other@h",)
