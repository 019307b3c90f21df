"""espeak-ng: the program of the machine and the library of the wheel, both real."""

import asyncio
import struct
import sys
from asyncio.subprocess import Process
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from speech_fakes import assert_prompt, check_engine

from ringback.speech import levels
from ringback.speech.contract import INTERNAL_FAILURE, SpeechError, Voice
from ringback.speech.providers import espeak as module
from ringback.speech.providers.espeak import Espeak, espeak_code, find_command, find_library, read_wav

SPANISH = Voice("es-ES", "woman")
program = pytest.param("program", marks=pytest.mark.needs("espeak-ng"))


@pytest.fixture(params=[program, "library"])
def espeak(request: pytest.FixtureRequest) -> Espeak:
    """The real engine, both ways."""
    return Espeak(find_command() if request.param == "program" else find_library())


@pytest.mark.slow
async def test_the_contract(espeak: Espeak) -> None:
    await espeak.start()
    await check_engine(espeak, SPANISH)
    await espeak.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Gracias por llamar. Un momento, por favor.", "es-ES"),
        ("Gracias por llamar. Un momento, por favor.", "es-MX"),
        ("Merci de votre appel.", "fr-FR"),
        ("Vielen Dank für Ihren Anruf.", "de"),
        ("Grazie per la chiamata.", "it-IT"),
        ("Obrigado por ligar.", "pt-BR"),
        ("Obrigado por ligar.", "pt-PT"),
        ("Thank you for calling.", "en-GB"),
        ("Thank you for calling.", "en-US"),
        ("感谢您的来电", "zh-CN"),
        ("Takk for at du ringer.", "no"),
    ],
)
async def test_it_sounds_like_speech(espeak: Espeak, text: str, language: str) -> None:
    man = await espeak.synthesize(text, Voice(language, "man"))
    woman = await espeak.synthesize(text, Voice(language, "woman"))
    for pcm in (man, woman):
        samples = levels.prompt(pcm)
        assert_prompt(samples)
        assert 0.5 < len(samples) / 8000 < 5
    assert not np.array_equal(man.samples, woman.samples)


@pytest.mark.slow
async def test_languages_sound_different(espeak: Espeak) -> None:
    """A voice that doesn't exist would leave the language before it in place."""
    sounds = [(await espeak.synthesize("1 2 3 4", Voice(tag))).samples.tobytes() for tag in ("es", "fr", "de", "en")]
    assert len(set(sounds)) == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["", " ", "-v en --help", "$(reboot); `id` | 'x' \"y\"", "<speak><audio src='/etc/passwd'/></speak>", "[[h@loU]]",
     "\x01300P hola\x00\x1b", "😀 日本語", "a" * 1000],
)  # fmt: skip
async def test_any_text_is_only_text(espeak: Espeak, text: str) -> None:
    pcm = await espeak.synthesize(text, SPANISH)
    assert pcm.rate == 22050
    assert len(pcm.samples) < 22050 * 120


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "en-us"), ("en-US", "en-us"), ("en-GB", "en"), ("en-AU", "en"), ("es", "es"), ("es-ES", "es"),
        ("es-MX", "es-419"), ("es-419", "es-419"), ("fr", "fr"), ("fr-CA", "fr"), ("pt", "pt-br"), ("pt-BR", "pt-br"),
        ("pt-PT", "pt"), ("de-AT", "de"), ("zh-CN", "cmn"), ("cmn-CN", "cmn"), ("zh-HK", "yue"), ("yue-CN", "yue"),
        ("arb", "ar"), ("nb-NO", "nb"), ("no", "nb"), ("pt_BR", "pt-br"), ("xx", None), ("", None), ("../../etc", None),
    ],
)  # fmt: skip
def test_codes(tag: str, code: str | None) -> None:
    assert espeak_code(tag) == code
    assert Espeak(["espeak-ng"]).speaks(Voice(tag)) is (code is not None)


def test_the_program_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/opt/{name}")
    assert find_command() == ["/opt/espeak-ng"]
    monkeypatch.setattr("shutil.which", lambda name: None)
    command = find_command()
    assert command is not None and command == find_library()
    assert command[:3] == [sys.executable, "-I", "-S"]


async def test_without_any_espeak(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    espeak = Espeak()
    assert not espeak.speaks(SPANISH)
    assert espeak.version == ""
    with pytest.raises(SpeechError, match="install espeak-ng or espeakng-loader"):
        await espeak.synthesize("hola", SPANISH)

    class EmptyWheel:
        origin = str(tmp_path / "__init__.py")

    monkeypatch.setattr("importlib.util.find_spec", lambda name: EmptyWheel)
    assert find_library() is None


def test_version_changes_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "espeak-ng"
    assert Espeak([str(file)]).version == "espeak-ng"
    file.write_text("a")
    before = Espeak([str(file)]).version
    file.write_text("ab")
    assert Espeak([str(file)]).version != before


def script(directory: Path, code: str) -> list[str]:
    path = directory / "espeak.py"
    path.write_text(f"import signal, struct, sys\n{code}\n")
    return [sys.executable, "-I", "-S", str(path)]


async def test_text_is_on_stdin_and_not_on_the_command_line(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    command = script(tmp_path, f"print(open({str(seen)!r}, 'w').write(repr((sys.argv[1:], sys.stdin.read()))))")
    with pytest.raises(SpeechError, match="made no WAV"):
        await Espeak(command).synthesize("é; rm\n-x\x01", Voice("de-DE; x", "man"), 2.0)
    arguments, text = eval(seen.read_text())  # noqa: S307  repr of the child above
    assert text == "é; rm -x "
    assert arguments == ["-v", "de+m3", "-s", "320", "-b", "1", "--stdin", "--stdout"]


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("sys.exit('no such voice')", "made no sound for es\\+f2: no such voice"),
        ("sys.exit(4)", "made no sound for es\\+f2: it ended with 4"),
        ("sys.stdout.write('Hello')", "made no WAV"),
    ],
)
async def test_what_goes_wrong_is_told(tmp_path: Path, code: str, complaint: str) -> None:
    with pytest.raises(SpeechError, match=complaint) as caught:
        await Espeak(script(tmp_path, code)).synthesize("hola", SPANISH)
    assert caught.value.code == INTERNAL_FAILURE


async def test_nothing_to_pronounce_is_no_sound(tmp_path: Path) -> None:
    pcm = await Espeak(script(tmp_path, "")).synthesize("…", SPANISH)
    assert (len(pcm.samples), pcm.rate) == (0, 22050)


async def test_a_program_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="cannot be run"):
        await Espeak([str(tmp_path / "gone")]).synthesize("hola", SPANISH)


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    """Collects the processes that are started."""
    started: list[Process] = []
    real = asyncio.create_subprocess_exec

    async def start(*args: Any, **kwargs: Any) -> Process:
        started.append(await real(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(module.asyncio, "create_subprocess_exec", start)
    return started


async def started(processes: list[Process], count: int) -> None:
    while len(processes) < count:  # noqa: ASYNC110  What is waited for is in the product, and tells nobody.
        await asyncio.sleep(0)


HANGS = (
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); sys.stdout.write('x' * 300000); sys.stdout.flush(); signal.pause()"
)


async def test_a_process_that_takes_too_long_is_killed(tmp_path: Path, processes: list[Process]) -> None:
    espeak = Espeak(script(tmp_path, HANGS), timeout=0.02)
    with pytest.raises(SpeechError, match=r"more than 0\.02 s"):
        await espeak.synthesize("hola", SPANISH)
    assert [process.returncode for process in processes] == [-9]


async def test_cancelling_kills_the_process(tmp_path: Path, processes: list[Process]) -> None:
    espeak = Espeak(script(tmp_path, HANGS))
    async with asyncio.TaskGroup() as group:
        hung_up = group.create_task(espeak.synthesize("hola", SPANISH))
        await started(processes, 1)
        hung_up.cancel()
    assert [process.returncode for process in processes] == [-9]


async def test_only_so_many_at_once(tmp_path: Path, processes: list[Process]) -> None:
    espeak = Espeak(script(tmp_path, HANGS), processes=2)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(espeak.synthesize("hola", SPANISH)) for _ in range(5)]
        await started(processes, 2)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(processes) == 2
        for task in reversed(tasks):
            task.cancel()


def wav(rate: int = 22050, bits: int = 16, channels: int = 1, extra: bytes = b"", data: bytes = b"\1\0\2\0") -> bytes:
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2, 2, bits)
    return b"RIFF\xff\xff\xff\x7fWAVEfmt " + struct.pack("<I", 16) + form + extra + b"data\0\xf0\xff\x7f" + data


def test_wav_streams() -> None:
    assert read_wav(wav()).samples.tolist() == [1, 2]
    assert read_wav(wav(data=b"\1\0\2")).samples.tolist() == [1]
    assert read_wav(wav(data=b"")).samples.tolist() == []
    assert read_wav(wav(rate=16000, extra=b"LIST\4\0\0\0abcd")).rate == 16000


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"data" * 12, wav(bits=8), wav(channels=2), wav(rate=1), wav()[:38], b"x" + wav()]
)
def test_what_is_no_wav_stream(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"no WAV stream|no mono 16-bit PCM"):
        read_wav(data)
