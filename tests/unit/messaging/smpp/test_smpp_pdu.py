"""PDUs: SMPP v3.4 chapters 4 and 5. Whatever the octets are, reading them ends in a PDU or in PduError."""

from contextlib import suppress

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from ringback.messaging.smpp.pdu import (
    MAX_LENGTH,
    Bind,
    Command,
    Framer,
    Pdu,
    PduError,
    c_string_body,
    first_c_string,
    message_pdu,
    read_message,
)

PDUS = st.builds(
    Pdu, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=99)
)


@given(st.lists(PDUS, max_size=6), st.data())
def test_pdus_are_found_however_the_stream_is_cut(pdus: list[Pdu], data: st.DataObject) -> None:
    stream = b"".join(pdu.encode() for pdu in pdus)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    framer = Framer()
    found: list[Pdu] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += framer.feed(stream[start:end])
    assert found == pdus


@pytest.mark.parametrize("length", [0, 15, MAX_LENGTH + 1, 2**32 - 1])
def test_a_length_that_makes_no_sense_is_fatal(length: int) -> None:
    with pytest.raises(PduError) as error:
        Framer().feed(length.to_bytes(4, "big") + b"\0" * 12)
    assert error.value.fatal


@given(st.sampled_from(list(Command)), st.binary(max_size=200))
def test_any_body_is_read_or_refused(command: Command, body: bytes) -> None:
    with suppress(PduError):
        read_message(Pdu(command, 0, 1, body))
    if command in (Command.BIND_RECEIVER, Command.BIND_TRANSMITTER, Command.BIND_TRANSCEIVER):
        with suppress(PduError):
            Bind.read(Pdu(command, 0, 1, body))


@pytest.mark.parametrize("kind", ["transmitter", "receiver", "transceiver"])
def test_a_bind_is_read_back(kind: str) -> None:
    bind = Bind("esme", "secret", kind, "VMA", 0x34, 1, 1, "^44")
    assert Bind.read(bind.pdu(7)) == bind
    assert bind.pdu(7).sequence == 7


def test_a_bind_that_ends_too_early() -> None:
    with pytest.raises(PduError, match="too early"):
        Bind.read(Pdu(Command.BIND_RECEIVER, 0, 1, b"a\0b\0c\0\x34"))
    with pytest.raises(PduError, match="without an end"):
        Bind.read(Pdu(Command.BIND_RECEIVER, 0, 1, b"a"))


@pytest.mark.parametrize("password", ["123456789", "a\0b"])
def test_what_no_bind_can_hold(password: str) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Bind("esme", password).pdu(1)


def test_messages_are_those_of_smpp34() -> None:
    message = smpp34.SubmitSm("123", "456", b"hi", esm_class=0x40, tlvs=[smpp34.Tlv(0x0424, b"x" * 1000)])
    pdu = message_pdu(message, 9)
    assert (pdu.command, pdu.sequence) == (Command.SUBMIT_SM, 9)
    back = read_message(pdu)
    assert (back.short_message, back.esm_class, back.tlvs[0].value) == (b"hi", 0x40, b"x" * 1000)
    assert isinstance(read_message(message_pdu(smpp34.DeliverSm("1", "2"), 1)), smpp34.DeliverSm)


def test_strings() -> None:
    assert first_c_string(c_string_body("abc") + b"more") == "abc"
    assert first_c_string(b"") == ""
    response = Pdu(Command.SUBMIT_SM, 0, 5).response(0, b"x")
    assert (response.is_response, response.sequence, response.body) == (True, 5, b"x")
