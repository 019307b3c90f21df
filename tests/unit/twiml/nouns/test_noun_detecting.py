"""Number and Sip find out whether a machine answered. 2010-04-01 clauses 2.6 and 5.4."""

# Covers: twiml/nouns/callee.py testing/fake_call.py

import pytest
from dial_rig import callee, dial, only, screened
from twiml_calls import V2008, codes

from ringback.calls.dialing import Dialed, Dialing
from ringback.model.outgoing import MachineDetection

NUMBER = "+14155550111"
TOLD = "http://app.example/amd"


@pytest.mark.conforms("2010-04-01/2.6.1/machineDetection")
@pytest.mark.parametrize(("element", "to"), [("Number", NUMBER), ("Sip", "sip:anna@192.0.2.1")])
def test_the_document_of_the_callee_waits_for_the_verdict_and_is_told_it(element: str, to: str) -> None:
    accepted, taken, phone = screened(
        f'<{element} url="ask" machineDetection="DetectMessageEnd" machineDetectionTimeout="45"'
        ' machineDetectionSpeechThreshold="3000" machineDetectionSpeechEndThreshold="900"'
        f' machineDetectionSilenceTimeout="4000">{to}</{element}>',
        "<Say>For you.</Say>",
    )
    assert accepted
    assert phone.detections == [MachineDetection("DetectMessageEnd", 45, 3000, 900, 4000)]
    assert dict(taken.application.requests[1].parameters) == {
        "AnsweredBy": "human",
        "MachineDetectionDuration": "4000",
    }


@pytest.mark.conforms("2010-04-01/2.6.1/machineDetection")
def test_with_a_callback_nobody_waits() -> None:
    """The document is asked for at once, and the verdict is told when it is there."""
    accepted, taken, phone = screened(
        f'<Number url="ask" machineDetection="Enable" amdStatusCallback="/amd">{NUMBER}</Number>', "<Pause length='9'/>"
    )
    assert accepted
    assert dict(taken.application.requests[1].parameters) == {}
    (told,) = taken.application.told
    assert (told.method, told.url) == ("POST", TOLD)
    assert dict(told.parameters) == {"AnsweredBy": "human", "MachineDetectionDuration": "4000"}
    assert phone.detections == [MachineDetection("Enable")]


def test_without_a_document_the_two_are_connected_at_once() -> None:
    phone = callee()
    phone.answered_by = "machine_start"
    connected_at: list[float] = []

    async def on_dial(dialing: Dialing) -> Dialed:
        screen = dialing.targets[0].screen
        assert screen is not None

        async def answered() -> None:
            began = phone.now()
            assert await screen(phone)
            connected_at.append(phone.now() - began)

        await phone.conduct(answered())
        return Dialed("completed")

    attributes = 'machineDetection="Enable" amdStatusCallback="/amd" amdStatusCallbackMethod="GET"'
    taken = dial(f"<Number {attributes}>{NUMBER}</Number>", on_dial=on_dial)
    (told,) = taken.application.told
    assert (told.method, told.parameters["AnsweredBy"]) == ("GET", "machine_start")
    assert connected_at == [0.0]


@pytest.mark.parametrize(
    "attribute",
    [
        'machineDetection="Maybe"',
        'machineDetectionTimeout="2"',
        'machineDetectionTimeout="61"',
        'machineDetectionSpeechThreshold="999"',
        'machineDetectionSpeechEndThreshold="5001"',
        'machineDetectionSilenceTimeout="1999"',
        'amdStatusCallbackMethod="PUT"',
    ],
)
def test_what_is_out_of_range_is_a_warning(attribute: str) -> None:
    assert codes(f"<Dial><Number {attribute}>{NUMBER}</Number></Dial>") == [12200]


def test_only_where_it_is_asked_for_and_not_in_2008() -> None:
    assert only(dial(f'<Number amdStatusCallback="/amd">{NUMBER}</Number>')).screen is None
    old = dial(f'<Number machineDetection="Enable">{NUMBER}</Number>', version=V2008)
    assert only(old).screen is None
