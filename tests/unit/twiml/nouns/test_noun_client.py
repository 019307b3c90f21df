"""Client: phones by name."""

from dial_rig import dial, only
from twiml_calls import V2008, codes


def test_a_client_has_a_name() -> None:
    assert only(dial("<Client>anna</Client>")).to == "client:anna"
    assert 13215 in codes("<Dial><Client>anna</Client></Dial>", V2008)
