"""Audio files of every type that <Play> takes, made here, decoded, and compared with what went in."""

import io
import pickle
import random
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from ringback.media.audio import CONTENT_TYPES, MAX_SAMPLES, AudioError, decode, decode_blocks

SECONDS = 0.5
Floats = npt.NDArray[np.float64]


def chirp(rate: int, seconds: float = SECONDS) -> Floats:
    """A tone that rises from 300 to 2500 Hz: it correlates with nothing but itself, and with itself at one place."""
    time = np.arange(round(rate * seconds)) / rate
    return 0.5 * np.sin(2 * np.pi * (300 * time + 1100 / seconds * time**2))


def encoded(sound: Floats, rate: int, kind: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=kind, subtype=subtype)
    return file.getvalue()


def likeness(samples: npt.NDArray[np.int16], sound: Floats) -> float:
    """The greatest correlation of the two, moved against each other by up to 0.15 s (MP3 has a lead-in)."""
    heard = np.pad(samples / 32768.0, 1200)
    sliding = np.correlate(heard, sound, "valid")
    return float(sliding.max() / (np.linalg.norm(sound) * np.linalg.norm(samples / 32768.0)))


FORMATS = [
    ("audio/mpeg", "MP3", "MPEG_LAYER_III", 44100),
    ("audio/mpeg", "MP3", "MPEG_LAYER_III", 16000),
    ("audio/wav", "WAV", "PCM_16", 8000),
    ("audio/wav", "WAV", "PCM_U8", 11025),
    ("audio/x-wav", "WAV", "PCM_24", 48000),
    ("audio/wave", "WAV", "PCM_32", 44100),
    ("audio/wav", "WAV", "FLOAT", 16000),
    ("audio/wav", "WAV", "DOUBLE", 16000),
    ("audio/wav", "WAV", "ULAW", 8000),
    ("audio/wav", "WAV", "ALAW", 8000),
    ("audio/wav", "WAV", "GSM610", 8000),
    ("audio/vnd.wave", "WAVEX", "PCM_16", 22050),
    ("audio/aiff", "AIFF", "PCM_16", 44100),
    ("audio/x-aiff", "AIFF", "PCM_S8", 22050),
    ("audio/x-aifc", "AIFF", "ULAW", 8000),
    ("audio/x-aifc", "AIFF", "FLOAT", 44100),
    ("audio/x-aifc", "AIFF", "GSM610", 8000),
    ("audio/gsm", "RAW", "GSM610", 8000),
    ("audio/x-gsm", "RAW", "GSM610", 8000),
    ("audio/ulaw", "RAW", "ULAW", 8000),
    ("audio/basic", "RAW", "ULAW", 8000),
    ("audio/basic", "AU", "ULAW", 8000),
    ("audio/basic", "AU", "PCM_16", 16000),
]


@pytest.mark.conforms("2008-08-01/2.3/types", "2010-04-01/2.2/types")
@pytest.mark.parametrize(("content_type", "kind", "subtype", "rate"), FORMATS)
def test_every_format(content_type: str, kind: str, subtype: str, rate: int) -> None:
    decoded = decode(encoded(chirp(rate), rate, kind, subtype), content_type)
    assert decoded.samples.dtype == np.int16
    assert not decoded.cut
    assert len(decoded.samples) / 8000 == pytest.approx(SECONDS, abs=0.15 if kind == "MP3" else 0.065)
    assert likeness(decoded.samples, chirp(8000)) > (0.9 if subtype == "GSM610" else 0.98)


def test_loudness_is_kept() -> None:
    samples = decode(encoded(chirp(48000), 48000, "WAV", "PCM_16"), "audio/wav").samples
    assert abs(samples).max() == pytest.approx(0.5 * 32768, rel=0.05)


def test_pcm_at_the_right_rate_is_untouched() -> None:
    sound = np.array([0, 1, -1, 32767, -32768, 1234] * 100, dtype=np.int16)
    file = io.BytesIO()
    soundfile.write(file, sound, 8000, format="WAV", subtype="PCM_16")
    assert np.array_equal(decode(file.getvalue(), "audio/wav").samples, sound)


def test_channels_are_mixed() -> None:
    sound = chirp(16000)
    stereo = encoded(np.column_stack([sound, np.zeros_like(sound)]), 16000, "WAV", "PCM_16")
    samples = decode(stereo, "audio/wav").samples
    assert likeness(samples, chirp(8000)) > 0.99
    assert abs(samples).max() == pytest.approx(0.25 * 32768, rel=0.05)


def test_a_file_is_read_as_bytes_are(tmp_path: Path) -> None:
    data = encoded(chirp(16000), 16000, "WAV", "PCM_16")
    path = tmp_path / "a"
    path.write_bytes(data)
    assert np.array_equal(decode(path, "audio/wav").samples, decode(data, "audio/wav").samples)


def test_what_a_file_is_counts_more_than_its_type() -> None:
    """Servers that guess say `audio/ulaw` of a WAV file and `audio/mpeg` of everything."""
    data = encoded(chirp(16000), 16000, "WAV", "PCM_16")
    for content_type in ("audio/mpeg", "audio/ulaw", "audio/gsm", "Audio/WAV; codecs=1"):
        assert likeness(decode(data, content_type).samples, chirp(8000)) > 0.99


def test_floats_beyond_full_scale_and_no_numbers() -> None:
    sound = np.array([2.0, -2.0, np.nan, np.inf, -np.inf, 0.5] * 10)
    samples = decode(encoded(sound, 8000, "WAV", "FLOAT"), "audio/wav").samples
    assert samples[:6].tolist() == [32767, -32768, 0, 32767, -32768, 16384]


@pytest.mark.parametrize("rate", [8000, 16000])
def test_long_audio_is_cut(monkeypatch: pytest.MonkeyPatch, rate: int) -> None:
    """Clause 2.2 of the 2010-04-01 specification: 40 minutes; here 7 seconds, and blocks of 5."""
    monkeypatch.setattr("ringback.media.audio.MAX_SAMPLES", 7 * 8000)
    data = encoded(np.zeros(rate * 30), rate, "WAV", "ULAW")
    decoded = decode(data, "audio/wav")
    assert (len(decoded.samples), decoded.cut) == (7 * 8000, True)
    assert sum(map(len, decode_blocks(data, "audio/wav"))) <= 11 * 8000


@pytest.mark.conforms("2010-04-01/2.2/forty-minutes")
def test_forty_minutes() -> None:
    assert MAX_SAMPLES == 40 * 60 * 8000


@pytest.mark.conforms("2008-08-01/2.3/wrong-type", "2010-04-01/2.2/types")
@pytest.mark.parametrize("content_type", ["", "text/html", "audio/ogg", "audio", "application/octet-stream", "\x00"])
def test_other_content_types(content_type: str) -> None:
    with pytest.raises(AudioError, match=r"13420: the content type .*audio/mpeg") as raised:
        decode(b"RIFF", content_type)
    assert raised.value.code == 13420


@pytest.mark.parametrize(
    ("data", "content_type", "why"),
    [
        (b"", "audio/wav", "empty"),
        (b"", "audio/ulaw", "empty"),
        (b"<html>not found</html>", "audio/mpeg", "decoded"),
        (b"RIFF", "audio/wav", "decoded"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav", "decoded"),
        (b"\xd0" * 32, "audio/gsm", "GSM"),
        (b"<html>" * 20, "audio/gsm", "GSM"),
        (encoded(np.zeros(0), 8000, "WAV", "PCM_16"), "audio/wav", "no sound"),
        (encoded(chirp(8000), 8000, "FLAC", "PCM_16"), "audio/wav", "FLAC"),
        (encoded(chirp(8000), 8000, "OGG", "VORBIS"), "audio/mpeg", "OGG"),
        (encoded(np.zeros(9), 999, "WAV", "PCM_16"), "audio/wav", "999 samples per second"),
        (encoded(np.zeros(9), 1_000_000, "WAV", "PCM_16"), "audio/wav", "1000000 samples per second"),
        (encoded(np.zeros((9, 9)), 8000, "WAV", "PCM_16"), "audio/wav", "9 channels"),
    ],
)
def test_what_is_not_audio(data: bytes, content_type: str, why: str) -> None:
    with pytest.raises(AudioError, match=why) as raised:
        decode(data, content_type)
    assert raised.value.code == 13420


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="can't be read") as raised:
        decode(tmp_path / "none", "audio/wav")
    assert str(tmp_path) not in str(raised.value)


def test_a_message_names_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"RIFFgarbage")
    with pytest.raises(AudioError) as raised:
        decode(path, "audio/wav")
    assert str(tmp_path) not in str(raised.value)


@pytest.mark.parametrize("seed", range(len(FORMATS)))
def test_damaged_files_are_audio_or_an_error(seed: int) -> None:
    """Bytes are changed, most of them in the header, or cut out: samples come, or an AudioError, and nothing else."""
    content_type, kind, subtype, rate = FORMATS[seed]
    good = encoded(chirp(rate, 0.1), rate, kind, subtype)
    entropy = random.Random(seed)
    for _ in range(25):
        data = bytearray(good)
        for _ in range(entropy.randrange(1, 5)):
            data[entropy.randrange(min(len(data), entropy.choice((64, len(data)))))] = entropy.randrange(256)
        place = entropy.randrange(len(data))
        del data[place : place + entropy.choice((0, 0, 1, 50, len(data)))]
        try:
            samples = decode(bytes(data), content_type).samples
        except AudioError as error:
            assert error.code == 13420
        else:
            assert 0 < len(samples) <= MAX_SAMPLES


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_noise_is_audio_or_an_error(content_type: str) -> None:
    entropy = random.Random(content_type)
    for magic in (
        b"",
        b"RIFF\xff\xff\xff\x7fWAVEfmt ",
        b"FORM\0\0\0\x10AIFC",
        b".snd\0\0\0\x18",
        b"ID3\3",
        b"\xff\xfb\x90",
    ):
        try:
            assert len(decode(magic + entropy.randbytes(2000), content_type).samples) > 0
        except AudioError as error:
            assert error.code == 13420


def test_an_error_changes_process() -> None:
    error = pickle.loads(pickle.dumps(AudioError("broken", "http://a/", 12400)))  # noqa: S301
    assert (error.message, error.url, error.code) == ("broken", "http://a/", 12400)
