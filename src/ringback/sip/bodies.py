"""Bodies of requests: the SDP of an offer or answer, and the keys that INFO requests carry."""

import re

from ringback.sip.message import Message

SDP = "application/sdp"
DTMF_RELAY = "application/dtmf-relay"
DTMF = "application/dtmf"

_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_MAX_PARTS = 16
_MAX_DURATION_MS = 10_000
_DEFAULT_DURATION_MS = 160
# RFC 4733 event numbers, which some phones send in place of the key.
_KEYS = {str(n): str(n) for n in range(10)} | {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
_KEYS |= {key: key for key in "*#ABCD"}


class UnsupportedBodyError(ValueError):
    """A body that we do not understand: 415."""


def sdp_of(message: Message) -> bytes | None:
    """Return the session description in a message, or None where it has none.

    Looks into multipart bodies too (RFC 5621): trunks put ISUP or location beside the SDP. Raises UnsupportedBodyError.
    """
    if not message.body:
        return None
    coding = (message.get("content-encoding") or "identity").lower()
    if coding != "identity":
        raise UnsupportedBodyError(f"content coding {coding[:40]}")
    kind = message.content_type
    # RFC 2543 peers leave the type out; a body of an INVITE can hardly be anything else.
    if kind in (SDP, ""):
        return message.body
    if kind.startswith("multipart/"):
        return _sdp_part(message)
    if "handling=optional" in (message.get("content-disposition") or "").replace(" ", "").lower():
        return None
    raise UnsupportedBodyError(f"content type {kind[:60]}")


def takes_sdp(accepted: list[str]) -> bool:
    """Tell whether who accepts these types, if any are named, can read a session description (RFC 3261 §20.1)."""
    types = {value.partition(";")[0].strip().lower() for value in accepted}
    return not types or bool(types.intersection((SDP, "application/*", "*/*")))


def _sdp_part(message: Message) -> bytes:
    boundary = _BOUNDARY.search(message.get("content-type") or "")
    if boundary is not None:
        mark = b"--" + (boundary[1] or boundary[2]).encode("utf-8", "surrogateescape")
        for part in message.body.split(mark, _MAX_PARTS)[1:]:
            head, empty_line, content = part.partition(b"\r\n\r\n")
            if empty_line and re.search(rb"^content-type[ \t]*:[ \t]*application/sdp\b", head, re.I | re.M):
                return content.removesuffix(b"\r\n")
    raise UnsupportedBodyError("a multipart body without SDP")


def read_dtmf(kind: str, body: bytes) -> tuple[str | None, int]:
    """Read a key and its milliseconds from the body of an INFO; the key is None for a hook flash.

    Takes `Signal=5` and `Duration=160` lines with blanks in any place, or the bare key. Raises UnsupportedBodyError.
    """
    if kind not in (DTMF_RELAY, DTMF):
        raise UnsupportedBodyError(f"content type {kind[:60]}")
    values = {"signal": "", "duration": ""}
    for line in body[:200].decode("ascii", "replace").splitlines():
        name, equals, value = line.partition("=")
        name = name.strip().lower() if equals else "signal"
        if name in values and not values[name]:
            values[name] = (value if equals else line).strip().upper()
    signal, milliseconds = values["signal"], values["duration"]
    duration = int(milliseconds) if re.fullmatch("[0-9]{1,6}", milliseconds) else _DEFAULT_DURATION_MS
    if signal not in _KEYS and signal not in ("16", "!", "FLASH", "HF"):
        raise UnsupportedBodyError(f"key {signal[:20]!r}")
    return _KEYS.get(signal), min(duration, _MAX_DURATION_MS)
