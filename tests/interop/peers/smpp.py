"""SMPP peers: an SMSC made of smpp34, kannel as an ESME, and smpplib as another."""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
import smpp34

from tests.interop.peers.process import Process, free_port


@dataclass
class Submitted:
    """A submit_sm that came."""

    id: str
    pdu: Any
    session: Any


class Smsc:
    """An SMSC on smpp34, whose session, window and codec have nothing of Ringback's.

    The end of a number steers it: 1 throttles twice, 2 is undeliverable, 3 is never answered at first, 4 does not
    exist, 5 gets its receipt as TLVs; any other is delivered.
    """

    def __init__(self, server: Any, port: int) -> None:
        self._server, self.port = server, port
        self.submitted: list[Submitted] = []
        self.sessions: list[Any] = []
        self.throttled = 0
        self._seen: dict[str, int] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._news = asyncio.Event()

    @classmethod
    async def start(cls) -> Self:
        """Listen on a free port of 127.0.0.1."""
        port = free_port()
        server = smpp34.Server("127.0.0.1", port, system_id="smsc")
        await server.start()
        smsc = cls(server, port)
        smsc._start(smsc._serve())
        return smsc

    async def stop(self) -> None:
        """Close everything."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.stop()

    async def until(self, true: Callable[[], bool], otherwise: str, timeout: float = 15) -> None:
        """Wait until something is true."""
        for _ in range(round(timeout / 0.05)):
            if true():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(otherwise)

    async def deliver(self, from_: str, to: str, text: bytes, **fields: Any) -> int:
        """Bring a message to the ESME; return the status that it answers."""
        answer = await self.sessions[-1].deliver_sm(
            to,
            text,
            source_addr=from_,
            source_addr_ton=1,
            source_addr_npi=1,
            dest_addr_ton=1,
            dest_addr_npi=1,
            **fields,
        )
        return int(answer.command_status)

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self) -> None:
        while True:
            event = await self._server.next()
            if isinstance(event, smpp34.Esme):
                self.sessions.append(event)
            elif isinstance(event, smpp34.SubmitSmEvent):
                self._take(event)
            else:
                self.sessions = [one for one in self.sessions if one.session_id != event.session_id]

    def _take(self, event: Any) -> None:
        to = event.destination_addr
        seen = self._seen[to] = self._seen.get(to, 0) + 1
        if to.endswith("4"):
            event.reject(smpp34.ESME_RINVDSTADR)
            return
        if to.endswith("1") and seen <= 2:
            self.throttled += 1
            event.reject(smpp34.ESME_RTHROTTLED)
            return
        submitted = Submitted(f"{len(self.submitted) + 1:x}", event, None)
        self.submitted.append(submitted)
        if to.endswith("3") and seen == 1:
            return  # taken, and the answer is lost
        event.accept(submitted.id)
        if event.registered_delivery & 1:
            self._start(self._report(event, submitted.id))

    async def _report(self, event: Any, identifier: str) -> None:
        to = event.destination_addr
        failed, bare = to.endswith("2"), to.endswith("5")
        state = "UNDELIV" if failed else "DELIVRD"
        dates = "submit date:2601011200 done date:2601011201"
        text = f"id:{identifier} sub:001 dlvrd:001 {dates} stat:{state} err:000 text:"
        session = next(one for one in self.sessions if one.session_id == event.session_id)
        with suppress(smpp34.SmppError):
            await session.deliver_sm(
                event.source_addr,
                b"" if bare else text.encode(),
                source_addr=to,
                esm_class=4,
                tlvs=[
                    smpp34.Tlv(0x1E, identifier.encode() + b"\0"),
                    smpp34.Tlv(0x427, bytes((5 if failed else 2,))),
                ]
                if bare
                else [],
            )


_CONFIGURATION = """\
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = adm
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
log-level = 0
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = ringback
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = {user}
smsc-password = {password}
system-type = ""
interface-version = 34
enquire-link-interval = 5
reconnect-delay = 1
source-addr-ton = 1
source-addr-npi = 1
dest-addr-ton = 1
dest-addr-npi = 1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box}
sendsms-port = {send}
sendsms-interface = 127.0.0.1
log-level = 0

group = sendsms-user
username = u
password = p
max-messages = 10
concatenation = true

group = sms-service
keyword = default
max-messages = 0
concatenation = true
assume-plain-text = true
get-url = "{get_url}/mo?from=%p&to=%P&text=%b&coding=%c&udh=%u&charset=%C"
"""


class Kannel:
    """kannel as an ESME: bearerbox and smsbox, bound to an SMSC."""

    def __init__(self, folder: Path, processes: list[Process], admin: int, send: int, get_url: str) -> None:
        self.folder, self.processes, self._admin, self._send, self._get_url = folder, processes, admin, send, get_url

    @classmethod
    async def start(cls, folder: Path, smsc: int, user: str, password: str, get_url: str) -> Self:
        """Start both boxes and wait until they are bound to the SMSC."""
        folder.mkdir(parents=True)
        admin, box, send = free_port(), free_port(), free_port()
        configuration = folder / "kannel.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                admin=admin, box=box, send=send, smsc=smsc, user=user, password=password, get_url=get_url
            )
        )
        processes = [await Process.spawn(folder / "bearerbox", ["bearerbox", "-v", "0", str(configuration)])]
        made = cls(folder, processes, admin, send, get_url)
        try:
            await made._until("running")
            processes.append(await Process.spawn(folder / "smsbox", ["smsbox", "-v", "0", str(configuration)]))
            await made._until(r"\(online|online \d+s")
            await made._until("smsbox")
        except BaseException:
            await made.stop()
            raise
        return made

    async def stop(self) -> None:
        """End both boxes."""
        for process in reversed(self.processes):
            await process.stop(patience=8)

    async def send(self, from_: str, to: str, text: str, **fields: str) -> str:
        """Have a message sent, with a delivery report to the application."""
        query = {
            "username": "u",
            "password": "p",
            "from": from_,
            "to": to,
            "text": text,
            "charset": "UTF-8",
            "dlr-mask": "31",
            "dlr-url": f"{self._get_url}/dlr?type=%d&to={to}",
            **fields,
        }
        return await self._get(f"http://127.0.0.1:{self._send}/cgi-bin/sendsms?{urlencode(query)}")

    async def _until(self, pattern: str, timeout: float = 20) -> None:
        status = ""
        for _ in range(round(timeout / 0.1)):
            with suppress(aiohttp.ClientError):
                status = await self._get(f"http://127.0.0.1:{self._admin}/status.txt?password=adm")
                if re.search(pattern, status):
                    return
            await asyncio.sleep(0.1)
        raise self.processes[-1].failure(f"kannel never was {pattern!r}:\n{status}")

    async def _get(self, url: str) -> str:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return await answer.text()
