"""What a screen sees, and what comes of what it says."""

import pytest
from sip_talk import OFFER, UDP, Talk

from ringback.sip.events import Flow, IncomingCall, IncomingRequest, Refusal
from ringback.sip.values import Allow, Challenge, Deny, RequestView, Silent, Verdict


class Gate:
    """A screen that says what it is told to."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.seen: list[RequestView] = []

    def __call__(self, view: RequestView, flow: Flow, now: float) -> Verdict:
        assert (flow, now) == (UDP, 0.0)
        self.seen.append(view)
        return self.verdict


def test_what_it_sees() -> None:
    gate = Gate(Silent())
    talk = Talk(screen=gate)
    talk.say(talk.request("INVITE", body=OFFER, headers="Authorization: Digest a\r\nAuthorization: Digest b"))
    view = gate.seen[0]
    assert (view.method, view.request_uri, view.from_, view.from_user) == (
        "INVITE", "sip:service@192.0.2.1", "sip:ann@192.0.2.2", "ann",
    )  # fmt: skip
    assert (view.to, view.to_user, view.call_id, view.body) == (
        "sip:service@192.0.2.1", "service", talk.call_id, OFFER,
    )  # fmt: skip
    assert (view.values("Authorization"), view.header("call-id"), view.header("none")) == (
        ["Digest a", "Digest b"], talk.call_id, None,
    )  # fmt: skip


@pytest.mark.parametrize("method", ["INVITE", "REGISTER"])
def test_allowed(method: str) -> None:
    talk = Talk(screen=Gate(Allow("alice")), serves={"REGISTER"})
    talk.say(talk.request(method, body=OFFER if method == "INVITE" else b""))
    event = talk.told()[0]
    assert isinstance(event, IncomingCall | IncomingRequest)
    assert event.identity == "alice"


def test_challenged() -> None:
    """Without a transaction: who never answers costs nothing. Whoever comes back is seen again."""
    gate = Gate(Challenge((("WWW-Authenticate", 'Digest realm="r"'),)))
    talk = Talk(screen=gate)
    talk.say(talk.request("INVITE", body=OFFER))
    challenge = talk.last_response()
    assert (challenge.code, challenge.get("www-authenticate")) == (401, 'Digest realm="r"')
    talk.say(talk.request("ACK", branch="z9hG4bK-1", to_tag=challenge.to.tag))
    assert (talk.heard(), talk.told(), talk.endpoint.transactions) == ([], [], 0)
    gate.verdict = Allow()
    talk.say(talk.request("INVITE", 2, body=OFFER))
    assert talk.only(IncomingCall).identity is None


def test_who_speaks_of_a_dialog_is_not_challenged() -> None:
    talk = Talk(screen=Gate(Challenge((), 407)))
    talk.say(talk.request("BYE", to_tag="gone"))
    assert talk.heard() == ["481 BYE"]
    talk.say(talk.request("OPTIONS"))
    assert talk.heard() == ["407 OPTIONS"]


def test_refused() -> None:
    talk = Talk(screen=Gate(Deny(403, "Not you", (("X-Why", "because"),))))
    talk.say(talk.request("INVITE", body=OFFER))
    refusal = talk.last_response()
    assert (refusal.code, refusal.reason, refusal.get("x-why")) == (403, "Not you", "because")
    assert talk.told() == [Refusal(UDP, "INVITE was refused with 403")]


def test_ignored() -> None:
    talk = Talk(screen=Gate(Silent("is a scanner")))
    talk.say(talk.request("OPTIONS"))
    assert (talk.heard(), talk.told()) == ([], [Refusal(UDP, "OPTIONS is a scanner")])


def test_what_belongs_to_a_call_is_not_screened() -> None:
    gate = Gate(Allow())
    talk = Talk(screen=gate)
    talk.answered_call()
    gate.verdict = Silent()
    talk.say(talk.request("INFO", 2))
    assert talk.heard() == ["200 INFO"]
    assert len(gate.seen) == 1


def test_a_cancel_is_not_screened() -> None:
    gate = Gate(Allow())
    talk = Talk(screen=gate)
    talk.ring_in()
    gate.verdict = Silent()
    talk.say(talk.request("CANCEL", branch="z9hG4bK-invite"))
    assert talk.heard() == ["200 CANCEL", "487 INVITE"]


def test_a_stack_that_is_late_sheds_what_is_new() -> None:
    talk = Talk()
    call = talk.answered_call()
    talk.endpoint.shed_load(5.0)
    talk.call_id = "another"
    talk.say(talk.request("INVITE", body=OFFER, to_tag=""))
    refusal = talk.last_response()
    assert (refusal.code, refusal.get("retry-after")) == (503, "5")
    talk.call_id = "call-1@192.0.2.2"
    talk.say(talk.request("INFO", 2))
    assert talk.heard() == ["200 INFO"]
    talk.told()
    talk.now = 5.0
    talk.call_id = "another"
    talk.say(talk.request("INVITE", body=OFFER, to_tag=""))
    assert talk.only(IncomingCall).call != call
