"""Application: a call that an application conducts. 2010-04-01 clause 2.6."""

# Covers: twiml/nouns/parameters.py

import pytest
from dial_rig import dial, only
from twiml_calls import V2008, codes

SID = "AP" + "a" * 32


@pytest.mark.conforms("2010-04-01/2.6.5/Application")
def test_an_application_is_named_by_its_sid() -> None:
    for inside in (f" {SID} ", f"<ApplicationSid>{SID}</ApplicationSid>"):
        target = only(dial(f"<Application>{inside}</Application>"))
        assert (target.to, target.headers) == (f"app:{SID}", ())
    assert 13215 in codes(f"<Dial><Application>{SID}</Application></Dial>", V2008)


@pytest.mark.parametrize("sid", ["", "AP1", "AC" + "a" * 32])
def test_what_is_no_sid_of_an_application(sid: str) -> None:
    assert codes(f"<Dial><Application>{sid}</Application></Dial>") == [13223, 13223]


@pytest.mark.conforms("2010-04-01/2.6.5/Application")
def test_what_it_is_told() -> None:
    target = only(
        dial(
            f"""<Application customerId="C 7" copyParentTo="true"><ApplicationSid>{SID}</ApplicationSid>
            <Parameter name="Colour" value="red &amp; blue"/><Parameter name="é" value="x"/></Application>"""
        )
    )
    assert target.headers == (("X-Ringback-Told", "Colour=red+%26+blue&CustomerId=C+7&To=%2B14155550199"),)


def test_a_customer_has_a_name_of_some_length() -> None:
    assert codes(f'<Dial><Application customerId="">{SID}</Application></Dial>') == [12200]
    assert codes(f'<Dial><Application customerId="{"x" * 257}">{SID}</Application></Dial>') == [12200]


def test_it_stands_alone() -> None:
    inside = f"<Number>+14155550111</Number><Application>{SID}</Application><Client>anna</Client>"
    assert codes(f"<Dial>{inside}</Dial>") == [12200]
    assert only(dial(inside)).to == f"app:{SID}"
