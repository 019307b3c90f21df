"""A clip knows how long it plays."""

from pathlib import Path

from ringback.model.audio import Clip


def test_a_clip_lasts_a_second_for_every_8000_samples() -> None:
    assert Clip(Path("a"), 12_000).seconds == 1.5
