"""The SMSC of `ringback bench messages`: made of smpp34, so that Ringback's own SMPP is not measured twice."""

import asyncio
import socket
from collections import Counter
from typing import Final, Self

import smpp34

from ringback.app.bench.media.errors import BenchError
from ringback.app.processes import free_port

_PATIENCE: Final = 30.0
"""Seconds for the server to bind."""
_TRIES: Final = 5
_PAUSE: Final = 0.2
"""Seconds until a receipt that was not taken is sent again."""


class Smsc:
    """An SMSC that takes everything, and tells that it was delivered."""

    def __init__(self) -> None:
        self.port = free_port(socket.SOCK_STREAM)
        self.texts: Counter[bytes] = Counter()
        """How often each text was submitted."""
        self._server = smpp34.Server("127.0.0.1", self.port, system_id="smsc")
        self._sessions: dict[str, smpp34.Esme] = {}
        self._bound = asyncio.Event()
        self._group = asyncio.TaskGroup()
        self._serving: asyncio.Task[None] | None = None
        self._count = 0

    async def __aenter__(self) -> Self:
        await self._server.start()
        await self._group.__aenter__()
        self._serving = self._group.create_task(self._serve())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._serving is not None:
            self._serving.cancel()
        await self._group.__aexit__(None, None, None)
        await self._server.stop()

    async def bound(self) -> None:
        """Wait until somebody has bound. Raises BenchError."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._bound.wait()
        except TimeoutError:
            raise BenchError(f"the server did not bind to the SMSC within {_PATIENCE:g} s") from None

    async def _serve(self) -> None:
        while True:
            event = await self._server.next()
            if isinstance(event, smpp34.Esme):
                self._sessions[event.session_id] = event
                self._bound.set()
            elif isinstance(event, smpp34.SubmitSmEvent):
                self._count += 1
                self.texts[event.short_message] += 1
                event.accept(f"{self._count:x}")
                self._group.create_task(self._report(event, f"{self._count:x}"))
            else:
                self._sessions.pop(event.session_id, None)

    async def _report(self, event: smpp34.SubmitSmEvent, identifier: str) -> None:
        esme = self._sessions.get(event.session_id)
        text = (
            f"id:{identifier} sub:001 dlvrd:001 submit date:2601011200 done date:2601011200 stat:DELIVRD err:000 text:"
        )
        for _ in range(_TRIES):
            if esme is None:
                return
            try:
                answer = await esme.deliver_sm(
                    event.source_addr, text.encode(), source_addr=event.destination_addr, esm_class=4
                )
            except smpp34.SmppError:
                return
            if answer.is_success:
                return
            await asyncio.sleep(_PAUSE)
