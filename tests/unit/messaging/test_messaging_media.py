"""Media files on disk."""

from pathlib import Path

import pytest

from ringback.messaging.media import MediaFiles

SID = "ME" + "0" * 32


async def test_a_file_is_kept_read_and_forgotten(tmp_path: Path) -> None:
    files = MediaFiles(tmp_path / "media")
    assert await files.read(SID) is None
    await files.save(SID, b"meow")
    assert await files.read(SID) == b"meow"
    assert [path.name for path in (tmp_path / "media").iterdir()] == [SID]
    (tmp_path / "fetched").write_bytes(b"woof")
    await files.take(SID, tmp_path / "fetched")
    assert await files.read(SID) == b"woof"
    await files.remove(SID)
    await files.remove(SID)
    assert await files.read(SID) is None


async def test_nothing_outside_the_directory_is_reached(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    assert await MediaFiles(tmp_path / "media").read("../secret") is None
    with pytest.raises(FileNotFoundError):
        await MediaFiles(tmp_path / "media").remove("../secret")
