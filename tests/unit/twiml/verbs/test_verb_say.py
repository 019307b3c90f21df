"""Say, row by row. 2008-08-01 clause 2.2: voice man/woman [man], language en/es/fr/de [en], loop 0.. [1], text of 4 KB,
no children. 2010-04-01 clause 2.1: voice also alice, Polly.*, Google.*; language any BCP-47 tag; loop 0 is 1000 times;
4096 characters, 3000 for neural voices; SSML children.
"""

import pytest
from twiml_calls import BOTH, V2008, V2010, codes, take, verb

from ringback.model.errors import ApplicationError
from ringback.model.status import ApiVersion
from ringback.speech.normalise import Segment
from ringback.testing.fake_call import HangUp
from ringback.twiml.verbs.say import Say


@pytest.mark.conforms(
    "2008-08-01/2.2/voice-default",
    "2008-08-01/2.2/language-default",
    "2008-08-01/2.2/loop-default",
    "2010-04-01/2.1/voice-default",
    "2010-04-01/2.1/language-default",
    "2010-04-01/2.1/loop-default",
)
@pytest.mark.parametrize("version", BOTH)
def test_defaults(version: ApiVersion) -> None:
    say = verb("<Say>Hello\n  you</Say>", version)
    assert (say.voice, say.loop, say.segments) == ("man", 1, (Segment("Hello you"),))
    assert say.language == ("en" if version is V2008 else "")
    assert codes("<Say>Hello</Say>", version) == []


@pytest.mark.conforms("2008-08-01/2.2/voice", "2010-04-01/2.1/voice")
@pytest.mark.parametrize(
    ("version", "voice", "valid"),
    [
        (V2008, "man", True),
        (V2008, "woman", True),
        (V2008, "alice", False),
        (V2008, "Polly.Joanna", False),
        (V2010, "man", True),
        (V2010, "woman", True),
        (V2010, "alice", True),
        (V2010, "Polly.Joanna", True),
        (V2010, "Polly.Joanna-Neural", True),
        (V2010, "Google.en-US-Chirp3-HD-Aoede", True),
        (V2010, "Polly.", False),
        (V2010, "Watson.Bob", False),
        (V2010, "", False),
    ],
)
def test_voice(version: ApiVersion, voice: str, valid: bool) -> None:
    markup = f'<Say voice="{voice}">x</Say>'
    assert verb(markup, version).voice == (voice if valid else "man")
    assert codes(markup, version) == ([] if valid else [13511])


@pytest.mark.conforms("2008-08-01/2.2/nested-codes")
@pytest.mark.parametrize("version", BOTH)
def test_a_bad_voice_inside_gather_has_a_code_of_its_own(version: ApiVersion) -> None:
    assert codes('<Gather><Say voice="x">x</Say></Gather>', version) == [13321]


@pytest.mark.conforms("2008-08-01/2.2/language", "2010-04-01/2.1/language")
@pytest.mark.parametrize(
    ("version", "language", "valid"),
    [
        *((V2008, tag, True) for tag in ("en", "es", "fr", "de")),
        (V2008, "en-US", False),
        (V2008, "it", False),
        *((V2010, tag, True) for tag in ("en", "en-US", "pt-BR", "cmn-Hans-CN", "es-419", "arb")),
        (V2010, "english!", False),
        (V2010, "e", False),
    ],
)
def test_language(version: ApiVersion, language: str, valid: bool) -> None:
    markup = f'<Say language="{language}">x</Say>'
    assert verb(markup, version).language == (language if valid else ("en" if version is V2008 else ""))
    assert codes(markup, version) == ([] if valid else [13512])


@pytest.mark.conforms("2008-08-01/2.2/loop", "2010-04-01/2.1/loop", "2008-08-01/2.2/nested-codes")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("loop", ["-1", "x", "1.5", "", "1e3", "9" * 10])
def test_a_bad_loop_is_a_warning_and_once(version: ApiVersion, loop: str) -> None:
    assert codes(f'<Say loop="{loop}">x</Say>', version) == [13510]
    assert codes(f'<Gather><Say loop="{loop}">x</Say></Gather>', version) == [13322]
    assert verb(f'<Say loop="{loop}">x</Say>', version).loop == 1


@pytest.mark.conforms("2008-08-01/2.2/loop", "2010-04-01/2.1/loop")
@pytest.mark.parametrize("version", BOTH)
def test_loop_repeats(version: ApiVersion) -> None:
    taken = take(f'<Say loop="3">{"x" * 15}</Say>', version=version)
    assert taken.times == [(0, 3)]


@pytest.mark.conforms("2008-08-01/2.2/loop-zero", "2010-04-01/2.1/loop-zero")
def test_loop_0_is_until_hangup_in_2008_and_a_thousand_times_in_2010() -> None:
    text = "x" * 15
    old = take(f'<Say loop="0">{text}</Say>', [HangUp(5000)], V2008)
    assert old.times == [(0, 5000)]
    new = take(f'<Say loop="0">{text}</Say><Say>end</Say>', [HangUp(5000)])
    assert new.times == [(0, 1000), (1000, 1000.2)]
    assert take(f'<Say loop="5000">{text}</Say>').times == [(0, 1000)]


@pytest.mark.conforms("2008-08-01/2.2/empty", "2010-04-01/2.1/empty")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("empty", ["<Say/>", "<Say> \n </Say>", "<Say><!-- nothing --></Say>"])
def test_no_text_is_a_warning_and_nothing_is_said(version: ApiVersion, empty: str) -> None:
    assert codes(empty, version) == [13520]
    assert take(empty + "<Say>after</Say>", version=version).heard == ["after"]


@pytest.mark.conforms("2008-08-01/2.2/text-limit", "2010-04-01/2.1/limit", "2008-08-01/9/say")
@pytest.mark.parametrize(
    ("version", "voice", "limit"),
    [(V2008, "man", 4096), (V2010, "man", 4096), (V2010, "Polly.Joanna", 4096), (V2010, "Polly.Joanna-Neural", 3000)],
)
def test_a_long_text_is_cut_with_a_warning(version: ApiVersion, voice: str, limit: int) -> None:
    exact = f'<Say voice="{voice}">{"x" * limit}</Say>'
    assert codes(exact, version) == []
    longer = f'<Say voice="{voice}">{"x" * (limit + 1)}</Say>'
    assert codes(longer, version) == [13521]
    assert verb(longer, version).segments == (Segment("x" * limit),)


def test_a_long_text_is_cut_across_its_segments() -> None:
    say = verb(f'<Say>{"x" * 4000}<break time="1s"/>{"y" * 200}<break time="1s"/>z</Say>')
    assert [(len(segment.text), segment.break_ms) for segment in say.segments] == [(4000, 1000), (96, 1000)]


@pytest.mark.conforms("2008-08-01/2.1/nesting-other")
def test_2008_has_no_elements_inside_say() -> None:
    markup = '<Say>one<break time="1s"/>two</Say>'
    assert codes(markup, V2008) == [12200]
    assert verb(markup, V2008).segments == (Segment("onetwo"),)


@pytest.mark.conforms("2010-04-01/2.1/ssml-break")
def test_2010_hands_ssml_to_speech_as_segments() -> None:
    markup = '<Say>Your code is <say-as interpret-as="characters">A1</say-as></Say>'
    assert codes(markup) == []
    taken = take(markup)
    expected = (Segment("Your code is"), Segment("A1", interpret_as="characters"))
    assert taken.application.said == [(expected, "man", "")]
    assert taken.heard == ["Your code is A1"]


def test_voice_and_language_reach_speech_as_given() -> None:
    taken = take('<Say voice="Polly.Vicki" language="de-AT">Hallo</Say>')
    assert taken.application.said == [("Hallo", "Polly.Vicki", "de-AT")]
    assert take("<Say>Hi</Say>", version=V2008).application.said == [("Hi", "man", "en")]


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("code", [13520, 12400])
def test_a_text_that_cannot_be_spoken_is_a_warning_and_the_document_goes_on(version: ApiVersion, code: int) -> None:
    failure = ApplicationError(code, "no engine")
    taken = take("<Say>Hello</Say><Pause/>", version=version, mute=failure)
    assert taken.codes() == [code]
    assert taken.end.error_code is None
    assert taken.call.ended_at == 1


@pytest.mark.conforms("2008-08-01/2.1/unknown-attribute", "2010-04-01/1/unknown")
@pytest.mark.parametrize("version", BOTH)
def test_unknown_attributes_are_warnings(version: ApiVersion) -> None:
    assert codes('<Say speed="2" Voice="man">x</Say>', version) == [12200, 12200]


def test_it_knows_its_text_for_the_timeline() -> None:
    say = Say((Segment("a"), Segment("", break_ms=100), Segment("b")), voice="woman", loop=2)
    assert (say.content(), say.given()) == ("a b", {"voice": "woman", "loop": 2})


@pytest.mark.parametrize("rate", ["warp", "-10%", "1.2", ""])
def test_a_rate_that_is_none_is_a_warning_and_the_usual_one(rate: str) -> None:
    markup = f'<Say>a <prosody rate="{rate}">b</prosody></Say>'
    assert codes(markup) == [13513]
    assert take(markup).codes() == [13513]
    assert [segment.rate for segment in verb(markup).segments] == [1.0]
