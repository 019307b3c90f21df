"""Documents are judged as calls would."""

import pytest

from ringback.app.judging import Finding, judge
from ringback.model.status import ApiVersion

V2008, V2010 = ApiVersion


def test_a_good_document_has_nothing_to_be_told() -> None:
    verdict = judge(b"<Response><Say>Hello</Say><Hangup/></Response>", "text/xml", V2010)
    assert (verdict.verbs, verdict.findings) == (("Say", "Hangup"), ())


def test_warnings_stand_in_the_order_of_their_lines() -> None:
    body = b"""<Response>
  <Gather timeout="soon">
    <Dance/>
  </Gather>
  <Say voice="bob">Hello</Say>
</Response>"""
    verdict = judge(body, "text/xml", V2010)
    assert [(finding.line, finding.code) for finding in verdict.findings] == [(2, 13313), (3, 13320), (5, 13511)]
    assert verdict.verbs == ("Gather", "Say")
    assert not any(finding.message.startswith("line") for finding in verdict.findings)


@pytest.mark.parametrize(
    ("body", "kind", "code", "line"),
    [
        (b"<Response>\n<Say>a & b</Say></Response>", "text/xml", 12100, 2),
        (b"<Answer/>", "text/xml", 12102, 0),
        (b"{}", "application/json", 12300, 0),
        (b"<Response version='1999-01-01'/>", "text/xml", 12101, 0),
    ],
)
def test_an_error_is_the_only_thing_to_be_told(body: bytes, kind: str, code: int, line: int) -> None:
    (finding,) = judge(body, kind, V2010).findings
    assert isinstance(finding, Finding)
    assert (finding.level, finding.code, finding.line) == ("error", code, line)


def test_the_version_decides() -> None:
    body = b"<Response><Reject/></Response>"
    assert judge(body, "text/xml", V2010).findings == ()
    (later,) = judge(body, "text/xml", V2008).findings
    assert (later.code, later.level) == (13750, "error")
    assert "Reject" not in judge(body, "text/xml", V2008).verbs


@pytest.mark.parametrize(
    ("inside", "version", "code", "level"),
    [
        ("<Dial><Sip username='u'>sip:a@b.example</Sip></Dial>", V2010, 13244, "warning"),
        ("<Dial>+14155550111<Sip>sip:a@b.example</Sip></Dial>", V2008, 13245, "warning"),
        ("<Dial><Conference coach='CA1'>x</Conference></Dial>", V2008, 13299, "error"),
        ("<Record maxLength='1'/>", V2008, 13617, "warning"),
    ],
)
def test_what_a_call_would_be_told_is_told(inside: str, version: ApiVersion, code: int, level: str) -> None:
    (finding,) = judge(f"<Response>{inside}</Response>".encode(), "text/xml", version).findings
    assert (finding.code, finding.level) == (code, level)


def test_a_message_has_other_verbs() -> None:
    body = b"<Response><Message>Hello</Message><Say>Hello</Say></Response>"
    verdict = judge(body, "text/xml", V2010, to_message=True)
    assert (verdict.verbs, [finding.code for finding in verdict.findings]) == (("Message",), [14110])
