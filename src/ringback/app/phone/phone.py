"""A telephone: one SIP socket, any number of calls.

async with Phone() as phone:
    call = await phone.call("+15550100001")
    await call.run("~1")
    await call.ended()
    call.save("heard.wav")
"""

import asyncio
import random
import re
import socket
from collections.abc import Callable, Sequence
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from ringback.app.phone.call import PhoneCall
from ringback.app.phone.errors import NoServer, PhoneError
from ringback.app.phone.hearing import Hearing
from ringback.app.phone.line import Line
from ringback.app.phone.media import Media
from ringback.app.phone.notes import Note
from ringback.media.g711 import CODECS
from ringback.sip import events as sip
from ringback.sip import sdp
from ringback.sip.endpoint import Endpoint
from ringback.sip.net.transport import SipTransport
from ringback.sip.net.udp import local_host_towards

SERVER: Final = ("127.0.0.1", 5060)
FROM: Final = "+15550100"
LONGEST_RECORDING: Final = 3600.0
_LEAVE_SECONDS: Final = 1.0
_USER = re.compile(r"[A-Za-z0-9+*#._\-]{1,64}")


class Phone:
    """Makes calls from one address of this machine. Use as `async with`; leaving it hangs up."""

    def __init__(self, host: str = "127.0.0.1", *, rng: random.Random | None = None) -> None:
        """`host` is the IPv4 address that the phone has; 127.0.0.1 reaches servers on this machine only."""
        self.host = host
        self._rng = rng or random.SystemRandom()
        self._endpoint = Endpoint(rng=self._rng, user_agent="Ringback phone", allowed=lambda flow: False)
        self._lines: dict[sip.DialogId, Line] = {}

    async def __aenter__(self) -> Self:
        self._clock = asyncio.get_running_loop().time
        self._transport = SipTransport(self._endpoint, self._clock, self._on_event)
        try:
            await self._transport.listen(self.host, 0, udp=True, tcp=False)
        except OSError as error:
            raise PhoneError(f"the phone cannot listen at {self.host}: {error.strerror}") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        lines = list(self._lines.values())
        for line in lines:
            line.leave()
        try:
            # The last word of a call should arrive, but nobody waits long for a server that is gone.
            async with asyncio.timeout(_LEAVE_SECONDS):
                await asyncio.gather(*(line.quiet.wait() for line in lines))
        except TimeoutError:
            pass
        finally:
            for line in lines:
                line.close()
            await self._transport.close()

    async def call(
        self,
        number: str,
        *,
        server: tuple[str, int] = SERVER,
        transport: str = "UDP",
        from_user: str = FROM,
        codec: str | None = None,
        say: NDArray[np.int16] | None = None,
        on_note: Callable[[Note], None] = lambda note: None,
        server_timeout: float = 5.0,
        answer_timeout: float = 60.0,
        record_seconds: float = LONGEST_RECORDING,
        headers: Sequence[tuple[str, str]] = (),
    ) -> PhoneCall:
        """Call a number and return the call when it is answered.

        `transport` is UDP or TCP; `codec` is PCMU or PCMA, or None to offer both, µ-law first. `say` (int16, 8000 a
        second) is sent after the answer, then silence.
        `server_timeout` bounds the wait for any sign of a server, `answer_timeout` that for the answer, both in
        seconds; `record_seconds` the memory that the recording may take (16 kB each). Cancelling takes the call back.
        Raises NoServer, CallRefused, or PhoneError for anything else that is in the way.
        """
        for text in (number, from_user):
            if not _USER.fullmatch(text):
                raise PhoneError(f"{text!r} cannot be called from or to: a number has digits, letters and + * # . _ -")
        if transport not in ("UDP", "TCP") or codec not in (None, *CODECS):
            raise PhoneError(f"a call goes over UDP or TCP, as PCMU or PCMA, not over {transport}, as {codec}")
        host, port = await self._address(server), server[1]
        try:
            flow = await self._transport.connect_flow(transport, host, port)
        except (OSError, ValueError) as error:
            raise NoServer(host, port, transport, _why(error)) from error
        try:
            media = Media(self.host, Hearing(record_seconds), asyncio.get_running_loop())
        except OSError as error:
            raise PhoneError(f"the phone finds no port for audio at {self.host}: {error}") from error
        media.listen_to(host)
        offer = sdp.offer(self.host, media.port, codecs=[codec] if codec else list(CODECS))
        line = Line(self._endpoint, self._clock, self._rng, number, media, offer, say, on_note)
        target = f"sip:{number.replace('#', '%23')}@{host}:{port}" + (";transport=tcp" if transport == "TCP" else "")
        try:
            line.id = self._endpoint.invite(
                target,
                flow,
                from_uri=f"sip:{from_user.replace('#', '%23')}@{self.host}",
                sdp=offer,
                now=self._clock(),
                headers=headers,
            )
        except ValueError as error:
            media.close()
            raise PhoneError(f"{number} cannot be called: {error}") from error
        self._lines[line.id] = line
        line.call.note("calling", number=number, server=f"{host}:{port}", transport=transport)
        try:
            await line.wait_for_server(server_timeout, NoServer(host, port, transport, f"waited {server_timeout:g} s"))
            await line.wait_for_answer(answer_timeout)
        except BaseException:
            line.leave()
            media.close()
            raise
        return line.call

    async def _address(self, server: tuple[str, int]) -> str:
        host = await address_of(server[0])
        if self.host.startswith("127.") and not host.startswith("127."):
            raise PhoneError(
                f"a phone at {self.host} cannot reach {host}", "give it an address of this machine's network"
            )
        return host

    def _on_event(self, event: sip.Event) -> None:
        call = getattr(event, "call", None)
        if isinstance(event, sip.IncomingCall) or call is None:
            return
        line = self._lines.get(call)
        if line is not None:
            line.on_event(event)
            if line.finished:
                del self._lines[call]


async def address_of(host: str) -> str:
    """Return the IPv4 address of a host. Raises PhoneError where there is none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise PhoneError(f"there is no host {host!r}: {_why(error)}") from error
    return str(found[0][4][0])


async def address_towards(host: str) -> str:
    """Return the address of this machine from which a phone reaches a host. Raises PhoneError."""
    return local_host_towards(await address_of(host))


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the connection was not opened in time"
    return getattr(error, "strerror", None) or str(error)
