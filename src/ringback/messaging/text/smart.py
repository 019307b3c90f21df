"""Look-alikes: characters that word processors put in, replaced by those of the GSM alphabet that look the same.

A single curly quote makes a message of 100 characters two segments long. The replacement changes how a text looks as
little as possible, and never what it says; a text that stays outside the alphabet all the same is left as it was.
"""

from ringback.messaging.text import gsm7

_ALIKE = {
    "'": "‘’‚‛′‵ʹʻʼʽˈ`´＇",
    '"': "“”„‟″‶«»ʺ＂",
    "-": "‐‑‒–—―−﹘﹣－­",
    "...": "…",
    " ": "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t\u2028\u2029",
    "": "\u200b\u200c\u2060\ufeff",
    "<": "‹＜",
    ">": "›＞",
    "/": "⁄∕÷／",
    "*": "•∙⁎∗＊",
    ".": "․。．",
    ",": "、，",
    "!": "ǃ！",
    "?": "？",
    ":": "∶：",
    ";": "；",
    "~": "∼〜～",
    "^": "ˆ＾",
    "_": "＿",
    "(": "（",
    ")": "）",
    "[": "［",
    "]": "］",
    "|": "｜¦",
    "%": "％",
    "+": "＋",
    "=": "＝",
    "#": "＃",
    "&": "＆",
    "@": "＠",
    "1/4": "¼",
    "1/2": "½",
    "3/4": "¾",
}
# A tab is no look-alike of anything but a space; a soft hyphen is shown as a hyphen by handsets.
_REPLACE = str.maketrans({char: replacement for replacement, chars in _ALIKE.items() for char in chars})


def to_gsm7(text: str) -> str:
    """Replace look-alikes where that makes the text fit into the GSM alphabet; else return it unchanged."""
    if gsm7.is_gsm7(text):
        return text
    replaced = text.translate(_REPLACE)
    return replaced if gsm7.is_gsm7(replaced) else text
