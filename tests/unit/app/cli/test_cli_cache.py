"""`ringback cache`: the answers that are kept."""

import json
import time
import uuid
from pathlib import Path

import pytest
from cli_typing import Ringback
from multidict import CIMultiDict, CIMultiDictProxy

from ringback.webhooks.cache_store import CacheStore, Stored
from ringback.webhooks.freshness import Moment

NOW = 1_800_000_000.0


@pytest.fixture
def answers(directory: Path, monkeypatch: pytest.MonkeyPatch) -> CacheStore:
    monkeypatch.setattr(time, "time", lambda: NOW)
    store = CacheStore(directory / "cache", 1 << 20)
    store.open()
    for number, said in enumerate(["max-age=3600", "no-cache, max-age=3600"]):
        headers = CIMultiDict({"Content-Type": "audio/mpeg; x=y", "Cache-Control": said, "ETag": '"1"'})
        moment = Moment(NOW - 60, NOW - 60)
        entry = Stored(uuid.uuid4(), "k", f"http://a/{number}", 200, CIMultiDictProxy(headers), {}, moment, 4)
        with store.begin() as file:
            file.write(b"abcd")
        store.keep(entry, Path(file.name))
    return store


def test_what_is_kept_is_listed(ringback: Ringback, answers: CacheStore) -> None:
    rows = json.loads(ringback("cache", "list", "--json").stdout)
    assert {row["url"]: row["fresh_for"] for row in rows} == {"http://a/0": 3540, "http://a/1": 0}
    assert {key: rows[0][key] for key in ("status", "content_type", "bytes", "age", "validated_by")} == {
        "status": 200,
        "content_type": "audio/mpeg",
        "bytes": 4,
        "age": 60,
        "validated_by": "ETag",
    }
    text = ringback("cache").stdout
    assert "3540 s" in text
    assert "2 answers, 0.0 MB" in text


def test_what_is_kept_is_forgotten(ringback: Ringback, answers: CacheStore) -> None:
    assert ringback("cache", "clear").stdout == "2 answers forgotten\n"
    assert ringback("cache", "list").stdout == "nothing is kept\n"


def test_nothing_is_kept(ringback: Ringback) -> None:
    assert ringback("cache").stdout == "nothing is kept\n"
    assert ringback("cache", "clear").stdout == "0 answers forgotten\n"


def test_a_directory_that_cannot_be_read(ringback: Ringback, directory: Path) -> None:
    (directory / "cache").touch()
    for command in ("list", "clear"):
        assert "Not a directory" in ringback("cache", command, code=2).stderr
