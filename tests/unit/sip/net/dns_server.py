"""A name server on loopback: a zone of texts, over UDP and TCP, that can be told to fail."""

import asyncio
from collections import Counter
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class DnsServer(asyncio.DatagramProtocol):
    """`zone` has texts as in a zone file, by `("A", "example.com.")`. Use as `async with`."""

    def __init__(self, zone: dict[tuple[str, str], list[str]], *, ttl: int = 300) -> None:
        self.zone = zone
        self.ttl = ttl
        self.asked: Counter[str] = Counter()
        self.silent = self.failing = self.truncates = False

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for _ in range(50):
            self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
            self.port: int = self._transport.get_extra_info("sockname")[1]
            try:
                self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            except OSError:
                self._transport.close()
            else:
                return self
        raise OSError("no port is free over both UDP and TCP")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close()
        self._server.close()
        await self._server.wait_closed()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.silent:
            self._transport.sendto(self.answer(data, self.truncates), addr)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        answer = self.answer(await reader.readexactly(size), False)
        writer.write(len(answer).to_bytes(2, "big") + answer)
        await writer.drain()
        writer.close()

    def answer(self, data: bytes, truncated: bool) -> bytes:
        """Answer a query."""
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = question.name.to_text(), question.rdtype
        self.asked[f"{kind.name} {name}"] += 1
        response = dns.message.make_response(query)
        if self.failing:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif truncated:
            response.flags |= dns.flags.TC
        elif texts := self.zone.get((kind.name, name)):
            response.answer.append(dns.rrset.from_text(name, self.ttl, "IN", kind, *texts))
        elif not any(key[1] == name for key in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()
