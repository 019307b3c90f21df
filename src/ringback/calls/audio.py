"""The audio of one leg: what was agreed on with the peer (RFC 3264), and the media leg that it is carried by."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ringback.media.client import Media
from ringback.media.leg import LegFormat, LegListener, MediaLeg, SrtpKeys
from ringback.model import events
from ringback.sip import sdes, sdp
from ringback.sip.sdes import SrtpPolicy

CODECS: Final = ("PCMU", "PCMA")
Note = Callable[..., None]
"""Puts an event into the timeline: a kind of `ringback.model.events` and its data."""


@dataclass(frozen=True, slots=True)
class AudioSettings:
    """How audio is negotiated."""

    address: str | None = None
    """Shown in place of the media worker's own address (a host behind NAT)."""
    srtp: SrtpPolicy = "off"
    quiet_seconds: float = 30.0


class LegAudio:
    """Negotiates and holds a media leg. Raises MediaError where none can be had and SdpError for what does not fit."""

    def __init__(
        self,
        media: Media,
        listener: LegListener,
        settings: AudioSettings,
        note: Note,
        entropy: Callable[[int], bytes],
        over: Callable[[], bool],
    ) -> None:
        """`over` tells whether the call has ended meanwhile: a media leg that comes too late is given back."""
        self._media = media
        self._listener = listener
        self._settings = settings
        self._srtp = settings.srtp
        self._note = note
        self._entropy = entropy
        self._over = over
        self._ours: bytes | None = None
        self._offered: bytes | None = None
        self._codecs: tuple[str, ...] = CODECS
        self._agreed: sdes.Agreed | None = None
        self.leg: MediaLeg | None = None
        """None before it is needed, and after the end."""
        self.on_hold = False
        """Whether the peer does not want to hear us."""
        self.hold_changed = asyncio.Event()
        """Set when that has changed; whoever waits for it clears it."""
        self.keys_by = "rfc4733"
        """How the peer's keys come."""

    def policy(self, srtp: SrtpPolicy, codecs: tuple[str, ...] = CODECS) -> None:
        """Say how encryption is handled from now on, and which codecs may be used, the preferred one first."""
        self._srtp = srtp
        self._codecs = codecs

    async def open(self, near: MediaLeg | None = None) -> bool:
        """Take a media leg, in the same worker as `near` if that can be; False where the call ended meanwhile."""
        if self.leg is None:
            leg = await self._media.open(self._listener, near=near)
            if self._over():
                await leg.close()
                return False
            self.leg = leg
        return not self._over()

    async def answer(self, offer: bytes | None) -> bytes:
        """Our side of the session: the answer to an offer, or an offer of ours where the peer made none."""
        if not await self.open():
            return b""
        if offer is None:
            return self.offer()
        host, port = self._here()
        entropy = self._random()
        srtp = self._srtp
        description, agreed = sdp.answer(
            offer, host, port, previous=self._ours, srtp=srtp, codecs=self._codecs, entropy=entropy, agreed=self._agreed
        )
        await self._setup(agreed)
        self._ours = description
        return description

    def offer(self, direction: sdp.Direction = "sendrecv") -> bytes:
        """An offer of ours; `accept` takes the answer. The media leg must have been opened."""
        host, port = self._here()
        srtp, entropy = self._srtp, self._random()
        self._offered = self._ours = sdp.offer(
            host, port, previous=self._ours, codecs=self._codecs, srtp=srtp, entropy=entropy, direction=direction
        )
        return self._offered

    @property
    def offering(self) -> bool:
        """Whether an offer of ours has no answer yet."""
        return self._offered is not None

    async def accept(self, answer: bytes, *, offered: bytes | None = None, final: bool = True) -> None:
        """Take the answer to our offer; one that is not `final` (early media) may be followed by another.

        `offered` tells which offer that was, where several are out; the last one otherwise.
        """
        offered = offered or self._offered
        if offered is None:
            return
        agreed = sdp.accept_answer(offered, answer, srtp=self._srtp)
        if final:
            self._offered, self._ours = None, offered
        await self._setup(agreed)

    def lost(self) -> None:
        """The media worker died."""
        self.leg = None

    async def close(self) -> dict[str, float]:
        """Give the media leg back and return its figures."""
        leg, self.leg = self.leg, None
        return {} if leg is None else await leg.close()

    def _random(self) -> bytes:
        return b"" if self._srtp == "off" else self._entropy(sdes.ENTROPY_BYTES)

    def _here(self) -> tuple[str, int]:
        assert self.leg is not None, "a media leg comes before its description"
        host, port = self.leg.address
        return self._settings.address or host, port

    async def _setup(self, agreed: sdp.Negotiated) -> None:
        leg = self.leg
        if leg is None:
            # It went with the call, which has ended.
            return
        if self.on_hold != agreed.on_hold:
            self.on_hold = agreed.on_hold
            self.hold_changed.set()
        self.keys_by = "tone" if agreed.telephone_event is None else "rfc4733"
        self._agreed = agreed.crypto
        await leg.setup(
            LegFormat(
                remote=agreed.remote,
                payload_type=agreed.payload_type,
                payload_types={agreed.payload_type: agreed.codec},
                telephone_event=agreed.telephone_event,
                packet_ms=agreed.send_ptime_ms,
                sends=not agreed.on_hold,
                quiet_seconds=self._settings.quiet_seconds,
                srtp=_keys(agreed.crypto),
                rtcp="mux" if agreed.rtcp_mux else "port",
                rtcp_remote=agreed.rtcp,
            )
        )
        if self._over():
            return
        told: dict[str, Any] = {"srtp": agreed.crypto.suite} if agreed.crypto else {}
        self._note(
            events.MEDIA_START,
            codec=agreed.codec,
            local="{}:{}".format(*leg.address),
            remote="{}:{}".format(*agreed.remote),
            ptime_ms=agreed.send_ptime_ms,
            on_hold=agreed.on_hold,
            **told,
        )


def _keys(agreed: sdes.Agreed | None) -> SrtpKeys | None:
    if agreed is None:
        return None
    return SrtpKeys(agreed.suite, key_in=agreed.remote_key, key_out=agreed.local_key, mki=agreed.remote_mki)
