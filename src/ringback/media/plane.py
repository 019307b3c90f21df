"""The media plane: all legs of a worker as columns, each step of a 20 ms tick done once for all of them.

Pure: packets come in as one buffer, packets go out as one matrix, time is the number of ticks. Sockets and clocks
belong to `ringback.media.worker`. The samples that each leg has sent us (`heard`) and will hear (`said`) stay in two
matrices between the steps: what receives writes the one, players, feeds and rooms write the other, and what sends
reads it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ringback.media import g711
from ringback.media.announcer import Announcer
from ringback.media.arena import FRAME, ClipArena
from ringback.media.conceal import Concealer
from ringback.media.dtmf import DtmfDetector
from ringback.media.feeds import Feeds
from ringback.media.happenings import (
    Announced,
    FirstHeard,
    GoneQuiet,
    Happening,
    KeyPressed,
    Recorded,
    SourceMoved,
    Tapped,
    VoiceHeard,
)
from ringback.media.inbound import PACKET_WIDTH, TICKS_PER_SECOND, Inbound, Received
from ringback.media.outbound import Outbound, Sent
from ringback.media.players import Players
from ringback.media.quality import QualityMeter, one_way_delay_ms
from ringback.media.recorder import Disk
from ringback.media.reports import Counts, FarEnd
from ringback.media.rooms import Rooms
from ringback.media.stats import LegStats, StreamStats
from ringback.media.studio import Studio, Voice

__all__ = [
    "PACKET_WIDTH",
    "TICKS_PER_SECOND",
    "Announced",
    "FirstHeard",
    "GoneQuiet",
    "Happening",
    "KeyPressed",
    "LegSetup",
    "Plane",
    "PlaneFull",
    "Received",
    "Recorded",
    "Sent",
    "SourceMoved",
    "Tapped",
    "VoiceHeard",
]


_PACKET_MS = 20.0
_RATED_EVERY = 10
_RATING_TURNS = TICKS_PER_SECOND // _RATED_EVERY
"""All legs are rated once a second, a fifth of them at a time: many at once are cheaper."""


class PlaneFull(Exception):  # noqa: N818 (a state, not a fault)
    """All rows are taken."""


@dataclass(frozen=True, slots=True)
class LegSetup:
    """What was negotiated for a leg.

    `payload_types` maps each payload type that the peer may send to its codec (`g711.PCMU` or `g711.PCMA`);
    `payload_type` is the one that we send. `packet_ms` is 10 to 60. `quiet_seconds` of 0 waits for ever.
    Keys are looked for in the audio of peers that have no telephone events. Raises ValueError for what no leg can be
    set up with.
    """

    payload_type: int
    payload_types: dict[int, int]
    telephone_event: int | None = None
    packet_ms: int = 20
    sends: bool = True
    quiet_seconds: float = 0.0

    def __post_init__(self) -> None:
        codecs = set(g711.CODECS.values())
        if not all(0 <= kind <= 127 for kind in (*self.payload_types, self.telephone_event or 0)):
            raise ValueError(f"payload types are 0 to 127: {self}")
        if self.payload_type not in self.payload_types or not set(self.payload_types.values()) <= codecs:
            raise ValueError(f"what is sent must be PCMU or PCMA, and among what may be received: {self}")
        if not 10 <= self.packet_ms <= 60:
            raise ValueError(f"a packet holds 10 to 60 ms: {self}")


class Plane:
    """The legs of one worker."""

    def __init__(self, capacity: int, arena: ClipArena, disk: Disk | None = None, voice: Voice | None = None) -> None:
        self.capacity = capacity
        self.arena = arena
        self.heard = np.zeros((capacity, FRAME), np.int16)
        """What each peer said in this tick."""
        self.said = np.zeros((capacity, FRAME), np.int16)
        """What each peer will hear of it."""
        self.rooms = Rooms(capacity)
        self.feeds = Feeds()
        self.studio = Studio(capacity, self.rooms, disk, voice)
        self.announcer = Announcer(arena, self.rooms)
        self._stats = StreamStats(capacity)
        self._inbound = Inbound(capacity, self._stats)
        self._outbound = Outbound(capacity, self._stats)
        self._players = Players(capacity, arena)
        self._concealer = Concealer(capacity)
        self._dtmf = DtmfDetector(capacity)
        self._listens = np.zeros(capacity, np.bool_)
        self.quality = QualityMeter(capacity)
        """How each peer sounds."""
        self._taps: dict[int, tuple[bool, bool]] = {}
        self._open = np.zeros(capacity, np.bool_)
        self._pending: list[Happening] = []
        self._keys: list[KeyPressed] = []
        self._high = 0
        self.sources = self._inbound.sources
        self.packets: NDArray[np.uint8] = self._outbound.packets
        """The outgoing packets of this tick, one a row."""

    @property
    def now(self) -> int:
        """Ticks since the plane began."""
        return self._inbound.now

    # -- legs ---------------------------------------------------------------------------------------------------

    def open(self, ssrc: int, sequence: int, timestamp: int) -> int:
        """Take a row for a new leg, with the random beginnings that RFC 3550 §5.1 asks for. Raises PlaneFull."""
        free = np.flatnonzero(~self._open)
        if not len(free):
            raise PlaneFull(f"all {self.capacity} legs of this worker are taken")
        row = int(free[0])
        self._open[row] = True
        self._high = max(self._high, row + 1)
        self._inbound.open(row)
        self._outbound.open(row, ssrc, sequence, timestamp)
        for part in (self._stats, self.rooms, self._concealer, self._dtmf, self.quality):
            part.clear(row)
        return row

    def setup(self, row: int, setup: LegSetup) -> None:
        """Apply what was negotiated, at the beginning or after a new offer and answer."""
        self._inbound.setup(row, setup.payload_types, setup.telephone_event, setup.quiet_seconds)
        self._listens[row] = setup.telephone_event is None
        self._outbound.setup(
            row,
            setup.payload_type,
            setup.payload_types[setup.payload_type],
            setup.telephone_event,
            setup.packet_ms,
            sends=setup.sends,
        )

    def close(self, row: int) -> LegStats:
        """Give the row back; return the figures of the leg."""
        self._rate(np.array([row]))
        stats = self.stats(row)
        self._players.stop(row)
        self.studio.close(row)
        self.feeds.clear(row)
        self.rooms.clear(row)
        self._taps.pop(row, None)
        self._inbound.close(row)
        self._outbound.close(row)
        self._open[row] = self._listens[row] = False
        self._pending = [event for event in self._pending if event.row != row]
        taken = np.flatnonzero(self._open)
        self._high = int(taken[-1]) + 1 if len(taken) else 0
        return stats

    def stats(self, row: int) -> LegStats:
        """The figures of a leg so far."""
        ring = self._inbound.ring
        return self._stats.of(
            row,
            late=int(ring.late[row]),
            duplicates=int(ring.duplicates[row]),
            resets=int(ring.resets[row]),
            refused=int(self.sources.refused[row]),
            quality=self.quality.whole(row),
        )

    def counts(self, row: int) -> Counts:
        """What a leg has sent and heard so far, to be reported to its peer."""
        source, highest, expected = self._stats.source(row)
        received, jitter = int(self._stats.received[row]), float(self._stats.jitter[row])
        return Counts(*self._outbound.sent(row), source, highest, expected, received, jitter)

    def far_end(self, row: int, far: FarEnd) -> None:
        """Take how the peer of a leg hears us, as it has reported."""
        self._stats.hear(row, far)

    def play(self, row: int, path: Path, loops: int, token: int, *, queue: bool = False) -> None:
        """Play a clip in place of what plays now, which ends with it, or after it (`queue`).

        Raises `ringback.media.arena.ArenaError`.
        """
        self._pending += self._players.start(row, self.arena.acquire(path), loops, token, queue=queue)

    def stop(self, row: int, token: int | None = None) -> None:
        """Stop what plays and forget what is queued; with a token, only what plays or waits under it."""
        self._players.stop(row, token)

    def press(self, row: int, keys: str, token: int) -> None:
        """Press keys towards the peer, after those asked for before. Raises `ringback.media.keypad.KeypadError`."""
        self._outbound.press(row, keys, token)

    def announce(self, room: int, path: Path, loops: int, token: int) -> None:
        """Let all members of a room hear a clip. Raises `ringback.media.arena.ArenaError`, AnnouncerBusy."""
        self._pending += self.announcer.start(room, self.arena.acquire(path), loops, token)

    def clear_feed(self, row: int) -> None:
        """Forget the audio that was fed and not played; its marks are reached."""
        self._pending += self.feeds.clear(row)

    def tap(self, row: int, *, heard: bool, said: bool) -> None:
        """Report every frame of what the peer says, of what it hears, of both or (again) of neither."""
        self._taps.pop(row, None)
        if heard or said:
            self._taps[row] = (heard, said)

    # -- a tick -------------------------------------------------------------------------------------------------

    def tick(self, received: Received | None) -> Sent:
        """Do 20 ms of work: take in the packets that have come, and make those that are due."""
        sent = Sent(events=self._pending)
        self._pending = []
        if received is not None and len(received.rows):
            sent.events += self._inbound.receive(received)
        count = self._high
        heard, said = self.heard[:count], self.said[:count]
        have = self._inbound.take(heard)
        self._concealer.conceal(heard, have)
        self.quality.frames(self._inbound.ring.started[:count], have[:, 0] & have[:, 1])
        if self._listens[:count].any():
            sent.events += [KeyPressed(row, key) for row, key in self._dtmf.detect(heard, self._listens[:count])]
        sent.events += self._players.fill(said)
        sent.events += self.feeds.fill(said)
        sent.events += self.rooms.mix(heard, said)
        sent.events += self.announcer.fill(said)
        self._outbound.send(said, sent)
        for row, (ear, mouth) in self._taps.items():
            if ear:
                sent.events.append(Tapped(row, True, heard[row].tobytes()))
            if mouth:
                sent.events.append(Tapped(row, False, said[row].tobytes()))
        sent.events += self._inbound.watch(count)
        if self.now % _RATED_EVERY == 0:
            self._rate(np.arange(self.now // _RATED_EVERY % _RATING_TURNS, count, _RATING_TURNS))
        self._keys = [event for event in sent.events if isinstance(event, KeyPressed)] if self.studio.busy else []
        self._inbound.now += 1
        return sent

    def follow_up(self) -> list[Happening]:
        """Do what may wait until the packets of the tick are on their way: record, and listen to voices."""
        if not self.studio.busy:
            return []
        count = self._high
        pressing = self._inbound.pressing(count)
        return [*self.studio.collect(self.heard[:count], self.said[:count], self._keys, pressing, self.now)]

    def _rate(self, rows: NDArray[np.int64]) -> None:
        """Rate how some legs sound: each once a second, and at its end."""
        expected = self._stats.expected(rows)
        if not expected.any():
            return
        ring = self._inbound.ring
        lost = np.maximum(expected - self._stats.received[rows] + ring.duplicates[rows], 0) + ring.late[rows]
        delay = one_way_delay_ms(self._stats.round_trip[rows], 10.0 * ring.latest_delay(rows), _PACKET_MS)
        self.quality.update(rows, expected, lost, delay)
