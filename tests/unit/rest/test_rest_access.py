"""Who may: credentials, keys, subaccounts, limits, bounds; and what is said to those who may not."""

# Covers: rest/application.py rest/form.py rest/errors.py rest/notices.py rest/operations.py rest/replies.py

import asyncio
import base64
import hashlib
import logging
from pathlib import Path
from typing import Any

import pytest
from rest_world import NOW, V2010, World, world

from ringback.model.provisioning import KeyRecord
from ringback.model.records import AccountStatus
from ringback.rest.operations import Operation, Routes
from ringback.rest.services import RestSettings
from ringback.storage.errors import StorageError

CALLS = f"{V2010}/Accounts/{{A}}/Calls.json"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer abc",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + "QUFB" * 500,
    ],
)
async def test_no_credentials_no_answer(rest: World, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    answer = await rest("GET", CALLS, auth=None, headers=headers)
    assert (answer.status, answer.json["code"]) == (401, 20003)
    assert answer.headers["www-authenticate"] == 'Basic realm="Twilio API"'


@pytest.mark.conforms("2010-04-01/8/auth")
async def test_wrong_ones_are_refused_and_logged_without_the_token(
    rest: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for auth in ((rest.account.sid, "guess"), ("AC" + "0" * 32, rest.account.auth_token), ("SK" + "0" * 32, "x")):
            assert (await rest("GET", CALLS, auth=auth)).status == 401
    assert caplog.text.count("Refused (credentials): 192.0.2.7") == 3
    assert rest.account.auth_token not in caplog.text
    assert rest.application.access.refusals["credentials"] == 3


async def test_who_guesses_is_not_heard_for_a_while(rest: World) -> None:
    for _ in range(30):
        assert (await rest("GET", CALLS, auth=(rest.account.sid, "guess"))).status == 401
    answer = await rest("GET", CALLS)
    assert (answer.status, answer.json["code"]) == (429, 20429)
    assert answer.headers["retry-after"] == "1"
    rest.clock.passed += 60
    assert (await rest("GET", CALLS)).status == 200


async def test_both_tokens_are_good_while_one_is_changed(rest: World) -> None:
    await rest.database.accounts.update(rest.account.sid, secondary_token="f" * 32)
    rest.clock.passed += 2
    for token in (rest.account.auth_token, "f" * 32):
        assert (await rest("GET", CALLS, auth=(rest.account.sid, token))).status == 200
    await rest.database.accounts.update(rest.account.sid, auth_token="f" * 32, secondary_token=None)
    assert (await rest("GET", CALLS)).status == 200  # for a second, nobody asks the store again
    rest.clock.passed += 2
    assert (await rest("GET", CALLS)).status == 401


@pytest.mark.conforms("2010-04-01/8/subaccounts")
async def test_a_parent_may_and_a_stranger_may_not(rest: World) -> None:
    child = await rest.new_account(owner_account_sid=rest.account.sid)
    stranger = await rest.new_account()
    path = f"{V2010}/Accounts/{child.sid}/Calls.json"
    assert (await rest("GET", path)).status == 200
    assert (await rest("GET", CALLS, auth=(child.sid, child.auth_token))).status == 401
    assert (await rest("GET", path, auth=(stranger.sid, stranger.auth_token))).json["code"] == 20003
    assert (await rest("GET", f"{V2010}/Accounts/AC{'9' * 32}/Calls.json")).json["code"] == 20003


async def test_an_account_that_is_not_active(rest: World) -> None:
    child = await rest.new_account(owner_account_sid=rest.account.sid, status=AccountStatus.SUSPENDED)
    path = f"{V2010}/Accounts/{child.sid}/Queues.json"
    assert (await rest("GET", path, auth=(child.sid, child.auth_token))).json["code"] == 20005
    assert (await rest("GET", path)).status == 200
    assert (await rest("POST", path, {"FriendlyName": "x"})).json["code"] == 20005


@pytest.mark.conforms("2010-04-01/8/auth")
async def test_a_key_opens_everything_but_accounts_and_keys(rest: World) -> None:
    secret = "s" * 32
    digest = hashlib.sha256(secret.encode()).hexdigest()
    key = KeyRecord(rest.sid("SK"), rest.account.sid, "CI", digest, NOW)
    await rest.database.keys.create(key)
    assert (await rest("GET", CALLS, auth=(key.sid, secret))).status == 200
    assert (await rest("GET", CALLS, auth=(key.sid, "wrong"))).status == 401
    for path in ("/Accounts.json", "/Accounts/{A}.json", "/Accounts/{A}/Keys.json"):
        assert (await rest("GET", V2010 + path, auth=(key.sid, secret))).json["code"] == 20003


@pytest.mark.conforms("2010-04-01/8/concurrency")
async def test_so_many_at_once_and_no_more(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(store, RestSettings(max_concurrent=2)) as rest:
        gate, page = asyncio.Event(), rest.database.calls.page

        async def slowly(*arguments: Any) -> Any:
            await gate.wait()
            return await page(*arguments)

        monkeypatch.setattr(rest.database.calls, "page", slowly)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(rest("GET", CALLS)) for _ in range(5)]
            refused = asyncio.as_completed(tasks)
            for _ in range(3):
                await next(refused)
            gate.set()
        answers = [task.result() for task in tasks]
        assert sorted(answer.status for answer in answers) == [200, 200, 429, 429, 429]
        assert {answer.headers["twilio-concurrent-requests"] for answer in answers} == {"1", "2"}
        assert (await rest("GET", CALLS)).status == 200


async def test_so_many_a_second_and_no_more(store: Path) -> None:
    async with world(store, RestSettings(requests_per_second=3)) as rest:
        statuses = [(await rest("GET", CALLS)).status for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        rest.clock.passed += 1
        assert (await rest("GET", CALLS)).status == 200


@pytest.mark.parametrize(
    ("form", "headers", "status"),
    [
        (b"x" * 65_537, {}, 413),
        (b"{}", {"content-type": "application/json"}, 415),
        (b"FriendlyName=\xff", {}, 400),
        (b"FriendlyName=%FF", {}, 400),
        (b"&".join(b"a=1" for _ in range(501)), {}, 400),
        (b"FriendlyName=x%00y", {}, 400),
    ],
)
async def test_bodies_have_bounds(rest: World, form: bytes, headers: dict[str, str], status: int) -> None:
    answer = await rest("POST", f"{V2010}/Accounts/{{A}}/Queues.json", form, headers=headers)
    assert answer.status == status
    assert answer.json["message"]


@pytest.mark.conforms("2010-04-01/8/requests")
async def test_what_a_parameter_means_to_nobody_is_told_to_the_account(rest: World) -> None:
    form = {"FriendlyName": "x", "Colour": "red", "SipAuthPassword": "secret"}
    assert (await rest("POST", f"{V2010}/Accounts/{{A}}/Queues.json", form, query="Shade=dark")).status == 201
    [notice] = rest.notices
    assert (notice.code, notice.account_sid) == (20001, rest.account.sid)
    assert notice.message == "Unknown parameters: Shade, Colour, SipAuthPassword"
    assert notice.request_url == f"http://127.0.0.1:8080{V2010}/Accounts/{rest.account.sid}/Queues.json?Shade=dark"
    assert notice.request_variables["SipAuthPassword"] == ""


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/2010-04-01/Nonsense.json", 404, 20404),
        ("GET", "/1999-01-01/Accounts.json", 404, 20404),
        ("GET", "/", 404, 20404),
        ("PATCH", CALLS, 405, 20004),
        ("PUT", CALLS, 405, 20004),
        ("GET", CALLS.replace("json", "html"), 404, 20404),
        ("GET", "/2010-04-01/Accounts/{A}//Calls.json", 404, 20404),
    ],
)
async def test_paths_and_methods_that_there_are_not(
    rest: World, method: str, path: str, status: int, code: int
) -> None:
    answer = await rest(method, path)
    assert answer.status == status
    told = answer.json["code"] if path.endswith(".json") else int(answer.xml.findtext("RestException/Code"))
    assert told == code


async def test_a_head_has_no_body(rest: World) -> None:
    answer = await rest("HEAD", CALLS)
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 100


async def test_failures_are_ours_and_tell_nothing(rest: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(error: Exception) -> Any:
        raise error

    for error, status, code in (
        (RuntimeError("secret"), 500, 20500),
        (StorageError("the disk is full", unavailable=True), 503, 20503),
        (StorageError("odd"), 500, 20500),
    ):
        monkeypatch.setattr(rest.database.calls, "page", lambda *_, error=error: fail(error))
        answer = await rest("GET", CALLS)
        assert (answer.status, answer.json["code"]) == (status, code)
        assert "secret" not in answer.body.decode()


async def test_a_request_that_ends_too_soon(rest: World) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    path = CALLS.replace("{A}", rest.account.sid)
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": [],
        "client": None,
    }  # fmt: skip
    await rest.application(scope, receive, send)
    assert sent[0]["status"] == 400


def test_one_path_has_one_meaning() -> None:
    one = Operation("GET", "/A/{B}", "X", lambda request: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(ValueError, match="there twice"):
        Routes([one, one])
