"""Recordings, as others see them: their URLs, and who is told about them. 2010-04-01 clause 5.3."""

from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from ringback.app.voice import VoiceApplications
from ringback.calls.leg import Leg
from ringback.calls.recording import Recorded, RecordingEvent, RecordingSource, RecordOptions, Track
from ringback.model.outgoing import OutgoingCall, RecordingOptions
from ringback.model.status import ApiVersion
from ringback.twiml.services import read_method

_TRACKS: Final[dict[str, Track]] = {"inbound": "inbound", "outbound": "outbound", "both": "both"}


def recording_url(base: str, version: ApiVersion, account_sid: str, recording_sid: str) -> str:
    """Where a recording is to be had: without a suffix it is a WAV file, `.mp3` makes it one of those."""
    return f"{base.rstrip('/')}/{version}/Accounts/{account_sid}/Recordings/{recording_sid}"


def recording_parameters(
    leg: Leg, base: str, event: RecordingEvent, recorded: Recorded, began: datetime
) -> dict[str, str]:
    """What a recording's status callback tells besides the call's own parameters."""
    return {
        "RecordingSid": recorded.sid,
        "RecordingUrl": recording_url(base, leg.info.api_version, leg.info.account_sid, recorded.sid),
        "RecordingStatus": event,
        "RecordingDuration": str(recorded.seconds),
        "RecordingChannels": str(recorded.channels),
        "RecordingStartTime": format_datetime(began),
        "RecordingSource": recorded.source,
        "RecordingTrack": "both",
        "ErrorCode": "0" if event != "failed" else "13618",
    }


class RecordingWatches:
    """Turns what the REST API wants of a recording into options that tell its status callback."""

    def __init__(self, voice: VoiceApplications, base_url: str, utcnow: Callable[[], datetime]) -> None:
        """`base_url` is where the REST API is reached from outside."""
        self._voice = voice
        self._base = base_url
        self._utcnow = utcnow

    def of_call(self, leg: Leg, request: OutgoingCall) -> RecordOptions:
        """How a call is recorded whose request asked for it."""
        assert request.record is not None, "asked only for those"
        return self.options(leg, request.record, "OutboundAPI")

    def options(self, leg: Leg, wanted: RecordingOptions, source: RecordingSource) -> RecordOptions:
        """How to record a call."""
        began = self._utcnow()

        def watch(event: RecordingEvent, recorded: Recorded) -> None:
            conducting = self._voice.find(leg.info.sid)
            if event == "completed" and conducting is not None:
                conducting.further = {
                    **conducting.further,
                    "RecordingUrl": recording_url(self._base, leg.info.api_version, leg.info.account_sid, recorded.sid),
                    "RecordingSid": recorded.sid,
                    "RecordingDuration": str(recorded.seconds),
                }
            if conducting is None or not wanted.status_callback or event not in wanted.status_callback_events:
                return
            method = read_method(wanted.status_callback_method)
            told = recording_parameters(leg, self._base, event, recorded, began)
            work = self._voice.tell(leg, conducting, wanted.status_callback, method, told)
            leg.detach(work, f"status callback of {recorded.sid}")

        return RecordOptions(
            source=source,
            track=_TRACKS.get(wanted.track, "both"),
            channels=2 if wanted.channels == "dual" else 1,
            trim=wanted.trim == "trim-silence",
            watch=watch,
        )
