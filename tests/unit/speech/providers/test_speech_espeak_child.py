"""The child that loads the library: the real one as a process in `test_speech_espeak`, here with a stand-in for it."""

import ctypes
import io
from typing import Any

import pytest

from ringback.speech.providers.espeak import read_wav
from ringback.speech.providers.espeak_child import main, wav_header


class Library:
    """Speaks 1 2 for every text, then says that it has ended, as libespeak-ng does: with no samples."""

    def __init__(self, rate: int = 22050, missing: int = 0) -> None:
        self.rate = rate
        self.missing = missing
        self.calls: list[tuple[Any, ...]] = []

    def espeak_Initialize(self, *args: Any) -> int:  # noqa: N802
        self.calls.append(("initialize", *args))
        return self.rate

    def espeak_SetVoiceByName(self, name: bytes) -> int:  # noqa: N802
        self.calls.append(("voice", name))
        return self.missing

    def espeak_SetParameter(self, *args: int) -> None:  # noqa: N802
        self.calls.append(("parameter", *args))

    def espeak_SetSynthCallback(self, callback: Any) -> None:  # noqa: N802
        self.heard = callback

    def espeak_Synth(self, text: bytes, *_: Any) -> None:  # noqa: N802
        self.calls.append(("speak", text))
        samples = (ctypes.c_short * 2)(1, 2)
        assert self.heard(ctypes.cast(samples, ctypes.c_void_p), 2, None) == 0
        assert self.heard(None, 0, None) == 0

    def espeak_Synchronize(self) -> None:  # noqa: N802
        self.calls.append(("wait",))


def run(library: Library, monkeypatch: pytest.MonkeyPatch) -> tuple[str | int, bytes]:
    monkeypatch.setattr(ctypes, "CDLL", lambda path: library if path == "lib.so" else None)
    out = io.BytesIO()
    arguments = ["lib.so", "/data", "-v", "es+f2", "-s", "160", "-b", "1", "--stdin", "--stdout"]
    return main(arguments, io.BytesIO("hé".encode()), out), out.getvalue()


def test_it_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library()
    code, data = run(library, monkeypatch)
    assert code == 0
    pcm = read_wav(data)
    assert (pcm.samples.tolist(), pcm.rate) == ([1, 2], 22050)
    assert library.calls == [
        ("initialize", 2, 0, b"/data", 0),
        ("voice", b"es+f2"),
        ("parameter", 1, 160, 0),
        ("speak", "hé".encode()),
        ("wait",),
    ]


def test_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(Library(rate=-1), monkeypatch) == ("espeak-ng finds no data in /data", b"")


def test_no_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(Library(missing=2), monkeypatch) == ("espeak-ng has no voice es+f2", b"")


def test_header() -> None:
    assert len(wav_header(16000)) == 44
    assert read_wav(wav_header(16000)).rate == 16000
