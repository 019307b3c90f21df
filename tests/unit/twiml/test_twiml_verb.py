"""What all verbs have in common."""

import pytest
from lxml import etree
from twiml_calls import V2008, V2010, read

from ringback.twiml.reader import Reader
from ringback.twiml.verb import Verb
from ringback.twiml.verbs import RENDERED
from ringback.twiml.verbs.hangup import Hangup
from ringback.twiml.verbs.pause import Pause


def test_a_verb_without_content_is_read_from_its_attributes() -> None:
    reader = Reader(V2010)
    assert Pause.read(etree.fromstring('<Pause length="3">text</Pause>'), reader) == Pause(3)
    assert [warning.code for warning in reader.warnings] == [12200]


def test_it_tells_what_differs_from_the_defaults() -> None:
    assert (Pause(3).given(), Pause(1).given(), Pause(3).content()) == ({"length": 3}, {}, "")


def test_it_plays_nothing_and_picks_up_unless_it_says_otherwise() -> None:
    assert Hangup().sounds(None) == ()  # type: ignore[arg-type]
    assert (Hangup().picks_up(V2008), Hangup().picks_up(V2010)) == (True, True)


async def test_every_verb_has_to_say_what_it_does() -> None:
    with pytest.raises(NotImplementedError):
        await Verb().run(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", RENDERED)
def test_every_verb_is_named_as_it_is_listed_and_cannot_be_changed(name: str) -> None:
    (verb,) = read(f"<{name}>x</{name}>").verbs
    assert verb.name == name
    with pytest.raises(AttributeError):
        verb.name = "Other"  # type: ignore[misc]
