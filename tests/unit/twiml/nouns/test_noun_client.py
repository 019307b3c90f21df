"""Client: phones by name."""

# Covers: twiml/nouns/parameters.py

import pytest
from dial_rig import dial, only
from twiml_calls import V2008, codes


def test_a_client_has_a_name() -> None:
    assert only(dial("<Client>anna</Client>")).to == "client:anna"
    assert 13215 in codes("<Dial><Client>anna</Client></Dial>", V2008)
    assert codes("<Dial><Client> </Client></Dial>") == [13223, 13223]


@pytest.mark.conforms("2010-04-01/2.6.2/Parameter")
def test_a_client_is_told_parameters_as_headers() -> None:
    inside = """<Client><Identity> anna </Identity>
        <Parameter name="order" value="12 rolls"/><Parameter name="Shop" value="main&#13;&#10;Evil: 1"/></Client>"""
    target = only(dial(inside))
    assert (target.to, target.headers) == ("client:anna", (("X-order", "12 rolls"), ("X-Shop", "main Evil: 1")))
    assert codes(f"<Dial>{inside}</Dial>") == []


@pytest.mark.parametrize(
    "inside",
    [
        '<Parameter name="two words" value="x"/>',
        '<Parameter value="x"/>',
        f'<Parameter name="long" value="{"x" * 1021}"/>',
        "<Nonsense/>",
    ],
)
def test_what_a_client_cannot_be_told_is_left_out(inside: str) -> None:
    markup = f"<Client>anna{inside}</Client>"
    assert codes(f"<Dial>{markup}</Dial>") == [12200]
    assert only(dial(markup)).headers == ()
