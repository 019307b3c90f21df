"""Number, Client and Sip: whom to call, what to ask them, what to tell. Clauses 2.6 of both versions."""

# Covers: twiml/interpreter.py twiml/session.py twiml/verbs/dial.py testing/fake_call.py

import pytest
from dial_rig import CALLEE_SID, callee, dial, only, screened, talk, told
from twiml_calls import BOTH, V2008, V2010, codes

from ringback.calls.dialing import Dialed, Dialing
from ringback.model.status import ApiVersion
from ringback.testing.fake_call import HangUp, Press

NUMBER = "+14155550111"
ASK = "http://app.example/voice/ask"


@pytest.mark.conforms("*/2.6.1/sendDigits")
@pytest.mark.parametrize("version", BOTH)
def test_keys_for_the_callee(version: ApiVersion) -> None:
    assert only(dial(f'<Number sendDigits="ww12#">{NUMBER}</Number>', version=version)).send_keys == "ww12#"
    assert codes(f'<Dial><Number sendDigits="x">{NUMBER}</Number></Dial>', version) == [13222]


@pytest.mark.conforms("2008-08-01/2.6.1/several")
@pytest.mark.parametrize("version", BOTH)
def test_several_numbers(version: ApiVersion) -> None:
    taken = dial(f"<Number>{NUMBER}</Number><Number>4155550112</Number>", version=version)
    assert [target.to for target in taken.call.dialings[0].targets] == [NUMBER, "+14155550112"]


@pytest.mark.conforms("2008-08-01/1.1/whisper", "*/2.6.1/url", "2010-04-01/2.6.1/method")
@pytest.mark.parametrize("version", BOTH)
def test_the_callee_hears_a_document_before(version: ApiVersion) -> None:
    accepted, taken, phone = screened(f'<Number url="ask">{NUMBER}</Number>', "<Say>For you.</Say>", version=version)
    assert accepted
    assert taken.application.heard(phone) == ["For you."]
    asked = taken.application.requests[1]
    assert (asked.method, asked.url) == ("POST", ASK)
    assert dict(asked.parameters) == ({"DialStatus": "answered"} if version is V2008 else {})
    assert phone.end_reason == "", "the document's end does not hang up"


@pytest.mark.conforms("2010-04-01/2.6.1/method")
def test_the_document_of_the_callee_may_be_had_by_get() -> None:
    _, taken, _ = screened(f'<Number url="ask" method="GET">{NUMBER}</Number>', "")
    assert taken.application.requests[1].method == "GET"
    assert codes(f'<Dial><Number method="PUT">{NUMBER}</Number></Dial>') == [13221]
    assert codes('<Dial><Sip method="PUT">sip:anna@192.0.2.1</Sip></Dial>') == [13241]


@pytest.mark.conforms("2008-08-01/2.6.1/url-hangup", "2010-04-01/2.6.1/url")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("document", "script"),
    [
        ("<Hangup/>", []),
        ('<Gather action="/key" numDigits="1"/>', [Press(1.0, "2")]),
        ("<Say>long</Say>", [HangUp(0.1)]),
        ("<Nonsense", []),
    ],
)
def test_a_callee_declines(version: ApiVersion, document: str, script: list[Press | HangUp]) -> None:
    accepted, *_ = screened(f'<Number url="ask">{NUMBER}</Number>', document, script, version)
    assert not accepted


@pytest.mark.conforms("2008-08-01/2.6.1/url-dial")
@pytest.mark.parametrize("version", BOTH)
def test_a_callee_cannot_dial(version: ApiVersion) -> None:
    accepted, _, phone = screened(
        f'<Number url="ask">{NUMBER}</Number>', "<Dial>1</Dial><Say>hi</Say>", version=version
    )
    assert (accepted, [note["code"] for note in phone.notes("warning")]) == (True, [13201])


def test_without_a_document_nobody_is_asked() -> None:
    target = only(dial(f"<Number>{NUMBER}</Number>"))
    assert (target.screen, target.watch) == (None, None)


@pytest.mark.conforms(
    "2010-04-01/2.6.1/statusCallback",
    "2010-04-01/2.6.1/statusCallbackEvent",
    "2010-04-01/2.6.2/attributes",
    "2010-04-01/2.6.3/attributes",
    "2010-04-01/5.1/ParentCallSid",
)
@pytest.mark.parametrize(("element", "to"), [("Number", NUMBER), ("Client", "anna"), ("Sip", "sip:anna@192.0.2.1")])
def test_somebody_may_be_told_how_the_callees_call_gets_on(element: str, to: str) -> None:
    async def on_dial(dialing: Dialing) -> Dialed:
        watch = dialing.targets[0].watch
        assert watch is not None
        phone = callee()

        async def gets_on() -> None:
            for progress in ("initiated", "ringing", "answered", "completed"):
                watch(phone, progress)  # type: ignore[arg-type]

        await phone.conduct(gets_on())
        return Dialed("completed")

    every = 'statusCallbackEvent="initiated ringing answered completed"'
    for events, expected in ((every, ["initiated", "ringing", "in-progress", None]), ("", [None])):
        taken = dial(
            f'<{element} statusCallback="/how" statusCallbackMethod="GET" {events}>{to}</{element}>', on_dial=on_dial
        )
        sent = taken.application.told
        assert [each.parameters.get("CallStatus") for each in sent] == expected
        assert {each.method for each in sent} == {"GET"}
        assert {each.parameters["ParentCallSid"] for each in sent} == {taken.call.info.sid}
        assert sent[-1].parameters["SequenceNumber"] == "3"
    assert codes(f'<Dial><{element} statusCallbackEvent="started">{to}</{element}></Dial>') == [12200]


@pytest.mark.conforms("2010-04-01/2.6.2/identity")
def test_a_client_is_named_by_text_or_by_identity() -> None:
    assert only(dial("<Client>anna</Client>")).to == "client:anna"
    assert only(dial("<Client><Identity>otto</Identity></Client>")).to == "client:otto"
    assert 13223 in codes("<Dial><Client/></Dial>")


@pytest.mark.conforms(
    "2010-04-01/2.6.3/uri", "2010-04-01/2.6.3/login", "2010-04-01/2.6.3/headers", "2010-04-01/14/headers"
)
def test_a_sip_address_has_headers_and_a_login() -> None:
    uri = "sip:anna@192.0.2.1;transport=tcp?X-Shop=7&amp;User-to-User=a%20b&amp;Via=evil"
    taken = dial(f'<Sip username="u" password="p">{uri}</Sip>')
    target = only(taken)
    assert (target.to, target.username, target.password) == ("sip:anna@192.0.2.1;transport=tcp", "u", "p")
    assert target.headers == (("X-Shop", "7"), ("User-to-User", "a b"))
    assert taken.codes() == [13255], "Via is none of the caller's business"
    assert set(codes("<Dial><Sip>anna</Sip></Dial>")) == {13243, 13223}
    assert set(codes(f"<Dial><Sip>sip:{'a' * 255}@b</Sip></Dial>")) == {13243, 13223}


@pytest.mark.conforms("2010-04-01/2.6.3/results")
def test_what_came_of_a_sip_call_is_told() -> None:
    parameters = told(dial("<Sip>sip:anna@192.0.2.1</Sip>"))
    assert (parameters["DialSipCallId"], parameters["DialSipResponseCode"]) == ("id@phone", "200")

    async def refuse(dialing: Dialing) -> Dialed:
        return Dialed("busy", CALLEE_SID, sip_code=486)

    assert told(dial("<Sip>sip:anna@192.0.2.1</Sip>", on_dial=refuse))["DialSipResponseCode"] == "486"
    assert "DialSipCallId" not in told(dial(NUMBER, on_dial=talk))


def test_numbers_may_be_addresses_as_well() -> None:
    assert only(dial("sip:anna@192.0.2.1", version=V2010)).to == "sip:anna@192.0.2.1"
    assert only(dial("100", version=V2010)).to == "100"
