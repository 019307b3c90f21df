"""RTP packets one by one and as columns (RFC 3550 §5.1)."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.rtp.packet import HEADER_BYTES, RtpError, RtpPacket, is_rtcp, parse, parse_columns, payload_span

PACKET = RtpPacket(0, 0x1234, 0x89ABCDEF, 0xDEADBEEF, b"\xff" * 160, marker=True)
HEADER = bytes(PACKET)[:HEADER_BYTES]


def columns_of(*packets: bytes, width: int = 200):
    buffer = np.zeros((len(packets), width), np.uint8)
    for row, packet in zip(buffer, packets, strict=True):
        row[: len(packet)] = np.frombuffer(packet, np.uint8)
    return parse_columns(buffer, np.array([len(packet) for packet in packets]))


def test_fields_lie_where_the_rfc_draws_them() -> None:
    assert bytes.fromhex("80 80 1234 89abcdef deadbeef") == HEADER


@given(
    st.builds(
        RtpPacket,
        # 64 to 95 with the marker would be read as RTCP (RFC 5761 §4), so no one uses them.
        payload_type=st.one_of(st.integers(0, 63), st.integers(96, 127)),
        sequence=st.integers(0, 0xFFFF),
        timestamp=st.integers(0, 0xFFFFFFFF),
        ssrc=st.integers(0, 0xFFFFFFFF),
        payload=st.binary(max_size=480),
        marker=st.booleans(),
    )
)
def test_what_is_written_is_read(packet: RtpPacket) -> None:
    assert parse(bytes(packet)) == packet


def test_counters_wrap() -> None:
    written = parse(bytes(RtpPacket(0, 0x10001, 0x1_0000_0002, 0x1_0000_0003, b"")))

    assert (written.sequence, written.timestamp, written.ssrc) == (1, 2, 3)


@pytest.mark.parametrize(
    ("data", "payload"),
    [
        (b"\x82" + HEADER[1:] + bytes(8) + b"audio", b"audio"),
        (b"\x90" + HEADER[1:] + b"\xbe\xde\x00\x01" + bytes(4) + b"audio", b"audio"),
        (b"\x90" + HEADER[1:] + b"\xbe\xde\x00\x00" + b"audio", b"audio"),
        (b"\xa0" + HEADER[1:] + b"audio" + b"\x00\x00\x03", b"audio"),
        (b"\xa0" + HEADER[1:] + b"\x00\x02", b""),
        (b"\xb1" + HEADER[1:] + bytes(4) + b"\x10\x00\x00\x01" + bytes(4) + b"audio" + b"\x01", b"audio"),
    ],
    ids=["contributing sources", "extension", "empty extension", "padding", "only padding", "all of them"],
)
def test_what_is_not_audio_is_skipped(data: bytes, payload: bytes) -> None:
    assert parse(data).payload == payload


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEADER[:-1],
        b"\x40" + HEADER[1:],
        b"\xc0" + HEADER[1:],
        b"\x8f" + HEADER[1:] + bytes(59),
        b"\x90" + HEADER[1:] + b"\xbe\xde\x00",
        b"\x90" + HEADER[1:] + b"\xbe\xde\x00\x02" + bytes(7),
        b"\xa0" + HEADER[1:] + b"audio\x00",
        b"\xa0" + HEADER[1:] + b"audio\x07",
        b"\x80\xc8" + HEADER[2:] + bytes(16),
    ],
    ids=[
        "nothing",
        "short header",
        "version 1",
        "version 3",
        "sources missing",
        "extension cut",
        "extension short",
        "padding of 0",
        "padding longer than the packet",
        "RTCP",
    ],
)
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    assert payload_span(data) is None
    with pytest.raises(RtpError, match=f"^{len(data)} bytes are no RTP packet$"):
        parse(data)


def test_rtcp_is_told_apart_by_the_second_byte() -> None:
    assert [byte for byte in range(256) if is_rtcp(byte)] == list(range(192, 224))


@given(st.binary(max_size=64))
def test_anything_is_read_or_refused(data: bytes) -> None:
    try:
        packet = parse(data)
    except RtpError:
        return
    assert packet.payload in data


def test_columns_agree_with_reading_one_by_one() -> None:
    """A thousand packets, a third of them damaged: the columns say of each what `parse` says."""
    rng = random.Random(3550)
    packets = []
    for _ in range(1000):
        kind = rng.choice((*range(64), *range(96, 128)))
        packet = bytearray(
            bytes(
                RtpPacket(
                    kind,
                    rng.randrange(1 << 16),
                    rng.randrange(1 << 32),
                    rng.randrange(1 << 32),
                    rng.randbytes(rng.randrange(160)),
                    rng.random() < 0.5,
                )
            )
        )
        if rng.random() < 0.3:
            packet[rng.randrange(2)] = rng.randrange(256)
        packets.append(bytes(packet[: rng.choice((len(packet), len(packet), rng.randrange(len(packet) + 1)))]))
    columns = columns_of(*packets)

    assert 300 < columns.plain.sum() < 1000
    for i, data in enumerate(packets):
        if columns.plain[i] and columns.valid[i]:
            read = parse(data)
            assert (
                read.payload_type,
                read.marker,
                read.sequence,
                read.timestamp,
                read.ssrc,
            ) == (
                columns.payload_type[i],
                columns.marker[i],
                columns.sequence[i],
                columns.timestamp[i],
                columns.ssrc[i],
            )
        elif not columns.valid[i]:
            assert payload_span(data) is None


def test_columns_of_nothing_are_empty() -> None:
    assert len(parse_columns(np.zeros((0, 200), np.uint8), np.zeros(0, np.int64)).ssrc) == 0
