"""A carrier reached by SMPP 3.4: this server is the ESME, and binds to the SMSC of the carrier.

Several binds share the work. Each comes back by itself, with growing pauses; while the SMSC says that it is throttled
or its queue is full, nothing is handed over for a while. A message or receipt is acknowledged when it is on disk.
"""

import asyncio
import contextlib
import logging
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import smpp34

from ringback.messaging.carriers.addresses import destination, source, stored
from ringback.messaging.carriers.coding import DEFAULT_ALPHABETS, WAYS, decode_message, encode_pieces, pieces
from ringback.messaging.carriers.contract import (
    Accepted,
    CarrierBusyError,
    CarrierDownError,
    CarrierLostError,
    CarrierRefusedError,
    Inbox,
    Outgoing,
)
from ringback.messaging.carriers.settings import Reader
from ringback.messaging.port import Arrival
from ringback.messaging.smpp.link import AnswerLostError, Link, LinkError, connect
from ringback.messaging.smpp.pdu import Bind, Pdu, PduError, Status, first_c_string, message_pdu, read_message
from ringback.messaging.smpp.receipts import is_receipt, read_receipt
from ringback.messaging.smpp.session import Timers
from ringback.model.messages import CarrierRecord
from ringback.storage.errors import StorageError
from ringback.tasks import TaskOwner

logger = logging.getLogger(__name__)

_FIRST_PAUSE: Final = 0.5
_THROTTLED = (Status.RTHROTTLED, Status.RMSGQFUL)
_REFUSALS = {Status.RINVDSTADR: 30005, Status.RINVSRCADR: 21606}


@dataclass(frozen=True, slots=True)
class SmppSettings:
    """How to reach an SMSC. docs/reference/carriers.md has the words for people."""

    host: str
    port: int
    binds: tuple[Bind, ...]
    window: int
    tls: ssl.SSLContext | None
    timers: Timers
    way: str
    alphabet: str
    ids: str
    service_type: str
    longest_pause: float

    @classmethod
    def read(cls, values: dict[str, Any]) -> "SmppSettings":
        """Read the settings of a carrier. Raises ValueError."""
        reader = Reader(values)
        kind = reader.word("bind", "transceiver", "transmitter", "receiver", "transmitter+receiver")
        common: dict[str, Any] = {
            "system_id": reader.text("system_id", longest=15),
            "password": reader.text("password", "", longest=8),
            "system_type": reader.text("system_type", "", longest=12),
            "addr_ton": reader.whole("addr_ton", 0, most=255),
            "addr_npi": reader.whole("addr_npi", 0, most=255),
            "address_range": reader.text("address_range", "", longest=40),
        }
        count = reader.whole("binds", 1, least=1, most=50)
        found = cls(
            host=reader.text("host", pattern=r"[^\s/]+"),
            port=reader.whole("port", 2775, least=1),
            binds=tuple(Bind(kind=one, **common) for one in kind.split("+") for _ in range(count)),
            window=reader.whole("window", 10, least=1, most=1000),
            tls=_tls(reader),
            timers=Timers(
                session_init=reader.number("bind_timeout", 10, least=0.1),
                enquire_link=reader.number("enquire_link", 30, least=0.1),
                response=reader.number("response_timeout", 10, least=0.1),
            ),
            way=reader.word("long_messages", *WAYS),
            alphabet=reader.word("default_alphabet", *DEFAULT_ALPHABETS),
            ids=reader.word("ids", "same", "hex-decimal", "decimal-hex"),
            service_type=reader.text("service_type", "", longest=5),
            longest_pause=reader.number("longest_pause", 30, least=0.1),
        )
        reader.finish()
        return found


def _tls(reader: Reader) -> ssl.SSLContext | None:
    wanted, ca_file, verify = (
        reader.flag("tls", default=False),
        reader.text("ca_file", ""),
        reader.flag("verify", default=True),
    )
    if not wanted:
        return None
    try:
        context = ssl.create_default_context(cafile=str(Path(ca_file)) if ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"ca_file {ca_file} cannot be read: {error}") from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class SmppCarrier:
    """`Carrier` over SMPP."""

    def __init__(self, record: CarrierRecord) -> None:
        """Raises ValueError for settings that cannot be used."""
        self.name = record.name
        self._settings = SmppSettings.read(record.settings)
        self._links: list[Link | None] = [None] * len(self._settings.binds)
        self._errors: list[str] = ["not connected yet"] * len(self._settings.binds)
        self._tasks = TaskOwner()
        self._inbox: Inbox | None = None
        self._throttled = 0

    @property
    def window(self) -> int:
        """As much as all binds that can send take together."""
        return self._settings.window * len(self._senders())

    @property
    def state(self) -> str:
        """How many binds there are, and what keeps the others from being there."""
        up = sum(link is not None for link in self._links)
        if up == len(self._links):
            return "up"
        error = next(text for link, text in zip(self._links, self._errors, strict=True) if link is None)
        return f"{up} of {len(self._links)} binds: {error}"

    def takes(self, to: str) -> bool:
        """Whether it is a telephone number."""
        return to.removeprefix("+").isdigit()

    def units(self, message: Outgoing) -> int:
        """One for each segment, unless long texts go in one piece."""
        return len(pieces(_text(message), self._settings.way))

    async def start(self, inbox: Inbox) -> None:
        """Begin to connect."""
        self._inbox = inbox
        for index in range(len(self._links)):
            self._tasks.start(self._keep_bound(index), f"carrier {self.name}, bind {index + 1}")

    async def submit(self, message: Outgoing, number: int) -> Accepted:
        """Hand over one segment."""
        senders = self._senders()
        if not senders:
            raise CarrierDownError(f"{self.name} is not bound: {self.state}")
        link = min(senders, key=lambda one: one.pending)
        pdu = self._submit_sm(message, number)
        try:
            answer = await link.request(lambda sequence: message_pdu(pdu, sequence))
        except LinkError as error:
            raise CarrierDownError(f"{self.name} is not bound: {error}") from error
        except AnswerLostError as error:
            raise CarrierLostError(f"{self.name}: {error}") from error
        if answer.status in _THROTTLED:
            self._throttled += 1
            pause = min(_FIRST_PAUSE * 2.0 ** min(self._throttled - 1, 10), self._settings.longest_pause)
            raise CarrierBusyError(f"{self.name} is throttled", pause)
        self._throttled = 0
        if answer.status != Status.ROK:
            code = _REFUSALS.get(answer.status, 30008)  # type: ignore[call-overload]
            raise CarrierRefusedError(code, f"{self.name} refused it with status 0x{answer.status:08x}")
        return Accepted(_name(first_c_string(answer.body), self._settings.ids, answered=True))

    async def close(self) -> None:
        """Unbind."""
        links = [link for link in self._links if link is not None]
        await self._tasks.close()
        for link in links:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await link.close()
            link.abort("the carrier is closed")

    # -- binds ----------------------------------------------------------------------------------------------------

    def _senders(self) -> list[Link]:
        return [link for link in self._links if link is not None and link.may_send]

    async def _keep_bound(self, index: int) -> None:
        settings, failures = self._settings, 0
        while True:
            try:
                link = await connect(
                    settings.host, settings.port, settings.binds[index], self._arrived,
                    timers=settings.timers, tls=settings.tls, connect_timeout=settings.timers.session_init,
                )  # fmt: skip
            except LinkError as error:
                if str(error) != self._errors[index]:
                    logger.warning("The carrier %s cannot be bound: %s", self.name, error)
                self._errors[index] = str(error)
                failures += 1
            else:
                failures = 0
                self._links[index] = link
                logger.info("The carrier %s is bound as %s", self.name, settings.binds[index].kind)
                assert self._inbox is not None
                self._inbox.ready(self.name)
                reason = await asyncio.shield(link.ended)
                self._links[index] = None
                self._errors[index] = reason
                self._inbox.ready(self.name)  # what waits for it may go another way
                logger.warning("The carrier %s has lost a bind: %s", self.name, reason)
            await asyncio.sleep(min(_FIRST_PAUSE * 2.0 ** min(failures, 10), settings.longest_pause))

    # -- out ------------------------------------------------------------------------------------------------------

    def _submit_sm(self, message: Outgoing, number: int) -> smpp34.SubmitSm:
        reference = int(message.sid[-4:], 16)
        encoded = encode_pieces(_text(message), self._settings.way, reference, self._settings.alphabet)[number - 1]
        from_, to = source(message.from_), destination(message.to)
        return smpp34.SubmitSm(
            from_.digits,
            to.digits,
            encoded.short_message,
            service_type=self._settings.service_type,
            source_addr_ton=from_.ton,
            source_addr_npi=from_.npi,
            dest_addr_ton=to.ton,
            dest_addr_npi=to.npi,
            esm_class=encoded.esm_class,
            data_coding=encoded.data_coding,
            registered_delivery=1,
            validity_period=_validity(message.expires),
            tlvs=list(encoded.tlvs),
        )

    # -- in -------------------------------------------------------------------------------------------------------

    async def _arrived(self, link: Link, request: Pdu) -> None:
        status = Status.RX_T_APPN
        try:
            status = await self._take(request)
        except PduError as error:
            status = Status(error.status)
        except StorageError as error:
            logger.error("A message of the carrier %s cannot be kept; it will bring it again: %s", self.name, error)
        finally:
            link.answer(request, status, b"\0")

    async def _take(self, request: Pdu) -> Status:
        message = read_message(request)
        assert self._inbox is not None
        if is_receipt(message.esm_class):
            text = message.short_message or b"".join(tlv.value for tlv in message.tlvs if tlv.tag == 0x0424)
            receipt = read_receipt(text, message.tlvs)
            if receipt is not None and receipt.final:
                reference = _name(receipt.reference, self._settings.ids, answered=False)
                code = receipt.error_code
                await self._inbox.receipt(self.name, reference, delivered=receipt.delivered, error_code=code)
            return Status.ROK
        text_, place = decode_message(
            message.short_message, message.data_coding, message.esm_class, message.tlvs, self._settings.alphabet
        )
        from_ = stored(message.source_addr, message.source_addr_ton)
        to = stored(message.destination_addr, message.dest_addr_ton)
        arrival = Arrival(from_, to, text_, self.name)
        if place is not None:
            ours = await self._inbox.segment(arrival, place)
        else:
            ours = await self._inbox.received(arrival) is not None
        if not ours:
            logger.warning("The carrier %s brought a message to %s, which is no number of this server", self.name, to)
        return Status.ROK if ours else Status.RINVDSTADR


def _text(message: Outgoing) -> str:
    """The text, with the addresses of media behind it: a short message has no files."""
    return "\n".join(filter(None, (message.body, *message.media_urls)))


def _name(reference: str, ids: str, *, answered: bool) -> str:
    """Return an id in the form that receipts have it in: some SMSCs answer in hexadecimal and report in decimal."""
    text = reference.strip()
    try:
        if answered and ids == "hex-decimal":
            return str(int(text, 16))
        if answered and ids == "decimal-hex":
            return f"{int(text):x}"
    except ValueError:
        return text
    if ids == "same":
        return text.lower()
    return text.lower().lstrip("0") or "0"


def _validity(expires: datetime | None) -> str:
    """Return the moment in the absolute form of 7.1.1, in UTC."""
    if expires is None:
        return ""
    return f"{expires.astimezone(UTC):%y%m%d%H%M%S}000+"
