"""What an endpoint says it can."""

import pytest

from ringback.sip.policy import METHODS, Policy


def test_what_it_says() -> None:
    policy = Policy("Test", serves=["MESSAGE", "REGISTER"])
    assert policy.allow == ("Allow", ", ".join((*METHODS, "MESSAGE", "REGISTER")))
    assert Policy(serves=["MESSAGE"]).supported == ("Supported", "replaces, norefersub, 100rel, timer")
    assert Policy(reliable="never", session_expires=0).supported == ("Supported", "replaces, norefersub")


def test_what_it_lacks() -> None:
    assert Policy().lacking(["100Rel", "timer"]) == []
    assert Policy(reliable="never").lacking(["100rel", "timer", "gruu"]) == [("Unsupported", "100rel, gruu")]


@pytest.mark.parametrize("options", [{"reliable": "perhaps"}, {"min_se": 1}, {"session_expires": 91, "min_se": 92}])
def test_what_makes_no_sense(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="reliable|session intervals"):
        Policy(**options)  # type: ignore[arg-type]
