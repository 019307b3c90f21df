"""Values that engines and speaker share."""

import pytest

from ringback.model.errors import ApplicationError
from ringback.speech.contract import MAX_PART, TEXT_TOO_LONG, SpeechError, Voice, check_part


def test_primary_subtag() -> None:
    assert [Voice(tag).primary for tag in ("en-GB", "pt_BR", "ES", "")] == ["en", "pt", "es", ""]


def test_a_part_has_a_limit() -> None:
    check_part("a" * MAX_PART, "hibari")
    with pytest.raises(SpeechError, match=r"13521: hibari takes 1000 characters at once, not 1001: split") as caught:
        check_part("a" * (MAX_PART + 1), "hibari")
    assert caught.value.code == TEXT_TOO_LONG
    assert isinstance(caught.value, ApplicationError)
