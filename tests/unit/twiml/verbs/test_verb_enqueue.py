"""Enqueue, Leave, and Queue in Dial. 2010-04-01 clauses 2.3, 2.6 and 2.7."""

# Covers: testing/fake_call.py twiml/interpreter.py twiml/session.py

import pytest
from dial_rig import CALLEE_SID, callee, dial
from twiml_calls import V2008, V2010, codes, take, verb

from ringback.calls.dialing import Dialed, Dialing
from ringback.calls.queueing import Queued, Queueing
from ringback.testing.clock import run
from ringback.testing.fake_application import FakeApplication
from ringback.testing.fake_call import QUEUE_SID, FakeCall, HangUp, Press, call_info

URL, WAIT, DONE = "http://app.example/voice/start", "http://app.example/wait", "http://app.example/done"
END = "<Response/>"


@pytest.mark.conforms("2010-04-01/2.7/name", "2010-04-01/2.7/maxQueueSize", "2010-04-01/2.7/waitUrl")
def test_a_queue_has_a_name_and_a_size() -> None:
    taken = take("<Enqueue>support</Enqueue>", [HangUp(20)])
    assert taken.call.queueings == [Queueing("support")]
    assert take('<Enqueue maxQueueSize="5">support</Enqueue>', [HangUp(20)]).call.queueings[0].max_size == 5
    assert verb("<Enqueue>support</Enqueue>").content() == "support"
    assert codes("<Enqueue/>") == [12200]
    assert codes(f"<Enqueue>{'x' * 65}</Enqueue>") == [12200]
    assert codes('<Enqueue maxQueueSize="5001">x</Enqueue>') == [12200]
    assert codes("<Enqueue>x</Enqueue>", V2008) == [13750]


@pytest.mark.conforms("2010-04-01/2.7/action", "2010-04-01/2.7/QueueResult")
def test_the_action_is_told_how_it_ended() -> None:
    async def bridged(queueing: Queueing) -> Queued:
        return Queued("bridged", QUEUE_SID, 33)

    for attributes, requests, heard in (
        ('action="/done"', [("POST", DONE, {"QueueResult": "bridged", "QueueSid": QUEUE_SID, "QueueTime": "33"})], []),
        ("", [], ["over"]),
    ):
        application = FakeApplication(
            {URL: f"<Response><Enqueue {attributes}>s</Enqueue><Say>over</Say></Response>", DONE: END}
        )
        call = FakeCall([], call_info(V2010))
        call.on_enqueue = bridged
        run(application.take(call, URL))
        assert [(asked.method, asked.url, dict(asked.parameters)) for asked in application.requests[1:]] == requests
        assert application.heard(call) == heard


@pytest.mark.conforms(
    "2010-04-01/2.7/waitUrl", "2010-04-01/2.7/waitUrlMethod", "2010-04-01/2.7/wait-parameters", "2010-04-01/2.3/Leave"
)
def test_the_wait_document_is_asked_again_and_again_until_it_leaves() -> None:
    asked = 0

    def page(request: object) -> str:
        nonlocal asked
        asked += 1
        return "<Response><Pause length='10'/></Response>" if asked < 4 else "<Response><Leave/></Response>"

    taken = take('<Enqueue waitUrl="/wait" action="/done">s</Enqueue>', pages={WAIT: page, DONE: END})
    waits = [request for request in taken.requests if request[1] == WAIT]
    assert [request[0] for request in waits] == ["POST"] * 4
    assert waits[1][2] == {
        "QueueSid": QUEUE_SID, "QueuePosition": "1", "QueueTime": "10", "AvgQueueTime": "0", "CurrentQueueSize": "1",
        "MaxQueueSize": "1000",
    }  # fmt: skip
    assert taken.requests[-1] == ("POST", DONE, {"QueueResult": "leave", "QueueSid": QUEUE_SID, "QueueTime": "30"})
    got = take(
        '<Enqueue waitUrl="/wait" waitUrlMethod="GET">s</Enqueue>', pages={WAIT: "<Response><Leave/></Response>"}
    )
    assert got.requests[0][0] == "GET"


@pytest.mark.conforms("2010-04-01/2.7/wait-verbs")
def test_a_key_may_lead_out_of_the_queue() -> None:
    pages = {
        WAIT: '<Response><Dial>1</Dial><Gather action="/out" numDigits="1" timeout="60"/></Response>',
        "http://app.example/out": "<Response><Leave/></Response>",
    }
    taken = take('<Enqueue waitUrl="/wait">s</Enqueue><Say>out</Say>', [Press(5, "1")], pages=pages)
    assert (taken.heard, taken.codes()) == (["out"], [13238])


def test_silence_a_broken_document_and_one_that_takes_no_time() -> None:
    for wait, pages in (("", {}), ("/gone", {}), ("/wait", {WAIT: END})):
        taken = take(f'<Enqueue waitUrl="{wait}">s</Enqueue>', [HangUp(10)], pages=pages)
        assert taken.end.reason == "caller-hangup"
        assert len(taken.requests) <= 11, "a document without a sound does not keep two servers busy"


@pytest.mark.parametrize("wait", ["", 'waitUrl=""'])
def test_who_hangs_up_in_the_queue_has_left_a_result(wait: str) -> None:
    """The action is asked after the call; what it answers does not matter."""
    taken = take(f'<Enqueue action="/done" {wait}>s</Enqueue>', [HangUp(10)])
    assert taken.end.reason == "caller-hangup"
    assert taken.requests == [("POST", DONE, {"QueueResult": "hangup", "QueueSid": QUEUE_SID, "QueueTime": "10"})]


def test_leave_is_for_queues() -> None:
    taken = take("<Leave/><Say>still here</Say>")
    assert (taken.heard, taken.codes()) == (["still here"], [12200])


@pytest.mark.conforms("2010-04-01/2.6.5/Queue-url", "2010-04-01/2.6.5/Queue-parameters")
def test_dial_connects_with_who_waits() -> None:
    waited = callee()

    async def on_dial(dialing: Dialing) -> Dialed:
        (target,) = dialing.targets
        assert target.to == "queue:support"
        assert target.screen is not None
        assert await waited.conduct(target.screen(waited)) is True  # type: ignore[arg-type]
        return Dialed("completed", CALLEE_SID, 5, True)

    pages = {"http://app.example/hear": "<Response><Say>Your turn.</Say></Response>"}
    taken = dial('<Queue url="/hear" method="GET">support</Queue>', on_dial=on_dial, pages=pages)
    assert taken.application.heard(waited) == ["Your turn."]
    assert taken.requests[0] == ("GET", "http://app.example/hear", {"DequeingCallSid": taken.call.info.sid})
    assert taken.requests[1][2]["DialCallStatus"] == "completed"
    assert dial("<Queue>support</Queue>").call.dialings[0].targets[0].screen is None
