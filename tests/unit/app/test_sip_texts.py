"""Texts between phones and the carrier of registered phones: a real endpoint, with the phones' datagrams scripted."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ringback.app.sip_texts import SipTexts
from ringback.messaging.carriers.sip import SipCarrier
from ringback.messaging.port import MessageRefused
from ringback.sip.events import IncomingCall, IncomingRequest, RequestAnswered
from ringback.sip.message import Request
from ringback.sip.registrar import Binding
from ringback.sip.values import RequestId
from ringback.storage.errors import StorageError
from ringback.testing.messages import FakeInbox
from tests.unit.sip.sip_talk import UDP, Talk, parse

SHOP = "+15550100001"
HOUSE, ALICES = "AC" + "0" * 32, "AC" + "1" * 32


def phone(number: int, **different: Any) -> Binding:
    return replace(Binding("alice", f"sip:alice@192.0.2.{number}", UDP, 3600.0, f"c{number}", 1), **different)


class World:
    """Phones of alice, an endpoint that they reach, and what stands behind the carrier."""

    def __init__(self, *phones: Binding, talk: Talk) -> None:
        self.talk = talk
        self.inbox = FakeInbox()
        self.asked: list[tuple[str, float]] = []
        self.phones = list(phones)
        self.texts = SipTexts(self._bindings, {"alice": ALICES}.get, clock=lambda: talk.now)
        self.carrier = SipCarrier("phones", self.texts, HOUSE)

    def _bindings(self, to: str, now: float) -> list[Binding]:
        self.asked.append((to, now))
        return self.phones if to == "alice" else []

    async def start(self) -> None:
        self.texts.carrier = self.carrier
        await self.carrier.start(self.inbox)
        self.texts.start(self.talk.endpoint, "203.0.113.1")

    def sent(self) -> list[Request]:
        """The requests that went out since the last look."""
        self.talk.collect()
        found = [message for message in map(parse, self.talk.sent) if isinstance(message, Request)]
        self.talk.sent.clear()
        return found

    def deliver(self) -> list[bool]:
        """Give the endpoint's events to the texts; tells of each whether it was one for them."""
        self.talk.collect()
        events, self.talk.events = self.talk.events, []
        return [self.texts.on_event(event) for event in events]

    async def arrives(self, body: bytes, kind: str = "text/plain", *, identity: str | None = None) -> int:
        """Let a phone send a text, and return what it is answered."""
        self.talk.say(self.talk.request("MESSAGE", body=body, kind=kind, uri=f"sip:{SHOP}@203.0.113.1"))
        (event,) = [one for one in self.talk.events if isinstance(one, IncomingRequest)]
        self.talk.events.clear()
        assert self.texts.on_event(replace(event, identity=identity))
        for _ in range(5):
            await asyncio.sleep(0)
        return self.talk.last_response().code


@pytest.fixture
async def world() -> World:
    made = World(phone(2), talk=Talk(serves=("MESSAGE",)))
    await made.start()
    return made


async def sending(world: World, to: str = "alice", from_: str = SHOP, body: str = "hello") -> asyncio.Task[int]:
    task = asyncio.get_running_loop().create_task(world.texts.send(to, from_, body))
    await asyncio.sleep(0)
    return task


# -- to phones --------------------------------------------------------------------------------------------------------


async def test_a_text_is_a_message_request_to_the_contact_of_the_phone(world: World) -> None:
    task = await sending(world, body="grüße")
    (request,) = world.sent()
    assert (request.method, request.uri, request.body.decode()) == ("MESSAGE", "sip:alice@192.0.2.2", "grüße")
    assert request.headers["content-type"] == ["text/plain;charset=UTF-8"]
    assert (request.from_.uri, request.to.uri) == (f"sip:{SHOP}@203.0.113.1", "sip:alice@203.0.113.1")
    world.talk.say(world.talk.response(request, 200))
    assert world.deliver() == [True]
    assert await task == 200


async def test_a_text_goes_the_way_that_the_phone_came(world: World) -> None:
    world.phones = [phone(2, path=("<sip:edge.example;lr>",))]
    task = await sending(world)
    (request,) = world.sent()
    assert request.headers["route"] == ["<sip:edge.example;lr>"]
    world.talk.say(world.talk.response(request, 202))
    world.deliver()
    assert await task == 202


@pytest.mark.parametrize(
    ("answers", "best"), [((486, 200), 200), ((603, 486), 486), ((408, 603), 603), ((408, 408), 408), ((202, 480), 202)]
)
async def test_the_best_answer_of_all_phones_counts(world: World, answers: tuple[int, int], best: int) -> None:
    """A success before any failure, and a failure before none at all."""
    world.phones = [phone(2), phone(3)]
    task = await sending(world)
    requests = world.sent()
    assert [request.uri for request in requests] == ["sip:alice@192.0.2.2", "sip:alice@192.0.2.3"]
    for request, code in zip(requests, answers, strict=True):
        world.talk.say(world.talk.response(request, code))
    assert world.deliver() == [True, True]
    assert await task == best


async def test_no_answer_is_408(world: World) -> None:
    task = await sending(world)
    world.talk.wait(33)
    world.deliver()
    assert await task == 408


async def test_an_answer_that_comes_after_all_is_nobodys(world: World) -> None:
    task = await sending(world)
    (request,) = world.sent()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    world.talk.say(world.talk.response(request, 200))
    assert world.deliver() == [True]
    assert not world.texts.on_event(RequestAnswered(RequestId(987654), 200, "OK")), "the answer to another's request"


async def test_who_has_no_phone_cannot_be_reached(world: World) -> None:
    assert world.texts.reaches("alice")
    assert not world.texts.reaches("bob")
    assert await world.texts.send("bob", SHOP, "hello") == 480
    world.talk.now = 7.0
    world.texts.reaches("alice")
    assert world.asked[-1] == ("alice", 7.0), "those of that moment"


async def test_nobody_is_reached_before_the_endpoint_listens() -> None:
    assert not World(phone(2), talk=Talk()).texts.reaches("alice")


async def test_a_contact_that_cannot_be_written_to_is_left_out(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.phones = [phone(2, contact="sip:alice@\r\n"), phone(3)]
    task = await sending(world)
    (request,) = world.sent()
    world.talk.say(world.talk.response(request, 200))
    world.deliver()
    assert await task == 200
    assert "A text to alice cannot be sent" in caplog.text


@pytest.mark.parametrize(
    ("from_", "user"), [("+15550100001", "+15550100001"), ("My Shop <x>", "MyShopx"), ("Bäcker", "Bcker"), ("@", "-")]
)
async def test_a_sender_is_written_as_a_uri_may_hold_it(world: World, from_: str, user: str) -> None:
    task = await sending(world, from_=from_)
    (request,) = world.sent()
    assert request.from_.uri == f"sip:{user}@203.0.113.1"
    task.cancel()


# -- from phones ------------------------------------------------------------------------------------------------------


async def test_a_text_of_a_phone_goes_to_the_number_that_it_names(world: World) -> None:
    assert await world.arrives(b"hello", identity="phone:alice") == 202
    (arrival,) = world.inbox.arrivals
    assert (arrival.from_, arrival.to, arrival.body) == ("alice", SHOP, "hello")


async def test_to_the_world_it_goes_for_the_account_of_its_phone(world: World) -> None:
    world.inbox.numbers = frozenset()
    assert await world.arrives(b"hello", identity="phone:alice") == 202
    world.talk.call_id = "call-2@192.0.2.2"
    assert await world.arrives(b"hello", identity="trunk:carol") == 202
    alices, trunks = world.inbox.drafts
    assert (alices.from_, alices.account_sid) == ("alice", ALICES)
    assert (trunks.from_, trunks.account_sid) == ("ann", HOUSE), "what its From header says, and the house's account"


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ("grüße".encode(), "text/plain", "grüße"),
        ("grüße".encode("latin-1"), "Text/Plain; charset=ISO-8859-1", "grüße"),
        ("grüße".encode(), 'text/plain;charset="no-such"', "grüße"),
        (b"gr\xff", "text/plain", "gr\ufffd"),
        (b"aGk=", "text/plain;charset=base64", "aGk="),
        (b"hello", "", "hello"),
    ],
)
async def test_texts_are_read_in_their_own_character_set(world: World, body: bytes, kind: str, text: str) -> None:
    assert await world.arrives(body, kind) == 202
    assert world.inbox.arrivals[0].body == text


async def test_what_is_no_text_is_refused(world: World) -> None:
    assert await world.arrives(b"\x89PNG", "image/png") == 415
    assert world.inbox.arrivals == []


@pytest.mark.parametrize(
    ("error", "code"),
    [(StorageError("full"), 503), (MessageRefused(21211, "no"), 404), (MessageRefused(21610, "no"), 403)],
)
async def test_what_cannot_be_taken_is_told_to_the_phone(world: World, error: Exception, code: int) -> None:
    world.inbox.error = error
    assert await world.arrives(b"hello") == code


async def test_without_a_carrier_nothing_is_taken(world: World) -> None:
    world.texts.carrier = None
    assert await world.arrives(b"hello") == 503


async def test_an_address_that_cannot_be_read_is_no_number(world: World) -> None:
    """A screen may let through a From that is no SIP URI."""
    world.talk.say(world.talk.request("MESSAGE", body=b"hi", kind="text/plain"))
    (event,) = [one for one in world.talk.events if isinstance(one, IncomingRequest)]
    world.texts.on_event(replace(event, from_="sip:", request_uri=f"sip:{SHOP}@203.0.113.1"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert world.inbox.arrivals[0].from_ == ""


async def test_other_requests_and_calls_are_not_for_texts(world: World) -> None:
    world.talk.say(world.talk.request("MESSAGE", body=b"hi", kind="text/plain"))
    (event,) = [one for one in world.talk.events if isinstance(one, IncomingRequest)]
    assert not world.texts.on_event(replace(event, method="REGISTER"))
    world.talk.events.clear()
    world.talk.say(world.talk.request("INVITE", body=b""))
    calls = [one for one in world.talk.events if isinstance(one, IncomingCall)]
    assert [world.texts.on_event(one) for one in calls] == [False]


async def test_at_the_end_a_text_that_is_being_taken_is_let_go(world: World) -> None:
    world.talk.say(world.talk.request("MESSAGE", body=b"hi", kind="text/plain"))
    assert True in world.deliver()
    await world.texts.close()
    assert world.inbox.arrivals == []
