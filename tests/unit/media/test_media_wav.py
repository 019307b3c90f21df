"""WAV files that grow: whole at every moment, and mended when their writer was killed."""

import errno
import os
import signal
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ringback.media import wav
from ringback.media.wav import HEADER_BYTES, WavError, WavWriter, header, repair
from tests.unit.media.plane_rig import pitch, sine


def samples(path: Path) -> list[int]:
    """The samples as the standard library reads them."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth()) == (8000, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").tolist()


def data(*values: int) -> bytes:
    return np.array(values, "<i2").tobytes()


def test_a_file_without_samples_is_a_file(tmp_path: Path) -> None:
    WavWriter(tmp_path / "a.wav", 1).close()

    assert samples(tmp_path / "a.wav") == []
    assert (tmp_path / "a.wav").stat().st_size == HEADER_BYTES


@pytest.mark.parametrize("channels", [1, 2])
def test_the_file_is_whole_after_every_append(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, channels)
    for count in range(1, 4):
        writer.append(data(*range(10)))

        assert samples(path) == list(range(10)) * count
        assert soundfile.info(str(path)).frames == 10 * count // channels
    assert writer.seconds == pytest.approx(30 / channels / 8000)
    writer.close()
    writer.close()


def test_two_channels_are_two_channels(tmp_path: Path) -> None:
    writer = WavWriter(tmp_path / "a.wav", 2)
    writer.append(np.stack([sine(440, 1), sine(600, 1)], axis=1).tobytes())
    writer.close()

    read, rate = soundfile.read(str(tmp_path / "a.wav"), dtype="int16")
    assert (rate, pitch(read[:, 0]), pitch(read[:, 1])) == (8000, 440, 600)


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"precious")

    with pytest.raises(FileExistsError):
        WavWriter(tmp_path / "a.wav", 1)
    assert (tmp_path / "a.wav").read_bytes() == b"precious"


def test_other_users_cannot_listen(tmp_path: Path) -> None:
    WavWriter(tmp_path / "a.wav", 1).close()

    assert (tmp_path / "a.wav").stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("channels", [0, 3])
def test_there_are_one_or_two_channels(tmp_path: Path, channels: int) -> None:
    with pytest.raises(ValueError, match="one or two channels"):
        WavWriter(tmp_path / "a.wav", channels)


def test_the_end_can_be_cut_off_and_written_anew(tmp_path: Path) -> None:
    writer = WavWriter(tmp_path / "a.wav", 1)
    writer.append(data(*range(10)))
    writer.cut(100)
    assert samples(tmp_path / "a.wav") == list(range(10))

    writer.cut(6)
    assert samples(tmp_path / "a.wav") == [0, 1, 2]
    writer.append(data(7))
    assert samples(tmp_path / "a.wav") == [0, 1, 2, 7]
    assert writer.read(2, 6) == data(1, 2)
    assert writer.read(4, 99) == data(2, 7)
    assert writer.read(99, 104) == b""
    writer.cut(-1)
    assert samples(tmp_path / "a.wav") == []
    writer.close()


def test_a_file_ends_before_its_sizes_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wav, "MAX_DATA_BYTES", 8)
    writer = WavWriter(tmp_path / "a.wav", 1)
    writer.append(data(1, 2, 3))

    with pytest.raises(WavError, match="4 GiB"):
        writer.append(data(4, 5))
    writer.append(data(4))
    writer.close()
    assert samples(tmp_path / "a.wav") == [1, 2, 3, 4]


def test_the_largest_sizes_fit_into_the_header() -> None:
    assert len(header(2, wav.MAX_DATA_BYTES)) == HEADER_BYTES


def test_what_the_system_takes_in_pieces_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, what, at: write(file, bytes(what)[: 5 if at else 99], at))
    writer = WavWriter(tmp_path / "a.wav", 1)
    writer.append(data(*range(10)))
    writer.close()

    assert samples(tmp_path / "a.wav") == list(range(10))


def test_a_full_disk_is_reported_and_leaves_no_file_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    close = os.close
    monkeypatch.setattr(os, "close", lambda file: (closed.append(file), close(file)))

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space"):
        WavWriter(tmp_path / "a.wav", 1)
    assert len(closed) == 1


# -- repair ---------------------------------------------------------------------------------------------------------


def test_what_was_written_but_not_counted_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(header(2, 4) + data(1, 2, 3, 4))

    assert repair(path) == 2 / 8000
    assert samples(path) == [1, 2, 3, 4]


def test_what_was_counted_but_not_written_is_not_missed(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(header(1, 4000) + data(1, 2))

    assert repair(path) == 2 / 8000
    assert samples(path) == [1, 2]


def test_a_part_of_a_sample_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(header(2, 4) + data(1, 2) + b"\x01\x02\x03")

    assert repair(path) == 1 / 8000
    assert path.read_bytes() == header(2, 4) + data(1, 2)


def test_a_file_in_order_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(header(1, 4) + data(1, 2))
    os.utime(path, (1, 1))

    assert repair(path) == 2 / 8000
    assert path.stat().st_mtime == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "nothing to repair"),
        (header(1, 0)[:43], "nothing to repair"),
        (b"RIFX" + header(1, 0)[4:], "no recording"),
        (header(1, 0)[:12] + b"LIST" + header(1, 0)[16:], "no recording"),
        (header(3, 0), "no recording"),
        (header(1, 0)[:20] + b"\x07\x00" + header(1, 0)[22:], "not linear PCM"),
        (header(1, 0)[:24] + b"\x44\xac" + header(1, 0)[26:], "not linear PCM"),
    ],
)
def test_what_is_not_ours_is_not_touched(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)

    with pytest.raises(WavError, match=why):
        repair(path)
    assert path.read_bytes() == content


_WRITES_FOR_EVER = """
import sys, pathlib, numpy as np
from ringback.media.wav import WavWriter
writer = WavWriter(pathlib.Path(sys.argv[1]), 2)
second = np.repeat(np.arange(8000, dtype="<i2"), 2).tobytes()
for number in range(20000):
    writer.append(second)
    if number == 20:
        print("far enough", flush=True)
"""


@pytest.mark.long
def test_a_file_whose_writer_was_killed_is_readable_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    command = [sys.executable, "-c", _WRITES_FOR_EVER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writing:
        assert writing.stdout is not None
        assert writing.stdout.readline() == b"far enough\n"
        writing.send_signal(signal.SIGKILL)

    before = samples(path)
    assert len(before) >= 21 * 16000
    assert before[:16000] == np.repeat(np.arange(8000), 2).tolist()
    seconds = repair(path)
    assert 0 <= seconds - len(before) / 16000 <= 1
    assert len(samples(path)) == seconds * 16000
