"""Cutting a stream into messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.sip.message import MAX_MESSAGE
from ringback.sip.net.framing import Framer, FramingError

ONE = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\nbody"
TWO = b"OPTIONS sip:b SIP/2.0\r\nX: Content-Length: 9\r\nl : 2 \r\n\r\n\r\n"
NONE = b"OPTIONS sip:c SIP/2.0\r\n\r\n"


def test_glued_messages_are_cut() -> None:
    framer = Framer()
    assert framer.feed(ONE + TWO + NONE + ONE[:10]) == [ONE, TWO, NONE]
    assert framer.partial
    assert framer.feed(ONE[10:]) == [ONE]
    assert not framer.partial


def test_keep_alives() -> None:
    """RFC 5626 §3.5.1: a double CRLF is asked for an answer, a single one is the answer to ours."""
    framer = Framer()
    assert framer.feed(b"\r\n\r\n") == [b""]
    assert framer.feed(b"\r\n") == []
    assert framer.feed(b"\r\n") == [b""]
    assert framer.feed(b"\r\n" + ONE) == [ONE]
    assert framer.feed(ONE + b"\r\n\r\n" + ONE) == [ONE, b"", ONE]
    assert framer.feed(b"\r\n\r\n\r\n" + ONE) == [b"", ONE]


@given(st.lists(st.integers(1, 40), max_size=30))
def test_it_does_not_matter_where_the_stream_is_split(sizes: list[int]) -> None:
    stream = ONE + b"\r\n\r\n" + TWO + b"\r\n" + NONE + ONE
    framer, found = Framer(), []
    for size in sizes:
        found += framer.feed(stream[:size])
        stream = stream[size:]
    found += framer.feed(stream)
    assert found == [ONE, b"", TWO, NONE, ONE]


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: x", b"Content-Length: -1", b"Content-Length:", b"Content-Length: 1\r\nl: 2",
     b"Content-Length: 99999999999", b"Content-Length: %d" % MAX_MESSAGE],
)  # fmt: skip
def test_a_length_that_cannot_be_is_the_end(head: bytes) -> None:
    with pytest.raises(FramingError):
        Framer().feed(b"OPTIONS sip:a SIP/2.0\r\n" + head + b"\r\n\r\n")


def test_headers_without_end() -> None:
    framer = Framer()
    with pytest.raises(FramingError, match="headers"):
        for _ in range(100):
            framer.feed(b"x" * 1000)
