"""Recordings, their audio, and transcriptions (2010-04-01, clause 9.3; 2008-08-01, clauses 6.7 and 6.8)."""

# Covers: rest/replies.py rest/application.py

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from rest_world import NOW, V2008, V2010, World, world

from ringback.model.conferences import ConferenceRecord, ConferenceStatus
from ringback.model.recordings import (
    RecordingRecord,
    RecordingSource,
    RecordingStatus,
    TranscriptionRecord,
    TranscriptionStatus,
)
from ringback.model.status import ApiVersion, CallStatus
from ringback.rest.services import RestSettings

ACCOUNT = f"{V2010}/Accounts/{{A}}"
OLD = f"{V2008}/Accounts/{{A}}"
DATE = "Thu, 29 Feb 2024 12:30:15 +0000"
RATE = 8000


async def recording(rest: World, **different: Any) -> RecordingRecord:
    values: dict[str, Any] = {
        "sid": rest.sid("RE"), "account_sid": rest.account.sid, "call_sid": "CA" + "1" * 32,
        "status": RecordingStatus.COMPLETED, "source": RecordingSource.RECORD_VERB, "api_version": ApiVersion.V2010,
        "date_created": NOW, "duration": 7.6, "start_time": NOW,
    }  # fmt: skip
    record = RecordingRecord(**{**values, **different})
    await rest.database.recordings.create(record)
    return record


async def with_audio(rest: World, **different: Any) -> RecordingRecord:
    """A recording of two channels, a quarter of a second: one is silent, the other a constant."""
    record = await recording(rest, path="two.wav", channels=2, **different)
    samples = np.zeros((RATE // 4, 2), np.float32)
    samples[:, 1] = 0.5
    soundfile.write(rest.directory / "two.wav", samples, RATE, subtype="PCM_16")
    return record


async def transcription(rest: World, recording_sid: str, **different: Any) -> TranscriptionRecord:
    values: dict[str, Any] = {
        "sid": rest.sid("TR"), "account_sid": rest.account.sid, "recording_sid": recording_sid,
        "status": TranscriptionStatus.COMPLETED, "api_version": ApiVersion.V2010, "date_created": NOW,
        "transcription_text": "grüezi", "duration": 7.6,
    }  # fmt: skip
    record = TranscriptionRecord(**{**values, **different})
    await rest.database.transcriptions.create(record)
    return record


async def conference(rest: World) -> str:
    record = ConferenceRecord(
        rest.sid("CF"), rest.account.sid, "Room", ConferenceStatus.IN_PROGRESS, ApiVersion.V2010, NOW
    )
    await rest.database.conferences.create(record)
    return record.sid


@pytest.mark.conforms("2010-04-01/9/FetchRecording")
async def test_every_field_of_a_recording_in_its_order(rest: World) -> None:
    record = await recording(rest)
    path = f"{V2010}/Accounts/{rest.account.sid}/Recordings/{record.sid}"
    assert list((await rest("GET", f"{path}.json")).json.items()) == [
        ("account_sid", rest.account.sid),
        ("api_version", "2010-04-01"),
        ("call_sid", "CA" + "1" * 32),
        ("conference_sid", None),
        ("date_created", DATE),
        ("date_updated", DATE),
        ("start_time", DATE),
        ("duration", "8"),
        ("sid", record.sid),
        ("price", None),
        ("price_unit", None),
        ("status", "completed"),
        ("channels", 1),
        ("source", "RecordVerb"),
        ("error_code", None),
        ("uri", f"{path}.json"),
        ("encryption_details", None),
        (
            "subresource_uris",
            {"add_on_results": f"{path}/AddOnResults.json", "transcriptions": f"{path}/Transcriptions.json"},
        ),
        ("media_url", f"http://127.0.0.1:8080{path}"),
    ]


@pytest.mark.conforms("2010-04-01/9/ListRecording")
async def test_recordings_are_listed_by_call_conference_and_date(rest: World) -> None:
    made = [
        await recording(rest),
        await recording(rest, call_sid=None, conference_sid="CF" + "2" * 32),
        await recording(rest, call_sid="CA" + "3" * 32, date_created=NOW.replace(day=1), duration=None),
    ]
    for query, expected in (
        (f"CallSid=CA{'3' * 32}", {2}), (f"ConferenceSid=CF{'2' * 32}", {1}), ("DateCreated<=2024-02-20", {2}),
        ("IncludeSoftDeleted=true", {0, 1, 2}),
    ):  # fmt: skip
        told = (await rest("GET", f"{ACCOUNT}/Recordings.json", query=query)).json["recordings"]
        assert {one["sid"] for one in told} == {made[i].sid for i in expected}
    assert (await rest("GET", f"{ACCOUNT}/Recordings.json", query="CallSid=CA")).json["code"] == 20422


async def test_a_suffix_says_how_a_recording_is_told(rest: World) -> None:
    record = await with_audio(rest)
    path = f"{ACCOUNT}/Recordings/{record.sid}"
    assert (await rest("GET", f"{path}.xml")).xml.findtext("Recording/Sid") == record.sid
    table = (await rest("GET", f"{path}.csv")).body.decode().splitlines()
    assert table[1].startswith(f"{rest.account.sid},2010-04-01,CA")
    assert b'<div class="recording">' in (await rest("GET", f"{OLD}/Recordings/{record.sid}.html")).body
    assert (await rest("GET", f"{OLD}/Recordings/{record.sid}.csv")).body.startswith(b"Sid,AccountSid")
    for accept, kind in (
        ("application/json", "application/json"), ("text/xml;q=1", "application/xml"), ("*/*", "audio/x-wav"),
    ):  # fmt: skip
        assert (await rest("GET", path, headers={"accept": accept})).headers["content-type"] == kind


async def test_audio_is_given_as_wav_and_mp3_with_one_channel_or_two(rest: World) -> None:
    record = await with_audio(rest)
    path = f"{ACCOUNT}/Recordings/{record.sid}"
    plain = await rest("GET", f"{path}.wav")
    assert plain.body == (rest.directory / "two.wav").read_bytes()
    assert plain.headers["cache-control"] == "private, max-age=3600"
    both, rate = soundfile.read(io.BytesIO(plain.body))
    mixed, _ = soundfile.read(io.BytesIO((await rest("GET", f"{path}.wav", query="RequestedChannels=1")).body))
    assert (rate, both.shape, mixed.shape) == (RATE, (RATE // 4, 2), (RATE // 4,))
    assert np.allclose(mixed, 0.25, atol=0.001)
    compressed = await rest("GET", f"{path}.mp3")
    assert compressed.headers["content-type"] == "audio/mpeg"
    _, rate = soundfile.read(io.BytesIO(compressed.body))
    assert rate == RATE
    assert (await rest("GET", f"{path}.wav", query="RequestedChannels=3")).status == 400


async def test_audio_that_is_not_there_is_not_found(rest: World) -> None:
    going = await recording(rest, status=RecordingStatus.IN_PROGRESS, path="none.wav")
    lost = await recording(rest, path="none.wav")
    broken = await recording(rest, path=str(rest.directory / "broken.wav"))
    Path(str(broken.path)).write_bytes(b"RIFF")
    for record, suffix in ((going, "wav"), (lost, "wav"), (broken, "mp3")):
        answer = await rest("GET", f"{ACCOUNT}/Recordings/{record.sid}.{suffix}")
        assert (answer.status, answer.xml.findtext("RestException/Code")) == (404, "20404")


@pytest.mark.conforms("2008-08-01/5/Recordings", "2008-08-01/6/recording-fields")
async def test_the_audio_of_2008_is_given_to_everybody(rest: World) -> None:
    record = await with_audio(rest)
    for suffix, kind in ((".wav", "audio/x-wav"), (".mp3", "audio/mpeg"), ("", "audio/x-wav")):
        answer = await rest("GET", f"{OLD}/Recordings/{record.sid}{suffix}", auth=None)
        assert (answer.status, answer.headers["content-type"]) == (200, kind)
    element = (await rest("GET", f"{OLD}/Recordings/{record.sid}.xml")).xml.find("Recording")
    assert [child.tag for child in element] == [
        "Sid", "AccountSid", "CallSid", "Duration", "DateCreated", "DateUpdated",
    ]  # fmt: skip
    assert (element.findtext("Duration"), element.findtext("DateCreated")) == ("8", DATE)
    listed = await rest("GET", f"{OLD}/Recordings", query=f"CallSid={record.call_sid}")
    assert listed.xml.find("Recordings").get("total") == "1"
    assert (await rest("DELETE", f"{OLD}/Recordings/{record.sid}")).status == 204
    assert not (rest.directory / "two.wav").exists()


@pytest.mark.parametrize("needed", [True, False])
async def test_the_audio_of_2010_may_be_given_to_everybody(store: Path, needed: bool) -> None:
    async with world(store, RestSettings(recordings_need_credentials=needed)) as rest:
        record = await with_audio(rest)
        path = f"{ACCOUNT}/Recordings/{record.sid}"
        assert (await rest("GET", f"{path}.wav", auth=None)).status == (401 if needed else 200)
        for suffix in ("json", "xml", "csv"):
            assert (await rest("GET", f"{path}.{suffix}", auth=None)).status == 401
        assert (await rest("GET", f"{V2010}/Accounts/AC{'9' * 32}/Recordings/{record.sid}", auth=None)).status == 404


@pytest.mark.conforms("2010-04-01/9/DeleteRecording")
async def test_a_recording_is_deleted_with_its_audio_once_it_is_over(rest: World) -> None:
    record, going = await with_audio(rest), await recording(rest, status=RecordingStatus.PAUSED)
    assert (await rest("DELETE", f"{ACCOUNT}/Recordings/{record.sid}.json")).status == 204
    assert not (rest.directory / "two.wav").exists()
    assert (await rest("GET", f"{ACCOUNT}/Recordings/{record.sid}.json")).json["code"] == 20404
    answer = await rest("DELETE", f"{ACCOUNT}/Recordings/{going.sid}.json")
    assert (answer.status, answer.json["code"]) == (400, 20009)


@pytest.mark.conforms(
    "2010-04-01/9/CreateCallRecording", "2010-04-01/9/FetchCallRecording", "2010-04-01/9/UpdateCallRecording",
    "2010-04-01/9/ListCallRecording", "2010-04-01/9/DeleteCallRecording",
)  # fmt: skip
async def test_a_live_call_is_recorded_and_that_is_paused_and_stopped(rest: World) -> None:
    call = await rest.new_call(status=CallStatus.IN_PROGRESS, start_time=NOW)
    path = f"{ACCOUNT}/Calls/{call.sid}/Recordings"
    form = {
        "RecordingChannels": "dual", "RecordingTrack": "inbound",
        "RecordingStatusCallback": "http://127.0.0.1/told", "RecordingStatusCallbackEvent": ["in-progress", "absent"],
    }  # fmt: skip
    made = await rest("POST", f"{path}.json", form)
    assert (made.status, made.json["status"], made.json["channels"]) == (201, "in-progress", 2)
    assert (made.json["source"], made.json["track"]) == ("StartCallRecordingAPI", "inbound")
    sid = made.json["sid"]
    assert made.json["uri"] == f"{V2010}/Accounts/{rest.account.sid}/Calls/{call.sid}/Recordings/{sid}.json"
    _, (_, options) = rest.control.asked[0]
    assert (options.trim, options.status_callback_events) == ("do-not-trim", ("in-progress", "absent"))
    for name in (sid, "Twilio.CURRENT"):
        assert (await rest("GET", f"{path}/{name}.json")).json["sid"] == sid
    paused = await rest("POST", f"{path}/Twilio.CURRENT.json", {"Status": "paused", "PauseBehavior": "skip"})
    assert paused.json["status"] == "paused"
    assert (await rest("POST", f"{path}/{sid}.json", {"Status": "stopped"})).json["status"] == "stopped"
    assert rest.control.asked[1:] == [
        ("update_recording", (sid, "paused", "skip")), ("update_recording", (sid, "stopped", "silence")),
    ]  # fmt: skip
    assert [one["sid"] for one in (await rest("GET", f"{path}.json")).json["recordings"]] == [sid]
    assert (await rest("DELETE", f"{path}/{sid}.json")).json["code"] == 20009
    await rest.database.recordings.update(sid, status=RecordingStatus.COMPLETED)
    assert (await rest("POST", f"{path}/{sid}.json", {"Status": "paused"})).json["code"] == 21220
    assert (await rest("DELETE", f"{path}/{sid}.json")).status == 204
    assert (await rest("GET", f"{path}/{sid}.json")).json["code"] == 20404


async def test_what_a_recording_of_a_call_is_refused_for(rest: World) -> None:
    live, over = await rest.new_call(status=CallStatus.IN_PROGRESS), await rest.new_call()
    waiting = await rest.new_call(status=CallStatus.QUEUED)
    path = f"{ACCOUNT}/Calls/{live.sid}/Recordings"
    for call in (over, waiting):
        answer = await rest("POST", f"{ACCOUNT}/Calls/{call.sid}/Recordings.json")
        assert (answer.status, answer.json["code"]) == (400, 21220)
    for form, code in (
        ({"RecordingChannels": "quadro"}, 20422), ({"RecordingStatusCallback": "x"}, 21609),
        ({"RecordingStatusCallbackEvent": "sometimes"}, 13621),
    ):  # fmt: skip
        assert (await rest("POST", f"{path}.json", form)).json["code"] == code
    elsewhere = await recording(rest)
    for name in ("Twilio.CURRENT", elsewhere.sid, "nonsense"):
        assert (await rest("GET", f"{path}/{name}.json")).json["code"] == 20404
    made = (await rest("POST", f"{path}.json")).json["sid"]
    for form in ({}, {"Status": "over"}, {"Status": "paused", "PauseBehavior": "hum"}):
        assert (await rest("POST", f"{path}/{made}.json", form)).json["code"] == 20422
    assert (await rest("GET", f"{ACCOUNT}/Calls/CA{'0' * 32}/Recordings.json")).json["code"] == 20404


@pytest.mark.conforms(
    "2010-04-01/9/ListConferenceRecording", "2010-04-01/9/FetchConferenceRecording",
    "2010-04-01/9/UpdateConferenceRecording", "2010-04-01/9/DeleteConferenceRecording",
)  # fmt: skip
async def test_the_recordings_of_a_conference(rest: World) -> None:
    room, other = await conference(rest), await conference(rest)
    going = {"call_sid": None, "status": RecordingStatus.IN_PROGRESS, "source": RecordingSource.CONFERENCE}
    record = await recording(rest, conference_sid=room, **going)
    await recording(rest, conference_sid=other, **going)
    path = f"{ACCOUNT}/Conferences/{room}/Recordings"
    assert [one["sid"] for one in (await rest("GET", f"{path}.json")).json["recordings"]] == [record.sid]
    told = (await rest("GET", f"{path}/{record.sid}.json")).json
    assert told["uri"] == f"{V2010}/Accounts/{rest.account.sid}/Conferences/{room}/Recordings/{record.sid}.json"
    assert (told["call_sid"], told["conference_sid"], told["source"]) == (None, room, "Conference")
    assert (await rest("POST", f"{path}/{record.sid}.json", {"Status": "paused"})).json["status"] == "paused"
    wrong = f"{ACCOUNT}/Conferences/{other}/Recordings/{record.sid}.json"
    assert (await rest("GET", wrong)).json["code"] == 20404
    await rest.database.recordings.update(record.sid, status=RecordingStatus.COMPLETED)
    assert (await rest("DELETE", wrong)).json["code"] == 20404
    assert (await rest("DELETE", f"{path}/{record.sid}.json")).status == 204
    assert (await rest("GET", f"{ACCOUNT}/Conferences/CF{'0' * 32}/Recordings.json")).json["code"] == 20404


@pytest.mark.conforms(
    "2010-04-01/9/ListTranscription", "2010-04-01/9/FetchTranscription", "2010-04-01/9/DeleteTranscription",
    "2010-04-01/9/ListRecordingTranscription", "2010-04-01/9/FetchRecordingTranscription",
    "2010-04-01/9/DeleteRecordingTranscription",
)  # fmt: skip
async def test_transcriptions_of_the_account_and_of_a_recording(rest: World) -> None:
    one, other = await recording(rest), await recording(rest)
    text, failed = (
        await transcription(rest, one.sid),
        await transcription(rest, other.sid, status=TranscriptionStatus.FAILED, transcription_text=None, duration=None),
    )
    assert list((await rest("GET", f"{ACCOUNT}/Transcriptions/{text.sid}.json")).json.items()) == [
        ("account_sid", rest.account.sid),
        ("api_version", "2010-04-01"),
        ("date_created", DATE),
        ("date_updated", DATE),
        ("duration", "8"),
        ("price", None),
        ("price_unit", None),
        ("recording_sid", one.sid),
        ("sid", text.sid),
        ("status", "completed"),
        ("transcription_text", "grüezi"),
        ("type", "fast"),
        ("uri", f"{V2010}/Accounts/{rest.account.sid}/Transcriptions/{text.sid}.json"),
    ]
    everything = (await rest("GET", f"{ACCOUNT}/Transcriptions.json")).json["transcriptions"]
    assert {each["sid"] for each in everything} == {text.sid, failed.sid}
    below = f"{ACCOUNT}/Recordings/{one.sid}/Transcriptions"
    assert [each["sid"] for each in (await rest("GET", f"{below}.json")).json["transcriptions"]] == [text.sid]
    assert (await rest("GET", f"{below}/{text.sid}.txt")).body.decode() == "grüezi"
    assert (await rest("GET", f"{ACCOUNT}/Transcriptions/{failed.sid}.txt")).body == b""
    for method in ("GET", "DELETE"):
        assert (await rest(method, f"{below}/{failed.sid}.json")).json["code"] == 20404  # it is another's
    assert (await rest("DELETE", f"{below}/{text.sid}.json")).status == 204
    assert (await rest("DELETE", f"{ACCOUNT}/Transcriptions/{failed.sid}.json")).status == 204
    assert (await rest("GET", f"{ACCOUNT}/Transcriptions.json")).json["transcriptions"] == []
    assert (await rest("GET", f"{ACCOUNT}/Recordings/RE{'0' * 32}/Transcriptions.json")).json["code"] == 20404


@pytest.mark.conforms("2008-08-01/5/Transcriptions", "2008-08-01/6/transcription-fields", "2008-08-01/4/dates")
async def test_a_transcription_of_2008_is_told_with_its_dates_as_seconds(rest: World) -> None:
    record = await recording(rest)
    text = await transcription(rest, record.sid)
    for path in (f"{OLD}/Transcriptions", f"{OLD}/Recordings/{record.sid}/Transcriptions"):
        assert (await rest("GET", path)).xml.find("Transcriptions").get("total") == "1"
        told = (await rest("GET", f"{path}/{text.sid}")).xml.find("Transcription")
        assert (told.findtext("Status"), told.findtext("TranscriptionText")) == ("completed", "grüezi")
        assert told.findtext("DateCreated") == str(int(NOW.timestamp()))
        plain = await rest("GET", f"{path}/{text.sid}.txt")
        assert (plain.headers["content-type"], plain.body.decode()) == ("text/plain; charset=utf-8", "grüezi")
