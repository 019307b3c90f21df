"""Attributes of verbs: how the text of each is read, what it means when absent, and which code a bad one has."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ringback.model.status import ApiVersion

SCHEMA = 12200
"""The code of whatever has no code of its own."""

Parse = Callable[[str, ApiVersion], Any]

_KEY = "twiml"
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class BadValueError(Exception):
    """A value that an attribute cannot have. `code` is set where the attribute has several codes."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of one verb."""

    name: str
    parse: Parse
    default: Any
    code: int
    """The warning that a bad value gives. The default is used then."""
    nested_code: int
    """The same inside Gather, where Say has codes of its own."""
    since: ApiVersion


def attribute(
    parse: Parse, default: Any, *, code: int = SCHEMA, nested_code: int | None = None, since: ApiVersion | None = None
) -> Any:
    """Declare a field of a verb as an attribute, named like the field in camelCase.

    `parse` takes the text and the version of the API, and returns the value or raises BadValueError.
    """
    spec = (parse, code, nested_code or code, since or ApiVersion.V2008)
    return field(default=default, metadata={_KEY: spec})


_attributes: dict[type[Any], Mapping[str, tuple[str, Attribute]]] = {}


def attributes_of(verb: type[Any]) -> Mapping[str, tuple[str, Attribute]]:
    """Return the attributes of a verb by their names in TwiML, each with the name of its field."""
    if verb not in _attributes:
        _attributes[verb] = _declared(verb)
    return _attributes[verb]


def _declared(verb: type[Any]) -> Mapping[str, tuple[str, Attribute]]:
    found = {}
    for each in fields(verb):
        if _KEY in each.metadata:
            parse, code, nested_code, since = each.metadata[_KEY]
            head, *rest = each.name.split("_")
            name = head + "".join(word.capitalize() for word in rest)
            found[name] = each.name, Attribute(name, parse, each.default, code, nested_code, since)
    return found


def integer(minimum: int, maximum: int | None = None, minimum_2008: int | None = None) -> Parse:
    """A whole number of at least `minimum` (in 2008-08-01 of `minimum_2008`, where the versions differ)."""

    def parse(text: str, version: ApiVersion) -> int:
        least = minimum_2008 if minimum_2008 is not None and version is ApiVersion.V2008 else minimum
        # Nine digits are 31 years in seconds; longer ones only cost time to convert.
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise BadValueError(f"takes a whole number of at least {least}")
        value = int(text)
        if value < least or (maximum is not None and value > maximum):
            bound = f"of at least {least}" if maximum is None else f"from {least} to {maximum}"
            raise BadValueError(f"takes a whole number {bound}")
        return value

    return parse


def one_of(*values: str) -> Parse:
    """One of these words."""

    def parse(text: str, _version: ApiVersion) -> str:
        if text not in values:
            raise BadValueError(f"takes {' or '.join(values)}")
        return text

    return parse


def http_method(text: str, _version: ApiVersion) -> str:
    """GET or POST. Small letters are taken as well: HTTP libraries and old examples write them."""
    if text.upper() not in ("GET", "POST"):
        raise BadValueError("takes GET or POST")
    return text.upper()


def boolean(text: str, _version: ApiVersion) -> bool:
    """The word true or false."""
    if text not in ("true", "false"):
        raise BadValueError("takes true or false")
    return text == "true"


def free_text(text: str, _version: ApiVersion) -> str:
    """Any text, such as a URL: whether it can be fetched shows when it is."""
    return text


def language_tag(text: str, _version: ApiVersion) -> str:
    """A language tag of BCP 47, in the form that applications use: `en`, `pt-BR`, `cmn-Hans-CN`."""
    if not _LANGUAGE.fullmatch(text):
        raise BadValueError("takes a language tag such as en-US")
    return text
