"""How the end of a call is told."""

import pytest

from ringback.app.phone.notes import End


@pytest.mark.parametrize(
    ("end", "said", "normal"),
    [
        (End("us"), "we hung up", True),
        (End("them", "hangup-verb"), "the other side hung up (hangup-verb)", True),
        (End("network", "no answer"), "the other side was lost (no answer)", False),
    ],
)
def test_an_end_says_whose_it_was(end: End, said: str, normal: bool):
    assert (str(end), end.normal) == (said, normal)
