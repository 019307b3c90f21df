"""SIP MESSAGE to and from the phones that are registered here (RFC 3428)."""

from typing import Final, Protocol

from ringback.messaging.carriers.contract import (
    Accepted,
    CarrierDownError,
    CarrierLostError,
    CarrierRefusedError,
    Inbox,
    Outgoing,
)
from ringback.messaging.port import Arrival, Draft, MessageRefused
from ringback.storage.errors import StorageError

LONGEST: Final = 1300
"""Octets of a text: a MESSAGE must stay below what fits into a datagram (RFC 3428 section 8)."""


class SipMessages(Protocol):
    """What the SIP side does for messages."""

    def reaches(self, to: str) -> bool:
        """Whether a phone is registered for a number or user."""
        ...

    async def send(self, to: str, from_: str, body: str) -> int:
        """Send a MESSAGE to the phones of a number, and return the best status that they answered; 408 for none."""
        ...


class SipCarrier:
    """`Carrier` for registered phones."""

    def __init__(self, name: str, sip: SipMessages, account: str, *, window: int = 50) -> None:
        """`account` is whose messages it is that phones send to the world."""
        self.name = name
        self._sip = sip
        self._account = account
        self._window = window
        self._inbox: Inbox | None = None

    @property
    def window(self) -> int:
        """As many requests as may wait for their answers."""
        return self._window if self._inbox is not None else 0

    @property
    def state(self) -> str:
        """Always up: whether a phone is there shows when it is asked for."""
        return "up" if self._inbox is not None else "not started"

    def takes(self, to: str) -> bool:
        """Whether a phone is registered for it."""
        return self._sip.reaches(to)

    def units(self, message: Outgoing) -> int:
        """One: SIP has no segments."""
        return 1

    async def start(self, inbox: Inbox) -> None:
        """Nothing has to be opened."""
        self._inbox = inbox

    async def submit(self, message: Outgoing, number: int) -> Accepted:
        """Send it to the phones of the recipient."""
        if self._inbox is None or not self._sip.reaches(message.to):
            raise CarrierDownError(f"no phone is registered for {message.to}")
        text = "\n".join(filter(None, (message.body, *message.media_urls)))
        if len(text.encode()) > LONGEST:
            # Sent over UDP it would be cut into datagrams that may be lost one by one.
            raise CarrierRefusedError(30008, f"the text has more than {LONGEST} octets, which no SIP MESSAGE may have")
        code = await self._sip.send(message.to, message.from_, text)
        if 200 <= code < 300:
            return Accepted(delivered=True)
        if code == 408:
            raise CarrierLostError(f"no phone of {message.to} answered")
        if code in (404, 410, 480, 503):
            raise CarrierDownError(f"the phones of {message.to} answered {code}")
        raise CarrierRefusedError(30008, f"the phones of {message.to} answered {code}")

    async def close(self) -> None:
        """Nothing has to be closed."""
        self._inbox = None

    async def arrived(self, from_: str, to: str, body: str, account: str = "") -> int:
        """Take what a phone has sent, and return the status to answer: 202 once it is on disk.

        A text to a number of this server goes to its application, any other to the world.
        """
        if self._inbox is None:
            return 503
        arrival = Arrival(from_, to, body, self.name)
        try:
            if await self._inbox.received(arrival) is None:
                await self._inbox.send(Draft(account or self._account, to=to, from_=from_, body=body, trusted=True))
        except MessageRefused as error:
            return 404 if error.code in (21211, 21604) else 403
        except StorageError:
            return 503
        return 202
