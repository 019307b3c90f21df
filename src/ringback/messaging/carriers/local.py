"""The local carrier: numbers of this server among themselves, and handsets in a terminal, with no contract at all.

A handset is a connection to a socket in the directory of the store, which only its owner can open. Both sides send
lines of JSON. A handset says `{"listen": NUMBER}` and gets `{"message": {…}}` for each message, which it answers with
`{"seen": SID}`; or it says `{"send": {"from", "to", "body", "media"}}` and gets `{"sent": SID}` or `{"error": TEXT}`.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import logging
import tempfile
from pathlib import Path
from typing import Any, Final

from ringback.messaging.carriers.contract import Accepted, CarrierDownError, Inbox, Outgoing
from ringback.messaging.fleet import LOCAL
from ringback.messaging.media import MOST_BYTES
from ringback.messaging.port import Arrival, ArrivedMedia
from ringback.model.messages import MESSAGE
from ringback.model.numbers import normalise
from ringback.model.sids import make_sid
from ringback.storage.errors import StorageError
from ringback.tasks import TaskOwner

logger = logging.getLogger(__name__)

_LONGEST_LINE: Final = 2 * MOST_BYTES
_MOST_HANDSETS: Final = 100
_LONGEST_PATH: Final = 100
"""Characters of a socket's path; Linux takes 107."""


def socket_path(directory: Path) -> Path:
    """Return where handsets find the server whose store is in a directory."""
    path = directory.absolute() / "handsets.sock"
    if len(str(path).encode()) <= _LONGEST_PATH:
        return path
    name = hashlib.sha256(str(directory.absolute()).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"ringback-{name}.sock"


class LocalCarrier:
    """`Carrier` for this machine."""

    name = LOCAL

    def __init__(self, path: Path | None, *, region: str | None = "US", window: int = 100) -> None:
        """`path` is the socket of handsets; None where there are none."""
        self._path = path
        self._region = region
        self._window = window
        self._server: asyncio.Server | None = None
        self._inbox: Inbox | None = None
        self._tasks = TaskOwner()
        self._handsets: dict[str, list[_Handset]] = {}

    @property
    def window(self) -> int:
        """As many messages as this server handles at a time."""
        return self._window if self._inbox is not None else 0

    @property
    def state(self) -> str:
        """Always up."""
        return "up" if self._inbox is not None else "not started"

    def takes(self, to: str) -> bool:
        """Whether a handset listens to a number."""
        return bool(self._handsets.get(to))

    def units(self, message: Outgoing) -> int:
        """One: nothing is cut here."""
        return 1

    async def start(self, inbox: Inbox) -> None:
        """Wait for handsets. Where the socket cannot be opened there are none, and the log says so."""
        self._inbox = inbox
        if self._path is None:
            return
        try:
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._server = await asyncio.start_unix_server(self._connected, self._path, limit=_LONGEST_LINE)
            self._path.chmod(0o600)
        except OSError as error:
            logger.warning("Handsets cannot connect: %s: %s", self._path, error)

    async def submit(self, message: Outgoing, number: int) -> Accepted:
        """Give it to the number's application, or to its handset; it waits where the handset is not there."""
        if self._inbox is None:
            raise CarrierDownError("this server ends")
        text = "\n".join(filter(None, (message.body, *message.media_urls)))
        try:
            arrival = Arrival(message.from_, message.to, text, LOCAL, sid=_twin(message.sid))
            if await self._inbox.received(arrival) is not None:
                return Accepted(delivered=True)
        except StorageError as error:
            raise CarrierDownError(str(error)) from error
        for handset in self._handsets.get(message.to, ()):
            handset.show(message.sid, message.from_, message.to, text)
        return Accepted(message.sid)

    async def close(self) -> None:
        """Send the handsets away."""
        self._inbox = None
        if self._server is not None:
            self._server.close()
        await self._tasks.close()
        if self._path is not None and self._server is not None:
            self._path.unlink(missing_ok=True)

    # -- handsets -------------------------------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The stream's own task would outlive this carrier; ours is cancelled with it.
        self._tasks.start(self._serve(reader, writer), "a handset")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handset = _Handset(writer)
        try:
            while line := await reader.readline():
                await self._line(handset, line)
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # a line that is too long is a ValueError
        finally:
            for number in handset.numbers:
                self._handsets[number].remove(handset)
                if not self._handsets[number]:
                    del self._handsets[number]
            writer.close()

    async def _line(self, handset: "_Handset", line: bytes) -> None:
        try:
            said = json.loads(line)
            if not isinstance(said, dict):
                raise ValueError("not an object")
            if "listen" in said:
                await self._listen(handset, str(said["listen"]))
            elif "seen" in said and self._inbox is not None:
                await self._inbox.receipt(LOCAL, str(said["seen"]), delivered=True)
            elif "send" in said:
                handset.say(await self._send(said["send"]))
            else:
                raise ValueError("neither listen, seen nor send")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            handset.say({"error": f"this line cannot be understood: {error}"})
        except StorageError as error:
            handset.say({"error": str(error)})

    async def _listen(self, handset: "_Handset", text: str) -> None:
        number = normalise(text, self._region)
        if sum(map(len, self._handsets.values())) >= _MOST_HANDSETS:
            handset.say({"error": "too many handsets"})
            return
        if number not in handset.numbers:
            handset.numbers.append(number)
            self._handsets.setdefault(number, []).append(handset)
        handset.say({"listening": number})
        if self._inbox is None:
            return
        for record in await self._inbox.waiting(LOCAL, number):
            handset.show(record.sid, record.from_, record.to, record.body)
        self._inbox.ready(LOCAL)

    async def _send(self, message: dict[str, Any]) -> dict[str, Any]:
        media = tuple(
            ArrivedMedia(str(item["content_type"]), base64.b64decode(item["data"], validate=True))
            for item in message.get("media", [])
        )
        from_, to = str(message["from"]), str(message["to"])
        if self._inbox is None:
            return {"error": "this server ends"}
        record = await self._inbox.received(Arrival(from_, to, str(message.get("body", "")), LOCAL, media))
        if record is None:
            return {"error": f"{to} is no number of this server: ringback numbers list shows them"}
        return {"sent": record.sid}


class _Handset:
    """One connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.numbers: list[str] = []

    def say(self, what: dict[str, Any]) -> None:
        if not self._writer.is_closing():
            self._writer.write(json.dumps(what).encode() + b"\n")

    def show(self, sid: str, from_: str, to: str, body: str) -> None:
        self.say({"message": {"sid": sid, "from": from_, "to": to, "body": body}})


def _twin(sid: str) -> str:
    """The sid that a message has at its recipient, when both numbers are of this server."""
    return make_sid(MESSAGE, hashlib.sha256(f"{sid}/received".encode()).digest()[:16])
