"""twilio-python, unmodified, commands the real server: real phones ring, are heard, recorded, muted and hung up."""

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import numpy as np
import pytest
import soundfile
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from ringback.app.telephony.services import STORE_SECONDS
from tests.interop.peers import tones
from tests.interop.peers.application import Application
from tests.interop.peers.baresip import Baresip
from tests.interop.peers.process import Process
from tests.interop.peers.ringback import Ringback

pytestmark = [
    pytest.mark.interop,
    pytest.mark.long,
    pytest.mark.needs("baresip"),
    pytest.mark.timeout(150),
]

T = TypeVar("T")
Phone = Callable[..., Awaitable[Baresip]]
PASSWORD = "correct horse"
OURS = "+14155550100"
HIGH, LOW, ANNOUNCED = 900, 600, 1200
ALICE, BOB = 440, 700
"""What each phone says, in Hz."""


class Sdk:
    """The client of the server's first account, called beside the loop."""

    def __init__(self, server: Ringback, sid: str, token: str) -> None:
        self.sid, self.token = sid, token
        self.base = server.http
        self.client = Client(sid, token)
        self.client.api.base_url = server.http

    async def __call__(self, ask: Callable[[Client], T]) -> T:
        return await asyncio.to_thread(ask, self.client)

    async def until(self, ask: Callable[[Client], T], right: Callable[[T], bool], timeout: float = 20) -> T:
        """Ask until the answer is right."""
        for _ in range(round(timeout / 0.2)):
            if right(answer := await self(ask)):
                return answer
            await asyncio.sleep(0.2)
        raise AssertionError(f"never right; the last answer was {answer}")

    async def status(self, call_sid: str, status: str) -> Any:
        """Fetch a call until it has a status."""
        return await self.until(lambda c: c.calls(call_sid).fetch(), lambda call: call.status == status)

    async def download(self, path: str) -> bytes:
        """Get a file with the credentials of the account."""
        headers = {"Authorization": aiohttp.encode_basic_auth(self.sid, self.token)}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(path if path.startswith("http") else self.base + path) as answer,
        ):
            assert answer.status == 200, await answer.text()
            return await answer.read()


@pytest.fixture
async def server(tmp_path: Path, started: list[Process]) -> AsyncIterator[Ringback]:
    """A server with the phones `alice` and `bob`, added as an operator adds them."""
    made = await Ringback.start(tmp_path / "ringback", {"phones.min_expires": "10"})
    started.append(made.process)
    for user in ("alice", "bob"):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ringback", "phones", "add", user, "--password", PASSWORD, "--no-qr",
            env={**os.environ, "RINGBACK_STORAGE__DIRECTORY": str(tmp_path / "ringback")},
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert await process.wait() == 0
    await asyncio.sleep(STORE_SECONDS + 0.7)
    yield made
    await made.stop()


@pytest.fixture
async def sdk(server: Ringback) -> AsyncIterator[Sdk]:
    account = (await server.database.accounts.list())[0]
    made = Sdk(server, account.sid, account.auth_token)
    yield made
    session = getattr(made.client.http_client, "session", None)
    if session is not None:
        session.close()


@pytest.fixture
def sounds(application: Application, tmp_path: Path) -> Application:
    """An application with tones to play."""
    for tone in (HIGH, LOW, ANNOUNCED):
        file = tones.write_wav(tmp_path / f"{tone}.wav", tones.sine(tone, 60))
        application.files[f"/{tone}.wav"] = file.read_bytes()
    return application


async def registered(phone: Phone, server: Ringback, user: str, tone: float) -> Baresip:
    """A phone that registers by its name and password, and picks up by itself."""
    made = await phone(
        user,
        tone=tone,
        account=(
            f'<sip:{user}@127.0.0.1:{server.port};transport=udp>;auth_user={user};auth_pass="{PASSWORD}";'
            "regint=20;answermode=auto"
        ),
    )
    await made.process.until(lambda: "200 OK" in made.process.log(), f"{user} could not register")
    return made


async def silent(phone: Baresip, timeout: float = 10, last: float = 0.5) -> None:
    """Return once a phone has heard nothing for a moment."""
    for _ in range(round(timeout / 0.1)):
        samples, rate = tones.read_wav(phone.recordings()[-1])
        if len(samples) > last * rate and np.abs(samples[-round(last * rate) :]).max() < 0.01:
            return
        await asyncio.sleep(0.1)
    raise phone.process.failure(f"{phone.user} still hears something")


@pytest.mark.conforms("2010-04-01/10/python")
async def test_a_call_is_made_watched_redirected_and_ended(
    server: Ringback, sdk: Sdk, phone: Phone, sounds: Application
) -> None:
    alice = await registered(phone, server, "alice", ALICE)
    sounds.pages |= {"/first": f"<Play>/{LOW}.wav</Play>", "/status": ""}
    made = await sdk(
        lambda c: c.calls.create(
            to="client:alice",
            from_="client:shop",
            url=sounds.url("/first"),
            status_callback=sounds.url("/status"),
            status_callback_event=["initiated", "ringing", "answered", "completed"],
        )
    )
    assert made.status == "queued"
    call = await sdk.status(made.sid, "in-progress")
    assert (call.to, call.direction, call.start_time is not None) == ("client:alice", "outbound-api", True)
    await alice.hears(LOW)
    twiml = f"<Response><Play>{sounds.url(f'/{HIGH}.wav')}</Play></Response>"
    await sdk(lambda c: c.calls(made.sid).update(twiml=twiml))
    await alice.hears(HIGH)
    await sdk(lambda c: c.calls(made.sid).update(url=sounds.url("/first"), method="GET"))
    await alice.hears(LOW)
    ended = await sdk(lambda c: c.calls(made.sid).update(status="completed"))
    await alice.until("CALL_CLOSED")
    assert (ended.status, int(ended.duration) >= 1) == ("completed", True)
    assert [call.sid for call in await sdk(lambda c: c.calls.list(to="client:alice", status="completed"))] == [made.sid]
    assert await sdk(lambda c: c.calls.list(to="client:bob")) == []
    assert await sdk(lambda c: c.calls.list(status="busy")) == []

    def completed() -> bool:
        return any(each.fields.get("CallStatus") == "completed" for each in sounds.requests)

    await server.process.until(completed, "nobody told that the call is over")
    told = [each.fields["CallStatus"] for each in sounds.requests if each.path == "/status"]
    assert told == ["initiated", "ringing", "in-progress", "completed"]
    validator = RequestValidator(sdk.token)
    for request in sounds.requests:
        if request.path.endswith(".wav"):
            continue
        signature = request.headers["X-Twilio-Signature"]
        url, fields = sounds.url(request.path), dict(request.fields)
        if request.method == "GET":
            continue  # the query is part of the URL there, and this application forgets its order
        assert validator.validate(url, fields, signature), request
        assert not validator.validate(url, {**fields, "From": "+19005550100"}, signature)


async def test_a_call_is_recorded(server: Ringback, sdk: Sdk, phone: Phone) -> None:
    alice = await registered(phone, server, "alice", ALICE)
    made = await sdk(
        lambda c: c.calls.create(to="client:alice", from_="shop", twiml="<Response><Pause length='60'/></Response>")
    )
    await sdk.status(made.sid, "in-progress")
    await asyncio.sleep(0.5)
    recording = await sdk(lambda c: c.calls(made.sid).recordings.create())
    assert recording.status == "in-progress"
    await asyncio.sleep(1.5)
    one = await sdk(lambda c: c.calls(made.sid).recordings("Twilio.CURRENT").update(status="paused"))
    assert (one.sid, one.status) == (recording.sid, "paused")
    await asyncio.sleep(0.5)
    assert (await sdk(lambda c: c.calls(made.sid).recordings(recording.sid).update(status="in-progress"))).status == (
        "in-progress"
    )
    await asyncio.sleep(1.0)
    await sdk(lambda c: c.calls(made.sid).recordings(recording.sid).update(status="stopped"))
    await sdk(lambda c: c.calls(made.sid).update(status="completed"))
    await alice.until("CALL_CLOSED")
    kept = await sdk.until(lambda c: c.recordings(recording.sid).fetch(), lambda found: found.status == "completed")
    assert (kept.call_sid, kept.source, int(kept.duration) >= 2) == (made.sid, "StartCallRecordingAPI", True)
    assert [each.sid for each in await sdk(lambda c: c.recordings.list(call_sid=made.sid))] == [recording.sid]
    path = kept.uri.removesuffix(".json")
    for suffix in (".wav", ".mp3"):
        samples, rate = soundfile.read(io.BytesIO(await sdk.download(path + suffix)))
        mono = samples if samples.ndim == 1 else samples.sum(axis=1)
        assert tones.analyse(mono[: round(1.2 * rate)], rate).is_tone(ALICE, 0.9), suffix
    assert await sdk(lambda c: c.recordings(recording.sid).delete())


async def test_a_conference(server: Ringback, sdk: Sdk, phone: Phone, sounds: Application) -> None:
    phones = {user: await registered(phone, server, user, tone) for user, tone in (("alice", ALICE), ("bob", BOB))}
    room = "<Response><Dial><Conference beep='false'>room</Conference></Dial></Response>"
    sids = {}
    for user in phones:
        call = await sdk(lambda c, user=user: c.calls.create(to=f"client:{user}", from_="shop", twiml=room))  # type: ignore[misc]
        sids[user] = call.sid
        await sdk.status(call.sid, "in-progress")
    (conference,) = await sdk.until(
        lambda c: c.conferences.list(friendly_name="room", status="in-progress"), lambda found: len(found) == 1
    )
    people = await sdk.until(lambda c: c.conferences(conference.sid).participants.list(), lambda found: len(found) == 2)
    assert {each.call_sid for each in people} == set(sids.values())
    await phones["bob"].hears(ALICE)
    await phones["alice"].hears(BOB)

    def alice(c: Client) -> Any:
        return c.conferences(conference.sid).participants(sids["alice"])

    assert (await sdk(lambda c: alice(c).update(muted=True))).muted is True
    await silent(phones["bob"])
    assert (await sdk(lambda c: alice(c).update(muted=False))).muted is False
    await phones["bob"].hears(ALICE)
    sounds.pages |= {"/hold": f"<Play>/{LOW}.wav</Play>", "/announce": f"<Play>/{ANNOUNCED}.wav</Play>"}
    assert (await sdk(lambda c: alice(c).update(hold=True, hold_url=sounds.url("/hold")))).hold is True
    await phones["alice"].hears(LOW)
    await silent(phones["bob"])
    assert (await sdk(lambda c: alice(c).update(hold=False))).hold is False
    await phones["alice"].hears(BOB)
    short = tones.sine(ANNOUNCED, 2.0)
    file = tones.write_wav(server.process.folder / "short.wav", short)
    sounds.files[f"/{ANNOUNCED}.wav"] = file.read_bytes()
    await sdk(lambda c: alice(c).update(muted=True))
    await sdk(lambda c: c.conferences(conference.sid).update(announce_url=sounds.url("/announce")))
    await phones["bob"].hears(ANNOUNCED)
    await silent(phones["bob"])
    assert await sdk(lambda c: alice(c).delete())
    await phones["alice"].until("CALL_CLOSED")
    await sdk.until(lambda c: c.conferences(conference.sid).participants.list(), lambda found: len(found) == 1)
    assert (await sdk(lambda c: c.conferences(conference.sid).update(status="completed"))).status == "completed"
    await phones["bob"].until("CALL_CLOSED")
    for sid in sids.values():
        await sdk.status(sid, "completed")


async def test_keys_are_pressed_once_it_is_answered(server: Ringback, sdk: Sdk, phone: Phone) -> None:
    alice = await registered(phone, server, "alice", ALICE)
    made = await sdk(
        lambda c: c.calls.create(
            to="client:alice", from_="shop", send_digits="w12#", twiml="<Response><Pause length='2'/></Response>"
        )
    )
    await alice.process.until(lambda: alice.keys() == "12#", "the keys did not come")
    await sdk.status(made.sid, "completed")


async def test_a_caller_id_is_proven(server: Ringback, sdk: Sdk, phone: Phone, sounds: Application) -> None:
    """The number leads to a phone whose owner keys in the code that the API told."""
    alice = await registered(phone, server, "alice", ALICE)
    sounds.pages |= {"/forward": "<Dial><Client>alice</Client></Dial>", "/proven": ""}
    await server.add_number(OURS, sounds.url("/forward"))
    theirs = "+14155550123"
    await server.add_number(theirs, sounds.url("/forward"))
    asked = await sdk(
        lambda c: c.validation_requests.create(
            phone_number=theirs, friendly_name="Alice", status_callback=sounds.url("/proven")
        )
    )
    assert (asked.phone_number, len(asked.validation_code)) == (theirs, 6)
    await alice.until("CALL_ESTABLISHED", 20)
    await asyncio.sleep(1)
    await alice.press(asked.validation_code)
    told = await sounds.until("/proven", 40)
    assert told.fields["VerificationStatus"] == "success"
    (proven,) = await sdk(lambda c: c.outgoing_caller_ids.list(phone_number=theirs))
    assert (proven.sid, proven.friendly_name) == (told.fields["OutgoingCallerIdSid"], "Alice")


async def test_a_credential_of_a_domain_registers_and_calls_it(
    sdk: Sdk, server: Ringback, phone: Phone, sounds: Application
) -> None:
    """A list of the REST API is enough: nothing is said on the command line."""
    sounds.pages["/domain"] = f"<Play>/{HIGH}.wav</Play>"
    sip = sdk.client.api.account.sip
    domain = await sdk(
        lambda c: sip.domains.create("shop.example", voice_url=sounds.url("/domain"), sip_registration=True)
    )
    users = await sdk(lambda c: sip.credential_lists.create("Users"))
    await sdk(lambda c: sip.credential_lists(users.sid).credentials.create("carol", "Correct-horse-7"))
    await sdk(lambda c: sip.domains(domain.sid).auth.calls.credential_list_mappings.create(users.sid))
    await sdk(lambda c: sip.domains(domain.sid).auth.registrations.credential_list_mappings.create(users.sid))
    await asyncio.sleep(STORE_SECONDS + 0.7)
    carol = await phone(
        "carol",
        account=(
            f'<sip:carol@shop.example>;outbound="sip:127.0.0.1:{server.port};transport=udp";auth_user=carol;'
            "auth_pass=Correct-horse-7;regint=20;answermode=auto"
        ),
    )
    await carol.process.until(lambda: "200 OK" in carol.process.log(), "carol could not register")
    called = await sdk(
        lambda c: c.calls.create(to="sip:carol@shop.example", from_="shop", twiml="<Response><Pause/></Response>")
    )
    await sdk.status(called.sid, "completed")
    await carol.until("CALL_CLOSED")
    await carol.dial("sip:orders@shop.example")
    await carol.hears(HIGH)
    assert sounds.requests[0].fields["Direction"] == "inbound"
