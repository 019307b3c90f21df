"""A phone: baresip 1.0 without sound card or screen, one process each, driven over its control socket.

It says a WAV file and records what it hears. Things to know about this version:

- the call ends where the WAV file ends, so the file is longer than any call (`TONE_SECONDS`);
- a file of another rate than the codec's, or of another width than 16 bits, ends the call at once;
- recordings are named by the second: two calls within one second overwrite each other's;
- a recording has a frame for each packet that came, so silence because of no packets shortens it;
- the control socket takes one client and loses events from before it is connected.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.interop.peers import tones
from tests.interop.peers.process import LIFETIME, PeerError, Process, free_port

TONE_SECONDS = 60
CONFIG = """\
poll_method             epoll
sip_listen              127.0.0.1:{sip}
net_interface           127.0.0.1
dns_server              127.0.0.1:9
rtp_ports               {rtp}-{rtp_last}
rtcp_mux                no
rtp_timeout             0
jitter_buffer_delay     1-10
call_local_timeout      120
call_max_calls          4
audio_player            aubridge,play{sip}
audio_alert             aubridge,alert{sip}
audio_source            aufile,{says}
audio_buffer            20-160
snd_path                {folder}
ringback_disabled       yes
menu_bell               no
module_path             {modules}
module                  stdio.so
module                  g711.so
module                  sndfile.so
module                  aubridge.so
module                  aufile.so
module_tmp              uuid.so
module_tmp              account.so
module_app              contact.so
module_app              menu.so
module_app              ctrl_tcp.so
ctrl_tcp_listen         127.0.0.1:{control}
{settings}
"""
RTP_PORTS = 20


@dataclass(frozen=True)
class Event:
    """What the phone reported: `type` such as CALL_ESTABLISHED, `param` its detail, `fields` everything."""

    type: str
    param: str
    fields: dict[str, Any]


class Baresip:
    """A running phone. Make one with `start` (or the fixture `phone`), end it with `stop`."""

    def __init__(self, process: Process, user: str, sip: int) -> None:
        self.process = process
        self.user = user
        self.sip = sip
        self.events: list[Event] = []
        self._replies: dict[str, dict[str, Any]] = {}
        self._news = asyncio.Condition()
        self._commands = 0
        self._answered = 0
        self._reader: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    @classmethod
    async def start(
        cls,
        folder: Path,
        user: str,
        *,
        tone: float = 440,
        says: Path | None = None,
        answers: bool = False,
        account: str | None = None,
        settings: str = "",
        contacts: Sequence[str] = (),
        trace: bool = True,
    ) -> Self:
        """Start a phone that says a tone of `tone` Hz, or the file `says` (mono, 16 bit, 8 kHz).

        `answers`: pick up by itself. `account`: a line of baresip's accounts file instead of one without a registrar.
        `settings`: more lines for its config. `contacts`: SIP URIs it may send messages to. `trace`: SIP in the log.
        """
        folder.mkdir(parents=True, exist_ok=True)
        sip, control, rtp = free_port(2), free_port(), free_port(RTP_PORTS)
        if says is None:
            says = tones.write_wav(folder / "says.wav", tones.sine(tone, TONE_SECONDS))
        config = CONFIG.format(
            sip=sip,
            control=control,
            rtp=rtp,
            rtp_last=rtp + RTP_PORTS - 1,
            says=says,
            folder=folder,
            modules=modules(),
            settings=settings,
        )
        mode = "auto" if answers else "manual"
        (folder / "config").write_text(config)
        (folder / "accounts").write_text((account or f"<sip:{user}@127.0.0.1:{sip}>;regint=0;answermode={mode}") + "\n")
        (folder / "contacts").write_text("".join(f'"{uri}" <{uri}>\n' for uri in contacts))
        command = ["baresip", "-4", "-v", "-f", str(folder), "-t", str(LIFETIME)] + ["-s"] * trace
        phone = cls(await Process.spawn(folder, command), user, sip)
        try:
            await phone._connect(control)
        except BaseException:
            await phone.stop()
            raise
        return phone

    @property
    def uri(self) -> str:
        """Where to reach it."""
        return f"sip:{self.user}@127.0.0.1:{self.sip}"

    async def stop(self) -> None:
        """Quit, which finishes the recordings; then make sure."""
        if self._writer is not None:
            with suppress(OSError):
                self._writer.write(netstring({"command": "quit"}))
                await self._writer.drain()
            with suppress(PeerError):
                await self.process.finish(2)
            self._writer.close()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        await self.process.stop()

    # What a person does with a phone

    async def dial(self, uri: str, timeout: float = 8) -> Event:
        """Call, and return when the other end has picked up."""
        since = self.mark()
        await self.command("dial", uri)
        return await self.until("CALL_ESTABLISHED", timeout, since=since)

    async def answer(self, timeout: float = 8) -> Event:
        """Wait for a call that rings and pick up."""
        await self.until("CALL_INCOMING", timeout, since=self._answered)
        self._answered = since = self.mark()
        await self.command("accept")
        return await self.until("CALL_ESTABLISHED", timeout, since=since)

    async def hangup(self, timeout: float = 8) -> Event:
        """End the call, or refuse the one that rings (486), and return when it is closed."""
        since = self.mark()
        await self.command("hangup")
        return await self.until("CALL_CLOSED", timeout, since=since)

    async def press(self, keys: str, each: float = 0.3) -> None:
        """Press keys, one every `each` seconds, as RFC 4733 events."""
        for key in keys:
            await self.command("sndcode", key)
            await asyncio.sleep(each)

    async def hold(self) -> None:
        """Put the call on hold: a re-INVITE with `a=sendonly`."""
        await self.command("hold")

    async def resume(self) -> None:
        """Take the call back."""
        await self.command("resume")

    async def transfer(self, uri: str) -> None:
        """Send the other end elsewhere: a blind REFER."""
        await self.command("transfer", uri)

    async def say(self, path: Path) -> None:
        """Go on with another file in the middle of a call."""
        await self.command("ausrc", f"aufile,{path}")

    async def message(self, text: str) -> None:
        """Send a SIP MESSAGE to the first of its contacts."""
        await self.command("contact_next")
        await self.command("message", text)

    def keys(self, since: int = 0) -> str:
        """Return the keys that the other end pressed."""
        return "".join(event.param for event in self.events[since:] if event.type == "CALL_DTMF_START")

    def recordings(self) -> list[Path]:
        """Return what it heard, a file for each call, the oldest first. Complete once the call is closed."""
        return sorted(self.process.folder.glob("dump-*-dec.wav"))

    async def hears(self, frequency: float, timeout: float = 15, last: float = 0.4) -> None:
        """Return once the `last` seconds of the call that is going on were this tone. Raises PeerError if it never was.

        A better clock than a sleep: what a test does next, it does while the caller really hears that tone.
        """
        heard = tones.Heard(0.0, 0.0, 0.0, 0.0)
        for _ in range(round(timeout / 0.1)):
            if recordings := self.recordings():
                samples, rate = tones.read_wav(recordings[-1])
                heard = tones.analyse(samples[-round(last * rate) :], rate)
                if heard.is_tone(frequency) and heard.seconds > last * 0.9:
                    return
            await asyncio.sleep(0.1)
        raise self.process.failure(f"{self.user}: did not hear {frequency} Hz in {timeout} s, the last was {heard}")

    # The control socket

    async def command(self, name: str, params: str | None = None, timeout: float = 5) -> str:
        """Give a command and return its answer. Raises PeerError when the phone refuses it."""
        assert self._writer is not None
        self._commands += 1
        token = str(self._commands)
        order = {"command": name, "token": token} | ({} if params is None else {"params": params})
        self._writer.write(netstring(order))
        await self._writer.drain()
        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(lambda: token in self._replies), timeout)
            except TimeoutError:
                raise self.process.failure(f"{self.user}: no answer to the command {name}") from None
        reply = self._replies.pop(token)
        if not reply.get("ok"):
            raise self.process.failure(f"{self.user}: {name} {params or ''}: {reply.get('data')}")
        return str(reply.get("data", ""))

    def mark(self) -> int:
        """Return the number of events so far, to ask `until` and `keys` for later ones only."""
        return len(self.events)

    async def until(self, kind: str, timeout: float = 8, *, since: int = 0) -> Event:
        """Return the first event of a kind from `since` on, waiting for it. Raises PeerError when it does not come."""

        def found() -> Event | None:
            return next((event for event in self.events[since:] if event.type == kind), None)

        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(lambda: found() is not None), timeout)
            except TimeoutError:
                seen = " ".join(event.type for event in self.events[since:]) or "nothing"
                raise self.process.failure(f"{self.user}: no {kind} in {timeout} s, but {seen}") from None
        event = found()
        assert event is not None
        return event

    async def _connect(self, port: int) -> None:
        for _ in range(100):
            if self.process.ended:
                break
            try:
                reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                self._reader = asyncio.create_task(self._read(reader))
                return
        raise self.process.failure(f"{self.user}: did not start")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = int((await reader.readuntil(b":"))[:-1])
                body = (await reader.readexactly(size + 1))[:-1]
                try:
                    news = json.loads(body, strict=False)
                except ValueError:
                    # This version does not escape every string it reports.
                    news = {"type": "UNREADABLE", "param": body.decode(errors="replace")}
                async with self._news:
                    if news.get("response"):
                        self._replies[str(news.get("token"))] = news
                    else:
                        self.events.append(Event(str(news.get("type")), str(news.get("param", "")), news))
                    self._news.notify_all()


def netstring(value: dict[str, Any]) -> bytes:
    """Return JSON the way the control socket frames it: its length, a colon, the text, a comma."""
    body = json.dumps(value).encode()
    return b"%d:%s," % (len(body), body)


def modules() -> Path:
    """Return the folder of baresip's modules: distributions put it in different places."""
    for folder in (Path("/usr/lib/baresip/modules"), *Path("/usr/lib").glob("*/baresip/modules")):
        if folder.is_dir():
            return folder
    raise PeerError("baresip is installed without its modules: apt-get install baresip-core")
