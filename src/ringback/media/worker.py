"""A media worker: the process around one plane. It owns the sockets and the clock, and decides nothing.

    python -m ringback.media.worker --control FD --capacity N --clip-memory-mb M

Started by `ringback.media.client`; ends when the control socket closes.
"""

import argparse
import base64
import contextlib
import gc
import os
import resource
import secrets
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from ringback.media import protocol
from ringback.media.announcer import AnnouncerBusy
from ringback.media.arena import ArenaError, ClipArena
from ringback.media.disk import DiskWriter
from ringback.media.feeds import FeedFull, MarkReached
from ringback.media.keypad import KeypadError, KeysSent
from ringback.media.plane import (
    Announced,
    FirstHeard,
    GoneQuiet,
    Happening,
    KeyPressed,
    LegSetup,
    Plane,
    PlaneFull,
    Recorded,
    SourceMoved,
    Tapped,
    VoiceHeard,
)
from ringback.media.players import PlayEnded
from ringback.media.reporter import Reporter
from ringback.media.rooms import RoomError, Talking
from ringback.media.secure import SecureLegs
from ringback.media.sockets import SocketError, Sockets
from ringback.media.studio import StudioError, Wanted
from ringback.media.vad import VoiceActivity
from ringback.rtp.srtp import SrtpError

TICK: Final = 0.02
_CATCH_UP_TICKS: Final = 10
_MOST_UNSENT: Final = 16 * 1024 * 1024
"""Bytes of answers and events that wait for a control process that is busy; one that is further behind is given up."""
_SPARE_FILES: Final = 64
"""File descriptors besides the legs' sockets: clips that are being read, the control socket, Python's own."""


class CommandError(Exception):
    """A command cannot be carried out; the text says why."""


class Worker:
    """One plane with its sockets."""

    def __init__(self, control: socket.socket, capacity: int, clip_frames: int, spare: int = 0) -> None:
        """Have room for `capacity` legs, and for `spare` that are hidden. `clip_frames` is the room for clips."""
        self._control = control
        self._inbox = bytearray()
        self._outbox = bytearray()
        self._capacity = capacity
        self._hidden: set[int] = set()
        capacity += spare
        # The processes behind them start when there is something to do for them.
        self._disk, self._voice = DiskWriter(), VoiceActivity(capacity)
        self._plane = Plane(capacity, ClipArena(clip_frames), self._disk, self._voice)
        self._sockets = Sockets(capacity, self._plane.sources)
        self._secure = SecureLegs(capacity)
        self._reporter = Reporter(self._plane, self._sockets, self._secure, time.time)
        self._late_ticks, self._worst_late = 0, 0.0
        self._commands: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            protocol.OPEN: self._open,
            protocol.SETUP: self._setup,
            protocol.PLAY: self._play,
            protocol.STOP: self._stop,
            protocol.PRESS: self._press,
            protocol.CLOSE: self._close,
            protocol.JOIN: self._join,
            protocol.LEAVE: self._leave,
            protocol.ROLE: self._role,
            protocol.FEED: self._feed,
            protocol.TAP: self._tap,
            protocol.ANNOUNCE: self._announce,
            protocol.HUSH: self._hush,
            protocol.RECORD: self._record,
            protocol.STEER: self._steer,
            protocol.VOICE: self._listen,
            protocol.STATUS: self._status,
        }

    def run(self) -> None:
        """Tick every 20 ms, carry out commands in between, until the control socket closes."""
        try:
            self._run()
        finally:
            self._reporter.close()
            self._sockets.close()
            self._plane.studio.stop_all()
            self._disk.close()
            self._voice.close()

    def _run(self) -> None:
        due = time.monotonic() + TICK
        while True:
            wait = due - time.monotonic()
            if wait > 0:
                readable, _, _ = select.select([self._control], [], [], wait)
                if readable and not self._obey():
                    return
                continue
            if wait < -TICK:
                self._late_ticks += 1
            self._worst_late = max(self._worst_late, -wait)
            if not self._tick():
                return
            due += TICK
            if time.monotonic() - due > _CATCH_UP_TICKS * TICK:
                due = time.monotonic() + TICK  # a stopped or suspended machine: do not send a burst to make up
            # Under overload no wait is left; commands must be heard all the same.
            if due <= time.monotonic() and select.select([self._control], [], [], 0)[0] and not self._obey():
                return

    # -- commands -----------------------------------------------------------------------------------------------

    def _obey(self) -> bool:
        """Carry out the commands that have come. False when the control process has gone."""
        try:
            data = self._control.recv(65536)
        except OSError:
            return False
        if not data:
            return False
        self._inbox += data
        *lines, rest = self._inbox.split(b"\n")
        self._inbox = bytearray(rest)
        for line in lines:
            message = protocol.decode(bytes(line))
            answer: dict[str, Any] = {"id": message.get("id")}
            try:
                answer["ok"] = self._commands[message["do"]](message)
            except (
                CommandError,
                SocketError,
                SrtpError,
                ArenaError,
                KeypadError,
                PlaneFull,
                RoomError,
                FeedFull,
                StudioError,
                AnnouncerBusy,
            ) as error:
                answer["error"] = str(error)
            except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
                # What one call has negotiated must not end the other 999. Keys are for no log.
                message.pop("srtp", None)
                answer["error"] = f"bad command {str(message)[:200]}: {error!r}"
            self._outbox += protocol.encode(answer)
        return self._flush()

    def _flush(self) -> bool:
        """Say what there is to say, as far as the control process listens: audio never waits for it."""
        while self._outbox:
            try:
                count = self._control.send(self._outbox, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                return False
            del self._outbox[:count]
        return len(self._outbox) <= _MOST_UNSENT

    def _open(self, message: dict[str, Any]) -> dict[str, Any]:
        hidden = bool(message.get("hidden"))
        if not hidden and len(self._sockets) - len(self._hidden) >= self._capacity:
            raise PlaneFull(f"all {self._capacity} legs of this worker are taken")
        first, last = message["ports"]
        rtp, rtcp = self._sockets.bind(message["host"], first, last)
        try:
            row = self._plane.open(secrets.randbits(32), secrets.randbits(15), secrets.randbits(32))
        except PlaneFull:
            rtp.close()
            rtcp.close()
            raise
        self._sockets.add(row, rtp)
        self._reporter.add(row, rtcp)
        if hidden:
            self._hidden.add(row)
        return {"leg": row, "port": rtp.getsockname()[1]}

    def _row(self, message: dict[str, Any]) -> int:
        row = int(message["leg"])
        if row not in self._sockets:
            raise CommandError(f"no leg {row}")
        return row

    def _setup(self, message: dict[str, Any]) -> dict[str, Any]:
        row = self._row(message)
        setup = LegSetup(
            payload_type=message["payload_type"],
            payload_types={int(kind): codec for kind, codec in message["payload_types"].items()},
            telephone_event=message["telephone_event"],
            packet_ms=message["packet_ms"],
            sends=message["sends"],
            quiet_seconds=message["quiet_seconds"],
        )
        if srtp := message.get("srtp"):
            keys = (base64.b64decode(srtp[name], validate=True) for name in ("key_in", "key_out"))
            self._secure.setup(row, srtp["suite"], *keys, mki=base64.b64decode(srtp["mki"], validate=True))
        else:
            self._secure.plain(row)
        self._sockets.negotiate(row, *message["remote"])
        self._reporter.setup(row, message.get("rtcp", "off"), message.get("rtcp_remote"))
        self._plane.setup(row, setup)
        return {}

    def _play(self, message: dict[str, Any]) -> dict[str, Any]:
        row, queue = self._row(message), bool(message.get("queue"))
        self._plane.play(row, Path(message["path"]), message["loops"], message["token"], queue=queue)
        return {}

    def _stop(self, message: dict[str, Any]) -> dict[str, Any]:
        self._plane.stop(self._row(message), message.get("token"))
        return {}

    def _press(self, message: dict[str, Any]) -> dict[str, Any]:
        self._plane.press(self._row(message), message["keys"], message["token"])
        return {}

    def _join(self, message: dict[str, Any]) -> dict[str, Any]:
        watched, relay = bool(message.get("watched")), bool(message.get("relay"))
        self._plane.rooms.join(self._row(message), int(message["room"]), watched=watched, relay=relay)
        return {}

    def _leave(self, message: dict[str, Any]) -> dict[str, Any]:
        self._plane.rooms.leave(self._row(message))
        return {}

    def _role(self, message: dict[str, Any]) -> dict[str, Any]:
        row, rooms = self._row(message), self._plane.rooms
        if "muted" in message:
            rooms.mute(row, bool(message["muted"]))
        if "held" in message:
            rooms.hold(row, bool(message["held"]))
        if "deaf" in message:
            rooms.deafen(row, bool(message["deaf"]))
        if "coaches" in message:
            member = message["coaches"]
            rooms.coach(row, None if member is None else self._row({"leg": member}))
        return {}

    def _feed(self, message: dict[str, Any]) -> dict[str, Any]:
        row = self._row(message)
        if message.get("clear"):
            self._plane.clear_feed(row)
        if audio := message.get("audio"):
            self._plane.feeds.put(row, np.frombuffer(base64.b64decode(audio, validate=True), "<i2"))
        if (mark := message.get("mark")) is not None:
            self._plane.feeds.mark(row, mark)
        return {}

    def _tap(self, message: dict[str, Any]) -> dict[str, Any]:
        self._plane.tap(self._row(message), heard=bool(message["heard"]), said=bool(message["said"]))
        return {}

    def _announce(self, message: dict[str, Any]) -> dict[str, Any]:
        self._plane.announce(int(message["room"]), Path(message["path"]), message["loops"], int(message["token"]))
        return {}

    def _hush(self, message: dict[str, Any]) -> dict[str, Any]:
        self._plane.announcer.stop(int(message["token"]))
        return {}

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        row = self._row(message) if "leg" in message else None
        room = int(message["room"]) if "room" in message else None
        wanted = Wanted(**{each.name: message[each.name] for each in fields(Wanted) if each.name in message})
        self._plane.studio.start(int(message["token"]), row, room, Path(message["path"]), wanted)
        return {}

    def _steer(self, message: dict[str, Any]) -> dict[str, Any]:
        studio, token, how = self._plane.studio, int(message["token"]), message["how"]
        match how:
            case "pause" | "silence":
                studio.pause(token, silence=how == "silence")
            case "resume":
                studio.resume(token)
            case "stop":
                studio.stop(token)
            case _:
                raise CommandError(f"a recording cannot {how!r}")
        return {}

    def _listen(self, message: dict[str, Any]) -> dict[str, Any]:
        self._plane.studio.detect(self._row(message), bool(message["wanted"]))
        return {}

    def _close(self, message: dict[str, Any]) -> dict[str, Any]:
        row = self._row(message)
        self._hidden.discard(row)
        self._reporter.close_leg(row)
        self._sockets.remove(row)
        refused = self._secure.refused(row)
        self._secure.close(row)
        stats = self._plane.close(row)
        invalid = stats.invalid + refused.malformed
        return replace(stats, invalid=invalid, replayed=refused.replayed, forged=refused.forged).as_dict()

    def _status(self, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "legs": len(self._sockets),
            "ticks": self._plane.now,
            "late_ticks": self._late_ticks,
            "worst_late_ms": round(self._worst_late * 1000, 2),
        }

    # -- a tick -------------------------------------------------------------------------------------------------

    def _tick(self) -> bool:
        """Do one tick. False when the control process has gone."""
        received = self._sockets.receive()
        if received is not None and self._secure.active:
            received = self._secure.unprotect(received)
        if received is not None:
            self._reporter.take(received)
        sent = self._plane.tick(received)
        for event in sent.events:
            if isinstance(event, SourceMoved):
                self._sockets.aim(event.row)
        if self._secure.active:
            self._secure.protect(sent, self._plane.packets)
        self._sockets.send(sent.rows, self._plane.packets)
        for row, packet in sent.extra:
            self._sockets.send_one(row, packet)
        self._reporter.tick()
        for event in (*sent.events, *self._plane.follow_up()):
            self._report(event)
        if self._plane.arena.loading:
            self._plane.arena.pump()
        self._sockets.tidy()
        return self._flush()

    def _report(self, event: Happening) -> None:
        message: dict[str, Any] = {"leg": event.row}
        match event:
            case KeyPressed():
                message |= {"event": protocol.EVENT_KEY, "key": event.key}
            case PlayEnded():
                message |= {"event": protocol.EVENT_PLAYED, "token": event.token}
            case KeysSent():
                message |= {"event": protocol.EVENT_PRESSED, "token": event.token}
            case FirstHeard():
                message |= {"event": protocol.EVENT_HEARD}
            case GoneQuiet():
                message |= {"event": protocol.EVENT_QUIET, "times": event.times}
            case VoiceHeard():
                message |= {"event": protocol.EVENT_VOICE, "speaking": event.speaking}
            case Recorded():
                message = {"event": protocol.EVENT_RECORDED, **asdict(event)}
            case Announced():
                message = {"event": protocol.EVENT_ANNOUNCED, "token": event.token}
            case Talking():
                message |= {"event": protocol.EVENT_TALKING, "talking": event.talking}
            case MarkReached():
                message |= {"event": protocol.EVENT_MARK, "name": event.name}
            case Tapped():
                audio = base64.b64encode(event.samples).decode()
                message |= {"event": protocol.EVENT_AUDIO, "heard": event.heard, "audio": audio}
            case SourceMoved():
                return
        self._outbox += protocol.encode(message)


def _allow_files(count: int) -> None:
    """Raise the limit on open files to what the legs need, as far as this process may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (count if hard == resource.RLIM_INFINITY else min(count, hard), hard)
        )


def main() -> None:
    """Run a worker on the socket that was handed over."""
    parser = argparse.ArgumentParser(description="A media worker; started by the server.")
    parser.add_argument("--control", type=int, required=True, help="file descriptor of the control socket")
    parser.add_argument("--capacity", type=int, default=1000, help="most legs at once")
    parser.add_argument("--spare", type=int, default=0, help="legs besides, that join rooms of several workers")
    parser.add_argument("--clip-memory-mb", type=int, default=256, help="memory for clips")
    options = parser.parse_args()
    # The server ends its workers by closing the socket: Ctrl-C in a terminal reaches the whole group, but calls
    # that are still going on must be ended by the server first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(-5)
    _allow_files(3 * (options.capacity + options.spare) + _SPARE_FILES)
    clip_frames = options.clip_memory_mb * 1024 * 1024 // 320
    worker = Worker(socket.socket(fileno=options.control), options.capacity, clip_frames, options.spare)
    # Nothing here makes cycles; a collection would only delay a tick.
    gc.collect()
    gc.freeze()
    gc.disable()
    worker.run()


if __name__ == "__main__":
    main()
