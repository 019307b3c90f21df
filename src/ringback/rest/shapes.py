"""How a resource looks on the wire: its fields in their order, each read from a record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

from ringback.rest.values import camel

Schema = Mapping[str, Any]
"""A JSON schema."""


def nullable(schema: Schema) -> dict[str, Any]:
    """The same, or null."""
    if "enum" in schema:
        return {**schema, "type": [schema["type"], "null"], "enum": [*schema["enum"], None]}
    return {**schema, "type": [schema["type"], "null"]}


TEXT: Final[Schema] = {"type": "string"}
DATE: Final[Schema] = {"type": "string", "format": "date-time-rfc-2822"}
INTEGER: Final[Schema] = {"type": "integer"}
BOOLEAN: Final[Schema] = {"type": "boolean"}
URI: Final[Schema] = {"type": "string", "format": "uri-reference"}
MAP: Final[Schema] = {"type": "object"}
LIST: Final[Schema] = {"type": "array"}


def sid(prefix: str) -> Schema:
    """The schema of a sid."""
    return {"type": "string", "pattern": f"^{prefix}[0-9a-fA-F]{{32}}$"}


def words(*values: str) -> Schema:
    """The schema of one of these words."""
    return {"type": "string", "enum": list(values)}


def enumeration(enum: type[StrEnum]) -> Schema:
    """The schema of a word of an enumeration."""
    return words(*(one.value for one in enum))


class Link(str):
    """A URI of this API without its suffix: `/2010-04-01/Accounts/AC…/Calls`. JSON answers lead to `….json`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name in JSON, its schema, and where its value comes from."""

    name: str
    schema: Schema = field(default_factory=lambda: nullable(TEXT))
    read: Callable[[Any], Any] | None = None
    """Takes the record; without it the attribute of the field's name."""
    element: str = ""
    """The name in XML and CSV; without it the name in JSON, in capitals and small letters."""

    @property
    def reader(self) -> Callable[[Any], Any]:
        """Where the value comes from."""
        return self.read or attrgetter(self.name)

    @property
    def tag(self) -> str:
        """The name in XML."""
        return self.element or camel(self.name)


@dataclass(frozen=True, slots=True)
class Shape:
    """One resource: an element `name`, a list of them `plural`, in JSON under `key`."""

    name: str
    plural: str
    key: str
    fields: tuple[Field, ...]
    whole: str = ""
    """A field with the path of a URI, which JSON tells whole."""
    readers: tuple[tuple[str, str, Callable[[Any], Any]], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Prepare what every answer needs."""
        readers = tuple((one.name, one.tag, one.reader) for one in self.fields)
        object.__setattr__(self, "readers", readers)

    def schema(self) -> dict[str, Any]:
        """The JSON schema of one resource: every field is there, and no other."""
        return {
            "type": "object",
            "properties": {one.name: dict(one.schema) for one in self.fields},
            "required": [one.name for one in self.fields],
            "additionalProperties": False,
        }


def updated(record: Any) -> datetime:
    """When a record last changed: when it was made, if it never did."""
    moment: datetime = record.date_updated or record.date_created
    return moment


CREATED: Final = Field("date_created", nullable(DATE))
UPDATED: Final = Field("date_updated", nullable(DATE), updated)
ACCOUNT_SID: Final = Field("account_sid", sid("AC"))


def link(*parts: str) -> Callable[[Any], Link]:
    """Read the URI of a record: path below its account, `{name}` being attributes of it."""
    template = "/".join(("/2010-04-01/Accounts/{0.account_sid}", *parts))

    def read(record: Any) -> Link:
        return Link(template.format(record))

    return read


def uri(path: str) -> Field:
    """The field `uri` of a resource at a path below its account: `Calls/{0.sid}`."""
    return Field("uri", URI, link(path))


def subresources(path: str, **names: str) -> Field:
    """The field `subresource_uris`: names and paths below that of the resource."""
    whole = link(path)

    def read(record: Any) -> dict[str, Link]:
        above = whole(record)
        return {name: Link(f"{above}/{below}") for name, below in names.items()}

    return Field("subresource_uris", {"type": "object", "additionalProperties": {"type": "string"}}, read)
