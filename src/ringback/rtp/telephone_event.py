"""Keys as RTP telephone events (RFC 4733)."""

import struct
from dataclasses import dataclass

KEYS = "0123456789*#ABCD"
"""The keys by their event code, 0 to 15 (RFC 4733 §3.2)."""

_PAYLOAD = struct.Struct(">BBH")
_LONGEST = 0xFFFF
_LATEST = 10 * 8000
"""A report that is older than the newest event by more than ten seconds was not delayed: the timestamps have jumped."""


class TelephoneEventError(ValueError):
    """The payload is no telephone event."""


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """One report of an event (RFC 4733 §2.3). `duration` counts timestamp units since the event began."""

    event: int
    duration: int
    end: bool = False
    volume: int = 10

    def __bytes__(self) -> bytes:
        return _PAYLOAD.pack(self.event, (0x80 if self.end else 0) | self.volume, min(self.duration, _LONGEST))


def parse(payload: bytes) -> TelephoneEvent:
    """Read one report. Raises TelephoneEventError when the payload is shorter than four bytes.

    Longer ones may hold further, older events (RFC 2198 style redundancy); the first report is the one that counts.
    """
    if len(payload) < _PAYLOAD.size:
        raise TelephoneEventError(f"a telephone event takes 4 bytes, not {len(payload)}")
    event, flags, duration = _PAYLOAD.unpack_from(payload)
    return TelephoneEvent(event, duration, bool(flags & 0x80), flags & 0x3F)


@dataclass(slots=True)
class KeyReceiver:
    """Turns the reports of one RTP stream into keys, each once, however many packets are lost, repeated or late."""

    ssrc: int = -1
    timestamp: int = 0
    event: int = -1
    duration: int = 0
    ended: bool = True

    def receive(self, ssrc: int, timestamp: int, payload: bytes) -> str | None:
        """Take one report; return the key when it is the first that arrived of its event, else None.

        An event is known by its RTP timestamp (RFC 4733 §2.2.1). A report older than the newest event belongs to
        one that is over. An event longer than 65,535 units goes on as a new segment that begins where the last one
        ended (§2.5.1.3): still the same key, even where whole segments were lost or cut earlier than they should be.
        Malformed reports and events that are no keys are passed over.
        """
        try:
            report = parse(payload)
        except TelephoneEventError:
            return None
        return self.report(ssrc, timestamp, report.event, report.duration, end=report.end)

    def report(self, ssrc: int, timestamp: int, event: int, duration: int, *, end: bool) -> str | None:
        """Take one report whose fields have been read; return what `receive` does."""
        if event >= len(KEYS):
            return None
        if ssrc == self.ssrc:
            age = (timestamp - self.timestamp) & 0xFFFFFFFF
            if age == 0 and self.event >= 0:
                self.duration = max(self.duration, duration)
                self.ended |= end
                return None
            if age > 0xFFFFFFFF - _LATEST:
                return None
            # Two presses never meet here: the second begins later than the first one's last report says it lasted.
            follows = age == self.duration or age % _LONGEST == 0
            if follows and not self.ended and event == self.event:
                self.timestamp, self.duration, self.ended = timestamp, duration, end
                return None
        self.ssrc, self.timestamp, self.event = ssrc, timestamp, event
        self.duration, self.ended = duration, end
        return KEYS[event]


@dataclass(slots=True)
class KeySender:
    """Sends one key as reports, one a packet time, the last three of them marked as the end (RFC 4733 §2.5.1)."""

    key: str
    timestamp: int
    """RTP timestamp at which the key goes down; all its reports carry it."""
    length: int
    """How long the key is held, in timestamp units."""
    sent: int = 0
    ends: int = 0

    def next(self, step: int) -> tuple[TelephoneEvent, bool] | None:
        """Return the next report, `step` units after the last, and whether it takes the marker; None at the end."""
        if self.ends == 3:
            return None
        first = self.sent == 0
        self.sent = min(self.sent + step, self.length)
        end = self.sent >= self.length
        self.ends += end
        return TelephoneEvent(KEYS.index(self.key), self.sent, end), first
