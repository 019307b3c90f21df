"""Speak with libespeak-ng, in a process of its own: `espeak_child.py LIBRARY HOME -v VOICE -s SPEED …`.

It takes the arguments of the `espeak-ng` program (those that `espeak` passes), text on stdin, and writes WAV to stdout.
It runs without site-packages, and so imports nothing but the standard library.
"""

import ctypes
import struct
import sys
from typing import BinaryIO

# From espeak-ng's speak_lib.h.
_SYNCHRONOUS = 2
_RATE = 1
_UTF8 = 1
_POS_CHARACTER = 1
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


def wav_header(rate: int) -> bytes:
    """Return the head of a WAV stream, mono and 16-bit, whose length is not known yet."""
    form = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    return b"RIFF\xff\xff\xff\x7fWAVEfmt " + struct.pack("<I", len(form)) + form + b"data\xff\xff\xff\x7f"


def speak(library: str, home: str, voice: str, speed: int, text: bytes, out: BinaryIO) -> str:
    """Write `text` as WAV to `out`. Return an empty string, or what is wrong; then nothing has been written."""
    engine = ctypes.CDLL(library)
    rate = engine.espeak_Initialize(_SYNCHRONOUS, 0, home.encode(), 0)
    if rate <= 0:
        return f"espeak-ng finds no data in {home}"
    if engine.espeak_SetVoiceByName(voice.encode()) != 0:
        return f"espeak-ng has no voice {voice}"
    engine.espeak_SetParameter(_RATE, speed, 0)
    out.write(wav_header(rate))

    def heard(samples: int | None, count: int, _events: int | None) -> int:
        if samples is not None and count > 0:
            out.write(ctypes.string_at(samples, count * 2))
        return 0

    callback = _CALLBACK(heard)  # Kept in a variable: the library holds no reference to it.
    engine.espeak_SetSynthCallback(callback)
    size = ctypes.c_size_t(len(text) + 1)
    engine.espeak_Synth(
        text, size, ctypes.c_uint(0), _POS_CHARACTER, ctypes.c_uint(0), ctypes.c_uint(_UTF8), None, None
    )
    engine.espeak_Synchronize()
    out.flush()
    return ""


def main(arguments: list[str], stdin: BinaryIO, out: BinaryIO) -> str | int:
    """Read the arguments and speak; return what `sys.exit` takes."""
    library, home, *rest = arguments
    options = dict(zip(rest[::2], rest[1::2], strict=False))
    return speak(library, home, options["-v"], int(options["-s"]), stdin.read(), out) or 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdin.buffer, sys.stdout.buffer))
