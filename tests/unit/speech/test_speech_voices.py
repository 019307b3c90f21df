"""Voices by their TwiML names (2008-08-01 §2.2, 2010-04-01 §2.1)."""

import pytest

from ringback.speech.contract import UNKNOWN_VOICE, Voice
from ringback.speech.voices import resolve


@pytest.mark.parametrize(
    ("voice", "language", "expected"),
    [
        ("man", None, Voice("en-US", "man")),
        (None, None, Voice("en-US", "man")),
        ("", "", Voice("en-US", "man")),
        ("woman", "fr", Voice("fr", "woman")),
        (" Woman ", "pt_br", Voice("pt-BR", "woman")),
        ("alice", "es-MX", Voice("es-MX", "woman")),
        ("Polly.Joanna", None, Voice("en-US", "woman")),
        ("Polly.Joanna-Neural", None, Voice("en-US", "woman")),
        ("Polly.Ruth-Generative", None, Voice("en-US", "woman")),
        ("Polly.Céline", None, Voice("fr-FR", "woman")),
        ("polly.hans", None, Voice("de-DE", "man")),
        ("Polly.Geraint", None, Voice("en-GB-WLS", "man")),
        ("Polly.Aditi", "hi-IN", Voice("hi-IN", "woman")),
        ("Google.es-ES-Standard-B", None, Voice("es-ES", "man")),
        ("Google.en-US-Wavenet-A", None, Voice("en-US", "man")),
        ("Google.en-US-Wavenet-C", None, Voice("en-US", "woman")),
        ("Google.de-DE-Chirp3-HD-Aoede", None, Voice("de-DE", "woman")),
        ("Google.cmn-CN-Standard-A", None, Voice("cmn-CN", "woman")),
    ],
)
def test_known_names(voice: str | None, language: str | None, expected: Voice) -> None:
    found = resolve(voice, language)
    assert (found.voice, found.warning) == (expected, "")


@pytest.mark.conforms("2010-04-01/2.1/voice-mapped")
@pytest.mark.parametrize("voice", ["Bob", "Polly.Nobody", "Google.nonsense", "Google.", "man.", "x" * 5000])
def test_a_name_that_is_not_known_never_fails(voice: str) -> None:
    """Never fail on an unknown voice (2010-04-01 §2.1): another one speaks, and the author is told."""
    found = resolve(voice, "de-DE")
    assert found.voice == Voice("de-DE", "man")
    assert found.code == UNKNOWN_VOICE
    assert "Use man, woman" in found.warning


def test_primary_subtag() -> None:
    assert [Voice(tag).primary for tag in ("en-GB", "pt_BR", "ES", "")] == ["en", "pt", "es", ""]
