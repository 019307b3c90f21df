"""STOP, START and HELP: words by which people say whether they want messages. In English, as carriers ask for them."""

from typing import Final, Literal

OptOutType = Literal["STOP", "START", "HELP"]

_WORDS: Final[dict[str, OptOutType]] = {
    "STOP": "STOP", "STOPALL": "STOP", "UNSUBSCRIBE": "STOP", "CANCEL": "STOP", "END": "STOP", "QUIT": "STOP",
    "START": "START", "YES": "START", "UNSTOP": "START",
    "HELP": "HELP", "INFO": "HELP",
}  # fmt: skip

REPLIES: Final[dict[OptOutType, str]] = {
    "STOP": "You will get no more messages from this number. Reply START to get them again.",
    "START": "You will get messages from this number again. Reply HELP for help, STOP to get no more.",
    "HELP": "Reply STOP to get no more messages from this number. Message and data rates may apply.",
}


def keyword_of(body: str) -> OptOutType | None:
    """Return what a message asks for when it is one of the words and nothing else, in any case."""
    return _WORDS.get(body.strip(" \t\r\n.!\"'").upper())
