"""SRTP and SRTCP of one leg (RFC 3711), over libsrtp. Keys come from outside: see `ringback.sip.sdes`."""

from dataclasses import dataclass
from typing import Final

from pylibsrtp import Error, Policy, Session

SUITES: Final = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}
"""The suites of RFC 4568 §6.2 that we have, as libsrtp numbers them."""
KEY_BYTES: Final = 30
"""Master key and master salt, 16 and 14 bytes."""
MAX_BYTES: Final = 1356
"""Bytes of a packet that is protected: libsrtp keeps 144 of 1,500 for what it may add."""
MAX_SOURCES: Final = 32
"""Streams of one direction. libsrtp keeps keys and a replay list for each SSRC that has shown itself."""
WINDOW: Final = 128
"""Packets that one may be overtaken by (RFC 3711 §3.3.2 asks for at least 64)."""

_TAG_BYTES: Final = {"AES_CM_128_HMAC_SHA1_80": 10, "AES_CM_128_HMAC_SHA1_32": 4}
_RTCP_TAG_BYTES: Final = 10
"""SRTCP has the long tag in both suites (RFC 4568 §6.2.2)."""


class SrtpError(ValueError):
    """These keys cannot be used, or this packet of ours cannot be protected."""


@dataclass(slots=True)
class Refused:
    """How many packets of the peer were refused, and why."""

    replayed: int = 0
    """Their number was used before, or is too old to tell. That is looked at first: the tag may be wrong as well."""
    forged: int = 0
    """The authentication tag is not that of this key: tampered with, of another call, or not encrypted at all."""
    malformed: int = 0
    """Too short, too long, no RTP inside."""


class SrtpSession:
    """Both directions of one leg: `key_in` is the peer's, `key_out` is ours, KEY_BYTES bytes each.

    `mki` is what the peer puts before the tag of each packet to name its key (RFC 3711 §3.1); we name none, and a peer
    that announces it and then leaves it out is understood too. Raises SrtpError for an unknown suite and for keys of
    another length.
    """

    __slots__ = ("_heard", "_in", "_inbound", "_mki", "_out", "_outbound", "_said", "_suite", "refused")

    def __init__(self, suite: str, key_in: bytes, key_out: bytes, *, mki: bytes = b"") -> None:
        self.refused = Refused()
        self._in = self._out = ("", b"")
        self.renew(suite, key_in, key_out, mki=mki)

    def renew(self, suite: str, key_in: bytes, key_out: bytes, *, mki: bytes = b"") -> None:
        """Go on with what a new offer and answer agreed on; the arguments and errors are those of the constructor.

        A direction whose suite and key are still the same is not touched. It must not begin anew: with the count of
        rollovers back at zero, the peer could not be understood any more, and we would encrypt with a key stream that
        was used before (RFC 3711 §9.1).
        """
        if suite not in SUITES:
            raise SrtpError(f"{suite[:60]!r} is none of {', '.join(SUITES)}")
        if len(key_in) != KEY_BYTES or len(key_out) != KEY_BYTES:
            raise SrtpError(f"keys have {KEY_BYTES} bytes with their salt, not {len(key_in)} and {len(key_out)}")
        if (suite, key_in) != self._in:
            self._inbound = _session(suite, key_in, Policy.SSRC_ANY_INBOUND)
            self._heard: dict[int, None] = {}
        if (suite, key_out) != self._out:
            self._outbound = _session(suite, key_out, Policy.SSRC_ANY_OUTBOUND)
            self._said: set[bytes] = set()
        self._in, self._out = (suite, key_in), (suite, key_out)
        self._suite, self._mki = suite, mki

    def __repr__(self) -> str:
        return f"SrtpSession({self._suite})"

    def protect(self, packet: bytes) -> bytes:
        """Encrypt and sign an RTP packet of ours.

        Raises SrtpError for what is no RTP, for more than MAX_BYTES, for a sequence number that was used before, and
        for more than MAX_SOURCES sources on one key.
        """
        self._admit(packet[8:12])
        try:
            return self._outbound.protect(packet)
        except (Error, ValueError) as error:
            raise SrtpError(f"a packet cannot be encrypted: {error}") from error

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Encrypt and sign an RTCP compound of ours. Raises SrtpError as `protect` does."""
        self._admit(packet[4:8])
        try:
            return self._outbound.protect_rtcp(packet)
        except (Error, ValueError) as error:
            raise SrtpError(f"a report cannot be encrypted: {error}") from error

    def unprotect(self, packet: bytes) -> bytes | None:
        """Return the RTP packet inside, or None where it is not the peer's, or not new; `refused` counts those."""
        try:
            plain = self._inbound.unprotect(self._without_mki(packet, _TAG_BYTES[self._suite]))
        except (Error, ValueError) as error:
            self._refuse(error)
            return None
        self._remember(int.from_bytes(plain[8:12], "big"))
        return plain

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """Return the RTCP compound inside, or None as `unprotect` does."""
        try:
            plain = self._inbound.unprotect_rtcp(self._without_mki(packet, _RTCP_TAG_BYTES))
        except (Error, ValueError) as error:
            self._refuse(error)
            return None
        self._remember(int.from_bytes(plain[4:8], "big"))
        return plain

    def _admit(self, ssrc: bytes) -> None:
        """Let our sources be few. None is forgotten to make room: one that came back would reuse its key stream."""
        if ssrc not in self._said:
            if len(self._said) >= MAX_SOURCES:
                raise SrtpError(f"{MAX_SOURCES} sources have sent under this key: agree on a new one")
            self._said.add(ssrc)

    def _remember(self, ssrc: int) -> None:
        """Keep the MAX_SOURCES sources of the peer that were heard last.

        Only who has the key gets this far, so that a stranger cannot push anyone out. Packets of a source that was
        forgotten could be replayed; a peer that has had so many is rare, and silence for the rest of its call is worse.
        """
        if ssrc in self._heard:
            if len(self._heard) > 1:
                del self._heard[ssrc]
                self._heard[ssrc] = None
            return
        self._heard[ssrc] = None
        if len(self._heard) > MAX_SOURCES:
            oldest = next(iter(self._heard))
            del self._heard[oldest]
            self._inbound.remove_stream(oldest)

    def _without_mki(self, packet: bytes, tag: int) -> bytes:
        """Take the key's name out: it stands before the tag, which does not cover it (RFC 3711 §3.1)."""
        start, end = len(packet) - tag - len(self._mki), len(packet) - tag
        if start == end or start < 0 or packet[start:end] != self._mki:
            return packet
        return packet[:start] + packet[end:]

    def _refuse(self, error: Exception) -> None:
        reason = str(error)
        if reason.startswith("replay check failed"):
            self.refused.replayed += 1
        elif reason == "authentication failure":
            self.refused.forged += 1
        else:
            self.refused.malformed += 1


def _session(suite: str, key: bytes, direction: int) -> Session:
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=SUITES[suite])
    policy.window_size = WINDOW
    return Session(policy)
