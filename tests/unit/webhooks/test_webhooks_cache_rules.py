"""The rules of the cache."""

from dataclasses import replace
from typing import Any

import aiohttp
import hishel
import pytest
from cache_origin import BEGIN, OriginReply, request, says
from multidict import CIMultiDict, CIMultiDictProxy
from test_webhooks_cache_store import entry

from ringback.webhooks import cache_rules as rules
from ringback.webhooks.cache_store import Stored
from ringback.webhooks.freshness import Moment

MOMENT = Moment(BEGIN, BEGIN)


def reply(*cache_control: str, status: int = 200, **headers: str) -> OriginReply:
    return OriginReply(status, CIMultiDict(says(*cache_control, **headers)["headers"]), b"", None)


def stored(*cache_control: str, **headers: str) -> Stored:
    return replace(entry(), headers=reply(*cache_control, **headers).headers, varies={}, moment=MOMENT)


def test_a_key_is_for_one_url_of_one_account() -> None:
    keys = {rules.key(request(url, account=account)) for url in ("http://a/", "http://b/") for account in ("1", "2")}
    assert len(keys) == 4
    assert rules.key(request("http://a/", Accept="x")) in {rules.key(request("http://a/"))}


def test_the_newest_of_those_that_are_fresh_serves() -> None:
    old, new = stored("max-age=60"), replace(stored("max-age=60"), moment=Moment(BEGIN + 1, BEGIN + 1))
    state = rules.look_up(request(), [old, new], BEGIN + 2)
    assert isinstance(state, hishel.FromCache)
    assert state.entry.id == new.id


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"ETag": '"1"'}, {"If-None-Match": '"1"'}),
        ({"Last_Modified": "then"}, {"If-Modified-Since": "then"}),
        ({}, {}),
    ],
)
@pytest.mark.parametrize("said", ["no-cache", "max-age=1", "max-age=60, no-cache"])
def test_what_is_not_fresh_is_validated(said: str, fields: dict[str, str], sent: dict[str, str]) -> None:
    state = rules.look_up(request(), [stored(said, **fields)], BEGIN + 5)
    assert isinstance(state, hishel.NeedRevalidation)
    assert rules.conditions(state.request) == sent


def test_with_some_fields_excepted_it_need_not_be_validated() -> None:
    assert isinstance(rules.look_up(request(), [stored('max-age=60, no-cache="X-A"')], BEGIN), hishel.FromCache)


def test_without_an_answer_there_is_a_miss() -> None:
    assert isinstance(rules.look_up(request(), [], BEGIN), hishel.CacheMiss)
    other = replace(stored("max-age=60"), varies={"accept": "another"})
    assert isinstance(rules.look_up(request(), [other], BEGIN), hishel.CacheMiss)


def outcome(answer: OriginReply, **login: Any) -> Any:
    return rules.miss(replace(request(), **login)).next(rules.response(answer, MOMENT))


@pytest.mark.parametrize("said", ["public", "s-maxage=60", "must-revalidate, max-age=60", "max-age=60"])
def test_with_a_login_it_takes_a_permission(said: str) -> None:
    """RFC 9111 clause 3.5."""
    for login in ({"digest": aiohttp.DigestAuthMiddleware("u", "p")}, {"headers": {"Authorization": "Basic x"}}):
        kept = isinstance(outcome(reply(said), **login), hishel.StoreAndUse)
        assert kept == (said != "max-age=60")


def test_fields_of_the_connection_and_private_ones_are_not_kept() -> None:
    answer = reply('private="X-Mine", max-age=60', X_Mine="1", X_Ours="2", Connection="X-Hop, close", X_Hop="3", TE="4")
    state = outcome(answer)
    assert isinstance(state, hishel.StoreAndUse)
    kept = rules.kept_headers(answer, state.response.headers)
    assert set(kept) == {"Cache-Control", "Date", "X-Ours"}
    assert kept["Cache-Control"] == 'private="X-Mine", max-age=60'


@pytest.mark.parametrize(
    ("answer", "worth"),
    [
        (reply("max-age=60"), True),
        (reply(ETag='"1"'), True),
        (reply(Last_Modified="then"), True),
        (reply(), False),
        (reply(Content_Type="audio/mpeg"), True),
        (reply("max-age=0", Content_Type="audio/mpeg"), False),
        (reply("max-age=60", Set_Cookie="a=b"), False),
        (reply("max-age=60", Vary="Accept, *"), False),
        (reply("max-age=60", status=401), False),
        (reply("max-age=60", status=407), False),
    ],
)
def test_what_is_worth_keeping(answer: OriginReply, worth: bool) -> None:
    assert rules.worth_keeping(answer, MOMENT) == worth


@pytest.mark.parametrize(
    ("said", "shared"), [("", True), ("max-age=1", True), ("max-age=0", False), ("no-cache, max-age=9", False)]
)
def test_what_may_be_shared(said: str, shared: bool) -> None:
    assert rules.may_share(reply(said).headers, MOMENT) == shared


def test_a_validation_renews_what_it_says() -> None:
    old = CIMultiDictProxy(CIMultiDict([("Age", "5"), ("Date", "then"), ("A", "1"), ("B", "1"), ("Content-Type", "c")]))
    new = [("Date", "now"), ("A", "2"), ("A", "3"), ("Content-Type", "d"), ("Connection", "x"), ("Set-Cookie", "s")]
    fresh = rules.refreshed(old, CIMultiDictProxy(CIMultiDict(new)))
    assert sorted((name.lower(), value) for name, value in fresh.items()) == [
        ("a", "2"), ("a", "3"), ("b", "1"), ("content-type", "c"), ("date", "now"),
    ]  # fmt: skip


def test_values_are_compared_without_their_white_space() -> None:
    headers = CIMultiDict([("Vary", "Accept-Language, Cookie"), ("Vary", "X")])
    varies = rules.varies(request(Accept_Language="en,  de", X="1"), headers)
    assert varies["cookie"] == ""
    kept = replace(entry(), varies=varies)
    assert rules.matches(kept, request(accept_language=" en , de", X="1"))
    assert not rules.matches(kept, request(Accept_Language="en, fr", X="1"))
    assert not rules.matches(kept, request(Accept_Language="en, de", X="1", Cookie="a"))
