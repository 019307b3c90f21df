"""A call whose Dial does what a test says, for the tests of Dial and its nouns."""

from collections.abc import Awaitable, Callable, Sequence

from twiml_calls import URL, V2010, Taken

from ringback.calls.dialing import Dialed, Dialing, Target
from ringback.calls.port import CallInfo
from ringback.model.status import ApiVersion, Direction
from ringback.testing.clock import run
from ringback.testing.fake_application import FakeApplication
from ringback.testing.fake_call import FakeCall, HangUp, Press, call_info

DONE = "http://app.example/done"
END = "<Response/>"
CALLEE_SID = "CA" + "c" * 32


async def talk(dialing: Dialing) -> Dialed:
    """Somebody answers and talks for twelve seconds."""
    return Dialed("completed", CALLEE_SID, 12, True, sip_call_id="id@phone")


def callee(script: Sequence[Press | HangUp] = (), version: ApiVersion = V2010) -> FakeCall:
    """The callee's side, answered."""
    return FakeCall(script, call_info(version, sid=CALLEE_SID, direction=Direction.OUTBOUND_DIAL))


def dial(
    inside: str,
    attributes: str = 'action="/done"',
    version: ApiVersion = V2010,
    *,
    on_dial: Callable[[Dialing], Awaitable[Dialed]] | None = talk,
    script: Sequence[Press | HangUp] = (),
    pages: dict[str, str] | None = None,
    caller_ids: set[str] | None = None,
    info: CallInfo | None = None,
) -> Taken:
    """Dial what stands inside, then say that it is over."""
    markup = f"<Response><Dial {attributes}>{inside}</Dial><Say>over</Say></Response>"
    application = FakeApplication({URL: markup, DONE: END, **(pages or {})})
    application.caller_ids = caller_ids or set()
    call = FakeCall(script, info or call_info(version))
    call.on_dial = on_dial
    return Taken(call, application, run(application.take(call, URL)))


def told(taken: Taken) -> dict[str, str]:
    """What the action was told."""
    ((_, url, parameters),) = taken.requests
    assert url == DONE
    return parameters


def only(taken: Taken) -> Target:
    """The one target that was dialed."""
    (dialing,) = taken.call.dialings
    (target,) = dialing.targets
    return target


def screened(
    inside: str, document: str, script: Sequence[Press | HangUp] = (), version: ApiVersion = V2010
) -> tuple[bool, Taken, FakeCall]:
    """Let a callee hear a document before it is connected: whether it accepts, the caller's call, and its own."""
    accepted: list[bool] = []
    phone = callee(script, version)

    async def on_dial(dialing: Dialing) -> Dialed:
        screen = dialing.targets[0].screen
        assert screen is not None, "nothing is asked"
        accepted.append(bool(await phone.conduct(screen(phone))))  # type: ignore[arg-type]
        return Dialed("completed" if accepted[0] else "no-answer", CALLEE_SID)

    pages = {
        "http://app.example/voice/ask": f"<Response>{document}</Response>",
        "http://app.example/key": "<Response><Hangup/></Response>",
    }
    taken = dial(inside, version=version, on_dial=on_dial, pages=pages)
    return accepted[0], taken, phone
