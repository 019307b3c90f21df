"""An application without a server: pages by URL. With `FakeCall` it makes a test of a TwiML application.

>>> from ringback.testing.clock import run
>>> from ringback.testing.fake_application import FakeApplication
>>> from ringback.testing.fake_call import FakeCall, Press
>>> application = FakeApplication({
...     "http://shop/": "<Response><Gather action='/menu' numDigits='1'><Say>Press 1.</Say></Gather></Response>",
...     "http://shop/menu": lambda asked: f"<Response><Say>You pressed {asked.parameters['Digits']}</Say></Response>",
... })
>>> call = FakeCall([Press(3, "1")])
>>> run(application.take(call, "http://shop/")).reason
'document-end'
>>> application.heard(call)
['Press 1.', 'You pressed 1']
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ringback.calls.port import Call
from ringback.calls.recording import Recorded
from ringback.model.audio import SAMPLE_RATE, Clip
from ringback.model.errors import ApplicationError
from ringback.testing.fake_call import FakeCall
from ringback.twiml.interpreter import SessionEnd, VoiceSession
from ringback.twiml.services import Answer, Application, Fetch, Method, OutgoingSms, Said, SentSms, plain

CHARACTERS_PER_SECOND = 15
"""How fast the fake voice speaks; people and engines are not far from it."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer that is more than TwiML with status 200."""

    body: str | bytes = ""
    content_type: str = "text/xml"
    status: int = 200
    url: str | None = None
    """Where redirects led, when they did."""


Source = str | bytes | Page | Exception
"""TwiML, a page, or an error to be raised."""


class FakeApplication:
    """`ringback.twiml.services.Services` from a dictionary.

    `pages` are keyed by absolute URL, or by URL without its query; a page may be a function of the request.
    `audio` has the length in seconds of what Play may fetch, or an error. Anything else is a 404, code 11200.
    """

    def __init__(
        self,
        pages: Mapping[str, Source | Callable[[Fetch], Source]],
        audio: Mapping[str, float | Exception] | None = None,
        *,
        fetch_seconds: float = 0.0,
        speech_seconds: float = 0.0,
    ) -> None:
        """`fetch_seconds` is how long each page and audio takes to come, `speech_seconds` each text to be spoken."""
        self._pages = pages
        self._audio = audio or {}
        self._fetch_seconds = fetch_seconds
        self._speech_seconds = speech_seconds
        self.requests: list[Fetch] = []
        """Pages that were asked for, in order."""
        self.spoken: list[str] = []
        """Texts that were asked for, in order. Some may have been prepared and not played: see `FakeCall.played`."""
        self.said: list[tuple[Said, str, str]] = []
        """The same with their markup, voices and languages."""
        self.fetched_audio: list[str] = []
        self.mute: ApplicationError | None = None
        """Set it to let speech fail."""
        self._labels: dict[Path, str] = {}
        self.told: list[Fetch] = []
        """What the application was told, in order; what it would answer does not matter."""
        self.caller_ids: set[str] = set()
        self.transcribed: list[tuple[Recorded, str]] = []
        self.sms: list[OutgoingSms] = []
        self.sms_refused: ApplicationError | None = None

    async def take(
        self, call: FakeCall, url: str, *, fallback_url: str | None = None, first: Fetch | None = None
    ) -> SessionEnd:
        """Let this application conduct a call, from its first request to its end.

        The session of a caller who hangs up has the reason of the call, such as `caller-hangup`.
        """
        application = Application(url, fallback_url=fallback_url)
        request = first or application.first_request(call.info.api_version, call.info.direction)
        session = VoiceSession(call, self, application)
        end = await call.conduct(session.run(request))
        await session.farewell()
        return end or SessionEnd(call.end_reason)

    async def fetch(self, call: Call, request: Fetch) -> Answer:
        """Serve a page."""
        self.requests.append(request)
        await asyncio.sleep(self._fetch_seconds)
        bare = urlsplit(request.url)._replace(query="", fragment="").geturl()
        page = self._pages.get(request.url, self._pages.get(bare, Page(status=404)))
        if callable(page):
            page = page(request)
        if isinstance(page, Exception):
            raise page
        if not isinstance(page, Page):
            page = Page(page)
        if page.status >= 400:
            raise ApplicationError(11200, f"the application answered {page.status}", request.url)
        body = page.body.encode() if isinstance(page.body, str) else page.body
        return Answer(page.url or request.url, page.status, page.content_type, body)

    async def speak(self, text: Said, *, voice: str, language: str) -> Clip:
        """Speak: the clip has the length of the text and its name."""
        words = plain(text)
        self.spoken.append(words)
        self.said.append((text, voice, language))
        await asyncio.sleep(self._speech_seconds)
        if self.mute is not None:
            raise self.mute
        pauses = 0 if isinstance(text, str) else sum(segment.break_ms for segment in text) / 1000
        return self._clip(words, len(words) / CHARACTERS_PER_SECOND + pauses)

    async def audio(self, call: Call, url: str) -> Clip:
        """Fetch audio."""
        self.fetched_audio.append(url)
        await asyncio.sleep(self._fetch_seconds)
        audio = self._audio.get(url)
        if isinstance(audio, Exception):
            raise audio
        if audio is None:
            raise ApplicationError(11200, "the application answered 404", url)
        return self._clip(url, audio)

    async def audio_body(self, body: bytes, content_type: str) -> Clip:
        """Take a second for each 8,000 bytes."""
        return self._clip(content_type, len(body) / SAMPLE_RATE)

    def of(self, call: Call) -> "FakeApplication":
        """The same for a callee."""
        return self

    async def notify(self, call: Call, url: str, method: Method, parameters: Mapping[str, str]) -> None:
        """Keep what the application is told."""
        self.told.append(Fetch(url, method, dict(parameters)))

    def recording_url(self, call: Call, recording_sid: str) -> str:
        """A URL with the version, the account and the recording in it, as a server has it."""
        return f"http://api.example/{call.info.api_version}/Accounts/{call.info.account_sid}/Recordings/{recording_sid}"

    async def may_call_as(self, call: Call, caller_id: str) -> bool:
        """Whether it is one of `caller_ids`."""
        return caller_id in self.caller_ids

    async def transcribe(self, call: Call, recorded: Recorded, callback: str) -> None:
        """Keep what is to be transcribed."""
        self.transcribed.append((recorded, callback))

    async def send_sms(self, call: Call, sms: OutgoingSms) -> SentSms:
        """Keep the message, or raise `sms_refused`."""
        if self.sms_refused is not None:
            raise self.sms_refused
        self.sms.append(sms)
        return SentSms(f"SM{len(self.sms):032x}", "sending")

    def heard(self, call: FakeCall) -> list[str]:
        """What the caller heard, in order: texts, URLs of audio, and content types of audio that came as a page.

        Clips that were cut short are among them; `call.played` tells when each began and stopped.
        """
        return [self._labels[played.clip.path] for played in call.played]

    def _clip(self, label: str, seconds: float) -> Clip:
        # There is no file: the path only tells one clip from another.
        path = Path(f"{len(self._labels)}.pcm")
        self._labels[path] = label
        return Clip(path, round(seconds * SAMPLE_RATE))
