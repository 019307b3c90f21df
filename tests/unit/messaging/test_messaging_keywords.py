"""STOP, START and HELP."""

import pytest

from ringback.messaging.keywords import REPLIES, keyword_of


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("STOP", "STOP"), (" stop.\n", "STOP"), ("Unsubscribe", "STOP"), ("'QUIT'", "STOP"),
        ("Start", "START"), ("yes!", "START"), ("help", "HELP"), ("INFO", "HELP"),
        ("stop it", None), ("", None), ("please stop", None),
    ],
)  # fmt: skip
def test_a_word_alone_counts(body: str, kind: str | None) -> None:
    assert keyword_of(body) == kind


def test_each_has_an_answer_of_one_segment() -> None:
    assert all(0 < len(text) <= 160 for text in REPLIES.values())
