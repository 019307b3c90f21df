"""What may be asked of a recording."""

from typing import Any

import pytest

from ringback.media.recording import RecordingOptions


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"channels": 3}, "one or two channels, not 3"),
        ({"max_seconds": 0}, "last up to 86400 s"),
        ({"max_seconds": 86401}, "last up to 86400 s"),
        ({"silence_seconds": -1}, "last up to 86400 s"),
        ({"finish_keys": "1xy"}, "'xy' cannot be pressed: keys are 0123456789"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        RecordingOptions(**options)


def test_what_can_be_is_kept() -> None:
    options = RecordingOptions("both", 2, 86400, None, "#*0A", True, True)
    assert (options.source, options.channels, options.finish_keys) == ("both", 2, "#*0A")
