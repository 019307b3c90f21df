"""Nouns that find out whether a machine answered. 2010-04-01 clauses 2.6 and 5.4."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Literal

from ringback.calls.dialing import Target
from ringback.calls.port import Call
from ringback.model.outgoing import MachineDetection
from ringback.twiml.attributes import attribute, free_text, http_method, integer, one_of
from ringback.twiml.nouns.callee import V2010, Callee
from ringback.twiml.session import Session

_STANDARD = MachineDetection()


@dataclass(frozen=True)
class DetectingCallee(Callee):
    """A noun whose callee may be a machine.

    The document of `url` waits for the verdict and is told it, unless `amdStatusCallback` is: then nobody waits.
    """

    machine_detection: Literal["", "Enable", "DetectMessageEnd"] = attribute(
        one_of("Enable", "DetectMessageEnd"), "", since=V2010
    )
    machine_detection_timeout: int = attribute(integer(3, 60), _STANDARD.timeout, since=V2010)
    """Seconds; the others are milliseconds."""
    machine_detection_speech_threshold: int = attribute(integer(1000, 6000), _STANDARD.speech_threshold, since=V2010)
    machine_detection_speech_end_threshold: int = attribute(
        integer(500, 5000), _STANDARD.speech_end_threshold, since=V2010
    )
    machine_detection_silence_timeout: int = attribute(integer(2000, 10000), _STANDARD.silence_timeout, since=V2010)
    amd_status_callback: str = attribute(free_text, "", since=V2010)
    amd_status_callback_method: Literal["GET", "POST"] = attribute(http_method, "POST", since=V2010)

    def target(self, session: Session) -> Target:
        """Whom to call, and how to find out who answers."""
        target = super().target(session)
        if not self.machine_detection:
            return target
        return replace(target, screen=self._detect(session))

    def _detect(self, session: Session) -> Callable[[Call], Awaitable[bool]]:
        async def screen(call: Call) -> bool:
            if self.url and not self.amd_status_callback:
                return await self._asked(session, call, await self._verdict(call))
            # Without a document to wait there is nobody to wait for it.
            call.detach(self._verdict_told(session, call), "machine detection")
            return await self._asked(session, call, {}) if self.url else True

        return screen

    async def _verdict_told(self, session: Session, call: Call) -> None:
        verdict = await self._verdict(call)
        if self.amd_status_callback:
            session.tell(
                call, self.amd_status_callback, self.amd_status_callback_method, verdict, "machine detection callback"
            )

    async def _verdict(self, call: Call) -> dict[str, str]:
        began = call.now()
        detection = MachineDetection(
            self.machine_detection,
            self.machine_detection_timeout,
            self.machine_detection_speech_threshold,
            self.machine_detection_speech_end_threshold,
            self.machine_detection_silence_timeout,
        )
        answered_by = await call.detect_machine(detection)
        return {"AnsweredBy": answered_by, "MachineDetectionDuration": str(round((call.now() - began) * 1000))}
