"""`make demo`: a real server, a sample application and a real call between them on loopback, heard and checked.

With KEEP set in the environment the server and the application stay up afterwards, to be called from a softphone.
"""

import asyncio
import os
import socket
import sys
import tempfile
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from ringback.app.heard import Heard, find
from ringback.app.phone.phone import Phone
from ringback.app.processes import ChildError, free_port, run_ringback, running, server_environment, until_ready
from ringback.app.timeline import render
from ringback.model import events
from ringback.model.records import CallEvent, CallRecord
from ringback.storage.database import Database

NUMBER: Final = "+15550100001"
CALLER: Final = "+14155550123"
PRESSES: Final = "~2~4711#"
"""What the demo's caller does: waits for the menu, asks for an order, waits for the question, keys a number in."""
TEXT: Final = "4711"
"""What the demo's sender asks for, and gets an answer to."""
_APPLICATION: Final = Path("examples/menu/app.py")
_SECONDS: Final = 90

console = Console(highlight=False, soft_wrap=True)


class DemoFailed(Exception):  # noqa: N818 (what it is, in the words of what is printed)
    """Something did not go as it should; the text says what."""


def main() -> None:
    """Run the demo; exit with 1 and the reason when anything fails."""
    try:
        asyncio.run(_demo())
    except (DemoFailed, ChildError) as reason:
        console.print(f"demo: failed: {reason}", style="bold red", markup=False)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        console.print("demo: stopped")
        raise SystemExit(130) from None


async def _demo() -> None:
    if not _APPLICATION.exists():
        raise DemoFailed(f"there is no {_APPLICATION} here: run `make demo` in a checkout of Ringback")
    directory = Path(tempfile.mkdtemp(prefix="ringback-demo-"))
    with ExitStack() as processes:
        sip_port, web_port = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
        environment = server_environment(directory, sip_port)
        console.rule("[bold]1. The sample application, a number, a server")
        processes.enter_context(
            running("application", [sys.executable, str(_APPLICATION), "--port", str(web_port)], environment, directory)
        )
        url = f"http://127.0.0.1:{web_port}/"
        applications = ["--url", url, "--sms-url", f"{url}sms"]
        run_ringback(["numbers", "add", NUMBER, *applications, "--friendly-name", "Lighthouse Books"], environment)
        command = [sys.executable, "-m", "ringback", "serve"]
        log = processes.enter_context(running("server", command, environment, directory))
        await until_ready(log)
        console.print(f"ringback serve: SIP on 127.0.0.1:{sip_port}, store in {directory}")
        console.rule(f"[bold]2. A call: {CALLER} dials {NUMBER} and presses {PRESSES}")
        call, recording = await _call(sip_port, directory)
        console.rule("[bold]3. Was what was said also heard?")
        await _check(call, recording, directory)
        console.rule(f"[bold]4. A text message: {CALLER} sends {TEXT} to {NUMBER}")
        await _text(environment)
        wav = directory / "heard.wav"
        console.print(f"\nThe recording: {wav}")
        console.print(f"With a softphone on this machine, while the demo stays up (make demo KEEP=1): "
                      f"sip:{NUMBER}@127.0.0.1:{sip_port}")  # fmt: skip
        console.print(f"From this terminal: .venv/bin/ringback call {NUMBER} --server 127.0.0.1:{sip_port}")
        console.print(f"A handset in it: RINGBACK_CONFIG={environment['RINGBACK_CONFIG']} "
                      f"RINGBACK_STORAGE__DIRECTORY={directory} .venv/bin/ringback sms send {NUMBER}")  # fmt: skip
        if os.environ.get("KEEP"):
            console.print("\nThe server and the application stay up. Ctrl-C ends them.")
            await asyncio.Event().wait()
    console.print("demo: ok", style="bold green")


async def _call(sip_port: int, directory: Path) -> tuple[CallRecord, NDArray[np.int16]]:
    """Place the call while its timeline is printed; return its record and what the caller heard."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.open(directory / "ringback.db"))
        phone = await stack.enter_async_context(Phone())
        try:
            async with asyncio.timeout(_SECONDS), asyncio.TaskGroup() as group:
                following = group.create_task(_follow(database))
                call = await phone.call(NUMBER, server=("127.0.0.1", sip_port), from_user=CALLER)
                await call.run(PRESSES)
                await call.ended()
                record = await following
        except TimeoutError:
            raise DemoFailed(f"the call was not over after {_SECONDS} s") from None
        except ExceptionGroup as group_error:
            raise DemoFailed(str(group_error.exceptions[0])) from group_error
        call.save(directory / "heard.wav")
        return record, call.recording()


async def _text(environment: dict[str, str]) -> None:
    """Send a message as a handset does, and show the answer of the application."""
    command = [sys.executable, "-m", "ringback", "sms", "send", NUMBER, TEXT, "--from", CALLER, "--wait", "5"]
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said = (await process.communicate())[0].decode(errors="replace").strip()
    console.print(f"  {CALLER} → {NUMBER}: {TEXT}\n  {said}", markup=False)
    if process.returncode or f"Your order {TEXT}" not in said:
        raise DemoFailed(f"the text message was not answered: {said or 'nothing came'}")


async def _follow(database: Database) -> CallRecord:
    """Print the timeline of the first call as it is written, until the call is over; return its record."""
    last, start = 0, None
    while True:
        calls = await database.calls.list(limit=1)
        if calls:
            over = calls[0].status.final and calls[0].end_time is not None
            for stored in await database.events.of_call(calls[0].sid, last):
                start = start or stored.event.at
                console.print(render(stored.event, start))
                last = stored.id
            if over:
                return calls[0]
        await asyncio.sleep(0.1)


async def _check(call: CallRecord, recording: NDArray[np.int16], directory: Path) -> None:
    """Compare the recording with the clips that the timeline says were spoken."""
    if call.status != "completed" or call.end_reason != "hangup-verb":
        raise DemoFailed(f"the call ended as {call.status} ({call.end_reason}), not by the Hangup of its last document")
    async with Database.open(directory / "ringback.db") as database:
        timeline = [stored.event for stored in await database.events.of_call(call.sid)]
    keys = "".join(event.data["key"] for event in timeline if event.kind == events.KEY)
    wanted = "".join(key for key in PRESSES if key != "~")
    if keys != wanted:
        raise DemoFailed(f"the keys {wanted} were pressed, but {keys or 'none'} arrived")
    spoken = _spoken(timeline)
    if len({event.data["document"] for event in timeline if event.kind == events.VERB_START}) < 3:
        raise DemoFailed("fewer than three documents were rendered")
    after = 0.0
    for text, seconds, clip in spoken:
        heard = find(_samples(directory, clip), recording, after)
        after = _report(text, seconds, heard) - 0.5


def _report(text: str, seconds: float, heard: Heard | None) -> float:
    if heard is None:
        raise DemoFailed(f"this was said but not heard: {text!r}")
    part = "whole" if heard.seconds > seconds - 0.6 else f"{heard.seconds:.1f} s of {seconds:.1f} s, then a key"
    console.print(f"  heard at {heard.at:5.1f} s, {heard.alike:.0%} alike, {part}: {text}", markup=False)
    return heard.at + heard.seconds


def _spoken(timeline: list[CallEvent]) -> list[tuple[str, float, str]]:
    """What was spoken, in order: text, seconds, name of the clip.

    Speech is made ready ahead of its verb; a text that a key forestalled never began and is not among them.
    """
    clips: dict[str, dict[str, Any]] = {
        event.data["text"]: dict(event.data) for event in timeline if event.kind == events.SPEECH
    }
    begun = [
        event.data["text"] for event in timeline if event.kind == events.VERB_START and event.data["verb"] == "Say"
    ]
    return [(text, clips[text]["seconds"], clips[text]["clip"]) for text in begun if text in clips]


def _samples(directory: Path, clip: str) -> NDArray[np.int16]:
    path = next((directory / "speech").rglob(clip), None)
    if path is None:
        raise DemoFailed(f"the clip {clip} is not in {directory / 'speech'}")
    return np.fromfile(path, "<i2")


if __name__ == "__main__":
    main()
