"""RTP packets (RFC 3550 §5.1), one by one and as columns of many."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES = 12
_HEADER = struct.Struct(">BBHII")
_VERSION_2 = 0x80


class RtpError(ValueError):
    """The bytes are no RTP packet."""


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet. `timestamp` counts samples of the payload's clock; all integers are unsigned as on the wire."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def __bytes__(self) -> bytes:
        second = self.payload_type | (0x80 if self.marker else 0)
        return (
            _HEADER.pack(
                _VERSION_2, second, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc & 0xFFFFFFFF
            )
            + self.payload
        )


def parse(data: bytes) -> RtpPacket:
    """Read one packet; contributing sources, a header extension and padding are skipped.

    Raises RtpError where the bytes are no RTP of version 2 (RTCP on the same port included, RFC 5761 §4).
    """
    span = payload_span(data)
    if span is None:
        raise RtpError(f"{len(data)} bytes are no RTP packet")
    _, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, data[span[0] : span[1]], bool(second & 0x80))


def payload_span(data: bytes) -> tuple[int, int] | None:
    """Tell where the payload begins and ends, or None where the bytes are no RTP packet (RFC 3550 §5.1, §5.3.1)."""
    if len(data) < HEADER_BYTES or data[0] >> 6 != 2 or is_rtcp(data[1]):
        return None
    start, end = HEADER_BYTES + 4 * (data[0] & 0x0F), len(data)
    if data[0] & 0x10:
        if start + 4 > end:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if data[0] & 0x20:
        padding = data[-1]
        if padding == 0:
            return None
        end -= padding
    return (start, end) if start <= end else None


def is_rtcp(second_byte: int) -> bool:
    """Tell RTCP from RTP on one port by the second byte: packet types 192 to 223 (RFC 5761 §4)."""
    return 192 <= second_byte <= 223


@dataclass(frozen=True, slots=True)
class Columns:
    """The headers of many packets, one array a field; `plain` tells which have a bare twelve-byte header."""

    valid: NDArray[np.bool_]
    plain: NDArray[np.bool_]
    payload_type: NDArray[np.uint8]
    marker: NDArray[np.bool_]
    sequence: NDArray[np.uint16]
    timestamp: NDArray[np.uint32]
    ssrc: NDArray[np.uint32]


def parse_columns(buffer: NDArray[np.uint8], length: NDArray[np.int64]) -> Columns:
    """Read the headers of the packets in the rows of `buffer`, of which row i holds `length[i]` bytes.

    `valid` rows have version 2, a whole header and are not RTCP. Rows that are valid and not `plain` carry
    contributing sources, an extension or padding: `payload_span` finds their payload.
    """
    # The headers lie far apart. They are touched once, and read as three words each.
    words = np.ascontiguousarray(buffer[:, :HEADER_BYTES]).view(">u4").astype(np.uint32)
    first = words[:, 0]
    second = (first >> 16 & 0xFF).astype(np.uint8)
    valid = (length >= HEADER_BYTES) & (first >> 30 == 2) & ((second < 192) | (second > 223))
    return Columns(
        valid=valid,
        plain=first >> 24 == _VERSION_2,
        payload_type=(second & 0x7F).astype(np.uint8),
        marker=second > 127,
        sequence=first.astype(np.uint16),
        timestamp=words[:, 1],
        ssrc=words[:, 2],
    )
