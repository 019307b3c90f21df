"""What is told when a call cannot be made."""

import pytest

from ringback.app.phone.errors import CallRefused, NoServer


@pytest.mark.parametrize(
    ("code", "text", "hint"),
    [
        (404, "the server has no number +1 (404 Not Found)", "ringback numbers list"),
        (403, "the server takes no calls from this address (403 Not Found)", "sip.allow"),
        (486, "+1 is busy (486 Not Found)", None),
        (503, "the server takes no further call now (503 Not Found)", "calls.max_concurrent"),
        (699, "the server refused the call (699 Not Found)", None),
    ],
)
def test_a_refusal_says_what_it_means_and_what_to_do(code: int, text: str, hint: str | None):
    error = CallRefused(code, "Not Found", "+1")
    assert str(error) == text
    assert error.code == code
    assert error.hint is None if hint is None else hint in str(error.hint)


def test_a_missing_server_has_a_likely_cause():
    error = NoServer("127.0.0.1", 5060, "UDP", "waited 5 s")
    assert str(error) == "no SIP server answers at 127.0.0.1:5060 over UDP (waited 5 s)"
    assert "`ringback serve`" in str(error.hint)
