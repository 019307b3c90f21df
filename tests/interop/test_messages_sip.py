"""A real phone and an application write to each other by SIP MESSAGE (RFC 3428)."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ringback.app.telephony.services import STORE_SECONDS
from tests.interop.peers.application import Application
from tests.interop.peers.baresip import Baresip
from tests.interop.peers.ringback import Ringback

pytestmark = [pytest.mark.needs("baresip"), pytest.mark.timeout(120)]

PASSWORD = "correct horse"
SHOP = "+15550100001"


async def test_baresip_writes_and_gets_an_answer(
    ringback: Ringback, application: Application, phone: Callable[..., Awaitable[Baresip]], tmp_path: Path
) -> None:
    variables = {**os.environ, "RINGBACK_STORAGE__DIRECTORY": str(tmp_path / "ringback")}
    add = [sys.executable, "-m", "ringback", "phones", "add", "alice", "--password", PASSWORD, "--no-qr"]
    adding = await asyncio.create_subprocess_exec(*add, env=variables, stdout=asyncio.subprocess.DEVNULL)
    assert await adding.wait() == 0
    await ringback.add_number(SHOP, application.url("/voice"))
    number = await ringback.database.numbers.get_by_number(SHOP)
    assert number is not None
    await ringback.database.numbers.update(number.sid, sms_url=application.url("/sms"))
    application.pages["/sms"] = "<Message>Your order is on its way.</Message>"
    await asyncio.sleep(STORE_SECONDS + 1)
    account = f'<sip:alice@127.0.0.1:{ringback.port}>;auth_user=alice;auth_pass="{PASSWORD}";regint=60'
    alice = await phone("alice", account=account, contacts=[ringback.uri(SHOP)])
    await alice.process.until(lambda: "200 OK" in alice.process.log(), "alice did not register")
    await alice.message("Where is 4711?")
    asked = await application.until("/sms", 20)
    assert (asked.fields["From"], asked.fields["Body"]) == ("alice", "Where is 4711?")
    await alice.process.until(lambda: "Your order is on its way." in alice.process.log(), "no answer came to alice")
