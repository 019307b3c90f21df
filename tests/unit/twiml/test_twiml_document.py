"""Documents: what is TwiML, what is not, and what each fault is called.

2008-08-01 clauses 1.6 and 2.1; 2010-04-01 clause 1.
"""

# Covers: twiml/xml.py

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twiml_calls import BOTH, V2008, V2010, codes, read

from ringback.model.status import ApiVersion
from ringback.speech.normalise import Segment
from ringback.twiml.document import MAX_DOCUMENT, Document, TwimlError, read_document
from ringback.twiml.verbs import NOT_YET, RENDERED
from ringback.twiml.verbs.hangup import Hangup
from ringback.twiml.verbs.play import PlayBody
from ringback.twiml.verbs.say import Say


def error(body: bytes, content_type: str = "text/xml", version: ApiVersion = V2010) -> TwimlError:
    with pytest.raises(TwimlError) as caught:
        read_document(body, content_type, version)
    return caught.value


def said(document: Document) -> str:
    return " / ".join(verb.content() for verb in document.verbs if isinstance(verb, Say))


# -- content types -------------------------------------------------------------------------------------------------


@pytest.mark.conforms("2008-08-01/1.6/xml", "2010-04-01/1/types")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    "content_type", ["text/xml", "application/xml", "text/html", "Text/XML; charset=UTF-8", "text/html;charset=utf-8"]
)
def test_three_content_types_are_twiml(version: ApiVersion, content_type: str) -> None:
    assert said(read_document(b"<Response><Say>Hi</Say></Response>", content_type, version)) == "Hi"


@pytest.mark.conforms("2008-08-01/1.6/audio", "2010-04-01/1/audio")
@pytest.mark.parametrize("version", BOTH)
def test_audio_is_played_and_the_call_ends(version: ApiVersion) -> None:
    document = read_document(b"\0" * 100_000, "audio/mpeg", version)
    assert document.verbs == (PlayBody(b"\0" * 100_000, "audio/mpeg"), Hangup())


@pytest.mark.conforms("2008-08-01/1.6/text", "2010-04-01/1/plain-text")
@pytest.mark.parametrize("version", BOTH)
def test_plain_text_is_spoken_and_the_call_ends(version: ApiVersion) -> None:
    say, hangup = read_document("Grüße,\n Welt".encode(), "text/plain", version).verbs
    assert isinstance(say, Say)
    assert isinstance(hangup, Hangup)
    assert say.segments == (Segment("Grüße, Welt"),)
    assert say.language == ("en" if version is V2008 else "")


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("iso-8859-1", "Grüße"),
        ("utf-16", "Grüße"),
        ("nonsense", "Gr��e"),
        ("rot13", "Gr��e"),
        ("unicode_escape", "Gr��e"),
        ("idna", "Gr��e"),
    ],
)
def test_plain_text_has_the_charset_it_says(charset: str, text: str) -> None:
    body = "Grüße".encode(charset if charset.startswith("utf") else "iso-8859-1")
    assert said(read_document(body, f'text/plain; charset="{charset}"', V2010)) == text


@pytest.mark.conforms("2010-04-01/1/plain-twiml")
def test_plain_text_that_is_twiml_is_twiml_in_2010() -> None:
    body = b"<Response><Say>Hi</Say></Response>"
    assert said(read_document(body, "text/plain", V2010)) == "Hi"
    assert said(read_document(body, "text/plain", V2008)) == body.decode()
    assert said(read_document(b"<p>Hi</p>", "text/plain", V2010)) == "<p>Hi</p>"


@pytest.mark.parametrize("version", BOTH)
def test_long_plain_text_is_cut_with_a_warning(version: ApiVersion) -> None:
    document = read_document(b"x" * 5000, "text/plain", version)
    assert len(said(document)) == 4096
    assert [warning.code for warning in document.warnings] == [13521]


@pytest.mark.conforms("2008-08-01/1.6/other", "2010-04-01/1/other-type")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("content_type", ["image/png", "application/json", "application/xhtml+xml", "video/mp4", "x"])
def test_other_content_types_are_12300(version: ApiVersion, content_type: str) -> None:
    fault = error(b"<Response/>", content_type, version)
    assert fault.code == 12300
    assert content_type in fault.message


@pytest.mark.conforms("2008-08-01/1.6/none")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("content_type", ["", " ", "; charset=utf-8"])
def test_no_content_type_is_11200(version: ApiVersion, content_type: str) -> None:
    assert error(b"<Response/>", content_type, version).code == 11200


@pytest.mark.conforms("2010-04-01/1/empty")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("content_type", ["text/xml", "", "image/png", "text/plain", "audio/wav"])
@pytest.mark.parametrize("body", [b"", b" \r\n"])
def test_an_empty_answer_has_nothing_to_do(version: ApiVersion, content_type: str, body: bytes) -> None:
    assert read_document(body, content_type, version) == Document(version=version)


# -- the document --------------------------------------------------------------------------------------------------


@pytest.mark.conforms("2008-08-01/2.1/empty")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("body", [b"<Response/>", b"<Response></Response>", b"<?xml version='1.0'?>\n<Response/>\n"])
def test_an_empty_response_has_nothing_to_do(version: ApiVersion, body: bytes) -> None:
    assert read_document(body, "text/xml", version) == Document(version=version)


@pytest.mark.conforms("2008-08-01/2.1/order")
@pytest.mark.parametrize("version", BOTH)
def test_verbs_stand_in_their_order(version: ApiVersion) -> None:
    document = read("<Pause/><Say>a</Say><Hangup/><Gather/>", version)
    assert [verb.name for verb in document.verbs] == ["Pause", "Say", "Hangup", "Gather"]


@pytest.mark.conforms("2008-08-01/2.1/comments", "2010-04-01/1/root")
@pytest.mark.parametrize("version", BOTH)
def test_comments_and_instructions_are_ignored(version: ApiVersion) -> None:
    document = read("<!-- a --><Say>one <!-- b -->two<?php echo ?> three</Say><?xml-stylesheet a?>", version)
    assert (said(document), document.warnings) == ("one two three", ())


@pytest.mark.conforms("2008-08-01/2.1/root", "2008-08-01/2.1/names", "2010-04-01/1/root")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("root", ["response", "html", "Say", "Responses"])
def test_another_root_is_12102(version: ApiVersion, root: str) -> None:
    fault = error(f"<{root}/>".encode(), version=version)
    assert fault.code == 12102
    assert root in fault.message


@pytest.mark.conforms("2008-08-01/2.1/not-xml", "2010-04-01/1/broken")
@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<Response><Say>a</Response>", "Line 1, column 28: .*Say"),
        (b"<Response>\n <Say>Tom & Jerry</Say>\n</Response>", "Line 2, column 12.*&amp;"),
        (b" <?xml version='1.0'?><Response/>", "Line 1, column 7.*nothing before <.xml"),
        (b"<Response/><Response/>", "Line 1"),
        (b"Hello", "Line 1, column 1"),
        (b"<Response>&nbsp;</Response>", "nbsp"),
        (b"<Response><Say>\xff</Say></Response>", "Line 1"),
        (b"<Response><Say a='1' a='2'/></Response>", "redefined"),
        (b"<Response>\0</Response>", "Line 1"),
        (b"<?xml version='1.0' encoding='klingon'?><Response/>", "klingon|encoding"),
        (b"<" * 1000, "Line 1"),
        (b"<a>" * 300, "depth|Line"),
    ],
)
def test_broken_xml_is_12100_and_tells_where(body: bytes, what: str) -> None:
    fault = error(body)
    assert fault.code == 12100
    assert re.search(what, fault.message), fault.message


@pytest.mark.conforms("2008-08-01/1.4/size", "2008-08-01/9/document", "2010-04-01/1/size")
@pytest.mark.parametrize("version", BOTH)
def test_64_kb_are_the_limit(version: ApiVersion) -> None:
    frame = "<Response><!--{}--></Response>"
    exact = frame.format("x" * (MAX_DOCUMENT - len(frame) + 2)).encode()
    assert len(exact) == MAX_DOCUMENT
    read_document(exact, "text/xml", version)
    assert error(exact + b" ", version=version).code == 11750


@pytest.mark.conforms("2008-08-01/2.1/version")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("named", ["2008-08-01", "2010-04-01", " 2010-04-01 "])
def test_a_document_may_name_its_version(version: ApiVersion, named: str) -> None:
    document = read_document(f'<Response version="{named}"><Reject/></Response>'.encode(), "text/xml", version)
    assert document.version == named.strip()
    assert len(document.verbs) == (1 if document.version is V2010 else 0)


@pytest.mark.conforms("2008-08-01/2.1/version")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("named", ["", "1.0", "2009-01-01", "x" * 500])
def test_an_unknown_version_is_12101(version: ApiVersion, named: str) -> None:
    assert error(f'<Response version="{named}"/>'.encode(), version=version).code == 12101


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<?xml version='1.0' encoding='iso-8859-1'?><Response><Say>Grüße</Say></Response>".encode("latin-1"), "Grüße"),
        ("<?xml version='1.0' encoding='UTF-16'?><Response><Say>Grüße</Say></Response>".encode("utf-16"), "Grüße"),
        ("\ufeff<Response><Say>Grüße</Say></Response>".encode(), "Grüße"),
        ("<?xml version='1.0' encoding='shift_jis'?><Response><Say>今日</Say></Response>".encode("shift_jis"), "今日"),
        (b"<Response><Say>&#71;r&#xFC;&lt;&amp;&gt;</Say></Response>", "Grü<&>"),
        (b"<Response><Say><![CDATA[a < b & c]]></Say></Response>", "a < b & c"),
    ],
)
@pytest.mark.parametrize("content_type", ["text/xml", "text/html; charset=utf-8"])
def test_encodings(body: bytes, text: str, content_type: str) -> None:
    """A charset that a framework added, and that the document is not in, does no harm."""
    assert said(read_document(body, content_type, V2010)) == text


@pytest.mark.parametrize("content_type", ["text/xml; charset=ISO-8859-1", 'application/xml; charset="windows-1252"'])
def test_the_charset_of_the_header_counts(content_type: str) -> None:
    body = "<Response><Say>Grüße</Say></Response>".encode("latin-1")
    assert said(read_document(body, content_type, V2010)) == "Grüße"


def test_an_unknown_charset_is_ignored() -> None:
    assert said(read_document("<Response><Say>ü</Say></Response>".encode(), "text/xml; charset=klingon", V2010)) == "ü"


# -- what must not happen ------------------------------------------------------------------------------------------

SECRET = "<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
LAUGHS = "<!DOCTYPE r [<!ENTITY a '{}'>{}]>".format(
    "x" * 100, "".join(f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
)


@pytest.mark.parametrize("version", BOTH)
def test_entities_are_not_expanded(version: ApiVersion) -> None:
    document = read_document(f"{SECRET}<Response><Say>a &x; b</Say></Response>".encode(), "text/xml", version)
    assert said(document) == "a b"
    assert [warning.code for warning in document.warnings] == [12200]
    assert "&x;" in document.warnings[0].message


@pytest.mark.parametrize("place", ["<Say>&i;</Say>", "<Say voice='&i;'>a</Say>", "&i;"])
def test_entities_that_grow_do_no_harm(place: str) -> None:
    try:
        document = read_document(f"{LAUGHS}<Response>{place}</Response>".encode(), "text/xml", V2010)
    except TwimlError as fault:
        assert fault.code == 12100
    else:
        assert all(len(warning.message) < 500 for warning in document.warnings)


def test_a_dtd_from_elsewhere_is_not_loaded() -> None:
    body = b"<!DOCTYPE Response SYSTEM 'http://127.0.0.1:1/twiml.dtd'><Response><Say>a</Say></Response>"
    assert said(read_document(body, "text/xml", V2010)) == "a"


@pytest.mark.parametrize("version", BOTH)
def test_huge_numbers_of_faults_are_told_a_hundred_times(version: ApiVersion) -> None:
    document = read("<a/>" * 16_000, version)
    assert len(document.warnings) == 101
    assert "more warnings follow" in document.warnings[-1].message


@pytest.mark.parametrize("inside", ["<Say>{}</Say>", "<Gather>{}</Gather>", "{}"])
def test_deep_nesting_is_survived(inside: str) -> None:
    deep = inside.format("<s>" * 240 + "x" + "</s>" * 240)
    assert isinstance(read(deep), Document)


# -- what is not rendered ------------------------------------------------------------------------------------------


@pytest.mark.conforms("2008-08-01/2.1/unknown-element", "2010-04-01/1/unknown")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("element", ["say", "SAY", "Number", "Message", "Conference", "Nonsense", "Client"])
def test_unknown_elements_are_skipped_with_a_warning(version: ApiVersion, element: str) -> None:
    document = read(f"<Say>a</Say>\n<{element}/>\n<Say>b</Say>", version)
    assert said(document) == "a / b"
    (warning,) = document.warnings
    assert (warning.code, warning.line) == (12200, 2)
    assert warning.message == f"line 2: there is no verb {element}; it is skipped"


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("name", NOT_YET)
def test_verbs_that_are_not_rendered_yet_say_so(version: ApiVersion, name: str) -> None:
    document = read(f"<Say>a</Say><{name} action='/x'><Number>1</Number></{name}><Say>b</Say>", version)
    assert said(document) == "a / b"
    (warning,) = document.warnings
    if NOT_YET[name] > version:
        assert warning.code == 13750
        assert f"there is no {name} before 2010-04-01" in warning.message
    else:
        assert warning.code == 12200
        assert f"this version of Ringback does not render {name} yet" in warning.message


def test_the_two_lists_of_verbs_have_nothing_in_common() -> None:
    assert not set(RENDERED) & set(NOT_YET)
    assert sorted(RENDERED) == [
        "Dial", "Echo", "Enqueue", "Gather", "Hangup", "Leave", "Pause", "Play", "Record", "Redirect", "Reject", "Say",
        "Sms",
    ]  # fmt: skip


OF_2008 = ("Say", "Play", "Gather", "Record", "Dial", "Sms", "Redirect", "Pause", "Hangup")


@pytest.mark.conforms("2008-08-01/2.1/nesting-response", "2010-04-01/1/nesting")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("name", sorted({*RENDERED, "Number", "Conference", "Client", "Sip", "Body", "Response"}))
def test_verbs_stand_in_response_and_nothing_else_does(name: str, version: ApiVersion) -> None:
    """2010-04-01 has more verbs; no noun is one."""
    verbs = OF_2008 if version is V2008 else RENDERED
    document = read(f"<{name}>http://app.example/+14155550111</{name}>", version)
    assert [verb.name for verb in document.verbs] == ([name] if name in verbs else [])
    if name not in verbs:
        later = name in RENDERED
        assert [warning.code for warning in document.warnings] == [13750 if later else 12200]


@pytest.mark.conforms("2008-08-01/2.1/unknown-attribute", "2010-04-01/1/unknown")
@pytest.mark.parametrize("version", BOTH)
def test_stray_text_and_attributes_are_warnings(version: ApiVersion) -> None:
    assert codes("Hello<Pause/>", version) == [12200]
    document = read_document(b"<Response lang='en'/>", "text/xml", version)
    assert [warning.code for warning in document.warnings] == [12200]


def test_namespaces_do_not_matter() -> None:
    body = (
        b'<Response xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="a.xsd"'
        b' xmlns="http://example/twiml"><Say xml:lang="en" voice="woman">Hi</Say></Response>'
    )
    document = read_document(body, "text/xml", V2010)
    assert (said(document), document.warnings) == ("Hi", ())


# -- anything at all -----------------------------------------------------------------------------------------------

GOOD = (
    b'<?xml version="1.0" encoding="UTF-8"?><Response version="2010-04-01"><Gather action="/a" numDigits="1" '
    b'input="dtmf speech"><Say voice="Polly.Amy" loop="2">Hello <break time="1s"/><say-as interpret-as="date" '
    b'format="mdy">1/2/2030</say-as> <prosody rate="slow">there</prosody></Say><Play>tune.wav</Play><Pause length="2"/>'
    b'</Gather><Dial>1</Dial><Play digits="1w"/><Redirect method="GET">x</Redirect>'
    b'<Reject reason="busy"/><Hangup/></Response>'
)
NAMES = st.sampled_from(
    [*RENDERED, *NOT_YET, "break", "s", "p", "sub", "say-as", "prosody", "lang", "Response", "x", "a:b"]
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["voice", "language", "loop", "length", "digits", "method", "action", "timeout", "finishOnKey"])
    | st.sampled_from(
        ["numDigits", "input", "hints", "time", "strength", "rate", "alias", "reason", "interpret-as", "x"]
    ),
    st.text(max_size=12).map(lambda text: re.sub(r"[<&'\0-\x1f\ud800-\udfff\ufffe\uffff]", "", text))
    | st.integers().map(str),
    max_size=3,
)


def element(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def build(name: str, attributes: dict[str, str], inside: list[str]) -> str:
        told = "".join(f" {key}='{value}'" for key, value in attributes.items())
        return f"<{name}{told}>{''.join(inside)}</{name}>"

    return st.builds(build, NAMES, ATTRIBUTES, st.lists(children, max_size=4))


MARKUP = st.recursive(st.sampled_from(["", "text", "&amp;", "<!-- c -->"]), element, max_leaves=12)


def accepts_or_refuses(body: bytes, content_type: str, version: ApiVersion) -> None:
    try:
        document = read_document(body, content_type, version)
    except TwimlError as fault:
        assert fault.code in (11200, 11750, 12100, 12101, 12102, 12300)
    else:
        assert isinstance(document, Document)


@given(st.binary(max_size=200), st.sampled_from(["text/xml", "text/plain", "text/html; charset=utf-16", "audio/x", ""]))
def test_any_bytes_are_a_document_or_a_twiml_error(body: bytes, content_type: str) -> None:
    for version in BOTH:
        accepts_or_refuses(body, content_type, version)


@pytest.mark.slow
@given(st.data())
def test_a_damaged_document_is_a_document_or_a_twiml_error(data: st.DataObject) -> None:
    body = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        stop = data.draw(st.integers(start, min(start + 20, len(body))))
        body[start:stop] = data.draw(st.binary(max_size=5) | st.just(bytes(body[start:stop]) * 2))
    accepts_or_refuses(bytes(body), "text/xml", data.draw(st.sampled_from(BOTH)))


@pytest.mark.slow
@given(st.lists(MARKUP, max_size=4), st.sampled_from(BOTH))
def test_well_formed_markup_is_always_a_document(inside: list[str], version: ApiVersion) -> None:
    body = f"<Response xmlns:a='urn:a'>{''.join(inside)}</Response>".encode()
    assert isinstance(read_document(body, "text/xml", version), Document)


@given(st.text(max_size=80))
def test_any_content_type_is_survived(content_type: str) -> None:
    accepts_or_refuses(GOOD, content_type, V2010)
    accepts_or_refuses(GOOD, f"text/plain;charset={content_type}", V2010)
    accepts_or_refuses(GOOD, f"text/xml;charset={content_type}", V2010)
