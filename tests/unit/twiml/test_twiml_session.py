"""What a verb sees: the document's URL, sounds without gaps, and a timeline of what was done."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from twiml_calls import BOTH, URL, V2008, V2010, take

from ringback.model import events
from ringback.model.audio import Clip
from ringback.model.errors import ApplicationError
from ringback.model.status import ApiVersion
from ringback.testing.clock import run
from ringback.testing.fake_application import FakeApplication
from ringback.testing.fake_call import FakeCall, HangUp
from ringback.twiml.services import Fetch
from ringback.twiml.session import MAX_LOOPS, Session
from ringback.twiml.sounds import Audio, Sounds, Speech

HELLO = Speech("x" * 15, "man", "en")
TUNE = Audio("http://app.example/tune.wav")


def with_session(
    work: Callable[[Session], Awaitable[Any]],
    *,
    version: ApiVersion = V2010,
    url: str = URL,
    call: FakeCall | None = None,
    audio: dict[str, float | Exception] | None = None,
) -> Any:
    call = call or FakeCall()

    async def main() -> Any:
        async with asyncio.TaskGroup() as group:
            application = FakeApplication({}, audio)
            sounds = Sounds(call, application, group)
            result = await work(Session(call, url, version, sounds, application))
            sounds.close()
            return result

    return run(call.conduct(main()))


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        ("", URL),
        ("next", "http://app.example/voice/next"),
        ("/next", "http://app.example/next"),
        ("//other.example/x", "http://other.example/x"),
        ("?a=b", URL + "?a=b"),
        ("https://user:pass@other.example/#rc=2", "https://user:pass@other.example/#rc=2"),
    ],
)
def test_urls_resolve_against_the_document(url: str, resolved: str) -> None:
    async def work(session: Session) -> str:
        return session.resolve(url)

    assert with_session(work) == resolved


def test_what_cannot_be_a_url_is_11100() -> None:
    async def work(session: Session) -> None:
        session.resolve("http://[")

    with pytest.raises(ExceptionGroup) as caught:
        with_session(work)
    assert caught.group_contains(ApplicationError, match="11100")


def test_the_next_request_names_the_document() -> None:
    async def work(session: Session) -> list[Fetch]:
        return [session.fetch("", "GET"), session.fetch("a", "POST", {"Digits": "1"})]

    assert with_session(work) == [Fetch(URL, "GET", {}), Fetch("http://app.example/voice/a", "POST", {"Digits": "1"})]


@pytest.mark.parametrize(
    ("version", "loop", "played"), [(V2010, 2, 2), (V2010, 0, MAX_LOOPS), (V2010, 9999, MAX_LOOPS), (V2008, 9999, 9999)]
)
def test_loops(version: ApiVersion, loop: int, played: int) -> None:
    call = FakeCall()

    async def work(session: Session) -> None:
        await session.play(HELLO, loop)

    with_session(work, version=version, call=call)
    assert [each.loop for each in call.played] == [played]


def test_a_loop_without_end_in_2008() -> None:
    call = FakeCall([HangUp(100)])

    async def work(session: Session) -> None:
        await session.play(HELLO, 0)

    assert with_session(work, version=V2008, call=call) is None
    assert call.ended_at == 100


def test_errors_of_audio_come_out_and_warnings_are_written_down() -> None:
    call = FakeCall()

    async def work(session: Session) -> None:
        with pytest.raises(ApplicationError, match="13420"):
            await session.play(TUNE)

    with_session(work, call=call, audio={TUNE.url: ApplicationError(13420, "a picture")})
    assert call.notes(events.WARNING) == []

    async def warned(session: Session) -> None:
        await session.play(TUNE)

    with_session(warned, call=call, audio={TUNE.url: ApplicationError(15003, "odd", TUNE.url)})
    assert call.notes(events.WARNING) == [{"code": 15003, "message": "odd", "url": TUNE.url}]


def test_it_is_active_once_time_has_passed() -> None:
    async def work(session: Session) -> list[bool]:
        seen = [session.active]
        await session.pause(0)
        seen.append(session.active)
        await session.pause(1)
        return [*seen, session.active]

    assert with_session(work) == [False, False, True]


class Broken(FakeCall):
    """Its audio has failed: a clip is over at once."""

    async def play(self, clip: Clip, loop: int = 1) -> None:
        await asyncio.sleep(0)


def test_audio_that_takes_no_time_is_no_activity() -> None:
    async def work(session: Session) -> bool:
        await session.play(HELLO)
        return session.active

    assert with_session(work, call=Broken()) is False
    assert with_session(work) is True


# -- the timeline, and sounds that are made ahead --------------------------------------------------------------------


def test_every_verb_has_a_beginning_and_an_end_in_the_timeline() -> None:
    menu = '<Gather numDigits="1" timeout="1"><Pause length="2"/></Gather>'
    inside = f'<Say voice="woman">Hello</Say>{menu}<Redirect>/x</Redirect>'
    taken = take(inside, pages={"http://app.example/x": "<Response/>"})
    starts = taken.call.notes(events.VERB_START)[:4]
    assert starts == [
        {"verb": "Say", "attributes": {"voice": "woman"}, "text": "Hello", "document": URL},
        {"verb": "Gather", "attributes": {"numDigits": 1, "timeout": 1}, "text": "", "document": URL},
        {"verb": "Pause", "attributes": {"length": 2}, "text": "", "document": URL},
        {"verb": "Redirect", "attributes": {}, "text": "/x", "document": URL},
    ]
    ends = taken.call.notes(events.VERB_END)[:4]
    assert [(end["verb"], end["result"]) for end in ends] == [
        ("Say", "done"),
        ("Pause", "done"),
        ("Gather", "no keys"),
        ("Redirect", "POST http://app.example/x"),
    ]
    assert [end["ms"] for end in ends] == [333, 2000, 3000, 0]


def test_a_verb_that_fails_or_is_cut_short_says_so() -> None:
    assert take("<Play>x.wav</Play>").results() == [("Play", "error 11200")]
    assert take("<Pause length='9'/>", [HangUp(1)]).results() == [("Pause", "cut short")]


def test_long_texts_are_cut_in_the_timeline() -> None:
    taken = take(f"<Say>{'x' * 500}</Say>")
    assert taken.call.notes(events.VERB_START)[0]["text"] == "x" * 200


@pytest.mark.parametrize("version", BOTH)
def test_one_speech_is_made_while_the_one_before_it_plays(version: ApiVersion) -> None:
    """Only the first costs the caller any time."""
    text = "x" * 30
    inside = f"<Say>1{text}</Say><Say>2{text}</Say><Gather timeout='1'><Say>3{text}</Say><Say>4{text}</Say></Gather>"
    taken = take(inside, version=version, speech_seconds=1.5)
    starts = [start for start, _ in taken.times]
    stops = [stop for _, stop in taken.times]
    assert starts[0] == 1.5
    assert starts[1:] == stops[:-1]


def test_audio_is_fetched_ahead_as_well_but_not_beyond_a_gather() -> None:
    audio: dict[str, float | Exception] = {f"http://app.example/voice/{n}": 2.0 for n in (1, 2, 3)}
    inside = "<Play>1</Play><Pause/><Play>2</Play><Gather timeout='1'/><Play>3</Play>"
    taken = take(inside, audio=audio, fetch_seconds=1.0)
    assert taken.times == [(2, 4), (5, 7), (9, 11)]


def test_what_cannot_be_made_ahead_fails_only_when_its_turn_comes() -> None:
    taken = take("<Say>Hello</Say><Play>http://[</Play>")
    assert (taken.heard[0], taken.end.error_code) == ("Hello", 11100)
    taken = take("<Gather numDigits='1'><Say>Hello</Say><Play>gone</Play></Gather>", [])
    assert (taken.heard[0], taken.end.error_code) == ("Hello", 11200)
