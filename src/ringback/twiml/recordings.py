"""Who is told about a recording that a document asked for. 2010-04-01 clause 5.3."""

from typing import Final

from ringback.calls.recording import Recorded, RecordingEvent, RecordingWatch
from ringback.twiml.services import Method
from ringback.twiml.session import Session

RECORDING_EVENTS: Final = ("in-progress", "completed", "absent")


def watch_recording(session: Session, url: str, method: Method, events: tuple[str, ...]) -> RecordingWatch | None:
    """Tell a URL of the events that it wants; a failure is told with the completed ones. None without a URL."""
    if not url:
        return None

    def watch(event: RecordingEvent, recorded: Recorded) -> None:
        if event in events or (event == "failed" and "completed" in events):
            told = recording_parameters(session, event, recorded)
            session.tell(session.call, url, method, told, f"status callback of {recorded.sid}")

    return watch


def recording_parameters(session: Session, event: RecordingEvent, recorded: Recorded) -> dict[str, str]:
    """What a request tells of a recording."""
    return {
        "RecordingSid": recorded.sid,
        "RecordingUrl": session.services.recording_url(session.call, recorded.sid),
        "RecordingStatus": event,
        "RecordingDuration": str(recorded.seconds),
        "RecordingChannels": str(recorded.channels),
        "RecordingSource": recorded.source,
        "RecordingTrack": "both",
        "ErrorCode": "13618" if event == "failed" else "0",
    }
