"""Bodies on their way to the disk and back."""

import io
from pathlib import Path

import pytest
from cache_origin import OriginReply
from multidict import CIMultiDict
from test_webhooks_cache_store import entry

from ringback.webhooks.cache_body import RecordedReply, Recorder, StoredReply
from ringback.webhooks.cache_store import CacheStore
from ringback.webhooks.exchange import Kept


class Rig:
    """A recorder, and what it reports."""

    def __init__(self, directory: Path, limit: int = 1 << 20) -> None:
        self.store = CacheStore(directory, 1 << 24)
        self.store.open()
        self.complete: list[bytes] = []
        self.given_up = 0
        self.recorder = Recorder(self.store, limit, self.done, self.gave_up)

    async def done(self, part: Path, size: int) -> None:
        self.complete.append(part.read_bytes())
        assert size == len(self.complete[-1])
        part.unlink()

    def gave_up(self) -> None:
        self.given_up += 1


@pytest.mark.parametrize("body", [b"", b"a", b"x" * 300_000, b"x" * 600_000])
async def test_a_body_is_recorded_while_it_is_read(tmp_path: Path, body: bytes) -> None:
    rig = Rig(tmp_path)
    reply = RecordedReply(OriginReply(200, CIMultiDict(A="b"), body, None), rig.recorder)
    assert (reply.status, reply.headers["A"], reply.kept) == (200, "b", None)
    read = b""
    while piece := await reply.read():
        read += piece
    assert await reply.read() == b""
    assert rig.complete == [read] == [body]
    rig.recorder.abandon()
    assert not list(tmp_path.iterdir())


async def test_what_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.recorder.take(b"x" * 300_000)
    assert list(tmp_path.glob("*.part"))
    rig.recorder.abandon()
    await rig.recorder.take(b"")
    assert not list(tmp_path.iterdir())
    assert (rig.complete, rig.given_up) == ([], 0)


async def test_what_is_too_large_is_given_up(tmp_path: Path) -> None:
    rig = Rig(tmp_path, 400_000)
    for _ in range(3):
        await rig.recorder.take(b"x" * 300_000)
    assert not list(tmp_path.iterdir())
    assert (rig.complete, rig.given_up) == ([], 1)


async def test_a_disk_that_fails_ends_the_recording_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(tmp_path)

    def full() -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(rig.store, "begin", full)
    await rig.recorder.take(b"a")
    await rig.recorder.take(b"")
    assert (rig.complete, rig.given_up) == ([], 1)


async def test_a_stored_answer_has_its_age() -> None:
    kept = Kept("fresh", 7, Path("body"))
    reply = StoredReply(entry(), io.BytesIO(b"x" * 300_000), kept)
    assert (reply.status, reply.headers["Age"], reply.headers["ETag"], reply.kept) == (200, "7", '"1"', kept)
    assert [len(await reply.read()) for _ in range(3)] == [262_144, 37_856, 0]
