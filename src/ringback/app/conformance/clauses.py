"""The clauses: what each version of the API asks for, in words of our own, from the two files beside this one."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from ringback.model.errors import describe
from ringback.model.status import ApiVersion

_FILES: Final = {ApiVersion.V2008: "v2008_08_01.toml", ApiVersion.V2010: "v2010_04_01.toml"}


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that the API asks for."""

    version: ApiVersion
    section: str
    """The number of its section."""
    title: str
    """The name of its section."""
    name: str
    text: str
    code: int | None = None
    """The error code that it is about, if it is about one."""
    not_planned: str = ""
    """Why Ringback will not have it; empty where it will."""

    @property
    def id(self) -> str:
        """What a test claims: `2008-08-01/2.4/timeout-default`."""
        return f"{self.version}/{self.section}/{self.name}"


@lru_cache
def clauses() -> Mapping[str, Clause]:
    """Return all clauses by their ids, in the order of the specifications."""
    return {clause.id: clause for version, file in _FILES.items() for clause in _read(version, file)}


def matching(claim: str) -> tuple[Clause, ...]:
    """Return the clauses that a claim names: an id, or `*/2.4/timeout` for the same clause of both versions.

    Raises KeyError when there is no such clause, or not in both.
    """
    version, _, rest = claim.partition("/")
    ids = [f"{one}/{rest}" for one in ApiVersion] if version == "*" else [claim]
    return tuple(clauses()[one] for one in ids)


def _read(version: ApiVersion, file: str) -> Iterator[Clause]:
    sections: dict[str, Any] = tomllib.loads((files(__package__) / file).read_text("utf-8"))
    for number, section in sections.items():
        title, why = section["name"], section.get("not_planned", "")
        for name, text in section.get("clauses", {}).items():
            if isinstance(text, str):
                yield Clause(version, number, title, name, text, not_planned=why)
            else:
                yield Clause(version, number, title, name, text["text"], not_planned=text["not_planned"])
        for code in section.get("codes", ()):
            info = describe(code)
            yield Clause(version, number, title, str(code), f"{info.title} ({info.level})", code, why)
