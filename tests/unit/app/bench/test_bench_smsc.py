"""The SMSC of `ringback bench messages`, on sockets of loopback."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from bench_esme import BenchEsme

from ringback.app.bench import smsc as module
from ringback.app.bench.media.errors import BenchError
from ringback.app.bench.smsc import Smsc

HERE, THERE = "+15550100008", "+14155550001"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.001)


@pytest.fixture
async def smsc() -> AsyncIterator[Smsc]:
    async with asyncio.timeout(20), Smsc() as made:
        yield made


async def test_whatever_is_submitted_is_taken_counted_and_delivered(smsc: Smsc) -> None:
    async with BenchEsme(smsc.port) as esme:
        await smsc.bound()
        ids = [await esme.submit(HERE, THERE, text) for text in ("one", "two", "two")]
        assert {await esme.receipt() for _ in ids} == set(ids)
    assert len(set(ids)) == 3
    assert smsc.texts == {b"one": 1, b"two": 2}


async def test_a_receipt_goes_from_the_recipient_to_the_sender(smsc: Smsc) -> None:
    async with BenchEsme(smsc.port) as esme:
        await esme.submit(HERE, THERE, "one")
        receipt = await esme.came.get()
    assert (receipt.source_addr, receipt.destination_addr, receipt.esm_class) == (THERE, HERE, 4)


async def test_a_receipt_that_is_refused_comes_again(smsc: Smsc) -> None:
    async with BenchEsme(smsc.port, refuse=2) as esme:
        identifier = await esme.submit(HERE, THERE, "one")
        assert await esme.receipt() == identifier
        assert esme.refuse == 0


async def test_a_receipt_that_is_always_refused_is_given_up(smsc: Smsc) -> None:
    async with BenchEsme(smsc.port, refuse=module._TRIES) as esme:
        first = await esme.submit(HERE, THERE, "one")
        await esme.patient.wait()
        second = await esme.submit(HERE, THERE, "two")
        assert await esme.receipt() == second != first
        assert esme.came.empty()


async def test_who_has_gone_gets_no_receipt_and_the_next_one_is_served(smsc: Smsc) -> None:
    async with BenchEsme(smsc.port, refuse=1000) as gone:
        await gone.submit(HERE, THERE, "one")
    async with BenchEsme(smsc.port) as esme:
        identifier = await esme.submit(HERE, THERE, "two")
        assert await esme.receipt() == identifier


async def test_who_never_binds_is_waited_for_so_long(smsc: Smsc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.01)
    with pytest.raises(BenchError, match="did not bind to the SMSC within 0.01 s"):
        await smsc.bound()
