"""What the REST API does to live calls, conferences and queues: the port that `ringback.app` implements.

Every method may raise `RestError`: 20404 for what is not there (any more), 21220 for a call whose state does not allow
it. When a method returns, what it did is in the store, so that the next fetch shows it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ringback.model.outgoing import MachineDetection, OutgoingCall, RecordingOptions
from ringback.model.recordings import RecordingRecord
from ringback.model.records import CallRecord

__all__ = [
    "CallControl",
    "Instructions",
    "MachineDetection",
    "NewParticipant",
    "OutgoingCall",
    "ParticipantChanges",
    "RecordingOptions",
    "ValidationRequest",
]


@dataclass(frozen=True, slots=True)
class Instructions:
    """What a live call does from now on. What is None stays as it is; `url` or `twiml` ends what it does now."""

    url: str | None = None
    method: str = "POST"
    twiml: str | None = None
    fallback_url: str | None = None
    fallback_method: str = "POST"
    status_callback: str | None = None
    status_callback_method: str = "POST"
    time_limit: int | None = None
    """Seconds from the answer."""


@dataclass(frozen=True, slots=True)
class ParticipantChanges:
    """What changes for a participant. What is None stays as it is."""

    muted: bool | None = None
    hold: bool | None = None
    hold_url: str | None = None
    hold_method: str = "GET"
    announce_url: str | None = None
    announce_method: str = "POST"
    wait_url: str | None = None
    """An empty string is silence."""
    wait_method: str = "POST"
    beep_on_exit: bool | None = None
    end_conference_on_exit: bool | None = None
    coaching: bool | None = None
    call_sid_to_coach: str | None = None


@dataclass(frozen=True, slots=True)
class NewParticipant:
    """A call into a conference, which begins with it where it does not go on already."""

    call: OutgoingCall
    conference: str
    """The sid of a conference that goes on, or a name."""
    label: str | None = None
    muted: bool = False
    beep: str = "true"
    """`true`, `false`, `onEnter` or `onExit`."""
    start_conference_on_enter: bool = True
    end_conference_on_exit: bool = False
    wait_url: str | None = None
    wait_method: str = "POST"
    early_media: bool = True
    max_participants: int | None = None
    coaching: bool = False
    call_sid_to_coach: str | None = None
    conference_record: bool = False
    conference_trim: str = "trim-silence"
    conference_status_callback: str | None = None
    conference_status_callback_method: str = "POST"
    conference_status_callback_events: tuple[str, ...] = field(default=())
    conference_recording_status_callback: str | None = None
    conference_recording_status_callback_method: str = "POST"
    conference_recording_status_callback_events: tuple[str, ...] = ("completed",)


@dataclass(frozen=True, slots=True)
class ValidationRequest:
    """A call that proves that somebody has a number: they must key in the code."""

    account_sid: str
    phone_number: str
    friendly_name: str
    validation_code: str
    """Six digits."""
    call_delay: int = 0
    """Seconds until the call is made."""
    extension: str = ""
    status_callback: str | None = None
    status_callback_method: str = "POST"


class CallControl(Protocol):
    """What can be done to calls, conferences and queues, by their sids."""

    async def place(self, request: OutgoingCall) -> CallRecord:
        """Make a call. Its record, `queued`, is on disk when this returns; it is made when its turn comes."""
        ...

    async def redirect(self, call_sid: str, instructions: Instructions) -> None:
        """Let a live call go on with other TwiML, or change what is asked and told about it."""
        ...

    async def complete(self, call_sid: str) -> None:
        """End a call: hang up, or as `cancel` when it is not answered yet."""
        ...

    async def cancel(self, call_sid: str) -> None:
        """Take back a call that is queued or ringing. Raises 21220 once it is answered."""
        ...

    async def play(self, call_sid: str, url: str, loop: int = 1) -> None:
        """Play audio into a live call, over what it does now."""
        ...

    async def say(self, call_sid: str, text: str, voice: str, language: str) -> None:
        """Speak into a live call, over what it does now."""
        ...

    async def send_digits(self, call_sid: str, digits: str) -> None:
        """Press keys towards the other side of a live call."""
        ...

    async def start_recording(self, call_sid: str, options: RecordingOptions) -> RecordingRecord:
        """Begin to record a call that is in progress. An identical recording that runs already is returned."""
        ...

    async def update_recording(
        self, recording_sid: str, status: str, pause_behavior: str = "silence"
    ) -> RecordingRecord:
        """Pause, resume or stop a recording: `paused`, `in-progress`, `stopped`; of a call or of a conference.

        `pause_behavior` is `silence` (a pause is as long as it was) or `skip`.
        """
        ...

    async def current_recording(self, call_or_conference_sid: str) -> str | None:
        """Return the sid of the recording that runs (`Twilio.CURRENT`), the newest if there are several."""
        ...

    async def end_conference(self, conference_sid: str) -> None:
        """End a conference: everybody's `<Dial>` is over."""
        ...

    async def announce(self, conference_sid: str, url: str, method: str) -> None:
        """Play what that URL answers with to everybody in a conference."""
        ...

    async def add_participant(self, participant: NewParticipant) -> tuple[str, CallRecord]:
        """Call somebody into a conference, and return the sid of the conference and the call, queued.

        The record of the participant, `queued`, is in the store then.
        """
        ...

    async def update_participant(self, conference_sid: str, call_sid: str, changes: ParticipantChanges) -> None:
        """Change a participant who is there."""
        ...

    async def kick(self, conference_sid: str, call_sid: str) -> None:
        """Take a participant out of a conference: their `<Dial>` is over."""
        ...

    async def dequeue(self, queue_sid: str, call_sid: str, url: str, method: str) -> None:
        """Take a caller out of a queue, to go on with the TwiML of that URL."""
        ...

    async def forget_queue(self, queue_sid: str) -> None:
        """A queue without members is no more."""
        ...

    async def validate(self, request: ValidationRequest) -> CallRecord:
        """Call a number whose owner must key in a code. The caller id exists once they have."""
        ...

    def live(self) -> Mapping[str, int]:
        """Tell how many calls there are now, by status; for the headers and the console."""
        ...
