"""Delivery receipts: what became of a message, as text or as TLVs (SMPP v3.4, 4.6 and Appendix B)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import smpp34

from ringback.messaging.smpp.pdu import MESSAGE_STATE, RECEIPTED_MESSAGE_ID

RECEIPT = 0x04
"""In `esm_class`: the message is a receipt (5.2.12)."""
_KIND = 0x3C

_STATES = {
    1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN", 8: "REJECTD",
}  # fmt: skip
_FINAL = {"DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "UNKNOWN", "REJECTD"}
# Carriers write these words, too.
_ALIASES = {"DELIVERED": "DELIVRD", "UNDELIVERED": "UNDELIV", "REJECTED": "REJECTD", "FAILED": "UNDELIV"}
_ERROR_CODES = {"EXPIRED": 30003, "DELETED": 30008, "UNDELIV": 30008, "UNKNOWN": 30008, "REJECTD": 30007}

_FIELD = {name: re.compile(rf"(?:^|\s){name}:\s*(\S*)", re.IGNORECASE) for name in ("id", "stat", "err")}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message."""

    reference: str
    """The id that the carrier gave when it took the message."""
    state: str
    """`DELIVRD` and so on: one of the words of Appendix B."""
    error: str = ""
    """What the network says about it, in the carrier's own codes."""

    @property
    def final(self) -> bool:
        """Whether nothing more will be told; the others are news from the way."""
        return self.state in _FINAL

    @property
    def delivered(self) -> bool:
        """Whether the handset has it."""
        return self.state == "DELIVRD"

    @property
    def error_code(self) -> int | None:
        """The code that says why it was not delivered."""
        return None if self.delivered or not self.final else _ERROR_CODES[self.state]


def is_receipt(esm_class: int) -> bool:
    """Tell whether a deliver_sm says what became of a message, rather than bringing one."""
    return esm_class & _KIND != 0


def read_receipt(text: bytes, tlvs: Iterable[smpp34.Tlv]) -> Receipt | None:
    """Read a receipt; None where it says neither for which message it is nor what became of it. Never fails.

    TLVs count before the text: carriers write the text as they like, and some leave it out.
    """
    reference, state = "", ""
    for tlv in tlvs:
        if tlv.tag == RECEIPTED_MESSAGE_ID:
            reference = tlv.value.partition(b"\0")[0].decode("latin-1").strip()
        elif tlv.tag == MESSAGE_STATE and tlv.value:
            state = _STATES.get(tlv.value[0], "")
    words = text.decode("latin-1")
    reference = reference or _find("id", words)
    state = state or _state(_find("stat", words))
    if not reference or not state:
        return None
    return Receipt(reference, state, _find("err", words))


def _find(name: str, words: str) -> str:
    match = _FIELD[name].search(words)
    return match[1] if match else ""


def _state(word: str) -> str:
    word = _ALIASES.get(word.upper(), word.upper())
    # Some write a word out that others cut at seven letters.
    return next((state for state in _STATES.values() if word and (state == word or word[:7] == state)), "")


def receipt_text(
    reference: str, *, delivered: bool, error_code: int | None, submitted: datetime, done: datetime
) -> str:
    """Write a receipt as Appendix B has it."""
    state = "DELIVRD" if delivered else "UNDELIV"
    dates = f"submit date:{submitted:%y%m%d%H%M} done date:{done:%y%m%d%H%M}"
    count = 1 if delivered else 0
    error = f"{(error_code or 0) % 1000:03d}"
    return f"id:{reference} sub:001 dlvrd:{count:03d} {dates} stat:{state} err:{error} text:"


def receipt_tlvs(reference: str, *, delivered: bool) -> list[smpp34.Tlv]:
    """Return the TLVs that say the same."""
    return [
        smpp34.Tlv(RECEIPTED_MESSAGE_ID, reference.encode("latin-1", "replace") + b"\0"),
        smpp34.Tlv(MESSAGE_STATE, bytes((2 if delivered else 5,))),
    ]
