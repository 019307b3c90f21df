"""Keys for SRTP in a session description: `a=crypto` (RFC 4568). Values only; `ringback.rtp.srtp` uses them.

Each side names the key that it sends with. Who offers lists lines in order of preference, one key each; who answers
repeats the tag and the suite of the line it takes, with a key of its own. No key is shown by `repr` or in an error.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

Suite = Literal["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"]
SUITES: tuple[Suite, ...] = get_args(Suite)
"""What we offer, the best first. The second has shorter tags: 4 bytes for 10 in each packet."""
SrtpPolicy = Literal["off", "optional", "required"]
KEY_BYTES: Final = 30
"""Master key and master salt, 16 and 14 bytes (RFC 4568 §6.2)."""
ENTROPY_BYTES: Final = KEY_BYTES * len(SUITES)
"""What the keys of one offer are made of."""
MAX_CHARACTERS: Final = 512
LEAST_LIFETIME: Final = 2**20
"""Packets that a key must last: a call of almost six hours. We do not change keys because one is worn out."""
MOST_LIFETIME: Final = 2**48
"""Packets that a key can last at all (RFC 3711 §9.2)."""
MAX_MKI_BYTES: Final = 128

_TAG = re.compile(r"[0-9]{1,9}")
_KEY = re.compile(r"inline:([A-Za-z0-9+/]{40})((?:\|[^|]{1,200}){0,2})", re.IGNORECASE)
_LIFETIME = re.compile(r"(?:2\^([0-9]{1,2})|([0-9]{1,15}))")
_MKI = re.compile(r"([0-9]{1,40}):([0-9]{1,3})")
_HARMLESS = re.compile(r"KDR=0|WSH=[0-9]{1,5}|-.*")
"""Session parameters that change nothing for us: no key derivation rate, a hint for the replay window, and what may be
passed over (RFC 4568 §6.3)."""


class SdesError(ValueError):
    """A crypto attribute that cannot be read, or that we cannot do what it asks for; the message says which."""


@dataclass(frozen=True, slots=True)
class Crypto:
    """One `a=crypto` line: the key that its author encrypts with.

    Raises SdesError for a key that has not KEY_BYTES bytes.
    """

    tag: int
    suite: Suite
    key: bytes = field(repr=False)
    """Master key and salt."""
    lifetime: int | None = None
    """Packets; None where nothing is said, which means as many as there can be."""
    mki: bytes = b""
    """How its author names the key in each packet; empty where it does not."""

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES:
            raise SdesError(f"a key has {KEY_BYTES} bytes with its salt, not {len(self.key)}")

    def line(self) -> str:
        """Write the attribute's value, as `parse` reads it. It holds the key: keep it out of logs."""
        text = f"{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"
        if self.lifetime is not None:
            power = self.lifetime.bit_length() - 1
            text += f"|2^{power}" if self.lifetime == 1 << power else f"|{self.lifetime}"
        return f"{text}|{int.from_bytes(self.mki, 'big')}:{len(self.mki)}" if self.mki else text


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a leg encrypts with: the suite of both directions, and the key of each."""

    suite: Suite
    local_key: bytes = field(repr=False)
    """For what we send: master key and salt, KEY_BYTES bytes."""
    remote_key: bytes = field(repr=False)
    """For what we are sent."""
    remote_mki: bytes = b""
    """What the peer puts into each packet to name its key."""


def parse(value: str) -> Crypto:
    """Read what stands behind `a=crypto:`. Raises SdesError also for what is well-formed and beyond us.

    That is: another suite, several keys, a key that must be changed in mid-call, a key derivation rate, and packets
    that are not encrypted or not signed.
    """
    if len(value) > MAX_CHARACTERS:
        raise SdesError(f"{len(value)} characters of a=crypto are more than {MAX_CHARACTERS}")
    parts = value.split()
    if len(parts) < 3 or not _TAG.fullmatch(parts[0]):
        raise SdesError("a=crypto is not of the form `tag suite inline:key`")
    tag, name, key, *parameters = parts
    suite = next((suite for suite in SUITES if suite == name.upper()), None)
    if suite is None:
        raise SdesError(f"{name[:40]} is none of {', '.join(SUITES)}")
    for parameter in parameters:
        if not _HARMLESS.fullmatch(parameter):
            raise SdesError(f"the session parameter {parameter[:40]!r} is not supported")
    if ";" in key:
        raise SdesError("several keys in one line are not supported")
    match = _KEY.fullmatch(key)
    if match is None:
        raise SdesError(f"the key is not `inline:` with {KEY_BYTES} bytes in base64")
    lifetime, mki = _limits(match[2].split("|")[1:])
    return Crypto(int(tag), suite, base64.b64decode(match[1]), lifetime, mki)


def _limits(fields: Sequence[str]) -> tuple[int | None, bytes]:
    """Read what follows the key: a lifetime, a name of the key, or both in this order."""
    lifetime, mki = None, b""
    if fields and ":" not in fields[0]:
        lifetime = _lifetime(fields[0])
        fields = fields[1:]
    if fields:
        match = _MKI.fullmatch(fields[0])
        if match is None or len(fields) > 1:
            raise SdesError("behind the key there is more than `|lifetime|MKI:length`")
        length = int(match[2])
        if not 1 <= length <= MAX_MKI_BYTES or int(match[1]) >= 1 << 8 * length:
            raise SdesError(f"the MKI {fields[0]} does not fit its length, or the length is not 1 to {MAX_MKI_BYTES}")
        mki = int(match[1]).to_bytes(length, "big")
    return lifetime, mki


def _lifetime(text: str) -> int:
    match = _LIFETIME.fullmatch(text)
    if match is None:
        raise SdesError(f"the lifetime {text[:40]!r} is no number of packets")
    packets = 2 ** int(match[1]) if match[1] else int(match[2])
    if not LEAST_LIFETIME <= packets <= MOST_LIFETIME:
        raise SdesError(f"a key for {text} packets does not last for a call, or longer than a key can")
    return packets


def choose(offered: Iterable[str]) -> Crypto:
    """Return the first of the offered attributes that we can use (RFC 4568 §5.1.2).

    Raises SdesError, with the reason of each, where there is none.
    """
    reasons = []
    for value in offered:
        try:
            return parse(value)
        except SdesError as error:
            reasons.append(str(error))
    raise SdesError("; ".join(dict.fromkeys(reasons)) or "there is no a=crypto")


def make_answer(offered: Crypto, entropy: bytes, before: Agreed | None = None) -> tuple[Crypto, Agreed]:
    """Answer an attribute with our own. Raises ValueError for less than ENTROPY_BYTES bytes of entropy.

    While the peer keeps its key, we keep the one of `before`: both encryptions go on where they are. When the peer
    changes its key we change ours as well: it may be another who is connected now, who need not have heard what was
    said under the old one, and telephones that begin anew begin in both directions.
    """
    fresh = make_offer(entropy)[0].key
    kept = before is not None and (before.suite, before.remote_key) == (offered.suite, offered.key)
    key = before.local_key if before is not None and kept else fresh
    return Crypto(offered.tag, offered.suite, key), Agreed(offered.suite, key, offered.key, offered.mki)


def make_offer(entropy: bytes) -> tuple[Crypto, ...]:
    """Return one attribute for each of SUITES, with a key of its own. Errors as in `make_answer`."""
    if len(entropy) < ENTROPY_BYTES:
        raise ValueError(f"the keys of an offer take {ENTROPY_BYTES} bytes of entropy, not {len(entropy)}")
    return tuple(
        Crypto(number + 1, suite, entropy[KEY_BYTES * number : KEY_BYTES * (number + 1)])
        for number, suite in enumerate(SUITES)
    )


def accept(ours: Iterable[str], answered: Iterable[str]) -> Agreed:
    """Match the attributes of an answer with those of our offer (RFC 4568 §5.1.3).

    Raises SdesError where the answer's cannot be used, takes up none of ours, or gives our own key back: two streams
    under one key would undo each other's encryption (RFC 3711 §9.1).
    """
    theirs = choose(answered)
    mine = next((mine for mine in map(parse, ours) if (mine.tag, mine.suite) == (theirs.tag, theirs.suite)), None)
    if mine is None:
        raise SdesError(f"the answer takes up {theirs.suite} with tag {theirs.tag}, which was not offered")
    if mine.key == theirs.key:
        raise SdesError("the answer gives our own key back")
    return Agreed(mine.suite, mine.key, theirs.key, theirs.mki)
