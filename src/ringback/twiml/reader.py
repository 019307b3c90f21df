"""Reading elements: what verbs share when they are built from XML, and the warnings that come up on the way."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from ringback.model.status import ApiVersion
from ringback.twiml.attributes import SCHEMA, BadValueError, attributes_of

MAX_WARNINGS = 100
"""As many are told of one document: the first ones help, thousands would only fill the timeline."""


@dataclass(frozen=True, slots=True)
class DocumentWarning:
    """Something in a document that was ignored or replaced."""

    code: int
    message: str
    line: int


def shorten(text: str, length: int = 60) -> str:
    """Cut a value of the application down to what a message can hold."""
    return text if len(text) <= length else text[: length - 1] + "…"


def name_of(element: etree._Element) -> str:
    """The name of an element without its namespace: TwiML has none, but applications give it one now and then."""
    return str(element.tag).rpartition("}")[2]


class Reader:
    """Reads the elements of one document for one version of the language and collects the warnings."""

    def __init__(self, version: ApiVersion) -> None:
        self.version = version
        self.warnings: list[DocumentWarning] = []

    def warn(self, code: int, message: str, element: etree._Element) -> None:
        """Record a warning about an element. The message names the element; the line is added."""
        # lxml counts lines from 1, and knows them for everything that it parsed.
        line = element.sourceline or 0
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(DocumentWarning(code, f"line {line}: {message}", line))
        elif len(self.warnings) == MAX_WARNINGS:
            self.warnings.append(DocumentWarning(SCHEMA, f"line {line}: more warnings follow and are not told", line))

    def attributes(self, verb: type, element: etree._Element, *, nested: bool = False) -> dict[str, Any]:
        """Read the attributes of an element as keyword arguments for a verb; bad ones are left out, with a warning.

        A verb whose `later_code` is set has a code of its own for attributes of a later version of the language.
        """
        values: dict[str, Any] = {}
        for name, text in element.attrib.items():
            # Attributes with a namespace (xml:space, xsi:schemaLocation) are not TwiML's to judge.
            if str(name).startswith("{"):
                continue
            self._attribute(verb, element, str(name), str(text), values, nested)
        return values

    def _attribute(
        self, kind: type, element: etree._Element, name: str, text: str, values: dict[str, Any], nested: bool
    ) -> None:
        verb, known = name_of(element), attributes_of(kind)
        if name not in known:
            self.warn(SCHEMA, f"{verb} has no attribute {shorten(name)}; it is ignored", element)
            return
        field, attribute = known[name]
        if attribute.since > self.version:
            code = getattr(kind, "later_code", SCHEMA)
            self.warn(code, f"{verb} has no attribute {name} before {attribute.since}; it is ignored", element)
            return
        try:
            values[field] = attribute.parse(text.strip(), self.version)
        except BadValueError as error:
            code = error.code or (attribute.nested_code if nested else attribute.code)
            default = f'"{attribute.default}"' if attribute.default not in (None, "") else "its default"
            told = f'{verb} {name}="{shorten(text)}" is not valid: it {error.message}; {default} is used'
            self.warn(code, told, element)

    def children(self, element: etree._Element, *, text_allowed: bool = False) -> Iterator[etree._Element]:
        """Go through the child elements. Stray text between them is told once, unless it belongs there."""
        if not text_allowed and any(piece.strip() for piece in _texts(element)):
            self.warn(SCHEMA, f"{name_of(element)} takes no text; it is ignored", element)
        for child in element:
            if isinstance(child.tag, str):
                yield child
            else:
                self.entity(child)

    def entity(self, node: etree._Element) -> None:
        """Tell of a node that is no element: the parser drops comments and processing instructions, which leaves
        references to entities of a DTD.
        """
        self.warn(SCHEMA, f"the entity {shorten(str(node.text))} is not expanded", node)

    def text(self, element: etree._Element) -> str:
        """Read the text of an element that takes no child elements."""
        self._misplaced(element, self.children(element, text_allowed=True))
        return " ".join("".join(_texts(element)).split())

    def nothing(self, element: etree._Element) -> None:
        """Make sure that an element is empty."""
        self._misplaced(element, self.children(element))

    def _misplaced(self, element: etree._Element, children: Iterable[etree._Element]) -> None:
        for child in children:
            told = f"{shorten(name_of(child))} may not stand inside {name_of(element)}; it is ignored"
            self.warn(SCHEMA, told, child)


def _texts(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        yield child.tail or ""
