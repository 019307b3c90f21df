"""The timeline of a call for people: one line for each event, the same in the command line and in the demo."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rich.text import Text

from ringback.model import events
from ringback.model.records import CallEvent

_LONGEST = 160
"""Characters of one value. The whole of it is in the store, and in `ringback calls show --json`."""

# The same in every request of a call, so that they hide what is new in this one.
_SAME = re.compile(r"Account(Sid|Guid)|Call(Sid|Guid)|ApiVersion|(From|To|Caller|Called)(City|State|Zip|Country)")
_USUAL = {"From", "To", "Caller", "Called", "CallStatus", "Direction"}

_Data = Mapping[str, Any]
_Line = tuple[str, str, Text]
"""What a line is about (empty: the kind of the event), the style of that, and the rest."""


def render(event: CallEvent, start: datetime) -> Text:
    """Write an event as one line: seconds since `start`, what it is, and its details.

    Takes every event, of unknown kinds and with missing or odd data too. What came from outside is printable in the
    result: control characters of a SIP message or a document never reach the terminal.
    """
    label, style, rest = _LINES.get(event.kind, _other)(event.data)
    line = Text()
    line.append(f"{(event.at - start).total_seconds():9.3f}  ", "dim")
    line.append(f"{label or _clean(event.kind):<9} ", style)
    line.append_text(rest)
    line.rstrip()
    return line


def duration(seconds: float) -> str:
    """Write a duration as `1:02:03`, `2:03` or `3.2 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _sip(arrow: str) -> Callable[[_Data], _Line]:
    return lambda data: (f"SIP {arrow}", "dim", _words("dim", data, "line"))


def _status(data: _Data) -> _Line:
    rest = _words("bold", data, "status")
    if data.get("reason"):
        rest.append(f" ({_clean(data['reason'])})")
    return "status", "bold", rest


def _request(data: _Data) -> _Line:
    rest = _words("cyan", data, "method", "url")
    given = data.get("parameters")
    parameters = {
        str(name): value
        for name, value in (given.items() if isinstance(given, Mapping) else ())
        if value not in ("", None) and not _SAME.fullmatch(str(name))
    }
    # 2010-04-01 says Caller and Called beside From and To, with the same values.
    for name, twin in (("Caller", "From"), ("Called", "To")):
        if twin in parameters:
            parameters.pop(name, None)
    for name in sorted(parameters, key=lambda name: name in _USUAL):
        rest.append("  " if rest else "").append(f"{_clean(name)}={_clean(parameters[name])}", _parameter_style(name))
    return "request", "cyan", rest


def _parameter_style(name: str) -> str:
    return "dim" if name in _USUAL else "bold"


def _response(data: _Data) -> _Line:
    if data.get("error"):
        return "answer", "red", _words("red", data, "error").append(_took(data), "dim")
    status = data.get("status")
    if isinstance(status, int) and status >= 400:
        return "answer", "red", _words("red", data, "status", "content_type", "body").append(_took(data), "dim")
    return (
        "answer",
        "cyan",
        _words("", data, "status", "content_type").append(_size(data) + _kept(data) + _took(data), "dim"),
    )


def _document(data: _Data) -> _Line:
    verbs = data.get("verbs")
    names = ", ".join(_clean(verb) for verb in verbs) if isinstance(verbs, (list, tuple)) else ""
    return "document", "cyan", Text(names or "no verbs").append(f"  {_clean(data.get('url', ''))}", "dim")


def _verb_start(data: _Data) -> _Line:
    attributes = data.get("attributes")
    rest = Text()
    for name, value in attributes.items() if isinstance(attributes, Mapping) else ():
        rest.append(f"{_clean(name)}={_clean(value)} ")
    if data.get("text"):
        rest.append(f"“{_clean(data['text'])}”", "italic")
    return _verb(data), "bold green", rest


def _verb_end(data: _Data) -> _Line:
    rest = Text("ended", "dim")
    if data.get("result") not in (None, ""):
        rest.append(f": {_clean(data['result'])}", "dim")
    return _verb(data), "green", rest.append(_took(data), "dim")


def _verb(data: _Data) -> str:
    return _clean(data.get("verb", "verb"))


def _speech(data: _Data) -> _Line:
    rest = Text(f"“{_clean(data.get('text', ''))}”", "italic")
    about = "".join(f" {_clean(data[name])}" for name in ("engine", "voice", "language") if data.get(name))
    made = " from the cache" if data.get("cached") else _took(data)
    return "speech", "magenta", rest.append(about + _seconds(data) + made, "dim")


def _fetch(data: _Data) -> _Line:
    if data.get("error"):
        return "audio", "red", _words("red", data, "url", "error").append(_took(data), "dim")
    rest = _words("", data, "url", "status", "content_type")
    return "audio", "magenta", rest.append(_seconds(data) + _size(data) + _kept(data) + _took(data), "dim")


def _key(data: _Data) -> _Line:
    return "key", "bold blue", _words("bold blue", data, "key").append(f" {_clean(data.get('by', ''))}", "dim")


def _problem(label: str, colour: str) -> Callable[[_Data], _Line]:
    def line(data: _Data) -> _Line:
        # Code 0 is a problem that applications have no number for.
        parts = ["code", "message"] if data.get("code") else ["message"]
        rest = _words(colour, data, *parts)
        others = {name: value for name, value in data.items() if name not in ("code", "message")}
        if others:
            rest.append("  ").append_text(_pairs(others, "dim"))
        return label, f"bold {colour}", rest

    return line


def _media_start(data: _Data) -> _Line:
    rest = _words("", data, "codec")
    rest.append(f" {_clean(data.get('local', '?'))} ↔ {_clean(data.get('remote', '?'))}")
    if data.get("ptime_ms"):
        rest.append(f", packets of {_clean(data['ptime_ms'])} ms")
    if data.get("on_hold"):
        rest.append(", on hold")
    return "media", "magenta", rest


def _media_stats(data: _Data) -> _Line:
    return "media", "magenta", _pairs(data, "dim")


def _other(data: _Data) -> _Line:
    return "", "dim", _pairs(data, "dim")


_LINES: dict[str, Callable[[_Data], _Line]] = {
    events.SIP_RECEIVED: _sip("<"),
    events.SIP_SENT: _sip(">"),
    events.STATUS: _status,
    events.WEBHOOK_REQUEST: _request,
    events.WEBHOOK_RESPONSE: _response,
    events.DOCUMENT: _document,
    events.VERB_START: _verb_start,
    events.VERB_END: _verb_end,
    events.SPEECH: _speech,
    events.MEDIA_FETCH: _fetch,
    events.KEY: _key,
    events.WARNING: _problem("warning", "yellow"),
    events.ERROR: _problem("error", "red"),
    events.MEDIA_START: _media_start,
    events.MEDIA_STATS: _media_stats,
}


def _words(style: str, data: _Data, *names: str) -> Text:
    return Text(" ".join(_clean(data[name]) for name in names if data.get(name) is not None), style)


def _pairs(data: _Data, style: str) -> Text:
    return Text(" ".join(f"{_clean(name)}={_clean(value)}" for name, value in data.items()), style)


def _seconds(data: _Data) -> str:
    seconds = data.get("seconds")
    return f" {duration(seconds)}" if isinstance(seconds, (int, float)) and math.isfinite(seconds) else ""


def _size(data: _Data) -> str:
    size = data.get("bytes")
    return f" {size:,} bytes" if isinstance(size, int) else ""


def _kept(data: _Data) -> str:
    return f" from the cache ({_clean(data['cached'])})" if data.get("cached") else ""


def _took(data: _Data) -> str:
    ms = data.get("ms")
    return f" in {ms:,.0f} ms" if isinstance(ms, (int, float)) else ""


def _clean(value: object) -> str:
    """Make a value fit for a line: blanks for line ends, an escape for what is not printable, and not too long."""
    text = str(value)
    shown = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() else " " if c.isspace() else ascii(c)[1:-1] for c in shown)
