"""espeak-ng: a hundred languages, small and quick, and sounding like the formant synthesiser that it is.

It is GPL-3, and so it stays out of our process: each text is one run of the `espeak-ng` program if the machine has it,
else of a child Python that loads the library which the `espeakng-loader` wheel brings. Text goes in on stdin as UTF-8
and sound comes out on stdout as WAV. Nothing of a text, and nothing that a document names, gets onto a command line.
"""

import asyncio
import importlib.util
import shutil
import struct
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ringback.speech.contract import INTERNAL_FAILURE, Pcm, SpeechError, Voice, check_part

_WORDS_PER_MINUTE: Final = 160  # A little below espeak-ng's own 175: formants through a telephone need the time.
_RATE: Final = 22050
_CHILD: Final = Path(__file__).with_name("espeak_child.py")

# What both espeak-ng 1.51 and 1.52 have, by primary subtag. The code is espeak-ng's, which is the tag but for a few.
_CODES: Final = """
af am an ar as az ba be bg bn bs ca cmn cs cv cy da de el en eo es et eu fa fi fr ga gd gn gu hak haw he hi hr ht hu hy
ia id io is it ja ka kk kl kn ko kok ku ky la lb lt lv mi mk ml mr ms mt my nb nci ne nl om or pa pl pt qu ro ru sd si
sk sl sq sr sv sw ta te th tk tn tr tt ug uk ur uz vi yue
"""
_LANGUAGES: Final = frozenset(_CODES.split())
_ALIASES: Final = {"no": "nb", "nn": "nb", "iw": "he", "in": "id", "zh": "cmn", "arb": "ar", "mo": "ro", "sh": "hr"}
_LATIN: Final = "419 ar bo cl co cr cu do ec gt hn mx ni pa pe pr py sv us uy ve"
_LATIN_AMERICA: Final = frozenset(_LATIN.split())


def espeak_code(language: str) -> str | None:
    """Return espeak-ng's code for a BCP-47 tag, going from the region to the language; None when it has neither.

    British English is `en` and French is `fr`: not every release knows `en-gb` and `fr-fr`, and one that doesn't would
    go on with the language before.
    """
    first, *rest = language.lower().replace("_", "-").split("-")
    regions = set(rest)
    match first:
        case "en":
            return "en" if regions & {"gb", "ie", "au", "nz", "za", "in", "sg"} else "en-us"
        case "es":
            return "es-419" if regions & _LATIN_AMERICA else "es"
        case "pt":
            return "pt-br" if "br" in regions or not regions else "pt"
        case "zh" if "hk" in regions:
            return "yue"
    code = _ALIASES.get(first, first)
    return code if code in _LANGUAGES else None


def find_command() -> list[str] | None:
    """Return how to run espeak-ng on this machine, or None: the program, else Python with the wheel's library."""
    program = shutil.which("espeak-ng")
    return [program] if program else find_library()


def find_library() -> list[str] | None:
    """Return how to run the library of the `espeakng-loader` wheel, or None where that is not installed."""
    spec = importlib.util.find_spec("espeakng_loader")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    names = ("libespeak-ng.so", "libespeak-ng.dylib", "espeak-ng.dll")
    library = next((home / name for name in names if (home / name).exists()), None)
    if library is None:
        return None
    # -I and -S: neither the environment nor site-packages. The child needs ctypes only, and starts in 20 ms.
    return [sys.executable, "-I", "-S", str(_CHILD), str(library), str(home)]


def read_wav(data: bytes) -> Pcm:
    """Read a WAV stream of mono 16-bit PCM (RIFF, `fmt ` then `data`) whose lengths may be wrong, as in any stream."""
    place = data.find(b"data", 12)
    if data[:4] != b"RIFF" or data[8:16] != b"WAVEfmt " or place < 36:
        raise ValueError("no WAV stream")
    coding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, 20)
    if (coding, channels, bits) != (1, 1, 16) or not 4000 <= rate <= 192000:
        raise ValueError("no mono 16-bit PCM")
    body = data[place + 8 :]
    return Pcm(np.frombuffer(body[: len(body) & ~1], "<i2").astype(np.int16), rate)


class Espeak:
    """All other languages, and English when nothing better loads. Men and women are variants of one voice."""

    name = "espeak"

    def __init__(
        self,
        command: Sequence[str] | None = None,
        *,
        timeout: float = 20.0,
        processes: int = 2,
    ) -> None:
        """Take how to run it (default: `find_command`), seconds for one text, and how many may run at once."""
        self._command = list(command) if command is not None else find_command()
        self._timeout = timeout
        self._turns = asyncio.Semaphore(processes)

    @property
    def version(self) -> str:
        """What is run, with its size and time of change: a file's identity without having to run it."""
        if not self._command:
            return ""
        about = Path(self._command[-2] if len(self._command) > 2 else self._command[0])
        try:
            stat = about.stat()
        except OSError:
            return about.name
        return f"{about.name}-{stat.st_size}-{stat.st_mtime_ns}"

    async def start(self) -> None:
        """Do nothing: there is nothing to load."""

    async def close(self) -> None:
        """Do nothing: a process lives as long as whoever waits for it."""

    def speaks(self, voice: Voice) -> bool:
        """Tell whether espeak-ng is there and has the language."""
        return self._command is not None and espeak_code(voice.language) is not None

    async def synthesize(self, text: str, voice: Voice, rate: float = 1.0) -> Pcm:
        """Speak `text`; see `TextToSpeech`. When cancelled or too slow, the process is killed at once."""
        check_part(text, self.name)
        code = espeak_code(voice.language)
        if self._command is None or code is None:
            reason = f"has no {voice.language}" if self._command else "is missing: install espeak-ng or espeakng-loader"
            raise SpeechError(INTERNAL_FAILURE, f"espeak-ng {reason}")
        variant = f"{code}+{'m3' if voice.gender == 'man' else 'f2'}"
        speed = str(round(_WORDS_PER_MINUTE * min(max(rate, 0.5), 2.0)))
        arguments = [*self._command, "-v", variant, "-s", speed, "-b", "1", "--stdin", "--stdout"]
        # "<" begins markup only with -m, and control characters are commands of the engine: both never get that far.
        printable = "".join(c if c.isprintable() else " " for c in text)
        async with self._turns:
            output, complaint = await self._run(arguments, printable.encode())
        if not output and not complaint:
            return Pcm(np.zeros(0, np.int16), _RATE)  # Nothing to pronounce: then the program writes no header either.
        if not output:
            raise SpeechError(INTERNAL_FAILURE, f"espeak-ng made no sound for {variant}: {complaint}")
        try:
            return read_wav(output)
        except ValueError as error:
            raise SpeechError(INTERNAL_FAILURE, f"espeak-ng made {error}") from error

    async def _run(self, arguments: list[str], text: bytes) -> tuple[bytes, str]:
        try:
            process = await asyncio.create_subprocess_exec(*arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        except OSError as error:
            raise SpeechError(INTERNAL_FAILURE, f"espeak-ng cannot be run: {error}") from error
        try:
            async with asyncio.timeout(self._timeout):
                output, complaint = await process.communicate(text)
        except TimeoutError:
            raise SpeechError(INTERNAL_FAILURE, f"espeak-ng took more than {self._timeout:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                assert process.stdout is not None and process.stderr is not None
                await asyncio.gather(process.stdout.read(), process.stderr.read())  # Else wait() might not return.
                await process.wait()
        told = complaint.decode(errors="replace").strip()
        return output, told or (f"it ended with {process.returncode}" if process.returncode else "")
