"""What people and programs are shown of a call."""

import io
import json

import pytest

from ringback.app.phone.display import Display, level_bars, text
from ringback.app.phone.hearing import Hearing
from ringback.app.phone.notes import Note
from ringback.media import g711
from ringback.rtp.packet import RtpPacket
from tests.unit.app.phone.hand_loop import sine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("kind", "data", "line"),
    [
        ("calling", {"number": "1", "server": "h:5060", "transport": "UDP"}, "   1.500  calling 1 at h:5060 over UDP"),
        ("ringing", {"code": 180}, "   1.500  ringing (180)"),
        ("answered", {"codec": "PCMA", "keys_as": "tones"}, "   1.500  answered: PCMA, keys as tones"),
        ("sound", {"after": "answer", "seconds": 0.25}, "   1.500  sound, 0.25 s after the answer"),
        ("sound", {"after": "#", "seconds": 0.25}, "   1.500  sound, 0.25 s after # was pressed"),
        ("key", {"key": "5", "how": "INFO"}, "   1.500  pressed 5 (INFO)"),
        ("key-heard", {"key": "5"}, "   1.500  the other side pressed 5"),
        ("hold", {"on": True}, "   1.500  put on hold"),
        ("hold", {"on": False}, "   1.500  taken off hold"),
        ("ended", {"text": "we hung up"}, "   1.500  ended: we hung up"),
    ],
)
def test_every_note_is_a_line(kind: str, data: dict[str, object], line: str):
    assert text(Note(1.5, kind, data)) == line


@pytest.mark.parametrize(
    ("decibels", "bars"),
    [(-96.0, " " * 10), (-48.0, " " * 10), (-47.9, "▁         "), (-28.0, "█████     "), (0, "█" * 10)],
)
def test_a_level_is_a_row_of_bars(decibels: float, bars: str):
    assert level_bars(decibels).ljust(10) == bars


def test_people_get_lines():
    output = io.StringIO()
    shown = Display(output)
    shown.note(Note(0.0, "ringing", {"code": 180}))
    shown.line("done")
    shown.result(ok=True)
    shown.refresh(1.0, Hearing(1), 1.0)
    assert output.getvalue() == "   0.000  ringing (180)\ndone\n"


def test_programs_get_objects():
    output = Terminal()
    shown = Display(output, as_json=True)
    shown.note(Note(0.12345, "sound", {"after": "1", "seconds": 0.98765}))
    shown.line("done")
    shown.refresh(1.0, Hearing(1), 1.0)
    shown.result(ok=True, seconds=1.23456)
    assert [json.loads(line) for line in output.getvalue().splitlines()] == [
        {"at": 0.123, "event": "sound", "after": "1", "seconds": 0.988},
        {"event": "result", "ok": True, "seconds": 1.235},
    ]


def test_a_terminal_shows_the_level_below_the_lines():
    output, ear = Terminal(), Hearing(1)
    shown = Display(output)
    shown.refresh(1.0, ear, 5.0)
    ear.receive(bytes(RtpPacket(0, 0, 0, 1, g711.encode(sine()))), 5.0)
    shown.refresh(1.1, ear, 5.05)
    shown.refresh(1.2, ear, 5.2)
    shown.note(Note(0.0, "ringing", {"code": 180}))
    first, second, third, note = output.getvalue().split("\r\x1b[K")[1:]
    assert first.split() == ["1.0", "silence"]
    assert second.split()[2] == "sound"
    assert third.split() == ["1.2", "silence"]
    assert note == "   0.000  ringing (180)\n"
