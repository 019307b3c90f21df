"""Outgoing calls: accepted on disk, made in turn, conducted by their application, told about; in virtual time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from control_world import CALLEE, ControlWorld
from voice_world import ACCOUNT, EPOCH, NUMBER, SHOP, STATUS_URL, virtual
from web_in_memory import Page

from ringback.app.outgoing import TooManyCalls
from ringback.model.outgoing import MachineDetection, OutgoingCall, RecordingOptions
from ringback.model.provisioning import ApplicationRecord
from ringback.model.recordings import RecordingRecord
from ringback.model.status import ApiVersion, CallStatus
from ringback.rest.errors import RestError
from ringback.storage.database import StorageError
from ringback.testing.exchange import Answers

HELLO = "<Response><Say>Hello there.</Say></Response>"


@pytest.mark.conforms("2008-08-01/1.1/outgoing", "2010-04-01/5.2/events", "2010-04-01/5.1/first-outbound")
@virtual
async def test_a_call_is_accepted_made_rendered_and_told_about(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages |= {SHOP: HELLO, STATUS_URL: Page("", "text/plain")}
        sid = await world.ask(
            status_callback=STATUS_URL, status_callback_events=("initiated", "ringing", "answered", "completed")
        )
        assert world.kept(sid)["status"] is CallStatus.QUEUED
        assert sid in world.store.outgoing.entries, "a crash would not lose it"
        await world.over()
        kept = world.kept(sid)
        assert (kept["status"], kept["from_"], kept["to"]) == (CallStatus.COMPLETED, NUMBER, CALLEE)
        assert world.exchange.called == [CALLEE]
        (first,) = world.told(SHOP)
        assert (first["CallSid"], first["Direction"], first["CallStatus"]) == (sid, "outbound-api", "in-progress")
        told = world.told(STATUS_URL)
        assert [each["CallStatus"] for each in told] == ["initiated", "ringing", "in-progress", "completed"]
        assert [each["SequenceNumber"] for each in told] == ["0", "1", "2", "3"]
        assert (told[-1]["CallDuration"], told[-1]["Duration"]) == ("1", "1")
        assert world.store.outgoing.entries == {}


@virtual
async def test_calls_of_one_account_are_made_in_order_and_no_faster_than_it_may(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path, per_second=2.0) as world:
        world.web.pages[SHOP] = HELLO
        numbers = [f"+1555010030{index}" for index in range(6)]
        for number in numbers:
            await world.ask(number)
        assert world.outgoing.waiting == 6
        assert world.control.live() == {"queued": 6}
        await asyncio.sleep(1.1)
        made = len(world.exchange.called)
        assert 2 <= made <= 4
        await world.over()
        assert world.exchange.called == numbers
        assert max(record["queue_time"] for record in world.exchange.records.values()) >= 1000


@virtual
async def test_an_account_has_a_rate_of_its_own(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path, per_second=0.001) as world:
        world.web.pages[SHOP] = HELLO
        world.store.account = replace(ACCOUNT, calls_per_second=100.0)
        for index in range(5):
            await world.ask(f"+1555010030{index}")
        await asyncio.sleep(0.2)
        assert len(world.exchange.called) == 5
        await world.over()


@virtual
async def test_what_waited_before_a_restart_is_made_once_after_it(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path, per_second=0.01) as world:
        world.web.pages[SHOP] = HELLO
        sids = [await world.ask(f"+1555010030{index}") for index in range(3)]
        await asyncio.sleep(1)
        assert world.store.outgoing.taken_sids == sids[:1]
        await world.outgoing.close()
        world.per_second = 10.0
        again = world.new_outgoing()
        assert await again.resume() == 2
        await world.over()
        await asyncio.sleep(2)
        await world.over()
        assert [world.kept(sid)["status"] for sid in sids] == [CallStatus.COMPLETED] * 3
        assert len(world.exchange.called) == 3
        await again.close()


@virtual
async def test_a_document_in_the_request_needs_no_first_request(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        sid = await world.ask(url=None, twiml="<Response><Say>Inline.</Say></Response>")
        await world.over()
        assert world.web.asked == []
        assert [event["text"] for event in world.exchange.timeline(sid, "speech")] == ["Inline."]


def application(**changes: object) -> ApplicationRecord:
    record = ApplicationRecord("AP" + "1" * 32, ACCOUNT.sid, "App", ApiVersion.V2010, EPOCH)
    return replace(record, **{"voice_url": SHOP, "status_callback": STATUS_URL, **changes})


@virtual
async def test_an_application_has_the_urls(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        app = application(voice_method="GET")
        world.store.known_applications[app.sid] = app
        world.web.pages |= {SHOP: HELLO, STATUS_URL: ""}
        await world.ask(url=None, application_sid=app.sid)
        await world.over()
        assert [(asked.method, asked.url.split("?")[0]) for asked in world.web.asked] == [
            ("GET", SHOP), ("POST", STATUS_URL),
        ]  # fmt: skip


@virtual
async def test_an_application_that_is_gone_fails_the_call(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        sid = await world.ask(url=None, application_sid="AP" + "9" * 32)
        await asyncio.sleep(1)
        assert (world.kept(sid)["status"], world.exchange.called) == (CallStatus.FAILED, [])


@pytest.mark.conforms("2008-08-01/1.1/outgoing-not-connected", "2010-04-01/5.2/SipResponseCode")
@pytest.mark.parametrize(("code", "status"), [(486, "busy"), (480, "no-answer"), (404, "failed"), (503, "failed")])
@pytest.mark.parametrize("version", list(ApiVersion))
def test_a_refusal_is_told(version: ApiVersion, code: int, status: str, tmp_path: Path) -> None:
    """2010-04-01 clause 5.2 by the status callback, 2008-08-01 clause 1.1 by the first URL."""

    @virtual
    async def test() -> None:
        async with ControlWorld(tmp_path) as world:
            world.web.pages |= {SHOP: HELLO, STATUS_URL: ""}
            world.exchange.answers[CALLEE] = Answers(code=code)
            sid = await world.ask(api_version=version, status_callback=STATUS_URL)
            await world.over()
            assert world.kept(sid)["status"] == status
            if version is ApiVersion.V2008:
                (told,) = world.told(SHOP)
                assert (told["DialStatus"], told["CallStatus"]) == (status, status)
            else:
                (told,) = world.told(STATUS_URL)
                assert (told["CallStatus"], told["SipResponseCode"]) == (status, str(code))
                assert world.told(SHOP) == []

    test()


@pytest.mark.conforms("2008-08-01/1.1/outgoing-answered")
@virtual
async def test_in_2008_the_first_request_says_that_it_was_answered(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages[SHOP] = HELLO
        await world.ask(api_version=ApiVersion.V2008)
        await world.over()
        first, last = world.told(SHOP)
        assert (first["DialStatus"], first["CallStatus"]) == ("answered", "in-progress")
        assert ("DialStatus" not in last, last["CallStatus"]) == (True, "completed")


@virtual
async def test_it_rings_as_long_as_the_request_says(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.exchange.answers[CALLEE] = Answers(rings=100)
        sid = await world.ask(timeout=7)
        await asyncio.sleep(6.5)
        assert world.kept(sid)["status"] is CallStatus.RINGING
        await asyncio.sleep(1.5)
        assert world.kept(sid)["status"] is CallStatus.NO_ANSWER


@pytest.mark.conforms("2008-08-01/6/make-call-SendDigits")
@pytest.mark.parametrize("version", [ApiVersion.V2008, ApiVersion.V2010])
def test_keys_come_before_the_document(tmp_path: Path, version: ApiVersion) -> None:
    @virtual
    async def test() -> None:
        async with ControlWorld(tmp_path) as world:
            world.web.pages[SHOP] = HELLO
            await world.ask(send_digits="1w2", api_version=version)
            await world.over()
            assert [pressed.keys for pressed in world.exchange.media.pressed] == ["1w2"]
            assert world.exchange.media.played[0].start > world.exchange.media.pressed[0].start

    test()


@virtual
async def test_the_time_limit_counts_from_the_answer(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages[SHOP] = '<Response><Pause length="500"/></Response>'
        world.exchange.answers[CALLEE] = Answers(rings=20)
        sid = await world.ask(time_limit=30)
        await world.over()
        kept = world.kept(sid)
        assert (kept["end_reason"], (kept["end_time"] - kept["start_time"]).seconds) == ("time-limit", 30)


@pytest.mark.conforms("2008-08-01/1.1/outgoing-answered", "2010-04-01/5.1/AnsweredBy", "2010-04-01/5.4/sync")
@pytest.mark.parametrize(("verdict", "status"), [("human", "answered-human"), ("machine_start", "answered-machine")])
@pytest.mark.parametrize("version", list(ApiVersion))
def test_who_answered_is_told_with_the_first_request(
    version: ApiVersion, verdict: str, status: str, tmp_path: Path
) -> None:
    @virtual
    async def test() -> None:
        async with ControlWorld(tmp_path) as world:
            world.web.pages |= {SHOP: HELLO, STATUS_URL: ""}
            world.verdict = verdict
            detection = MachineDetection()
            sid = await world.ask(api_version=version, machine_detection=detection, status_callback=STATUS_URL)
            await world.over()
            assert world.detections == [detection]
            assert world.kept(sid)["answered_by"] == verdict
            first = world.told(SHOP)[0]
            if version is ApiVersion.V2008:
                assert first["DialStatus"] == status
            else:
                assert (first["AnsweredBy"], first["MachineDetectionDuration"]) == (verdict, "4000")
                assert world.told(STATUS_URL)[-1]["AnsweredBy"] == verdict

    test()


@pytest.mark.conforms("2008-08-01/1.1/outgoing-hangup-machine")
@virtual
async def test_a_machine_is_hung_up_on_where_that_is_wanted(tmp_path: Path) -> None:
    """2008-08-01 clause 6.2, IfMachine=Hangup."""
    async with ControlWorld(tmp_path) as world:
        world.web.pages[SHOP] = HELLO
        world.verdict = "machine_start"
        await world.ask(api_version=ApiVersion.V2008, machine_detection=MachineDetection(hangup=True))
        await world.over()
        (told,) = world.told(SHOP)
        assert (told["DialStatus"], told["CallStatus"]) == ("hangup-machine", "completed")


@pytest.mark.conforms("2010-04-01/5.4/async")
@virtual
async def test_who_answered_may_be_told_beside_the_document(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages |= {SHOP: '<Response><Pause length="9"/></Response>', STATUS_URL: ""}
        detection = MachineDetection(asynchronous=True, status_callback=STATUS_URL, status_callback_method="GET")
        await world.ask(machine_detection=detection)
        await world.over()
        assert "AnsweredBy" not in world.told(SHOP)[0]
        (told,) = world.told(STATUS_URL)
        assert (told["AnsweredBy"], told["MachineDetectionDuration"]) == ("human", "4000")
        assert world.web.asked[0].at < world.web.asked[1].at


@pytest.mark.conforms("2010-04-01/5.2/Recording")
@virtual
async def test_a_call_is_recorded_where_that_is_wanted(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages |= {SHOP: '<Response><Pause length="10"/></Response>', STATUS_URL: "", SHOP + "rec": ""}
        record = RecordingOptions("dual", trim="do-not-trim", status_callback=SHOP + "rec")
        sid = await world.ask(record=record, status_callback=STATUS_URL)
        await world.over()
        (recording,) = world.exchange.kept(RecordingRecord)
        assert (recording.call_sid, recording.channels, recording.duration) == (sid, 2, 10.0)
        (told,) = world.told(SHOP + "rec")
        assert (told["RecordingSid"], told["RecordingSource"], told["RecordingStatus"]) == (
            recording.sid, "OutboundAPI", "completed",
        )  # fmt: skip
        assert world.told(STATUS_URL)[-1]["RecordingSid"] == recording.sid


@virtual
async def test_what_cannot_be_recorded_is_a_warning(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages[SHOP] = HELLO
        (tmp_path / "no-directory").write_text("")
        object.__setattr__(world.exchange.switch._settings, "recordings", tmp_path / "no-directory")
        sid = await world.ask(record=RecordingOptions())
        await world.over()
        assert [event["code"] for event in world.exchange.timeline(sid, "warning")] == [13618]
        assert world.kept(sid)["status"] is CallStatus.COMPLETED


@virtual
async def test_who_asks_for_too_many_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringback.app.outgoing._MOST_WAITING", 2)
    async with ControlWorld(tmp_path, per_second=0.01) as world:
        await world.ask()
        await asyncio.sleep(0.1)
        await world.ask()
        await world.ask()
        with pytest.raises(TooManyCalls, match="2 calls"):
            await world.outgoing.ask(OutgoingCall(ACCOUNT.sid, CALLEE, NUMBER, url=SHOP))
        with pytest.raises(RestError) as refused:
            await world.ask()
        assert (refused.value.http_status, refused.value.code) == (429, 20429)


@virtual
async def test_what_cannot_be_kept_is_not_accepted(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.store.outgoing.fails = True
        with pytest.raises(RestError) as refused:
            await world.ask()
        assert refused.value.http_status == 503
        await asyncio.sleep(1)
        assert world.exchange.called == []


@virtual
async def test_calls_wait_while_the_store_fails(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with ControlWorld(tmp_path) as world:

        async def broken(sids: Sequence[str]) -> set[str]:
            raise StorageError("the disk is gone")

        world.web.pages[SHOP] = HELLO
        taken_all, world.store.outgoing.taken_all = world.store.outgoing.taken_all, broken  # type: ignore[method-assign]
        await world.ask()
        await asyncio.sleep(0.5)
        assert "cannot be made now; they are kept" in caplog.text
        assert (world.exchange.called, len(world.store.outgoing.entries)) == ([], 1)
        world.store.outgoing.taken_all = taken_all  # type: ignore[method-assign]
        await asyncio.sleep(1)
        await world.over()
        assert world.exchange.called == [CALLEE]


@virtual
async def test_calls_that_are_due_together_are_made_in_order(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path, per_second=100.0) as world:
        world.web.pages[SHOP] = HELLO
        await asyncio.sleep(2)
        numbers = [f"+155501{index:05d}" for index in range(120)]
        for number in numbers:
            await world.ask(number)
        await asyncio.sleep(0.1)
        # The unused turns of one second, and no more than those.
        assert 100 <= len(world.exchange.called) <= 112
        await world.over()
        assert world.exchange.called == numbers


@virtual
async def test_a_call_is_taken_back_while_its_turn_comes(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages[SHOP] = HELLO
        taken_all, sids = world.store.outgoing.taken_all, list[str]()

        async def slow(wanted: Sequence[str]) -> set[str]:
            assert await world.outgoing.take_back(sids[0])
            return {*await taken_all(wanted), *wanted}

        world.store.outgoing.taken_all = slow  # type: ignore[method-assign]
        sids.append(await world.ask())
        await asyncio.sleep(1)
        assert (world.kept(sids[0])["status"], world.exchange.called) == (CallStatus.CANCELED, [])
