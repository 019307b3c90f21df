"""Whisper: its process, with stand-ins for everything that goes wrong; the real model is in another module."""

import sys
from pathlib import Path

import pytest

from ringback.speech.contract import HearingError
from ringback.speech.providers.whisper import Whisper

STAND_IN = """
import json, os, struct, sys
out, jobs = sys.stdout.buffer, sys.stdin.buffer
def send(number, status, rate, body):
    out.write(struct.pack(">IIII", number, status, rate, len(body)) + body)
    out.flush()
{load}
while head := jobs.read(8):
    number, length = struct.unpack(">II", head)
    job = json.loads(jobs.read(length))
    {hear}
"""
LOADS = "send(0, 0, 0, b'')"
SOUND = Path("message.wav")


def stand_in(directory: Path, load: str, hear: str) -> Whisper:
    script = directory / "engine.py"
    script.write_text(STAND_IN.replace("{load}", load).replace("{hear}", hear))
    whisper = Whisper(command=[sys.executable, "-I", "-S", str(script)])
    assert whisper.unfit == ""
    return whisper


async def test_a_file_and_a_language_become_a_text(tmp_path: Path) -> None:
    whisper = stand_in(tmp_path, LOADS, "send(number, 0, 0, f\"{job['path']} – {job['language']}\".encode())")
    assert await whisper.transcribe(SOUND) == "message.wav – en"
    assert await whisper.transcribe(SOUND, "de") == "message.wav – de"
    await whisper.rest()


async def test_its_process_ends_when_it_rests_and_begins_again(tmp_path: Path) -> None:
    whisper = stand_in(tmp_path, LOADS, "send(number, 0, 0, str(os.getpid()).encode())")
    await whisper.rest()
    one = await whisper.transcribe(SOUND)
    assert await whisper.transcribe(SOUND) == one
    await whisper.rest()
    assert await whisper.transcribe(SOUND) != one
    await whisper.rest()


async def test_it_is_tried_again_when_its_process_dies(tmp_path: Path) -> None:
    flag = tmp_path / "died"
    once = f"os.path.exists({str(flag)!r}) or (open({str(flag)!r}, 'w'), os._exit(9))"
    whisper = stand_in(tmp_path, LOADS, f"{once}; send(number, 0, 0, b'Hello.')")
    assert await whisper.transcribe(SOUND) == "Hello."
    await whisper.rest()


@pytest.mark.parametrize(
    ("hear", "why"),
    [("sys.exit(7)", "its process ended with 7"), ("send(number, 1, 0, b'no sound file')", "no sound file")],
)
async def test_a_file_that_fails_does_not_spoil_the_next(tmp_path: Path, hear: str, why: str) -> None:
    whisper = stand_in(tmp_path, LOADS, hear)
    with pytest.raises(HearingError, match=why):
        await whisper.transcribe(SOUND)
    assert whisper.unfit == ""
    await whisper.rest()


async def test_an_engine_that_does_not_load_is_not_asked_again(tmp_path: Path) -> None:
    whisper = stand_in(tmp_path, "send(0, 1, 0, b'ValueError: another model'); sys.exit(1)", "pass")
    for _ in range(2):
        with pytest.raises(HearingError, match="ValueError: another model"):
            await whisper.transcribe(SOUND)
        assert whisper.unfit == "ValueError: another model"
    await whisper.rest()


async def test_without_its_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    whisper = Whisper()
    assert whisper.unfit == "ctranslate2 is not installed: pip install 'ringback[transcribe]'"
    with pytest.raises(HearingError, match="pip install"):
        await whisper.transcribe(SOUND)
    await whisper.rest()
