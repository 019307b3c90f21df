"""What all commands share."""

from pathlib import Path

import pytest

from ringback.app.cli.context import State, console, printable, report, show_table, with_database
from ringback.app.errors import SettingsError, UserError
from ringback.storage.database import Database


def test_settings_are_those_of_the_option(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text("[sip]\nport = 5070\n")
    assert State(config=path).settings.sip.port == 5070
    assert State().settings.sip.port == 5060


def test_the_database_is_that_of_the_settings(directory: Path) -> None:
    async def name(database: Database) -> str:
        return database.name

    assert with_database(State().settings, name) == str(directory / "ringback.db")


def test_a_table_is_as_wide_as_its_content(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("a", "name"), [("1", "short"), ("22", "x" * 300), ("電話", "\x1b[31m")])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["a     name", "1     short", "22    " + "x" * 300, "電話  \\x1b[31m"]


def test_nothing_is_taken_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    console().print("[red]:bell:" + "x" * 300)
    assert capsys.readouterr().out == "[red]:bell:" + "x" * 300 + "\n"


def test_errors_and_hints(capsys: pytest.CaptureFixture[str]) -> None:
    report(UserError("no", hint="do"))
    report(SettingsError(["a", "b"]))
    assert capsys.readouterr().err == "error: no\nhint: do\nerror: a\nerror: b\n"


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert printable("+14155550100 é") == "+14155550100 é"
    assert printable("\x07\u202e") == "\\x07\\u202e"
