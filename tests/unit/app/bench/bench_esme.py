"""An ESME for the SMSC of the benchmark: Ringback's own SMPP connection, without the server around it."""

import asyncio
from typing import Self

import smpp34

from ringback.messaging.smpp.link import Link, connect
from ringback.messaging.smpp.pdu import Bind, Pdu, first_c_string, message_pdu, read_message

BUSY = 0x14
"""ESME_RMSGQFUL."""


class BenchEsme:
    """Submits texts and keeps what comes; the first `refuse` receipts are refused."""

    link: Link

    def __init__(self, port: int, *, refuse: int = 0) -> None:
        self._port = port
        self.refuse = refuse
        self.patient = asyncio.Event()
        """Set when it has refused as many as it was asked to."""
        self.came: asyncio.Queue[smpp34.DeliverSm] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self.link = await connect("127.0.0.1", self._port, Bind("bench", "bench"), self._arrived)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.link.close()

    async def submit(self, from_: str, to: str, text: str) -> str:
        """Submit a text and return what the SMSC calls it."""
        made = smpp34.SubmitSm(from_, to, text.encode())
        answered = await self.link.request(lambda sequence: message_pdu(made, sequence))
        return first_c_string(answered.body)

    async def receipt(self) -> str:
        """Wait for a receipt, and return the id that it is about."""
        text = (await self.came.get()).short_message.decode()
        assert " stat:DELIVRD " in text
        return str(text.partition("id:")[2].partition(" ")[0])

    async def _arrived(self, link: Link, request: Pdu) -> None:
        if self.refuse:
            self.refuse -= 1
            link.answer(request, BUSY, b"\0")
            if not self.refuse:
                self.patient.set()
            return
        message = read_message(request)
        assert isinstance(message, smpp34.DeliverSm)
        link.answer(request, 0, b"\0")
        self.came.put_nowait(message)
