"""SSML inside Say: what each element becomes. 2010-04-01 clause 2.1 lists the elements."""

import pytest
from lxml import etree
from twiml_calls import V2010

from ringback.speech.normalise import Segment
from ringback.twiml.reader import Reader
from ringback.twiml.ssml import read_speech


def speech(inside: str) -> tuple[tuple[Segment, ...], list[str]]:
    reader = Reader(V2010)
    segments = read_speech(etree.fromstring(f"<Say>{inside}</Say>"), reader)
    assert {warning.code for warning in reader.warnings} <= {12200, 13513}
    return segments, [warning.message.removeprefix("line 1: ") for warning in reader.warnings]


@pytest.mark.conforms(
    "2010-04-01/2.1/ssml-break",
    "2010-04-01/2.1/ssml-sub",
    "2010-04-01/2.1/ssml-prosody",
    "2010-04-01/2.1/ssml-p-s",
    "2010-04-01/2.1/ssml-say-as",
)
@pytest.mark.parametrize(
    ("inside", "segments"),
    [
        ("", ()),
        (" \n ", ()),
        ("one  two\nthree", (Segment("one two three"),)),
        ('one<break time="2s"/>two', (Segment("one", break_ms=2000), Segment("two"))),
        ('<break time="250ms"/>two', (Segment("", break_ms=250), Segment("two"))),
        ('one<break time="1s"/><break time="1s"/>', (Segment("one", break_ms=1000), Segment("", break_ms=1000))),
        ('one<break time="1.5s"/>', (Segment("one", break_ms=1500),)),
        ('one<break time="99s"/>', (Segment("one", break_ms=10_000),)),
        ("one<break/>", (Segment("one", break_ms=300),)),
        ('one<break strength="none"/>two', (Segment("onetwo"),)),
        ('one <break strength="x-weak"/>two', (Segment("one two"),)),
        ('one<break strength="x-strong"/>two', (Segment("one", break_ms=1000), Segment("two"))),
        ('<sub alias="World Wide Web">WWW</sub> is big', (Segment("World Wide Web is big"),)),
        (
            'Call <say-as interpret-as="telephone">555 0100</say-as> now',
            (Segment("Call"), Segment("555 0100", interpret_as="telephone"), Segment("now")),
        ),
        (
            '<say-as interpret-as="date" format="dmy">1/2/2030</say-as>',
            (Segment("1/2/2030", interpret_as="date", format="dmy"),),
        ),
        ("<p>One</p><p>Two.</p>end", (Segment("One. Two. end"),)),
        ("<s>Is it?</s><s></s><s>Yes</s>", (Segment("Is it? Yes."),)),
        (
            'a <prosody rate="slow">b <prosody rate="50%">c</prosody></prosody> d',
            (Segment("a"), Segment("b", rate=0.75), Segment("c", rate=0.375), Segment("d")),
        ),
        ('<prosody rate="1%">a</prosody>', (Segment("a", rate=0.2),)),
        ('<prosody rate="900%">a</prosody>', (Segment("a", rate=2.0),)),
        ('<prosody rate="medium">a</prosody>b', (Segment("ab"),)),
        ("<p>one<s>two</s></p>", (Segment("one two."),)),
    ],
)
def test_what_is_rendered(inside: str, segments: tuple[Segment, ...]) -> None:
    assert speech(inside) == (segments, [])


@pytest.mark.conforms("2010-04-01/2.1/ssml-say-as")
@pytest.mark.parametrize(
    "how",
    [
        "characters",
        "spell-out",
        "digits",
        "telephone",
        "cardinal",
        "number",
        "ordinal",
        "fraction",
        "unit",
        "date",
        "time",
        "address",
        "expletive",
    ],
)
def test_every_reading_is_handed_on(how: str) -> None:
    assert speech(f'<say-as interpret-as="{how}">12</say-as>') == ((Segment("12", interpret_as=how),), [])


@pytest.mark.conforms("2010-04-01/2.1/ssml-others")
@pytest.mark.parametrize(
    ("inside", "text", "warning"),
    [
        ('<emphasis level="strong">very</emphasis> good', "very good", "emphasis without its effect"),
        ('<lang xml:lang="fr-FR">merci</lang>', "merci", "lang without its effect"),
        ('<phoneme alphabet="ipa" ph="x">pecan</phoneme>', "pecan", "phoneme without its effect"),
        ('<w role="amazon:VB">read</w>', "read", "w without its effect"),
        ("<sub>WWW</sub>", "WWW", "sub without its effect"),
        ('<prosody pitch="high">a</prosody>', "a", "without its pitch"),
        ('<prosody volume="loud" pitch="low">a</prosody>', "a", "without its pitch and volume"),
        ('<prosody rate="warp">a</prosody>', "a", 'rate="warp" is not valid'),
        ('<prosody rate="">a</prosody>', "a", 'rate="" is not valid'),
        ('<say-as interpret-as="song">la</say-as>', "la", 'interpret-as="song" is not known'),
        ("<say-as>la</say-as>", "la", 'interpret-as="" is not known'),
        ('<say-as interpret-as="digits">1<b>2</b></say-as>', "1", "b may not stand inside say-as"),
        ('a<break time="long"/>', "a", 'time="long" is not valid'),
        ('a<break strength="huge"/>', "a", 'strength="huge" is not valid'),
        ("a<b>bold</b> c", "a c", "Say has no element b"),
        ("<Pause/>a", "a", "Say has no element Pause"),
    ],
)
def test_what_is_not_rendered_is_a_warning(inside: str, text: str, warning: str) -> None:
    segments, warnings = speech(inside)
    assert " ".join(segment.text for segment in segments) == text
    assert len(warnings) == 1
    assert warning in warnings[0]


def test_a_bad_pause_is_a_medium_one() -> None:
    assert speech('a<break time="x"/>b')[0] == (Segment("a", break_ms=300), Segment("b"))
    assert speech('a<break strength="x"/>b')[0] == (Segment("a", break_ms=300), Segment("b"))


def test_nesting_is_read_to_a_depth() -> None:
    deep = "<s>" * 40 + "deep" + "</s>" * 40
    assert speech(f"a {deep} b")[0] == (Segment("a b"),)
    assert speech("a " + "<s>" * 20 + "deep" + "</s>" * 20)[0][0].text.startswith("a deep.")
