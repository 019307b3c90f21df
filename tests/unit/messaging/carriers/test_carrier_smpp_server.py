"""SMPP carriers, both sides of one, on sockets of loopback: `smpp` is the ESME of `smpp_server`."""

# Covers: testing/messages.py

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ringback.messaging.carriers.contract import (
    CarrierBusyError,
    CarrierDownError,
    CarrierLostError,
    CarrierRefusedError,
)
from ringback.messaging.carriers.smpp import SmppCarrier, SmppSettings
from ringback.messaging.carriers.smpp_server import SmppServerCarrier
from ringback.messaging.port import MessageRefused
from ringback.messaging.receipts import ReceiptAddress
from ringback.messaging.smpp.link import Link, LinkError, connect
from ringback.messaging.smpp.pdu import Bind, Pdu, Status, message_pdu
from ringback.model.messages import CarrierRecord
from ringback.storage.errors import StorageError
from ringback.testing.contracts_messages import check_carrier
from ringback.testing.messages import EPOCH, FakeInbox, fake_message, fake_outgoing
from tests.unit.messaging.smpp_lines import deliver, submit

OFFICE = {
    "system_id": "office",
    "password": "secret",
    "prefixes": ["+4477"],
    "account": "AC" + "0" * 32,
    "max_binds": 2,
}
PERSON = "+447700900120"
ACCOUNT = "AC" + "1" * 32


def server_of(**settings: Any) -> SmppServerCarrier:
    values = {"port": 0, "esmes": [OFFICE], **settings}
    return SmppServerCarrier(CarrierRecord("esmes", "smpp-server", values, EPOCH), ACCOUNT)


def client_of(port: int, **settings: Any) -> SmppCarrier:
    values = {
        "host": "127.0.0.1", "port": port, "system_id": "office", "password": "secret", "longest_pause": 1.5,
        **settings,
    }  # fmt: skip
    return SmppCarrier(CarrierRecord("net", "smpp", values, EPOCH))


async def until(true: Callable[[], object]) -> None:
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


class Both:
    """A server and a client that is bound to it, and what each brought."""

    def __init__(self) -> None:
        self.inner, self.outer = FakeInbox(), FakeInbox(numbers=frozenset({"+15550100001", PERSON}))
        self.server = server_of()

    async def start(self, **settings: Any) -> "Both":
        await self.server.start(self.inner)  # type: ignore[arg-type]
        self.client = client_of(self.server.address[1], **settings)
        await self.client.start(self.outer)  # type: ignore[arg-type]
        await until(lambda: self.client.state == "up")
        return self

    async def close(self) -> None:
        await self.client.close()
        await self.server.close()


@pytest.fixture
async def both() -> AsyncIterator[Both]:
    made = await Both().start()
    yield made
    await made.close()


async def test_what_an_esme_submits_goes_to_an_application(both: Both) -> None:
    message = fake_outgoing(from_=PERSON, to="+15550100001", body="Grüße €")
    accepted = await both.client.submit(message, 1)
    assert len(accepted.reference) == 32
    (arrival,) = both.inner.arrivals
    assert (arrival.from_, arrival.to, arrival.body, arrival.carrier) == (PERSON, "+15550100001", "Grüße €", "esmes")
    assert ReceiptAddress.read(arrival.receipt_to) == ReceiptAddress("esmes", "office", (accepted.reference,))


@pytest.mark.parametrize("way", ["udh", "udh16", "sar", "payload"])
async def test_long_texts_in_every_way(way: str) -> None:
    both = await Both().start(long_messages=way)
    text = "Ж" * 200
    message = fake_outgoing(from_=PERSON, to="+15550100001", body=text)
    for number in range(1, both.client.units(message) + 1):
        await both.client.submit(message, number)
    if way == "payload":
        assert both.inner.arrivals[0].body == text
    else:
        assert "".join(arrival.body for arrival, _ in both.inner.segments) == text
        assert {place.total for _, place in both.inner.segments} == {both.client.units(message)}
    await both.close()


async def test_what_goes_on_to_the_world_is_the_accounts_of_the_esme(both: Both) -> None:
    await both.client.submit(fake_outgoing(from_=PERSON, to="+33123456789"), 1)
    (draft,) = both.inner.drafts
    assert (draft.account_sid, draft.from_, draft.to, draft.trusted) == (
        OFFICE["account"],
        PERSON,
        "+33123456789",
        True,
    )
    assert draft.receipt_to.startswith("receipt:esmes/office/")


@pytest.mark.parametrize(
    ("refusal", "error"),
    [(21211, CarrierRefusedError), (21611, CarrierBusyError), (21602, CarrierRefusedError)],
)
async def test_what_is_refused_is_told_to_the_esme(both: Both, refusal: int, error: type[Exception]) -> None:
    both.inner.refusal = MessageRefused(refusal, "no")
    with pytest.raises(error):
        await both.client.submit(fake_outgoing(from_=PERSON, to="+33123456789"), 1)


async def test_an_esme_may_use_its_own_senders_only(both: Both) -> None:
    with pytest.raises(CarrierRefusedError) as refused:
        await both.client.submit(fake_outgoing(from_="+15550100009", to="+15550100001"), 1)
    assert refused.value.code == 21606


async def test_what_cannot_be_kept_comes_again(both: Both) -> None:
    both.inner.error = StorageError("the disk is full", unavailable=True)
    pauses = []
    for _ in range(3):
        with pytest.raises(CarrierBusyError) as busy:
            await both.client.submit(fake_outgoing(from_=PERSON, to="+15550100001"), 1)
        pauses.append(busy.value.seconds)
    assert pauses == [0.5, 1.0, 1.5]  # twice as long each time, up to longest_pause
    both.inner.error = None
    await both.client.submit(fake_outgoing(from_=PERSON, to="+15550100001"), 1)
    both.outer.error = StorageError("the disk is full", unavailable=True)
    with pytest.raises(CarrierBusyError):
        await both.server.submit(fake_outgoing(to=PERSON), 1)


async def test_messages_to_the_numbers_of_an_esme_are_brought_to_it(both: Both) -> None:
    assert both.server.takes(PERSON)
    assert not both.server.takes("+33")
    assert (await both.server.submit(fake_outgoing(to=PERSON, body="hi"), 1)).delivered
    assert both.outer.arrivals[0].body == "hi"
    with pytest.raises(CarrierRefusedError):
        await both.server.submit(fake_outgoing(to="+447700900199"), 1)  # none of the ESME's numbers after all
    long = fake_outgoing(to=PERSON, body="x" * 200)
    assert both.server.units(long) == 2
    for number in (1, 2):
        await both.server.submit(long, number)
    assert [place.number for _, place in both.outer.segments] == [1, 2]
    with pytest.raises(CarrierDownError):
        await both.server.submit(fake_outgoing(to="+33"), 1)


async def test_receipts_find_their_way_back(both: Both) -> None:
    address = ReceiptAddress("esmes", "office", ("A1", "b2"))
    record = fake_message(from_=PERSON, to="+33123456789")
    assert await both.server.give_receipt(address, record, delivered=True, error_code=None)
    assert await both.server.give_receipt(address, record, delivered=False, error_code=30003)
    assert both.outer.receipts == [
        ("net", "a1", True, None), ("net", "b2", True, None), ("net", "a1", False, 30008), ("net", "b2", False, 30008),
    ]  # fmt: skip
    stranger = ReceiptAddress("esmes", "nobody", ("1",))
    assert not await both.server.give_receipt(stranger, record, delivered=True, error_code=None)
    both.outer.error = StorageError("full", unavailable=True)
    assert not await both.server.give_receipt(address, record, delivered=True, error_code=None)


@pytest.mark.long
async def test_a_link_that_is_lost_comes_back(both: Both) -> None:
    (link,) = both.server._links
    link.abort("cut")
    await until(lambda: both.client.window == 0)
    with pytest.raises(CarrierDownError):
        await both.client.submit(fake_outgoing(), 1)
    assert "binds" in both.client.state
    await until(lambda: both.client.state == "up")
    assert both.outer.readies.count("net") >= 3


async def test_a_wrong_password_and_too_many_binds_are_refused(both: Both, caplog: pytest.LogCaptureFixture) -> None:
    async def nothing(link: Link, request: Pdu) -> None:
        """Take nothing."""

    port = both.server.address[1]
    for bind in (Bind("office", "wrong"), Bind("nobody", "secret")):
        with pytest.raises(LinkError) as refused:
            await connect("127.0.0.1", port, bind, nothing)
        assert refused.value.status == Status.RBINDFAIL
    second = await connect("127.0.0.1", port, Bind("office", "secret", "receiver"), nothing)
    assert second.bound.result().peer == "ringback"
    with pytest.raises(LinkError):
        await connect("127.0.0.1", port, Bind("office", "secret"), nothing)
    assert "unknown, or a wrong password" in caplog.text
    with pytest.raises(LinkError, match="not bound"):
        await second.request(lambda sequence: message_pdu(submit(), sequence))
    await second.close()
    wrong = client_of(port, password="wrong")
    await wrong.start(FakeInbox())  # type: ignore[arg-type]
    await until(lambda: "refused" in wrong.state)
    await wrong.close()


async def test_no_more_connect_than_may() -> None:
    """Whoever is too many is cut off at once."""
    server = server_of(max_connections=1)
    await server.start(FakeInbox())  # type: ignore[arg-type]
    first, one = await asyncio.open_connection(*server.address)
    await until(lambda: len(server._links) == 1)
    second, two = await asyncio.open_connection(*server.address)
    async with asyncio.timeout(5):
        with suppress(ConnectionError):
            assert await second.read() == b""
    assert len(server._links) == 1
    assert not first.at_eof()
    for writer in (one, two):
        writer.close()
    await server.close()
    assert server.state == "not listening"


async def test_whoever_fails_at_tls_takes_no_place(tmp_path: Path) -> None:
    certificate, key = certificate_of(tmp_path)
    both = Both()
    both.server = server_of(certificate=str(certificate), key=str(key), max_connections=1)
    await both.server.start(both.inner)  # type: ignore[arg-type]
    for _ in range(2):
        reader, writer = await asyncio.open_connection(*both.server.address)
        writer.write(b"what is TLS?\n")
        async with asyncio.timeout(5):
            with suppress(ConnectionError):
                await reader.read()
        writer.close()
    both.client = client_of(both.server.address[1], tls=True, ca_file=str(certificate))
    await both.client.start(both.outer)  # type: ignore[arg-type]
    await until(lambda: both.client.state == "up")
    await both.close()


async def test_transmitter_and_receiver_side_by_side() -> None:
    both = Both()
    both.server = server_of(esmes=[OFFICE | {"max_binds": 9}])
    await both.start(bind="transmitter+receiver", binds=2)
    assert both.client.window == 2 * 10
    await both.client.submit(fake_outgoing(from_=PERSON, to="+15550100001"), 1)
    assert (await both.server.submit(fake_outgoing(to=PERSON), 1)).delivered
    await both.close()


async def test_an_answer_that_does_not_come() -> None:
    gate = asyncio.Event()
    both = Both()
    received = both.inner.received

    async def slowly(arrival: Any) -> Any:
        await gate.wait()
        return await received(arrival)

    both.inner.received = slowly  # type: ignore[method-assign]
    await both.start(response_timeout=0.1)
    with pytest.raises(CarrierLostError):
        await both.client.submit(fake_outgoing(from_=PERSON, to="+15550100001"), 1)
    gate.set()
    await both.close()


async def test_they_keep_the_contract() -> None:
    server = server_of()
    await server.start(FakeInbox())  # type: ignore[arg-type]
    client = client_of(server.address[1])
    start = client.start

    async def started(inbox: Any) -> None:
        await start(inbox)
        await until(lambda: client.window)

    client.start = started  # type: ignore[method-assign]
    (answer,) = await check_carrier(client, FakeInbox(), fake_outgoing(from_=PERSON, to="+15550100001"))  # type: ignore[arg-type]
    assert answer.reference
    await server.close()
    unbound = server_of()
    with pytest.raises(CarrierDownError):
        await unbound.submit(fake_outgoing(to=PERSON), 1)
    assert (unbound.window, unbound.state) == (0, "not listening")


async def test_over_tls(tmp_path: Path) -> None:
    certificate, key = certificate_of(tmp_path)
    both = Both()
    both.server = server_of(certificate=str(certificate), key=str(key))
    await both.start(tls=True, ca_file=str(certificate))
    await both.client.submit(fake_outgoing(from_=PERSON, to="+15550100001"), 1)
    stranger = client_of(both.server.address[1], tls=True)
    await stranger.start(FakeInbox())  # type: ignore[arg-type]
    await until(lambda: "CERTIFICATE_VERIFY_FAILED" in stranger.state)
    await stranger.close()
    trusting = client_of(both.server.address[1], tls=True, verify=False)
    await trusting.start(FakeInbox())  # type: ignore[arg-type]
    await until(lambda: trusting.state == "up")
    await trusting.close()
    await both.close()


@pytest.mark.parametrize(
    "settings",
    [
        {"host": ""},
        {"bind": "both"},
        {"tls": True, "ca_file": "/nowhere"},
        {"long_messages": "x"},
        {"window": 0},
        {"x": 1},
    ],
)
def test_settings_of_a_client_that_cannot_be_used(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        client_of(1, **settings)


@pytest.mark.parametrize(
    "settings",
    [{"certificate": "/nowhere"}, {"esmes": [{"system_id": "a"}]}, {"host": "a name"}, {"esmes": [OFFICE | {"x": 1}]}],
)
def test_settings_of_a_server_that_cannot_be_used(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        server_of(**settings)


@pytest.mark.parametrize(
    ("ids", "answered", "told", "same"),
    [
        ("same", "AB", "ab", True), ("hex-decimal", "1F", "31", True), ("decimal-hex", "31", "1f", True),
        ("decimal-hex", "31", "001F", True), ("hex-decimal", "xyz", "xyz", True), ("same", "1f", "31", False),
    ],
)  # fmt: skip
def test_ids_that_are_told_in_another_form(ids: str, answered: str, told: str, same: bool) -> None:
    from ringback.messaging.carriers.smpp import _name

    assert (_name(answered, ids, answered=True) == _name(told, ids, answered=False)) is same


def test_how_long_a_carrier_may_try() -> None:
    carrier = client_of(1)
    message = fake_outgoing(expires=EPOCH + timedelta(hours=1), media_urls=("http://app/c.png",))
    pdu = carrier._submit_sm(message, 1)
    assert pdu.validity_period == "260101010000000+"
    assert pdu.short_message == b"hello\nhttp://app/c.png"
    assert not carrier.takes("menu")
    assert SmppSettings.read({"host": "h", "system_id": "s"}).port == 2775


async def test_what_cannot_be_read_is_refused(both: Both) -> None:
    (link,) = both.server._links
    server_session = link.session
    assert server_session is not None
    answer = await link.request(lambda sequence: Pdu(5, 0, sequence, b"junk"))
    assert answer.status == Status.RINVCMDLEN
    client_link = both.client._links[0]
    assert client_link is not None
    assert (await client_link.request(lambda sequence: Pdu(4, 0, sequence, b"junk"))).status == Status.RINVCMDLEN
    assert (await link.request(lambda sequence: message_pdu(deliver(), sequence))).status == Status.RINVDSTADR


def certificate_of(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1."""
    from datetime import UTC, datetime
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2090, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = directory / "cert.pem", directory / "key.pem"
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    assert ssl.create_default_context(cafile=str(certificate))
    return certificate, private
