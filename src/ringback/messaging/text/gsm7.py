"""The GSM 7 bit default alphabet and its extension table (3GPP TS 23.038 clauses 6.2.1 and 6.2.1.1).

A text is handled as septets, one to a byte, which is also how SMPP carries it; nothing here packs eight into seven.
"""

ESCAPE = 0x1B
"""Announces a character of the extension table."""

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip

_ENCODE: dict[str, bytes] = {char: bytes([code]) for code, char in enumerate(_BASIC) if code != ESCAPE}
_ENCODE |= {char: bytes([ESCAPE, code]) for code, char in _EXTENDED.items()}
_ONE_SEPTET = frozenset(char for char, code in _ENCODE.items() if len(code) == 1)


def is_gsm7(text: str) -> bool:
    """Tell whether the alphabet has every character of the text."""
    return all(char in _ENCODE for char in text)


def septets(text: str) -> int:
    """Count the septets of a text that the alphabet has. Raises ValueError for one that it has not."""
    if _ONE_SEPTET.issuperset(text):
        return len(text)
    try:
        return sum(len(_ENCODE[char]) for char in text)
    except KeyError as error:
        raise ValueError(f"the GSM alphabet has no {error.args[0]!r}") from None


def encode(text: str) -> bytes:
    """Return the septets of a text, one to a byte. Raises ValueError for a character that the alphabet has not."""
    try:
        return b"".join(_ENCODE[char] for char in text)
    except KeyError as error:
        raise ValueError(f"the GSM alphabet has no {error.args[0]!r}") from None


def decode(data: bytes) -> str:
    """Read septets, one to a byte. Never fails.

    An unknown character of the extension table is read in the basic one, as TS 23.038 has it; a lone escape at the
    end is a space, and so is what has no place in either table (the eighth bit is ignored).
    """
    text = []
    septets_left = iter(data)
    for octet in septets_left:
        code = octet & 0x7F
        if code == ESCAPE:
            code = next(septets_left, 0x20) & 0x7F
            text.append(_EXTENDED.get(code) or _basic(code))
        else:
            text.append(_basic(code))
    return "".join(text)


def _basic(code: int) -> str:
    return " " if code == ESCAPE else _BASIC[code]
