"""A leg that lives in a worker process: commands go to the worker, and what it reports comes back here."""

import asyncio
import base64
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ringback.media import protocol
from ringback.media.g711 import CODECS
from ringback.media.leg import LegFormat, LegListener, LegObserver, MediaError, MediaLeg
from ringback.media.recording import MediaRecording, RecordingOptions
from ringback.media.tone_clips import ToneClips, ToneKind
from ringback.media.tones import ToneError
from ringback.media.worker_recording import EndedRecording
from ringback.model.audio import SAMPLE_RATE, Clip


class Ties(Protocol):
    """What lets those in a room hear each other wherever they are: `ringback.media.ties.RoomTies`."""

    async def enter(self, room: int, worker: "Conversation", who: Hashable) -> None:
        """Have all of a room be heard in a worker, because of a leg or a recording there. Raises MediaError."""

    def exit(self, room: int, worker: "Conversation", who: Hashable) -> None:
        """It is no longer there."""

    async def whisper(self, room: int, coach: "WorkerLeg", member: "WorkerLeg | None") -> None:
        """Let a coach be heard by one in another worker alone, or (None) no longer. Raises MediaError."""


class Conversation(Protocol):
    """The worker that a leg lives in."""

    @property
    def tones(self) -> ToneClips:
        """Clips of tones."""
        ...

    @property
    def ties(self) -> Ties:
        """The rooms of all workers."""
        ...

    async def open(self, listener: LegListener, *, hidden: bool = False) -> "WorkerLeg":
        """Take a leg, of a call or (`hidden`) of our own. Raises MediaError."""
        ...

    def next_token(self) -> int:
        """A number for something whose end will be reported."""
        ...

    def forget(self, number: int) -> None:
        """The leg has been given back."""
        ...

    def send(self, command: str, **arguments: Any) -> "asyncio.Future[dict[str, Any]]":
        """Send a command and return the answer to come."""
        ...

    async def call(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and wait for its answer. Raises MediaError."""
        ...

    async def record(
        self, path: Path, options: RecordingOptions, *, leg: int | None = None, room: int | None = None
    ) -> MediaRecording:
        """Record a leg, or a room, or the room that a leg is in. Raises MediaError."""
        ...


class WorkerLeg:
    """A leg in a worker process."""

    def __init__(self, worker: Conversation, number: int, address: tuple[str, int], listener: LegListener) -> None:
        self.worker = worker
        """Where it lives."""
        self.number = number
        """Its row there."""
        self.room: int | None = None
        """The room that it is in, or about to be in."""
        self.listener = listener
        self.observer = LegObserver()
        """Told who talks, whose voice is heard, which marks are reached, and what is tapped."""
        self._address = address
        self._coaching: WorkerLeg | None = None
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._closed = False

    @property
    def address(self) -> tuple[str, int]:
        """Where this leg receives RTP."""
        return self._address

    async def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a command about this leg and return the answer: nothing once it has gone. Raises MediaError."""
        if self._closed:
            return {}
        return await self.worker.call(command, leg=self.number, **arguments)

    async def setup(self, leg_format: LegFormat) -> None:
        """Apply what was negotiated."""
        await self.ask(
            protocol.SETUP,
            remote=leg_format.remote,
            payload_type=leg_format.payload_type,
            payload_types={kind: CODECS[codec] for kind, codec in leg_format.payload_types.items()},
            telephone_event=leg_format.telephone_event,
            packet_ms=leg_format.packet_ms,
            sends=leg_format.sends,
            quiet_seconds=leg_format.quiet_seconds,
            srtp=leg_format.srtp and leg_format.srtp.as_dict(),
            rtcp=leg_format.rtcp,
            rtcp_remote=leg_format.rtcp_remote,
        )

    # -- what the peer hears ------------------------------------------------------------------------------------

    async def play(self, clip: Clip, loop: int) -> None:
        """Play, and return when the last frame has gone out; cancelling stops it with the next frame."""
        await self._until_done(protocol.PLAY, stoppable=True, path=str(clip.path), loops=loop)

    async def tone(self, kind: ToneKind, *, country: str = "us", loop: int = 1) -> None:
        """Play a tone."""
        if self._closed:
            return
        try:
            clip = await self.worker.tones.get(kind, country)
        except (ToneError, OSError) as error:
            raise MediaError(str(error)) from error
        await self.play(clip, loop)

    async def press(self, keys: str) -> None:
        """Press keys, and return when the last has gone out."""
        await self._until_done(protocol.PRESS, stoppable=False, keys=keys)

    async def feed(self, samples: NDArray[np.int16], mark: str | None = None) -> None:
        """Play samples after those that were fed before; report `mark` when they have been. Raises MediaError."""
        # In pieces: a worker that reads a line of a megabyte is late with the packets of all.
        pieces = [samples[begin : begin + SAMPLE_RATE] for begin in range(0, len(samples), SAMPLE_RATE)]
        audio = [base64.b64encode(piece.astype("<i2").tobytes()).decode() for piece in pieces]
        await asyncio.gather(*(self.ask(protocol.FEED, audio=each) for each in audio))
        if mark is not None:
            await self.ask(protocol.FEED, mark=mark)

    async def clear_feed(self) -> None:
        """Forget what was fed and not played yet; its marks are reported."""
        await self.ask(protocol.FEED, clear=True)

    # -- rooms --------------------------------------------------------------------------------------------------

    async def join(self, room: int, *, watched: bool = False) -> None:
        """Hear and be heard in a room."""
        if self._closed:
            return
        if self.room not in (None, room):
            raise MediaError(f"the leg is in room {self.room} already")
        self.room = room
        try:
            await self.worker.ties.enter(room, self.worker, self)
            await self._whisper()
            await self.ask(protocol.JOIN, room=room, watched=watched)
        except BaseException:
            self._be_nowhere()
            raise

    async def leave(self) -> None:
        """Leave the room."""
        await self.ask(protocol.LEAVE)
        self._be_nowhere()

    async def mute(self, muted: bool) -> None:
        """In its room: hear, and be heard or not."""
        await self.ask(protocol.ROLE, muted=muted)

    async def hold(self, held: bool) -> None:
        """In its room: neither hear nor be heard, or come back."""
        await self.ask(protocol.ROLE, held=held)

    async def coach(self, member: MediaLeg | None) -> None:
        """In its room: be heard by one member alone, or (None) by all again."""
        if member is not None and not isinstance(member, WorkerLeg):
            raise MediaError("only members of the same room can be coached")
        self._coaching = member
        if member is None or member.worker is self.worker:
            await self._whisper()
            await self.ask(protocol.ROLE, coaches=None if member is None else member.number)
        else:
            # Not in a room yet: nobody hears it, and `join` comes to this.
            await self._whisper()

    async def _whisper(self) -> None:
        """Have a wire to whom it coaches in another worker, or none any more."""
        if self._closed or self.room is None:
            return
        member = self._coaching
        far = None if member is None or member.worker is self.worker else member
        await self.worker.ties.whisper(self.room, self, far)

    def _be_nowhere(self) -> None:
        room, self.room, self._coaching = self.room, None, None
        if room is not None:
            self.worker.ties.exit(room, self.worker, self)

    # -- what the peer says -------------------------------------------------------------------------------------

    async def record(self, path: Path, options: RecordingOptions) -> MediaRecording:
        """Record into a new file, from now on or after the beep. Raises MediaError."""
        if options.beep:
            await self.tone("beep")
        if self._closed:
            return EndedRecording(path)
        room = self.room if options.source == "room" else None
        return await self.worker.record(path, options, leg=self.number, room=room)

    async def detect_voice(self, wanted: bool) -> None:
        """Tell the observer when the peer's voice begins and ends, or do so no longer."""
        await self.ask(protocol.VOICE, wanted=wanted)

    async def tap(self, *, heard: bool, said: bool) -> None:
        """Report each 20 ms of what the peer says, of what it hears, of both or of neither."""
        await self.ask(protocol.TAP, heard=heard, said=said)

    # -- its end ------------------------------------------------------------------------------------------------

    async def close(self) -> dict[str, float]:
        """Give the leg back and return its figures; nothing where it was lost."""
        if self._closed:
            return {}
        # Closed before the worker has answered: its number may belong to another leg by the time the answer is here.
        self._closed = True
        self.worker.forget(self.number)
        self._settle()
        self._be_nowhere()
        return await self.worker.call(protocol.CLOSE, leg=self.number)

    def done(self, token: int) -> None:
        """What was begun under `token` has come to its end."""
        future = self._waiting.get(token)
        if future is not None and not future.done():
            future.set_result(None)

    def lose(self) -> None:
        """The worker has died."""
        if not self._closed:
            self._closed = True
            self._be_nowhere()
            self.listener.on_lost()
            self._settle()

    def _settle(self) -> None:
        for token in list(self._waiting):
            self.done(token)

    async def _until_done(self, command: str, *, stoppable: bool, **arguments: Any) -> None:
        token = self.worker.next_token()
        future = self._waiting[token] = asyncio.get_running_loop().create_future()
        try:
            await self.ask(command, token=token, **arguments)
            if not self._closed:
                await future
        except asyncio.CancelledError:
            if stoppable and not self._closed:
                self.worker.send(protocol.STOP, leg=self.number, token=token)
            raise
        finally:
            del self._waiting[token]
