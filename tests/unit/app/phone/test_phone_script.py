"""Press scripts: every character has one meaning, and any other is refused with a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.app.phone.script import LONGEST, Listen, Press, ScriptError, Wait, parse


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", ()),
        ("1ww2#", (Press("1"), Wait(0.5), Wait(0.5), Press("2"), Press("#"))),
        ("W*0", (Wait(1.0), Press("*"), Press("0"))),
        ("~2 ~4711#", (Listen(), Press("2"), Listen(), *map(Press, "4711#"))),
        ("AD", (Press("A"), Press("D"))),
    ],
)
def test_a_script_is_a_row_of_steps(text: str, steps: tuple[object, ...]):
    assert parse(text) == steps


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1x", r"^'x' at place 2 of a press script means nothing: keys are 0-9 \* # A-D, w waits"),
        ("a", "'a' at place 1"),
        ("1\n", r"'\\n' at place 2"),
        ("1" * (LONGEST + 1), "at most 512 characters, not 513"),
    ],
)
def test_anything_else_is_refused_with_a_reason(text: str, message: str):
    with pytest.raises(ScriptError, match=message):
        parse(text)


@given(st.text(st.sampled_from("0123456789*#ABCDwW~ xX\0é"), max_size=LONGEST + 8))
def test_a_script_is_read_or_refused_and_steps_say_what_they_were(text: str):
    try:
        steps = parse(text)
    except ScriptError:
        return
    assert "".join(map(str, steps)) == text.replace(" ", "")
