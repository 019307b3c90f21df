"""Rooms: who hears whom. A bridge is a room of two, a conference one of up to 250; all rooms are mixed at once.

Each member hears the sum of the others (mix-minus). The sum of a room is made once, with one reduction over all rooms;
what a member said is then taken away from what that member hears.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.arena import FRAME

MOST_MEMBERS: Final = 250
NOWHERE: Final = -1
_LOUDEST: Final = 32767
_TALKING: Final = 300.0
"""Root mean square of a frame from which on somebody is talking: about -41 dBm0."""
_HANGOVER: Final = 25
"""Frames of quiet after which somebody has stopped talking: half a second."""
_RAMP: Final = np.linspace(0.0, 1.0, FRAME, dtype=np.float32)


class RoomError(Exception):
    """A member cannot join; the text says why."""


@dataclass(frozen=True, slots=True)
class Talking:
    """A member began or stopped to talk."""

    row: int
    talking: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is computed when members change, and used each tick until they change again.

    `pairs` are the rows of rooms of two, partners in `partners`; `members` are the rows of all other rooms, one room
    after the other, the smallest first, and `room` the number of its room for each of them. `sizes` has, for each size,
    how many rooms of it there are.
    """

    pairs: NDArray[np.int64]
    partners: NDArray[np.int64]
    members: NDArray[np.int64]
    sizes: tuple[tuple[int, int], ...]
    room: NDArray[np.int64]
    whispers: tuple[tuple[int, int], ...]
    """Coaches who talk to one member alone: (coach, member)."""
    watched: NDArray[np.int64]
    """Rows whose talking is reported."""
    deaf: NDArray[np.int64]
    """Which of `members` hear nothing of their room."""


class Rooms:
    """The members of all rooms of a worker, as columns."""

    def __init__(self, capacity: int) -> None:
        self._room = np.full(capacity, NOWHERE, np.int64)
        self._muted = np.zeros(capacity, np.bool_)
        self._held = np.zeros(capacity, np.bool_)
        self._coached = np.full(capacity, NOWHERE, np.int64)
        self._watched = np.zeros(capacity, np.bool_)
        self._deaf = np.zeros(capacity, np.bool_)
        self._relays = np.zeros(capacity, np.bool_)
        self._quiet_frames = np.full(capacity, _HANGOVER, np.int64)
        self._gain = np.ones(capacity, np.float32)
        self._summed: set[int] = set()
        self._plan: _Plan | None = None
        self.totals: NDArray[np.int32] = np.zeros((0, FRAME), np.int32)
        """The sums of rooms, after `mix`; `place` tells which row is whose."""

    def clear(self, row: int) -> None:
        """Make the row ready for another leg."""
        if self._room[row] != NOWHERE:
            self.leave(row)
        self._forget_role(row)
        self._relays[row] = False
        self._quiet_frames[row] = _HANGOVER
        self._gain[row] = 1.0

    def join(self, row: int, room: int, *, watched: bool = False, relay: bool = False) -> None:
        """Let a leg hear and be heard in a room. Raises RoomError when the room is full or the leg in another.

        A `relay` stands for those who are in the room elsewhere: it is not counted, and nothing is announced to it.
        """
        if self._room[row] not in (NOWHERE, room):
            raise RoomError(f"the leg is in room {self._room[row]} already")
        members = np.count_nonzero((self._room == room) & ~self._relays)
        if members >= MOST_MEMBERS and self._room[row] != room and not relay:
            raise RoomError(f"room {room} has {MOST_MEMBERS} members, which is as many as may be")
        self._room[row] = room
        self._watched[row] = watched
        self._relays[row] = relay
        self._plan = None

    def leave(self, row: int) -> None:
        """Take a leg out of its room, and its role from it; nothing happens where it is in none."""
        self._room[row] = NOWHERE
        self._coached[self._coached == row] = NOWHERE
        self._forget_role(row)
        self._plan = None

    def _forget_role(self, row: int) -> None:
        self._muted[row] = self._held[row] = self._deaf[row] = self._watched[row] = False
        self._coached[row] = NOWHERE

    def of(self, row: int) -> int | None:
        """The room that a leg is in."""
        room = int(self._room[row])
        return None if room == NOWHERE else room

    def mute(self, row: int, muted: bool) -> None:
        """A muted member hears the others and is not heard."""
        self._muted[row] = muted
        self._plan = None

    def hold(self, row: int, held: bool) -> None:
        """A held member neither hears nor is heard; what its player plays is what it hears."""
        self._held[row] = held
        self._plan = None

    def deafen(self, row: int, deaf: bool) -> None:
        """A deaf member hears nobody but its coaches."""
        self._deaf[row] = deaf
        self._plan = None

    def coach(self, row: int, member: int | None) -> None:
        """A coach hears the room, and is heard by one member alone. None makes it a member like others again."""
        self._coached[row] = NOWHERE if member is None else member
        self._plan = None

    def keep_sum(self, room: int, kept: bool) -> None:
        """Make the sum of a room in any case, to be recorded; a room of two is mixed without one otherwise."""
        (self._summed.add if kept else self._summed.discard)(room)
        self._plan = None

    def place(self, room: int) -> int | None:
        """The row of `totals` that is this room's; None for an empty one, and one of two whose sum is not kept."""
        plan = self._current()
        found = np.flatnonzero(self._room[plan.members] == room)
        return int(plan.room[found[0]]) if len(found) else None

    def announce(self, room: int, frame: NDArray[np.int16], said: NDArray[np.int16]) -> None:
        """After `mix`: let all members of a room, except held ones, hear a frame besides, int16[160]."""
        rows = np.flatnonzero((self._room == room) & ~self._held & ~self._deaf & ~self._relays)
        if len(rows):
            _add(said, rows, frame)
        if room in self._summed and (place := self.place(room)) is not None:
            self.totals[place] += frame

    def mix(self, heard: NDArray[np.int16], said: NDArray[np.int16]) -> list[Talking]:
        """Add what the members of all rooms hear of each other to `said`, both int16[legs, 160]."""
        plan = self._current()
        if len(plan.pairs):
            _add(said, plan.pairs, heard.take(plan.partners, axis=0))
        if len(plan.members):
            self._mix_many(plan, heard, said)
        for coach, member in plan.whispers:
            _add(said, np.array([member]), heard[coach : coach + 1])
        return self._who_talks(plan, heard) if len(plan.watched) else []

    def _current(self) -> _Plan:
        if self._plan is None:
            self._plan = _plan_of(self)
        return self._plan

    def _mix_many(self, plan: _Plan, heard: NDArray[np.int16], said: NDArray[np.int16]) -> None:
        members = plan.members
        talk = heard.take(members, axis=0)
        silent = self._muted[members] | (self._coached[members] != NOWHERE)
        if silent.any():
            talk[silent] = 0
        self.totals = _sums(talk, plan.sizes)
        # Most rooms are far from too loud, and 16 bits do for them; what does not fit is made anew with more.
        mixed = self.totals.astype(np.int16).take(plan.room, axis=0)
        mixed -= talk
        loudest = _peak(self.totals)[plan.room] + _peak(talk)
        careful = np.flatnonzero((loudest > _LOUDEST) | (self._gain[members] < 1.0))
        if len(careful):
            mixed[careful] = self._limited(members[careful], self.totals[plan.room[careful]] - talk[careful])
        if len(plan.deaf):
            mixed[plan.deaf] = 0
        _add(said, members, mixed)

    def _limited(self, rows: NDArray[np.int64], mixed: NDArray[np.int32]) -> NDArray[np.int32]:
        """Turn frames that are too loud down, from one gain to the next over their length: no edge, no clipped top."""
        which = np.flatnonzero((_peak(mixed) > _LOUDEST) | (self._gain[rows] < 1.0))
        if len(which):
            mixed[which], self._gain[rows[which]] = turn_down(mixed[which], self._gain[rows[which]])
        return mixed

    def _who_talks(self, plan: _Plan, heard: NDArray[np.int16]) -> list[Talking]:
        rows = plan.watched
        frames = heard[rows].astype(np.float32)
        loud = np.einsum("ij,ij->i", frames, frames) > _TALKING * _TALKING * FRAME
        before = self._quiet_frames[rows] < _HANGOVER
        self._quiet_frames[rows] = np.where(loud, 0, np.minimum(self._quiet_frames[rows] + 1, _HANGOVER))
        now = self._quiet_frames[rows] < _HANGOVER
        changed = np.flatnonzero(before != now)
        return [Talking(int(rows[i]), bool(now[i])) for i in changed]


def _peak(frames: NDArray[np.int16] | NDArray[np.int32]) -> NDArray[np.int32]:
    """The largest sample of each frame, whatever its sign."""
    if frames.dtype == np.int16:
        # The one sample that has no counterpart is taken for what it is, without its sign.
        return np.asarray(np.abs(frames).view(np.uint16).max(axis=1), np.int32)
    return np.asarray(np.abs(frames).max(axis=1), np.int32)


def _sums(talk: NDArray[np.int16], sizes: tuple[tuple[int, int], ...]) -> NDArray[np.int32]:
    """The sum of each room: rooms of one size lie next to each other, so that they are summed in one go."""
    totals = np.empty((sum(rooms for _, rooms in sizes), FRAME), np.int32)
    member = room = 0
    for size, rooms in sizes:
        together = talk[member : member + size * rooms].reshape(rooms, size, FRAME)
        together.sum(axis=1, dtype=np.int32, out=totals[room : room + rooms])
        member, room = member + size * rooms, room + rooms
    return totals


def turn_down(
    frames: NDArray[np.int32], before: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Turn down what is too loud in frames, [n, 160], from the gains `before` on; return them and the gains after."""
    peak = np.maximum(np.maximum(frames.max(axis=1), -frames.min(axis=1)), 1)
    wanted = np.minimum(1.0, _LOUDEST / peak).astype(np.float32)
    # Down at once, up again by a tenth a frame; the frame that turns down must be low enough from its beginning.
    after = np.where(wanted < before, wanted, np.minimum(wanted, before + np.float32(0.1)))
    start = np.minimum(before, after)
    return np.asarray(frames * (start[:, None] + (after - start)[:, None] * _RAMP), np.float32), after


def _add(said: NDArray[np.int16], rows: NDArray[np.int64], frames: NDArray[np.int16] | NDArray[np.int32]) -> None:
    """Add frames to what is said to rows, which mostly is silence: prompts and beeps come on top of a room."""
    before = said.take(rows, axis=0)
    if before.any():
        said[rows] = np.clip(before.astype(np.int32) + frames, -_LOUDEST, _LOUDEST)
    else:
        said[rows] = frames


def _plan_of(rooms: Rooms) -> _Plan:
    rows = np.flatnonzero((rooms._room != NOWHERE) & ~rooms._held)
    rows = rows[np.argsort(rooms._room[rows], kind="stable")]
    _, starts, counts = np.unique(rooms._room[rows], return_index=True, return_counts=True)
    plain = ~rooms._muted & ~rooms._deaf & (rooms._coached == NOWHERE)
    pairs: list[int] = []
    partners: list[int] = []
    members: list[NDArray[np.int64]] = []
    for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
        group = rows[start : start + count]
        summed = int(rooms._room[group[0]]) in rooms._summed
        if count == 2 and plain[group].all() and not summed:
            pairs += group.tolist()
            partners += group[::-1].tolist()
        elif count > 1 or summed:
            members.append(group)
    members.sort(key=len)
    sizes = [len(group) for group in members]
    mixed = np.concatenate(members) if members else np.zeros(0, np.int64)
    coaches = np.flatnonzero((rooms._coached != NOWHERE) & (rooms._room != NOWHERE) & ~rooms._held & ~rooms._muted)
    together = [
        (int(coach), int(rooms._coached[coach]))
        for coach in coaches
        if rooms._room[rooms._coached[coach]] == rooms._room[coach] and not rooms._held[rooms._coached[coach]]
    ]
    return _Plan(
        pairs=np.array(pairs, np.int64),
        partners=np.array(partners, np.int64),
        members=mixed,
        sizes=tuple((size, sizes.count(size)) for size in dict.fromkeys(sizes)),
        room=np.repeat(np.arange(len(members)), sizes),
        whispers=tuple(together),
        watched=rows[rooms._watched[rows]],
        deaf=np.flatnonzero(rooms._deaf[mixed]),
    )
