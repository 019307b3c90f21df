"""Clips on disk."""

import os
from pathlib import Path

import numpy as np
import pytest

from ringback.speech.cache import ClipCache, key


def opened(path: Path, max_bytes: int = 1 << 20) -> ClipCache:
    cache = ClipCache(path, max_bytes)
    cache.open()
    return cache


def test_a_clip_is_headerless_little_endian_samples(tmp_path: Path) -> None:
    cache = opened(tmp_path / "speech")
    clip = cache.put("a", np.array([1, -2, 300], np.int16))
    assert clip.path.read_bytes() == b"\x01\x00\xfe\xff\x2c\x01"
    assert clip.samples == 3
    assert cache.get("a") == clip
    assert cache.bytes == 6


def test_what_is_not_there(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    assert cache.get("a") is None
    cache.put("a", np.zeros(5, np.int16)).path.unlink()
    assert cache.get("a") is None
    assert cache.bytes == 0


def test_a_new_server_finds_the_clips_of_the_old_one_and_removes_its_leftovers(tmp_path: Path) -> None:
    clip = opened(tmp_path).put("a", np.zeros(5, np.int16))
    (tmp_path / "half.part").write_bytes(b"x")
    (tmp_path / "README").write_bytes(b"somebody else's")
    cache = opened(tmp_path)
    assert cache.bytes == 10
    assert cache.get("a") == clip
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["README", "a.pcm"]


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = opened(tmp_path, 300)
    for name in "abc":
        cache.put(name, np.zeros(50, np.int16))
    cache.get("a")
    cache.put("d", np.zeros(50, np.int16))
    assert [name for name in "abcd" if cache.get(name)] == ["a", "d"], "down to 90 %, so that not each put deletes"
    assert cache.bytes == 200


def test_use_is_remembered_over_a_restart(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    for age, name in enumerate("abc"):
        clip = cache.put(name, np.zeros(50, np.int16))
        os.utime(clip.path, (1000 - age, 1000 - age))
    small = opened(tmp_path, 250)
    assert [name for name in "abc" if small.get(name)] == ["a", "b"]


def test_the_newest_clip_stays_whatever_its_size(tmp_path: Path) -> None:
    cache = opened(tmp_path, 10)
    clip = cache.put("big", np.zeros(50, np.int16))
    assert clip.path.exists()


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = opened(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        cache.put("a", np.zeros(50, np.int16))
    assert list(tmp_path.iterdir()) == []


def test_keys_differ_with_every_part() -> None:
    names = {key("a", "b"), key("ab"), key("a", "c"), key("b", "a"), key("a", "b", "")}
    assert len(names) == 5
    assert key("a", 1) == key("a", 1)
    assert all(name.isalnum() for name in names)
