"""Hangup. 2008-08-01 clause 2.10 and 2010-04-01 clause 2.3: no attributes; it ends the call, and answers it before."""

import pytest
from twiml_calls import BOTH, codes, take

from ringback.model.status import ApiVersion, CallStatus


@pytest.mark.conforms("2008-08-01/2.10/ends", "2010-04-01/2.3/Hangup")
@pytest.mark.parametrize("version", BOTH)
def test_it_ends_the_call(version: ApiVersion) -> None:
    taken = take("<Hangup/><Say>never</Say>", version=version)
    assert (taken.end.reason, taken.end.error_code) == ("hangup-verb", None)
    assert (taken.call.end_reason, taken.call.status) == ("hangup-verb", CallStatus.COMPLETED)
    assert taken.heard == []


@pytest.mark.conforms("2010-04-01/1/answering-hangup")
@pytest.mark.parametrize("version", BOTH)
def test_as_the_first_verb_it_still_answers(version: ApiVersion) -> None:
    assert take("<Hangup/>", version=version).call.answered_at == 0


@pytest.mark.conforms("2008-08-01/2.10/nothing")
@pytest.mark.parametrize("version", BOTH)
def test_it_has_neither_attributes_nor_content(version: ApiVersion) -> None:
    assert codes('<Hangup reason="x">text<Parameter name="a" value="b"/></Hangup>', version) == [12200] * 3
