"""A carrier without a network, and an inbox without a store: for tests of whatever is on either side of them."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ringback.messaging.carriers.contract import Accepted, Inbox, Outgoing
from ringback.messaging.port import Arrival, Draft, MessageRefused
from ringback.messaging.text.concatenation import Place
from ringback.model.messages import MessageDirection, MessageRecord, MessageStatus
from ringback.model.status import ApiVersion

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class FakeCarrier:
    """Takes everything, in units of one word each if `words` is set, and remembers it in `taken`.

    What is in `script` happens first: an exception is raised, an Accepted returned.
    """

    def __init__(self, name: str, *, window: int = 10, words: bool = False, reaches: str = "+") -> None:
        self.name = name
        self.window = window
        self.state = "up"
        self.words = words
        self.reaches = reaches
        self.script: deque[Accepted | Exception] = deque()
        self.taken: list[tuple[Outgoing, int]] = []
        self.inbox: Inbox | None = None
        self.closed = False

    def takes(self, to: str) -> bool:
        """Numbers that begin with `reaches`."""
        return to.startswith(self.reaches)

    def units(self, message: Outgoing) -> int:
        """One, or one for each word."""
        return max(1, len(message.body.split())) if self.words else 1

    async def start(self, inbox: Inbox) -> None:
        """Keep the inbox."""
        self.inbox = inbox

    async def submit(self, message: Outgoing, number: int) -> Accepted:
        """Do what the script says, or take it."""
        done = self.script.popleft() if self.script else Accepted(f"{self.name}-{len(self.taken) + 1}")
        if isinstance(done, Exception):
            raise done
        self.taken.append((message, number))
        return done

    async def close(self) -> None:
        """Remember that."""
        self.closed = True

    @property
    def bodies(self) -> list[str]:
        """The texts that were taken."""
        return [message.body for message, _ in self.taken]


@dataclass
class FakeInbox:
    """Remembers what a carrier brings. `numbers` are those of this server; `error` is raised in place of taking."""

    numbers: frozenset[str] = frozenset({"+15550100001"})
    error: Exception | None = None
    arrivals: list[Arrival] = field(default_factory=list)
    segments: list[tuple[Arrival, Place]] = field(default_factory=list)
    receipts: list[tuple[str, str, bool, int | None]] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    refusal: MessageRefused | None = None
    held: list[MessageRecord] = field(default_factory=list)
    readies: list[str] = field(default_factory=list)

    def _check(self) -> None:
        if self.error is not None:
            raise self.error

    async def received(self, arrival: Arrival) -> MessageRecord | None:
        """Take a message to a number of this server."""
        self._check()
        if arrival.to not in self.numbers:
            return None
        self.arrivals.append(arrival)
        return fake_message(len(self.arrivals), from_=arrival.from_, to=arrival.to, body=arrival.body)

    async def segment(self, arrival: Arrival, place: Place) -> bool:
        """Take a segment."""
        self._check()
        self.segments.append((arrival, place))
        return arrival.to in self.numbers or bool(arrival.account_sid)

    async def receipt(self, carrier: str, reference: str, *, delivered: bool, error_code: int | None = None) -> None:
        """Take a receipt."""
        self._check()
        self.receipts.append((carrier, reference, delivered, error_code))

    async def send(self, draft: Draft) -> MessageRecord:
        """Take what goes on to the world, unless `refusal` says otherwise."""
        self._check()
        if self.refusal is not None:
            raise self.refusal
        self.drafts.append(draft)
        return fake_message(len(self.drafts), from_=draft.from_, to=draft.to, body=draft.body)

    async def waiting(self, carrier: str, to: str) -> Sequence[MessageRecord]:
        """Return what is held for a recipient."""
        return [record for record in self.held if record.to == to]

    def ready(self, carrier: str) -> None:
        """Remember that."""
        self.readies.append(carrier)


def fake_message(number: int = 1, **different: object) -> MessageRecord:
    """Return a message that is whole, and differs from others in its number and in what a test says."""
    values: dict[str, object] = {
        "sid": f"SM{number:032x}",
        "account_sid": "AC" + "0" * 32,
        "from_": "+14155550100",
        "to": "+15550100001",
        "body": "hello",
        "status": MessageStatus.RECEIVED,
        "direction": MessageDirection.INBOUND,
        "api_version": ApiVersion.V2010,
        "date_created": EPOCH,
        "date_updated": EPOCH,
    }
    return MessageRecord(**{**values, **different})  # type: ignore[arg-type]


def fake_outgoing(number: int = 1, **different: object) -> Outgoing:
    """Return a message on its way out."""
    values: dict[str, object] = {
        "sid": f"SM{number:032x}",
        "account_sid": "AC" + "0" * 32,
        "from_": "+15550100001",
        "to": "+14155550100",
        "body": "hello",
    }
    return Outgoing(**{**values, **different})  # type: ignore[arg-type]
