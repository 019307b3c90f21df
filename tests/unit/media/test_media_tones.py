"""Tones of the network: the right frequencies, cadences and levels, and no seam where they loop."""

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from ringback.media import g711
from ringback.media.arena import FRAME
from ringback.media.dtmf import DtmfDetector
from ringback.media.tones import (
    COUNTRIES,
    KINDS,
    TONE_DBM0,
    Kind,
    ToneError,
    amplitude,
    beep,
    join_beep,
    leave_beep,
    tone,
)

RATE = 8000


def cadence(sound: NDArray[np.int16]) -> list[int]:
    """Lengths of sound and silence in turn, in ms, in steps of 5."""
    quiet = np.abs(sound.astype(int)).reshape(-1, 40).max(axis=1) < 20
    edges = np.flatnonzero(np.diff(quiet)) + 1
    return [int(length) * 5 for length in np.diff([0, *edges, len(quiet)])]


def frequencies(sound: NDArray[np.int16], within_db: float = 20.0) -> list[int]:
    """The frequencies in a sound, in Hz, that are no more than so much below the strongest."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), RATE))
    floor = spectrum.max() * 10 ** (-within_db / 20)
    inner = spectrum[1:-1]
    peaks = (inner >= spectrum[:-2]) & (inner > spectrum[2:]) & (inner > floor)
    return [int(hertz) for hertz in np.flatnonzero(peaks) + 1]


def dbm0(sound: NDArray[np.int16]) -> float:
    power = np.square(sound.astype(float)).mean()
    return float(10 * np.log10(2 * power / amplitude(0) ** 2))


@pytest.mark.parametrize(
    ("country", "kind", "hertz", "lengths"),
    [
        ("us", "ringback", [440, 480], [2000, 4000]),
        ("us", "busy", [480, 620], [500, 500]),
        ("us", "congestion", [480, 620], [250, 250]),
        ("us", "dial", [350, 440], []),
        ("uk", "ringback", [400, 450], [400, 200, 400, 2000]),
        ("uk", "congestion", [400], [400, 350, 225, 525]),
        ("de", "ringback", [425], [1000, 4000]),
        ("de", "busy", [425], [480, 480]),
        ("fr", "ringback", [440], [1500, 3500]),
        ("at", "ringback", [420], [1000, 5000]),
        ("cn", "busy", [450], [350, 350]),
        ("es", "congestion", [425], [200, 200, 200, 200, 200, 600]),
        ("it", "dial", [425], [200, 200, 600, 1000]),
        ("se", "ringback", [425], [1000, 5000]),
        ("au", "busy", [425], [375, 385]),
        ("be", "congestion", [425], [170, 170]),
    ],
)
def test_tones_are_those_of_the_country(country: str, kind: Kind, hertz: list[int], lengths: list[int]) -> None:
    """E.180 Supplement 2; the last pause makes a whole frame of the period."""
    sound = tone(country, kind)
    if lengths:
        assert cadence(sound) == lengths
    assert frequencies(sound[: (lengths or [1000])[0] * 8]) == hertz


@pytest.mark.parametrize(("country", "carrier", "modulation"), [("jp", 400, 16), ("in", 400, 25), ("us-old", 420, 40)])
def test_modulated_tones_have_their_carrier_and_two_sides(country: str, carrier: int, modulation: int) -> None:
    sound = tone(country, "ringback")[: (2000 if country == "us-old" else 400) * 8]
    assert frequencies(sound, 10) == [carrier - modulation, carrier, carrier + modulation]


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_tone_is_whole_frames_at_its_level(country: str, kind: Kind) -> None:
    sound = tone(country, kind)
    assert sound.dtype == np.int16
    assert len(sound) % FRAME == 0
    assert 0.2 * RATE <= len(sound) <= 7 * RATE
    sounding = sound[: cadence(sound)[0] * 8]
    assert dbm0(sounding) == pytest.approx(TONE_DBM0, abs=0.6)


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("kind", KINDS)
def test_no_tone_clicks_where_it_begins_ends_or_loops(country: str, kind: Kind) -> None:
    """No step is larger than those of the highest frequency at the full amplitude."""
    sound = np.tile(tone(country, kind), 2).astype(int)
    peak = np.abs(sound).max()
    assert np.abs(np.diff(sound)).max() <= peak * 2 * np.sin(np.pi * 730 / RATE)
    if len(cadence(tone(country, kind))) > 1:
        assert abs(sound[0]) < 20 and abs(sound[-1]) < 20


def test_a_steady_tone_loops_in_phase() -> None:
    for country in ("us", "au", "za", "th", "us-old"):
        once = tone(country, "dial")
        spectrum = np.abs(np.fft.rfft(np.tile(once, 3)))
        # Whatever repeats every second without a seam has nothing between its lines, which lie on whole hertz.
        assert np.delete(spectrum, np.s_[::3]).max() < 1e-6 * spectrum.max()
        lines = np.flatnonzero(spectrum[::3] > 1e-3 * spectrum.max())
        assert len(lines) <= 3


def test_no_tone_is_a_key() -> None:
    every = [tone(country, kind) for country in COUNTRIES for kind in KINDS] + [beep(), join_beep(), leave_beep()]
    legs = np.stack([np.resize(sound, RATE) for sound in every])
    detector = DtmfDetector(len(legs))
    for frame in legs.reshape(len(legs), -1, FRAME).swapaxes(0, 1):
        assert detector.detect(frame, np.ones(len(legs), np.bool_)) == []
        assert not detector.tone_present.any()


def test_the_countries_are_those_that_dial_takes() -> None:
    """The values of ringTone."""
    documented = (
        "at au bg br be ch cl cn cz de dk ee es fi fr gr hu il in it lt jp mx my nl no nz ph pl pt ru se sg th "
        "uk us us-old tw ve za"
    )
    assert set(COUNTRIES) == set(documented.split())


def test_countries_are_taken_in_capitals_too() -> None:
    assert np.array_equal(tone("US-Old", "busy"), tone("us-old", "busy"))


def test_what_there_is_not_is_refused_with_what_there_is() -> None:
    with pytest.raises(ToneError, match=r"no tones for country 'atlantis': there are at au be .* za$"):
        tone("atlantis", "busy")
    with pytest.raises(ToneError, match=re.escape("no tone 'howler': there are dial ringback busy congestion")):
        tone("us", "howler")  # type: ignore[arg-type]


def test_tones_are_the_callers_own() -> None:
    first = tone("us", "busy")
    first[:] = 0
    assert tone("us", "busy").any()


def test_the_beep_of_a_recording_is_short_soft_at_its_edges_and_one_kilohertz() -> None:
    sound = beep()
    assert len(sound) == 12 * FRAME
    assert frequencies(sound) == [1000]
    assert abs(int(sound[0])) < 50 and abs(int(sound[-1])) < 50


def test_a_conference_hears_who_comes_and_who_goes() -> None:
    up, down = join_beep(), leave_beep()
    half = len(up) // 2
    assert len(up) == len(down) == 12 * FRAME
    assert [frequencies(part) for part in (up[:half], up[half:])] == [[440], [587]]
    assert [frequencies(part) for part in (down[:half], down[half:])] == [[587], [440]]


def test_levels_are_those_of_the_law() -> None:
    """The loudest sine that the µ-law can carry is +3.17 dBm0 (ITU-T G.711)."""
    assert round(amplitude(3.17)) == g711.DECODE[g711.PCMU].max()
    assert amplitude(-20) == pytest.approx(amplitude(0) / 10)
