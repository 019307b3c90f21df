"""One leg of audio, as the control process sees it."""

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ringback.media.recording import MediaRecording, RecordingOptions
from ringback.media.tone_clips import ToneKind
from ringback.model.audio import Clip


class MediaError(Exception):
    """Audio cannot be had for a call; the text says why and what to do."""


RtcpMode = Literal["off", "port", "mux"]


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """What a leg is encrypted with (RFC 3711): master keys with their salts, 30 bytes each. `repr` does not show them.

    `suite` is one of `ringback.rtp.srtp.SUITES`; `mki` is how the peer names its key in each packet, mostly not at all.
    """

    suite: str
    key_in: bytes = field(repr=False)
    """The peer's: what it sends is decrypted with it."""
    key_out: bytes = field(repr=False)
    """Ours."""
    mki: bytes = b""

    def as_dict(self) -> dict[str, str]:
        """As the worker is told."""
        keys = {"key_in": self.key_in, "key_out": self.key_out, "mki": self.mki}
        return {"suite": self.suite} | {name: base64.b64encode(key).decode() for name, key in keys.items()}


@dataclass(frozen=True, slots=True)
class LegFormat:
    """What was negotiated: `payload_types` maps payload types to "PCMU" or "PCMA"; `packet_ms` is what we send.

    Without `srtp` RTP is plain. `rtcp` says where reports are exchanged: nowhere, on a port of their own (ours is the
    one above that of RTP), or on the port of RTP (RFC 5761); `rtcp_remote` is where the peer expects them, by default
    the port above its RTP.
    """

    remote: tuple[str, int]
    payload_type: int
    payload_types: dict[int, str]
    telephone_event: int | None
    packet_ms: int = 20
    sends: bool = True
    quiet_seconds: float = 0.0
    srtp: SrtpKeys | None = None
    rtcp: RtcpMode = "off"
    rtcp_remote: tuple[str, int] | None = None


class LegListener(Protocol):
    """Who is told what happens on a leg. All methods are called on the event loop and must not block."""

    def on_key(self, key: str) -> None:
        """The peer pressed a key."""

    def on_quiet(self, times: int) -> None:
        """No packet has come for `quiet_seconds`, `times` in a row."""

    def on_lost(self) -> None:
        """The worker died: the leg is gone."""


class LegObserver:
    """Told of what only some want to know of a leg; it ignores everything until a method is overridden."""

    def on_talking(self, talking: bool) -> None:
        """In a room where this leg is watched: the peer began or stopped to talk."""

    def on_voice(self, speaking: bool) -> None:
        """Where `detect_voice` asked for it: the peer's voice began or ended. Music and tones are no voice."""

    def on_mark(self, name: str) -> None:
        """All that was fed before this mark has been played, or cleared."""

    def on_audio(self, heard: bool, samples: NDArray[np.int16]) -> None:
        """20 ms of a leg that is tapped: what the peer said (`heard`), or what it hears."""


class MediaLeg(Protocol):
    """The audio of one call leg. After it is lost or closed every method does nothing."""

    observer: LegObserver
    """Told who talks, whose voice is heard, which marks are reached, and what is tapped: to be replaced."""

    @property
    def address(self) -> tuple[str, int]:
        """Where this leg receives RTP."""
        ...

    async def setup(self, leg_format: LegFormat) -> None:
        """Apply what was negotiated, at the beginning or anew."""
        ...

    async def play(self, clip: Clip, loop: int) -> None:
        """Play `loop` times (0: until cancelled), and return when the last frame has gone out.

        Cancelling stops it with the next frame. Another play takes its place, and then it returns. Raises MediaError
        where the clip cannot be had.
        """
        ...

    async def press(self, keys: str) -> None:
        """Press keys, after those that are being pressed; return when the last has gone out.

        Cancelling does not take them back. Raises MediaError for what is no key.
        """
        ...

    async def tone(self, kind: ToneKind, *, country: str = "us", loop: int = 1) -> None:
        """Play a tone of a country (`ringback.media.tones.COUNTRIES`), a beep, or music; otherwise as `play`.

        Once is one period of its cadence. Raises MediaError for a country without tones.
        """
        ...

    async def join(self, room: int, *, watched: bool = False) -> None:
        """Hear and be heard in a room (`Media.room`), wherever its other members live.

        `watched` lets the observer know when this leg begins and stops to talk. What is played to a member comes on top
        of what it hears. Raises MediaError when the room is full, or the leg in another.
        """
        ...

    async def leave(self) -> None:
        """Leave the room; nothing happens in none. Muting, holding and coaching end with it."""
        ...

    async def mute(self, muted: bool) -> None:
        """In its room: hear, and be heard or not."""
        ...

    async def hold(self, held: bool) -> None:
        """In its room: neither hear nor be heard, or come back. What is played is all that a held member hears."""
        ...

    async def coach(self, member: "MediaLeg | None") -> None:
        """In its room: hear all, and be heard by one member alone, or (None) by all again."""
        ...

    async def record(self, path: Path, options: RecordingOptions) -> MediaRecording:
        """Record into a new file, from now on or after the beep. Raises MediaError where the worker refuses.

        Whatever goes wrong later is told by `MediaRecording.done`; so it is on a leg that has gone ("closed", 0 s).
        """
        ...

    async def detect_voice(self, wanted: bool) -> None:
        """Tell the observer when the peer's voice begins and ends, or do so no longer. It is told some 100 ms later."""
        ...

    async def feed(self, samples: NDArray[np.int16], mark: str | None = None) -> None:
        """Play samples after those that were fed before; report `mark` when they have been played.

        Raises MediaError when more than two minutes wait.
        """
        ...

    async def clear_feed(self) -> None:
        """Forget what was fed and not played yet; its marks are reported."""
        ...

    async def tap(self, *, heard: bool, said: bool) -> None:
        """Let the observer have each 20 ms of what the peer says, of what it hears, of both or of neither."""
        ...

    async def close(self) -> dict[str, float]:
        """Give the leg back and return its figures (`ringback.media.stats.LegStats`)."""
        ...
