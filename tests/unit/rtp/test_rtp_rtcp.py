"""RTCP compounds: read, written, and refused (RFC 3550 §6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.rtp.packet import is_rtcp
from ringback.rtp.rtcp import (
    MAX_BLOCKS,
    MAX_BYTES,
    Goodbye,
    ReceiverReport,
    ReportBlock,
    RtcpError,
    RtcpPacket,
    SenderInfo,
    SenderReport,
    SourceDescription,
    block_about,
    compound,
    make_cname,
    parse,
)

WORD = st.integers(0, 0xFFFFFFFF)
BLOCK = st.builds(ReportBlock, WORD, st.integers(0, 255), st.integers(-0x800000, 0x7FFFFF), WORD, WORD, WORD, WORD)
BLOCKS = st.lists(BLOCK, max_size=MAX_BLOCKS).map(tuple)
INFO = st.builds(SenderInfo, st.integers(0, 2**64 - 1), WORD, WORD, WORD)
NAME = st.text(st.characters(codec="utf-8"), max_size=60)
PACKET = st.one_of(
    st.builds(SenderReport, WORD, INFO, BLOCKS),
    st.builds(ReceiverReport, WORD, BLOCKS),
    st.builds(SourceDescription, st.lists(st.tuples(WORD, NAME), max_size=4).map(tuple)),
    st.builds(Goodbye, st.lists(WORD, max_size=MAX_BLOCKS).map(tuple), NAME),
)

HEARD = ReportBlock(0xDEADBEEF, 64, -2, 0x0001_1234, 80, 0xB705_2000, 0x0005_4000)
SENT = SenderInfo(0xB44D_B705_2000_0000, 160_000, 1000, 160_000)
WIRE = bytes.fromhex(
    "81c8000c 00c0ffee b44db705 20000000 00027100 000003e8 00027100"
    "deadbeef 40fffffe 00011234 00000050 b7052000 00054000"
    "81ca0003 00c0ffee 01047062 78310000"
    "81cb0001 00c0ffee"
)
RR = bytes(ReceiverReport(7))


def test_fields_lie_where_the_rfc_draws_them() -> None:
    assert compound(0xC0FFEE, "pbx1", [HEARD], SENT, bye=True) == WIRE
    assert parse(WIRE) == (
        SenderReport(0xC0FFEE, SENT, (HEARD,)),
        SourceDescription(((0xC0FFEE, "pbx1"),)),
        Goodbye((0xC0FFEE,)),
    )


def test_who_sends_nothing_reports_as_a_receiver() -> None:
    assert parse(compound(1, "pbx1")) == (ReceiverReport(1), SourceDescription(((1, "pbx1"),)))


@given(st.lists(PACKET, min_size=1, max_size=2))
def test_what_is_written_is_read(packets: list[RtcpPacket]) -> None:
    data = b"".join(map(bytes, packets))
    if len(data) > MAX_BYTES:
        data, packets = bytes(packets[0]), packets[:1]
    assert is_rtcp(data[1])
    assert parse(data) == tuple(packets)


def test_values_that_do_not_fit_are_kept_within_the_field() -> None:
    extreme = ReportBlock(2**32 + 1, 300, -(2**30), 2**32 + 2, 2**40, 2**32 + 3, -5)
    high = ReportBlock(0, -1, 2**30, 0, -1, 0, 2**40)
    data = bytes(ReceiverReport(2**32 + 4, (extreme, high)))

    assert parse(data) == (
        ReceiverReport(
            4,
            (
                ReportBlock(1, 255, -0x800000, 2, 0xFFFFFFFF, 3, 0),
                ReportBlock(0, 0, 0x7FFFFF, 0, 0, 0, 0xFFFFFFFF),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("data", "packets"),
    [
        (bytes.fromhex("80cc0002 00000007 6e616d65") + RR, (ReceiverReport(7),)),
        (RR + bytes.fromhex("80cf0001 00000007"), (ReceiverReport(7),)),
        (bytes.fromhex("81cd0002 00000007 00000008"), ()),
        (bytes(Goodbye((7,), "done")), (Goodbye((7,), "done"),)),
        (bytes.fromhex("80c90003 00000007 01020304 05060708"), (ReceiverReport(7),)),
        (RR + bytes.fromhex("a0c90002 00000008 00000004"), (ReceiverReport(7), ReceiverReport(8))),
        (bytes.fromhex("81ca0005 00000007 02016101 02626307 05000000 00000000"), (SourceDescription(((7, "bc"),)),)),
        (bytes.fromhex("82ca0003 00000007 00000000 00000008"), (SourceDescription(()),)),
        (bytes.fromhex("81ca0002 00000007 01026162"), (SourceDescription(((7, "ab"),)),)),
        (bytes.fromhex("81ca0002 00000007 0101ff00"), (SourceDescription(((7, "\ufffd"),)),)),
        (bytes.fromhex("80cb0000"), (Goodbye(()),)),
        (bytes.fromhex("80cb0001 ff616263"), (Goodbye((), "abc"),)),
    ],
    ids=["an APP before", "an XR behind", "reduced size", "reason", "profile's extension", "padding", "other items",
         "chunks without items", "no null at the end", "no UTF-8", "no source", "a reason that is cut"],
)  # fmt: skip
def test_what_others_send(data: bytes, packets: tuple[RtcpPacket, ...]) -> None:
    assert parse(data) == packets


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "0 bytes are no RTCP"),
        (b"\x80\xc9\x00", "3 bytes are no RTCP"),
        (RR * 257, "2056 bytes are no RTCP"),
        (RR + b"\x00", "1 bytes are left"),
        (b"\x40" + RR[1:], "version 2 begins at byte 0"),
        (RR + b"\x80\x00\x00\x00", "version 2 begins at byte 8"),
        (RR[:-1], "goes on behind the end"),
        (bytes.fromhex("80c90000"), "without its sender's SSRC"),
        (bytes.fromhex("80c80001 00000007"), "without sender information"),
        (bytes.fromhex("81c90001 00000007"), "too few for 1 report blocks"),
        (bytes.fromhex("82ca0001 00000007"), "ends before the last of its 2 chunks"),
        (bytes.fromhex("81ca0002 00000007 01036162"), "item goes on behind"),
        (bytes.fromhex("81ca0002 00000007 02016101"), "item goes on behind"),
        (bytes.fromhex("82cb0001 00000007"), "too few for 2 sources"),
        (bytes.fromhex("a0c90001 00000007"), "padding"),
        (bytes.fromhex("a0c90002 00000007 00000000"), "padding"),
        (bytes.fromhex("a0c90002 00000007 00000003"), "padding"),
        (bytes.fromhex("a0c90002 00000007 0000000c"), "padding"),
        (bytes.fromhex("a0c90002 00000007 00000004") + RR, "padding"),
        (bytes.fromhex("a0cb0000"), "padding"),
    ],
)
def test_what_is_no_rtcp(data: bytes, reason: str) -> None:
    with pytest.raises(RtcpError, match=reason):
        parse(data)


@given(st.binary(max_size=40), st.integers(0, len(WIRE)), st.integers(0, 20))
def test_nothing_but_the_documented_error(junk: bytes, start: int, cut: int) -> None:
    """A cut and patched compound is read, or refused by RtcpError; so is junk with the header of a packet."""
    for data in (WIRE[:start] + junk + WIRE[start + cut :], WIRE[:2] + bytes((0, len(junk) // 4)) + junk):
        try:
            parse(data)
        except RtcpError:
            continue


def test_the_report_about_us_is_found_among_others() -> None:
    other = ReportBlock(9, 0, 0, 0, 0, 0, 0)
    packets = parse(bytes(ReceiverReport(1, (other,))) + compound(2, "b", [other, HEARD]))

    assert block_about(packets, 0xDEADBEEF) == HEARD
    assert block_about(packets, 5) is None


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (ReceiverReport(1, (HEARD,) * 32), "at most 31 of a kind, not 32"),
        (SourceDescription(((1, "ä" * 128),)), "a CNAME has at most 255 bytes, not 256"),
        (Goodbye((1,), "x" * 256), "a reason has at most 255 bytes, not 256"),
    ],
)
def test_what_cannot_be_written(packet: RtcpPacket, reason: str) -> None:
    with pytest.raises(RtcpError, match=reason):
        bytes(packet)


def test_a_cname_is_made_of_entropy() -> None:
    """RFC 7022 §4.2: 96 bits in base64."""
    assert make_cname(bytes(range(12))) == "AAECAwQFBgcICQoL"
    with pytest.raises(ValueError, match="12 bytes, not 11"):
        make_cname(bytes(11))
