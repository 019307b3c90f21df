"""The reference in docs/reference/twiml.md names what the language has: verbs, attributes, defaults and codes."""

import re
from pathlib import Path

import pytest

from ringback.model.errors import describe
from ringback.model.status import ApiVersion
from ringback.twiml.attributes import SCHEMA, attributes_of
from ringback.twiml.messaging.document import VERBS
from ringback.twiml.messaging.interpreter import MAX_DOCUMENTS
from ringback.twiml.messaging.message import MAX_MEDIA, Message
from ringback.twiml.messaging.session import MAX_REPLIES
from ringback.twiml.nouns.application import Application
from ringback.twiml.nouns.client import Client
from ringback.twiml.nouns.conference import Conference
from ringback.twiml.nouns.number import Number
from ringback.twiml.nouns.queue import Queue
from ringback.twiml.nouns.sip import Sip
from ringback.twiml.verbs import NOT_YET, RENDERED

REFERENCE = (Path(__file__).parents[3] / "docs" / "reference" / "twiml.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", REFERENCE, re.MULTILINE | re.DOTALL))


def rows(verb: str) -> dict[str, list[str]]:
    """The table of a verb's attributes, by name."""
    found = re.findall(r"^\| `(\w+)` \|(.*)\|$", SECTIONS[verb], re.MULTILINE)
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in found}


def shown(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


NOUNS = (Number, Client, Sip, Application, Queue, Conference)
ELEMENTS: dict[str, type] = {**RENDERED, **{noun.name: noun for noun in NOUNS}}


@pytest.mark.parametrize("verb", ELEMENTS)
def test_every_attribute_has_a_row_with_its_default_and_its_codes(verb: str) -> None:
    since = RENDERED[verb].since if verb in RENDERED else ApiVersion.V2008
    attributes = {name: attribute for name, (_, attribute) in attributes_of(ELEMENTS[verb]).items()}
    table = rows(verb)
    assert set(attributes) <= set(table)
    for name, attribute in attributes.items():
        default, bad = table[name][-2:]
        if attribute.default not in ("", None) and not isinstance(attribute.default, tuple):
            assert default == f"`{shown(attribute.default)}`", name
        if bad:
            assert str(attribute.code) in bad, name
            assert str(attribute.nested_code) in bad, name
        if attribute.since is ApiVersion.V2010 and since is ApiVersion.V2008:
            assert "2010-04-01" in "".join(table[name]), name


def test_messages_have_a_section_of_their_own() -> None:
    table = rows("Messages")
    for name, (_, attribute) in attributes_of(Message).items():
        default, bad = table[name][-2:]
        assert bad == ("" if attribute.code == SCHEMA else str(attribute.code)), name
        assert default == (f"`{attribute.default}`" if attribute.default else ""), name
    assert (MAX_REPLIES, MAX_MEDIA) == (10, 10), "the page says ten"
    assert f"at most {MAX_DOCUMENTS} documents" in SECTIONS["Messages"]
    assert set(VERBS) == {"Message", "Sms", "Redirect"}


def test_verbs_that_are_not_rendered_are_named_with_their_version() -> None:
    section = SECTIONS["Not rendered yet"]
    (line,) = re.findall(r"^- in 2010-04-01: (.*)$", section, re.MULTILINE)
    assert set(line.split(", ")) == set(NOT_YET)
    assert set(NOT_YET.values()) == {ApiVersion.V2010}


def test_every_code_is_one_that_has_a_meaning() -> None:
    named = {int(code) for code in re.findall(r"\b1[1-5]\d{3}\b", REFERENCE)} - {14400}
    assert len(named) > 30
    assert {code for code in named if describe(code).title == "Unnamed error"} == set()
