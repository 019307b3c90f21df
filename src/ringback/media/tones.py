"""What a telephone network says without words: ringing, busy and congestion tones by country, and beeps.

Frequencies and cadences are those that administrations have reported for ITU-T E.180 Supplement 2, one where a country
has several. All is made once, of whole frames of 20 ms, as samples that loop without a seam.
"""

from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ringback.media.arena import FRAME
from ringback.model.audio import SAMPLE_RATE

Kind = Literal["dial", "ringback", "busy", "congestion"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""Tones that every country has. Congestion is also known as reorder, or fast busy."""
TONE_DBM0: Final = -13.0
"""Level of tones. E.180 §5 recommends -10 dBm0 and allows 5 dB more or less."""
BEEP_DBM0: Final = -13.0
BEEP_HZ: Final = 1000
BEEP_MS: Final = 240

_EDGE: Final = 5 * SAMPLE_RATE // 1000
_DEPTH: Final = 0.9
"""Of the modulation of those tones that are modulated."""

# Dial, ringback, busy, congestion. First the frequencies: + adds them, * modulates one with another. Then the lengths
# of sound and silence in ms, in turn; a tone without lengths is steady.
_COUNTRIES: Final = {
    "at": ("420", "420 1000 5000", "420 400 400", "420 200 200"),
    "au": ("413+438", "413+438 400 200 400 2000", "425 375 375", "425 375 375"),
    "be": ("425", "425 1000 3000", "425 500 500", "425 167 167"),
    "bg": ("425", "425 1000 4000", "425 500 500", "425 250 250"),
    "br": ("425", "425 1000 4000", "425 250 250", "425 250 250 750 250"),
    "ch": ("425", "425 1000 4000", "425 500 500", "425 200 200"),
    "cl": ("400", "400 1000 3000", "400 500 500", "400 200 200"),
    "cn": ("450", "450 1000 4000", "450 350 350", "450 700 700"),
    "cz": ("425 330 330 660 660", "425 1000 4000", "425 330 330", "425 165 165"),
    "de": ("425", "425 1000 4000", "425 480 480", "425 240 240"),
    "dk": ("425", "425 1000 4000", "425 500 500", "425 200 200"),
    "ee": ("425", "425 1000 4000", "425 300 300", "425 200 200"),
    "es": ("425", "425 1500 3000", "425 200 200", "425 200 200 200 200 200 600"),
    "fi": ("425", "425 1000 4000", "425 300 300", "425 200 200"),
    "fr": ("440", "440 1500 3500", "440 500 500", "440 250 250"),
    "gr": ("425 200 300 700 800", "425 1000 4000", "425 300 300", "425 200 200"),
    "hu": ("425", "425 1250 3750", "425 300 300", "425 300 300"),
    "il": ("414", "414 1000 3000", "414 500 500", "414 250 250"),
    "in": ("400*25", "400*25 400 200 400 2000", "400 750 750", "400 250 250"),
    "it": ("425 200 200 600 1000", "425 1000 4000", "425 500 500", "425 200 200"),
    "jp": ("400", "400*16 1000 2000", "400 500 500", "400 500 500"),
    "lt": ("425", "425 1000 4000", "425 350 350", "425 200 200"),
    "mx": ("425", "425 1000 4000", "425 250 250", "425 250 250"),
    "my": ("425", "425 400 200 400 2000", "425 500 500", "425 2500 500"),
    "nl": ("425", "425 1000 4000", "425 500 500", "425 250 250"),
    "no": ("425", "425 1000 4000", "425 500 500", "425 200 200"),
    "nz": ("400", "400+450 400 200 400 2000", "400 500 500", "400 250 250"),
    "ph": ("425", "425+480 1000 4000", "480+620 500 500", "480+620 250 250"),
    "pl": ("425", "425 1000 4000", "425 500 500", "425 500 500"),
    "pt": ("425", "425 1000 5000", "425 500 500", "425 200 200"),
    "ru": ("425", "425 1000 4000", "425 350 350", "425 175 175"),
    "se": ("425", "425 1000 5000", "425 250 250", "425 250 750"),
    "sg": ("425", "425*24 400 200 400 2000", "425 750 750", "425 250 250"),
    "th": ("400*50", "400 1000 4000", "400 500 500", "400 300 300"),
    "tw": ("350+440", "440+480 1000 2000", "480+620 500 500", "480+620 250 250"),
    "uk": ("350+440", "400+450 400 200 400 2000", "400 375 375", "400 400 350 225 525"),
    "us": ("350+440", "440+480 2000 4000", "480+620 500 500", "480+620 250 250"),
    "us-old": ("600*120", "420*40 2000 4000", "500*100 500 500", "500*100 250 250"),
    "ve": ("425", "425 1000 4000", "425 500 500", "425 250 250"),
    "za": ("400*33", "400*33 400 200 400 2000", "400 500 500", "400 250 250"),
}
COUNTRIES: Final = tuple(_COUNTRIES)
"""The values of Dial's `ringTone`, clause 2.4 of the 2010-04-01 specification."""


class ToneError(ValueError):
    """There is no such tone; the message says which there are."""


def amplitude(dbm0: float) -> float:
    """Amplitude of a sine of that level. The loudest that the µ-law has, 32124, is +3.17 dBm0 (ITU-T G.711)."""
    return 32124.0 * 10 ** ((dbm0 - 3.17) / 20)


def tone(country: str, kind: Kind) -> NDArray[np.int16]:
    """One period of a tone, to be played in a loop: int16[samples], a whole number of frames.

    `country` is one of COUNTRIES, in any case. The last pause is at most 10 ms longer or shorter than specified, so
    that the period fits; a steady tone is a second long, in which all its frequencies complete their cycles.
    Raises ToneError.
    """
    if country.lower() not in _COUNTRIES:
        raise ToneError(f"no tones for country {country!r}: there are {' '.join(COUNTRIES)}")
    if kind not in KINDS:
        raise ToneError(f"no tone {kind!r}: there are {' '.join(KINDS)}")
    frequencies, *lengths = _COUNTRIES[country.lower()][KINDS.index(kind)].split()
    if not lengths:
        return np.asarray(np.rint(_sound(frequencies, SAMPLE_RATE, TONE_DBM0)), np.int16)
    samples = [int(length) * SAMPLE_RATE // 1000 for length in lengths]
    samples[-1] += round(sum(samples) / FRAME) * FRAME - sum(samples)
    parts = [
        np.zeros(count) if silent % 2 else _soft(_sound(frequencies, count, TONE_DBM0))
        for silent, count in enumerate(samples)
    ]
    return np.asarray(np.rint(np.concatenate(parts)), np.int16)


def beep() -> NDArray[np.int16]:
    """What Record plays before it begins: 240 ms of 1000 Hz, int16[1920]."""
    return _notes((BEEP_HZ, BEEP_MS))


def join_beep() -> NDArray[np.int16]:
    """What a conference hears when somebody joins: two notes going up, int16[1920]."""
    return _notes((440, BEEP_MS // 2), (587, BEEP_MS // 2))


def leave_beep() -> NDArray[np.int16]:
    """What a conference hears when somebody leaves: two notes going down, int16[1920]."""
    return _notes((587, BEEP_MS // 2), (440, BEEP_MS // 2))


def _notes(*notes: tuple[int, int]) -> NDArray[np.int16]:
    parts = [_soft(_sound(str(hertz), ms * SAMPLE_RATE // 1000, BEEP_DBM0)) for hertz, ms in notes]
    return np.asarray(np.rint(np.concatenate(parts)), np.int16)


def _sound(frequencies: str, count: int, dbm0: float) -> NDArray[np.float64]:
    """`count` samples of a sound of that power."""
    when = 2 * np.pi / SAMPLE_RATE * np.arange(count)
    if "*" in frequencies:
        carrier, modulation = (int(hertz) for hertz in frequencies.split("*"))
        envelope = (1 + _DEPTH * np.sin(modulation * when)) / np.sqrt(1 + _DEPTH**2 / 2)
        return np.asarray(amplitude(dbm0) * envelope * np.sin(carrier * when))
    each = frequencies.split("+")
    return np.asarray(amplitude(dbm0) / np.sqrt(len(each)) * sum(np.sin(int(hertz) * when) for hertz in each))


def _soft(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """Let the sound rise and fall within 5 ms."""
    edge = np.sin(np.pi / 2 * (np.arange(_EDGE) + 0.5) / _EDGE) ** 2
    sound[:_EDGE] *= edge
    sound[-_EDGE:] *= edge[::-1]
    return sound
