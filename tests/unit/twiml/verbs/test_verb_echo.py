"""Echo, 2010-04-01 clause 2.3: no attributes; it sends back what it hears until the caller hangs up."""

import pytest
from twiml_calls import V2008, codes, take

from ringback.model.status import CallStatus
from ringback.testing.fake_call import FakeCall, HangUp


@pytest.mark.conforms("2010-04-01/2.3/Echo")
def test_it_sends_back_what_it_hears_until_the_caller_hangs_up() -> None:
    taken = take("<Say>a</Say><Echo/><Say>never</Say>", [HangUp(20)])
    ((_, began),) = taken.times
    assert taken.call.echoes == [(pytest.approx(began, abs=0.001), 20)]
    assert (taken.heard, taken.call.status) == (["a"], CallStatus.COMPLETED)


def test_a_call_without_audio_goes_on_below(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_audio(_call: FakeCall) -> None:
        """As the port has it."""

    monkeypatch.setattr(FakeCall, "echo", no_audio)
    taken = take("<Echo/><Say>below</Say>")
    assert (taken.results()[0], taken.heard) == (("Echo", "no audio"), ["below"])


def test_it_has_neither_attributes_nor_content() -> None:
    assert codes('<Echo volume="x">text<Say>x</Say></Echo>') == [12200] * 3


def test_2008_has_none() -> None:
    assert codes("<Echo/>", V2008) == [13750]
