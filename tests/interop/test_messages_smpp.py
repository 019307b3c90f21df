"""Messages over SMPP with real peers: smpp34 as the SMSC of a carrier, kannel and smpplib as ESMEs of the operator."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ringback.messaging.smpp.receipts import read_receipt
from ringback.messaging.text import gsm7
from ringback.model.messages import CarrierRecord, MessageRecord
from ringback.storage.messages import MessageQuery
from tests.interop.peers.application import Application
from tests.interop.peers.process import Process, free_port
from tests.interop.peers.ringback import Ringback
from tests.interop.peers.smpp import Kannel, Smsc

SHOP, PERSON = "+15550100001", "+447700900120"
LONG = "Straße, Öl, 4711 € and a long row of words. " * 6
CYRILLIC = "Ваш заказ 4711 отправлен сегодня утром и будет у вас завтра. " * 3


@pytest.fixture
async def smsc() -> AsyncIterator[Smsc]:
    made = await Smsc.start()
    yield made
    await made.stop()


async def add_carrier(ringback: Ringback, name: str, kind: str, **settings: object) -> None:
    await ringback.database.carriers.add(CarrierRecord(name, kind, settings, datetime.now(UTC)))


async def add_shop(ringback: Ringback, application: Application, **different: object) -> None:
    await ringback.add_number(SHOP, application.url("/voice"))
    number = await ringback.database.numbers.get_by_number(SHOP)
    assert number is not None
    await ringback.database.numbers.update(number.sid, sms_url=application.url("/sms"), **different)


async def messages(ringback: Ringback, count: int, *statuses: str, timeout: float = 15) -> list[MessageRecord]:
    """Wait until so many messages have one of some statuses, and return them, the oldest first."""
    for _ in range(round(timeout / 0.1)):
        found = [
            one for one in await ringback.database.messages.find(MessageQuery(), limit=500) if one.status in statuses
        ]
        if len(found) >= count:
            return sorted(found, key=lambda one: one.date_created)
        await asyncio.sleep(0.1)
    seen = await ringback.database.messages.find(MessageQuery(), limit=500)
    raise ringback.process.failure(f"not {count} messages {statuses}: {[(m.to, m.status, m.body[:30]) for m in seen]}")


async def test_a_message_of_the_carrier_is_answered(
    ringback: Ringback, application: Application, smsc: Smsc, started: list[Process]
) -> None:
    """In by deliver_sm, to the application, out by submit_sm, back by receipts, on to the status callback."""
    await add_shop(ringback, application)
    await add_carrier(ringback, "net", "smpp", host="127.0.0.1", port=smsc.port, system_id="ringback", password="pw")
    application.pages["/sms"] = f'<Message statusCallback="/status">{LONG}</Message><Message>{CYRILLIC}</Message>'
    await smsc.until(lambda: bool(smsc.sessions), "nobody has bound")
    assert await smsc.deliver(PERSON[1:], SHOP[1:], gsm7.encode("Where is 4711? {€}")) == 0
    request = await application.until("/sms")
    assert (request.fields["From"], request.fields["To"], request.fields["Body"]) == (
        PERSON,
        SHOP,
        "Where is 4711? {€}",
    )
    answers = await messages(ringback, 2, "delivered")
    assert [one.body for one in answers] == [LONG.strip(), CYRILLIC.strip()]
    assert [one.num_segments for one in answers] == [2, 3]
    assert not any(one.repeated for one in answers)
    assert len(smsc.submitted) == 5
    texts = [one.pdu.short_message for one in smsc.submitted]
    assert all(text[0] == 5 for text in texts)  # each has a user data header
    assert gsm7.decode(b"".join(text[6:] for text in texts if text[1:3] == b"\0\3" and text[4] == 2)) == LONG.strip()
    statuses = []
    for _ in range(100):
        statuses = [one.fields["MessageStatus"] for one in application.requests if one.path == "/status"]
        if len(statuses) == 4:
            break
        await asyncio.sleep(0.05)
    assert statuses == ["queued", "sending", "sent", "delivered"]


async def test_segments_out_of_order_make_one_message(ringback: Ringback, application: Application, smsc: Smsc) -> None:
    await add_shop(ringback, application)
    await add_carrier(ringback, "net", "smpp", host="127.0.0.1", port=smsc.port, system_id="ringback", password="pw")
    application.pages["/sms"] = ""
    await smsc.until(lambda: bool(smsc.sessions), "nobody has bound")
    parts = [CYRILLIC[i : i + 67] for i in range(0, len(CYRILLIC), 67)]
    for number in (3, 1, 3, 2):
        head = bytes((5, 0, 3, 9, len(parts), number))
        status = await smsc.deliver(
            PERSON[1:], SHOP[1:], head + parts[number - 1].encode("utf-16-be"), esm_class=0x40, data_coding=8
        )
        assert status == 0
    assert (await application.until("/sms")).fields["Body"] == CYRILLIC
    await asyncio.sleep(0.5)
    assert [one.path for one in application.requests] == ["/sms"]


async def test_whatever_the_carrier_says_the_status_is_right(
    ringback: Ringback, application: Application, smsc: Smsc
) -> None:
    """Throttled, undeliverable, unanswered, refused, a receipt of TLVs only."""
    await add_shop(ringback, application)
    await add_carrier(
        ringback,
        "net",
        "smpp",
        host="127.0.0.1",
        port=smsc.port,
        system_id="ringback",
        password="pw",
        response_timeout=1,
    )
    ends = {"1": "delivered", "2": "undelivered", "3": "delivered", "4": "failed", "5": "delivered"}
    application.pages["/sms"] = "".join(f'<Sms to="+4477009000{n}{n}">number {n}</Sms>' for n in ends)
    await smsc.until(lambda: bool(smsc.sessions), "nobody has bound")
    await smsc.deliver(PERSON[1:], SHOP[1:], b"go")
    found = await messages(ringback, 5, "delivered", "undelivered", "failed")
    assert {one.body[-1]: one.status.value for one in found} == ends
    assert {one.body[-1]: one.error_code for one in found if one.error_code} == {"2": 30008, "4": 30005}
    assert [one.body[-1] for one in found if one.repeated] == ["3"]
    assert smsc.throttled == 2
    bodies = sorted(one.pdu.short_message.decode()[-1] for one in smsc.submitted)
    assert bodies == ["1", "2", "3", "3", "5"]


@pytest.mark.needs("bearerbox", "smsbox")
async def test_kannel_as_an_esme(
    ringback: Ringback, application: Application, tmp_path: Path, started: list[Process]
) -> None:
    """kannel sends to a number of this server, and gets the answer and the delivery report."""
    await add_shop(ringback, application)
    port = free_port()
    esme = {"system_id": "kannel", "password": "secret", "prefixes": ["+4477"]}
    await add_carrier(ringback, "esmes", "smpp-server", port=port, esmes=[esme])
    application.pages["/sms"] = lambda fields: f"<Message>You wrote: {fields['Body']}</Message>"
    application.pages["/mo"] = application.pages["/dlr"] = ""
    await asyncio.sleep(2)  # the server looks for new carriers every second
    kannel = await Kannel.start(tmp_path / "kannel", port, "kannel", "secret", application.url(""))
    started.extend(kannel.processes)
    try:
        assert "Accepted" in await kannel.send(PERSON, SHOP, LONG)
        request = await application.until("/sms")
        assert request.fields["Body"].strip() == LONG.strip()
        assert request.fields["From"] == PERSON
        await messages(ringback, 1, "delivered")
        mo = await application.until("/mo")
        assert mo.fields["to"].lstrip("+") == PERSON[1:]
        assert (await application.until("/dlr")).fields["type"] in ("1", "8")
    finally:
        await kannel.stop()


async def test_smpplib_as_an_esme(ringback: Ringback, application: Application) -> None:
    """A message to the world by another library: it goes out by another carrier, and its receipt comes back."""
    import smpplib.client
    import smpplib.consts

    smsc = await Smsc.start()
    try:
        await ringback.database.accounts.ensure_default(datetime.now(UTC), secrets.token_bytes)
        await add_carrier(
            ringback, "net", "smpp", host="127.0.0.1", port=smsc.port, system_id="ringback", password="pw"
        )
        port = free_port()
        esme = {"system_id": "office", "password": "secret", "senders": ["Lighthouse"]}
        await add_carrier(ringback, "esmes", "smpp-server", port=port, esmes=[esme])
        await smsc.until(lambda: bool(smsc.sessions), "nobody has bound")
        await asyncio.sleep(1)
        receipts: list[bytes] = []

        def converse() -> str:
            client = smpplib.client.Client("127.0.0.1", port, timeout=10, allow_unknown_opt_params=True)
            answers: list[str] = []
            client.set_message_sent_handler(lambda pdu: answers.append(pdu.message_id.decode()))
            client.set_message_received_handler(lambda pdu: receipts.append(pdu.short_message))
            client.connect()
            client.bind_transceiver(system_id="office", password="secret")
            client.send_message(
                source_addr_ton=5, source_addr="Lighthouse", dest_addr_ton=1, dest_addr_npi=1,
                destination_addr=PERSON[1:], short_message=b"Your order is here", registered_delivery=True,
            )  # fmt: skip
            while not receipts:
                client.read_once()
            client.unbind()
            client.disconnect()
            return answers[0]

        identifier = await asyncio.to_thread(converse)
        receipt = read_receipt(receipts[0], [])
        assert receipt is not None
        assert (receipt.reference, receipt.delivered) == (identifier, True)
        (sent,) = await messages(ringback, 1, "delivered")
        assert (sent.from_, sent.to, sent.carrier) == ("Lighthouse", PERSON, "net")
        assert smsc.submitted[0].pdu.source_addr == "Lighthouse"
    finally:
        await smsc.stop()
