"""Offer and answer (RFC 3264) for one stream of G.711 with RFC 4733 keys.

Whoever is asked answers with exactly one codec: the first of the offer that we have. So nobody switches codecs in
mid-call, and the media plane knows what comes.

Encryption with keys in the description (SDES, RFC 4568) is up to a policy. `off` has none. `required` offers RTP/SAVP
and takes no plain audio. `optional` offers RTP/AVP with keys beside it, which who does not know them passes over, and
takes what comes, encrypted where it can be. An offer of RTP/AVP with keys is taken like one of RTP/SAVP.
"""

import ipaddress
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ringback.sip import sdes
from ringback.sip.description import (
    DIRECTIONS,
    TELEPHONE_EVENT,
    AudioDescription,
    Codec,
    Direction,
    Media,
    SdpError,
    Session,
    parse,
)  # fmt: skip
from ringback.sip.sdes import Agreed, Crypto, SdesError, SrtpPolicy

PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8}
PROTOCOLS = ("RTP/AVP", "RTP/AVPF")
SECURE_PROTOCOLS = ("RTP/SAVP", "RTP/SAVPF")
PTIME_MS = 20
_PTIMES_MS = (10, 20, 30, 40, 60)
_SENDS, _RECEIVES = ("sendrecv", "sendonly"), ("sendrecv", "recvonly")


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What both sides agreed on, seen from ours."""

    remote: tuple[str, int]
    """Where our RTP goes."""
    payload_type: int
    """Of the audio that we send."""
    codec: str
    """`PCMU` or `PCMA`."""
    telephone_event: int | None
    """Payload type of the keys that we send and are sent; None where the other side has none."""
    send_ptime_ms: int
    """Milliseconds of audio in each packet of ours: 10, 20, 30, 40 or 60."""
    direction: Direction
    """What we may do."""
    on_hold: bool
    """True when the other side does not want our audio."""
    crypto: Agreed | None = None
    """The keys of both sides; None for plain RTP."""
    rtcp: tuple[str, int] | None = None
    """Where our RTCP goes (RFC 3605); None for the port after that of `remote`."""
    rtcp_mux: bool = False
    """True when RTCP goes with RTP (RFC 5761): the other side has offered it. We never do."""


def answer(
    offer: bytes,
    local_address: str,
    local_port: int,
    *,
    previous: bytes | None = None,
    direction: Direction = "sendrecv",
    session_id: int | None = None,
    srtp: SrtpPolicy = "off",
    entropy: bytes = b"",
    agreed: Agreed | None = None,
    codecs: Sequence[str] = ("PCMU", "PCMA"),
) -> tuple[bytes, Negotiated]:
    """Answer an offer: the first audio line that fits is taken, all others are refused with port 0 (RFC 3264 §6).

    `previous` is our last description in this dialog: its session id is kept, and the version is raised when
    anything has changed (§8). `direction` is what we would like; the offer may narrow it. Unless `srtp` is off, our
    key is made of `entropy` (`sdes.ENTROPY_BYTES` that nobody can guess), or is that of `agreed`, what was agreed on
    last in this dialog, while the other side keeps its own. `codecs` are those that may be taken, in whichever order
    the offer has them. Raises SdpError with the status to answer with, and ValueError for too little entropy.
    """
    session = parse(offer)
    chosen, audio, codec, theirs = _choose(session, srtp, codecs)
    ours, keys = (None, None) if theirs is None else sdes.make_answer(theirs, entropy, agreed)
    wanted = _narrowed(audio, direction)
    ptime = _send_ptime(audio)
    lines = []
    for media in session.media:
        if media is chosen:
            lines += _audio_lines(local_port, media.protocol, [codec], audio.telephone_event, ptime, wanted)
            lines += [f"a=crypto:{ours.line()}"] if ours is not None else []
            lines += ["a=rtcp-mux"] if audio.rtcp_mux else []
        else:
            lines.append(_refused(media))
    data = _describe(local_address, lines, previous, session_id, zlib.crc32(offer))
    return data, replace(_negotiated(audio, codec, ptime, wanted, keys), rtcp_mux=audio.rtcp_mux)


def offer(
    local_address: str,
    local_port: int,
    *,
    codecs: Sequence[str] = ("PCMU", "PCMA"),
    telephone_event: int | None = 101,
    ptime_ms: int = PTIME_MS,
    direction: Direction = "sendrecv",
    previous: bytes | None = None,
    session_id: int | None = None,
    srtp: SrtpPolicy = "off",
    entropy: bytes = b"",
) -> bytes:
    """Offer audio (RFC 3264 §5). `previous`, `srtp` and `entropy` as in `answer`; keys in `previous` are kept.

    The media lines of `previous` keep their places (§8): what was refused stays refused. Raises ValueError for a codec
    that we do not have and for too little entropy.
    """
    if not codecs or any(name not in PAYLOAD_TYPES for name in codecs):
        raise ValueError(f"codecs are of {', '.join(PAYLOAD_TYPES)}, not {', '.join(codecs) or 'none'}")
    offered = [Codec(PAYLOAD_TYPES[name], name, 8000) for name in codecs]
    protocol, keys = _protected(srtp, entropy, previous)
    lines = _audio_lines(local_port, protocol, offered, telephone_event, ptime_ms, direction)
    lines += [f"a=crypto:{key}" for key in keys]
    if previous is not None:
        lines = _among_others(parse(previous).media, lines)
    return _describe(local_address, lines, previous, session_id, zlib.crc32(f"{local_address} {local_port}".encode()))


def accept_answer(offer: bytes, answer: bytes, *, srtp: SrtpPolicy = "off") -> Negotiated:
    """Take the answer to an offer of ours (RFC 3264 §7), which was made under the policy `srtp`.

    Raises SdpError when it refuses the audio, does not fit, or is plain where that was not offered or not wanted.
    """
    ours, theirs = parse(offer), parse(answer)
    if len(ours.media) != len(theirs.media):
        raise SdpError("the answer has not as many media lines as the offer")
    for offered, media in zip(ours.media, theirs.media, strict=True):
        if offered.kind != "audio" or offered.port == 0:
            continue
        if media.kind != "audio" or media.port == 0:
            raise SdpError("the answer refuses the audio")
        mine, audio = AudioDescription.of(offered), AudioDescription.of(media)
        known = {codec.name for codec in mine.codecs}
        codec = next((codec for codec in audio.codecs if codec.name in known), None)
        if codec is None:
            raise SdpError("the answer has none of the codecs that were offered")
        keys = _taken_up(offered, media, srtp)
        return _negotiated(audio, codec, _send_ptime(audio), _narrowed(audio, mine.direction), keys)
    raise SdpError("the offer had no audio")


def _among_others(media: Sequence[Media], audio: list[str]) -> list[str]:
    """Put our audio in the place that it had among the media lines of the session, all others being refused."""
    ours = next((m for m in media if m.kind == "audio" and m.port), None)
    ours = ours or next((m for m in media if m.kind == "audio"), None)
    lines = []
    for line in media:
        lines += audio if line is ours else [_refused(line)]
    return lines if ours is not None else [*lines, *audio]


def _refused(media: Media) -> str:
    return f"m={media.kind} 0 {media.protocol} {' '.join(media.formats) or '0'}"


def _choose(
    session: Session, srtp: SrtpPolicy, codecs: Sequence[str]
) -> tuple[Media, AudioDescription, Codec, Crypto | None]:
    """Find the audio line to accept and the other side's key, or raise SdpError telling why none fits."""
    reason, warning = "the offer has no audio", 304
    for media in session.media:
        if media.kind != "audio":
            continue
        if media.port == 0:
            reason = "the audio of the offer is switched off"
        else:
            try:
                crypto = _offered_key(media, srtp)
            except SdesError as error:
                reason, warning = str(error), 302
                continue
            audio = AudioDescription.of(media)
            codec = next((codec for codec in audio.codecs if codec.name in codecs), None)
            if codec is not None:
                return media, audio, codec, crypto
            offered = ", ".join(c.name or str(c.payload_type) for c in media.codecs) or "nothing"
            reason, warning = f"of {offered[:200]} no codec is {' or '.join(codecs)}", 305
    raise SdpError(reason, warning=warning)


def _offered_key(media: Media, srtp: SrtpPolicy) -> Crypto | None:
    """Return the key of a media line, None for plain RTP. Raises SdesError where policy and line do not fit."""
    secure = media.protocol in SECURE_PROTOCOLS
    known = PROTOCOLS if srtp == "off" else (*PROTOCOLS, *SECURE_PROTOCOLS)
    if media.protocol not in known:
        hint = ": SRTP is switched off" if secure else ""
        raise SdesError(f"{media.protocol[:40]} is none of {', '.join(known)}{hint}")
    if srtp == "off":
        return None
    try:
        return sdes.choose(media.crypto)
    except SdesError as error:
        if secure:
            raise SdesError(f"{media.protocol} without a key that we can use: {error}") from None
        if srtp == "required":
            raise SdesError(f"{media.protocol} is plain, and SRTP is required: {error}") from None
        return None


def _protected(srtp: SrtpPolicy, entropy: bytes, previous: bytes | None) -> tuple[str, Sequence[str]]:
    """Return the protocol and the keys of an offer: those of our description before it, where it has any."""
    if srtp == "off":
        return PROTOCOLS[0], ()
    for media in parse(previous).media if previous is not None else ():
        if media.crypto:
            return media.protocol, media.crypto
    keys = [crypto.line() for crypto in sdes.make_offer(entropy)]
    return (SECURE_PROTOCOLS if srtp == "required" else PROTOCOLS)[0], keys


def _taken_up(offered: Media, answered: Media, srtp: SrtpPolicy) -> Agreed | None:
    """Return the keys that an answer to our offer agrees on. Raises SdpError where it leaves out what must be there."""
    secure = offered.protocol in SECURE_PROTOCOLS or answered.protocol in SECURE_PROTOCOLS
    if srtp != "required" and not (offered.crypto and (answered.crypto or secure)):
        return None
    try:
        return sdes.accept(offered.crypto, answered.crypto)
    except SdesError as error:
        raise SdpError(f"SRTP was offered, and not agreed on: {error}") from None


def _narrowed(theirs: AudioDescription, wanted: Direction) -> Direction:
    """Return what is left of our wish when the other side's direction is mirrored (RFC 3264 §6.1)."""
    sends = wanted in _SENDS and not theirs.held
    receives = wanted in _RECEIVES and theirs.direction in _SENDS
    return "sendrecv" if sends and receives else "sendonly" if sends else "recvonly" if receives else "inactive"


def _send_ptime(theirs: AudioDescription) -> int:
    """Return the packet time that the other side wants (RFC 3264 §6.1 leaves it to us, and likes to be asked)."""
    wanted = min(theirs.ptime_ms or PTIME_MS, theirs.maxptime_ms or _PTIMES_MS[-1])
    return max((ptime for ptime in _PTIMES_MS if ptime <= wanted), default=_PTIMES_MS[0])


def _negotiated(
    theirs: AudioDescription, codec: Codec, ptime: int, direction: Direction, crypto: Agreed | None
) -> Negotiated:
    return Negotiated(
        remote=(theirs.address, theirs.port),
        payload_type=codec.payload_type,
        codec=codec.name,
        telephone_event=theirs.telephone_event,
        send_ptime_ms=ptime,
        direction=direction,
        on_hold=theirs.held,
        crypto=crypto,
        rtcp=theirs.rtcp,
    )


def _audio_lines(
    port: int, protocol: str, codecs: Sequence[Codec], telephone_event: int | None, ptime: int, direction: Direction
) -> list[str]:
    types = [str(codec.payload_type) for codec in codecs]
    lines = [f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock_rate}" for codec in codecs]
    if telephone_event is not None:
        types.append(str(telephone_event))
        lines += [f"a=rtpmap:{telephone_event} {TELEPHONE_EVENT}/8000", f"a=fmtp:{telephone_event} 0-15"]
    return [f"m=audio {port} {protocol} {' '.join(types)}", *lines, f"a=ptime:{ptime}", f"a={direction}"]


@lru_cache(maxsize=64)
def _family(address: str) -> str:
    return f"IP{ipaddress.ip_address(address).version}"


def _describe(address: str, lines: list[str], previous: bytes | None, session_id: int | None, default_id: int) -> bytes:
    """Put the session's lines before the media lines; the version grows with each change (RFC 3264 §8)."""
    family = _family(address)
    before = parse(previous) if previous is not None else None
    identity = before.session_id if before else default_id if session_id is None else session_id
    version = before.version if before else identity

    def written(version: int) -> bytes:
        head = [f"o=- {identity} {version} IN {family} {address}", "s=-", f"c=IN {family} {address}", "t=0 0"]
        return "".join(f"{line}\r\n" for line in ("v=0", *head, *lines)).encode()

    data = written(version)
    return data if previous is None or data == previous else written(version + 1)


__all__ = [
    "DIRECTIONS", "Agreed", "AudioDescription", "Codec", "Direction", "Negotiated", "SdpError", "SrtpPolicy",
    "accept_answer", "answer", "offer", "parse",
]  # fmt: skip
