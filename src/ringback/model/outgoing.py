"""A call that somebody asked the REST API for, with everything that decides how it is made."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from ringback.model.status import ApiVersion


@dataclass(frozen=True, slots=True)
class MachineDetection:
    """Whether and how to find out who answered. Times are milliseconds, except `timeout`."""

    mode: str = "Enable"
    """`Enable` (tell human from machine) or `DetectMessageEnd` (and wait for the end of a machine's greeting)."""
    timeout: int = 30
    """Seconds until the verdict is `unknown`."""
    speech_threshold: int = 2400
    speech_end_threshold: int = 1200
    silence_timeout: int = 5000
    asynchronous: bool = False
    status_callback: str | None = None
    status_callback_method: str = "POST"
    hangup: bool = False
    """2008-08-01, `IfMachine=Hangup`: a machine is hung up on."""


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """How a call is recorded, and who is told about it."""

    channels: str = "mono"
    """`mono` or `dual`."""
    track: str = "both"
    trim: str = "trim-silence"
    status_callback: str | None = None
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)


@dataclass(frozen=True, slots=True)
class OutgoingCall:
    """A call to be made. Numbers are in their stored form; everything was checked by whoever made this."""

    account_sid: str
    to: str
    from_: str
    api_version: ApiVersion = ApiVersion.V2010
    url: str | None = None
    """Where the TwiML is fetched; else `twiml`, else the URLs of `application_sid`. One of the three is there."""
    method: str = "POST"
    twiml: str | None = None
    application_sid: str | None = None
    fallback_url: str | None = None
    fallback_method: str = "POST"
    status_callback: str | None = None
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)
    send_digits: str | None = None
    timeout: int = 60
    """Seconds to let it ring."""
    time_limit: int | None = None
    """Seconds after which it is ended."""
    machine_detection: MachineDetection | None = None
    record: RecordingOptions | None = None
    caller_id: str | None = None
    """Shown in place of `from_`."""
    phone_number_sid: str | None = None
    """The number or validated caller id behind `from_`."""
    sip_auth_username: str | None = None
    sip_auth_password: str | None = None
    call_reason: str | None = None
    validation: str | None = None
    """The code that the callee must key in, for the call that proves a caller id; there is no TwiML then."""
    validation_friendly_name: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, for the store."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what `to_json` returned. Names that this release does not know are ignored."""
        known = _known(cls, values)
        detection, record = known.get("machine_detection"), known.get("record")
        if detection is not None:
            known["machine_detection"] = MachineDetection(**_known(MachineDetection, detection))
        if record is not None:
            options = _known(RecordingOptions, record)
            options["status_callback_events"] = tuple(options.get("status_callback_events", ("completed",)))
            known["record"] = RecordingOptions(**options)
        known["api_version"] = ApiVersion(known.get("api_version", ApiVersion.V2010))
        known["status_callback_events"] = tuple(known.get("status_callback_events", ("completed",)))
        return cls(**known)


def _known(cls: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(cls)}
    return {name: value for name, value in values.items() if name in names}
