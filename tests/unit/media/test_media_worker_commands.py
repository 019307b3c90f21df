"""What a worker is told of rooms, recordings and voices, and what it answers."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ringback.media import protocol
from tests.unit.media.peer_rig import recorded
from tests.unit.media.worker_rig import WorkerRig, clip_of

pytestmark = pytest.mark.long
HEARD = b"\x80" * 160


@pytest.fixture
def rig() -> Iterator[WorkerRig]:
    made = WorkerRig(capacity=2, spare=1)
    yield made
    made.stop()


def report(rig: WorkerRig, event: str) -> dict[str, object]:
    """Wait for an event that is not a leg's; return it."""
    while True:
        for told in rig.events:
            if told["event"] == event:
                rig.events.remove(told)
                return told
        rig.events.append(rig.hear())


def test_a_recording_is_steered_and_its_end_reported(rig: WorkerRig, tmp_path: Path) -> None:
    leg, port, phone = rig.call()
    rig.do(protocol.RECORD, token=5, leg=leg, path=str(tmp_path / "a.wav"), finish_keys="#", max_seconds=60)
    for how in ("pause", "silence", "resume"):
        rig.do(protocol.STEER, token=5, how=how)
    phone.send(port, payload=HEARD)
    phone.press(port, "#")
    told = report(rig, protocol.EVENT_RECORDED)
    assert told == {
        "event": "recorded",
        "token": 5,
        "seconds": told["seconds"],
        "reason": "key",
        "key": "#",
        "spoken": told["spoken"],
        "problem": "",
    }
    rig.do(protocol.STEER, token=5, how="stop")
    assert "a recording cannot 'fly'" in rig.refusal(protocol.STEER, token=5, how="fly")
    assert len(recorded(tmp_path / "a.wav")) / 8000 == told["seconds"]


def test_a_room_is_recorded_without_a_leg(rig: WorkerRig, tmp_path: Path) -> None:
    rig.do(protocol.RECORD, token=5, room=9, path=str(tmp_path / "a.wav"), max_seconds=0.1)
    assert report(rig, protocol.EVENT_RECORDED)["reason"] == "length"
    assert len(recorded(tmp_path / "a.wav")) == 800
    assert "no leg 1" in rig.refusal(protocol.RECORD, token=6, leg=1, path="a")
    assert "the leg is in no room" in rig.refusal(protocol.RECORD, token=6, path="a")


def test_recordings_that_go_on_are_complete_when_the_worker_ends(rig: WorkerRig, tmp_path: Path) -> None:
    leg, _, _ = rig.call()
    rig.do(protocol.RECORD, token=5, leg=leg, path=str(tmp_path / "a.wav"))
    before = rig.do(protocol.STATUS)["ticks"]
    while rig.do(protocol.STATUS)["ticks"] < before + 10:
        pass
    rig._legs.clear()
    rig.stop()
    assert len(recorded(tmp_path / "a.wav")) >= 10 * 160


def test_an_announcement_is_heard_and_hushed(rig: WorkerRig, tmp_path: Path) -> None:
    leg, _, phone = rig.call()
    rig.do(protocol.JOIN, leg=leg, room=9)
    rig.do(protocol.ANNOUNCE, room=9, path=str(clip_of(tmp_path / "a", 2)), loops=1, token=5)
    assert report(rig, protocol.EVENT_ANNOUNCED) == {"event": "announced", "token": 5}
    rig.do(protocol.ANNOUNCE, room=9, path=str(tmp_path / "a"), loops=0, token=6)
    rig.do(protocol.HUSH, token=6)
    phone.drain()
    phone.wait_for(b"\xff" * 160)
    assert "cannot be read" in rig.refusal(protocol.ANNOUNCE, room=9, path="missing", loops=1, token=7)


def test_a_voice_is_told(rig: WorkerRig) -> None:
    """It is loud for a second: until a process listens more closely, that is voice."""
    leg, port, phone = rig.call()
    rig.do(protocol.VOICE, leg=leg, wanted=True)
    for level in [b"\xff"] * 10 + [b"\x80"] * 30:
        phone.send(port, payload=level * 160)
        phone.receive()
    rig.wait_for(protocol.EVENT_VOICE, leg, speaking=True)
    rig.do(protocol.VOICE, leg=leg, wanted=False)


def test_roles_and_relays_reach_their_rooms(rig: WorkerRig) -> None:
    one, two = rig.open()[0], rig.open()[0]
    rig.do(protocol.JOIN, leg=one, room=9, relay=True, watched=True)
    rig.do(protocol.JOIN, leg=two, room=9)
    rig.do(protocol.ROLE, leg=one, deaf=True, muted=True, coaches=two)
    rooms = rig.worker._plane.rooms
    assert (rooms._relays[one], rooms._deaf[one], rooms._muted[one], rooms._coached[one]) == (True, True, True, two)
    assert np.count_nonzero(rooms._relays) == 1


def test_hidden_legs_have_room_of_their_own(rig: WorkerRig) -> None:
    hidden = rig.do(protocol.OPEN, host="127.0.0.1", ports=(32768, 60998), hidden=True)["leg"]
    rig.open()
    rig.open()
    ports = {"host": "127.0.0.1", "ports": (32768, 60998)}
    assert rig.refusal(protocol.OPEN, **ports) == "all 2 legs of this worker are taken"
    assert rig.refusal(protocol.OPEN, **ports, hidden=True) == "all 3 legs of this worker are taken"
    rig.hang_up(hidden)
    assert rig.refusal(protocol.OPEN, **ports) == "all 2 legs of this worker are taken"
