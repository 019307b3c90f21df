"""The cache before the network: what it does for callers who share it, and what it does when things fail."""

import asyncio
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
from cache_origin import World, date, get, request, says

from ringback.testing.clock import run
from ringback.webhooks.cache import CachingExchange
from ringback.webhooks.cache_store import CacheStore
from ringback.webhooks.failures import FetchError

HOUR = "max-age=3600"
MUSIC = {"Content-Type": "audio/mpeg"}


@pytest.mark.conforms("2008-08-01/1.4/cache-get", "2010-04-01/7/cache")
async def test_a_fresh_answer_is_asked_for_once(tmp_path: Path) -> None:
    world = World(tmp_path, says(HOUR))
    first = await world.get()
    world.clock.now += 10
    second = await world.get()
    assert (first.how, second.how) == ("new", "fresh")
    assert first.body == second.body == b"answer 1"
    assert second.headers["Age"] == "10"
    assert second.kept
    assert second.kept.age == 10
    assert second.kept.file.read_bytes() == b"answer 1"
    assert len(world.origin.asked) == 1


async def test_a_large_body_is_kept_whole(tmp_path: Path) -> None:
    body = bytes(range(256)) * 4096  # a megabyte, in pieces of half of it
    world = World(tmp_path, says(HOUR) | {"body": body})
    assert [(await world.get()).body == body for _ in range(2)] == [True, True]
    assert len(world.origin.asked) == 1


async def test_accounts_share_no_answers(tmp_path: Path) -> None:
    """A request is signed with its account's token; an application may answer each customer in another way."""
    world = World(tmp_path, says("max-age=3600, public"))
    assert [await world.how(request(account=one)) for one in ("one", "two", "one")] == ["new", "new", "fresh"]


@pytest.mark.conforms("2008-08-01/1.4/cache-post", "2010-04-01/7/cache")
async def test_a_post_is_always_asked_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    world = World(tmp_path, says(HOUR))
    asked = request(method="POST")
    assert [await world.how(asked) for _ in range(2)] == ["new", "new"]
    assert await world.how() == "new"


async def test_a_post_that_fails_leaves_what_is_kept(tmp_path: Path) -> None:
    world = World(tmp_path, says(HOUR), {"status": 500}, {})
    assert await world.how() == "new"
    await world.get(request(method="POST"))
    assert await world.how() == "fresh"
    await world.get(request(method="POST"))
    assert await world.how() == "new"


async def test_an_answer_outlives_the_server(tmp_path: Path) -> None:
    world = World(tmp_path, says(HOUR))
    await world.get()
    again = World(tmp_path)
    again.clock.now += 60
    got = await again.get()
    assert (got.how, got.body, got.headers["Age"]) == ("fresh", b"answer 1", "60")
    assert not again.origin.asked


@pytest.mark.conforms("2008-08-01/1.4/cache-get", "2010-04-01/2.2/cached")
async def test_a_validated_answer_is_as_good_as_new(tmp_path: Path) -> None:
    world = World(
        tmp_path,
        says("max-age=10", ETag='"1"', X_Version="old"),
        {"status": 304, "headers": [("X-Version", "new"), ("Content-Type", "text/plain"), ("Set-Cookie", "a=b")]},
    )
    await world.get()
    world.clock.now += 60
    got = await world.get()
    assert (got.how, got.body, got.headers["X-Version"]) == ("validated", b"answer 1", "new")
    assert got.headers["Content-Type"] == "text/xml"
    assert "Set-Cookie" not in got.headers
    assert world.origin.asked[1].headers["If-None-Match"] == '"1"'
    world.clock.now += 9
    assert await world.how() == "fresh"


async def test_a_validation_that_is_about_something_else_is_followed_by_a_plain_question(tmp_path: Path) -> None:
    world = World(tmp_path, says("no-cache", ETag='"1"'), {"status": 304, "headers": [("ETag", '"2"')]}, says(HOUR))
    await world.get()
    got = await world.get()
    assert (got.how, got.body) == ("new", b"answer 3")
    assert "If-None-Match" not in world.origin.asked[2].headers
    assert await world.how() == "fresh"


async def test_another_answer_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    world = World(tmp_path, says("max-age=10", ETag='"1"'), says("max-age=10", ETag='"2"'))
    await world.get()
    world.clock.now += 60
    assert (await world.get()).body == b"answer 2"
    assert len(world.store.find(world.store.find(next(iter(world.store._of_key)))[0].key)) == 1


@pytest.mark.parametrize(
    ("second", "left"), [({"status": 404}, 0), ({"status": 200, "headers": [("Cache-Control", "no-store")]}, 0),
                         ({"status": 401}, 1), ({"status": 500}, 1)],
)  # fmt: skip
async def test_what_replaces_a_kept_answer(tmp_path: Path, second: dict[str, Any], left: int) -> None:
    """A challenge or a failure says nothing of the answer; anything else means that it is gone."""
    world = World(tmp_path, says("no-cache", ETag='"1"'), second)
    await world.get()
    assert (await world.get()).status == second["status"]
    assert len(list(tmp_path.glob("*.json"))) == left


async def test_variants_live_side_by_side(tmp_path: Path) -> None:
    world = World(tmp_path, says(HOUR, Vary="Accept-Language"))
    ways = [await world.how(Accept_Language=language) for language in ("en", "de", "en", "de", " en")]
    assert ways == ["new", "new", "fresh", "fresh", "fresh"]


async def test_what_vary_names_is_not_legible_on_disk(tmp_path: Path) -> None:
    world = World(tmp_path, says(HOUR, Vary="Cookie"))
    await world.get(Cookie="session=opensesame")
    assert await world.how(Cookie="session=opensesame") == "fresh"
    assert await world.how(Cookie="other") == "new"
    assert not any(b"opensesame" in file.read_bytes() for file in tmp_path.iterdir())


@pytest.mark.parametrize(
    "answer",
    [
        says("private, max-age=3600"),
        says("no-store, max-age=3600"),
        says("max-age=3600", Set_Cookie="session=1"),
        says("max-age=3600", Vary="*"),
        says("max-age=3600") | {"status": 401},
        says("max-age=3600") | {"status": 206},
        says("max-age=3600") | {"breaks": True},
    ],
)
async def test_what_is_not_kept(tmp_path: Path, answer: dict[str, Any]) -> None:
    world = World(tmp_path, answer)
    for _ in range(2):
        try:
            assert await world.how() == "new"
        except FetchError as error:
            assert error.code == 11206
    assert not list(tmp_path.iterdir())


async def test_what_nobody_could_use_again_is_not_written_to_disk(tmp_path: Path) -> None:
    """A document without a word about freshness and without a version is for one caller."""
    world = World(tmp_path, {})
    assert [await world.how() for _ in range(2)] == ["new", "new"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("said", ["max-age=60", "max-age=60, public"])
async def test_with_a_login_only_what_is_public_is_kept(tmp_path: Path, said: str) -> None:
    """RFC 9111 clause 3.5. A login by Digest is made underneath and shows as such all the same."""
    import aiohttp

    world = World(tmp_path, says(said))
    digest = aiohttp.DigestAuthMiddleware("u", "p")
    asked = request()
    asked = type(asked)(**{name: getattr(asked, name) for name in asked.__slots__} | {"digest": digest})
    ways = [await world.how(asked) for _ in range(2)]
    assert ways == ["new", "fresh" if "public" in said else "new"]


# Failures of the application


CLOSED = {"error": FetchError(11206, "closed", kind="dropped")}


@pytest.mark.parametrize(
    ("said", "failure", "after", "how"),
    [
        ("max-age=10", CLOSED, 60, "stale"),
        ("max-age=10", CLOSED, 4000, None),
        ("max-age=10", {"status": 503}, 60, "new"),
        ("max-age=10, stale-if-error=100", {"status": 503}, 60, "stale"),
        ("max-age=10, stale-if-error=100", {"status": 404}, 60, "new"),
        ("max-age=10, stale-if-error=100", CLOSED, 120, None),
        ("max-age=10, stale-if-error=0", CLOSED, 60, None),
        ("max-age=10, stale-if-error=8000", CLOSED, 7000, "stale"),
        ("max-age=10, must-revalidate", CLOSED, 60, None),
        ("max-age=10, stale-if-error=100, must-revalidate", {"status": 503}, 60, "new"),
        ("no-cache", CLOSED, 1, None),
    ],
)
async def test_stale_answers(tmp_path: Path, said: str, failure: dict[str, Any], after: float, how: str | None) -> None:
    world = World(tmp_path, says(said, ETag='"1"'), failure)
    await world.get()
    world.clock.now += after
    if how is None:
        with pytest.raises(FetchError):
            await world.get()
        return
    got = await world.get()
    assert got.how == how
    if got.kept:
        assert got.kept.failure
        assert got.body == b"answer 1"


def test_a_server_that_hangs_is_not_waited_for_where_a_stale_answer_does(tmp_path: Path) -> None:
    async def call() -> float:
        world = World(tmp_path, says("max-age=10", ETag='"1"'), {"hangs": True})
        await world.get()
        world.clock.now += 60
        began = asyncio.get_running_loop().time()
        got = await world.get()
        assert (got.how, got.kept and got.kept.failure and got.kept.failure.code) == ("stale", 11200)
        return asyncio.get_running_loop().time() - began

    assert run(call()) == 5.0  # half of the read timeout


# Many who ask at once


async def ask_together(world: World, count: int = 100) -> list[Any]:
    """Let so many ask for the same; the first answer is held until all of them have asked."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(world.get()) for _ in range(count)]
        await world.origin.arrived.wait()
        for _ in range(5 * count):  # each takes a few steps to get in line
            await asyncio.sleep(0)
        world.origin.gate.set()
    return [task.result() for task in tasks]


@pytest.mark.parametrize("said", [HOUR, None])
async def test_a_hundred_callers_one_request(tmp_path: Path, said: str | None) -> None:
    """Also for audio of which the server says nothing: they asked before it was made."""
    headers = [("Content-Type", "audio/mpeg"), *([("Cache-Control", said)] if said else [])]
    world = World(tmp_path, {"headers": headers, "held": True})
    got = await ask_together(world)
    assert len(world.origin.asked) == 1
    assert {one.body for one in got} == {b"answer 1"}
    assert [one.how for one in got].count("new") == 1


async def test_a_hundred_callers_one_validation(tmp_path: Path) -> None:
    world = World(tmp_path, says("max-age=10", ETag='"1"'), {"status": 304, "headers": [("Date", date(60))]})
    await world.get()
    world.clock.now += 60
    got = await ask_together(world)
    assert len(world.origin.asked) == 2
    assert {one.body for one in got} == {b"answer 1"}


@pytest.mark.parametrize("said", ["no-store", "private", "no-cache", "max-age=0"])
async def test_what_may_not_be_shared_everybody_asks_for(tmp_path: Path, said: str) -> None:
    world = World(tmp_path, says(said, ETag='"1"') | {"held": True})
    got = await ask_together(world, 10)
    assert len(world.origin.asked) == 10
    assert len({one.body for one in got}) == 10


async def test_a_variant_for_somebody_else_does_not_do(tmp_path: Path) -> None:
    world = World(tmp_path, says(HOUR, Vary="Accept-Language") | {"held": True})
    async with asyncio.TaskGroup() as group:
        german = group.create_task(world.get(Accept_Language="de"))
        await world.origin.arrived.wait()
        english = group.create_task(world.get(Accept_Language="en"))
        await asyncio.sleep(0)
        world.origin.gate.set()
    assert (german.result().body, english.result().body) == (b"answer 1", b"answer 2")


async def test_when_the_first_one_hangs_up_another_one_asks(tmp_path: Path) -> None:
    world = World(tmp_path, says(HOUR) | {"held": True})
    async with asyncio.TaskGroup() as group:
        first = group.create_task(world.get())
        await world.origin.arrived.wait()
        others = [group.create_task(world.get()) for _ in range(5)]
        for _ in range(5):
            await asyncio.sleep(0)
        first.cancel()
        world.origin.arrived.clear()
        await world.origin.arrived.wait()
        world.origin.gate.set()
    assert len(world.origin.asked) == 2
    assert {other.result().body for other in others} == {b"answer 2"}
    assert not list(tmp_path.glob("*.part"))


async def test_a_failure_is_each_ones_own(tmp_path: Path) -> None:
    world = World(tmp_path, CLOSED)
    results = await asyncio.gather(*(world.get() for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, FetchError) for result in results)


async def test_a_stale_answer_serves_all_who_wait(tmp_path: Path) -> None:
    world = World(tmp_path, says("max-age=10", ETag='"1"'), CLOSED)
    await world.get()
    world.clock.now += 60
    got = await asyncio.gather(*(world.get() for _ in range(5)))
    assert {one.how for one in got} == {"stale"}


# The disk


async def test_a_directory_that_cannot_be_made_costs_nothing_but_the_cache(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    world = World(tmp_path / "file" / "cache", says(HOUR))
    with caplog.at_level(logging.WARNING):
        assert [await world.how() for _ in range(2)] == ["new", "new"]
    assert "cache" in caplog.text
    assert len(caplog.records) == 1


async def test_a_full_disk_costs_nothing_but_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, says(HOUR) | {"held": True})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(world.store, "begin", full)
    got = await ask_together(world, 5)
    assert len({one.body for one in got}) == 5
    monkeypatch.undo()
    monkeypatch.setattr(world.store, "update", full)
    assert await world.how() == "new"
    assert not list(tmp_path.iterdir())
    assert "No space left" in caplog.text


async def test_a_cache_that_is_emptied_behind_its_back(tmp_path: Path) -> None:
    world = World(tmp_path, says(HOUR))
    await world.get()
    for file in tmp_path.iterdir():
        file.unlink()
    assert await world.how() == "new"
    assert await world.how() == "fresh"
    shutil.rmtree(tmp_path)
    assert await world.how() == "new"
    assert await world.how() == "new"


async def test_it_stays_within_its_bound(tmp_path: Path) -> None:
    world = World(tmp_path, says(HOUR) | {"body": b"x" * 20_000}, limit=100_000)
    for number in range(20):
        await world.get(request(f"http://a.example/{number}"))
        await world.get(request("http://a.example/0"))
    assert world.store.used <= 100_000
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 100_000
    assert await world.how(request("http://a.example/0")) == "fresh"
    assert await world.how(request("http://a.example/1")) == "new"


async def test_what_would_fill_a_quarter_of_it_is_not_kept(tmp_path: Path) -> None:
    world = World(tmp_path, says(HOUR) | {"body": b"x" * 30_000}, limit=100_000)
    assert [await world.how() for _ in range(2)] == ["new", "new"]
    assert not list(tmp_path.iterdir())


async def test_it_closes_what_is_beneath(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.cache.close()
    assert world.origin.closed


async def test_who_reads_only_the_beginning_keeps_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, says(HOUR))
    async with world.cache(request()) as reply:
        assert await reply.read()
    assert not list(tmp_path.iterdir())
    assert await get(CachingExchange(world.origin, CacheStore(tmp_path, 1 << 20), world.clock))
