"""Session descriptions (RFC 8866), as far as a telephone's audio needs them: bounded reading, and values."""

import ipaddress
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

MAX_BYTES = 16_384
MAX_LINES = 400
MAX_MEDIA = 32
MAX_FORMATS = 64
MAX_CRYPTO = 16
"""Keys offered for one media line."""

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")
TELEPHONE_EVENT = "telephone-event"

_STATIC_CODECS = {0: ("PCMU", 8000), 8: ("PCMA", 8000)}
"""Payload types that need no rtpmap (RFC 3551 §6)."""
_RTPMAP = re.compile(r"([0-9]{1,3})\s+([^\s/]+)/([0-9]{1,6})(?:/[0-9]+)?\s*")
_MEDIA = re.compile(r"(\S+)\s+([0-9]{1,5})(?:/[0-9]{1,5})?\s+(\S+)((?:\s+\S+)*)\s*")
_ORIGIN = re.compile(r"[0-9]{1,20} [0-9]{1,20}")
_RTCP = re.compile(r"([0-9]{1,5})(?:\s+IN\s+IP[46]\s+(\S{1,64}))?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,4}")


class SdpError(ValueError):
    """A session description that cannot be used; the message says why.

    `status` is the SIP status to answer with: 400 when it cannot be read, 488 when nothing in it fits. `warning` is
    the code of the Warning header that says why (RFC 3261 §20.43; `ringback.sip.reason.warning` writes it).
    """

    def __init__(self, reason: str, status: int = 488, warning: int = 399) -> None:
        super().__init__(reason)
        self.status = status
        self.warning = warning


@dataclass(frozen=True, slots=True)
class Codec:
    """One format of a media line."""

    payload_type: int
    name: str
    """Encoding name in capitals; `TELEPHONE-EVENT` for keys; empty where no rtpmap tells."""
    clock_rate: int


@dataclass(frozen=True, slots=True)
class Media:
    """One media line with what belongs to it."""

    kind: str
    port: int
    """0 where it is refused or switched off."""
    protocol: str
    formats: tuple[str, ...]
    address: str
    """Host of its connection line, or of the session's; empty where there is none."""
    direction: Direction
    codecs: tuple[Codec, ...] = ()
    ptime_ms: int | None = None
    maxptime_ms: int | None = None
    rtcp: tuple[str, int] | None = None
    """Host and port of its `a=rtcp:` (RFC 3605); the host is empty where that names none."""
    rtcp_mux: bool = False
    crypto: tuple[str, ...] = field(default=(), repr=False)
    """What stands behind each `a=crypto:`, as written (`ringback.sip.sdes`): keys, which `repr` does not show."""


@dataclass(frozen=True, slots=True)
class Session:
    """A whole description."""

    media: tuple[Media, ...]
    session_id: int
    version: int


@dataclass(frozen=True, slots=True)
class AudioDescription:
    """The audio of one side: where it listens and what it understands."""

    address: str
    port: int
    codecs: tuple[Codec, ...]
    """In order of preference, without telephone-event."""
    telephone_event: int | None
    """Payload type of RFC 4733 keys."""
    ptime_ms: int | None
    maxptime_ms: int | None
    direction: Direction
    rtcp: tuple[str, int] | None = None
    """Where it takes RTCP (RFC 3605); None for the port after that of the audio."""
    rtcp_mux: bool = False
    """True when it would rather take RTCP on the port of the audio (RFC 5761)."""

    @classmethod
    def of(cls, media: Media) -> "AudioDescription":
        """Sort out one media line. Raises SdpError when its address is not that of one host."""
        events = [c for c in media.codecs if c.name == TELEPHONE_EVENT.upper() and c.clock_rate == 8000]
        address = host_address(media.address)
        rtcp = None
        if media.rtcp is not None:
            rtcp = (host_address(media.rtcp[0]) if media.rtcp[0] else address, media.rtcp[1])
        return cls(
            address,
            media.port,
            tuple(c for c in media.codecs if c.name in ("PCMU", "PCMA") and c.clock_rate == 8000),
            events[0].payload_type if events else None,
            media.ptime_ms,
            media.maxptime_ms,
            media.direction,
            rtcp,
            media.rtcp_mux,
        )

    @property
    def held(self) -> bool:
        """True when this side does not want audio: a direction says so, or the address of RFC 2543's hold."""
        return self.direction in ("sendonly", "inactive") or self.address in ("0.0.0.0", "::")


def host_address(text: str) -> str:
    """Return an IP address in its usual form. Raises SdpError for names, multicast and nothing."""
    return _host_address(text[:64])  # no address is longer; what is remembered stays small


@lru_cache(maxsize=4096)
def _host_address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise SdpError(f"the connection address {text[:60]!r} is no IP address", warning=301) from None
    if address.is_multicast:
        raise SdpError(f"the connection address {text} is that of a multicast group", warning=330)
    return str(address)


def parse(data: bytes) -> Session:
    """Read a description. Raises SdpError (400) when it cannot be read; unknown lines and attributes are skipped."""
    if len(data) > MAX_BYTES:
        raise SdpError(f"{len(data)} bytes of SDP are more than {MAX_BYTES}", 400)
    lines = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    if len(lines) > MAX_LINES:
        raise SdpError(f"more than {MAX_LINES} lines of SDP", 400)
    if lines[0].strip() != "v=0":
        raise SdpError("the SDP does not begin with v=0", 400)
    reader = _Reader()
    for line in lines[1:]:
        kind, equals, value = line.partition("=")
        if not equals or len(kind) != 1:
            raise SdpError(f"SDP line {line[:60]!r} is not of the form x=…", 400)
        reader.line(kind, value.strip())
    return reader.session()


class _Draft:
    """A media line under construction; the first one stands for the session."""

    def __init__(self, address: str = "", direction: Direction = "sendrecv") -> None:
        self.kind = self.protocol = ""
        self.port = 0
        self.formats: tuple[str, ...] = ()
        self.address = address
        self.direction: Direction = direction
        self.codecs: dict[int, Codec] = {}
        self.ptime: dict[str, int] = {}
        self.rtcp: tuple[str, int] | None = None
        self.rtcp_mux = False
        self.crypto: list[str] = []

    def media(self) -> Media:
        types = [int(f) for f in self.formats if len(f) <= 3 and f.isascii() and f.isdigit()]
        codecs = tuple(self.codecs.get(t) or _static(t) for t in types)
        return Media(
            self.kind, self.port, self.protocol, self.formats, self.address, self.direction,
            codecs, self.ptime.get("ptime"), self.ptime.get("maxptime"), self.rtcp, self.rtcp_mux,
            tuple(self.crypto),
        )  # fmt: skip


class _Reader:
    """Collects lines; what stands before the first media line holds for all of them."""

    def __init__(self) -> None:
        self._origin = (0, 0)
        self._session = self._last = _Draft()
        self._media: list[_Draft] = []

    def line(self, kind: str, value: str) -> None:
        if kind == "m":
            self._start_media(value)
        elif kind == "c":
            self._connection(value)
        elif kind == "a":
            self._attribute(value)
        elif kind == "o" and not self._media:
            parts = value.split()
            if len(parts) < 6 or not _ORIGIN.fullmatch(f"{parts[1]} {parts[2]}"):
                raise SdpError(f"SDP origin {value[:60]!r} cannot be read", 400)
            self._origin = (int(parts[1]), int(parts[2]))

    def session(self) -> Session:
        return Session(tuple(draft.media() for draft in self._media), *self._origin)

    def _start_media(self, value: str) -> None:
        match = _MEDIA.fullmatch(value)
        if match is None or int(match[2]) > 65535 or len(self._media) >= MAX_MEDIA:
            raise SdpError(f"media line {value[:60]!r} cannot be read", 400)
        self._last = draft = _Draft(self._session.address, self._session.direction)
        draft.kind, draft.port, draft.protocol = match[1].lower(), int(match[2]), match[3]
        draft.formats = tuple(match[4].split()[:MAX_FORMATS])
        self._media.append(draft)

    def _connection(self, value: str) -> None:
        parts = value.split()
        if len(parts) != 3 or parts[0].upper() != "IN" or parts[1].upper() not in ("IP4", "IP6"):
            raise SdpError(f"connection line {value[:60]!r} cannot be read", 400)
        self._last.address = parts[2].partition("/")[0]

    def _attribute(self, value: str) -> None:
        name, _, content = value.partition(":")
        if name in DIRECTIONS:
            self._last.direction = name
        elif name == "rtpmap":
            match = _RTPMAP.fullmatch(content.strip())
            if match is not None and int(match[1]) < 128:
                self._last.codecs[int(match[1])] = Codec(int(match[1]), match[2].upper(), int(match[3]))
        elif name in ("ptime", "maxptime"):
            # Some phones write `20.0`; what is no number is as good as not there.
            number = _NUMBER.match(content.strip())
            if number is not None and int(number[0]) > 0:
                self._last.ptime[name] = int(number[0])
        elif name == "rtcp":
            match = _RTCP.fullmatch(content.strip())
            if match is not None and 0 < int(match[1]) <= 65535:
                self._last.rtcp = match[2] or "", int(match[1])
        elif name == "rtcp-mux":
            self._last.rtcp_mux = True
        elif name == "crypto" and len(self._last.crypto) < MAX_CRYPTO:
            self._last.crypto.append(content.strip())


def _static(payload_type: int) -> Codec:
    name, rate = _STATIC_CODECS.get(payload_type, ("", 0))
    return Codec(payload_type, name, rate)
