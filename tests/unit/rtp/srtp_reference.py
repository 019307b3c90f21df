"""SRTP and SRTCP written down from RFC 3711 and FIPS 197, slow and plain: what libsrtp is compared with."""

import hashlib
import hmac


def _multiply(a: int, b: int) -> int:
    """Multiply in the field of AES."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = a << 1 ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def _substitute(byte: int) -> int:
    inverse = next((x for x in range(256) if _multiply(byte, x) == 1), 0)
    spread = inverse
    for turn in range(1, 5):
        spread ^= (inverse << turn | inverse >> 8 - turn) & 0xFF
    return spread ^ 0x63


SBOX = [_substitute(byte) for byte in range(256)]


def _round_keys(key: bytes) -> list[list[int]]:
    words = [list(key[at : at + 4]) for at in range(0, 16, 4)]
    constant = 1
    for index in range(4, 44):
        word = words[-1]
        if index % 4 == 0:
            word = [SBOX[byte] for byte in word[1:] + word[:1]]
            word[0] ^= constant
            constant = _multiply(constant, 2)
        words.append([a ^ b for a, b in zip(words[-4], word, strict=True)])
    return [[byte for word in words[at : at + 4] for byte in word] for at in range(0, 44, 4)]


def aes(key: bytes, block: bytes) -> bytes:
    """Encrypt one block with AES-128."""
    first, *others = _round_keys(key)
    state = [a ^ b for a, b in zip(block, first, strict=True)]
    for number, round_key in enumerate(others, 1):
        state = [SBOX[state[(at + 4 * (at % 4)) % 16]] for at in range(16)]
        if number < 10:
            mixed = []
            for at in range(0, 16, 4):
                a, b, c, d = state[at : at + 4]
                for w, x, y, z in ((a, b, c, d), (b, c, d, a), (c, d, a, b), (d, a, b, c)):
                    mixed.append(_multiply(w, 2) ^ _multiply(x, 3) ^ y ^ z)
            state = mixed
        state = [a ^ b for a, b in zip(state, round_key, strict=True)]
    return bytes(state)


def key_stream(key: bytes, start: int, length: int) -> bytes:
    """AES in counter mode (§4.1.1), from the counter block `start`."""
    blocks = [aes(key, (start + n).to_bytes(16, "big")) for n in range(-(-length // 16))]
    return b"".join(blocks)[:length]


def derive(master: bytes, label: int, length: int) -> bytes:
    """Derive a session key from master key and salt (§4.3), with no key derivation rate."""
    salt = int.from_bytes(master[16:], "big")
    return key_stream(master[:16], (salt ^ label << 48) << 16, length)


def _encrypt(data: bytes, key: bytes, salt: bytes, ssrc: int, index: int) -> bytes:
    stream = key_stream(key, int.from_bytes(salt, "big") << 16 ^ ssrc << 64 ^ index << 16, len(data))
    return bytes(a ^ b for a, b in zip(data, stream, strict=True))


def protect(master: bytes, packet: bytes, *, rollovers: int, tag: int) -> bytes:
    """Protect an RTP packet that has a plain header (§3.1)."""
    key, auth, salt = derive(master, 0, 16), derive(master, 1, 20), derive(master, 2, 14)
    index = rollovers << 16 | int.from_bytes(packet[2:4], "big")
    data = packet[:12] + _encrypt(packet[12:], key, salt, int.from_bytes(packet[8:12], "big"), index)
    return data + hmac.digest(auth, data + rollovers.to_bytes(4, "big"), hashlib.sha1)[:tag]


def protect_rtcp(master: bytes, packet: bytes, *, index: int) -> bytes:
    """Protect an RTCP compound (§3.4), with a tag of 80 bits."""
    key, auth, salt = derive(master, 3, 16), derive(master, 4, 20), derive(master, 5, 14)
    data = packet[:8] + _encrypt(packet[8:], key, salt, int.from_bytes(packet[4:8], "big"), index)
    data += (1 << 31 | index).to_bytes(4, "big")
    return data + hmac.digest(auth, data, hashlib.sha1)[:10]
