"""Rooms whose members live in different workers: each of them hears all, wherever it is.

A worker mixes the rooms of its own legs. When a room has members in two, a *wire* is laid between them: a hidden leg in
each, with RTP going to and fro between the two. The worker that had the room first is its hub; every other one is tied
to it alone, so that nothing is heard twice. Wires go when they are no longer needed, and are laid anew when a worker
dies.
"""

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

from ringback.media import protocol
from ringback.media.leg import LegFormat, MediaError
from ringback.media.rooms import MOST_MEMBERS
from ringback.media.worker_leg import Conversation, WorkerLeg

logger = logging.getLogger(__name__)
_PCMU: Final = 0
_EVENTS: Final = 101
"""A wire has telephone events, so that nobody looks for keys in its audio; none are ever sent."""


class _End:
    """Listens to one end of a wire."""

    def __init__(self, wire: "Wire") -> None:
        self._wire = wire

    def on_key(self, key: str) -> None:
        """Nobody presses keys here."""

    def on_quiet(self, times: int) -> None:
        """Nobody asked for it."""

    def on_lost(self) -> None:
        """A worker died: the other end is of no use any more."""
        self._wire.broken = True
        self._wire.ties.look_after(self._wire.room)


@dataclass(slots=True, eq=False)
class Wire:
    """Two hidden legs that send to each other."""

    ties: "RoomTies"
    room: int
    broken: bool = False
    ends: list[WorkerLeg] = field(default_factory=list)

    async def lay(self, one: Conversation, other: Conversation) -> None:
        """Take the legs. Raises MediaError."""
        for worker in (one, other):
            self.ends.append(await worker.open(_End(self), hidden=True))
        first, second = self.ends
        for end, far in ((first, second), (second, first)):
            await end.setup(LegFormat(_reachable(far.address), _PCMU, {_PCMU: "PCMU"}, _EVENTS))

    async def remove(self) -> None:
        """Give the legs back; one whose worker died is gone already."""
        for end in self.ends:
            with contextlib.suppress(MediaError):
                await end.close()


@dataclass(slots=True, eq=False)
class _Room:
    """Who is in a room, by worker: legs, and recordings of the room."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    present: dict[Conversation, set[Hashable]] = field(default_factory=dict)
    hub: Conversation | None = None
    wires: dict[Conversation, Wire] = field(default_factory=dict)
    whispers: dict[WorkerLeg, tuple[WorkerLeg, Wire]] = field(default_factory=dict)
    """Coaches, each with the member in another worker that hears it, and the wire between them."""

    @property
    def members(self) -> int:
        return sum(isinstance(each, WorkerLeg) for those in self.present.values() for each in those)


class RoomTies:
    """The wires of all rooms. `run` looks after them."""

    def __init__(self) -> None:
        self._rooms: dict[int, _Room] = {}
        self._neglected: asyncio.Queue[int] = asyncio.Queue()

    def look_after(self, room: int) -> None:
        """Have wires removed or laid anew, soon."""
        self._neglected.put_nowait(room)

    def busiest(self, room: int) -> Conversation | None:
        """The worker that has most of a room."""
        present = self._rooms[room].present if room in self._rooms else {}
        return max(present, key=lambda worker: len(present[worker]), default=None)

    async def enter(self, room: int, worker: Conversation, who: Hashable) -> None:
        """Have all of a room be heard in a worker, because of a leg or a recording there. Raises MediaError."""
        state = self._rooms.setdefault(room, _Room())
        if isinstance(who, WorkerLeg) and state.members >= MOST_MEMBERS:
            raise MediaError(f"room {room} has {MOST_MEMBERS} members, which is as many as may be")
        # From now on the room is not forgotten, whatever is waited for.
        state.present.setdefault(worker, set()).add(who)
        try:
            async with state.lock:
                await self._rewire(room, state)
        except BaseException:
            self.exit(room, worker, who)
            raise

    def exit(self, room: int, worker: Conversation, who: Hashable) -> None:
        """A leg or recording is no longer there."""
        state = self._rooms.get(room)
        if state is None or who not in state.present.get(worker, ()):
            return
        state.present[worker].remove(who)
        if not state.present[worker]:
            del state.present[worker]
        if state.present or state.wires or state.whispers:
            if state.wires or state.whispers:
                self.look_after(room)
        elif not state.lock.locked():
            del self._rooms[room]

    async def whisper(self, room: int, coach: WorkerLeg, member: WorkerLeg | None) -> None:
        """Let a coach be heard by a member in another worker alone, or (None) no longer. Raises MediaError."""
        state = self._rooms.setdefault(room, _Room())
        async with state.lock:
            await self._end_whisper(state, coach)
            if member is not None:
                wire = Wire(self, room)
                state.whispers[coach] = (member, wire)
                try:
                    await self._begin_whisper(room, coach, member, wire)
                except BaseException:
                    await self._end_whisper(state, coach)
                    raise
        self.look_after(room)

    async def run(self) -> None:
        """Look after the rooms, until cancelled."""
        while True:
            room = await self._neglected.get()
            state = self._rooms.get(room)
            if state is None:
                continue
            async with state.lock:
                try:
                    await self._tidy(room, state)
                except MediaError as error:
                    logger.error("some members of room %d do not hear each other: %s", room, error)
            if not (state.present or state.wires or state.whispers) and self._rooms.get(room) is state:
                del self._rooms[room]

    # -- with the lock of the room ------------------------------------------------------------------------------

    async def _tidy(self, room: int, state: _Room) -> None:
        for coach, (member, wire) in list(state.whispers.items()):
            if wire.broken or coach.room != room or member.room != room:
                await self._end_whisper(state, coach)
        await self._rewire(room, state)

    async def _rewire(self, room: int, state: _Room) -> None:
        """Lay the wires that are missing and remove those that are not needed."""
        here, wanted = list(state.present), set[Conversation]()
        if len(here) > 1:
            if state.hub is None or all(wire.broken for wire in state.wires.values()):
                state.hub = here[0]  # the first one, or the one before has died
            wanted = set(here) - {state.hub}
        for worker, wire in list(state.wires.items()):
            if wire.broken or worker not in wanted:
                del state.wires[worker]
                await wire.remove()
        for worker in wanted - state.wires.keys():
            assert state.hub is not None, "a room with members has a hub"
            wire = Wire(self, room)
            try:
                await wire.lay(state.hub, worker)
                for end in wire.ends:
                    await end.ask(protocol.JOIN, room=room, relay=True)
            except BaseException:
                await wire.remove()
                raise
            state.wires[worker] = wire

    async def _begin_whisper(self, room: int, coach: WorkerLeg, member: WorkerLeg, wire: Wire) -> None:
        """What the coach says goes over the wire. Roles come before rooms: nobody else may hear a word of it."""
        await wire.lay(coach.worker, member.worker)
        ear, mouth = wire.ends
        await ear.ask(protocol.ROLE, muted=True, deaf=True)
        await ear.ask(protocol.JOIN, room=room, relay=True)
        await coach.ask(protocol.ROLE, coaches=ear.number)
        await mouth.ask(protocol.ROLE, deaf=True, coaches=member.number)
        await mouth.ask(protocol.JOIN, room=room, relay=True)

    async def _end_whisper(self, state: _Room, coach: WorkerLeg) -> None:
        if coach in state.whispers:
            _, wire = state.whispers.pop(coach)
            await coach.ask(protocol.ROLE, coaches=None)
            await wire.remove()


def _reachable(address: tuple[str, int]) -> tuple[str, int]:
    """Where to send to: a leg that listens everywhere listens on the loopback as well."""
    host = ipaddress.ip_address(address[0])
    if host.is_unspecified:
        return ("::1" if host.version == 6 else "127.0.0.1"), address[1]
    return address
