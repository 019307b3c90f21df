"""SMPP the other way round: this server is the SMSC, and the operator's own ESMEs bind to it.

What an ESME submits goes to the application of a number of this server, or to the world by another carrier; it gets a
receipt when it has asked for one. Messages to the numbers of an ESME are brought to it by deliver_sm.
"""

import asyncio
import contextlib
import hmac
import logging
import secrets
import ssl
from dataclasses import dataclass
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
from ringback.messaging.port import Arrival, Draft, MessageRefused
from ringback.messaging.receipts import ReceiptAddress
from ringback.messaging.smpp.link import AnswerLostError, Link, LinkError
from ringback.messaging.smpp.pdu import Pdu, PduError, Status, c_string_body, message_pdu, read_message
from ringback.messaging.smpp.receipts import RECEIPT, receipt_text, receipt_tlvs
from ringback.messaging.smpp.session import BindAsked, Timers
from ringback.messaging.text.concatenation import Place
from ringback.model.messages import CarrierRecord, MessageRecord
from ringback.storage.errors import StorageError

logger = logging.getLogger(__name__)

_REFUSALS: Final = {
    21211: Status.RINVDSTADR,
    21604: Status.RINVDSTADR,
    21212: Status.RINVSRCADR,
    21606: Status.RINVSRCADR,
    21611: Status.RMSGQFUL,
}


@dataclass(frozen=True, slots=True)
class Esme:
    """One of the operator's ESMEs."""

    system_id: str
    password: str
    account: str
    """The sid of the account whose messages it sends."""
    prefixes: tuple[str, ...]
    """Beginnings of the numbers that are behind it: messages to them go to it, and it may send in their name."""
    senders: tuple[str, ...]
    """Further senders that it may use: numbers or names; `*` is any."""
    max_binds: int

    @classmethod
    def read(cls, values: dict[str, Any]) -> "Esme":
        """Read one from the settings. Raises ValueError."""
        reader = Reader(values)
        found = cls(
            reader.text("system_id", pattern=r"[!-~]+", longest=15),
            reader.text("password", pattern=r"[!-~]+", longest=8),
            reader.text("account", "", pattern=r"(AC[0-9a-f]{32})?"),
            reader.texts("prefixes"),
            reader.texts("senders"),
            reader.whole("max_binds", 10, least=1, most=1000),
        )
        reader.finish()
        return found

    def may_send_as(self, number: str) -> bool:
        """Whether it may use that sender."""
        return "*" in self.senders or number in self.senders or any(number.startswith(one) for one in self.prefixes)


class SmppServerCarrier:
    """`Carrier` for the ESMEs that bind to us."""

    def __init__(self, record: CarrierRecord, default_account: str = "") -> None:
        """`default_account` is whose messages they are where an ESME names no account.

        Raises ValueError for settings that cannot be used.
        """
        self.name = record.name
        reader = Reader(record.settings)
        self._host = reader.text("host", "127.0.0.1", pattern=r"[0-9a-fA-F.:]+")
        self._port = reader.whole("port", 2775)
        self._system_id = reader.text("system_id", "ringback", longest=15)
        self._window = reader.whole("window", 10, least=1, most=1000)
        self._way = reader.word("long_messages", *WAYS)
        self._alphabet = reader.word("default_alphabet", *DEFAULT_ALPHABETS)
        self._most = reader.whole("max_connections", 100, least=1)
        self._tls = _tls(reader.text("certificate", ""), reader.text("key", ""))
        self._timers = Timers(
            enquire_link=reader.number("enquire_link", 30, least=0.1),
            response=reader.number("response_timeout", 10, least=0.1),
        )
        self._esmes = {esme.system_id: esme for esme in map(Esme.read, reader.tables("esmes"))}
        reader.finish()
        self._account = default_account
        self._server: asyncio.Server | None = None
        self._links: dict[Link, Esme | None] = {}
        self._inbox: Inbox | None = None
        self.address: tuple[str, int] = (self._host, self._port)
        """Where it listens."""

    @property
    def window(self) -> int:
        """As much as the ESMEs that can receive take together; what one of them is too slow for waits for that one."""
        return self._window * max(1, len([link for link in self._links if link.may_send])) if self._server else 0

    @property
    def state(self) -> str:
        """Who is bound."""
        if self._server is None:
            return "not listening"
        names = sorted({esme.system_id for esme in self._links.values() if esme is not None})
        return "up" if names else f"listening on {self.address[0]} port {self.address[1]}; nobody is bound"

    def takes(self, to: str) -> bool:
        """Whether the number is behind one of the ESMEs."""
        return self._owner(to) is not None

    def units(self, message: Outgoing) -> int:
        """One for each segment, unless long texts go in one piece."""
        return len(pieces(message.body, self._way))

    async def start(self, inbox: Inbox) -> None:
        """Listen. Raises OSError."""
        self._inbox = inbox
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._new_link, self._host, self._port, ssl=self._tls)
        self.address = self._server.sockets[0].getsockname()[:2]

    async def submit(self, message: Outgoing, number: int) -> Accepted:
        """Bring one segment to the ESME of the number."""
        esme = self._owner(message.to)
        links = [link for link, owner in self._links.items() if owner is esme and link.may_send]
        if esme is None or not links:
            raise CarrierDownError(f"no ESME for {message.to} is bound to {self.name}")
        link = min(links, key=lambda one: one.pending)
        encoded = encode_pieces(message.body, self._way, int(message.sid[-4:], 16), self._alphabet)[number - 1]
        pdu = _deliver_sm(
            message.from_,
            message.to,
            encoded.short_message,
            esm_class=encoded.esm_class,
            data_coding=encoded.data_coding,
            tlvs=list(encoded.tlvs),
        )
        try:
            answer = await link.request(lambda sequence: message_pdu(pdu, sequence))
        except LinkError as error:
            raise CarrierDownError(f"{esme.system_id} is gone: {error}") from error
        except AnswerLostError as error:
            raise CarrierLostError(f"{esme.system_id}: {error}") from error
        if answer.status in (Status.RMSGQFUL, Status.RTHROTTLED, Status.RX_T_APPN):
            raise CarrierBusyError(f"{esme.system_id} takes nothing now", 1.0)
        if answer.status != Status.ROK:
            raise CarrierRefusedError(30008, f"{esme.system_id} refused it with status 0x{answer.status:08x}")
        return Accepted(delivered=True)

    async def give_receipt(
        self, address: ReceiptAddress, record: MessageRecord, *, delivered: bool, error_code: int | None
    ) -> bool:
        """Tell an ESME what became of a message that it has submitted."""
        for reference in address.references:
            links = [
                link
                for link, esme in self._links.items()
                if esme is not None and esme.system_id == address.peer and link.may_send
            ]
            if not links:
                return False
            text = receipt_text(
                reference,
                delivered=delivered,
                error_code=error_code,
                submitted=record.date_created,
                done=record.date_updated,
            )
            pdu = _deliver_sm(
                record.to,
                record.from_,
                text.encode("latin-1", "replace")[:254],
                esm_class=RECEIPT,
                data_coding=0,
                tlvs=receipt_tlvs(reference, delivered=delivered),
            )
            try:
                answer = await min(links, key=lambda one: one.pending).request(
                    lambda sequence, pdu=pdu: message_pdu(pdu, sequence)  # type: ignore[misc]
                )
            except (LinkError, AnswerLostError):
                return False
            if answer.status in (Status.RMSGQFUL, Status.RTHROTTLED, Status.RX_T_APPN):
                return False
        return True

    async def close(self) -> None:
        """Unbind everybody."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for link in list(self._links):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await link.close()
            link.abort("the server is closed")

    # -- who is there ---------------------------------------------------------------------------------------------

    def _owner(self, number: str) -> Esme | None:
        found = [
            (len(prefix), esme)
            for esme in self._esmes.values()
            for prefix in esme.prefixes
            if number.startswith(prefix)
        ]
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def _new_link(self) -> Link:
        return Link(
            "smsc",
            self._arrived,
            timers=self._timers,
            on_bind=self._asked,
            on_opened=self._opened,
            on_closed=self._gone,
        )

    def _opened(self, link: Link) -> None:
        # Not where the link is made: one whose TLS handshake fails is never heard of again.
        if self._server is None or len(self._links) >= self._most:
            link.abort("the server is closed" if self._server is None else "too many connections")
        else:
            self._links[link] = None

    def _asked(self, link: Link, asked: BindAsked) -> None:
        esme = self._esmes.get(asked.bind.system_id)
        # Compared in the same time whether or not there is such an ESME.
        expected = esme.password if esme is not None else secrets.token_hex(4)
        if not hmac.compare_digest(expected.encode(), asked.bind.password.encode("latin-1", "replace")):
            logger.warning("%s could not bind to %s: unknown, or a wrong password", link.remote, self.name)
            link.refuse_bind(asked, Status.RBINDFAIL)
            return
        if esme is None or sum(owner is esme for owner in self._links.values()) >= esme.max_binds:
            link.refuse_bind(asked, Status.RBINDFAIL)
            return
        self._links[link] = esme
        link.accept_bind(asked, self._system_id)
        logger.info("%s is bound to %s as %s", esme.system_id, self.name, asked.bind.kind)
        if self._inbox is not None:
            self._inbox.ready(self.name)

    def _gone(self, link: Link, reason: str) -> None:
        esme = self._links.pop(link, None)
        if esme is not None:
            logger.info("%s is no longer bound to %s: %s", esme.system_id, self.name, reason)

    # -- what they submit -----------------------------------------------------------------------------------------

    async def _arrived(self, link: Link, request: Pdu) -> None:
        status, reference = int(Status.RSYSERR), ""
        try:
            status, reference = await self._take(link, request)
        except PduError as error:
            status = error.status
        except StorageError as error:
            logger.error("A message of an ESME cannot be kept: %s", error)
            status = Status.RMSGQFUL
        finally:
            link.answer(request, status, c_string_body(reference))

    async def _take(self, link: Link, request: Pdu) -> tuple[int, str]:
        esme = self._links.get(link)
        if esme is None or self._inbox is None:
            return Status.RINVBNDSTS, ""
        message = read_message(request)
        text, place = decode_message(
            message.short_message, message.data_coding, message.esm_class, message.tlvs, self._alphabet
        )
        from_ = stored(message.source_addr, message.source_addr_ton)
        if not esme.may_send_as(from_):
            logger.warning("%s may not send as %s", esme.system_id, from_)
            return Status.RINVSRCADR, ""
        to = stored(message.destination_addr, message.dest_addr_ton)
        reference = secrets.token_hex(16)
        receipt = bool(message.registered_delivery & 1)
        receipt_to = str(ReceiptAddress(self.name, esme.system_id, (reference,))) if receipt else ""
        arrival = Arrival(from_, to, text, self.name, receipt_to=receipt_to, account_sid=esme.account or self._account)
        try:
            await self._let_in(arrival, place)
        except MessageRefused as error:
            logger.warning("A message of %s to %s was refused: %s", esme.system_id, to, error)
            return _REFUSALS.get(error.code, Status.RX_P_APPN), ""
        return Status.ROK, reference

    async def _let_in(self, arrival: Arrival, place: Place | None) -> None:
        assert self._inbox is not None
        if place is not None:
            await self._inbox.segment(arrival, place)
            return
        if await self._inbox.received(arrival) is None:
            draft = Draft(
                arrival.account_sid,
                to=arrival.to,
                from_=arrival.from_,
                body=arrival.body,
                receipt_to=arrival.receipt_to,
                trusted=True,
                smart_encoded=False,
            )
            await self._inbox.send(draft)


def _deliver_sm(
    from_: str, to: str, text: bytes, *, esm_class: int, data_coding: int, tlvs: list[smpp34.Tlv]
) -> smpp34.DeliverSm:
    sender, recipient = source(from_), destination(to)
    return smpp34.DeliverSm(
        sender.digits,
        recipient.digits,
        text,
        source_addr_ton=sender.ton,
        source_addr_npi=sender.npi,
        dest_addr_ton=recipient.ton,
        dest_addr_npi=recipient.npi,
        esm_class=esm_class,
        data_coding=data_coding,
        tlvs=tlvs,
    )


def _tls(certificate: str, key: str) -> ssl.SSLContext | None:
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"certificate {certificate} and its key cannot be used: {error}") from error
    return context
