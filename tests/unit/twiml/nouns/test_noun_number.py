"""Number: whom it calls, and the keys that are pressed then."""

import pytest
from dial_rig import dial, only
from twiml_calls import BOTH, codes

from ringback.model.status import ApiVersion


@pytest.mark.parametrize("version", BOTH)
def test_a_number_and_keys_for_it(version: ApiVersion) -> None:
    target = only(dial('<Number sendDigits="1W2w#">(415) 555-0111</Number>', version=version))
    assert (target.to, target.send_keys) == ("+14155550111", "1W2w#")
    assert only(dial("<Number>+14155550111</Number>", version=version)).send_keys == ""


@pytest.mark.parametrize("keys", ["E", "1 2", "1" * 1001])
def test_what_is_no_key_is_not_pressed(keys: str) -> None:
    inside = f'<Number sendDigits="{keys}">+14155550111</Number>'
    assert codes(f"<Dial>{inside}</Dial>") == [13222]
    assert only(dial(inside)).send_keys == ""
