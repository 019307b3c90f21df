"""Incoming calls and their applications: the real switch and the real interpreter, in virtual time."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from voice_world import ACCOUNT, CALLER, DEFAULT, NUMBER, SHOP, STATUS_URL, World, number, virtual, wav
from web_in_memory import NEVER, Asked, Page

from ringback.model import events
from ringback.model.provisioning import ApplicationRecord
from ringback.model.records import AccountStatus
from ringback.model.sip_domains import SipDomainRecord
from ringback.model.status import ApiVersion, CallStatus
from ringback.sip.events import IncomingCall
from ringback.testing.clock import run
from ringback.testing.exchange import EPOCH
from ringback.webhooks.signature import HEADER, sign

HELLO = "<Response><Say>Hello.</Say></Response>"
PLACES = ("City", "State", "Zip", "Country")
V2008, V2010 = ApiVersion.V2008, ApiVersion.V2010


def callback(**different: str) -> dict[str, str]:
    return {"status_callback": STATUS_URL, **different}


# -- whose call it is -------------------------------------------------------------------------------------------------


@virtual
async def test_a_number_that_is_not_there_is_refused_404(tmp_path: Path) -> None:
    async with World(tmp_path, number(**callback())) as world:
        world.web.pages[SHOP] = HELLO
        phone = await world.call("+15550100099")
        assert phone.refused_with == 404
        record = world.record(phone)
        assert (record["status"], record["end_reason"]) == (CallStatus.FAILED, "not-found")
        assert (record["account_sid"], record["phone_number_sid"], record["to"]) == (DEFAULT.sid, None, "+15550100099")
        (error,) = world.exchange.timeline(phone.sid, events.ERROR)
        assert error["message"] == "no number +15550100099: ringback numbers add +15550100099 --url URL"
        assert world.web.asked == []


@pytest.mark.conforms("2008-08-01/7/10003")
@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.CLOSED])
def test_an_account_that_is_not_active_takes_no_calls(tmp_path: Path, status: AccountStatus) -> None:
    @virtual
    async def test() -> None:
        async with World(tmp_path, number(**callback())) as world:
            idle = replace(ACCOUNT, status=status)
            world.accounts.find = {ACCOUNT.sid: idle}.get
            world.web.pages[SHOP] = HELLO
            for domains, applications in ((None, None), (OneDomain(), None), (None, OneApplication())):
                world.voice.domains, world.voice.applications = domains, applications
                phone = await world.call()
                assert (phone.refused_with, world.errors(phone)) == (403, [10003])
                assert world.record(phone)["account_sid"] == ACCOUNT.sid
            assert world.web.asked == []

    test()


@virtual
async def test_a_call_belongs_to_the_account_of_its_number(tmp_path: Path) -> None:
    async with World(tmp_path, number(sid="PN" + "7" * 32)) as world:
        world.web.pages[SHOP] = HELLO
        record = world.record(await world.call())
        assert (record["account_sid"], record["phone_number_sid"]) == (ACCOUNT.sid, "PN" + "7" * 32)
        assert (record["from_"], record["to"], record["api_version"]) == (CALLER, NUMBER, V2010)


# -- calls to SIP domains ----------------------------------------------------------------------------------------------


class OneDomain:
    """Every call is for one SIP domain, that may refuse it."""

    def __init__(self, code: int | None = None, **different: Any) -> None:
        self.code = code
        values: dict[str, Any] = {"voice_url": SHOP, "voice_status_callback_url": STATUS_URL, **different}
        self.record = SipDomainRecord("SD" + "1" * 32, ACCOUNT.sid, "shop.example", "Shop", EPOCH, **values)

    def called(self, call: IncomingCall) -> SipDomainRecord:
        return self.record

    def refusal(self, name: str, call: IncomingCall) -> int | None:
        assert name == "shop.example"
        return self.code


@virtual
async def test_a_call_to_a_sip_domain_asks_its_application(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.web.pages |= {SHOP: HELLO, STATUS_URL: ""}
        world.voice.domains = OneDomain()
        record = world.record(await world.call())
        assert (record["account_sid"], record["phone_number_sid"]) == (ACCOUNT.sid, None)
        assert record["status"] is CallStatus.COMPLETED
        assert [asked.url for asked in world.web.asked] == [SHOP, STATUS_URL]


@pytest.mark.conforms("2010-04-01/5.1/sip", "2010-04-01/14/headers")
@virtual
async def test_the_application_of_a_sip_domain_is_told_of_the_sip_call(tmp_path: Path) -> None:
    """In each request, those at the end included."""
    async with World(tmp_path) as world:
        world.web.pages |= {
            SHOP: "<Response><Redirect>/more</Redirect></Response>",
            f"{SHOP}more": HELLO,
            STATUS_URL: "",
        }
        world.voice.domains = OneDomain()
        phone = world.dial(headers=(("X-Shop-ID", "7"), ("User-to-User", "56;encoding=hex"), ("Subject", "no")))
        await phone.ended.wait()
        await world.over()
        assert [asked.url for asked in world.web.asked] == [SHOP, f"{SHOP}more", STATUS_URL]
        for asked in world.web.asked:
            assert asked.fields["SipCallId"]
            told = {
                name: value for name, value in asked.fields.items() if name.startswith("Sip") and name != "SipCallId"
            }
            assert told == {
                "SipDomain": "shop.example",
                "SipDomainSid": "SD" + "1" * 32,
                "SipSourceIp": "127.0.0.1",
                "SipHeader_X-Shop-Id": "7",
                "SipHeader_User-to-User": "56;encoding=hex",
            }


@virtual
async def test_who_may_not_call_a_sip_domain_is_refused(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        for code in (32201, 32202):
            world.voice.domains = OneDomain(code)
            phone = await world.call()
            assert (phone.refused_with, world.warnings(phone)) == (403, [code])
        world.voice.domains = OneDomain(voice_url=None)
        assert (await world.call()).refused_with == 404
        assert world.web.asked == []


# -- calls to applications ---------------------------------------------------------------------------------------------


class OneApplication:
    """Every call is for one application."""

    def __init__(self, **different: Any) -> None:
        values: dict[str, Any] = {"voice_url": SHOP, "status_callback": STATUS_URL, **different}
        self.record = ApplicationRecord("AP" + "1" * 32, ACCOUNT.sid, "Shop", EPOCH, **values)

    async def called(self, invite: IncomingCall) -> ApplicationRecord:
        return self.record


@virtual
async def test_a_call_to_an_application_asks_its_voice_url(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.web.pages |= {SHOP: HELLO, STATUS_URL: ""}
        world.voice.applications = OneApplication()
        phone = world.dial("AP" + "1" * 32, headers=(("X-Ringback-Told", "Colour=red+%26+blue&To=%2B14155550100"),))
        await phone.ended.wait()
        await world.over()
        record = world.record(phone)
        assert (record["account_sid"], record["status"]) == (ACCOUNT.sid, CallStatus.COMPLETED)
        first, last = world.web.asked
        assert (first.url, last.url) == (SHOP, STATUS_URL)
        assert (first.fields["Colour"], first.fields["To"]) == ("red & blue", "+14155550100")


@virtual
async def test_an_application_without_a_voice_url_is_not_reached(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.voice.applications = OneApplication(voice_url=None)
        assert (await world.call()).refused_with == 404
        assert world.web.asked == []


# -- what the application is asked -------------------------------------------------------------------------------------


@pytest.mark.conforms("2010-04-01/5.1/first-inbound")
@virtual
async def test_the_first_request_of_2010(tmp_path: Path) -> None:
    """Clause 5.1 of the 2010-04-01 specification."""
    async with World(tmp_path, number()) as world:
        world.web.pages[SHOP] = HELLO
        phone = await world.call()
        (asked,) = world.web.asked
        assert (asked.method, asked.url) == ("POST", SHOP)
        fields = dict(asked.fields)
        places = {name: fields.pop(name) for name in asked.fields if name.endswith(PLACES)}
        assert len(places) == 16
        assert (places["FromState"], places["FromCountry"], places["CallerCountry"]) == ("CA", "US", "US")
        assert fields == {
            "CallSid": phone.sid,
            "AccountSid": ACCOUNT.sid,
            "ApiVersion": "2010-04-01",
            "From": CALLER,
            "To": NUMBER,
            "Caller": CALLER,
            "Called": NUMBER,
            "CallStatus": "ringing",
            "Direction": "inbound",
        }


@pytest.mark.conforms(
    "2008-08-01/1.1/incoming",
    "2008-08-01/1.1/incoming-DialStatus",
    "2008-08-01/1.1/incoming-CallStatus",
    "2008-08-01/1.1/incoming-method",
)
@virtual
async def test_the_first_request_of_2008(tmp_path: Path) -> None:
    """Clauses 1.1 and 1.2 of the 2008-08-01 specification: ten digits, and DialStatus on incoming calls too."""
    async with World(tmp_path, number(api_version=V2008)) as world:
        world.web.pages[SHOP] = HELLO
        phone = await world.call()
        fields = world.web.asked[0].fields
        assert {
            name: fields[name] for name in fields if name not in ("CallerState", "CallerCountry", "CallerCity")
        } == {
            "CallSid": phone.sid,
            "CallGuid": phone.sid,
            "AccountSid": ACCOUNT.sid,
            "AccountGuid": ACCOUNT.sid,
            "Caller": "4155550123",
            "Called": "5550100001",
            "CallStatus": "in-progress",
            "DialStatus": "answered",
            "ApiVersion": "2008-08-01",
        }


@pytest.mark.conforms("2008-08-01/1.4/signature", "2010-04-01/6/every", "2010-04-01/6/key")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("version", [V2008, V2010])
def test_every_request_is_signed_with_the_token_of_the_account(
    tmp_path: Path, method: str, version: ApiVersion
) -> None:
    async def call() -> None:
        pages = {
            SHOP: f'<Response><Gather action="/menu?x=1" method="{method}" numDigits="1" timeout="9"/></Response>',
            f"{SHOP}menu": HELLO,
            STATUS_URL: Page(status=204),
        }
        different = callback(voice_method=method, status_callback_method=method)
        async with World(tmp_path, number(api_version=version, **different)) as world:
            world.web.pages.update(pages)
            phone = world.dial()
            await phone.answered.wait()
            phone.audio.key("5")
            await phone.ended.wait()
            await world.over()
            assert [asked.method for asked in world.web.asked] == [method] * 3
            assert world.web.asked[1].fields["Digits"] == "5"
            for asked in world.web.asked:
                form = asked.fields.items() if method == "POST" else ()
                assert asked.headers[HEADER] == sign(ACCOUNT.auth_token, asked.url, form)
                assert asked.headers[HEADER] != sign(DEFAULT.auth_token, asked.url, form)

    run(call())


@pytest.mark.conforms("2008-08-01/1.4/cookies-call", "2010-04-01/7/cookies")
@virtual
async def test_cookies_last_as_long_as_the_call(tmp_path: Path) -> None:
    def page(asked: Asked) -> Page:
        return Page(HELLO, headers={"Set-Cookie": f"call={asked.fields['CallSid']}"})

    async with World(tmp_path, number(**callback())) as world:
        world.web.pages |= {SHOP: page, STATUS_URL: ""}
        phones = [await world.call() for _ in range(2)]
        cookies = [asked.headers.get("Cookie") for asked in world.web.asked]
        assert cookies == [None, f"call={phones[0].sid}", None, f"call={phones[1].sid}"]


# -- what it is told afterwards ---------------------------------------------------------------------------------------


@pytest.mark.conforms("2008-08-01/1.1/call-end", "2008-08-01/1.1/no-status-callback")
@virtual
async def test_2008_is_told_of_the_end_at_the_first_url(tmp_path: Path) -> None:
    """Clause 1.1: what it answers to that is not rendered, and a StatusCallback is not of that version."""
    async with World(tmp_path, number(api_version=V2008, voice_method="GET", **callback())) as world:
        world.web.pages |= {SHOP: HELLO, STATUS_URL: ""}
        phone = await world.call()
        first, last = world.web.asked
        assert (last.method, urlsplit(last.url)._replace(query="").geturl()) == ("GET", SHOP)
        assert dict(parse_qsl(urlsplit(last.url).query)) == last.fields
        assert last.fields["CallStatus"] == "completed"
        assert "DialStatus" not in last.fields
        assert {**last.fields, "CallStatus": "in-progress", "DialStatus": "answered"} == first.fields
        assert world.spoken(phone) == ["Hello."]


@pytest.mark.conforms("2010-04-01/5.2/CallDuration", "2010-04-01/5.2/Timestamp", "2010-04-01/5.2/inbound")
@virtual
async def test_2010_is_told_of_the_end_at_the_status_callback(tmp_path: Path) -> None:
    """Clause 5.2: seconds, minutes rounded up, and a time in the form of RFC 2822."""
    async with World(tmp_path, number(**callback(status_callback_method="GET"))) as world:
        world.web.pages |= {SHOP: '<Response><Say>Wait.</Say><Pause length="61"/></Response>', STATUS_URL: ""}
        phone = await world.call()
        first, last = world.web.asked
        told = {name: value for name, value in last.fields.items() if name not in first.fields}
        moment = parsedate_to_datetime(told.pop("Timestamp"))
        assert abs((moment - EPOCH).total_seconds() - 61) <= 1
        assert told == {
            "CallDuration": "61", "Duration": "2", "CallbackSource": "call-progress-events", "SequenceNumber": "0"
        }  # fmt: skip
        assert (last.method, last.fields["CallStatus"], last.fields["CallSid"]) == ("GET", "completed", phone.sid)


@virtual
async def test_without_a_status_callback_2010_is_told_nothing(tmp_path: Path) -> None:
    async with World(tmp_path, number()) as world:
        world.web.pages[SHOP] = HELLO
        await world.call()
        assert len(world.web.asked) == 1


@pytest.mark.parametrize(("version", "status"), [(V2008, "no-answer"), (V2010, "no-answer")])
def test_a_call_that_was_not_answered_is_told_of_too(tmp_path: Path, version: ApiVersion, status: str) -> None:
    async def call() -> None:
        async with World(tmp_path, number(api_version=version, **callback())) as world:
            world.web.pages |= {SHOP: Page(HELLO, seconds=5), STATUS_URL: ""}
            phone = world.dial()
            await asyncio.sleep(2)
            phone.hang_up()
            await world.over()
            last = world.web.asked[-1]
            assert last.fields["CallStatus"] == status
            assert last.fields.get("CallDuration") == {V2008: None, V2010: "0"}[version]
            assert world.record(phone)["end_reason"] == "caller-cancelled"

    run(call())


@pytest.mark.conforms("2008-08-01/1.1/call-end-reply", "2010-04-01/5.2/reply")
@pytest.mark.parametrize(
    ("page", "why"),
    [
        (Page("oops", "text/plain", 500), "11200: the server answered 500: oops"),
        (Page(seconds=NEVER), "11200: no complete answer within 15 s"),
        (None, "11205: no connection to told.example"),
    ],
    ids=["500", "never", "not there"],
)
@pytest.mark.parametrize("version", [V2008, V2010])
def test_nobody_who_can_be_told_is_a_warning(tmp_path: Path, version: ApiVersion, page: Page | None, why: str) -> None:
    """Code 15003; the call itself ended as it did."""
    url = "http://told.example/"

    async def call() -> None:
        different = {"voice_url": url, "voice_fallback_url": SHOP} if version is V2008 else {"status_callback": url}
        async with World(tmp_path, number(api_version=version, **different)) as world:
            world.web.pages |= {SHOP: HELLO} | ({url: page} if page else {})
            phone = await world.call()
            *_, warning = world.exchange.timeline(phone.sid, events.WARNING)
            assert warning["code"] == 15003
            assert warning["message"].startswith(f"nobody could be told how the call gets on: {why}")
            assert world.record(phone)["status"] is CallStatus.COMPLETED
            assert world.voice._conducted == {}

    run(call())


# -- two minutes of silence -------------------------------------------------------------------------------------------

MENU = """
<Response>
  <Gather action="/choice" numDigits="1" timeout="5"><Say>Press one for our hours, or two for your order.</Say></Gather>
  <Redirect>/</Redirect>
</Response>
"""


def patient(asked: Asked) -> str:
    """An application that asks again and again, and gives up after two minutes."""
    return MENU if asked.at < 120 else "<Response><Say>Goodbye.</Say><Hangup/></Response>"


def endless(asked: Asked) -> str:
    return MENU


@pytest.mark.parametrize(
    ("page", "hangs_up", "limit", "reason"),
    [
        (patient, False, 14400.0, "hangup-verb"),
        (endless, True, 14400.0, "caller-hangup"),
        (endless, False, 120.0, "time-limit"),
    ],
    ids=["the application hangs up", "the caller hangs up", "the limit ends it"],
)
@pytest.mark.parametrize("version", [V2008, V2010])
def test_two_minutes_of_silence(
    tmp_path: Path, page: Callable[[Asked], str], hangs_up: bool, limit: float, reason: str, version: ApiVersion
) -> None:
    """A caller who says and presses nothing hears the menu again and again; the call ends as completed."""

    async def call() -> None:
        numbered = number(api_version=version, **callback())
        async with World(tmp_path, numbered, max_duration=limit) as world:
            world.web.pages |= {SHOP: page, STATUS_URL: ""}
            phone = world.dial()
            if hangs_up:
                await asyncio.sleep(120)
                phone.hang_up()
            await phone.ended.wait()
            await world.over()
            record = world.record(phone)
            assert (record["status"], record["end_reason"]) == (CallStatus.COMPLETED, reason)
            assert 119 < (record["end_time"] - record["start_time"]).total_seconds() < 135
            statuses = [event["status"] for event in world.exchange.timeline(phone.sid, events.STATUS)]
            assert statuses == ["ringing", "in-progress", "completed"]
            assert world.exchange.timeline(phone.sid, events.STATUS)[-1]["reason"] == reason
            *menus, last = world.web.asked
            assert 15 < len(menus) < 24
            assert {asked.url for asked in menus} == {SHOP}
            assert last.fields["CallStatus"] == "completed"
            assert (world.errors(phone), world.warnings(phone)) == ([], [32015] if reason == "time-limit" else [])
            assert world.exchange.media.legs == []
            prompts = [played for played in world.exchange.media.played if played.complete]
            assert len(prompts) >= len(menus) - 1

    run(call())


# -- applications that fail -------------------------------------------------------------------------------------------


@pytest.mark.conforms("2008-08-01/1.4/timeouts")
@virtual
async def test_an_application_that_never_answers_is_given_up_after_the_total_timeout(tmp_path: Path) -> None:
    async with World(tmp_path, number(**callback())) as world:
        world.web.pages |= {SHOP: Page(seconds=NEVER), STATUS_URL: ""}
        phone = await world.call()
        record = world.record(phone)
        assert (record["status"], record["end_reason"]) == (CallStatus.FAILED, "application-error")
        assert world.errors(phone) == [11200]
        assert (record["start_time"] - EPOCH).total_seconds() == pytest.approx(15, abs=0.5)
        assert world.spoken(phone) == ["We're sorry, an application error has occurred. Goodbye."]
        (played,) = world.exchange.media.played
        assert played.complete
        assert world.web.asked[-1].fields["CallStatus"] == "failed"


@virtual
async def test_a_slow_application_is_waited_for(tmp_path: Path) -> None:
    async with World(tmp_path, number()) as world:
        world.web.pages[SHOP] = Page(HELLO, seconds=14)
        phone = await world.call()
        record = world.record(phone)
        assert (record["status"], record["end_reason"]) == (CallStatus.COMPLETED, "document-end")
        assert (record["start_time"] - EPOCH).total_seconds() == pytest.approx(14, abs=0.5)


@pytest.mark.conforms("2008-08-01/1.1/fallback", "2008-08-01/1.7/fatal", "2010-04-01/7/fallback")
@virtual
async def test_the_fallback_of_the_number_is_asked(tmp_path: Path) -> None:
    async with World(
        tmp_path, number(voice_fallback_url="http://spare.example/", voice_fallback_method="GET")
    ) as world:
        world.web.pages |= {SHOP: Page("oops", "text/plain", 500), "http://spare.example/": HELLO}
        phone = await world.call()
        asked = world.web.asked[-1]
        assert (asked.method, asked.fields["ErrorCode"], asked.fields["ErrorUrl"]) == ("GET", "11200", SHOP)
        assert world.record(phone)["end_reason"] == "document-end"


@virtual
async def test_a_store_that_fails_costs_that_call_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken(number: str) -> None:
        raise OSError("the disk is gone")

    async with World(tmp_path, number()) as world:
        world.web.pages[SHOP] = HELLO
        find, world.numbers.find = world.numbers.find, broken
        phone = await world.call()
        assert phone.refused_with == 500
        assert "the disk is gone" in caplog.text
        world.numbers.find = find
        assert world.record(await world.call())["end_reason"] == "document-end"


# -- callers who go ---------------------------------------------------------------------------------------------------


@virtual
async def test_a_caller_who_hangs_up_while_the_application_is_asked(tmp_path: Path) -> None:
    async with World(tmp_path, number()) as world:
        world.web.pages[SHOP] = Page(HELLO, seconds=5)
        phone = world.dial()
        await asyncio.sleep(2)
        phone.hang_up()
        await world.over()
        record = world.record(phone)
        assert (record["status"], record["end_reason"]) == (CallStatus.NO_ANSWER, "caller-cancelled")
        assert (world.web.open, world.exchange.media.legs) == (0, [])
        told = [event for event in world.timeline(phone) if not event.kind.startswith("sip.")]
        assert told[-2].data["error"] == "11200: given up, since the call has moved on"
        assert told[-1].data == {"status": "no-answer", "reason": "caller-cancelled"}


@virtual
async def test_a_caller_who_gives_up_first_leaves_the_next_one_alone(tmp_path: Path) -> None:
    """Both wait for the same look-up of the number, which the first one began."""
    async with World(tmp_path, number()) as world:
        world.web.pages[SHOP] = HELLO
        world.numbers.seconds = 0.5
        first, second = world.dial(), world.dial()
        await asyncio.sleep(0.25)
        first.hang_up()
        await second.ended.wait()
        await world.over()
        assert world.record(second)["end_reason"] == "document-end"


SCENE = {
    SHOP: Page(
        "<Response><Play>/tune.wav</Play><Say>Two.</Say><Gather><Say>Three.</Say></Gather></Response>", seconds=0.5
    ),
    f"{SHOP}tune.wav": Page(wav(0.5), "audio/wav", seconds=0.3),
    STATUS_URL: Page(seconds=0.2),
}
MOMENTS = (0.0, 0.5, 0.8, 1.0, 1.3, 1.5, 3.0)
TURNS = 12


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("version", [V2008, V2010])
def test_a_caller_may_hang_up_at_any_moment(
    tmp_path: Path, moment: float, version: ApiVersion, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the call waits for at that turn of the loop: nothing of it is left, and its end is told last."""

    async def call(turns: int) -> None:
        before = asyncio.all_tasks()
        async with World(tmp_path, number(api_version=version, **callback())) as world:
            world.web.pages.update(SCENE)
            phone = world.dial()
            await asyncio.sleep(moment)
            for _ in range(turns):
                await asyncio.sleep(0)
            phone.hang_up()
            await world.over()
            await asyncio.sleep(60)
            assert (world.exchange.media.legs, world.web.open, world.voice._conducted) == ([], 0, {})
            assert list(world.scratch.iterdir()) == []
            assert asyncio.all_tasks() == before
            for record in world.exchange.records.values():
                assert record["end_reason"] in ("caller-hangup", "caller-cancelled")
                assert record["status"] is (CallStatus.COMPLETED if record["start_time"] else CallStatus.NO_ANSWER)
            told = [event for event in world.exchange.events if not event.kind.startswith("sip.")]
            end = next((i for i, event in enumerate(told) if "reason" in event.data), None)
            if end is not None:
                assert [event.kind for event in told[end + 1 :]] in (
                    [],
                    [events.WEBHOOK_REQUEST, events.WEBHOOK_RESPONSE],
                )

    for turns in range(TURNS):
        run(call(turns))
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
