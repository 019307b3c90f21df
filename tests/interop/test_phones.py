"""Real phones register at the real server: by digest, over UDP and TCP, and those who guess are not heard."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ringback.app.telephony.services import STORE_SECONDS
from tests.interop.peers import tones
from tests.interop.peers.application import Application
from tests.interop.peers.baresip import Baresip
from tests.interop.peers.process import Process
from tests.interop.peers.ringback import Ringback
from tests.interop.peers.sipp import Sipp, pause, request, scenario, send

pytestmark = [
    pytest.mark.interop,
    pytest.mark.long,
    pytest.mark.needs("baresip", "sipp"),
    pytest.mark.timeout(180),
]

PASSWORD = "correct horse"
SOON = STORE_SECONDS + 4.0
WRONG = 3


@pytest.fixture
async def guarded(tmp_path: Path, started: list[Process]) -> AsyncIterator[Ringback]:
    """A server to which loopback is an address like any other, with a phone `alice`."""
    made = await Ringback.start(
        tmp_path / "ringback",
        {"sip.allow": "192.0.2.0/24", "guard.wrong_passwords": str(WRONG), "phones.min_expires": "10"},
    )
    started.append(made.process)
    await command(tmp_path, "phones", "add", "alice", "--password", PASSWORD, "--no-qr")
    await asyncio.sleep(STORE_SECONDS + 0.7)
    yield made
    await made.stop()


async def command(tmp_path: Path, *arguments: str) -> str:
    """Run `ringback` beside the server, and return what it prints."""
    variables = {**os.environ, "RINGBACK_STORAGE__DIRECTORY": str(tmp_path / "ringback")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ringback", *arguments,
        env=variables, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, said.decode()
    return said.decode()


async def until(look: Callable[[], Awaitable[str]], word: str, *, gone: bool = False) -> str:
    """Look again until a word is there, or is not any more."""
    said = ""
    for _ in range(40):
        said = await look()
        if (word in said) != gone:
            return said
        await asyncio.sleep(SOON / 40)
    raise AssertionError(f"{word!r} is {'still' if gone else 'not'} in: {said}")


def account(server: Ringback, *, password: str = PASSWORD, transport: str = "udp", user: str = "alice") -> str:
    return (
        f'<sip:{user}@127.0.0.1:{server.port};transport={transport}>;auth_user={user};auth_pass="{password}";'
        "regint=20;answermode=auto"
    )


async def said_to(phone: Baresip, words: str) -> None:
    """Wait for something in what a phone heard over SIP."""
    await phone.process.until(lambda: words in phone.process.log(), f"nobody said {words!r} to the phone")


Phone = Callable[..., Awaitable[Baresip]]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_phone_registers_is_called_and_unregisters(
    guarded: Ringback, phone: Phone, application: Application, tmp_path: Path, transport: str
) -> None:
    """It is found by its name; the number it calls is proven to be called by it."""

    async def listed() -> str:
        return await command(tmp_path, "phones", "list")

    alice = await phone("alice", account=account(guarded, transport=transport))
    await said_to(alice, "200 OK")
    said = await until(listed, transport.upper())
    assert "baresip" in said
    application.files["/tone.wav"] = tones.write_wav(tmp_path / "tone.wav", tones.sine(600, 20)).read_bytes()
    application.pages["/"] = "<Play>/tone.wav</Play>"
    await guarded.add_number("100", application.url())
    await alice.dial(guarded.uri("100"))
    await application.until("/")
    await alice.hangup()
    await alice.stop()
    await until(listed, "not registered")


@pytest.mark.conforms("2010-04-01/14/registration")
async def test_a_phone_is_dialled_by_its_name(
    guarded: Ringback, phone: Phone, application: Application, tmp_path: Path
) -> None:
    """Over the connection that it registered by, from a document; both hear each other."""
    await command(tmp_path, "phones", "add", "bob", "--password", PASSWORD, "--no-qr")
    await asyncio.sleep(STORE_SECONDS + 0.7)
    alice = await phone("alice", tone=600, account=account(guarded, transport="tcp"))
    await said_to(alice, "200 OK")
    application.pages["/"] = f"<Dial><Sip>{guarded.uri('alice')}</Sip></Dial>"
    await guarded.add_number("100", application.url())
    bob = await phone("bob", tone=440, account=account(guarded, user="bob"))
    await bob.dial(guarded.uri("100"))
    await alice.until("CALL_ESTABLISHED", 8)
    await asyncio.sleep(2)
    await bob.hangup()
    await alice.until("CALL_CLOSED", 8)
    for one in (alice, bob):
        await one.stop()
    assert tones.listen(alice.recordings()[0], 0.5).is_tone(440)
    assert tones.listen(bob.recordings()[0], 1.0).is_tone(600)


async def test_a_wrong_password_is_refused_and_then_not_heard(guarded: Ringback, phone: Phone, tmp_path: Path) -> None:
    async def listed() -> str:
        return await command(tmp_path, "guard", "list")

    for number in range(WRONG):
        guessing = await phone(f"guess{number}", account=account(guarded, password=f"guess number {number}"))
        await said_to(guessing, "403 ")
        await guessing.stop()
    said = await until(listed, f"{WRONG} wrong names or passwords")
    assert "wrong password" in said
    right = await phone("right", account=account(guarded))
    await asyncio.sleep(1.5)
    assert [line for line in right.process.log().splitlines() if line.startswith("SIP/2.0 ")] == []
    await command(tmp_path, "guard", "unblock", "127.0.0.1")
    await right.stop()
    await asyncio.sleep(STORE_SECONDS + 0.7)
    again = await phone("again", account=account(guarded))
    await said_to(again, "200 OK")


async def test_a_scanner_hears_nothing_and_is_blocked(
    guarded: Ringback, sipp: Callable[..., Awaitable[Sipp]], tmp_path: Path
) -> None:
    """Not even a challenge; and the next thing from its address gets no answer either."""

    async def listed() -> str:
        return await command(tmp_path, "guard", "list")

    for name, agent in (("scanner", "friendly-scanner"), ("phone", "Phone 1.0")):
        knock = request("OPTIONS", 1, to="100", frm="100", extra=f"User-Agent: {agent}")
        # Any answer at all fails the scenario: nobody says 699.
        silence = '<recv response="699" timeout="1500" ontimeout="quiet"/>'
        text = scenario(send(knock, retransmit=False), silence, '<label id="quiet"/>', pause(0.1))
        await (await sipp(name, text, remote=guarded.port)).done(20)
    said = await until(listed, "friendly-scanner")
    assert "scanner" in said
