"""Sessions: one document after another, what becomes of errors, and how it all ends.

2008-08-01 clauses 1.7 and 2.1; 2010-04-01 clauses 1 and 7.
"""

import asyncio
from itertools import count
from typing import Any

import pytest
from twiml_calls import BOTH, URL, V2008, V2010, Taken, take

from ringback.calls.leg import Leg
from ringback.model import events
from ringback.model.errors import ApplicationError
from ringback.model.status import ApiVersion, CallStatus
from ringback.testing.clock import run
from ringback.testing.exchange import Exchange
from ringback.testing.fake_application import FakeApplication, Page
from ringback.testing.fake_call import FakeCall, HangUp, Press, call_info
from ringback.twiml.interpreter import APOLOGY, MAX_IDLE_DOCUMENTS, SessionEnd, VoiceSession
from ringback.twiml.services import Application, Fetch

FALLBACK = "http://app.example/fallback"
HELP = {FALLBACK: "<Response><Say>Help is near</Say></Response>"}
END = "<Response/>"


# -- the way through documents ---------------------------------------------------------------------------------------


@pytest.mark.conforms("2008-08-01/2.1/order", "2008-08-01/2.1/end", "2010-04-01/1/order")
@pytest.mark.parametrize("version", BOTH)
def test_verbs_run_from_top_to_bottom_and_the_end_of_the_document_ends_the_call(version: ApiVersion) -> None:
    taken = take("<Say>one</Say><Pause/><Say>two</Say>", version=version)
    assert taken.heard == ["one", "two"]
    assert taken.end == SessionEnd("document-end")
    assert (taken.call.end_reason, taken.call.status) == ("document-end", CallStatus.COMPLETED)


@pytest.mark.conforms("2008-08-01/2.1/empty", "2010-04-01/1/empty")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("page", [END, "", Page("", ""), Page(" ", "text/plain")])
def test_nothing_to_do_is_an_answered_call_that_ends(version: ApiVersion, page: Any) -> None:
    taken = take("", version=version, first=lambda _: page)
    assert (taken.end, taken.call.answered_at, taken.heard) == (SessionEnd("document-end"), 0, [])


@pytest.mark.conforms("2010-04-01/1/answering")
@pytest.mark.parametrize("version", BOTH)
def test_the_call_is_answered_before_the_first_verb_and_after_the_first_document(version: ApiVersion) -> None:
    assert (
        take("<Redirect>x</Redirect>", version=version, pages={"http://app.example/voice/x": END}).call.answered_at == 0
    )
    assert take("<Say>x</Say>", version=version, fetch_seconds=3.0).call.answered_at == 3


@pytest.mark.conforms("2008-08-01/1.4/relative", "2010-04-01/1/relative")
@pytest.mark.parametrize("version", BOTH)
def test_documents_resolve_against_where_they_came_from_in_the_end(version: ApiVersion) -> None:
    pages = {
        URL: lambda _: Page("<Response><Redirect>next</Redirect></Response>", url="http://moved.example/a/b"),
        "http://moved.example/a/next": END,
    }
    taken = take("", version=version, pages=pages)
    assert [asked[1] for asked in taken.requests] == ["http://moved.example/a/next"]


def test_each_document_is_in_the_timeline() -> None:
    taken = take("<Say>a</Say><Redirect>x</Redirect>", pages={"http://app.example/voice/x": END})
    assert taken.call.notes(events.DOCUMENT) == [
        {"url": URL, "verbs": ["Say", "Redirect"]},
        {"url": "http://app.example/voice/x", "verbs": []},
    ]


@pytest.mark.conforms("2008-08-01/1.7/warnings")
@pytest.mark.parametrize("version", BOTH)
def test_warnings_of_the_document_are_in_the_timeline(version: ApiVersion) -> None:
    taken = take("<Call>1</Call>\n<Say>after</Say>", version=version)
    message = "line 1: there is no verb Call; it is skipped"
    assert taken.call.notes(events.WARNING) == [{"code": 12200, "message": message, "url": URL}]
    assert taken.heard == ["after"]


@pytest.mark.conforms("2008-08-01/1.1/incoming-DialStatus", "2008-08-01/1.2/DialStatus")
@pytest.mark.parametrize(("version", "told"), [(V2008, {"DialStatus": "answered"}), (V2010, {})])
def test_the_first_request(version: ApiVersion, told: dict[str, str]) -> None:
    taken = take("", version=version)
    assert taken.application.requests == [Fetch(URL, "POST", told)]


@pytest.mark.conforms("2008-08-01/2.1/version-default")
def test_a_document_may_name_another_version_and_the_requests_keep_that_of_the_call() -> None:
    page = '<Response version="2008-08-01"><Gather action="/x" finishOnKey="#*"/></Response>'
    taken = take("", [Press(1, "1#")], first=lambda _: page, pages={"http://app.example/x": END})
    assert taken.codes() == [13311]
    assert taken.requests[0][2] == {"Digits": "1", "FinishedOnKey": "#", "msg": "Gather End"}


# -- errors ----------------------------------------------------------------------------------------------------------

FAULTS: dict[int, Any] = {
    11200: Page(status=500),
    11205: ApplicationError(11205, "connection refused"),
    12100: "<Response><Say>a</Response>",
    12101: '<Response version="1999"/>',
    12102: "<html/>",
    12300: Page("{}", "application/json"),
    11750: "<Response><!--" + "x" * 70_000 + "--></Response>",
    13420: "<Response><Play>http://app.example/cat.png</Play></Response>",
}
CAT: dict[str, Any] = {"http://app.example/cat.png": ApplicationError(13420, "a cat", "http://app.example/cat.png")}


@pytest.mark.conforms("2008-08-01/1.7/no-fallback", "2010-04-01/7/apology")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("code", FAULTS)
def test_without_a_fallback_the_caller_hears_an_apology_and_the_call_ends(version: ApiVersion, code: int) -> None:
    taken = take("", version=version, first=lambda _: FAULTS[code], audio=CAT)
    assert taken.heard == [APOLOGY]
    assert taken.end == SessionEnd("application-error", code)
    assert (taken.call.end_reason, taken.call.status) == ("application-error", CallStatus.FAILED)
    assert taken.codes(events.ERROR) == [code]


@pytest.mark.conforms(
    "2008-08-01/1.7/fatal",
    "2008-08-01/1.7/fallback-parameters",
    "2008-08-01/1.7/fallback-continues",
    "2008-08-01/1.1/fallback",
    "2010-04-01/5.1/fallback",
    "2010-04-01/7/fallback",
    "2010-04-01/7/fallback-parameters",
)
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("code", FAULTS)
def test_the_fallback_is_told_what_failed_and_carries_on(version: ApiVersion, code: int) -> None:
    taken = take("", version=version, first=lambda _: FAULTS[code], audio=CAT, pages=HELP, fallback_url=FALLBACK)
    first = {"DialStatus": "answered"} if version is V2008 else {}
    url = "http://app.example/cat.png" if code == 13420 else URL
    assert taken.requests == [("POST", FALLBACK, {**first, "ErrorCode": str(code), "ErrorUrl": url})]
    assert (taken.heard, taken.end) == (["Help is near"], SessionEnd("document-end"))


@pytest.mark.conforms("2008-08-01/1.7/fallback-later", "2010-04-01/7/fallback-later")
@pytest.mark.parametrize("version", BOTH)
def test_the_fallback_serves_every_document_of_the_call(version: ApiVersion) -> None:
    pages = {FALLBACK: "<Response><Redirect>/again</Redirect></Response>", "http://app.example/again": Page(status=404)}
    taken = take("<Say>a</Say><Redirect>/gone</Redirect>", [HangUp(60)], version, pages=pages, fallback_url=FALLBACK)
    urls = [asked[1].rpartition("/")[2] for asked in taken.requests[:5]]
    assert urls == ["gone", "fallback", "again", "fallback", "again"]
    assert taken.requests[1][2]["ErrorUrl"] == "http://app.example/gone"
    assert taken.requests[3][2]["ErrorUrl"] == "http://app.example/again"


@pytest.mark.conforms("2008-08-01/1.7/no-fallback", "2010-04-01/7/fallback-fails")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("broken", [Page(status=500), "<Response", "<Response><Play>gone</Play></Response>"])
def test_a_fallback_that_fails_too_ends_the_call(version: ApiVersion, broken: Any) -> None:
    taken = take("<Redirect>/gone</Redirect>", version=version, pages={FALLBACK: broken}, fallback_url=FALLBACK)
    assert [asked[1] for asked in taken.requests] == ["http://app.example/gone", FALLBACK]
    assert taken.heard == [APOLOGY]
    assert taken.end.reason == "application-error"
    assert len(taken.codes(events.ERROR)) == 2


def test_the_keys_of_a_request_that_failed_reach_the_fallback() -> None:
    taken = take('<Gather action="/gone"/>', [Press(1, "42#")], pages=HELP, fallback_url=FALLBACK)
    assert taken.requests[1][2] == {
        "Digits": "42",
        "FinishedOnKey": "#",
        "msg": "Gather End",
        "ErrorCode": "11200",
        "ErrorUrl": "http://app.example/gone",
    }


@pytest.mark.conforms("2008-08-01/1.1/fallback")
def test_the_fallback_has_a_method_of_its_own() -> None:
    async def main(call: FakeCall, application: FakeApplication) -> Any:
        session = VoiceSession(call, application, Application(URL, "POST", FALLBACK, "GET"))
        return await call.conduct(session.run(Fetch(URL)))

    call, application = FakeCall(), FakeApplication(HELP)
    run(main(call, application))
    assert [(asked.method, asked.url) for asked in application.requests] == [("POST", URL), ("GET", FALLBACK)]


@pytest.mark.parametrize("version", BOTH)
def test_if_even_the_apology_cannot_be_spoken_the_call_just_ends(version: ApiVersion) -> None:
    taken = take("", version=version, first=lambda _: Page(status=500), mute=ApplicationError(12400, "no engine"))
    assert (taken.heard, taken.end, taken.call.ended_at) == ([], SessionEnd("application-error", 11200), 0)


@pytest.mark.parametrize("version", BOTH)
def test_a_defect_is_an_error_and_no_dead_call(version: ApiVersion, caplog: pytest.LogCaptureFixture) -> None:
    taken = take("", version=version, first=lambda _: KeyError("a defect"))
    assert (taken.end, taken.heard) == (SessionEnd("application-error", 12400), [APOLOGY])
    assert "a defect" in taken.call.notes(events.ERROR)[0]["message"]
    assert "a defect" in caplog.text
    inside = take("<Play>x</Play>", audio={"http://app.example/voice/x": ZeroDivisionError()}, version=version)
    assert inside.end.error_code == 12400


def test_an_error_after_a_reject_is_not_possible_and_a_busy_call_stays_busy() -> None:
    taken = take('<Reject reason="busy"/>', pages=HELP, fallback_url=FALLBACK)
    assert (taken.end.reason, taken.call.status, taken.requests) == ("rejected", CallStatus.BUSY, [])


# -- circles ---------------------------------------------------------------------------------------------------------


def circle(inside: str, version: ApiVersion, seconds: float = 3600, **more: Any) -> Taken:
    return take(inside, [HangUp(seconds)], version, fetch_seconds=0.01, **more)


@pytest.mark.conforms("2010-04-01/1/loops")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    "inside",
    [
        "<Redirect/>",
        "<Connect>1</Connect><Redirect/>",
        "<Say/><Redirect/>",
        "<Play>silent</Play><Redirect/>",
    ],
)
def test_documents_that_go_in_a_circle_end_with_an_error(version: ApiVersion, inside: str) -> None:
    taken = circle(inside, version, audio={"http://app.example/voice/silent": 0.0}, fallback_url=FALLBACK)
    assert taken.end == SessionEnd("application-error", 11215)
    assert len(taken.application.requests) == MAX_IDLE_DOCUMENTS + 1
    assert "in a circle" in taken.call.notes(events.ERROR)[-1]["message"]
    assert taken.heard == [APOLOGY]


def test_a_gather_that_waits_for_nothing_is_a_circle_too() -> None:
    assert circle("<Gather timeout='0'/><Redirect/>", V2010).end.error_code == 11215


def test_a_fallback_that_leads_back_into_the_failure_is_a_circle_too() -> None:
    pages = {FALLBACK: "<Response><Redirect>/gone</Redirect></Response>"}
    taken = circle("<Redirect>/gone</Redirect>", V2010, pages=pages, fallback_url=FALLBACK)
    assert taken.end.error_code == 11215


def test_speech_that_fails_in_a_circle_is_a_circle_too() -> None:
    taken = circle("<Say>Hello</Say><Redirect/>", V2010, mute=ApplicationError(12400, "no engine"))
    assert taken.end == SessionEnd("application-error", 11215)


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    "inside",
    ["<Pause/><Redirect/>", "<Say>Please hold</Say><Redirect/>", "<Gather timeout='1'/><Redirect/>"],
)
def test_circles_that_take_their_time_are_fine(version: ApiVersion, inside: str) -> None:
    """Music on hold is such a circle."""
    taken = circle(inside, version, seconds=200)
    assert taken.end.reason == "caller-hangup"
    assert len(taken.application.requests) > 150


def test_a_row_of_redirects_that_ends_is_fine() -> None:
    numbers = count()
    pages = {URL: lambda _: f"<Response><{'Redirect' if next(numbers) < MAX_IDLE_DOCUMENTS else 'Hangup'}/></Response>"}
    assert take("", pages=pages).end == SessionEnd("hangup-verb")


def test_keys_begin_the_count_anew() -> None:
    numbers = count()

    def page(_: Fetch) -> str:
        menu = next(numbers) % 40 == 39
        gather = '<Gather numDigits="1" timeout="0"/>' if menu else ""
        return f"<Response>{gather}<Redirect/></Response>"

    taken = take("", [Press(0, "1" * 3)], first=page, fetch_seconds=0.01)
    assert taken.end.error_code == 11215
    assert len(taken.application.requests) > 3 * 40


# -- the caller hangs up ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("inside", ["<Say loop='0'>x</Say>", "<Pause length='99'/>", "<Gather timeout='99'/>"])
def test_a_hangup_ends_the_session_at_once(version: ApiVersion, inside: str) -> None:
    taken = take(inside, [HangUp(7)], version, pages=HELP, fallback_url=FALLBACK)
    assert (taken.call.ended_at, taken.requests, taken.codes(events.ERROR)) == (7, [], [])


@pytest.mark.parametrize("version", BOTH)
def test_a_hangup_while_the_document_comes_or_speech_is_made(version: ApiVersion) -> None:
    for timing in ({"fetch_seconds": 10.0}, {"speech_seconds": 10.0}):
        taken = take("<Say>a</Say><Say>b</Say>", [HangUp(5)], version, **timing)  # type: ignore[arg-type]
        assert (taken.call.ended_at, taken.heard) == (5, [])


# -- on the real switch ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "status", "reason"),
    [
        ("<Response><Say>Hello</Say></Response>", CallStatus.COMPLETED, "document-end"),
        ("<Response><Say>Hello</Say><Hangup/></Response>", CallStatus.COMPLETED, "hangup-verb"),
        ("<Response><Reject reason='busy'/></Response>", CallStatus.BUSY, "rejected"),
        ("<Response><Reject/></Response>", CallStatus.NO_ANSWER, "rejected"),
        (Page(status=500), CallStatus.FAILED, "application-error"),
    ],
)
def test_the_switch_keeps_how_a_session_ended(page: Any, status: CallStatus, reason: str) -> None:
    async def main() -> tuple[Any, Any]:
        application = FakeApplication({URL: page})

        async def handler(leg: Leg) -> None:
            leg.assign("AC" + "0" * 32, None, V2010)
            await VoiceSession(leg, application, Application(URL)).run(Fetch(URL))

        exchange = Exchange(handler)
        phone = exchange.dial("+14155550199")
        await phone.ended.wait()
        while len(exchange.switch):  # noqa: ASYNC110 (virtual time: it costs nothing)
            await asyncio.sleep(1)
        record = exchange.records[phone.sid]
        return record["status"], record["end_reason"]

    assert run(main()) == (status, reason)


# -- many calls ------------------------------------------------------------------------------------------------------

MENU = f"""<Response><Gather action="/menu" numDigits="1" timeout="80"><Say>{"x" * 150}</Say></Gather>
<Pause length="10"/><Redirect/></Response>"""
"""A round of a hundred seconds: ten of prompt, eighty to wait, and ten that drop keys."""


@pytest.mark.slow
def test_a_thousand_menus_keep_their_times() -> None:
    """Callers let the menu pass once or twice before they press a key. Those who press it at the wrong moment wait
    until they have had enough.
    """

    async def main() -> list[FakeCall]:
        application = FakeApplication({URL: MENU, "http://app.example/menu": "<Response><Hangup/></Response>"})
        calls = [FakeCall([Press(n * 0.25 + 0.1, "1"), HangUp(300)], call_info(BOTH[n % 2])) for n in range(1000)]
        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(application.take(call, URL))
        return calls

    for n, call in enumerate(run(main())):
        dropped = n * 0.25 % 100 >= 90
        assert call.ended_at == pytest.approx(300 if dropped else n * 0.25 + 0.1), n
        assert call.end_reason == ("caller-hangup" if dropped else "hangup-verb"), n


def test_a_verb_of_a_later_version_is_skipped_and_an_error_to_the_account() -> None:
    taken = take("<Reject/><Say>a</Say>", version=V2008)
    assert (taken.heard, taken.codes(events.ERROR), taken.codes()) == (["a"], [13750], [])
