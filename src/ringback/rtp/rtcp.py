"""RTCP packets (RFC 3550 §6): reports of what was sent and heard, names, goodbyes. Pure: no sockets, no clocks.

One datagram holds several packets behind each other, a compound. What a telephone call has no use for (APP, extended
reports, feedback) is skipped by its length. A compound need not begin with a report: some peers send the reduced-size
form of RFC 5506.
"""

import base64
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

MAX_BYTES: Final = 2048
"""A datagram of a path with Ethernet's packet size is shorter; what is longer is no RTCP of a telephone call."""
MAX_BLOCKS: Final = 31
"""Report blocks in one report: the count has five bits."""
MAX_ITEM_BYTES: Final = 255
SR, RR, SDES, BYE = 200, 201, 202, 203
"""Packet types (§12.1)."""

_CNAME: Final = 1
_HEADER = struct.Struct(">BBH")
_BLOCK = struct.Struct(">IIIIII")
_SENDER = struct.Struct(">QIII")
_SSRC = struct.Struct(">I")


class RtcpError(ValueError):
    """The bytes are no RTCP compound, or the values fit in none."""


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """How one source is heard by the sender of the report (§6.4.1). Integers are as on the wire."""

    ssrc: int
    """The source that this is about."""
    fraction_lost: int
    """Of 256, since the report before."""
    cumulative_lost: int
    """Packets since the beginning, signed: duplicates count as received."""
    highest_sequence: int
    """Cycles of the sequence number in the upper 16 bits."""
    jitter: int
    """In units of the RTP timestamp."""
    last_sr: int
    """The middle 32 bits of the NTP time in the last sender report from `ssrc`; 0 where there was none."""
    delay_since_last_sr: int
    """In 1/65,536 s."""

    def __bytes__(self) -> bytes:
        lost = max(-0x800000, min(self.cumulative_lost, 0x7FFFFF)) & 0xFFFFFF
        return _BLOCK.pack(
            self.ssrc & 0xFFFFFFFF,
            max(0, min(self.fraction_lost, 255)) << 24 | lost,
            self.highest_sequence & 0xFFFFFFFF,
            max(0, min(self.jitter, 0xFFFFFFFF)),
            self.last_sr & 0xFFFFFFFF,
            max(0, min(self.delay_since_last_sr, 0xFFFFFFFF)),
        )


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """What a side has sent (§6.4.1)."""

    ntp: int
    """64 bits: seconds since 1900, and their fraction (`ntp_time`)."""
    rtp_timestamp: int
    """The same moment on the clock of the RTP stream."""
    packets: int
    octets: int
    """Of payload."""


@dataclass(frozen=True, slots=True)
class SenderReport:
    """SR: what a side has sent, and how it hears others."""

    ssrc: int
    info: SenderInfo
    blocks: tuple[ReportBlock, ...] = ()

    def __bytes__(self) -> bytes:
        info = self.info
        sent = _SENDER.pack(
            info.ntp & 0xFFFFFFFFFFFFFFFF,
            info.rtp_timestamp & 0xFFFFFFFF,
            info.packets & 0xFFFFFFFF,
            info.octets & 0xFFFFFFFF,
        )
        return _packet(SR, len(self.blocks), self.ssrc, sent + b"".join(map(bytes, self.blocks)))


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RR: how a side hears others, while it sends nothing."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()

    def __bytes__(self) -> bytes:
        return _packet(RR, len(self.blocks), self.ssrc, b"".join(map(bytes, self.blocks)))


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SDES: pairs of SSRC and CNAME (§6.5.1). The other items, names for people, are skipped."""

    cnames: tuple[tuple[int, str], ...]

    def __bytes__(self) -> bytes:
        chunks = b""
        for ssrc, cname in self.cnames:
            text = cname.encode()
            if len(text) > MAX_ITEM_BYTES:
                raise RtcpError(f"a CNAME has at most {MAX_ITEM_BYTES} bytes, not {len(text)}")
            chunk = _SSRC.pack(ssrc & 0xFFFFFFFF) + bytes((_CNAME, len(text))) + text
            # At least one null ends the items, and more fill up the word.
            chunks += chunk + bytes(4 - len(chunk) % 4)
        return _packet(SDES, len(self.cnames), None, chunks)


@dataclass(frozen=True, slots=True)
class Goodbye:
    """BYE: these sources have ended (§6.6)."""

    ssrcs: tuple[int, ...]
    reason: str = ""

    def __bytes__(self) -> bytes:
        body = b"".join(_SSRC.pack(ssrc & 0xFFFFFFFF) for ssrc in self.ssrcs)
        if self.reason:
            text = self.reason.encode()
            if len(text) > MAX_ITEM_BYTES:
                raise RtcpError(f"a reason has at most {MAX_ITEM_BYTES} bytes, not {len(text)}")
            body += bytes((len(text),)) + text
            body += bytes(-len(body) % 4)
        return _packet(BYE, len(self.ssrcs), None, body)


RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Goodbye


def parse(data: bytes) -> tuple[RtcpPacket, ...]:
    """Read a compound; packets of other types are skipped, so that nothing may be left. Order is kept.

    Raises RtcpError when the lengths do not add up to the datagram's (§A.2), when a packet is shorter than what it
    says it holds, and when there is nothing or more than MAX_BYTES.
    """
    if not 4 <= len(data) <= MAX_BYTES:
        raise RtcpError(f"{len(data)} bytes are no RTCP: 4 to {MAX_BYTES} are")
    packets: list[RtcpPacket] = []
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise RtcpError(f"{len(data) - at} bytes are left behind the last packet")
        first, kind, words = _HEADER.unpack_from(data, at)
        end = at + 4 * (words + 1)
        if first >> 6 != 2 or not 192 <= kind <= 223:
            raise RtcpError(f"no packet of RTCP version 2 begins at byte {at}")
        if end > len(data):
            raise RtcpError(f"the packet at byte {at} goes on behind the end of the datagram")
        body = data[at + 4 : end]
        if first & 0x20:
            body = _unpadded(body, last=end == len(data))
        if kind in _READERS:
            packets.append(_READERS[kind](first & 0x1F, body))
        at = end
    return tuple(packets)


def compound(
    ssrc: int, cname: str, blocks: Sequence[ReportBlock] = (), sender: SenderInfo | None = None, *, bye: bool = False
) -> bytes:
    """Build what one side sends at a time: SR (RR where it has sent nothing), its CNAME, and BYE at the end (§6.1).

    Raises RtcpError for more than MAX_BLOCKS blocks or a CNAME of more than MAX_ITEM_BYTES bytes.
    """
    report = ReceiverReport(ssrc, tuple(blocks)) if sender is None else SenderReport(ssrc, sender, tuple(blocks))
    data = bytes(report) + bytes(SourceDescription(((ssrc, cname),)))
    return data + bytes(Goodbye((ssrc,))) if bye else data


def block_about(packets: Iterable[RtcpPacket], ssrc: int) -> ReportBlock | None:
    """Return how the peer hears the source `ssrc`, from the first of the reports that tells."""
    reports = (packet for packet in packets if isinstance(packet, SenderReport | ReceiverReport))
    return next((block for report in reports for block in report.blocks if block.ssrc == ssrc), None)


def make_cname(entropy: bytes) -> str:
    """Build a CNAME that tells nothing of the machine, from 12 bytes of entropy (RFC 7022 §4.2).

    Raises ValueError for another number of bytes.
    """
    if len(entropy) != 12:
        raise ValueError(f"a CNAME is made of 12 bytes, not {len(entropy)}")
    return base64.b64encode(entropy).decode()


# -- reading and writing one packet -----------------------------------------------------------------------------------


def _packet(kind: int, count: int, ssrc: int | None, body: bytes) -> bytes:
    if count > MAX_BLOCKS:
        raise RtcpError(f"a packet holds at most {MAX_BLOCKS} of a kind, not {count}")
    if ssrc is not None:
        body = _SSRC.pack(ssrc & 0xFFFFFFFF) + body
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body


def _unpadded(body: bytes, *, last: bool) -> bytes:
    """Take the padding away, which only the last packet may have (§6.4.1)."""
    padding = body[-1] if body else 0
    if not last or padding == 0 or padding % 4 or padding > len(body):
        raise RtcpError("padding that is not at the end of the compound, or longer than its packet")
    return body[:-padding]


def _sender_report(count: int, body: bytes) -> SenderReport:
    if len(body) < 4 + _SENDER.size:
        raise RtcpError("a sender report without sender information")
    info = SenderInfo(*_SENDER.unpack_from(body, 4))
    return SenderReport(_SSRC.unpack_from(body)[0], info, _blocks(count, body[4 + _SENDER.size :]))


def _receiver_report(count: int, body: bytes) -> ReceiverReport:
    if len(body) < 4:
        raise RtcpError("a receiver report without its sender's SSRC")
    return ReceiverReport(_SSRC.unpack_from(body)[0], _blocks(count, body[4:]))


def _blocks(count: int, body: bytes) -> tuple[ReportBlock, ...]:
    """Read report blocks; what a profile may have added behind them is skipped (§6.4.3)."""
    if len(body) < count * _BLOCK.size:
        raise RtcpError(f"{len(body)} bytes are too few for {count} report blocks")
    blocks = []
    for ssrc, loss, highest, jitter, last_sr, delay in _BLOCK.iter_unpack(body[: count * _BLOCK.size]):
        lost = loss & 0xFFFFFF
        blocks.append(ReportBlock(ssrc, loss >> 24, lost - (lost >> 23 << 24), highest, jitter, last_sr, delay))
    return tuple(blocks)


def _source_description(count: int, body: bytes) -> SourceDescription:
    cnames = []
    at = 0
    for _ in range(count):
        if at + 4 > len(body):
            raise RtcpError(f"SDES ends before the last of its {count} chunks")
        ssrc: int = _SSRC.unpack_from(body, at)[0]
        at += 4
        while at < len(body) and body[at]:
            end = at + 2 + body[at + 1] if at + 2 <= len(body) else len(body) + 1
            if end > len(body):
                raise RtcpError("an SDES item goes on behind the end of its packet")
            if body[at] == _CNAME:
                cnames.append((ssrc, body[at + 2 : end].decode("utf-8", "replace")))
            at = end
        at += 4 - at % 4
    return SourceDescription(tuple(cnames))


def _goodbye(count: int, body: bytes) -> Goodbye:
    end = 4 * count
    if len(body) < end:
        raise RtcpError(f"{len(body)} bytes are too few for {count} sources that say goodbye")
    reason = body[end + 1 : end + 1 + body[end]] if len(body) > end else b""
    return Goodbye(tuple(ssrc for (ssrc,) in _SSRC.iter_unpack(body[:end])), reason.decode("utf-8", "replace"))


_READERS: dict[int, Callable[[int, bytes], RtcpPacket]] = {
    SR: _sender_report,
    RR: _receiver_report,
    SDES: _source_description,
    BYE: _goodbye,
}
