"""Answers on disk."""

import os
import uuid
from pathlib import Path

import pytest
from cache_origin import BEGIN
from multidict import CIMultiDict, CIMultiDictProxy

from ringback.webhooks.cache_store import CacheStore, Stored, clear_directory, read_directory
from ringback.webhooks.freshness import Moment

HEADERS = CIMultiDictProxy(CIMultiDict([("ETag", '"1"'), ("X", "a"), ("X", "b\udcff")]))


def entry(key: str = "key", size: int = 4) -> Stored:
    return Stored(uuid.uuid4(), key, "http://a/", 200, HEADERS, {"cookie": "f"}, Moment(BEGIN, BEGIN + 1), size)


def keep(store: CacheStore, stored: Stored) -> Stored:
    with store.begin() as file:
        file.write(b"x" * stored.size)
    store.keep(stored, Path(file.name))
    return stored


@pytest.fixture
def store(tmp_path: Path) -> CacheStore:
    store = CacheStore(tmp_path / "cache", 100_000)
    store.open()
    return store


def test_what_is_kept_is_found(store: CacheStore) -> None:
    one, two = keep(store, entry()), keep(store, entry())
    assert store.find("key") == [one, two]
    assert store.find("other") == []
    with store.use(one) as file:
        assert file.read() == b"xxxx"
    store.remove([one.id, uuid.uuid4()])
    assert store.find("key") == [two]
    store.remove([two.id])
    assert (store.find("key"), store.used) == ([], 0)
    assert not list(store.directory.iterdir())


def test_it_is_read_again(store: CacheStore) -> None:
    one = keep(store, entry())
    again = CacheStore(store.directory, 100_000)
    again.open()
    assert again.find("key") == [one]
    assert again.used == store.used
    assert read_directory(store.directory) == [one]


def test_what_is_cut_off_or_unreadable_is_left_out(store: CacheStore) -> None:
    good, short, old = (keep(store, entry()) for _ in range(3))
    store.body(short).write_bytes(b"x")
    known = store.directory / f"{old.id.hex}.json"
    known.write_text(known.read_text().replace('"format": 1', '"format": 99'))
    (store.directory / "nonsense.json").write_text("{")
    store.begin().close()
    (store.directory / "alone.body").touch()
    again = CacheStore(store.directory, 100_000)
    again.open()
    assert again.find("key") == [good]
    left = {
        path.suffix for path in store.directory.iterdir() if path.stem not in {good.id.hex, short.id.hex, old.id.hex}
    }
    assert left == {".json"}


def test_those_used_longest_ago_go_first(store: CacheStore) -> None:
    kept = [keep(store, entry(str(number), 16_000)) for number in range(4)]
    store.use(kept[0]).close()
    os.utime(store.directory / f"{kept[0].id.hex}.json")
    kept += [keep(store, entry("4", 16_000)), keep(store, entry("5", 16_000))]
    assert [bool(store.find(str(number))) for number in range(6)] == [True, False, False, True, True, True]
    assert store.used <= 100_000
    smaller = CacheStore(store.directory, 45_000)
    smaller.open()
    assert smaller.used <= 45_000


def test_a_body_that_is_gone(store: CacheStore) -> None:
    one = keep(store, entry())
    assert clear_directory(store.directory) == 1
    with pytest.raises(FileNotFoundError):
        store.use(one)
    assert clear_directory(store.directory / "nowhere") == 0


def test_what_cannot_be_kept_leaves_no_files(store: CacheStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(store, "update", full)
    with pytest.raises(OSError, match="full"):
        keep(store, entry())
    assert not list(store.directory.iterdir())
