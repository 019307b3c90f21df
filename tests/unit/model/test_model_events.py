"""The kinds of events are distinct."""

from ringback.model import events


def test_no_two_kinds_have_the_same_name() -> None:
    kinds = [value for name, value in vars(events).items() if name.isupper()]
    assert len(kinds) == len(set(kinds)) > 10
