"""What a carrier is: the contract that SMPP, SIP, HTTP and the local handset keep alike.

`ringback.testing.contracts_messages` checks it; every carrier's tests run those checks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ringback.messaging.port import Arrival, Draft
from ringback.messaging.text.concatenation import Place
from ringback.model.messages import MessageRecord


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way out. Numbers are in their stored form."""

    sid: str
    account_sid: str
    from_: str
    to: str
    body: str
    media_urls: tuple[str, ...] = ()
    """Where the world can fetch its media."""
    expires: datetime | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """A carrier has taken a unit."""

    reference: str = ""
    """What it calls the unit; receipts come with it. Empty where it gives no receipts."""
    delivered: bool = False
    """True where it was brought to its recipient already."""


class CarrierRefusedError(Exception):
    """A carrier will not take a unit, and so has not got it. `code` is one of `ringback.model.errors`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class CarrierBusyError(Exception):
    """A carrier takes nothing now. It is asked again after so many seconds, or when it calls `Inbox.ready`."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class CarrierDownError(Exception):
    """A carrier cannot be reached, and so has not got the unit: the next one may be tried."""


class CarrierLostError(Exception):
    """A unit was handed over and the answer was lost: the carrier may have it, or not."""


class Inbox(Protocol):
    """Where a carrier brings what comes from the world. Whatever it brings is durable when the method returns.

    Every method raises `ringback.storage.errors.StorageError` when it cannot be kept: then the carrier must not
    acknowledge it.
    """

    async def received(self, arrival: Arrival) -> MessageRecord | None:
        """A whole message came. None where its number is none of this server."""
        ...

    async def segment(self, arrival: Arrival, place: Place) -> bool:
        """A segment of a message came. False where its number is none of this server."""
        ...

    async def receipt(self, carrier: str, reference: str, *, delivered: bool, error_code: int | None = None) -> None:
        """A unit was delivered, or will never be."""
        ...

    async def send(self, draft: Draft) -> MessageRecord:
        """Somebody behind the carrier sends a message to the world. Raises MessageRefused."""
        ...

    async def waiting(self, carrier: str, to: str) -> Sequence[MessageRecord]:
        """Return the messages that a carrier took for a recipient and has not delivered, the oldest first."""
        ...

    def ready(self, carrier: str) -> None:
        """The carrier takes messages again, or more of them."""
        ...


class Carrier(Protocol):
    """One carrier. All methods belong to one event loop."""

    @property
    def name(self) -> str:
        """Its name among the carriers."""
        ...

    @property
    def window(self) -> int:
        """How many units it takes at the same time; 0 while it is down."""
        ...

    @property
    def state(self) -> str:
        """`up`, or what keeps it from working, for people."""
        ...

    def takes(self, to: str) -> bool:
        """Whether it reaches a number at all; prefixes are looked at elsewhere."""
        ...

    def units(self, message: Outgoing) -> int:
        """Return in how many units it takes a message. The answer is always the same for the same message."""
        ...

    async def start(self, inbox: Inbox) -> None:
        """Begin to work; returns at once, whether or not it can be reached."""
        ...

    async def submit(self, message: Outgoing, number: int) -> Accepted:
        """Hand over one unit, counted from 1.

        Raises CarrierRefusedError, CarrierBusyError, CarrierDownError or CarrierLostError, and nothing else.
        """
        ...

    async def close(self) -> None:
        """Finish what it does, and end."""
        ...
