"""Two endpoints in a storm: however bad it is, they agree in the end."""

import doctest
import random

import pytest

from ringback.testing import storm as module
from ringback.testing.network import Conditions
from ringback.testing.storm import storm


def test_the_example_in_its_documentation_is_true() -> None:
    assert doctest.testmod(module).failed == 0


def test_in_good_weather_nothing_is_lost() -> None:
    tally = storm(1, calls=12, conditions=Conditions())
    assert (tally.started, tally.events["IncomingCall"]) == (12, 12)
    assert tally.settled > 0
    assert tally.events["Ended unreachable"] == tally.events["Ended session-expired"] == 0


@pytest.mark.slow
def test_in_bad_weather_both_sides_agree() -> None:
    tally = storm(2, calls=25)
    assert tally.settled > 0
    assert tally.datagrams > 500
    assert tally.seconds > 500
    for kind in ("ReinviteAnswered", "TransferProgress", "RequestAnswered", "EarlyAcknowledged", "Ended bye"):
        assert tally.events[kind] > 0, kind


@pytest.mark.slow
@pytest.mark.parametrize("reliable", ["never", "required"])
def test_whatever_the_settings(reliable: str) -> None:
    storm(3, calls=20, reliable=reliable)
    storm(4, calls=20, session_expires=0)


def test_the_same_seed_is_the_same_storm() -> None:
    assert storm(5, calls=4) == storm(5, calls=4)


def test_what_must_not_be_is_told_with_the_seed() -> None:
    with pytest.raises(AssertionError, match="^seed 9: a call has no end"):
        module._Storm(9, Conditions(), {}).expect(False, "a call has no end")


@pytest.mark.slow
def test_a_failure_tells_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the peace after the storm both sides cannot agree yet."""
    monkeypatch.setattr(module, "SETTLING", 0.0)
    with pytest.raises(AssertionError, match="^seed 7: "):
        storm(7, calls=60)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("reliable", ["never", "supported", "required"])
def test_thousands_of_calls(reliable: str) -> None:
    """A fifth of all datagrams lost, doubled and held up, hundreds of calls at once; a seed for each setting."""
    tally = storm(random.Random(reliable).randrange(1_000_000), calls=1_000, reliable=reliable)
    assert tally.settled > 10
    assert tally.events["ReinviteAnswered"] > 1_000
    assert tally.events["Transfer"] > 500
