"""What server and media workers say to each other: one object a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.media.protocol import ProtocolError, decode, encode

values = st.one_of(st.booleans(), st.integers(), st.text(max_size=20), st.lists(st.integers(), max_size=3))


@given(st.dictionaries(st.text(max_size=5), values, max_size=5))
def test_a_message_is_one_line_and_read_as_it_was_written(message: dict[str, object]) -> None:
    line = encode(message)

    assert line.index(b"\n") == len(line) - 1
    assert decode(line) == message


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"", "not JSON"),
        (b"{\n", "not JSON"),
        (b"\xff\xfe\n", "not JSON"),
        (b"[" * 60000, "not JSON"),
        (b"[1]\n", "not an object"),
        (b"7\n", "not an object"),
    ],
)
def test_what_is_no_message_is_refused(line: bytes, what: str) -> None:
    with pytest.raises(ProtocolError, match=what):
        decode(line)


@given(st.binary(max_size=50))
def test_anything_is_read_or_refused(line: bytes) -> None:
    try:
        message = decode(line)
    except ProtocolError:
        return
    assert isinstance(message, dict)
