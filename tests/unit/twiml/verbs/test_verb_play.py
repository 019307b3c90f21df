"""Play, row by row. 2008-08-01 clause 2.3: a URL, loop 0.. [1]. 2010-04-01 clause 2.2: also digits (0-9 A-D # *, w, W)
at the top of a document; the URL is required unless there are digits; loop 0 is 1000 times.
"""

import pytest
from twiml_calls import BOTH, V2008, V2010, codes, read, take, verb

from ringback.model import events
from ringback.model.errors import ApplicationError
from ringback.model.status import ApiVersion
from ringback.testing.fake_application import Page
from ringback.testing.fake_call import HangUp
from ringback.twiml.verbs.play import PlayBody

TUNE = "http://app.example/voice/tune.wav"


@pytest.mark.conforms("2010-04-01/2.2/url")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("url", [TUNE, "tune.wav", "/voice/tune.wav", " tune.wav\n"])
def test_the_url_may_be_relative_to_the_document(version: ApiVersion, url: str) -> None:
    taken = take(f"<Play>{url}</Play>", version=version, audio={TUNE: 2.5})
    assert taken.application.fetched_audio == [TUNE]
    assert taken.times == [(0, 2.5)]


@pytest.mark.conforms(
    "2008-08-01/2.3/loop",
    "2008-08-01/2.3/loop-default",
    "2010-04-01/2.2/loop",
    "2010-04-01/2.2/loop-default",
)
@pytest.mark.parametrize("version", BOTH)
def test_loop(version: ApiVersion) -> None:
    assert take('<Play loop="3">tune.wav</Play>', version=version, audio={TUNE: 2.0}).times == [(0, 6)]
    assert codes('<Play loop="x">tune.wav</Play>', version) == [13410]
    assert codes('<Gather><Play loop="-2">tune.wav</Play></Gather>', version) == [13410]
    assert verb('<Play loop="x">tune.wav</Play>', version).loop == 1


@pytest.mark.conforms("2008-08-01/2.3/loop-zero", "2010-04-01/2.2/loop-zero")
def test_loop_0_is_until_hangup_in_2008_and_a_thousand_times_in_2010() -> None:
    script = [HangUp(9999)]
    assert take('<Play loop="0">tune.wav</Play>', script, V2008, audio={TUNE: 1.0}).times == [(0, 9999)]
    assert take('<Play loop="0">tune.wav</Play>', script, V2010, audio={TUNE: 1.0}).times == [(0, 1000)]


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("loop", [0, 1])
def test_audio_without_samples_is_passed_over(version: ApiVersion, loop: int) -> None:
    taken = take(f'<Play loop="{loop}">tune.wav</Play><Pause/>', version=version, audio={TUNE: 0.0})
    assert (taken.heard, taken.call.ended_at) == ([], 1)


@pytest.mark.parametrize("version", BOTH)
def test_without_a_url_there_is_nothing_to_play(version: ApiVersion) -> None:
    assert codes("<Play/>", version) == [12200]
    assert read("<Play/>", version).verbs == ()


@pytest.mark.conforms("2008-08-01/2.3/wrong-type", "2010-04-01/2.2/types")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("code", [13420, 11200, 11205])
def test_audio_that_cannot_be_had_is_an_error(version: ApiVersion, code: int) -> None:
    failure = ApplicationError(code, "no audio", TUNE)
    taken = take("<Play>tune.wav</Play><Say>not reached</Say>", version=version, audio={TUNE: failure})
    assert taken.end.error_code == code
    assert taken.call.notes(events.ERROR) == [{"code": code, "message": "no audio", "url": TUNE}]


def test_a_failure_of_the_warning_kind_is_only_written_down() -> None:
    failure = ApplicationError(15003, "odd", TUNE)
    taken = take("<Play>tune.wav</Play><Say>goes on</Say>", audio={TUNE: failure})
    assert (taken.codes(), taken.heard) == ([15003], ["goes on"])
    assert taken.call.notes(events.WARNING)[0]["url"] == TUNE


@pytest.mark.parametrize("version", BOTH)
def test_what_cannot_be_a_url_is_an_error(version: ApiVersion) -> None:
    taken = take("<Pause/><Play>http://[oops</Play>", version=version)
    assert (taken.end.error_code, taken.times[0][0]) == (11100, 1)


@pytest.mark.conforms("2010-04-01/2.2/digits")
def test_digits_are_pressed_towards_the_caller() -> None:
    taken = take('<Play digits="ww12#W*AD"/>')
    assert taken.call.pressed_keys == "12#*AD"
    assert taken.call.ended_at == pytest.approx(2 * 0.5 + 1 + 6 * 0.25)


@pytest.mark.parametrize("digits", ["12E", "a", "1 2", "1" * 1001])
def test_bad_digits_are_a_warning(digits: str) -> None:
    assert codes(f'<Play digits="{digits}">tune.wav</Play>') == [12200]
    assert verb(f'<Play digits="{digits}">tune.wav</Play>').url == "tune.wav"


def test_digits_and_a_url_do_not_go_together() -> None:
    assert codes('<Play digits="1">tune.wav</Play>') == [12200]
    assert (verb('<Play digits="1">tune.wav</Play>').url, verb('<Play digits="1"/>').digits) == ("", "1")


@pytest.mark.conforms("2010-04-01/2.2/digits-in-gather")
def test_digits_may_not_stand_inside_gather() -> None:
    assert codes('<Gather><Play digits="1">tune.wav</Play></Gather>') == [13320]
    assert codes('<Gather><Play digits="1"/></Gather>') == [13320, 12200]


def test_2008_has_no_digits() -> None:
    assert codes('<Play digits="1">tune.wav</Play>', V2008) == [12200]
    assert codes('<Play digits="1"/>', V2008) == [12200, 12200]


@pytest.mark.parametrize("version", BOTH)
def test_it_takes_no_elements(version: ApiVersion) -> None:
    assert codes("<Play>tune.wav<Say>x</Say></Play>", version) == [12200]


@pytest.mark.conforms("2008-08-01/1.6/audio", "2010-04-01/1/audio")
@pytest.mark.parametrize("version", BOTH)
def test_audio_in_place_of_a_document_is_played_and_the_call_ends(version: ApiVersion) -> None:
    taken = take("", version=version, first=lambda _: Page(b"x" * 16000, "audio/mpeg; q=1"))
    assert (taken.heard, taken.times) == (["audio/mpeg; q=1"], [(0, 2)])
    assert taken.end.reason == "hangup-verb"
    start = taken.call.notes(events.VERB_START)[0]
    assert (start["verb"], start["text"]) == ("Play", "16000 bytes of audio/mpeg; q=1")


def test_what_it_plays_is_known_for_the_timeline() -> None:
    assert verb('<Play loop="2">tune.wav</Play>').content() == "tune.wav"
    assert PlayBody(b"ab", "audio/wav").content() == "2 bytes of audio/wav"
