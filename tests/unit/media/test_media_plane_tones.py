"""Keys that peers press as tones are heard where they have no telephone events, and only there."""

from pathlib import Path

import numpy as np
import pytest

from ringback.media.keypad import tone
from ringback.media.plane import KeyPressed
from tests.unit.media.plane_rig import Peer, PlaneRig

FRAME = 160


def pressed(key: str, frames: int = 6) -> np.ndarray:
    return np.concatenate([tone(key, frame) for frame in range(frames)])


def spoken(rig: PlaneRig, row: int, keys: str) -> list[str]:
    """Press keys with silence around them; return those that the plane reports."""
    silence = np.zeros(6 * FRAME, np.int16)
    audio = np.concatenate([silence, *(part for key in keys for part in (pressed(key), silence))])
    told = []
    for packet in Peer(row).say(audio):
        told += rig.tick(packet).events
    for _ in range(6):
        told += rig.tick().events
    return [event.key for event in told if isinstance(event, KeyPressed) and event.row == row]


@pytest.mark.long
def test_a_peer_without_telephone_events_presses_tones(tmp_path: Path) -> None:
    rig = PlaneRig(tmp_path)
    rig.leg()
    assert spoken(rig, rig.leg(telephone_event=None), "159#*0D") == list("159#*0D")


def test_tones_of_a_peer_that_has_telephone_events_are_audio_like_any_other(tmp_path: Path) -> None:
    rig = PlaneRig(tmp_path)
    assert spoken(rig, rig.leg(telephone_event=101), "159") == []


def test_a_row_that_is_used_again_listens_as_its_new_leg_wants(tmp_path: Path) -> None:
    rig = PlaneRig(tmp_path)
    row = rig.leg(telephone_event=None)
    rig.plane.close(row)
    assert rig.leg(telephone_event=101) == row
    assert spoken(rig, row, "1") == []
