"""Tones as clips: made once, of the right length, and gone when nobody needs them any more."""

import asyncio
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from ringback.media.tone_clips import ToneClips, ToneKind, name_of, samples_of
from ringback.media.tones import ToneError


async def test_each_is_made_once_and_its_file_holds_it() -> None:
    clips = ToneClips()
    busy, again, british = await asyncio.gather(clips.get("busy"), clips.get("busy", "US"), clips.get("busy", "uk"))
    try:
        assert busy is again
        assert busy.path != british.path
        samples = np.frombuffer(busy.path.read_bytes(), "<i2")
        assert np.array_equal(samples, samples_of("busy", "us"))
        assert busy.samples == len(samples) == 8000
    finally:
        clips.close()
    assert not Path(busy.path).parent.exists()
    clips.close()


@pytest.mark.parametrize("kind", get_args(ToneKind))
def test_there_is_a_sound_of_each_kind(kind: ToneKind) -> None:
    samples = samples_of(kind, "de")
    assert len(samples) % 160 == 0
    assert np.abs(samples).max() > 1000


def test_beeps_and_music_are_the_same_everywhere() -> None:
    assert name_of("ringback", "DE") == "de-ringback"
    assert name_of("hold-music", "DE") == "hold-music"


async def test_what_there_is_not_is_told() -> None:
    clips = ToneClips()
    with pytest.raises(ToneError, match="no tones for country 'xx'"):
        await clips.get("busy", "xx")
    with pytest.raises(ToneError, match="no tone 'chime': there are ringback busy reorder beep"):
        await clips.get("chime")  # type: ignore[arg-type]
    clips.close()


async def test_who_gives_up_waiting_does_not_have_it_made_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    clips = ToneClips()
    real = clips._make
    monkeypatch.setattr(clips, "_make", lambda *what: made.append(what[0]) or real(*what))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await clips.get("beep")
    assert (await clips.get("beep")).samples == 1920
    assert made == ["beep"]
    clips.close()
