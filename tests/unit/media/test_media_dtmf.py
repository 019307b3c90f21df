"""Keys in the audio, against the limits of ITU-T Q.24: each press once, through all that a line does, and no other."""

from collections.abc import Sequence

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ringback.media.arena import FRAME
from ringback.media.dtmf import HIGH, LAYOUT, LOW, DtmfDetector
from ringback.media.hold_music import hold_music
from ringback.media.keypad import tone as keypad_tone
from ringback.media.tones import amplitude
from ringback.speech.contract import Voice
from ringback.speech.levels import prompt
from ringback.speech.providers.espeak import Espeak
from ringback.speech.providers.hibari import Hibari
from tests.unit.media.sounds_rig import RATE, Samples, key_tone, line, voices

pytestmark = pytest.mark.long

Part = tuple[str, float]
"""A key, or nothing for a pause, and its length in ms."""


def run(legs: Samples, detector: DtmfDetector | None = None) -> tuple[list[list[tuple[int, str]]], NDArray[np.bool_]]:
    """Play legs, int16[legs, samples], to a detector: (tick, key) of each leg, and its flags, bool[legs, ticks]."""
    detector = detector or DtmfDetector(len(legs))
    keys: list[list[tuple[int, str]]] = [[] for _ in legs]
    present = []
    for tick, frame in enumerate(
        legs[:, : legs.shape[1] // FRAME * FRAME].reshape(len(legs), -1, FRAME).swapaxes(0, 1)
    ):
        for row, key in detector.detect(frame, np.ones(len(legs), np.bool_)):
            keys[row].append((tick, key))
        present.append(detector.tone_present.copy())
    return keys, np.stack(present, axis=1)


def heard(legs: Samples) -> list[str]:
    """The keys that each leg is found to press."""
    return ["".join(key for _, key in leg) for leg in run(legs)[0]]


def sound(parts: Sequence[Part], dice: np.random.Generator, **quality: float) -> NDArray[np.float64]:
    """Keys and pauses one after the other, each key in a phase of its own."""
    pieces = [
        key_tone(key, ms, phase=float(dice.uniform(0, 2 * np.pi)), **quality) if key else np.zeros(round(ms * 8))
        for key, ms in parts
    ]
    return np.concatenate(pieces)


def at_all_places(parts: Sequence[Part], seed: int, noise_dbm0: float = -90, **quality: float) -> Samples:
    """The same over G.711 as 40 legs, each beginning 4 samples later within a frame, with a pause before and after."""
    dice = np.random.default_rng(seed)
    signals = [sound([("", 60 + 0.5 * leg), *parts, ("", 120)], dice, **quality) for leg in range(40)]
    legs = np.zeros((40, max(map(len, signals)) // FRAME * FRAME + FRAME))
    for leg, signal in zip(legs, signals, strict=True):
        leg[: len(signal)] = signal
    return line(legs + dice.normal(0, amplitude(noise_dbm0) / np.sqrt(2), legs.shape))


# -- what must be heard -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", LAYOUT)
def test_the_shortest_press_of_each_key_is_heard_once(key: str) -> None:
    """40 ms, wherever it falls in the frames."""
    assert heard(at_all_places([(key, 40)], seed=1)) == [key] * 40


@pytest.mark.parametrize("ms", [40, 47, 60, 80, 100, 200, 1000])
def test_a_press_of_any_length_is_one(ms: float) -> None:
    assert heard(at_all_places([("5", ms)], seed=2)) == ["5"] * 40


@pytest.mark.parametrize("dbm0", [0, -1, -6, -13, -20, -25])
@pytest.mark.parametrize("key", "1D")
def test_all_levels_are_heard(key: str, dbm0: float) -> None:
    """At 0 dBm0 each, the sum of both tones is clipped by the line."""
    assert heard(at_all_places([(key, 40)], seed=3, low_dbm0=dbm0, high_dbm0=dbm0)) == [key] * 40


@pytest.mark.parametrize("off", [(0.015, 0.015), (-0.015, -0.015), (0.015, -0.015), (-0.015, 0.015), (0, 0.015)])
@pytest.mark.parametrize("key", "1D*A")
def test_tones_up_to_one_and_a_half_percent_off_are_heard(key: str, off: tuple[float, float]) -> None:
    assert heard(at_all_places([(key, 40)], seed=4, low_off=off[0], high_off=off[1])) == [key] * 40


@pytest.mark.parametrize("twist", [4, 2, -4, -8])
@pytest.mark.parametrize("off", [0, 0.015, -0.015])
def test_the_high_tone_may_be_four_decibels_louder_and_eight_softer(twist: float, off: float) -> None:
    legs = at_all_places([("9", 40)], seed=5, low_dbm0=-12, high_dbm0=-12 + twist, low_off=off, high_off=off)
    assert heard(legs) == ["9"] * 40


@pytest.mark.parametrize("off", [0, 0.015, -0.015])
@pytest.mark.parametrize("twist", [0, 4, -8])
def test_noise_fifteen_decibels_below_hides_nothing(off: float, twist: float) -> None:
    both = -10 + 10 * np.log10((1 + 10 ** (twist / 10)) / 2)
    quality = {"low_dbm0": -10, "high_dbm0": -10 + twist, "low_off": off, "high_off": off}
    for key in "1590D":
        assert heard(at_all_places([(key, 50)], seed=6, noise_dbm0=both - 15, **quality)) == [key] * 40


def test_presses_forty_milliseconds_apart_are_several() -> None:
    for key in LAYOUT:
        assert heard(at_all_places([(key, 40), ("", 40)] * 4, seed=7)) == [key * 4] * 40


@pytest.mark.parametrize("pause", [0, 5, 20, 40, 93])
def test_another_key_is_another_press_after_any_pause(pause: float) -> None:
    parts = [part for key in "159*0#D1" for part in ((key, 45), ("", pause))]
    assert heard(at_all_places(parts, seed=8)) == ["159*0#D1"] * 40


@pytest.mark.parametrize("gap", [1, 5, 10, 15])
@pytest.mark.parametrize("before", [20, 30, 45, 60, 90])
def test_a_short_interruption_does_not_make_two_presses_of_one(gap: float, before: float) -> None:
    """Q.24: up to 10 ms."""
    assert heard(at_all_places([("7", before), ("", gap), ("7", 60)], seed=9)) == ["7"] * 40


def test_a_lost_packet_does_not_make_two_presses_of_one() -> None:
    legs = at_all_places([("3", 200)], seed=10)
    for tick in range(6, 12):
        lost = legs.copy()
        lost[:, tick * FRAME : (tick + 1) * FRAME] = 0
        assert heard(lost) == ["3"] * 40


def test_keys_of_our_own_keypad_are_heard() -> None:
    legs = np.stack([np.concatenate([keypad_tone(key, frame) for frame in range(8)]) for key in LAYOUT])
    assert heard(legs) == list(LAYOUT)


def test_a_key_is_reported_sixty_milliseconds_after_its_beginning_at_the_latest() -> None:
    keys, _ = run(at_all_places([("6", 100)], seed=11))
    for leg, ((tick, _),) in enumerate(keys):
        begin = 480 + 4 * leg
        assert 32 * 8 <= (tick + 1) * FRAME - begin <= 60 * 8


# -- what must not be heard --------------------------------------------------------------------------------------


@pytest.mark.parametrize("off", [(0.035, 0), (-0.035, 0), (0, 0.035), (0, -0.035), (0.035, -0.035), (0.07, 0.07)])
@pytest.mark.parametrize("ms", [40, 300])
def test_tones_three_and_a_half_percent_off_are_no_keys(off: tuple[float, float], ms: float) -> None:
    for key in "159D":
        assert heard(at_all_places([(key, ms)], seed=12, low_off=off[0], high_off=off[1])) == [""] * 40


@pytest.mark.parametrize("ms", [5, 15, 23])
def test_what_is_too_short_is_no_key(ms: float) -> None:
    assert heard(at_all_places([("5", ms), ("", 50)] * 4, seed=13)) == [""] * 40


@pytest.mark.parametrize("twist", [8, -12, -30, 30])
def test_tones_of_too_different_levels_are_no_keys(twist: float) -> None:
    legs = at_all_places([("8", 200)], seed=14, low_dbm0=-10 - max(0, twist), high_dbm0=-10 + min(0, twist))
    assert heard(legs) == [""] * 40


def test_what_is_too_soft_is_no_key() -> None:
    assert heard(at_all_places([("8", 200)], seed=15, low_dbm0=-35, high_dbm0=-35)) == [""] * 40


def test_a_single_tone_and_three_tones_are_no_keys() -> None:
    when = 2 * np.pi / RATE * np.arange(RATE)
    singles = [np.sin(hertz * when) for hertz in LOW + HIGH]
    pairs = [np.sin(a * when) + np.sin(b * when) for group in (LOW, HIGH) for a in group for b in group if a < b]
    triples = [
        np.sin(LOW[0] * when) + np.sin(HIGH[1] * when) + np.sin(hertz * when) for hertz in (440, 1100, *HIGH[2:])
    ]
    keys, _ = run(line(amplitude(-13) * np.stack(singles + pairs + triples)))
    assert keys == [[]] * len(keys)


def test_silence_and_noise_are_no_keys() -> None:
    dice = np.random.default_rng(16)
    levels = np.array([0, 1, 30, 300, 3000, 9000])[:, None]
    keys, present = run(line(dice.normal(0, 1, (6, 10 * RATE)) * levels))
    assert keys == [[]] * 6
    assert not present.any()


def test_ten_minutes_of_voices_are_no_keys() -> None:
    forward = voices(50, 6, seed=17)
    keys, present = run(np.concatenate([forward, forward[:, ::-1]]))
    assert keys == [[]] * 100
    assert present.mean() < 0.03


SPOKEN = {
    "en": "The committee met early on Thursday to discuss whether the old railway bridge should be rebuilt. "
    "To speak to an operator, press zero, or stay on the line. My number is seven seven two, four one nine, oh eight "
    "five six. Who knew that eleven yellow elephants could move so quietly? Ooh, you should see our new blue room. "
    "Hello? Hmm, aha, well, wow, oh no. We were away a year ago. Nine new nuns nodded; roaring lions rarely lie alone.",
    "de": "Guten Tag und herzlich willkommen. Über uns flogen wilde Gänse, und unten am Fluss spielten Kinder. "
    "Bitte bleiben Sie am Apparat. Möchten Sie Ihren Kontostand hören, drücken Sie die Eins.",
    "fr": "Bonjour et bienvenue. Pour écouter vos messages, appuyez sur la touche un. Où étais-tu hier soir? Une lune "
    "bleue brillait sur la rue mouillée, et une vieille dame murmurait une chanson douce. Merci de patienter.",
    "es": "Buenos días. La luna iluminaba el mar y una música lejana venía de la plaza. Uno, dos, tres, cuatro, cinco, "
    "seis, siete, ocho, nueve. Espere un momento, por favor.",
    "sv": "God dag och välkommen. Sju sjösjuka sjömän sköttes av sju sköna sjuksköterskor. Var god dröj.",
    "ru": "Добрый день и добро пожаловать. Пожалуйста, оставайтесь на линии. Один, два, три, четыре, пять, шесть.",
}


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_an_hour_of_speech_and_music_is_no_keys() -> None:
    """Two engines, six languages, many rates and heights of the voice, and music; as a hundred legs."""
    spoken, hibari, espeak = [], Hibari(), Espeak()
    await hibari.start()
    for rate in (0.7, 0.85, 1.0, 1.2):
        for language, text in SPOKEN.items():
            spoken += [prompt(await espeak.synthesize(text, Voice(language, sex), rate)) for sex in ("man", "woman")]
        for sentence in SPOKEN["en"].split(". "):
            spoken += [prompt(await hibari.synthesize(sentence, Voice("en-US"), rate))]
    await hibari.close()
    speech = np.concatenate(spoken).astype(np.float32)
    ratios = np.linspace(0.75, 1.35, -(-3000 * RATE // len(speech)) + 1)
    heights = [soxr.resample(speech, RATE, RATE * ratio) for ratio in ratios]
    everything = np.concatenate([*heights, *(hold_music(seed) for seed in range(12))])
    assert len(everything) >= 3600 * RATE
    legs = line(everything[: len(everything) // 16_000 * 16_000].reshape(100, -1))
    keys, present = run(legs)
    assert keys == [[]] * 100
    assert present.mean() < 0.005


# -- the flag ----------------------------------------------------------------------------------------------------


def test_the_flag_is_up_from_the_first_whole_frame_of_a_key_to_its_last() -> None:
    """Which is before the key is certain; frames with a little of it at an end may go without."""
    keys, present = run(at_all_places([("4", 130)], seed=18))
    for leg, flags in enumerate(present):
        begin, end = 480 + 4 * leg, 480 + 4 * leg + 130 * 8
        whole = range(-(-begin // FRAME), end // FRAME)
        touched = range(begin // FRAME, -(-end // FRAME))
        up = np.flatnonzero(flags)
        assert set(whole) <= set(up.tolist()) <= set(touched)
        assert up[0] < keys[leg][0][0]


def test_the_flag_is_down_in_a_pause_and_after_a_key_that_is_not_confirmed() -> None:
    _, present = run(at_all_places([("4", 22)], seed=19))
    assert not present[:, -4:].any()


# -- rows --------------------------------------------------------------------------------------------------------


def test_only_enabled_legs_are_listened_to() -> None:
    legs = np.stack([np.resize(line(key_tone(key, 200)), 10 * FRAME) for key in "1234"])
    detector = DtmfDetector(8)
    enabled = np.array([True, False, True, False])
    found = []
    for frame in legs.reshape(4, -1, FRAME).swapaxes(0, 1):
        found += detector.detect(frame, enabled)
        assert not detector.tone_present[[1, 3]].any()
    assert found == [(0, "1"), (2, "3")]


def test_with_no_leg_enabled_nothing_is_done() -> None:
    detector = DtmfDetector(2)
    loud = np.resize(line(key_tone("1", 20)), (2, FRAME))
    for _ in range(5):
        assert detector.detect(loud, np.zeros(2, np.bool_)) == []


def test_a_leg_that_is_disabled_forgets_and_begins_anew() -> None:
    held = line(key_tone("1", 400)).reshape(1, -1, FRAME).swapaxes(0, 1)
    detector = DtmfDetector(1)
    on, off = np.ones(1, np.bool_), np.zeros(1, np.bool_)
    assert [detector.detect(frame, on) for frame in held[:3]] == [[], [(0, "1")], []]
    assert detector.tone_present[0]
    assert detector.detect(held[3], off) == []
    assert not detector.tone_present[0]
    assert [detector.detect(frame, on) for frame in held[4:7]] == [[], [(0, "1")], []]


def test_a_row_that_is_given_to_another_leg_remembers_nothing() -> None:
    held = line(key_tone("1", 400)).reshape(1, -1, FRAME).swapaxes(0, 1)
    detector = DtmfDetector(2)
    on = np.ones(1, np.bool_)
    for frame in held[:5]:
        detector.detect(frame, on)
    detector.clear(0)
    assert not detector.tone_present[0]
    assert [detector.detect(frame, on) for frame in held[6:9]] == [[], [(0, "1")], []]


def test_legs_do_not_hear_each_other_however_many_there_are() -> None:
    """Also where the product of all legs is made in blocks."""
    dice = np.random.default_rng(20)
    keys = [LAYOUT[int(dice.integers(16))] for _ in range(250)]
    legs = line(dice.normal(0, 300, (250, 12 * FRAME)))
    for leg in range(0, 250, 3):
        legs[leg, 300 : 300 + 400] = line(key_tone(keys[leg], 50))
    assert heard(legs) == ["" if leg % 3 else keys[leg] for leg in range(250)]


@settings(max_examples=30)
@given(st.text(LAYOUT, min_size=1, max_size=6), st.integers(40, 120), st.integers(40, 120), st.integers(0, 159))
def test_any_number_is_heard_as_dialled(number: str, press: int, pause: int, start: int) -> None:
    parts: list[Part] = [part for key in number for part in ((key, press), ("", pause))]
    signal = np.concatenate([np.zeros(start), sound([*parts, ("", 80)], np.random.default_rng(start))])
    assert heard(line(signal)[None]) == [number]


@given(st.binary(min_size=320, max_size=3200))
def test_whatever_is_heard_makes_keys_or_none(junk: bytes) -> None:
    samples = np.frombuffer(junk[: len(junk) // 320 * 320], np.int16)
    keys, _ = run(samples[None])
    assert all(key in LAYOUT for _, key in keys[0])
