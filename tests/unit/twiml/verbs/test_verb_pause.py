"""Pause. 2008-08-01 clause 2.9 and 2010-04-01 clause 2.3: length, a whole number above zero [1]."""

import pytest
from twiml_calls import BOTH, V2008, V2010, codes, take, verb

from ringback.model.status import ApiVersion


@pytest.mark.conforms(
    "2008-08-01/2.9/length",
    "2008-08-01/2.9/length-default",
    "2010-04-01/2.3/Pause-length",
    "2010-04-01/2.3/Pause-length-default",
)
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("attribute", "length"), [("", 1), ('length="1"', 1), ('length="10"', 10), ('length=" 3 "', 3)]
)
def test_length(version: ApiVersion, attribute: str, length: int) -> None:
    assert verb(f"<Pause {attribute}/>", version).length == length
    taken = take(f"<Say>{'x' * 15}</Say><Pause {attribute}/>", version=version)
    assert taken.call.ended_at == 1 + length
    assert taken.codes() == []


@pytest.mark.conforms("2008-08-01/2.9/length", "2008-08-01/2.9/length-default", "2010-04-01/2.3/Pause-length")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("length", ["0", "-1", "1.5", "x", "", "1s"])
def test_a_bad_length_is_a_warning_and_one_second(version: ApiVersion, length: str) -> None:
    markup = f'<Pause length="{length}"/>'
    assert codes(markup, version) == [13910]
    assert verb(markup, version).length == 1


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("inside", ["text", "<Say>x</Say>"])
def test_it_is_empty(version: ApiVersion, inside: str) -> None:
    assert codes(f"<Pause>{inside}</Pause>", version) == [12200]


@pytest.mark.conforms("2008-08-01/2.9/places")
@pytest.mark.parametrize("version", BOTH)
def test_it_stands_in_response_and_in_gather(version: ApiVersion) -> None:
    assert codes('<Pause length="2"/><Gather><Pause length="2"/></Gather>', version) == []
    assert codes("<Dial>+14155550111<Pause/></Dial>", version) == [13215]


@pytest.mark.conforms("2010-04-01/1/answering-pause")
def test_at_the_beginning_of_a_call_2010_lets_it_ring_and_2008_does_not() -> None:
    document = '<Pause length="4"/><Pause/><Say>x</Say>'
    assert take(document, version=V2008).call.answered_at == 0
    assert take(document, version=V2010).call.answered_at == 5
    assert take('<Pause length="4"/>', version=V2010).call.answered_at == 4


def test_what_follows_is_prepared_meanwhile() -> None:
    taken = take(f"<Say>a</Say><Pause/><Say>{'x' * 15}</Say>", speech_seconds=1.0)
    (_, first), (second, _) = taken.times
    assert second == pytest.approx(first + 1)
