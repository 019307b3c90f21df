"""The demo's judgement: what it takes for a success, and what it says otherwise. tests/system runs the whole of it."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from ringback.app import demo
from ringback.app.demo import DemoFailed
from ringback.app.phone.errors import CallRefused
from ringback.app.processes import ChildError
from ringback.model import events
from ringback.model.records import CallEvent, CallRecord
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.storage.database import Database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SID = "CA" + "1" * 32
TEXTS = ("Welcome.", "Your number, please.", "Thank you.")


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, to be copied: making one for each test would take most of their time."""

    async def make() -> Path:
        async with Database.open(tmp_path_factory.mktemp("empty") / "ringback.db") as database:
            await database.accounts.ensure_default(NOW, bytes)
            return Path(database.name)

    return asyncio.run(make())


@pytest.fixture
def directory(tmp_path: Path, empty_store: Path) -> Path:
    """A store of the demo, without calls."""
    made = tmp_path / "store"
    shutil.copytree(empty_store.parent, made)
    (made / "speech").mkdir()
    return made


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """What the demo prints."""
    monkeypatch.setattr(demo, "console", demo.Console(highlight=False, soft_wrap=True, width=80))
    yield lambda: capsys.readouterr().out


class Scene:
    """A call of the demo: what was spoken, what was heard, and the timeline that tells of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        rng = np.random.default_rng(1)
        self.clips = {text: (rng.standard_normal(12000) * 3000).astype("<i2") for text in TEXTS}
        silence = np.zeros(4000, np.int16)
        self.recording = np.concatenate([piece for clip in self.clips.values() for piece in (silence, clip)])
        self.record = CallRecord(
            SID, "AC" + "0" * 32, demo.CALLER, demo.NUMBER, Direction.INBOUND, CallStatus.COMPLETED, ApiVersion.V2010,
            None, None, NOW, NOW, NOW + timedelta(seconds=9), "hangup-verb",
        )  # fmt: skip
        self.timeline: list[tuple[str, dict[str, Any]]] = []
        for index, (text, clip) in enumerate(self.clips.items()):
            (directory / "speech" / f"{index}.pcm").write_bytes(clip.tobytes())
            self.note(events.SPEECH, text=text, seconds=1.5, clip=f"{index}.pcm")
            self.note(events.VERB_START, verb="Say", text=text, document=f"http://a/{index}")
        for key in "24711#":
            self.note(events.KEY, key=key, by="rfc4733")

    def note(self, kind: str, **data: Any) -> None:
        self.timeline.append((kind, data))

    async def store(self) -> None:
        async with Database.open(self.directory / "ringback.db") as database:
            (account,) = await database.accounts.list()
            self.record = replace(self.record, account_sid=account.sid)
            await database.calls.create(self.record)
            await database.events.append([CallEvent(SID, NOW, kind, data) for kind, data in self.timeline])

    async def check(self) -> None:
        await self.store()
        await demo._check(self.record, self.recording, self.directory)

    async def failure(self) -> str:
        with pytest.raises(DemoFailed) as raised:
            await self.check()
        return str(raised.value)


@pytest.fixture
def scene(directory: Path) -> Scene:
    return Scene(directory)


# -- was it heard? ----------------------------------------------------------------------------------------------------


async def test_what_was_said_and_heard_is_told_in_order(scene: Scene, printed: Any) -> None:
    await scene.check()
    assert printed().splitlines() == [
        "  heard at   0.5 s, 100% alike, whole: Welcome.",
        "  heard at   2.5 s, 100% alike, whole: Your number, please.",
        "  heard at   4.5 s, 100% alike, whole: Thank you.",
    ]


async def test_a_text_that_a_key_cut_short_is_heard_in_part(scene: Scene, printed: Any) -> None:
    scene.timeline[0] = (events.SPEECH, {**scene.timeline[0][1], "seconds": 9.0})
    await scene.check()
    assert "100% alike, 1.5 s of 9.0 s, then a key: Welcome." in printed()


async def test_a_text_that_never_began_need_not_be_heard(scene: Scene) -> None:
    """It was made ready ahead of its verb, and a key forestalled it."""
    scene.note(events.SPEECH, text="Too late.", seconds=1.0, clip="late.pcm")
    await scene.check()


async def test_a_text_that_was_not_heard_fails(scene: Scene) -> None:
    scene.recording[4000:16000] = 0
    assert await scene.failure() == "this was said but not heard: 'Welcome.'"


async def test_texts_in_another_order_fail(scene: Scene) -> None:
    scene.recording = np.concatenate([scene.recording[16000:], scene.recording[:16000]])
    assert await scene.failure() == "this was said but not heard: 'Your number, please.'"


async def test_a_clip_that_is_gone_fails(scene: Scene) -> None:
    (scene.directory / "speech" / "1.pcm").unlink()
    assert await scene.failure() == f"the clip 1.pcm is not in {scene.directory / 'speech'}"


async def test_another_end_fails(scene: Scene) -> None:
    scene.record = replace(scene.record, status=CallStatus.FAILED, end_reason="application-error")
    told = "the call ended as failed (application-error), not by the Hangup of its last document"
    assert await scene.failure() == told


@pytest.mark.parametrize(("kept", "arrived"), [(3, "247"), (0, "none")])
async def test_keys_that_did_not_arrive_fail(scene: Scene, kept: int, arrived: str) -> None:
    keys = [entry for entry in scene.timeline if entry[0] == events.KEY]
    scene.timeline = [entry for entry in scene.timeline if entry[0] != events.KEY] + keys[:kept]
    assert await scene.failure() == f"the keys 24711# were pressed, but {arrived} arrived"


async def test_too_few_documents_fail(scene: Scene) -> None:
    scene.timeline = [(kind, {**data, "document": "http://a/"}) for kind, data in scene.timeline]
    assert await scene.failure() == "fewer than three documents were rendered"


# -- the call ---------------------------------------------------------------------------------------------------------


class StandIn:
    """A phone whose calls do as the test says, and are over when they have been run."""

    failure: Exception | None = None
    silent = False
    heard = np.arange(8, dtype=np.int16)

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.ran: list[str] = []

    def __call__(self) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.ran.append("left")

    async def call(self, number: str, *, server: tuple[str, int], from_user: str) -> Self:
        assert (number, server, from_user) == (demo.NUMBER, ("127.0.0.1", 5099), demo.CALLER)
        if self.failure is not None:
            raise self.failure
        return self

    async def run(self, steps: str) -> None:
        self.ran.append(steps)

    async def ended(self) -> None:
        if self.silent:
            await asyncio.Event().wait()
        await self.scene.store()

    def save(self, path: Path) -> None:
        path.write_bytes(b"RIFF")

    def recording(self) -> Any:
        return self.heard


@pytest.fixture
def phone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    made = StandIn(scene)
    monkeypatch.setattr(demo, "Phone", made)
    return made


async def test_the_call_is_followed_to_its_end(phone: StandIn, scene: Scene, printed: Any) -> None:
    record, heard = await demo._call(5099, scene.directory)
    assert record == scene.record
    assert heard is phone.heard
    assert phone.ran == ["~2~4711#", "left"]
    assert (scene.directory / "heard.wav").is_file()
    lines = printed().splitlines()
    assert len(lines) == len(scene.timeline)
    assert "Welcome." in lines[0]


async def test_a_call_that_is_refused_says_why(phone: StandIn, scene: Scene) -> None:
    phone.failure = CallRefused(404, "Not Found", demo.NUMBER)
    with pytest.raises(DemoFailed, match=r"the server has no number \+15550100001"):
        await demo._call(5099, scene.directory)
    assert phone.ran == ["left"]


async def test_a_call_that_does_not_end_is_given_up(
    phone: StandIn, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.silent = True
    monkeypatch.setattr(demo, "_SECONDS", 0.05)
    with pytest.raises(DemoFailed, match=r"the call was not over after 0.05 s"):
        await demo._call(5099, scene.directory)
    assert phone.ran == ["~2~4711#", "left"]


# -- the whole --------------------------------------------------------------------------------------------------------


@pytest.fixture
def stage(tmp_path: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A checkout in which nothing is started and every call is the scene; returns what would have been done."""
    done: list[Any] = []

    @contextlib.contextmanager
    def running(name: str, command: list[str], environment: dict[str, str], directory: Path) -> Iterator[Path]:
        done.append(f"{name} starts")
        try:
            yield directory / f"{name}.log"
        finally:
            done.append(f"{name} ends")

    async def until_ready(log: Path) -> None:
        assert log == scene.directory / "server.log"

    async def call(sip_port: int, directory: Path) -> Any:
        await scene.store()
        return scene.record, scene.recording

    async def text(environment: dict[str, str]) -> None:
        done.append("a text message")

    (tmp_path / "examples" / "menu").mkdir(parents=True)
    (tmp_path / "examples" / "menu" / "app.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KEEP", raising=False)
    monkeypatch.setattr(demo.tempfile, "mkdtemp", lambda prefix: str(scene.directory))
    monkeypatch.setattr(demo, "running", running)
    monkeypatch.setattr(demo, "run_ringback", lambda arguments, environment: done.append(arguments[:3]))
    monkeypatch.setattr(demo, "until_ready", until_ready)
    monkeypatch.setattr(demo, "_call", call)
    monkeypatch.setattr(demo, "_text", text)
    return done


class Sent:
    """A `ringback sms send` that has ended, and what it said."""

    def __init__(self, returncode: int, said: bytes) -> None:
        self.returncode, self.said = returncode, said

    async def communicate(self) -> tuple[bytes, None]:
        return self.said, None


@pytest.mark.parametrize(
    ("code", "said", "fails"),
    [(0, b"Your order 4711 was posted", False), (2, b"Your order 4711", True), (0, b"", True)],
)
async def test_a_text_message_must_be_answered(
    code: int, said: bytes, fails: bool, printed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start(*command: str, **_: Any) -> Sent:
        assert command[3:6] == ("sms", "send", demo.NUMBER)
        return Sent(code, said)

    monkeypatch.setattr(demo.asyncio, "create_subprocess_exec", start)
    if fails:
        with pytest.raises(demo.DemoFailed, match="was not answered"):
            await demo._text({})
    else:
        await demo._text({})
    assert said.decode() in printed()


def test_the_last_line_of_a_success(stage: list[Any], printed: Any) -> None:
    demo.main()
    assert printed().splitlines()[-1] == "demo: ok"
    assert stage == [
        "application starts", ["numbers", "add", demo.NUMBER], "server starts", "a text message", "server ends",
        "application ends",
    ]  # fmt: skip


def test_with_keep_everything_stays_up_until_it_is_stopped(
    stage: list[Any], printed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def press_ctrl_c_soon(*_: object) -> None:
        asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGINT)

    monkeypatch.setenv("KEEP", "1")
    monkeypatch.setattr(demo, "_check", press_ctrl_c_soon)
    # A shell that runs the tests in the background lets them ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(SystemExit) as ended:
            demo.main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.value.code == 130
    lines = printed().splitlines()
    assert lines[-2:] == ["The server and the application stay up. Ctrl-C ends them.", "demo: stopped"]
    assert stage[-2:] == ["server ends", "application ends"]


def test_without_the_application_it_says_where_to_run_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        demo.main()
    assert ended.value.code == 1
    told = "demo: failed: there is no examples/menu/app.py here: run `make demo` in a checkout of Ringback\n"
    assert printed() == told


def test_a_server_that_does_not_start_is_the_reason(
    stage: list[Any], printed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(log: Path) -> None:
        raise ChildError("the server did not start:\nerror: [the port] is taken")

    monkeypatch.setattr(demo, "until_ready", fail)
    with pytest.raises(SystemExit) as ended:
        demo.main()
    assert ended.value.code == 1
    assert printed().endswith("demo: failed: the server did not start:\nerror: [the port] is taken\n")
