"""Calls to applications of this server: who may make them, and how they are known."""

from ringback.app.telephony.applications import HEADER, OwnApplications
from ringback.model.provisioning import ApplicationRecord
from ringback.sip.events import DialogId, IncomingCall
from ringback.storage.database import Database
from tests.unit.app.telephony.telephony_world import ALICE, NOON

SID = "AP" + "1" * 32


def invite(user: str, *headers: tuple[str, str]) -> IncomingCall:
    uri = f"sip:{user}@192.0.2.1"
    return IncomingCall(DialogId(1), ALICE, uri, user, uri, user, "sip:x@h", "x", "", "i", None, headers)


async def test_only_calls_of_this_server_lead_to_an_application(database: Database) -> None:
    account = await database.accounts.ensure_default(NOON, bytes)
    record = ApplicationRecord(SID, account.sid, "Menu", NOON, voice_url="http://127.0.0.1/")
    await database.applications.create(record)
    ours = OwnApplications(database, b"key")
    headers = await ours.headers(SID, account.sid)
    assert headers is not None
    ((name, mark),) = headers
    assert name == HEADER
    assert await ours.called(invite(SID, (name.lower(), mark))) == record
    # Not without the mark, not with that of another application or another server, and not an application that is gone.
    assert await ours.called(invite(SID)) is None
    assert await ours.called(invite("AP" + "2" * 32, (name.lower(), mark))) is None
    assert await OwnApplications(database, b"other").called(invite(SID, (name.lower(), mark))) is None
    assert await ours.called(invite(SID, (name.lower(), "\ud800"))) is None
    await database.applications.remove(SID)
    assert await ours.called(invite(SID, (name.lower(), mark))) is None


async def test_an_application_of_another_account_is_none(database: Database) -> None:
    account = await database.accounts.ensure_default(NOON, bytes)
    await database.applications.create(ApplicationRecord(SID, account.sid, "Menu", NOON))
    ours = OwnApplications(database, b"key")
    assert await ours.headers(SID, "AC" + "9" * 32) is None
    assert await ours.headers("AP" + "9" * 32, account.sid) is None
