"""A line to another network: the server registers at kamailio, is called through it, and calls out by it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ringback.app.telephony.services import STORE_SECONDS
from tests.interop.peers import tones
from tests.interop.peers.application import Application
from tests.interop.peers.baresip import Baresip
from tests.interop.peers.process import Process
from tests.interop.peers.registrar import DOMAIN, Registrar
from tests.interop.peers.ringback import Ringback
from tests.interop.test_phones import command, said_to, until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.long,
    pytest.mark.needs("baresip", "kamailio"),
    pytest.mark.timeout(180),
]

Phone = Callable[..., Awaitable[Baresip]]


@pytest.fixture
async def carrier(tmp_path: Path, started: list[Process]) -> AsyncIterator[Registrar]:
    """The other network: it knows us, and a subscriber of its own."""
    made = await Registrar.start(tmp_path / "carrier", {"us": "sesame", "14155550123": "theirs"})
    started.append(made.process)
    yield made
    await made.stop()


async def add(tmp_path: Path, carrier: Registrar, *, password: str = "sesame", more: tuple[str, ...] = ()) -> None:
    await command(
        tmp_path, "trunks", "add", "carrier", "--gateway", f"sip:127.0.0.1:{carrier.port}", "--username", "us",
        "--password", password, "--register", "--set", f"domain={DOMAIN}", "--set", "number_format=plain",
        "--set", "options_interval=1", "--set", "caller_id=pai", *more,
    )  # fmt: skip


async def test_a_trunk_registers_carries_calls_both_ways_and_is_given_back(
    ringback: Ringback, carrier: Registrar, phone: Phone, application: Application, tmp_path: Path
) -> None:
    async def listed() -> str:
        return await command(tmp_path, "trunks", "list")

    said = await command(tmp_path, "trunks", "list")
    assert "no trunks yet" in said
    await add(tmp_path, carrier)
    await command(tmp_path, "trunks", "allow", "+1415")
    said = await until(listed, "registered, ")
    assert "(alive)" in said
    said = await command(tmp_path, "trunks", "test", "carrier", "--call", "us")
    assert "'us' is logged in" in said

    account = (
        f"<sip:14155550123@{DOMAIN}>;outbound=sip:127.0.0.1:{carrier.port};auth_user=14155550123;auth_pass=theirs;"
        "regint=60;answermode=auto"
    )
    callee = await phone("callee", tone=600, account=account)
    await said_to(callee, "200 OK")
    application.pages["/out"] = "<Dial>+14155550123</Dial>"
    await ringback.add_number("100", application.url("/out"))
    caller = await phone("caller", tone=440)
    await caller.dial(ringback.uri("100"))
    await callee.until("CALL_ESTABLISHED", 8)
    assert "P-Asserted-Identity: <sip:" in callee.process.log()
    await asyncio.sleep(2)
    await caller.hangup()
    await callee.until("CALL_CLOSED", 8)

    application.files["/tone.wav"] = tones.write_wav(tmp_path / "tone.wav", tones.sine(800, 20)).read_bytes()
    application.pages["/in"] = "<Play>/tone.wav</Play>"
    await ringback.add_number("us", application.url("/in"))
    await asyncio.sleep(1.2)
    await callee.dial(f"sip:us@{DOMAIN}")
    await application.until("/in")
    await callee.hangup()

    await command(tmp_path, "trunks", "remove", "carrier")
    await asyncio.sleep(STORE_SECONDS + 1.0)
    await callee.command("dial", f"sip:us@{DOMAIN}")
    await said_to(callee, "404 Nobody")
    await callee.stop()
    await caller.stop()
    assert tones.listen(callee.recordings()[0], 0.5).is_tone(440)


async def test_what_is_wrong_is_said_in_words(carrier: Registrar, ringback: Ringback, tmp_path: Path) -> None:
    await add(tmp_path, carrier, password="wrong")
    said = await failing(tmp_path, "carrier")
    assert "the name 'us' or the password is refused" in said
    await add(tmp_path, carrier, more=("--replace", "--gateway", "sip:nowhere.invalid"))
    said = await failing(tmp_path, "carrier")
    assert "FAIL  dns         sip:nowhere.invalid" in said
    await command(tmp_path, "trunks", "add", "dead", "--gateway", "sip:127.0.0.1:9;transport=tcp")
    assert "nobody listens there" in await failing(tmp_path, "dead")
    await command(tmp_path, "trunks", "add", "plain", "--gateway", f"sip:127.0.0.1:{carrier.port};transport=tls")
    assert "a port that is not for TLS" in await failing(tmp_path, "plain")
    await asyncio.sleep(STORE_SECONDS)
    said = await until(lambda: command(tmp_path, "trunks", "list"), "(dead: ")
    assert "dead" in said


async def failing(tmp_path: Path, trunk: str) -> str:
    """Test a trunk that does not pass, and return what is said."""
    with pytest.raises(AssertionError) as raised:
        await command(tmp_path, "trunks", "test", trunk)
    return str(raised.value)
