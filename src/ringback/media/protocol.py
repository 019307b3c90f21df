"""What the control process and a media worker say to each other: one JSON object a line over a unix socket.

The control process sends commands `{"id": 7, "do": "play", …}`; each is answered by `{"id": 7, "ok": {…}}` or
`{"id": 7, "error": "…"}`. In between the worker reports what happens: `{"event": "key", "leg": 3, "key": "5"}`.
"""

import json
from typing import Any, Final

LONGEST_LINE: Final = 65536

OPEN = "open"
"""Take a leg: `host`, `ports` ([first, last]), `hidden` (optional: it is not a call's). Answers `leg`, `port`."""
SETUP = "setup"
"""`leg`, `remote` ([host, port]), and the fields of `ringback.media.plane.LegSetup`.

With `srtp` the leg is encrypted: `suite`, and in base64 `key_in`, `key_out`, `mki`. `rtcp` is "off", "port" or "mux",
`rtcp_remote` ([host, port] or null) where reports go."""
PLAY = "play"
"""`leg`, `path`, `loops`, `token`, `queue` (optional: after what plays, not in its place)."""
STOP = "stop"
"""`leg`, `token` (optional)."""
PRESS = "press"
"""`leg`, `keys`, `token`."""
JOIN = "join"
"""`leg`, `room` (a number); optionally `watched` (tell when it talks), `relay` (it stands for members elsewhere)."""
LEAVE = "leave"
"""`leg`: out of its room."""
ROLE = "role"
"""`leg`, and of its role in a room what changes: `muted`, `held`, `deaf`, `coaches` (a leg, or null)."""
ANNOUNCE = "announce"
"""`room`, `path`, `loops`, `token`."""
HUSH = "hush"
"""`token` of an announcement: silence it."""
RECORD = "record"
"""`token`, `path`, `leg` or else `room`, and the fields of `ringback.media.studio.Wanted`."""
STEER = "steer"
"""`token` of a recording, `how`: "pause", "silence" (in place of what there is), "resume", "stop"."""
VOICE = "voice"
"""`leg`, `wanted`: tell when the peer's voice begins and ends."""
FEED = "feed"
"""`leg`, and any of `clear` (forget what waits), `audio` (s16le in base64), `mark` (a name)."""
TAP = "tap"
"""`leg`, `heard`, `said`: which of its audio to report."""
CLOSE = "close"
"""`leg`. Answers the leg's figures."""
STATUS = "status"
"""Answers `legs`, `ticks`, `late_ticks`, `worst_late_ms`."""

EVENT_KEY = "key"
"""`leg`, `key`."""
EVENT_PLAYED = "played"
"""`leg`, `token`: the last frame has gone out."""
EVENT_PRESSED = "pressed"
"""`leg`, `token`: the last key has gone out."""
EVENT_TALKING = "talking"
"""`leg`, `talking`: it began or stopped to talk in its room."""
EVENT_VOICE = "voice"
"""`leg`, `speaking`: the peer's voice began or ended."""
EVENT_ANNOUNCED = "announced"
"""`token`: the last frame has gone out."""
EVENT_RECORDED = "recorded"
"""`token`, and the fields of `ringback.media.happenings.Recorded`: the recording has ended, and its file is whole."""
EVENT_MARK = "mark"
"""`leg`, `name`: all that was fed before the mark has been played."""
EVENT_AUDIO = "audio"
"""`leg`, `heard` (else said to it), `audio` (20 ms of s16le in base64)."""
EVENT_HEARD = "heard"
"""`leg`: its first packet has arrived."""
EVENT_QUIET = "quiet"
"""`leg`, `times`: nothing has arrived for as long as it was told to wait, so many times in a row."""


class ProtocolError(ValueError):
    """A line that is no message."""


def encode(message: dict[str, Any]) -> bytes:
    """Write a message as a line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Read a line. Raises ProtocolError."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not JSON: {line[:80]!r}") from error
    if not isinstance(message, dict):
        raise ProtocolError(f"not an object: {line[:80]!r}")
    return message
