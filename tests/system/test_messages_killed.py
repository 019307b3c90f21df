"""A server that is killed under load loses no message: accepted = delivered + failed, counted on the SMSC's side.

`KILLS=100` in the environment kills it as often.
"""

import asyncio
import base64
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from ringback.model.messages import CarrierRecord, MessageStatus
from ringback.storage.messages import MessageQuery
from tests.interop.peers import process
from tests.interop.peers.process import free_port
from tests.interop.peers.ringback import Ringback
from tests.interop.peers.smpp import Smsc

SHOP = "+15550100001"
KILLS: Final = int(os.environ.get("KILLS", "4"))
PATIENCE: Final = 60 + 6 * KILLS
"""Seconds for what is left at the end. Each kill leaves more than a slow machine delivers until the next."""


async def load(url: str, login: dict[str, str], numbers: Iterator[int], accepted: set[str]) -> None:
    """Send one message after another; whatever is answered with 201 has been accepted."""
    async with aiohttp.ClientSession(headers=login) as session:
        for number in numbers:
            # The end of the number steers the SMSC; 0 is delivered, 2 is not, 4 does not exist.
            to = f"+1415555{number % 1000:03d}{random.Random(number).choice('0000024')}"
            with suppress(aiohttp.ClientError, OSError):
                async with session.post(url, data={"From": SHOP, "To": to, "Body": f"message {number}"}) as answer:
                    if answer.status == 201:
                        accepted.add(f"message {number}")


async def killed(folder: Path, kills: int) -> None:
    rng, http = random.Random(11), free_port()
    settings = {"http.port": str(http), "http.max_concurrent": "500"}
    smsc = await Smsc.start()
    accepted: set[str] = set()
    numbers = iter(range(1_000_000))
    try:
        for kill in range(kills + 1):
            ringback = await Ringback.start(folder, settings)
            try:
                if kill == 0:
                    await ringback.add_number(SHOP, "http://127.0.0.1:9/")
                    fields = {"host": "127.0.0.1", "port": smsc.port, "system_id": "x", "password": "y"}
                    await ringback.database.carriers.add(CarrierRecord("net", "smpp", fields, datetime.now(UTC)))
                    # Before it has a carrier, a server keeps messages for handsets on its own machine.
                    await smsc.until(lambda: bool(smsc.sessions), "nobody has bound")
                if kill == kills:
                    await settled(ringback)
                    await count(ringback, smsc, accepted)
                    return
                account = (await ringback.database.accounts.list())[0]
                url = f"http://127.0.0.1:{http}/2010-04-01/Accounts/{account.sid}/Messages.json"
                token = base64.b64encode(f"{account.sid}:{account.auth_token}".encode()).decode()
                login = {"Authorization": f"Basic {token}"}
                async with asyncio.TaskGroup() as group:
                    senders = [group.create_task(load(url, login, numbers, accepted)) for _ in range(8)]
                    await asyncio.sleep(rng.uniform(0.5, 2.0))
                    os.killpg(ringback.process.running.pid, signal.SIGKILL)
                    await ringback.process.running.wait()
                    for sender in senders:
                        sender.cancel()
            finally:
                await ringback.stop()
    finally:
        await smsc.stop()


async def settled(ringback: Ringback) -> None:
    """Wait until every message has come to its end, as far as the SMSC tells it."""
    messages = ringback.database.messages
    for _ in range(PATIENCE):
        await asyncio.sleep(1)
        if not [*await messages.oldest((MessageStatus.QUEUED, MessageStatus.SENDING), limit=1)]:
            return
    raise ringback.process.failure("messages are still on their way")


async def count(ringback: Ringback, smsc: Smsc, accepted: set[str]) -> None:
    """Compare what was accepted with what the SMSC got."""
    records = {one.body: one for one in await ringback.database.messages.find(MessageQuery(), limit=100_000)}
    assert accepted <= records.keys(), "an accepted message is not in the store"
    got = Counter(one.pdu.short_message.decode() for one in smsc.submitted)
    failed = {body for body, one in records.items() if one.status == "failed"}
    assert {one.carrier for one in records.values() if one.status != "failed"} == {"net"}
    missing = accepted - got.keys() - failed
    assert not missing, f"{len(missing)} of {len(accepted)} accepted messages never came to the SMSC"
    assert not failed & got.keys()
    # Nothing comes twice, unless its answer was lost with the server; then the message says so.
    unmarked = [body for body, times in got.items() if times > 1 and not records[body].repeated]
    assert not unmarked
    assert len(accepted) > 20


@pytest.mark.long
@pytest.mark.timeout(120 + 20 * KILLS + PATIENCE)
async def test_nothing_accepted_is_lost_or_comes_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LIFETIME", PATIENCE + process.LIFETIME)
    await killed(tmp_path / "ringback", KILLS)
