"""What the interpreter is given for one call: documents from the web, speech from the engines, audio from both."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from voice_world import SHOP, Hum, virtual, wav
from web_in_memory import Asked, Page, WebInMemory

from ringback.app.services import CallServices, DefaultSpeech, Facilities
from ringback.calls.leg import Leg
from ringback.calls.recording import Recorded
from ringback.media.library import ClipLibrary
from ringback.model import events
from ringback.model.audio import Clip
from ringback.model.errors import ApplicationError
from ringback.speech.contract import SpeechError
from ringback.speech.normalise import Segment
from ringback.speech.speaker import Speaker
from ringback.testing.exchange import Exchange
from ringback.testing.fake_call import FakeCall
from ringback.twiml.services import Fetch, OutgoingSms, Services
from ringback.webhooks.client import WebhookClient
from ringback.webhooks.signature import HEADER, sign

TUNE = f"{SHOP}tune.wav"


class Desk:
    """The services of one call, and what is around them."""

    def __init__(self, directory: Path, library: Callable[..., ClipLibrary]) -> None:
        self.web = WebInMemory()
        self.call = FakeCall()
        self.engine = Hum()
        self.scratch = directory / "scratch"
        self.scratch.mkdir()
        self.executor = ThreadPoolExecutor(1)
        self.speaker = Speaker(directory / "speech", [self.engine], clock=asyncio.get_running_loop().time)
        session = WebhookClient(exchange=self.web).session("secret")
        clips = library(directory / "clips", self.executor)
        self.services: Services = CallServices(self.call, session, Facilities(self.speaker, clips, self.scratch))

    @property
    def left(self) -> list[Path]:
        """What lies in the scratch directory."""
        return list(self.scratch.iterdir())


@asynccontextmanager
async def opened(directory: Path, library: Callable[..., ClipLibrary] = ClipLibrary) -> AsyncIterator[Desk]:
    desk = Desk(directory, library)
    await desk.speaker.start()
    yield desk
    await desk.speaker.close()
    desk.executor.shutdown()


# -- documents --------------------------------------------------------------------------------------------------------


@virtual
async def test_a_request_tells_of_the_call_and_what_the_verb_adds(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        desk.web.pages[f"{SHOP}menu"] = "<Response/>"
        answer = await desk.services.fetch(desk.call, Fetch(f"{SHOP}menu", "GET", {"Digits": "1"}))
        assert (answer.url, answer.status, answer.content_type) == (f"{SHOP}menu", 200, "text/xml")
        assert answer.body == b"<Response/>"
        (asked,) = desk.web.asked
        assert (asked.method, asked.fields["Digits"], asked.fields["CallStatus"]) == ("GET", "1", "ringing")
        assert asked.fields["CallSid"] == desk.call.info.sid
        assert asked.headers[HEADER] == sign("secret", asked.url)
        assert [noted.kind for noted in desk.call.noted] == [events.WEBHOOK_REQUEST, events.WEBHOOK_RESPONSE]


@pytest.mark.parametrize(
    ("said", "passed_on"),
    [
        ("text/xml; charset=ISO-8859-1", "text/xml; charset=iso-8859-1"),
        ("text/xml; charset=martian", "text/xml"),
        ("Application/XML", "application/xml"),
        ("", ""),
    ],
)
def test_the_content_type_is_passed_on_with_a_charset_that_exists(tmp_path: Path, said: str, passed_on: str) -> None:
    @virtual
    async def fetch() -> None:
        async with opened(tmp_path) as desk:
            desk.web.pages[SHOP] = Page("<Response/>", said)
            assert (await desk.services.fetch(desk.call, Fetch(SHOP))).content_type == passed_on

    fetch()


@virtual
async def test_the_base_of_a_document_is_where_it_came_from(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        desk.web.pages |= {SHOP: Page(status=302, headers={"Location": "/moved/here"}), f"{SHOP}moved/here": "x"}
        assert (await desk.services.fetch(desk.call, Fetch(SHOP))).url == f"{SHOP}moved/here"


@virtual
async def test_an_application_that_fails_is_an_application_error(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        desk.web.pages[f"{SHOP}other"] = "<Response/>"
        with pytest.raises(ApplicationError, match="11200: the server answered 404"):
            await desk.services.fetch(desk.call, Fetch(SHOP))


# -- speech -----------------------------------------------------------------------------------------------------------


@virtual
async def test_speech_is_noted_with_its_clip(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        clips = [await desk.services.speak("Hello.", voice="man", language="en") for _ in range(2)]
        assert clips[0] == clips[1]
        assert clips[0].path.is_file()
        first, second = desk.call.notes(events.SPEECH)
        assert first == {
            "engine": "hum",
            "voice": "man",
            "language": "en",
            "text": "Hello.",
            "seconds": round(clips[0].seconds, 2),
            "ms": 0.0,
            "cached": False,
            "clip": clips[0].path.name,
        }
        assert second == {**first, "cached": True}
        assert desk.call.notes(events.WARNING) == []


@virtual
async def test_the_timeline_keeps_the_beginning_of_a_text_without_its_markup(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        await desk.services.speak((Segment("one"), Segment("two " * 100)), voice="man", language="")
        (noted,) = desk.call.notes(events.SPEECH)
        assert noted["text"] == ("one " + "two " * 100)[:200]


@virtual
async def test_what_the_author_should_know_of_a_voice_becomes_warnings(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        await desk.services.speak("Hello.", voice="Marvin", language="en")
        await desk.services.speak("Bonjour.", voice="man", language="fr")
        codes = [(warning["code"], bool(warning["message"])) for warning in desk.call.notes(events.WARNING)]
        assert codes == [(13511, True), (13512, True)]


@virtual
async def test_what_cannot_be_spoken_is_an_error_and_no_event(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        desk.engine.failure = SpeechError(12400, "out of breath")
        with pytest.raises(SpeechError, match="out of breath"):
            await desk.services.speak("Hello.", voice="man", language="en")
        assert desk.call.noted == []


# -- audio ------------------------------------------------------------------------------------------------------------


@virtual
async def test_audio_is_fetched_decoded_and_nothing_else_is_left_of_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        desk.web.pages[TUNE] = Page(wav(1.5), "audio/wav")
        clip = await desk.services.audio(desk.call, TUNE)
        assert (clip.samples, clip.path.parent, clip.path.stat().st_size) == (12000, tmp_path / "clips", 24000)
        assert desk.left == []
        (fetched,) = desk.call.notes(events.MEDIA_FETCH)
        assert (fetched["url"], fetched["status"], fetched["content_type"]) == (TUNE, 200, "audio/wav")
        assert fetched["bytes"] == len(wav(1.5))
        (asked,) = desk.web.asked
        assert (asked.method, dict(asked.fields)) == ("GET", {})
        assert asked.headers[HEADER] == sign("secret", TUNE)


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (Page("<html>", "text/html"), 13420),
        (Page(b"RIFF and then nothing", "audio/wav"), 13420),
        (Page("gone", "text/plain", 410), 11200),
    ],
    ids=["a web page", "garbage", "410"],
)
def test_what_is_no_audio_leaves_nothing_behind(tmp_path: Path, page: Page, code: int) -> None:
    @virtual
    async def fetch() -> None:
        async with opened(tmp_path) as desk:
            desk.web.pages[TUNE] = page
            with pytest.raises(ApplicationError) as raised:
                await desk.services.audio(desk.call, TUNE)
            assert (raised.value.code, raised.value.url) == (code, TUNE)
            assert desk.left == []

    fetch()


class Endless(ClipLibrary):
    """A library that never comes to an end with a file."""

    async def from_audio(self, *_: object) -> Clip:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.parametrize("moment", [0.5, 1.5], ids=["being fetched", "being decoded"])
def test_a_caller_who_hangs_up_leaves_no_file(tmp_path: Path, moment: float) -> None:
    @virtual
    async def hang_up() -> None:
        async with opened(tmp_path, Endless) as desk:
            desk.web.pages[TUNE] = Page(wav(1), "audio/wav", seconds=1)
            async with asyncio.TaskGroup() as group:
                playing = group.create_task(desk.services.audio(desk.call, TUNE))
                await asyncio.sleep(moment)
                assert len(desk.left) == 1
                playing.cancel()
            assert playing.cancelled()
            assert desk.left == []

    hang_up()


@virtual
async def test_audio_in_place_of_a_document_is_a_clip(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        clip = await desk.services.audio_body(wav(0.5), "audio/wav")
        assert clip.samples == 4000
        with pytest.raises(ApplicationError) as raised:
            await desk.services.audio_body(b"", "audio/wav")
        assert raised.value.code == 13420


@virtual
async def test_two_calls_keep_their_cookies_apart(tmp_path: Path) -> None:
    def page(asked: Asked) -> Page:
        return Page("<Response/>", headers={"Set-Cookie": "seen=yes"})

    async with opened(tmp_path) as desk:
        desk.web.pages[SHOP] = page
        client = WebhookClient(exchange=desk.web)
        clips = ClipLibrary(tmp_path / "clips", desk.executor)
        for _ in range(2):
            services = CallServices(desk.call, client.session("secret"), Facilities(desk.speaker, clips, desk.scratch))
            for _ in range(2):
                await services.fetch(desk.call, Fetch(SHOP))
        assert [asked.headers.get("Cookie") for asked in desk.web.asked] == [None, "seen=yes"] * 2


@virtual
async def test_a_say_that_asks_for_nothing_is_spoken_as_the_settings_say(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        session = WebhookClient(exchange=desk.web).session("secret")
        clips = ClipLibrary(tmp_path / "others", desk.executor)
        default = DefaultSpeech("woman", "es")
        services = CallServices(desk.call, session, Facilities(desk.speaker, clips, desk.scratch, default))
        await services.speak("hola", voice="man", language="")
        await services.speak("hello", voice="alice", language="en-GB")
        spoken = desk.call.notes(events.SPEECH)
        assert [(said["voice"], said["language"]) for said in spoken] == [("woman", "es"), ("alice", "en-GB")]


@virtual
async def test_a_full_disk_is_an_error_of_the_say_and_not_of_the_server(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:

        class Full:
            async def say(self, *_: object, **__: object) -> None:
                raise OSError(28, "No space left on device")

        desk.services._speaker = Full()  # type: ignore[attr-defined]
        with pytest.raises(ApplicationError, match="No space left") as raised:
            await desk.services.speak("hello", voice="man", language="")
        assert raised.value.code == 12400


@virtual
async def test_a_recording_is_to_be_had_before_anybody_is_told_of_it(tmp_path: Path) -> None:
    """An application may fetch it while it answers; what else it is told needs no writing to the disk."""
    written: list[int] = []
    async with opened(tmp_path) as desk:

        async def flush() -> None:
            written.append(len(desk.web.asked))

        session = WebhookClient(exchange=desk.web).session("secret")
        library = ClipLibrary(tmp_path / "clips", desk.executor)
        services = CallServices(desk.call, session, Facilities(desk.speaker, library, desk.scratch, flush=flush))
        desk.web.pages[f"{SHOP}done"] = "<Response/>"
        await services.fetch(desk.call, Fetch(f"{SHOP}done", "POST", {"Digits": "1"}))
        await services.fetch(desk.call, Fetch(f"{SHOP}done", "POST", {"RecordingUrl": "http://voice.example/RE1"}))
        await services.notify(desk.call, f"{SHOP}done", "POST", {"RecordingUrl": "http://voice.example/RE1"})
        assert written == [1, 2]
        assert len(desk.web.asked) == 3


# -- what documents ask for besides ------------------------------------------------------------------------------------


@virtual
async def test_all_that_a_document_has_to_be_heard_is_had_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        desk.web.pages |= {
            f"{SHOP}words": "<Response><Say>Hello.</Say><Play>tune.wav</Play><Pause/></Response>",
            TUNE: Page(wav(1.0), "audio/wav"),
        }
        services = desk.services
        assert isinstance(services, CallServices)
        said, played = await services.clips(desk.call, Fetch(f"{SHOP}words"))
        assert (said.samples > 0, played.seconds) == (True, 1.0)
        (body,) = await services.clips(desk.call, Fetch(TUNE, "GET"))
        assert body.path == played.path


@virtual
async def test_the_application_is_told_and_its_answer_does_not_matter(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        desk.web.pages[f"{SHOP}how"] = "nonsense"
        told = {"StatusCallbackEvent": "conference-end", "CallSid": ""}
        await desk.services.notify(desk.call, f"{SHOP}how", "POST", told)
        (asked,) = desk.web.asked
        assert "Timestamp" in asked.fields
        assert "CallSid" not in asked.fields, "an event of all is nobody's"
        await desk.services.notify(desk.call, "http://gone.example/", "GET", {"CallbackSource": "call-progress-events"})
        assert [note["code"] for note in desk.call.notes(events.WARNING)] == [15003]


@virtual
async def test_what_this_server_has_not_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        url = desk.services.recording_url(desk.call, "RE1")
        account = desk.call.info.account_sid
        assert url == f"http://127.0.0.1:8000/2010-04-01/Accounts/{account}/Recordings/RE1"
        assert await desk.services.may_call_as(desk.call, "+15550100") is False
        await desk.services.transcribe(desk.call, Recorded("RE1", 1, "key"), "")
        assert len(desk.call.notes(events.WARNING)) == 1
        with pytest.raises(ApplicationError) as error:
            await desk.services.send_sms(desk.call, OutgoingSms("+1", "+2", "x"))
        assert error.value.code == 14108


@virtual
async def test_a_callee_has_cookies_of_its_own(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        client = WebhookClient(exchange=desk.web)
        desk.web.pages[SHOP] = Page("<Response/>", headers={"Set-Cookie": "seen=yes"})
        facilities = Facilities(desk.speaker, ClipLibrary(tmp_path / "more", desk.executor), desk.scratch)
        caller = CallServices(desk.call, client.session("secret"), facilities, lambda: client.session("secret"))
        callee = caller.of(FakeCall())
        for services in (caller, callee, caller, callee):
            await services.fetch(desk.call, Fetch(SHOP))
        assert [asked.headers.get("Cookie") for asked in desk.web.asked] == [None, None, "seen=yes", "seen=yes"]
        alone = CallServices(desk.call, client.session("secret"), facilities).of(FakeCall())
        assert isinstance(alone, CallServices)


@virtual
async def test_the_last_words_of_a_call_tell_how_long_it_was(tmp_path: Path) -> None:
    said: list[dict[str, str]] = []

    async def conduct(leg: Leg) -> None:
        leg.assign("AC" + "0" * 32, None, leg.info.api_version)
        await leg.answer()
        await leg.sleep(61)

    async def afterwards(leg: Leg) -> None:
        async with opened(tmp_path) as desk:
            desk.web.pages[SHOP] = ""
            await desk.services.notify(leg, SHOP, "POST", {"CallbackSource": "call-progress-events"})
            said.append({name: desk.web.asked[0].fields[name] for name in ("CallDuration", "Duration", "CallStatus")})

    exchange = Exchange(conduct, afterwards=afterwards)
    await exchange.dial("+15550100001").ended.wait()
    await asyncio.sleep(5)
    assert said == [{"CallDuration": "61", "Duration": "2", "CallStatus": "completed"}]
