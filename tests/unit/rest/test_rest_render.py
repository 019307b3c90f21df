"""Values and resources in JSON, XML, CSV and HTML."""

# Covers: rest/shapes.py

import csv
import io
import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import text
from lxml import etree

from ringback.rest import render
from ringback.rest.shapes import TEXT, Field, Link, Shape, enumeration, link, nullable, words

MOMENT = datetime(2019, 10, 18, 19, 0, tzinfo=timezone(timedelta(hours=2)))


class Colour(StrEnum):
    RED = "red"


@dataclass
class Record:
    sid: str
    value: Any
    account_sid: str = "AC1"


SHAPE = Shape("Thing", "Things", "things", (Field("sid"), Field("some_value", read=lambda one: one.value)))


@pytest.mark.conforms("2010-04-01/8/dates", "2010-04-01/8/null")
@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, None), (True, True), (7, 7), (0.5, 0.5), ("x", "x"), (MOMENT, "Fri, 18 Oct 2019 17:00:00 +0000"),
        (Link("/a"), "/a.json"),
        ({"a": Link("/a"), "b": MOMENT}, {"a": "/a.json", "b": "Fri, 18 Oct 2019 17:00:00 +0000"}),
        (Colour.RED, "red"), (("x", Colour.RED), ["x", "red"]), ([{"a": None}], [{"a": None}]),
        (MOMENT.date(), "2019-10-18"),
    ],
)  # fmt: skip
def test_json_values(value: Any, told: Any) -> None:
    assert render.plain(value) == told
    assert json.loads(render.to_json(render.json_2010(SHAPE, Record("TH1", value))))["some_value"] == told


def test_a_map_that_is_no_dict_is_a_map() -> None:
    class Sorted(dict[str, Any]):
        pass

    assert render.plain(Sorted(a=MOMENT)) == {"a": "Fri, 18 Oct 2019 17:00:00 +0000"}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "<X/>"), ("", "<X/>"), (True, "<X>true</X>"), (False, "<X>false</X>"), (0, "<X>0</X>"),
        ("a<b>&", "<X>a&lt;b&gt;&amp;</X>"), ("a\x00\x1b\ufffeb", "<X>ab</X>"),
        (MOMENT, "<X>Fri, 18 Oct 2019 17:00:00 +0000</X>"), ({"call_sid": "CA"}, "<X><CallSid>CA</CallSid></X>"),
        (Link("/a"), "<X>/a</X>"), ([], "<X/>"), (["a", "b"], "<X><X>a</X><X>b</X></X>"),
    ],
)  # fmt: skip
def test_xml_values(value: Any, told: str) -> None:
    assert render.element("X", value) == told


def test_the_elements_of_a_list_have_its_name_in_the_singular() -> None:
    assert render.element("Numbers", ["1", "2"]) == "<Numbers><Number>1</Number><Number>2</Number></Numbers>"
    assert render.element("s", ["1"]) == "<s><Item>1</Item></s>"


@given(text())
def test_any_text_makes_an_xml_document(value: str) -> None:
    record = Record("TH1", value)
    for inner in (render.xml_resource(SHAPE, record), render.xml_list(SHAPE, [record, record], {"uri": "/a?b&c"})):
        root = etree.fromstring(render.xml_document(inner))
        assert root.tag == "TwilioResponse"
        assert root.findtext(".//Sid") == "TH1"
    assert render.to_json(value)  # lone surrogates too


@pytest.mark.conforms("2008-08-01/4/csv")
@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"), ("@x", "'@x"), ("\tx", "'\tx"), ("-x", "'-x"), ("+x", "'+x"),
        ("+14155550100", "+14155550100"),
        ("-0.5", "-0.5"), (None, ""), (True, "true"), ({"a": 1}, '{"a":1}'), (["=x"], '["=x"]'),
        ('say "hi",\r\nnow', 'say "hi",\r\nnow'),
    ],
)  # fmt: skip
def test_a_cell_is_never_a_formula(value: Any, cell: str) -> None:
    rows = list(csv.reader(io.StringIO(render.csv_rows(SHAPE, [Record("TH1", value)]).decode(), newline="")))
    assert rows == [["Sid", "SomeValue"], ["TH1", cell]]


@pytest.mark.conforms("2008-08-01/4/json-shape", "2008-08-01/4/html")
def test_a_resource_of_2008() -> None:
    assert render.json_2008(SHAPE, Record("TH1", 7)) == {"Thing": {"Sid": "TH1", "SomeValue": "7"}}
    assert render.json_2008(SHAPE, Record("", None)) == {"Thing": {"Sid": None, "SomeValue": None}}
    page = render.html_2008(201, SHAPE, [Record("TH1", "<b>")]).decode()
    assert "<title>201</title>" in page
    assert '<div class="thing"><div class="sid">TH1</div><div class="some-value">&lt;b&gt;</div></div>' in page
    assert render.dashed("VoiceUrl2Go") == "voice-url2-go"


def test_a_shape_has_a_schema_and_links() -> None:
    shape = Shape(
        "Thing", "Things", "things", (Field("sid", TEXT), Field("colour", nullable(enumeration(Colour)))), "uri"
    )
    assert shape.schema() == {
        "type": "object", "required": ["sid", "colour"], "additionalProperties": False,
        "properties": {"sid": {"type": "string"}, "colour": {"type": ["string", "null"], "enum": ["red", None]}},
    }  # fmt: skip
    assert words("a", "b") == {"type": "string", "enum": ["a", "b"]}
    assert link("Things/{0.sid}")(Record("TH1", 0)) == "/2010-04-01/Accounts/AC1/Things/TH1"
    whole = Shape("Thing", "Things", "things", (Field("sid"),), whole="sid")
    assert render.json_2010(whole, Record("/TH1", 0), "http://127.0.0.1") == {"sid": "http://127.0.0.1/TH1"}
