"""Errors that are shown as they are."""

from ringback.app.errors import SettingsError, UserError


def test_an_error_and_what_to_do() -> None:
    error = UserError("there is no call CA1", hint="list them")
    assert (str(error), error.hint) == ("there is no call CA1", "list them")
    assert UserError("no").hint is None


def test_settings_have_a_line_for_each_problem() -> None:
    error = SettingsError(["a: one", "b: two"])
    assert isinstance(error, UserError)
    assert str(error) == "a: one\nb: two"
    assert error.problems == ["a: one", "b: two"]
