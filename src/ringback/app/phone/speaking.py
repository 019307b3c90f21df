"""The mouth of one call: the packet that is due every 20 ms, of silence, of sound, or of a key. Pure."""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media import g711
from ringback.media.arena import FRAME
from ringback.media.keypad import GAP_FRAMES, KEY_FRAMES, KeyPacket, Keypad, KeysSent
from ringback.rtp.packet import RtpPacket

KEY_HELD: Final = KEY_FRAMES * 0.02
"""Seconds for which a key is held down."""
KEY_GAP: Final = GAP_FRAMES * 0.02
"""Seconds between the release of a key and the word that it has been pressed."""


class Speaking:
    """Makes the RTP stream of a call (RFC 3550 §5.1): one packet a frame, and no frame without one."""

    def __init__(
        self, ssrc: int, sequence: int, timestamp: int, *, codec: int, payload_type: int, event_type: int | None
    ) -> None:
        """Begin a stream at numbers drawn at random (§5.1). Keys go as events, or as tones if `event_type` is None."""
        self._ssrc, self._sequence, self._timestamp = ssrc, sequence, timestamp
        self._codec, self._payload_type, self._event_type = codec, payload_type, event_type
        self._silence = bytes([g711.SILENCE[codec]]) * FRAME
        self._audio: deque[bytes] = deque()
        self._keypads: deque[Keypad] = deque()
        self._asked = 0
        self._begins = True
        self.down = 0
        """How many of the keys asked for have gone down."""
        self.pressed = 0
        """How many have been released again, gap included."""

    @property
    def sends_events(self) -> bool:
        """Whether keys go as telephone events; else they are tones."""
        return self._event_type is not None

    def say(self, samples: NDArray[np.int16]) -> None:
        """Say this (int16, 8000 a second) after what is still to be said; silence follows."""
        whole = -(-len(samples) // FRAME) * FRAME
        padded = np.zeros(whole, np.int16)
        padded[: len(samples)] = samples
        data = g711.encode(padded, self._codec)
        self._audio.extend(data[start : start + FRAME] for start in range(0, whole, FRAME))

    def press(self, key: str) -> int:
        """Press a key after those asked for before; return its number: `down` and `pressed` count up to it.

        Raises KeypadError where it is no key.
        """
        self._keypads.append(Keypad(0, 0, key, as_events=self._event_type is not None))
        self._asked += 1
        return self._asked

    def next(self) -> bytes:
        """Return the packet of this frame."""
        key = self._key()
        if isinstance(key, KeyPacket):
            packet = self._packet(self._event_type or 0, key.timestamp, key.payload, key.marker)
        else:
            audio = self._silence if not self._audio else self._audio.popleft()
            if key is not None:
                audio = g711.encode(key, self._codec)
            packet = self._packet(self._payload_type, self._timestamp, audio, self._begins)
            self._begins = False
        self._sequence = (self._sequence + 1) & 0xFFFF
        self.skip(1)
        return packet

    def skip(self, frames: int) -> None:
        """Let the media clock go on without sending: the machine was too busy for these frames."""
        self._timestamp = (self._timestamp + frames * FRAME) & 0xFFFFFFFF

    def _key(self) -> KeyPacket | NDArray[np.int16] | None:
        while self._keypads:
            now = self._keypads[0].next(self._timestamp)
            if not isinstance(now, KeysSent):
                self.down = self.pressed + 1
                return now
            self._keypads.popleft()
            self.pressed += 1
        return None

    def _packet(self, payload_type: int, timestamp: int, payload: bytes, marker: bool) -> bytes:
        return bytes(RtpPacket(payload_type, self._sequence, timestamp, self._ssrc, payload, marker))
