"""`ringback call` against a server in another thread: what it prints, what it writes, how it exits."""

import asyncio
import json
import os
import signal
import threading
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from ringback.app.cli import build
from ringback.app.cli import call as call_module
from ringback.app.cli.call import _server
from ringback.app.errors import UserError
from ringback.app.phone import phone as phone_module
from ringback.app.phone.phone import Phone
from ringback.app.settings import Settings, SipSettings
from ringback.sip import events as sip
from tests.unit.app.phone.hand_loop import Server

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made: list[Server] = []
    ready, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with Server() as server:
            made.append(server)
            ready.set()
            await stop.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(5)
    yield made[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


@pytest.fixture
def run(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command with the server as that of the settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RINGBACK_CONFIG", raising=False)
    monkeypatch.setenv("RINGBACK_SIP__PORT", str(server.address[1]))
    server.on_answer = lambda: None
    return lambda *arguments: CliRunner().invoke(build(), ["call", *arguments])


def events(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_call_is_told_as_it_happens_and_recorded(run: Run, tmp_path: Path):
    result = run("+15550100001", "--press", "#", "--record", "heard.wav")
    assert result.exit_code == 0, result.output
    lines = [line[10:] for line in result.stdout.splitlines()]
    assert lines[0].startswith("calling +15550100001 at 127.0.0.1:")
    assert lines[1:3] == ["ringing (180)", "answered: PCMU, keys as events"]
    assert "pressed # (telephone event)" in lines
    assert "ended: the other side hung up" in lines
    assert "what was heard is in heard.wav" in result.stdout
    with wave.open(str(tmp_path / "heard.wav")) as file:
        assert np.abs(np.frombuffer(file.readframes(10**6), np.int16)).max() > 5000


def test_programs_read_json(run: Run, server: Server, tmp_path: Path):
    with wave.open(str(tmp_path / "say.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0\1" * 800)
    result = run(
        "1", "--json", "--press", "#", "--codec", "pcma", "--transport", "tcp", "--from", "77", "--say", "say.wav"
    )
    assert result.exit_code == 0, result.output
    told = events(result)
    assert [event["event"] for event in told if event["event"] != "sound"] == [
        "calling",
        "ringing",
        "answered",
        "key",
        "ended",
        "result",
    ]
    assert (told[-1]["ok"], told[-1]["codec"], told[-1]["lost"], told[-1]["problem"]) == (True, "PCMA", 0, None)
    invite = server.all(sip.IncomingCall)[-1]
    assert (invite.from_user, invite.flow.transport) == ("77", "TCP")


@pytest.mark.long
def test_keys_may_go_as_info(run: Run, server: Server):
    before = len(server.all(sip.Dtmf))
    assert run("1", "--info", "--press", "5", "--max-seconds", "0.5").exit_code == 0
    assert [event.key for event in server.all(sip.Dtmf)[before:]] == ["5"]


@pytest.mark.long
def test_the_time_is_up(run: Run):
    result = run("1", "--max-seconds", "0.1")
    assert result.exit_code == 0
    assert "ended: we hung up" in result.stdout
    result = run("1", "--max-seconds", "0.2", "--press", "1WW2")
    assert result.exit_code == 1
    assert "error: the keys were not all pressed within 0.2 s" in result.stderr


def test_keys_that_are_left_over_are_a_failure(run: Run):
    result = run("1", "--press", "#W2", "--json")
    assert result.exit_code == 1
    assert "error: the other side hung up before 2 was pressed" in result.stderr
    assert events(result)[-1]["problem"] == "the other side hung up before 2 was pressed"


def test_ctrl_c_hangs_up(run: Run, server: Server):
    server.on_answer = lambda: threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    result = run("1")
    assert result.exit_code == 0, result.output
    assert "ended: we hung up" in result.stdout


def test_ctrl_c_takes_back_a_call_that_rings(run: Run, monkeypatch: pytest.MonkeyPatch):
    ringing = Phone._on_event

    def interrupt(phone: Phone, event: sip.Event) -> None:
        ringing(phone, event)
        if isinstance(event, sip.Ringing):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Phone, "_on_event", interrupt)
    result = run("180", "--json")
    assert result.exit_code == 1
    assert events(result)[-1]["problem"] == "the call was taken back before it was answered"


def test_a_lost_server_is_a_failure(run: Run, monkeypatch: pytest.MonkeyPatch):
    """As when the server's process is gone: requests within the call find nobody."""
    seen = Phone._on_event

    def lose(phone: Phone, event: sip.Event) -> None:
        seen(phone, event)
        if isinstance(event, sip.Answered):
            seen(phone, sip.Ended(event.call, "unreachable", True, 408, "no answer"))

    monkeypatch.setattr(Phone, "_on_event", lose)
    result = run("1")
    assert result.exit_code == 1
    assert "error: the call did not end well: the other side was lost (no answer)" in result.stderr


async def test_a_terminal_sees_the_level_until_the_call_ends(monkeypatch: pytest.MonkeyPatch):
    class Made:
        invited_at, end, hearing = 0.0, None, object()

    class Terminal:
        live, shown = True, 0

        def refresh(self, seconds: float, hearing: object, now: float) -> None:
            assert seconds == now
            self.shown += 1
            made.end = object() if self.shown == 3 else None

    made, terminal = Made(), Terminal()
    monkeypatch.setattr(call_module, "_REFRESH", 0)
    await call_module._meter(made, terminal)  # type: ignore[arg-type]
    assert terminal.shown == 3


@pytest.mark.parametrize(
    ("number", "text", "hint"),
    [("404", "the server has no number 404 (404 Not Found)", "ringback numbers list"), ("486", "486 is busy", None)],
)
def test_a_refusal_says_why(run: Run, number: str, text: str, hint: str | None):
    result = run(number)
    assert result.exit_code == 1
    assert f"error: {text}" in result.stderr
    assert hint is None or f"hint: `{hint}`" in result.stderr


def test_nobody_at_home(run: Run, monkeypatch: pytest.MonkeyPatch):
    async def nobody(*_: object, **__: object) -> object:
        raise phone_module.NoServer("127.0.0.1", 5060, "UDP", "waited 5 s")

    monkeypatch.setattr(Phone, "call", nobody)
    result = run("1")
    assert result.exit_code == 1
    assert "is `ringback serve` running there" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["1", "--press", "1x"], "'x' at place 2 of a press script means nothing"),
        (["1", "--record", "nowhere/heard.wav"], "there is no directory nowhere"),
        (["1", "--say", "nothing.wav"], "nothing.wav cannot be said"),
        (["1", "--server", "h:port"], "takes HOST or HOST:PORT"),
        (["1", "--server", "h:0"], "takes HOST or HOST:PORT"),
        (["1", "--server", "[::1]:5060"], "the phone speaks IPv4 only"),
    ],
)
def test_what_cannot_be_done_is_said_before_anybody_is_called(run: Run, arguments: list[str], text: str):
    result = run(*arguments)
    assert result.exit_code == 2
    assert text in result.stderr


def test_a_recording_that_cannot_be_written_is_a_failure(run: Run, tmp_path: Path):
    result = run("1", "--press", "#", "--record", str(tmp_path))
    assert result.exit_code == 1
    assert "cannot be written: Is a directory" in result.stderr


@pytest.mark.parametrize(
    ("given", "host", "port", "expected"),
    [
        (None, "127.0.0.1", 5080, ("127.0.0.1", 5080)),
        (None, "0.0.0.0", 5060, ("127.0.0.1", 5060)),
        (None, "192.0.2.1", 5060, ("192.0.2.1", 5060)),
        ("pbx", "127.0.0.1", 5080, ("pbx", 5060)),
        ("pbx:5070", "127.0.0.1", 5080, ("pbx", 5070)),
        (":5070", "192.0.2.1", 5080, ("192.0.2.1", 5070)),
    ],
)
def test_the_server_is_that_of_the_settings_unless_another_is_named(
    given: str | None, host: str, port: int, expected: tuple[str, int]
):
    assert _server(given, Settings(sip=SipSettings(host=host, port=port))) == expected


def test_a_server_at_any_port_has_to_be_named():
    with pytest.raises(UserError, match=r"sip\.port is 0"):
        _server(None, Settings(sip=SipSettings(port=0)))
