"""A line of the phone: a call from its INVITE on, between the SIP core and whoever made it."""

import asyncio
import random
import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ringback.app.phone.call import PhoneCall
from ringback.app.phone.errors import CallRefused, NoServer, PhoneError
from ringback.app.phone.media import Media
from ringback.app.phone.notes import End, Note
from ringback.app.phone.speaking import Speaking
from ringback.media.g711 import CODECS
from ringback.sip import events as sip
from ringback.sip import sdp
from ringback.sip.endpoint import Endpoint


class Line:
    """Turns what the SIP core tells of one call into audio, futures and notes."""

    id: sip.DialogId

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float],
        rng: random.Random,
        number: str,
        media: Media,
        offer: bytes,
        say: NDArray[np.int16] | None,
        on_note: Callable[[Note], None],
    ) -> None:
        self._endpoint, self._clock, self._rng = endpoint, clock, rng
        self._media, self._description, self._say = media, offer, say
        self.call = PhoneCall(number, media, clock, self, on_note)
        self.quiet = asyncio.Event()
        """Set when nothing is to be sent or expected any more."""
        self._over = False
        self._server: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # -- what the call asks ---------------------------------------------------------------------------------------

    def bye(self) -> None:
        """Hang up, or take the call back."""
        self._endpoint.bye(self.id, self._clock())

    def info(self, content_type: str, body: bytes) -> None:
        """Send an INFO request."""
        self._endpoint.info(self.id, content_type, body, self._clock())

    @property
    def finished(self) -> bool:
        """True when the SIP core will not tell of this call again."""
        return self._over and self.quiet.is_set()

    def leave(self) -> None:
        """Hang up, and expect an answer to that only from a server that has ever said anything."""
        self._answer.cancel()
        self.bye()
        if not self._server.done():
            self.quiet.set()

    def close(self) -> None:
        """Stop the audio."""
        self._media.close()
        for future in (self._server, self._answer):
            future.cancel()

    async def wait_for_server(self, timeout: float, error: NoServer) -> None:
        """Wait until the server has said anything; raise the error if it did not, or its connection was lost."""
        await asyncio.wait([self._server, self._answer], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if not self._server.done():
            raise error

    async def wait_for_answer(self, timeout: float) -> None:
        """Wait until the call is answered. Raises what is in the way."""
        await asyncio.wait([self._answer], timeout=timeout)
        if not self._answer.done():
            raise PhoneError(f"{self.call.number} was not answered within {timeout:g} s")
        self._answer.result()

    # -- what the SIP core tells ----------------------------------------------------------------------------------

    def on_event(self, event: sip.Event) -> None:
        """Take an event of this call."""
        match event:
            case sip.Trace():
                self._traced(event)
            case sip.Ringing():
                self.call.note("ringing", code=event.code)
            case sip.Answered():
                self._answered(event.sdp)
            case sip.Refused():
                self._over = True
                self.quiet.set()
                self._fail(CallRefused(event.code, event.reason, self.call.number))
            case sip.Reinvite():
                self._reinvited(event.sdp)
            case sip.Acknowledged() if event.sdp is not None:
                self._accept(event.sdp)
            case sip.Ended():
                self._ended(event)

    def _traced(self, event: sip.Trace) -> None:
        if event.direction == "out":
            return
        if not self._server.done():
            self._server.set_result(None)
        if event.line.startswith("SIP/2.0 1"):
            return
        if event.cseq.endswith(" INFO"):
            self.call.info_answered(event.line)
        elif event.cseq.endswith(" BYE") or (event.cseq.endswith(" INVITE") and not event.line.startswith("SIP/2.0 2")):
            self.quiet.set()

    def _answered(self, answer: bytes | None) -> None:
        try:
            if answer is None:
                raise sdp.SdpError("there is none")
            agreed = sdp.accept_answer(self._description, answer)
        except sdp.SdpError as error:
            self._fail(PhoneError(f"the server's answer has no session description that can be used: {error}"))
            self.bye()
            return
        speaking = Speaking(
            self._rng.getrandbits(32),
            self._rng.getrandbits(16),
            self._rng.getrandbits(32),
            codec=CODECS[agreed.codec],
            payload_type=agreed.payload_type,
            event_type=agreed.telephone_event,
        )
        if self._say is not None:
            speaking.say(self._say)
        self._media.start(agreed.remote, speaking)
        self._agree(agreed)
        self.call.answered(agreed.codec, "events" if agreed.telephone_event is not None else "tones")
        if not self._answer.done():
            self._answer.set_result(None)

    def _agree(self, agreed: sdp.Negotiated) -> None:
        """Send where the server wants it, unless it holds the call; hear what it may send."""
        hearing = self._media.hearing
        hearing.codecs[agreed.payload_type] = CODECS[agreed.codec]
        hearing.event_type = agreed.telephone_event
        self._media.turn_to(None if agreed.on_hold else agreed.remote)

    def _reinvited(self, offer: bytes | None) -> None:
        try:
            if offer is None:
                description = sdp.offer(self._media.host, self._media.port, previous=self._description)
            else:
                description, agreed = sdp.answer(offer, self._media.host, self._media.port, previous=self._description)
                self._agree(agreed)
                self.call.note("hold", on=agreed.on_hold)
        except sdp.SdpError as error:
            self._endpoint.reject_reinvite(self.id, error.status, self._clock())
            return
        self._description = description
        self._endpoint.answer_reinvite(self.id, description, self._clock())

    def _accept(self, answer: bytes) -> None:
        """Take the answer to the offer that a re-INVITE without one had asked for."""
        try:
            self._agree(sdp.accept_answer(self._description, answer))
        except sdp.SdpError:
            # No session is left to speak in.
            self.bye()

    def _ended(self, event: sip.Ended) -> None:
        lost = event.cause in ("unreachable", "transport", "ack-timeout")
        end = End("network" if lost else "them" if event.remote else "us", _told(event.reason))
        self._over = True
        if event.remote:
            self.quiet.set()
        self._fail(PhoneError(f"the call was taken back: {end}"))
        self.call.over(end)

    def _fail(self, error: PhoneError) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)


def _told(reason: str) -> str:
    """Return what a Reason header (RFC 3326) says in words, else the whole of it."""
    text = re.search('text="([^"]*)"', reason)
    return text[1] if text else reason
