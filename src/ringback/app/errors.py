"""Errors that are shown to the person at the terminal as they are, without a traceback."""


class UserError(Exception):
    """Something that whoever runs Ringback can put right: `str()` says what is wrong, `hint` what to do, if known."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class SettingsError(UserError):
    """Settings that cannot be used. `problems` has a line for each: its place and what was expected."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
