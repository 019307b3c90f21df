"""Queue in Dial: who waits hears a document before the two are connected."""

from dial_rig import callee, dial, only

from ringback.calls.dialing import Dialed, Dialing


def test_a_queue_is_named() -> None:
    target = only(dial("<Queue>support</Queue>"))
    assert (target.to, target.screen) == ("queue:support", None)


def test_who_waited_hears_the_document() -> None:
    waited = callee()

    async def on_dial(dialing: Dialing) -> Dialed:
        screen = dialing.targets[0].screen
        assert screen is not None
        # It cannot decline: whatever its document does, it has waited for this.
        assert await waited.conduct(screen(waited)) is True  # type: ignore[arg-type]
        return Dialed("completed")

    pages = {"http://app.example/hear": "<Response><Say>Your turn.</Say></Response>"}
    taken = dial('<Queue url="/hear">support</Queue>', on_dial=on_dial, pages=pages)
    assert taken.application.heard(waited) == ["Your turn."]
    assert taken.requests[0] == ("POST", "http://app.example/hear", {"DequeingCallSid": taken.call.info.sid})
