"""Real phones hold and transfer the calls that a document has connected; each is known by its tone."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from ringback.app.telephony.services import STORE_SECONDS
from tests.interop.peers import tones
from tests.interop.peers.process import Process
from tests.interop.peers.ringback import Ringback

pytestmark = [pytest.mark.interop, pytest.mark.long, pytest.mark.needs("baresip"), pytest.mark.timeout(120)]

PASSWORD = "correct horse"
TONES = {"alice": 440, "bob": 620, "carol": 950}


@pytest.fixture
async def office(tmp_path: Path, started: list[Process]) -> AsyncIterator[Ringback]:
    """A server with three phones, to which loopback is an address like any other."""
    made = await Ringback.start(tmp_path / "ringback", {"sip.allow": "192.0.2.0/24", "phones.min_expires": "10"})
    started.append(made.process)
    for name in TONES:
        await add_phone(tmp_path, name)
    await asyncio.sleep(STORE_SECONDS + 0.7)
    yield made
    await made.stop()


async def add_phone(tmp_path: Path, name: str) -> None:
    variables = {**os.environ, "RINGBACK_STORAGE__DIRECTORY": str(tmp_path / "ringback")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ringback", "phones", "add", name, "--password", PASSWORD, "--no-qr",
        env=variables, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, said.decode()


@pytest.fixture
async def people(office: Ringback, phone, application):
    """Alice, Bob and Carol, registered; who dials 100 is connected to Bob."""
    application.pages["/"] = f"<Dial><Sip>{office.uri('bob')}</Sip></Dial>"
    await office.add_number("100", application.url())
    made = {}
    for name, tone in TONES.items():
        account = (
            f'<sip:{name}@127.0.0.1:{office.port}>;auth_user={name};auth_pass="{PASSWORD}";regint=20;answermode=auto'
        )
        made[name] = await phone(name, tone=tone, account=account)
        await made[name].process.until(lambda name=name: "200 OK" in made[name].process.log(), f"no place for {name}")
    return made


async def connected(office: Ringback, people) -> None:
    await people["alice"].dial(office.uri("100"))
    await people["bob"].until("CALL_ESTABLISHED")
    await people["alice"].hears(TONES["bob"])
    await people["bob"].hears(TONES["alice"])


async def test_the_one_who_was_called_holds_and_then_transfers_the_caller(office: Ringback, people) -> None:
    alice, bob, carol = people.values()
    await connected(office, people)
    await bob.hold()
    await asyncio.sleep(2)
    samples, rate = tones.read_wav(alice.recordings()[-1])
    music = tones.analyse(samples[-rate:], rate)
    assert music.level > 0.01 and not music.is_tone(TONES["bob"]), music
    await bob.resume()
    await alice.hears(TONES["bob"])
    await bob.transfer(office.uri("carol"))
    await carol.until("CALL_ESTABLISHED")
    await alice.hears(TONES["carol"])
    await carol.hears(TONES["alice"])
    await bob.until("CALL_CLOSED")
    await carol.hangup()
    await alice.until("CALL_CLOSED")
    reasons = {call.to: call.end_reason for call in await office.ended(3)}
    assert "transferred" in reasons.values(), reasons


async def test_the_caller_transfers_whom_it_has_called(office: Ringback, people) -> None:
    alice, bob, carol = people.values()
    await connected(office, people)
    await alice.transfer(office.uri("carol"))
    await carol.until("CALL_ESTABLISHED")
    await alice.until("CALL_CLOSED")
    await bob.hears(TONES["carol"])
    await carol.hears(TONES["bob"])
    await bob.hangup()
    await carol.until("CALL_CLOSED")


async def test_somebody_who_has_asked_first_joins_the_two_and_leaves(office: Ringback, people, application) -> None:
    """An attended transfer: Bob asks Carol while Alice waits, then names his call with Alice in a REFER (RFC 3891)."""
    alice, bob, carol = people.values()
    application.pages["/carol"] = f"<Dial><Sip>{office.uri('carol')}</Sip></Dial>"
    await office.add_number("101", application.url("/carol"))
    await connected(office, people)
    first = answered(bob.process.log())
    await bob.hold()
    await bob.dial(office.uri("101"))
    await carol.until("CALL_ESTABLISHED")
    await carol.hears(TONES["bob"])
    await bob.transfer(f"{office.uri('alice')}?Replaces={quote(first, safe='')}")
    await alice.hears(TONES["carol"])
    await carol.hears(TONES["alice"])
    await bob.until("CALL_CLOSED")
    await alice.hangup()
    await carol.until("CALL_CLOSED")
    reasons = [call.end_reason for call in await office.ended(4)]
    assert reasons.count("transferred") == 2, reasons


def answered(log: str) -> str:
    """Return the call that a phone has answered, as another message can name it: its tag is the one from far away."""
    answer = re.search(
        r"SIP/2\.0 200 Answering.*?From:.*?;tag=(\S+).*?To:.*?;tag=(\S+).*?Call-ID: (\S+)", log, re.DOTALL
    )
    assert answer is not None, "it has answered nothing"
    return f"{answer[3]};to-tag={answer[1]};from-tag={answer[2]}"
