"""Reading elements: the warnings name the element, the line and what to write instead."""

from dataclasses import dataclass

from lxml import etree
from twiml_calls import V2008, V2010

from ringback.twiml.attributes import attribute, boolean, integer
from ringback.twiml.reader import MAX_WARNINGS, DocumentWarning, Reader, name_of, shorten


@dataclass(frozen=True)
class Sample:
    loop: int = attribute(integer(0), 1, code=13510, nested_code=13322)
    limit: int | None = attribute(integer(0), None, code=13314)
    fresh: bool = attribute(boolean, False, since=V2010)


def element(text: str) -> etree._Element:
    return etree.fromstring(text, etree.XMLParser(resolve_entities=False, remove_comments=True))


def test_values_are_read_and_their_blanks_do_not_count() -> None:
    reader = Reader(V2010)
    assert reader.attributes(Sample, element('<Say loop=" 3 " fresh="true"/>')) == {"loop": 3, "fresh": True}
    assert reader.warnings == []


def test_bad_values_are_left_out_and_told_with_the_default() -> None:
    reader = Reader(V2010)
    assert reader.attributes(Sample, element('<a>\n<Say loop="x" limit="y"/></a>')[0]) == {}
    assert reader.warnings == [
        DocumentWarning(
            13510, 'line 2: Say loop="x" is not valid: it takes a whole number of at least 0; "1" is used', 2
        ),
        DocumentWarning(
            13314, 'line 2: Say limit="y" is not valid: it takes a whole number of at least 0; its default is used', 2
        ),
    ]


def test_inside_gather_a_bad_value_may_have_another_code() -> None:
    reader = Reader(V2010)
    reader.attributes(Sample, element('<Say loop="x"/>'), nested=True)
    assert [warning.code for warning in reader.warnings] == [13322]


def test_unknown_attributes_and_those_of_a_later_version_are_told() -> None:
    reader = Reader(V2008)
    assert reader.attributes(Sample, element('<Say fresh="true" odd="1" xml:space="preserve"/>')) == {}
    assert [warning.message for warning in reader.warnings] == [
        "line 1: Say has no attribute fresh before 2010-04-01; it is ignored",
        "line 1: Say has no attribute odd; it is ignored",
    ]


def test_text_is_tidied_and_elements_in_it_are_told() -> None:
    reader = Reader(V2010)
    assert reader.text(element("<Play> a\n<b>c</b> d </Play>")) == "a d"
    assert [warning.message for warning in reader.warnings] == ["line 2: b may not stand inside Play; it is ignored"]


def test_empty_elements_are_empty() -> None:
    reader = Reader(V2010)
    reader.nothing(element("<Pause>\n \n</Pause>"))
    assert reader.warnings == []
    reader.nothing(element("<Pause>a<b/></Pause>"))
    assert [warning.message for warning in reader.warnings] == [
        "line 1: Pause takes no text; it is ignored",
        "line 1: b may not stand inside Pause; it is ignored",
    ]


def test_entities_are_told() -> None:
    reader = Reader(V2010)
    assert reader.text(element("<!DOCTYPE a [<!ENTITY x 'y'>]><Play>a&x;b</Play>")) == "ab"
    assert [warning.message for warning in reader.warnings] == ["line 1: the entity &x; is not expanded"]


def test_warnings_have_an_end() -> None:
    reader = Reader(V2010)
    for _ in range(MAX_WARNINGS * 3):
        reader.warn(12200, "again", element("<a/>"))
    assert len(reader.warnings) == MAX_WARNINGS + 1
    assert reader.warnings[-1].message == "line 1: more warnings follow and are not told"


def test_long_values_are_shortened() -> None:
    assert shorten("x" * 60) == "x" * 60
    assert shorten("x" * 61) == "x" * 59 + "…"
    assert shorten("abcdef", 3) == "ab…"


def test_names_have_no_namespace() -> None:
    assert name_of(element('<Say xmlns="urn:x"/>')) == "Say"
