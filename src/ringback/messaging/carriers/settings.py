"""Settings of carriers: read from what the store has, with a clear word about what is wrong."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

_MISSING: Final = object()
T = TypeVar("T")


class Reader:
    """Reads the settings of one carrier. Each method raises ValueError for a value that cannot be used."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._read: set[str] = set()

    def text(self, name: str, default: str | None = None, *, pattern: str = ".*", longest: int = 1000) -> str:
        """Return a text."""
        value: str = self._get(name, str, default)
        if len(value) > longest or not re.fullmatch(pattern, value):
            raise ValueError(f"{name} {value[:40]!r} cannot be used")
        return value

    def word(self, name: str, default: str, *words: str) -> str:
        """Return one of some words, the default among them."""
        value: str = self._get(name, str, default)
        if value not in (default, *words):
            raise ValueError(f"{name} should be one of {', '.join((default, *words))}, not {value[:40]!r}")
        return value

    def number(self, name: str, default: float | None = None, *, least: float = 0, most: float = 86_400) -> float:
        """Return a number."""
        value: float = self._get(name, float, default)
        if not least <= value <= most:
            raise ValueError(f"{name} should be from {least:g} to {most:g}, not {value:g}")
        return value

    def whole(self, name: str, default: int | None = None, *, least: int = 0, most: int = 65_535) -> int:
        """Return a whole number."""
        value: int = self._get(name, int, default)
        if not least <= value <= most:
            raise ValueError(f"{name} should be from {least} to {most}, not {value}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        value: bool = self._get(name, bool, default)
        return value

    def mapping(self, name: str) -> dict[str, str]:
        """Return names with texts; none where it is not there."""
        value: Any = self._take(name, {})
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise ValueError(f"{name} should be a table of texts")
        return {str(key): str(item) for key, item in value.items()}

    def tables(self, name: str) -> list[dict[str, Any]]:
        """Return a list of tables; an empty one where it is not there."""
        value: Any = self._take(name, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise ValueError(f"{name} should be a list of tables")
        return list(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; an empty one where it is not there."""
        value: Any = self._take(name, [])
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"{name} should be a list of texts")
        return tuple(value)

    def finish(self) -> None:
        """Refuse settings that nobody has asked for: a mistyped name must not go unseen."""
        if unknown := sorted(self._values.keys() - self._read):
            raise ValueError(f"there is no setting {', '.join(unknown)}; there are {', '.join(sorted(self._read))}")

    def _take(self, name: str, default: Any) -> Any:
        self._read.add(name)
        value = self._values.get(name, default)
        if value is _MISSING or value is None:
            raise ValueError(f"the setting {name} is missing")
        return value

    def _get(self, name: str, kind: type[T], default: T | None) -> Any:
        value: Any = self._take(name, _MISSING if default is None else default)
        # The command line has texts only.
        try:
            return _CONVERT[kind](value)
        except (ValueError, KeyError, TypeError, OverflowError):
            raise ValueError(f"{name} should be {_KINDS[kind]}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _flag(value: Any) -> bool:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[str(value).lower()]


def _whole(value: Any) -> int:
    if isinstance(value, bool) or int(value) != float(value):
        raise TypeError
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


_CONVERT: dict[type, Callable[[Any], Any]] = {str: _text, int: _whole, float: _number, bool: _flag}
_KINDS: dict[type, str] = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
