"""What a request may say: the parameters of an operation, read, checked, and handed on with Python types."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from ringback.model.numbers import normalise
from ringback.rest.errors import RestError, refused
from ringback.rest.values import boolean, bounds, snake
from ringback.storage.records import Where

Values = Mapping[str, Any]
"""Parameters by the names that handlers know them by. Those that were not given are not there."""

MOST_TEXT: Final = 16_384
"""Characters of a parameter that says nothing else about its length."""

Kind = Literal["text", "integer", "boolean", "url", "method", "word", "sid", "date", "number"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a form or a query."""

    name: str
    kind: Kind = "text"
    required: int | None = None
    """The code of the error when it is missing."""
    code: int = 20422
    """The code of the error when its value is none that it may have."""
    words: tuple[str, ...] = ()
    """Of kind `word`: what it may be, in any case; handed on as spelt here."""
    prefix: str = ""
    """Of kind `sid`."""
    least: int | None = None
    most: int | None = None
    """Of kind `integer`; of kind `text` and `url`, the longest."""
    pattern: str = ""
    """Of kind `text`: what the whole value must match."""
    many: bool = False
    """It may be repeated; handed on as a tuple."""
    to: str = ""
    """The name that handlers know it by; `status_callback_event` for `StatusCallbackEvent` otherwise."""
    filters: str = ""
    """Of a list: the property of the record that must be equal, or stand in that relation to it."""
    convert: Callable[[Any], Any] | None = None
    """What is done with a value that is right, before it is handed on."""
    empty: bool = False
    """An empty value is one: it unsets something. Otherwise it counts as not given."""
    check: Callable[[str], bool] | None = None
    description: str = ""

    @property
    def target(self) -> str:
        """The name that handlers know it by."""
        return self.to or snake(self.name)

    def schema(self) -> dict[str, Any]:
        """The JSON schema of its value."""
        one: dict[str, Any]
        match self.kind:
            case "integer":
                one = {"type": "integer"}
                one |= {"minimum": self.least} if self.least is not None else {}
                one |= {"maximum": self.most} if self.most is not None else {}
            case "boolean":
                one = {"type": "boolean"}
            case "word" | "method":
                one = {"type": "string", "enum": list(self.words or ("GET", "POST"))}
            case "sid":
                one = {"type": "string", "pattern": f"^{self.prefix or '[A-Z]{2}'}[0-9a-fA-F]{{32}}$"}
            case "url":
                one = {"type": "string", "format": "uri"}
            case "date":
                one = {"type": "string", "description": "A date or a moment (ISO 8601)"}
            case _:
                one = {"type": "string"}
                one |= {"pattern": self.pattern} if self.pattern else {}
                one |= {"maxLength": self.most} if self.most is not None else {}
        return {"type": "array", "items": one} if self.many else one

    def read(self, text: str) -> Any:
        """Read one value. Raises RestError."""
        value = self._value(text)
        if value is None:
            raise self._wrong(text)
        return value if self.convert is None else self.convert(value)

    def _value(self, text: str) -> Any:
        match self.kind:
            case "integer":
                return self._integer(text)
            case "boolean":
                return boolean(text)
            case "url":
                return text if is_url(text) and len(text) <= (self.most or 4096) else None
            case "word" | "method":
                return next((one for one in self.words or ("GET", "POST") if one.lower() == text.strip().lower()), None)
            case "sid":
                return text if re.fullmatch(f"{self.prefix or '[A-Z]{2}'}[0-9a-fA-F]{{32}}", text) else None
            case "number":
                return normalise(text) if text.strip() and len(text) <= 256 else None
            case _:
                fits = len(text) <= (self.most if self.most is not None else MOST_TEXT) and "\0" not in text
                fits = fits and (not self.pattern or re.fullmatch(self.pattern, text) is not None)
                return text if fits and (self.check is None or self.check(text)) else None

    def _integer(self, text: str) -> int | None:
        if not re.fullmatch(r"\s*[-+]?[0-9]{1,15}\s*", text):
            return None
        value = int(text)
        inside = (self.least is None or value >= self.least) and (self.most is None or value <= self.most)
        return value if inside else None

    def _wrong(self, text: str) -> RestError:
        shown = text if len(text) <= 100 else text[:100] + "…"
        may_be = ""
        if self.kind in ("word", "method"):
            may_be = f": it may be {', '.join(self.words or ('GET', 'POST'))}"
        elif self.kind == "integer":
            low, high = self.least, self.most
            may_be = f": it is a whole number{f' from {low}' if low is not None else ''}"
            may_be += f" to {high}" if high is not None else ""
        elif self.kind == "url":
            may_be = ": it is an absolute http or https URL"
        elif self.most is not None and len(text) > self.most:
            may_be = f": it has {self.most} characters at most"
        return refused(self.code, f"{self.name} '{shown}' is not valid{may_be}")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a request said."""

    values: dict[str, Any] = field(default_factory=dict)
    filters: list[Where] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Names that the operation does not know, at most twenty."""


def is_url(text: str) -> bool:
    """Tell whether a text is an absolute http or https URL."""
    try:
        parts = urlsplit(text)
        return (
            parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0 and " " not in text
        )
    except ValueError:
        return False


def parse(given: Iterable[tuple[str, str]], parameters: Mapping[str, Parameter], *, midnight: bool = False) -> Parsed:
    """Read what was given. `parameters` are those of the operation, by name. Raises RestError for the first mistake."""
    parsed = Parsed()
    for name, text in given:
        sign = ""
        parameter = parameters.get(name)
        if parameter is None:
            name, sign, text = _inequality(name, text)
            parameter = parameters.get(name)
            if parameter is None or (sign and parameter.kind != "date"):
                if len(parsed.unknown) < 20:
                    parsed.unknown.append(name[:100])
                continue
        _take(parsed, parameter, sign, text, midnight)
    for parameter in parameters.values():
        if parameter.required is not None and parameter.target not in parsed.values:
            raise refused(parameter.required, f"The parameter {parameter.name} is required")
    return parsed


def _take(parsed: Parsed, parameter: Parameter, sign: str, text: str, midnight: bool) -> None:
    if text == "" and not parameter.empty:
        return
    if parameter.kind == "date":
        compared = bounds(sign, text, midnight=midnight)
        if compared is None:
            raise refused(parameter.code, f"{parameter.name} '{text[:100]}' is not valid: it is a date or a moment")
        parsed.filters.extend(Where(parameter.filters, op, moment) for op, moment in compared)
        return
    value = "" if text == "" else parameter.read(text)
    if parameter.many:
        if len(parsed.values.get(parameter.target, ())) >= 100:
            raise refused(parameter.code, f"{parameter.name} is repeated too often: 100 times at most")
        parsed.values[parameter.target] = (*parsed.values.get(parameter.target, ()), value)
        return
    parsed.values[parameter.target] = value
    if parameter.filters:
        parsed.filters[:] = [one for one in parsed.filters if one.column != parameter.filters]
        likely = isinstance(value, str) and "*" in value
        parsed.filters.append(Where(parameter.filters, "like" if likely else "=", value))


def _inequality(name: str, text: str) -> tuple[str, str, str]:
    """Take a condition such as `StartTime<=2024-01-01` apart, whose first part is the name up to the equals sign."""
    found = re.fullmatch(r"([A-Za-z]+)([<>])(.*)", name, re.DOTALL)
    if found is None:
        return name, "", text
    # With an equals sign the value follows it; `MessageDate<2009-07-06` has none, and means "before".
    return (found[1], found[2], text) if not found[3] else (found[1], found[2] + "!", found[3])


def named(*groups: Parameter | Sequence[Parameter]) -> dict[str, Parameter]:
    """Put parameters together, by name."""
    found: dict[str, Parameter] = {}
    for group in groups:
        for one in (group,) if isinstance(group, Parameter) else group:
            found[one.name] = one
    return found
