"""Bodies: bounded, decoded, and broken ones told apart."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from webhooks_application import FakeReply

from ringback.webhooks.body import ContentType, content_type, read_body, read_prefix
from ringback.webhooks.failures import FetchError

TOO_LARGE = FetchError(11750, "too large")


async def read(reply: FakeReply, limit: int = 1000) -> bytes:
    body = bytearray()

    async def keep(data: bytes) -> None:
        body.extend(data)

    assert await read_body(reply, keep, limit, TOO_LARGE) == len(body)
    return bytes(body)


async def test_pieces_are_put_together() -> None:
    assert await read(FakeReply(b"ab", b"cd")) == b"abcd"
    assert await read(FakeReply()) == b""


@pytest.mark.parametrize("coding", ["gzip", "X-GZip", "deflate"])
async def test_what_is_compressed_unasked_is_decoded(coding: str) -> None:
    packed = zlib.compress(b"hello") if coding == "deflate" else gzip.compress(b"hello")
    pieces = [packed[i : i + 1] for i in range(len(packed))]
    assert await read(FakeReply(*pieces, Content_Encoding=coding)) == b"hello"
    assert await read(FakeReply(Content_Encoding=coding)) == b""


async def test_the_limit_is_exact() -> None:
    assert len(await read(FakeReply(b"a" * 1000))) == 1000
    for reply in (FakeReply(b"a" * 1001), FakeReply(b"a" * 1000, b"a"), FakeReply(Content_Length="1001")):
        with pytest.raises(FetchError, match="11750"):
            await read(reply)


async def test_a_bomb_is_not_unpacked() -> None:
    bomb = FakeReply(gzip.compress(b"0" * 5_000_000), Content_Encoding="gzip")
    with pytest.raises(FetchError, match="11750"):
        await read(bomb)


@pytest.mark.parametrize("announced", ["5", "", "-1", "many", "²"])
async def test_only_a_number_announces_a_length(announced: str) -> None:
    assert await read(FakeReply(b"hello", Content_Length=announced)) == b"hello"


async def test_broken_compression() -> None:
    with pytest.raises(FetchError, match="11206.*breaks off"):
        await read(FakeReply(gzip.compress(b"hello")[:-9], Content_Encoding="gzip"))
    with pytest.raises(FetchError, match="11206.*not compressed"):
        await read(FakeReply(b"hello", Content_Encoding="gzip"))
    with pytest.raises(FetchError, match="11200.*'br'"):
        await read(FakeReply(b"hello", Content_Encoding="br"))


async def test_a_prefix_is_all_that_comes() -> None:
    assert await read_prefix(FakeReply(b"abc", b"def", b"ghi"), 5, 1.0) == b"abcde"
    assert await read_prefix(FakeReply(b"abc"), 5, 1.0) == b"abc"
    assert await read_prefix(FakeReply(b"abc", TOO_LARGE), 5, 1.0) == b"abc"
    assert await read_prefix(FakeReply(b"abc", Content_Encoding="br"), 5, 1.0) == b""


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, ContentType("", "")),
        ("text/xml", ContentType("text/xml", "")),
        ("Audio/X-WAV ;codec=1", ContentType("audio/x-wav", "")),
        ("image/svg+xml; charset=latin1", ContentType("image/svg+xml", "latin1")),
        ("text/xml; charset='UTF-8'", ContentType("text/xml", "utf-8")),
        ("text/xml; charset=none-such", ContentType("text/xml", "")),
        ("text/xml; charset=a\x00b", ContentType("text/xml", "")),
    ],
)
def test_content_types(header: str | None, expected: ContentType) -> None:
    fields = CIMultiDict({} if header is None else {"Content-Type": header})
    assert content_type(CIMultiDictProxy(fields)) == expected


@given(st.text())
def test_any_content_type_is_one_or_none(header: str) -> None:
    found = content_type(CIMultiDictProxy(CIMultiDict({"Content-Type": header})))
    b"\xff".decode(found.charset or "utf-8", "replace")
