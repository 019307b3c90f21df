"""The description fits the operations, the documented interface, and real answers."""

# Covers: rest/description.py rest/operations.py rest/shapes.py rest/parameters.py

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import booleans
from jsonschema_rs import validator_for
from rest_messages import FewMessages
from rest_world import NOW, OURS, V2010, World, world
from schemathesis import checks

from ringback.app.rest import HttpServer
from ringback.app.settings import HttpSettings
from ringback.model.provisioning import AvailableNumberRecord
from ringback.model.records import Account
from ringback.model.status import ApiVersion, CallStatus
from ringback.rest.description import Description
from ringback.rest.front import Front
from ringback.rest.openapi import describe
from ringback.rest.versions import TABLES


@pytest.mark.parametrize("version", list(ApiVersion))
def test_every_operation_is_described(version: ApiVersion) -> None:
    told = describe(version)
    described = {
        (path.removesuffix(".json").removeprefix(f"/{version.value}"), method.upper())
        for path, operations in told["paths"].items()
        for method in operations
    }
    assert described == {(operation.path, operation.method) for operation in TABLES[version]}
    names = [one["operationId"] for operations in told["paths"].values() for one in operations.values()]
    assert len(names) == len(set(names))
    assert all(one["summary"] for operations in told["paths"].values() for one in operations.values())
    json.dumps(told)


async def check(rest: World, version: ApiVersion, name: str, path: str) -> None:
    """Fetch something and hold it against the description of that operation."""
    told = describe(version)
    answer = await rest("GET", f"/{version.value}/Accounts/{{A}}/{path}.json")
    assert answer.status == 200, answer.body
    [operation] = [
        one for operations in told["paths"].values() for one in operations.values() if one["operationId"] == name
    ]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    validator_for({**schema, "components": told["components"]}).validate(answer.json)


LISTS = {
    "Calls": "Call", "Recordings": "Recording", "Conferences": "Conference", "Queues": "Queue", "Keys": "Key",
    "Messages": "Message", "IncomingPhoneNumbers": "IncomingPhoneNumber", "Applications": "Application",
    "AvailablePhoneNumbers": "AvailablePhoneNumberCountry", "OutgoingCallerIds": "OutgoingCallerId",
    "Usage/Records": "UsageRecord", "Usage/Records/Daily": "UsageRecordDaily", "Notifications": "Notification",
    "Transcriptions": "Transcription", "AvailablePhoneNumbers/US/Local": "AvailablePhoneNumberLocal",
    "SMS/ShortCodes": "ShortCode",
}  # fmt: skip


async def test_real_answers_fit_the_description(rest: World) -> None:
    rest.services.messages = FewMessages(rest)  # type: ignore[assignment]
    await rest.new_number()
    await rest.new_number("12345")
    await rest.database.available_numbers.offer([AvailableNumberRecord("+12125550177", "US", "local", NOW)])
    call = await rest.new_call(status=CallStatus.IN_PROGRESS, start_time=NOW, end_time=NOW + timedelta(seconds=1))
    root = f"{V2010}/Accounts/{{A}}"
    made = {}
    for path, form in (
        ("Queues", {"FriendlyName": "q"}), ("Applications", {"FriendlyName": "a"}), ("Keys", {"FriendlyName": "k"}),
        (f"Calls/{call.sid}/Recordings", {}), ("Messages", {"To": OURS, "From": OURS, "Body": "x"}),
    ):  # fmt: skip
        made[path] = (await rest("POST", f"{root}/{path}.json", form)).json["sid"]
    for path, name in LISTS.items():
        await check(rest, ApiVersion.V2010, f"List{name}", path)
        if path in made:
            await check(rest, ApiVersion.V2010, f"Fetch{name}", f"{path}/{made[path]}")
    await check(rest, ApiVersion.V2010, "FetchCall", f"Calls/{call.sid}")
    await check(rest, ApiVersion.V2010, "FetchBalance", "Balance")
    await check(rest, ApiVersion.V2010, "ListCallRecording", f"Calls/{call.sid}/Recordings")
    for path in ("Calls", "IncomingPhoneNumbers", "Recordings", "Notifications", "SMS/ShortCodes"):
        await check(rest, ApiVersion.V2008, f"List{LISTS[path]}", path)
    await check(rest, ApiVersion.V2008, "ListMessage", "SMS/Messages")
    await check(rest, ApiVersion.V2008, "FetchCall", f"Calls/{call.sid}")


@pytest.fixture
async def front(store: Path) -> AsyncIterator[tuple[World, Front]]:
    async with world(store) as rest:
        rest.services.messages = FewMessages(rest)  # type: ignore[assignment]
        front = Front(rest.application)
        description = Description(rest.services.settings.api_versions)
        front.mount("/docs", description)
        front.mount("/openapi", description)
        yield rest, front


async def test_docs_are_served_to_people_and_programs(front: tuple[World, Front]) -> None:
    rest, door = front
    rest.application = door  # type: ignore[assignment]
    page = await rest("GET", "/docs", auth=None)
    assert page.headers["content-type"].startswith("text/html")
    assert b"/2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json" in page.body
    assert b"src=" not in page.body  # nothing is loaded from anywhere
    assert json.loads((await rest("GET", "/openapi.json", auth=None)).body)["info"]["version"] == "2010-04-01"
    assert json.loads((await rest("GET", "/openapi/2008-08-01.json", auth=None)).body)["openapi"] == "3.1.0"
    assert (await rest("GET", "/docs/1999-01-01", auth=None)).status == 404
    assert (await rest("GET", "/nowhere", auth=None)).status == 404


CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", list(ApiVersion))
async def test_no_request_is_answered_otherwise_than_described(rest: World, version: ApiVersion) -> None:
    """schemathesis makes requests from the description: none is answered with 500, none outside of its schema."""
    rest.services.messages = FewMessages(rest)  # type: ignore[assignment]
    await rest.new_number()
    call = await rest.new_call(status=CallStatus.IN_PROGRESS)
    server = HttpServer(HttpSettings(port=0))
    await server.start(rest.application)
    try:
        asked = await asyncio.to_thread(_explore, server.url, rest.account, version, call.sid)
    finally:
        await server.close()
    assert asked > 5 * len(TABLES[version])


def _explore(base: str, account: Account, version: ApiVersion, call_sid: str) -> int:
    """Ask each operation about things that are there and things that are not; return how many requests that made."""
    asked = 0
    sids = {"AccountSid": account.sid, "CallSid": call_sid, "Sid": call_sid}
    with requests.Session() as session:
        session.auth = (account.sid, account.auth_token)
        for result in schemathesis.openapi.from_dict(describe(version)).get_all_operations():
            operation = result.ok()

            @seed(7)
            @settings(
                max_examples=8,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(), real=booleans())
            def ask(case: Any, real: bool) -> None:
                nonlocal asked
                case.path_parameters = {
                    name: sids.get(name, value) if real or name == "AccountSid" else value
                    for name, value in (case.path_parameters or {}).items()
                }
                case.call_and_validate(base_url=base, session=session, checks=CHECKS)
                asked += 1

            ask()
    return asked
