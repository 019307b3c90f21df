"""The type of the `ringback` fixture."""

from typing import Protocol

from typer.testing import Result


class Ringback(Protocol):
    """Runs a command; any other exit code than that fails the test."""

    def __call__(self, *arguments: str, code: int = 0) -> Result: ...
