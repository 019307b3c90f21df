"""Conference: a room of that name. 2008-08-01 clause 2.6, 2010-04-01 clause 2.6."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from ringback.calls.attendance import Attendance, ConferenceEvent
from ringback.calls.port import Call
from ringback.calls.recording import RecordOptions
from ringback.model.status import ApiVersion
from ringback.twiml.attributes import BadValueError, attribute, boolean, free_text, http_method, integer, one_of
from ringback.twiml.nouns.callee import event_list
from ringback.twiml.recordings import RECORDING_EVENTS, watch_recording
from ringback.twiml.session import WAIT, Session

V2010 = ApiVersion.V2010
MAX_LABEL = 128
MAX_NAME = 128

_KINDS = {
    "conference-start": "start",
    "conference-end": "end",
    "participant-join": "join",
    "participant-leave": "leave",
    "participant-mute": "mute",
    "participant-unmute": "mute",
    "participant-hold": "hold",
    "participant-unhold": "hold",
    "participant-modify": "modify",
    "participant-speech-start": "speaker",
    "participant-speech-stop": "speaker",
    "announcement-end": "announcement",
    "announcement-fail": "announcement",
}


def _beep(text: str, version: ApiVersion) -> str:
    known = ("true", "false") if version is ApiVersion.V2008 else ("true", "false", "onEnter", "onExit")
    if text not in known:
        raise BadValueError(f"takes {', '.join(known)}")
    return text


def _label(text: str, _version: ApiVersion) -> str:
    if len(text) > MAX_LABEL:
        raise BadValueError(f"takes up to {MAX_LABEL} characters", 16024)
    if "/" in text:
        raise BadValueError("takes no /", 16024)
    return text


def _record(text: str, _version: ApiVersion) -> bool:
    if text not in ("do-not-record", "record-from-start", "true", "false"):
        raise BadValueError("takes do-not-record or record-from-start")
    return text in ("record-from-start", "true")


@dataclass(frozen=True)
class Conference:
    """A name, and how somebody takes part."""

    name: ClassVar[str] = "Conference"
    later_code: ClassVar[int] = 13299

    to: str = ""
    muted: bool = attribute(boolean, False, code=13230)
    beep: Literal["true", "false", "onEnter", "onExit"] = attribute(_beep, "true", code=13235)
    start_conference_on_enter: bool = attribute(boolean, True, code=13232)
    end_conference_on_exit: bool = attribute(boolean, False, code=13231)
    wait_url: str | None = attribute(free_text, None, code=13233)
    """None: the built-in music; empty: silence."""
    wait_method: Literal["GET", "POST"] = attribute(http_method, "POST", code=13234)
    participant_label: str = attribute(_label, "", since=V2010)
    max_participants: int = attribute(integer(2, 250), 250, since=V2010)
    record: bool = attribute(_record, False, since=V2010)
    trim: str = attribute(one_of("trim-silence", "do-not-trim"), "trim-silence", code=13239, since=V2010)
    coach: str = attribute(free_text, "", code=13240, since=V2010)
    region: str = attribute(free_text, "", since=V2010)
    jitter_buffer_size: str = attribute(one_of("large", "medium", "small", "off"), "large", since=V2010)
    status_callback: str = attribute(free_text, "", since=V2010)
    status_callback_method: Literal["GET", "POST"] = attribute(http_method, "POST", since=V2010)
    status_callback_event: tuple[str, ...] = attribute(
        event_list("start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement"),
        (),
        since=V2010,
    )
    recording_status_callback: str = attribute(free_text, "", since=V2010)
    recording_status_callback_method: Literal["GET", "POST"] = attribute(http_method, "POST", since=V2010)
    recording_status_callback_event: tuple[str, ...] = attribute(
        event_list(*RECORDING_EVENTS), ("completed",), since=V2010
    )
    event_callback_url: str = attribute(free_text, "", since=V2010)

    def attendance(self, session: Session, *, hangup_on_star: bool, time_limit: float) -> Attendance:
        """How the call takes part."""
        return Attendance(
            self.to,
            muted=self.muted,
            beep=self.beep,
            start_on_enter=self.start_conference_on_enter,
            end_on_exit=self.end_conference_on_exit,
            wait=None if self.wait_url is None else self._wait(session, self.wait_url),
            max_participants=self.max_participants,
            label=self.participant_label,
            coach=self.coach,
            hangup_on_star=hangup_on_star,
            time_limit=time_limit,
            record=self._recording(session) if self.record else None,
            watch=self._watch(session) if self.status_callback and self.status_callback_event else None,
        )

    def _wait(self, session: Session, url: str) -> Callable[[Call], Awaitable[None]]:
        async def wait(call: Call) -> None:
            # In 2008-08-01 the document is asked for again when it has come to its end; later once.
            while url:
                began = call.now()
                end = await session.conduct(call, session.fetch(url, self.wait_method), WAIT)
                if session.version is not ApiVersion.V2008 or end.error_code is not None:
                    return
                if call.now() - began < 1.0:
                    await call.sleep(1.0)

        return wait

    def _recording(self, session: Session) -> RecordOptions:
        url = self.recording_status_callback or self.event_callback_url
        return RecordOptions(
            "Conference",
            track="both",
            trim=self.trim == "trim-silence",
            watch=watch_recording(
                session, url, self.recording_status_callback_method, self.recording_status_callback_event
            ),
        )

    def _watch(self, session: Session) -> Callable[[ConferenceEvent], None]:
        def watch(event: ConferenceEvent) -> None:
            if _KINDS[event.name] not in self.status_callback_event:
                return
            told = {
                "ConferenceSid": event.conference_sid,
                "FriendlyName": event.friendly_name,
                "SequenceNumber": str(event.sequence),
                "StatusCallbackEvent": event.name,
                **{name: _text(value) for name, value in event.data.items()},
            }
            told["CallSid"] = event.call_sid
            session.tell(
                session.call, self.status_callback, self.status_callback_method, told, "conference status callback"
            )

        return watch


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
