"""Ringback as its users run it: `ringback serve`, in a process of its own."""

import asyncio
import re
import secrets
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from ringback.model.records import CallEvent, CallRecord, IncomingNumber
from ringback.model.sids import NUMBER, make_sid
from ringback.model.status import ApiVersion
from ringback.storage.database import Database
from tests.interop.peers.process import Process, free_port

MEDIA_PORTS = 200


class Ringback:
    """A running server and its database."""

    def __init__(self, process: Process, port: int, database: Database) -> None:
        self.process = process
        self.port = port
        self.database = database
        self.http = ""
        """Where the REST API is: `http://127.0.0.1:8080`."""

    @classmethod
    async def start(cls, folder: Path, settings: Mapping[str, str] | None = None) -> Self:
        """Start a server whose store is in `folder`, with further `settings`: `{"calls.max_concurrent": "2"}`."""
        folder.mkdir(parents=True, exist_ok=True)
        media = free_port(MEDIA_PORTS)
        chosen = {
            "storage.directory": str(folder),
            "sip.port": "0",  # whichever is free when it starts; it says which
            "http.port": "0",
            "media.port_min": str(media),
            "media.port_max": str(media + MEDIA_PORTS - 2),
            **(settings or {}),
        }
        variables = {f"RINGBACK_{name.replace('.', '__').upper()}": value for name, value in chosen.items()}
        database = await Database.open(folder / "ringback.db")
        process = await Process.spawn(folder, [sys.executable, "-m", "ringback", "serve"], variables)
        server = cls(process, 0, database)
        try:
            # Its last word before it takes calls.
            await process.until(lambda: "ready" in process.log().splitlines(), "ringback serve did not start", 60)
            (said,) = re.findall(r"^SIP +127\.0\.0\.1:(\d+)", process.log(), re.MULTILINE)
            server.port = int(said)
            (server.http,) = re.findall(r"^REST +(http://[^/]+)/", process.log(), re.MULTILINE)
        except BaseException:
            await server.stop()
            raise
        return server

    async def stop(self) -> None:
        """Stop it as an operator would."""
        await self.database.close()
        await self.process.stop(patience=10)

    def uri(self, number: str) -> str:
        """Return what to dial."""
        return f"sip:{number}@127.0.0.1:{self.port}"

    async def add_number(
        self, number: str, url: str, *, callback: str | None = None, version: ApiVersion = ApiVersion.V2010
    ) -> None:
        """Give it a number, the application behind it, and who is told of a call's end."""
        now = datetime.now(UTC)
        account = await self.database.accounts.ensure_default(now, secrets.token_bytes)
        await self.database.numbers.add(
            IncomingNumber(
                sid=make_sid(NUMBER, secrets.token_bytes(16)),
                account_sid=account.sid,
                phone_number=number,
                voice_url=url,
                voice_method="POST",
                voice_fallback_url=None,
                voice_fallback_method="POST",
                status_callback=callback,
                status_callback_method="POST",
                api_version=version,
                friendly_name=number,
                date_created=now,
            )
        )

    async def ended(self, count: int = 1, timeout: float = 10) -> list[CallRecord]:
        """Wait until `count` calls are over and written down, and return their records, the latest first."""
        for _ in range(round(timeout / 0.1)):
            over = [call for call in await self.database.calls.list(limit=count + 50) if call.status.final]
            if len(over) >= count:
                return over
            await asyncio.sleep(0.1)
        raise self.process.failure(f"fewer than {count} calls were over within {timeout} s")

    async def timeline(self, call: CallRecord) -> list[CallEvent]:
        """Return the events of a call."""
        return [stored.event for stored in await self.database.events.of_call(call.sid)]
