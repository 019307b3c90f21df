"""Voices and languages: see also the table of Say in verbs/test_verb_say.py."""

import pytest
from twiml_calls import V2008, V2010

from ringback.twiml.attributes import BadValueError
from ringback.twiml.voices import parse_language, parse_voice, text_limit


@pytest.mark.parametrize("voice", ["man", "woman"])
def test_two_voices_are_in_both_versions(voice: str) -> None:
    assert parse_voice(voice, V2008) == parse_voice(voice, V2010) == voice


@pytest.mark.conforms("2010-04-01/2.1/voice")
def test_names_of_vendors_are_not_compared_with_a_list() -> None:
    assert parse_voice("Polly.NobodyYet-Generative", V2010) == "Polly.NobodyYet-Generative"
    for name in ("Polly.Joanna", "alice"):
        with pytest.raises(BadValueError, match="takes man or woman"):
            parse_voice(name, V2008)
    for name in ("polly.joanna", "Polly.Jo anna", "Google." + "x" * 62):
        with pytest.raises(BadValueError, match="takes man, woman, alice"):
            parse_voice(name, V2010)


def test_languages() -> None:
    assert parse_language("fr", V2008) == "fr"
    assert parse_language("fr-CA", V2010) == "fr-CA"
    with pytest.raises(BadValueError, match="en, es, fr, de"):
        parse_language("fr-CA", V2008)


@pytest.mark.parametrize(
    ("voice", "limit"),
    [
        ("man", 4096),
        ("Polly.Joanna", 4096),
        ("Polly.Joanna-Neural", 3000),
        ("Polly.Danielle-Generative", 3000),
        ("Google.en-US-Standard-C", 4096),
        ("Google.en-US-Neural2-C", 3000),
        ("Google.en-US-Chirp3-HD-Aoede", 3000),
    ],
)
def test_neural_voices_take_less_text(voice: str, limit: int) -> None:
    assert text_limit(voice) == limit
