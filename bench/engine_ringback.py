"""`ringback serve` as an engine under load: sipp calls `play` (a prompt, with key detection), `answer`, `bridge` (which
calls 127.0.0.1:5092 and connects the two) or `conf1`, `conf2`, … (rooms).

    python bench/engine_ringback.py DIRECTORY [--port 5080]

makes DIRECTORY/ringback.json, which tells a measuring program what it needs: `port`, `pidfile`, `start` (a program
that becomes the engine and pins itself to core 0) and `warm` (the seconds that it takes to be ready). Once it is
ready, the pid file names the media worker, since that is the process which the calls keep busy. A new start ends the
engine that was started before.
"""

import argparse
import asyncio
import json
import os
import secrets
import select
import shlex
import signal
import sys
import wave
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from ringback.app.bench.media.speech import RATE, talk
from ringback.app.processes import running, server_environment, until_ready
from ringback.model.records import IncomingNumber
from ringback.model.sids import NUMBER, make_sid
from ringback.model.status import ApiVersion
from ringback.storage.database import Database

ROOMS = 200
DOCUMENTS = {
    "play": '<Gather timeout="600" numDigits="200"><Play loop="0">/prompt.wav</Play></Gather>',
    "answer": '<Pause length="600"/>',
    "bridge": "<Dial><Sip>sip:bridge@127.0.0.1:5092</Sip></Dial>",
    **{f"conf{room}": f'<Dial><Conference beep="false">conf{room}</Conference></Dial>' for room in range(1, ROOMS + 1)},
}
PROMPT_SECONDS = 60
WARM_SECONDS = 12
WORKER = b"ringback.media.worker"


def prepare(directory: Path, port: int) -> None:
    """Write what an engine needs: its description, its program, its numbers and its prompt."""
    directory.mkdir(parents=True, exist_ok=True)
    start, description = directory / "start", directory / "ringback.json"
    command = [sys.executable, str(Path(__file__).resolve()), str(directory), "--port", str(port), "--run"]
    start.write_text(f"#!/bin/sh\nexec {shlex.join(command)}\n")
    start.chmod(0o755)
    told = {"port": port, "pidfile": str(directory / "engine.pid"), "start": str(start), "warm": WARM_SECONDS}
    description.write_text(json.dumps(told, indent=1) + "\n")
    with wave.open(str(directory / "prompt.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(talk(2, PROMPT_SECONDS).astype("<i2").tobytes())
    asyncio.run(add_numbers(directory, port))
    print(description)


async def add_numbers(directory: Path, port: int) -> None:
    """Give the engine its numbers, those that it has not got yet."""
    now = datetime.now(UTC)  # noqa: TID251 (a tool, with nobody to hand it a clock)
    async with Database.open(directory / "ringback.db") as database:
        account = await database.accounts.ensure_default(now, secrets.token_bytes)
        there = {number.phone_number for number in await database.numbers.list()}
        for name in DOCUMENTS.keys() - there:
            await database.numbers.add(
                IncomingNumber(
                    sid=make_sid(NUMBER, secrets.token_bytes(16)),
                    account_sid=account.sid,
                    phone_number=name,
                    voice_url=f"http://127.0.0.1:{port}/{name}",
                    voice_method="POST",
                    voice_fallback_url=None,
                    voice_fallback_method="POST",
                    status_callback=None,
                    status_callback_method="POST",
                    api_version=ApiVersion.V2010,
                    friendly_name=name,
                    date_created=now,
                )
            )


def environment(directory: Path, port: int) -> dict[str, str]:
    """The settings of the server: nothing that would refuse a call."""
    return server_environment(directory, port) | {
        "RINGBACK_CALLS__MAX_CONCURRENT": "10000",
        "RINGBACK_CALLS__PER_SECOND": "1000",
        "RINGBACK_MEDIA__WORKERS": "1",
        "RINGBACK_LOG__LEVEL": "warning",
        # The application has the TCP port of that number.
        "RINGBACK_SIP__TCP": "false",
    }


async def run(directory: Path, port: int) -> None:
    """Be the engine, until told to end."""
    os.sched_setaffinity(0, {0})
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    with ExitStack() as processes:
        command = [sys.executable, "-m", "ringback", "serve"]
        log = processes.enter_context(running("server", command, environment(directory, port), directory))
        site = await serve_documents(directory, port)
        await until_ready(log)
        (directory / "engine.pid").write_text(str(media_worker()))
        await ended.wait()
        await site.cleanup()


def replace_previous(pidfile: Path) -> None:
    """End the engine of an earlier start, if it still runs, and take its place."""
    with suppress(OSError, ValueError):
        previous = int(pidfile.read_text())
        if Path(__file__).name.encode() in Path(f"/proc/{previous}/cmdline").read_bytes():
            handle = os.pidfd_open(previous)
            os.kill(previous, signal.SIGTERM)
            select.select([handle], [], [], 15)
    pidfile.write_text(str(os.getpid()))


async def serve_documents(directory: Path, port: int) -> web.AppRunner:
    """The application: a document for each number, and the prompt."""

    async def document(request: web.Request) -> web.Response:
        body = DOCUMENTS[request.match_info["name"]]
        return web.Response(text=f"<Response>{body}</Response>", content_type="text/xml")

    async def prompt(request: web.Request) -> web.FileResponse:
        return web.FileResponse(directory / "prompt.wav")

    application = web.Application()
    names = "|".join(DOCUMENTS)
    application.add_routes([web.get("/prompt.wav", prompt), web.post(f"/{{name:{names}}}", document)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


def media_worker() -> int:
    """The pid of the media worker below this process."""
    waiting = [os.getpid()]
    while waiting:
        pid = waiting.pop()
        with suppress(OSError):
            if WORKER in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
            waiting += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    raise SystemExit("the server has no media worker")


def main() -> None:
    """Prepare, or run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("directory", type=Path, help="where the engine keeps its files")
    parser.add_argument("--port", type=int, default=5080, help="SIP over UDP, and HTTP of the application")
    parser.add_argument("--run", action="store_true", help="be the engine; what `start` does")
    options = parser.parse_args()
    directory = options.directory.resolve()
    if options.run:
        replace_previous(directory / "supervisor.pid")
        asyncio.run(run(directory, options.port))
    else:
        prepare(directory, options.port)


if __name__ == "__main__":
    main()
