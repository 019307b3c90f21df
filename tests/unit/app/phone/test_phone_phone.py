"""The phone on real sockets, calling a server made of the same cores."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from ringback.app.phone import phone as phone_module
from ringback.app.phone.errors import CallRefused, NoServer, PhoneError
from ringback.app.phone.notes import Note
from ringback.app.phone.phone import Phone
from ringback.sip import events as sip
from tests.unit.app.phone.hand_loop import Server, sine


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server() as made:
        yield made


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    async with Phone() as made:
        yield made


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
async def test_a_call_is_answered_heard_and_ended_by_a_key(server: Server, phone: Phone, transport: str, codec: str):
    notes: list[Note] = []
    call = await phone.call(
        "+15550100001", server=server.address, transport=transport, codec=codec, on_note=notes.append, from_user="#7"
    )  # type: ignore[arg-type]
    heard = await call.wait_sound()
    assert call.invited_at <= call.answered_at <= heard
    await call.run("#")
    end = await call.ended(5)
    assert (end.by, call.codec) == ("them", codec)
    assert [note.kind for note in notes] == ["calling", "ringing", "answered", "sound", "key", "ended"]
    assert np.abs(call.recording()).max() > 5000
    invite = server.all(sip.IncomingCall)[0]
    assert (invite.request_uri_user, invite.from_user, invite.flow.transport) == ("+15550100001", "#7", transport)


async def test_many_calls_go_over_one_phone(server: Server, phone: Phone):
    calls = await asyncio.gather(
        *(phone.call(f"+155501000{n:02}", server=server.address, say=sine()) for n in range(20))
    )
    await asyncio.gather(*(call.wait_sound() for call in calls))
    await asyncio.gather(*(call.hangup() for call in calls))
    assert all(call.end is not None and call.end.by == "us" for call in calls)


async def test_leaving_the_phone_hangs_up(server: Server):
    async with Phone() as phone:
        call = await phone.call("+15550100001", server=server.address)
    assert (await call.ended()).by == "us"
    assert server.all(sip.Ended)


async def test_a_refused_call_leaves_nothing_behind(server: Server, phone: Phone):
    with pytest.raises(CallRefused, match="has no number 404") as caught:
        await phone.call("404", server=server.address)
    assert caught.value.hint is not None
    assert "ringback numbers" in caught.value.hint
    assert phone._lines == {}


async def test_a_call_that_is_not_answered_is_taken_back(server: Server, phone: Phone):
    with pytest.raises(PhoneError, match=r"180 was not answered within 0\.05 s"):
        await phone.call("180", server=server.address, answer_timeout=0.05)
    await phone.__aexit__()
    assert server.all(sip.Ended)[0].cause == "cancel"
    await phone.__aenter__()


async def test_giving_up_while_it_rings_takes_the_call_back(server: Server):
    ringing = asyncio.Event()
    async with Phone() as phone:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await phone.call("180", server=server.address, on_note=lambda note: ringing.set())
    assert ringing.is_set()
    assert server.all(sip.Ended)[0].cause == "cancel"


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_where_nobody_listens_is_no_server(phone: Phone, transport: str):
    async with Server() as gone:
        address = gone.address
    with pytest.raises(NoServer, match=f"no SIP server answers at 127.0.0.1:{address[1]} over {transport}") as caught:
        await phone.call("1", server=address, transport=transport, server_timeout=0.05)  # type: ignore[arg-type]
    assert caught.value.hint is not None
    assert "ringback serve" in caught.value.hint


async def test_a_server_that_falls_silent_does_not_hold_the_phone_up(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(phone_module, "_LEAVE_SECONDS", 0.02)
    async with Phone() as phone:
        call = await phone.call("+15550100001", server=server.address)
        await server.transport.close()
    assert call.end is not None


@pytest.mark.parametrize("number", ["", "a b", "sip:1@2", "1" * 65, "1\r\n"])
async def test_what_is_no_number_is_not_called(phone: Phone, number: str):
    with pytest.raises(PhoneError, match="cannot be called"):
        await phone.call(number)


async def test_a_broken_header_is_not_sent(phone: Phone):
    with pytest.raises(PhoneError, match="cannot be called"):
        await phone.call("1", headers=[("X", "a\r\nb")])


async def test_addresses_that_lead_nowhere_are_refused(phone: Phone, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(PhoneError, match=r"a phone at 127\.0\.0\.1 cannot reach 192\.0\.2\.1"):
        await phone.call("1", server=("192.0.2.1", 5060))
    with pytest.raises(PhoneError, match="there is no host 'no host'"):
        await phone.call("1", server=("no host", 5060))
    monkeypatch.setattr(phone, "host", "192.0.2.1")
    with pytest.raises(PhoneError, match="no port for audio at 192"):
        await phone.call("1")


async def test_a_phone_needs_an_address_of_this_machine():
    with pytest.raises(PhoneError, match=r"cannot listen at 192\.0\.2\.1"):
        async with Phone("192.0.2.1"):
            pass
