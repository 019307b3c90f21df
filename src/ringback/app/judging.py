"""What there is to say of a document before anybody calls: its errors and warnings, line by line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ringback.model.errors import describe
from ringback.model.status import ApiVersion
from ringback.twiml.document import read_document
from ringback.twiml.messaging.document import read_reply
from ringback.twiml.xml import TwimlError

_LINE = re.compile(r"^line \d+: ")
_POSITION = re.compile(r"Line (\d+), column \d+: ")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that Ringback would tell of a document."""

    level: Literal["error", "warning"]
    code: int
    line: int
    """From 1; 0 where it is about the whole."""
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A document, judged."""

    verbs: tuple[str, ...]
    """The names of the verbs at its top that would run."""
    findings: tuple[Finding, ...]


def judge(body: bytes, content_type: str, version: ApiVersion, *, to_message: bool = False) -> Verdict:
    """Judge an answer of an application as a call would, or as a message would. Never raises."""
    read = read_reply if to_message else read_document
    try:
        document = read(body, content_type, version)
    except TwimlError as error:
        match = _POSITION.search(error.message)
        return Verdict((), (Finding("error", error.code, int(match[1]) if match else 0, error.message),))
    found = [
        Finding(describe(warning.code).level, warning.code, warning.line, _LINE.sub("", warning.message))
        for warning in document.warnings
    ]
    return Verdict(tuple(verb.name for verb in document.verbs), tuple(_in_order(found)))


def _in_order(found: Sequence[Finding]) -> list[Finding]:
    return sorted(found, key=lambda finding: finding.line)
