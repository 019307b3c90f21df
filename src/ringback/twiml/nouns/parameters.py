"""Parameters inside a noun: what the other side is told besides. 2010-04-01 clause 2.6."""

import re
from collections.abc import Sequence
from typing import Final

from lxml import etree

from ringback.twiml.reader import Reader, name_of, shorten

MAX_PARAMETERS: Final = 1024
"""Characters of all parameters together, names and values."""
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")

Parameters = tuple[tuple[str, str], ...]


def named(element: etree._Element, reader: Reader, within: str, also: str) -> tuple[str, Parameters]:
    """Return the text of a noun called `within`, or of its child `also`, and its parameters. Bad ones are warnings."""
    text = element.text or ""
    parameters: list[tuple[str, str]] = []
    for child in reader.children(element, text_allowed=True):
        if name_of(child) == also:
            text = reader.text(child)
        elif name_of(child) == "Parameter":
            _take(child, parameters, reader)
        else:
            reader.warn(12200, f"{shorten(name_of(child))} may not stand inside {within}; it is ignored", child)
    return " ".join(text.split()), tuple(parameters)


def headers(parameters: Sequence[tuple[str, str]]) -> Parameters:
    """Return parameters as headers of a SIP call."""
    return tuple((f"X-{name}", value) for name, value in parameters)


def _take(child: etree._Element, parameters: list[tuple[str, str]], reader: Reader) -> None:
    parameter = child.get("name", ""), " ".join(child.get("value", "").split())
    told = sum(len(name) + len(value) for name, value in (*parameters, parameter))
    if _NAME.fullmatch(parameter[0]) and parameter[1].isprintable() and told <= MAX_PARAMETERS:
        parameters.append(parameter)
        return
    reader.warn(
        12200,
        f"Parameter {shorten(parameter[0])} is left out: names have letters, digits, . _ and -, and"
        f" all parameters {MAX_PARAMETERS} characters together",
        child,
    )
