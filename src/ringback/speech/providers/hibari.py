"""hibari-tts: English, one woman's voice, 14 MB with its model, a hundred times faster than real time on one core.

Apache-2.0, code and voice. It runs in a process of its own (`worker`), which is loaded before the first call comes.
"""

import asyncio
import importlib.util
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Final

import numpy as np

from ringback.speech.contract import INTERNAL_FAILURE, Pcm, SpeechError, Voice, check_part
from ringback.speech.providers.worker import DeadWorkerError, UnfitEngineError, Worker, WorkerError

# -P: a directory that the server happens to be started in is no place to import from.
_COMMAND: Final = (sys.executable, "-P", "-m", "ringback.speech.providers.hibari_child")


class Hibari:
    """English for everyone who doesn't ask for another language; men get the same voice, there is no other."""

    name = "hibari"

    def __init__(
        self,
        workers: int = 1,
        *,
        load_timeout: float = 60.0,
        job_timeout: float = 20.0,
        command: Sequence[str] = _COMMAND,
    ) -> None:
        """Take the number of processes, each of 215 MB and good for dozens of calls, and seconds to wait for them.

        `command` is what the processes run.
        """
        self._workers = [
            Worker(command, load_timeout=load_timeout, job_timeout=job_timeout) for _ in range(max(1, workers))
        ]
        self._free: asyncio.Queue[Worker] = asyncio.Queue()
        for worker in self._workers:
            self._free.put_nowait(worker)
        installed = importlib.util.find_spec("hibari") is not None
        self._unfit = "" if installed else "the package hibari-tts is not installed"

    @property
    def version(self) -> str:
        """The version of the package, which holds the model as well."""
        try:
            return metadata.version("hibari-tts")
        except metadata.PackageNotFoundError:
            return ""

    async def start(self) -> None:
        """Start the processes; they load meanwhile."""
        if not self._unfit:
            await asyncio.gather(*(worker.start() for worker in self._workers))

    async def close(self) -> None:
        """End the processes."""
        await asyncio.gather(*(worker.close() for worker in self._workers))

    def speaks(self, voice: Voice) -> bool:
        """English of every region; False once the engine has turned out not to load."""
        return voice.primary == "en" and not self._unfit

    async def synthesize(self, text: str, voice: Voice, rate: float = 1.0) -> Pcm:
        """Speak `text`; see `TextToSpeech`. A process that has died is replaced and the text tried once more."""
        check_part(text, self.name)
        if self._unfit:
            raise SpeechError(INTERNAL_FAILURE, f"hibari cannot speak: {self._unfit}")
        job = {"text": text, "rate": min(max(rate, 0.5), 2.0)}
        worker = await self._free.get()
        try:
            try:
                samples, hertz = await worker.run(job)
            except DeadWorkerError:
                samples, hertz = await worker.run(job)
        except WorkerError as error:
            if isinstance(error, UnfitEngineError):
                self._unfit = str(error)
            raise SpeechError(INTERNAL_FAILURE, f"hibari cannot speak: {error}") from error
        finally:
            self._free.put_nowait(worker)
        return Pcm(np.frombuffer(samples, np.int16), hertz)
