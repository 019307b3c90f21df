"""Session timers (RFC 4028): who refreshes when, and what happens when nobody does."""

import pytest
from sip_talk import ANSWER, OFFER, Talk

from ringback.sip.events import Ended, ReinviteAnswered, ReinviteRefused
from ringback.sip.message import Request

TIMER = "Supported: timer\r\nAllow: INVITE, UPDATE\r\nSession-Expires: "


def up(talk: Talk, asked: str, **options: str) -> str:
    """Let somebody call who says that of session timers, answer, and return what our 200 says."""
    lines = ["Supported: timer", f"Session-Expires: {asked}", *options.values()]
    call = talk.ring_in(headers="\r\n".join(line for line in lines if line))
    ok = talk.answer(call)
    talk.ack()
    talk.told()
    return f"{ok.get('session-expires')} {ok.get('require')}"


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("600;refresher=uac", "600;refresher=uac timer"),
        ("600;refresher=uas", "600;refresher=uas None"),
        ("600", "600;refresher=uas None"),
        ("600 ; x=y; Refresher=UAC", "600;refresher=uac timer"),
        ("9000;refresher=uac", "1800;refresher=uac timer"),
        ("nonsense", "1800;refresher=uas None"),
    ],
)
def test_the_answer(asked: str, answered: str) -> None:
    """RFC 4028 §9, table 2: we refresh where we have the choice."""
    assert up(Talk(), asked) == answered


def test_a_caller_without_timers_is_refreshed_by_us() -> None:
    talk = Talk()
    ok = talk.answer(talk.ring_in())
    assert (ok.get("session-expires"), ok.get("require")) == ("1800;refresher=uas", None)


def test_a_least_interval_of_the_caller_is_kept() -> None:
    talk = Talk(session_expires=100)
    assert up(talk, "9000;refresher=uac", more="Min-SE: 3000") == "3000;refresher=uac timer"


def test_an_interval_that_is_too_short() -> None:
    talk = Talk(min_se=300)
    talk.say(talk.request("INVITE", body=OFFER, headers=TIMER + "200"))
    refusal = talk.last_response()
    assert (refusal.code, refusal.get("min-se")) == (422, "300")
    # Who does not know timers would not know what 422 means.
    talk.say(talk.request("INVITE", 2, body=OFFER, headers="Session-Expires: 200"))
    assert talk.endpoint.calls == 1


def test_switched_off() -> None:
    talk = Talk(session_expires=0)
    assert up(talk, "60;refresher=uac") == "None None"
    _, invite = talk.call_out()
    assert (invite.get("session-expires"), "timer" in (invite.get("supported") or "")) == (None, False)
    talk.say(talk.response(invite, 200, body=ANSWER, headers="Session-Expires: 90;refresher=uas"))
    talk.told()
    talk.wait(10_000.0)
    assert talk.told() == []


@pytest.mark.parametrize("options", [{"min_se": 89}, {"session_expires": 60}, {"session_expires": 100, "min_se": 200}])
def test_settings_that_make_no_sense(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="session intervals"):
        Talk(**options)  # type: ignore[arg-type]


def test_nobody_refreshes() -> None:
    """RFC 4028 §10: a BYE shortly before the end of the interval."""
    talk = Talk()
    up(talk, "600;refresher=uac")
    talk.wait(567.0)
    assert talk.heard() == []
    talk.wait(2.0)
    bye = talk.last_request()
    assert (bye.method, bye.get("reason")) == ("BYE", 'SIP;cause=408;text="session expired"')
    ended = talk.only(Ended)
    assert (ended.cause, ended.remote, ended.code) == ("session-expired", True, 408)
    talk.say(talk.response(bye, 200))
    assert talk.endpoint.calls == 0


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_the_other_side_refreshes(method: str) -> None:
    talk = Talk()
    up(talk, "600;refresher=uac")
    for number in range(3):
        talk.wait(300.0)
        body = OFFER if method == "INVITE" else b""
        talk.say(talk.request(method, 2 + number, headers=TIMER + "600;refresher=uac", body=body))
        if method == "INVITE":
            call = talk.told()[0].call  # type: ignore[union-attr]
            assert call is not None
            talk.endpoint.answer_reinvite(call, ANSWER, talk.now)
        ok = talk.last_response()
        assert (ok.code, ok.get("session-expires"), ok.get("require")) == (200, "600;refresher=uac", "timer")
        if method == "INVITE":
            talk.ack(2 + number)
    talk.told()
    talk.wait(600.0)
    assert talk.only(Ended).cause == "session-expired"


def test_a_refresh_that_asks_for_too_little() -> None:
    talk = Talk(min_se=300)
    up(talk, "600;refresher=uac")
    talk.say(talk.request("UPDATE", 2, headers=TIMER + "100"))
    refusal = talk.last_response()
    assert (refusal.code, refusal.get("min-se")) == (422, "300")


def refresh(talk: Talk) -> Request:
    """Return the refresh that is sent now."""
    return talk.last_request()


def test_we_refresh_by_update() -> None:
    talk = Talk()
    up(talk, "600;refresher=uas", more="Allow: INVITE, UPDATE")
    for _ in range(3):
        talk.wait(300.0)
        update = refresh(talk)
        assert (update.method, update.body, update.get("session-expires")) == ("UPDATE", b"", "600;refresher=uac")
        assert update.contacts
        talk.say(talk.response(update, 100))
        talk.say(talk.response(update, 200, headers="Session-Expires: 600;refresher=uac"))
    assert talk.told() == []


def test_we_refresh_by_invite() -> None:
    """Who has no UPDATE is offered what holds already; nobody needs to know."""
    talk = Talk()
    up(talk, "600;refresher=uas")
    talk.wait(300.0)
    invite = refresh(talk)
    assert (invite.method, invite.body, invite.get("session-expires")) == ("INVITE", ANSWER, "600;refresher=uac")
    talk.say(talk.response(invite, 200, headers="Session-Expires: 600;refresher=uac", body=OFFER))
    assert (talk.heard(), talk.told()) == (["ACK"], [])
    talk.wait(300.0)
    invite = refresh(talk)
    talk.say(talk.response(invite, 200, body=OFFER.replace(b"4000", b"4002")))
    assert [type(event) for event in talk.told()] == [ReinviteAnswered], "now something has changed"
    talk.heard()
    talk.wait(10_000.0)
    assert (talk.heard(), talk.told()) == ([], []), "the last 2xx said that the session does not expire"


def test_a_refresh_that_nobody_answers_ends_the_call() -> None:
    talk = Talk()
    up(talk, "600;refresher=uas", more="Allow: UPDATE")
    talk.wait(340.0)
    assert talk.only(Ended).cause == "unreachable"


def test_a_refresh_that_is_refused_is_made_again() -> None:
    """An answer is a sign of life, whatever it says: the call does not end for a peer without manners."""
    for more in ("Allow: UPDATE", ""):
        talk = Talk()
        up(talk, "600;refresher=uas", more=more)
        talk.wait(300.0)
        talk.say(talk.response(refresh(talk), 488))
        assert "ACK" in talk.heard() or more
        talk.wait(5.0)
        again = refresh(talk)
        assert again.method == ("UPDATE" if more else "INVITE")
        talk.say(talk.response(again, 488))
        assert talk.told() == []
        talk.wait(5.0)
        assert refresh(talk)


def test_a_refresh_that_meets_an_offer_waits() -> None:
    talk = Talk()
    up(talk, "600;refresher=uas")
    talk.wait(299.0)
    talk.say(talk.request("INVITE", 2, body=OFFER))
    talk.heard()
    talk.wait(2.0)
    assert talk.heard() == ["100 INVITE"]
    talk.endpoint.reject_reinvite(talk.told()[0].call, 488, talk.now)  # type: ignore[union-attr,arg-type]
    talk.heard()
    talk.wait(4.9)
    assert "INVITE" in talk.heard()
    assert not [event for event in talk.told() if isinstance(event, ReinviteRefused)]


def test_connections_that_fail_do_not_count_as_life() -> None:
    talk = Talk(Talk().flow)
    up(talk, "600;refresher=uas", more="Allow: UPDATE")
    for _ in range(119):
        talk.wait(5.0)
        for transaction in list(talk.endpoint._stack.clients.values()):
            transaction.step("transport error", talk.now)
            talk.collect()
    talk.wait(6.0)
    assert [event.cause for event in talk.told() if isinstance(event, Ended)] == ["session-expired"]


# -- calls of ours ---------------------------------------------------------------------------------------------------


def test_our_invite() -> None:
    talk = Talk(min_se=120)
    _, invite = talk.call_out()
    assert (invite.get("session-expires"), invite.get("min-se")) == ("1800", "120")
    assert "timer" in (invite.get("supported") or "")


def test_a_longer_interval_is_demanded() -> None:
    """RFC 4028 §7.3: the same call again, with what was demanded."""
    talk = Talk()
    call, invite = talk.call_out()
    talk.say(talk.response(invite, 422, headers="Min-SE: 3600"))
    second = talk.last_request()
    assert (second.method, second.call_id, second.cseq) == ("INVITE", invite.call_id, invite.cseq + 1)
    assert (second.get("session-expires"), second.get("min-se")) == ("3600", "3600")
    talk.say(talk.response(second, 200, body=ANSWER, headers="Session-Expires: 3600;refresher=uac\r\nAllow: UPDATE"))
    talk.heard()
    talk.told()
    talk.wait(1800.0)
    update = refresh(talk)
    talk.say(talk.response(update, 422, headers="Min-SE: 7200"))
    assert refresh(talk).get("session-expires") == "7200;refresher=uac"
    talk.endpoint.bye(call, talk.now)


@pytest.mark.parametrize("least", ["Min-SE: 10", "Min-SE: x", ""])
def test_a_422_that_demands_nothing_is_a_refusal(least: str) -> None:
    talk = Talk()
    _, invite = talk.call_out()
    talk.say(talk.response(invite, 422, headers=least))
    assert talk.heard() == ["ACK"]
    assert talk.endpoint.calls == 0


def test_the_called_side_refreshes() -> None:
    talk = Talk()
    _, invite = talk.call_out()
    talk.say(talk.response(invite, 200, body=ANSWER, headers="Session-Expires: 90;refresher=uas"))
    talk.told()
    talk.heard()
    talk.wait(60.1)
    assert talk.heard() == ["BYE"]
    assert talk.only(Ended).cause == "session-expired"


def test_nobody_is_refreshed_each_second() -> None:
    talk = Talk()
    _, invite = talk.call_out()
    talk.say(talk.response(invite, 200, body=ANSWER, headers="Session-Expires: 1;refresher=uac\r\nAllow: UPDATE"))
    talk.heard()
    talk.wait(44.0)
    assert talk.heard() == []
    talk.wait(2.0)
    assert talk.heard()[0] == "UPDATE"


def test_a_longer_interval_for_a_re_invite() -> None:
    talk = Talk()
    call, invite = talk.call_out()
    talk.say(talk.response(invite, 200, body=ANSWER, headers="Session-Expires: 1800;refresher=uas"))
    talk.heard()
    talk.told()
    talk.endpoint.reinvite(call, OFFER, talk.now)
    again = talk.last_request()
    assert again.get("session-expires") == "1800;refresher=uas", "roles stay with whom they are"
    talk.say(talk.response(again, 422, headers="Min-SE: 2000"))
    third = talk.last_request()
    assert (third.method, third.get("session-expires"), third.body) == ("INVITE", "2000;refresher=uas", OFFER)
    talk.say(talk.response(third, 200, body=ANSWER, headers="Session-Expires: 2000;refresher=uac"))
    assert [type(event) for event in talk.told()] == [ReinviteAnswered]
