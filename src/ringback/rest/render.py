"""Answers in XML, JSON, CSV and HTML."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from ringback.rest.shapes import Link, Shape
from ringback.rest.values import camel, rfc2822

CONTENT_TYPES: Final = {
    "json": "application/json",
    "xml": "application/xml",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'

# XML 1.0, production 2: what no document may hold, not even as a reference.
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_AS_IT_IS: Final = frozenset({str, int, bool, float})
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def to_json(value: Any) -> bytes:
    """Write a value as JSON."""
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace")


def plain(value: Any) -> Any:
    """Turn what a field holds into JSON values."""
    kind = type(value)
    if value is None or kind in _AS_IT_IS:
        return value
    if kind is datetime:
        return rfc2822(value)
    if kind is Link:
        return value + ".json"
    if kind is dict:
        return {name: one + ".json" if type(one) is Link else plain(one) for name, one in value.items()}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(one) for one in value]
    return str(value)


def json_2010(shape: Shape, record: Any, base: str = "") -> dict[str, Any]:
    """One resource as JSON of 2010-04-01. `base` is scheme and host of the request."""
    written = {name: plain(read(record)) for name, _, read in shape.readers}
    if shape.whole:
        written[shape.whole] = base + written[shape.whole]
    return written


def text(value: Any) -> str:
    """What a field holds, as the text of an element or a cell."""
    if value is None:
        return ""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, datetime):
        return rfc2822(value)
    return _NO_XML.sub("", str(value))


def element(tag: str, value: Any) -> str:
    """Write an element. What is a map or a list becomes elements in it."""
    if isinstance(value, Mapping):
        inner = "".join(element(camel(str(name)), one) for name, one in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        inner = "".join(element(tag.removesuffix("s") or "Item", one) for one in value)
    else:
        inner = escape(text(value))
    return f"<{tag}>{inner}</{tag}>" if inner else f"<{tag}/>"


def xml_resource(shape: Shape, record: Any) -> str:
    """One resource as XML."""
    inner = "".join(element(tag, read(record)) for _, tag, read in shape.readers)
    return f"<{shape.name}>{inner}</{shape.name}>"


def xml_list(shape: Shape, records: Iterable[Any], attributes: Mapping[str, str]) -> str:
    """A page as XML."""
    told = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    inner = "".join(xml_resource(shape, record) for record in records)
    return f"<{shape.plural}{told}>{inner}</{shape.plural}>"


def xml_document(inner: str) -> bytes:
    """Put the root around an answer."""
    return f"{DECLARATION}<TwilioResponse>{inner}</TwilioResponse>\n".encode()


def csv_rows(shape: Shape, records: Iterable[Any]) -> bytes:
    """Resources as CSV: a line of names, a line for each."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([tag for _, tag, _ in shape.readers])
    for record in records:
        writer.writerow([_cell(read(record)) for _, _, read in shape.readers])
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    cell = _ENCODER.encode(plain(value)) if isinstance(value, Mapping | list | tuple) else text(value)
    # A spreadsheet takes these for formulas; numbers and telephone numbers it may have.
    formula = cell[:1] in ("=", "@", "\t", "\r") or (cell[:1] in ("+", "-") and not re.fullmatch(r"[-+0-9.]+", cell))
    return f"'{cell}" if formula else cell


def strings(value: Any) -> Any:
    """2008-08-01: values in JSON are strings, or null."""
    return None if value is None or value == "" else text(value)


def json_2008(shape: Shape, record: Any) -> dict[str, Any]:
    """One resource as JSON of 2008-08-01: `{"Call": {"Sid": …}}`."""
    return {shape.name: {tag: strings(read(record)) for _, tag, read in shape.readers}}


def html_2008(status: int, shape: Shape, records: Iterable[Any]) -> bytes:
    """Resources as HTML (clause 4.4): the title is the status, each element is a `div` with its name as class."""
    return html_page(status, "".join(_html_resource(shape, record) for record in records))


def html_page(status: int, inner: str) -> bytes:
    """Put a page around it."""
    return (
        f"<!DOCTYPE html>\n<html><head><title>{status}</title></head>"
        f'<body class="twilio-response">{inner}</body></html>\n'
    ).encode()


def _html_resource(shape: Shape, record: Any) -> str:
    return html_elements(shape.name, ((tag, read(record)) for _, tag, read in shape.readers))


def html_elements(name: str, fields: Iterable[tuple[str, Any]]) -> str:
    """Write an element and those in it."""
    inner = "".join(f'<div class="{dashed(tag)}">{escape(text(value))}</div>' for tag, value in fields)
    return f'<div class="{dashed(name)}">{inner}</div>'


def dashed(name: str) -> str:
    """Write a name as a class: `AccountSid` is `account-sid`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
