"""Cutting a stream into messages by Content-Length (RFC 3261 §18.3), and its keep-alives (RFC 5626 §3.5.1). Pure."""

import re

from ringback.sip.message import MAX_MESSAGE

_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r$", re.IGNORECASE | re.MULTILINE)


class FramingError(ValueError):
    """The stream cannot be cut into messages any more: the connection is of no further use."""


class Framer:
    """Bytes in as they come, whole messages out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._need = 0

    @property
    def partial(self) -> bool:
        """True when the beginning of a message waits for its rest."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes and return the messages that they complete; a keep-alive (double CRLF) comes out as b"".

        Raises FramingError when a message is too large or its length cannot be known.
        """
        self._buffer += data
        messages = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if not self._need:
            if buffer[:4] == b"\r\n\r\n":
                del buffer[:4]
                return b""
            # A single CRLF is the answer to a keep-alive; part of a double one may still be under way.
            while buffer[:2] == b"\r\n" and len(buffer) > 2 and buffer[2] != 13:
                del buffer[:2]
            if buffer[:3] == b"\r\n\r" and len(buffer) > 3:
                del buffer[:2]
            end = buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
            if end <= 0:
                self._searched = len(buffer)
                if len(buffer) > MAX_MESSAGE:
                    raise FramingError(f"more than {MAX_MESSAGE} bytes of headers")
                return None
            self._need = end + 4 + _body_length(bytes(buffer[: end + 2]))
            if self._need > MAX_MESSAGE:
                raise FramingError(f"a message of {self._need} bytes")
        if len(buffer) < self._need:
            return None
        message = bytes(buffer[: self._need])
        del buffer[: self._need]
        self._need = self._searched = 0
        return message


def _body_length(head: bytes) -> int:
    lengths = set(_LENGTH.findall(head))
    if not lengths:
        return 0  # what follows is the next message; the parser refuses a request that needs a body
    length = lengths.pop()
    if lengths or not re.fullmatch(rb"[0-9]{1,9}", length):
        raise FramingError("a Content-Length that is no number, or two of them")
    return int(length)
