"""Sids: the identifiers of the REST API, two letters and 32 hexadecimal digits."""

import re

ACCOUNT = "AC"
CALL = "CA"
NUMBER = "PN"
"""An incoming number, and a validated caller id as well."""
RECORDING = "RE"
TRANSCRIPTION = "TR"
CONFERENCE = "CF"
QUEUE = "QU"
APPLICATION = "AP"
KEY = "SK"
NOTIFICATION = "NO"
SIP_DOMAIN = "SD"
CREDENTIAL_LIST = "CL"
CREDENTIAL = "CR"
ACCESS_LIST = "AL"
ACCESS_ADDRESS = "IP"

_SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")


def make_sid(prefix: str, entropy: bytes) -> str:
    """Build a sid from a two-letter prefix and 16 bytes of entropy.

    Raises ValueError when the prefix is not two capitals or the entropy is not 16 bytes.
    """
    sid = prefix + entropy.hex()
    if not is_sid(sid):
        raise ValueError(f"a sid takes two capital letters and 16 bytes, not {prefix!r} and {len(entropy)} bytes")
    return sid


def is_sid(text: str, prefix: str = "") -> bool:
    """Tell whether the text is a sid, of the given prefix if one is given."""
    return _SID.fullmatch(text) is not None and text.startswith(prefix)
