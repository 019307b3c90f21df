"""SMPP 3.4 PDUs (SMPP Protocol Specification v3.4 Issue 1.2, chapters 4 and 5): octets to values and back.

`submit_sm` and `deliver_sm`, which carry messages, are smpp34's; the few others are small enough to be here.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import smpp34

HEADER: Final = 16
"""Octets of the header, which is all that some PDUs are."""
MAX_LENGTH: Final = 70_000
"""Octets of the longest PDU that is read: a message_payload has 65535 at most."""
RESPONSE: Final = 0x80000000

# Tags of optional parameters (5.3.2).
RECEIPTED_MESSAGE_ID: Final = 0x001E
SAR_MSG_REF_NUM: Final = 0x020C
SAR_TOTAL_SEGMENTS: Final = 0x020E
SAR_SEGMENT_SEQNUM: Final = 0x020F
MESSAGE_PAYLOAD: Final = 0x0424
MESSAGE_STATE: Final = 0x0427


class Command(IntEnum):
    """Command ids (5.1.2.1) of requests; a response has the highest bit set."""

    BIND_RECEIVER = 0x1
    BIND_TRANSMITTER = 0x2
    QUERY_SM = 0x3
    SUBMIT_SM = 0x4
    DELIVER_SM = 0x5
    UNBIND = 0x6
    BIND_TRANSCEIVER = 0x9
    ENQUIRE_LINK = 0x15
    GENERIC_NACK = 0x80000000


BINDS: Final = {
    "transmitter": Command.BIND_TRANSMITTER,
    "receiver": Command.BIND_RECEIVER,
    "transceiver": Command.BIND_TRANSCEIVER,
}


class Status(IntEnum):
    """Command statuses (5.1.3) that Ringback gives or understands in a way of its own."""

    ROK = 0x0
    RINVMSGLEN = 0x1
    RINVCMDLEN = 0x2
    RINVCMDID = 0x3
    RINVBNDSTS = 0x4
    RALYBND = 0x5
    RSYSERR = 0x8
    RINVSRCADR = 0xA
    RINVDSTADR = 0xB
    RBINDFAIL = 0xD
    RINVPASWD = 0xE
    RINVSYSID = 0xF
    RMSGQFUL = 0x14
    RTHROTTLED = 0x58
    RX_T_APPN = 0x64
    """Temporary: deliver it again later."""
    RX_P_APPN = 0x65
    RUNKNOWNERR = 0xFF


class PduError(Exception):
    """Octets that are no PDU. `status` is what an answer says; `fatal` where the stream cannot be read any further."""

    def __init__(self, message: str, status: int, sequence: int = 0, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.sequence = sequence
        self.fatal = fatal


@dataclass(frozen=True, slots=True)
class Pdu:
    """A PDU, its body not yet read."""

    command: int
    status: int
    sequence: int
    body: bytes = b""

    @property
    def is_response(self) -> bool:
        """Whether it answers a request of ours."""
        return bool(self.command & RESPONSE)

    def encode(self) -> bytes:
        """Return its octets."""
        fields = (HEADER + len(self.body), self.command, self.status, self.sequence)
        return b"".join(field.to_bytes(4, "big") for field in fields) + self.body

    def response(self, status: int, body: bytes = b"") -> "Pdu":
        """Return the answer to it."""
        return Pdu(self.command | RESPONSE, status, self.sequence, body)


class Framer:
    """Cuts a stream of octets into PDUs."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Pdu]:
        """Take octets and return the PDUs that are complete now.

        Raises PduError, fatal, when a length makes no sense: nothing behind it can be found any more.
        """
        self._buffer += data
        found = []
        while len(self._buffer) >= HEADER:
            length = int.from_bytes(self._buffer[:4], "big")
            if not HEADER <= length <= MAX_LENGTH:
                raise PduError(f"a PDU of {length} octets", Status.RINVCMDLEN, fatal=True)
            if len(self._buffer) < length:
                break
            command, status, sequence = (int.from_bytes(self._buffer[at : at + 4], "big") for at in (4, 8, 12))
            found.append(Pdu(command, status, sequence, bytes(self._buffer[HEADER:length])))
            del self._buffer[:length]
        return found


@dataclass(frozen=True, slots=True)
class Bind:
    """Who binds, and how (4.1)."""

    system_id: str
    password: str
    kind: str = "transceiver"
    system_type: str = ""
    interface_version: int = 0x34
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""

    def pdu(self, sequence: int) -> Pdu:
        """Return the request. Raises ValueError for a text that no PDU can hold."""
        body = _c_string(self.system_id, 16) + _c_string(self.password, 9) + _c_string(self.system_type, 13)
        body += bytes((self.interface_version, self.addr_ton, self.addr_npi)) + _c_string(self.address_range, 41)
        return Pdu(BINDS[self.kind], 0, sequence, body)

    @classmethod
    def read(cls, pdu: Pdu) -> "Bind":
        """Read a bind request. Raises PduError."""
        kind = next(name for name, command in BINDS.items() if command == pdu.command)
        rest = pdu.body
        system_id, rest = _read_c_string(rest, pdu)
        password, rest = _read_c_string(rest, pdu)
        system_type, rest = _read_c_string(rest, pdu)
        if len(rest) < 3:
            raise PduError("a bind that ends too early", Status.RINVCMDLEN, pdu.sequence)
        address_range, _ = _read_c_string(rest[3:], pdu)
        return cls(system_id, password, kind, system_type, rest[0], rest[1], rest[2], address_range)


Message = smpp34.SubmitSm | smpp34.DeliverSm


def read_message(pdu: Pdu) -> Message:
    """Read a submit_sm or deliver_sm. Raises PduError."""
    try:
        found = smpp34.decode(pdu.encode())
    except smpp34.SmppError as error:
        raise PduError(f"a message that cannot be read: {error}", Status.RINVCMDLEN, pdu.sequence) from None
    if isinstance(found, smpp34.RawPdu):
        raise PduError("a message that cannot be read", Status.RINVCMDID, pdu.sequence)
    return found


def message_pdu(message: Message, sequence: int) -> Pdu:
    """Return a message as a PDU of that sequence number."""
    octets = message.encode()
    return Pdu(message.command_id, 0, sequence, octets[HEADER:])


def c_string_body(text: str, longest: int = 65) -> bytes:
    """Return the body of a response that is one C-octet string: a message id, a system id."""
    return _c_string(text, longest)


def first_c_string(body: bytes) -> str:
    """Read the first C-octet string of a body; an empty text where there is none. Never fails."""
    return body.partition(b"\0")[0].decode("latin-1")


def _c_string(text: str, longest: int) -> bytes:
    octets = text.encode("latin-1", "replace")
    if b"\0" in octets or len(octets) >= longest:
        raise ValueError(f"{text!r} does not fit: {longest - 1} octets and no zero among them")
    return octets + b"\0"


def _read_c_string(data: bytes, pdu: Pdu) -> tuple[str, bytes]:
    text, zero, rest = data.partition(b"\0")
    if not zero:
        raise PduError("a text without an end", Status.RINVCMDLEN, pdu.sequence)
    return text.decode("latin-1"), rest
