"""Press scripts: what a caller presses, and when.

A script is a row of characters:

=================  ==================================================================================
`0`-`9 * # A-D`    press this key
`w`                wait half a second (as in TwiML's sendDigits)
`W`                wait a second
`~`                listen: wait until the other side has said something and has been silent for 0.7 s
space              nothing: it makes a long script readable
=================  ==================================================================================

`~` counts what was heard since the last key was released (or the call was answered), so `~1~4711#` answers two
prompts, each after its end, however long they are. A prompt that itself pauses for 0.7 s ends there, for a script.
"""

from dataclasses import dataclass
from typing import Final

from ringback.rtp.telephone_event import KEYS

LONGEST: Final = 512
"""Characters in a script. Beyond this somebody has pasted the wrong thing."""
WAITS: Final = {"w": 0.5, "W": 1.0}
SILENCE: Final = 0.7
"""Seconds of silence after which a prompt counts as over: longer than the pauses between spoken sentences, shorter
than anybody minds waiting."""


class ScriptError(ValueError):
    """The text is no press script; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Press:
    """Press a key."""

    key: str

    def __str__(self) -> str:
        return self.key


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for a while, in seconds."""

    seconds: float

    def __str__(self) -> str:
        return next(letter for letter, seconds in WAITS.items() if seconds == self.seconds)


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait until the other side has spoken and has then been silent for so many seconds."""

    silence: float = SILENCE

    def __str__(self) -> str:
        return "~"


Step = Press | Wait | Listen


def parse(text: str) -> tuple[Step, ...]:
    """Read a script; `str` of each step gives its character back. Raises ScriptError."""
    if len(text) > LONGEST:
        raise ScriptError(f"a press script has at most {LONGEST} characters, not {len(text)}")
    return tuple(_step(character, place) for place, character in enumerate(text, 1) if character != " ")


def _step(character: str, place: int) -> Step:
    if character in KEYS:
        return Press(character)
    if character in WAITS:
        return Wait(WAITS[character])
    if character == "~":
        return Listen()
    raise ScriptError(
        f"{character!r} at place {place} of a press script means nothing: "
        "keys are 0-9 * # A-D, w waits half a second, W a second, ~ until the other side has spoken"
    )
