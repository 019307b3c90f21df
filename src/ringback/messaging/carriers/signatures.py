"""Signatures of gateways: HMAC-SHA256 of the moment and the body, under a secret that both sides know.

`X-Ringback-Timestamp` is the moment in seconds since 1970, `X-Ringback-Signature` is `sha256=` and the hexadecimal
HMAC of the timestamp, a dot and the body. A moment that is too far away is refused, so that nothing can be replayed.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

TIMESTAMP: Final = "X-Ringback-Timestamp"
SIGNATURE: Final = "X-Ringback-Signature"
MOST_APART: Final = 300.0
"""Seconds that the two clocks may differ by."""


def sign(secret: str, body: bytes, now: float) -> dict[str, str]:
    """Return the headers that sign a body."""
    moment = str(int(now))
    return {TIMESTAMP: moment, SIGNATURE: f"sha256={_digest(secret, moment, body)}"}


def is_signed(secret: str, body: bytes, headers: Mapping[str, str], now: float) -> bool:
    """Tell whether the headers sign the body. `headers` finds names in any case."""
    moment, signature = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 12) or abs(int(moment) - now) > MOST_APART:
        return False
    expected = f"sha256={_digest(secret, moment, body)}"
    return hmac.compare_digest(expected.encode(), signature.strip().encode("utf-8", "replace"))


def _digest(secret: str, moment: str, body: bytes) -> str:
    return hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
