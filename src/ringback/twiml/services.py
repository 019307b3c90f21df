"""What the interpreter needs besides the call itself: documents, audio and speech, as the layers below supply them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ringback.calls.port import Call
from ringback.calls.recording import Recorded
from ringback.model.audio import Clip
from ringback.model.status import ApiVersion, Direction
from ringback.speech.normalise import Segment

Method = Literal["GET", "POST"]


def read_method(text: str) -> Method:
    """The method of a request, as somebody wrote it: whatever is not GET is POST."""
    return "GET" if text.upper() == "GET" else "POST"


Said = str | tuple[Segment, ...]
"""A text, or the segments of one that SSML marks up."""


def plain(text: Said) -> str:
    """The text without its markup."""
    return text if isinstance(text, str) else " ".join(segment.text for segment in text if segment.text)


@dataclass(frozen=True)
class Fetch:
    """A request for the next document."""

    url: str
    method: Method = "POST"
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What a verb has to tell, such as Digits. The parameters of every request (CallSid, From, …) are not among them:
    whoever fetches adds those, and puts all of them into the query of a GET or the form of a POST."""


@dataclass(frozen=True)
class Answer:
    """What the application sent."""

    url: str
    """Where the document came from, after redirects and without the parameters that the request put into its query.
    Relative URLs in the document resolve against it."""
    status: int
    content_type: str
    """The whole Content-Type field, or an empty string where there was none."""
    body: bytes


class VoiceUrls(Protocol):
    """What numbers, applications and SIP domains say about their calls."""

    @property
    def voice_url(self) -> str | None:
        """Where the first document is; None or empty where there is none."""
        ...

    @property
    def voice_method(self) -> str:
        """How it is asked for."""
        ...

    @property
    def voice_fallback_url(self) -> str | None:
        """Who is asked when that fails."""
        ...

    @property
    def voice_fallback_method(self) -> str:
        """How."""
        ...


@dataclass(frozen=True)
class Application:
    """Which application a call belongs to, and whom to ask when it fails."""

    url: str
    method: Method = "POST"
    fallback_url: str | None = None
    fallback_method: Method = "POST"

    @classmethod
    def of(cls, entry: VoiceUrls) -> "Application":
        """The application behind a number, a SIP domain, or a record of an application."""
        return cls(
            url=entry.voice_url or "",
            method=read_method(entry.voice_method),
            fallback_url=entry.voice_fallback_url or None,
            fallback_method=read_method(entry.voice_fallback_method),
        )

    def first_request(self, version: ApiVersion, direction: Direction = Direction.INBOUND) -> Fetch:
        """The request that begins the call. In 2008-08-01 it says DialStatus=answered, so that applications find the
        same parameter on incoming calls as on calls that they made (clause 1.1).
        """
        # A call that was not answered, or by a machine, has another DialStatus; whoever dialed it knows which.
        told = {"DialStatus": "answered"} if version is ApiVersion.V2008 and direction is Direction.INBOUND else {}
        return Fetch(self.url, self.method, told)


@dataclass(frozen=True)
class OutgoingSms:
    """A text message of a call."""

    to: str
    from_: str
    body: str
    status_callback: str = ""
    """A URL, absolute, or empty."""


@dataclass(frozen=True)
class SentSms:
    """What became of it so far."""

    sid: str
    status: str
    """`sending` or `invalid` (2008-08-01, clause 2.7)."""


class Services(Protocol):
    """What `ringback.app` hands to every session. Each method raises `ringback.model.errors.ApplicationError` when
    the application, or what it points to, is to blame; that error's code decides what the interpreter does.
    """

    async def fetch(self, call: Call, request: Fetch) -> Answer:
        """Ask the application, following redirects. An answer of 400 or more, or none, is raised as an error."""
        ...

    async def speak(self, text: Said, *, voice: str, language: str) -> Clip:
        """Turn text into audio. `voice` is a value of Say's attribute (`man`, `Polly.Joanna`, …), known or not;
        `language` is a BCP-47 tag (`en`, `pt-BR`), or empty for the voice's own."""
        ...

    async def audio(self, call: Call, url: str) -> Clip:
        """Fetch audio by GET and make it playable: 13420 when it is no audio, the fetch's own code when it fails."""
        ...

    async def audio_body(self, body: bytes, content_type: str) -> Clip:
        """Make audio that arrived in place of a document playable."""
        ...

    def of(self, call: Call) -> "Services":
        """The same application's services for another call: a callee, who has cookies of its own."""
        ...

    async def notify(self, call: Call, url: str, method: Method, parameters: Mapping[str, str]) -> None:
        """Tell the application something. What it answers does not matter; that it cannot be reached is a warning."""
        ...

    def recording_url(self, call: Call, recording_sid: str) -> str:
        """Where a recording is to be had."""
        ...

    async def may_call_as(self, call: Call, caller_id: str) -> bool:
        """Whether calls may show that number: one of the account's, or one that was proven to be its user's."""
        ...

    async def transcribe(self, call: Call, recorded: Recorded, callback: str) -> None:
        """Have a recording written down, some time after the call perhaps; `callback` is a URL to tell, or empty."""
        ...

    async def send_sms(self, call: Call, sms: OutgoingSms) -> SentSms:
        """Send a text message. Raises ApplicationError, whose code is that of a warning."""
        ...
