"""hibari-tts: with the real engine where its sound matters, with stand-ins for everything that goes wrong."""

import sys
from collections.abc import AsyncIterator
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from speech_fakes import assert_prompt, check_engine

from ringback.speech import levels
from ringback.speech.contract import INTERNAL_FAILURE, SpeechError, Voice
from ringback.speech.providers.hibari import Hibari

WOMAN = Voice("en-US", "woman")
module_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hibari() -> AsyncIterator[Hibari]:
    """The real engine, loaded once."""
    engine = Hibari()
    await engine.start()
    yield engine
    await engine.close()


@pytest.mark.slow
@module_loop
async def test_the_contract(hibari: Hibari) -> None:
    await check_engine(hibari, WOMAN)


@pytest.mark.slow
@module_loop
@pytest.mark.parametrize(
    ("text", "shortest", "longest"),
    [
        ("Hello.", 0.4, 1.2),
        ("Thank you for calling. Please hold the line.", 1.8, 4.0),
        ("four one five, five five five, zero one three two", 2.5, 5.5),
    ],
)
async def test_it_sounds_like_speech(hibari: Hibari, text: str, shortest: float, longest: float) -> None:
    pcm = await hibari.synthesize(text, WOMAN)
    assert pcm.rate == 24000
    samples = levels.prompt(pcm)
    assert_prompt(samples)
    assert shortest < len(samples) / 8000 < longest


@pytest.mark.slow
@module_loop
@pytest.mark.parametrize("text", ["", " ", "日本語", "😀", "-"])
async def test_what_it_cannot_pronounce_is_no_sound(hibari: Hibari, text: str) -> None:
    pcm = await hibari.synthesize(text, WOMAN)
    assert pcm.samples.dtype == np.int16
    assert len(levels.prompt(pcm)) < 8000


def test_languages() -> None:
    hibari = Hibari()
    assert [tag for tag in ("en", "en-GB", "EN_us", "de", "enm", "") if hibari.speaks(Voice(tag))] == [
        "en",
        "en-GB",
        "EN_us",
    ]
    assert hibari.version == metadata.version("hibari-tts")


STAND_IN = """
import struct, sys
out, jobs = sys.stdout.buffer, sys.stdin.buffer
def send(number, status, rate, body):
    out.write(struct.pack(">IIII", number, status, rate, len(body)) + body)
    out.flush()
{load}
while head := jobs.read(8):
    number, length = struct.unpack(">II", head)
    job = jobs.read(length)
    {speak}
"""
LOADS = "send(0, 0, 0, b'')"


def stand_in(directory: Path, load: str, speak: str) -> Hibari:
    script = directory / "engine.py"
    script.write_text(STAND_IN.replace("{load}", load).replace("{speak}", speak))
    return Hibari(command=[sys.executable, "-I", "-S", str(script)])


async def test_it_is_tried_again_when_its_process_dies(tmp_path: Path) -> None:
    """The first process leaves a file and dies; the second finds the file and speaks."""
    flag = tmp_path / "died"
    once = f"import os; os.path.exists({str(flag)!r}) or (open({str(flag)!r}, 'w'), os._exit(9))"
    hibari = stand_in(tmp_path, LOADS, f"{once}; send(number, 0, 24000, b'\\1\\0')")
    pcm = await hibari.synthesize("Hello", WOMAN)
    assert (pcm.samples.tolist(), pcm.rate) == ([1], 24000)
    await hibari.close()


async def test_dying_twice_is_a_failure_that_the_next_text_may_not_share(tmp_path: Path) -> None:
    hibari = stand_in(tmp_path, LOADS, "sys.exit(7)")
    with pytest.raises(SpeechError, match="hibari cannot speak: its process ended with 7") as caught:
        await hibari.synthesize("Hello", WOMAN)
    assert caught.value.code == INTERNAL_FAILURE
    assert hibari.speaks(WOMAN)
    await hibari.close()


async def test_an_engine_that_does_not_load_is_not_asked_again(tmp_path: Path) -> None:
    hibari = stand_in(tmp_path, "send(0, 1, 0, b'ImportError: onnxruntime'); sys.exit(1)", "pass")
    await hibari.start()
    for _ in range(2):
        with pytest.raises(SpeechError, match="ImportError: onnxruntime"):
            await hibari.synthesize("Hello", WOMAN)
        assert not hibari.speaks(WOMAN)
    await hibari.close()


async def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    hibari = Hibari()
    assert not hibari.speaks(WOMAN)
    assert hibari.version == ""
    await hibari.start()
    with pytest.raises(SpeechError, match="hibari-tts is not installed"):
        await hibari.synthesize("Hello", WOMAN)
    await hibari.close()
