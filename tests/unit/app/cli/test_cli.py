"""`ringback` as a whole: options, errors, how fast it starts."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
import typer
from cli_typing import Ringback

import ringback.app.cli as cli
from ringback.app.errors import SettingsError


def test_help_lists_the_commands_in_their_order(ringback: Ringback) -> None:
    text = ringback("--help").output.partition("Commands:")[2]
    names = [line.split()[0] for line in text.splitlines() if line.startswith("  ") and line[2] != " "]
    present = [name for name in cli.COMMANDS if importlib.util.find_spec(f"ringback.app.cli.{name}")]
    assert names == present
    assert {"numbers", "calls", "config"} <= set(names)


def test_no_arguments_show_the_help(ringback: Ringback) -> None:
    assert "Commands:" in ringback(code=2).output


def test_a_file_that_is_not_there_is_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "COMMANDS", ("config", "teleport"))
    assert [command.name for command in cli.build().registered_commands] == ["config"]


def test_version(ringback: Ringback, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ringback("--version").output.startswith("ringback ")

    def missing(_name: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr("importlib.metadata.version", missing)
    assert "run from its source" in ringback("--version").output


@pytest.mark.parametrize(
    "arguments", [["teleport"], ["--teleport"], ["numbers", "add"], ["calls", "list", "--limit", "0"]]
)
def test_mistakes_at_the_keyboard(ringback: Ringback, arguments: list[str]) -> None:
    assert "Error: " in ringback(*arguments, code=2).stderr


def test_errors_are_a_line_each_with_a_hint(ringback: Ringback) -> None:
    """No traceback for what the user can put right."""
    Path("ringback.toml").write_text("[sip]\nprot = 1\n[log]\nlevel = 1\n")
    result = ringback("config", code=2)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines[0] == 'error: ringback.toml:2: there is no setting "sip.prot"; did you mean sip.port?'
    assert lines[1].startswith("error: ringback.toml:4: log.level should be 'debug'")
    assert len(lines) == 2
    assert ringback("--config", "good.toml", "calls", code=2).stderr.startswith("error: good.toml: this settings file")


def test_verbose_tells_where(app: object) -> None:
    from typer.testing import CliRunner

    Path("ringback.toml").write_text("[sip")
    result = CliRunner().invoke(app, ["--verbose", "config"])  # type: ignore[arg-type]
    assert isinstance(result.exception, SettingsError)


def test_a_store_that_cannot_be_opened(ringback: Ringback, directory: Path) -> None:
    shutil.rmtree(directory)
    directory.write_text("in the way")
    assert "cannot be created" in ringback("calls", code=2).stderr


def test_main_runs_the_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["ringback", "--help"])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == 0
    assert "Usage: ringback [OPTIONS]" in capsys.readouterr().out


def test_each_command_and_option_is_documented() -> None:
    page = (Path(__file__).parents[4] / "docs" / "reference" / "command-line.md").read_text()

    def walk(command: Any, path: str) -> Iterator[str]:
        children = getattr(command, "commands", {})
        if not children:
            yield path
            yield from (name for option in command.params for name in option.opts if name.startswith("--"))
        for name, child in children.items():
            yield from walk(child, f"{path} {name}")

    names = set(walk(typer.main.get_command(cli.build()), "ringback"))
    # Two commands share a heading: their names stand in it, one by one.
    names -= {"ringback numbers show", "ringback numbers remove"}
    assert not [name for name in sorted(names) if f"`{name}" not in page and f"{name} " not in page]
    assert "`show NUMBER`, `remove NUMBER`" in page


@pytest.mark.slow
def test_help_loads_nothing_heavy() -> None:
    """Whatever takes long to import is imported by the command that needs it."""
    program = (
        "import sys; from ringback.app.cli import build; build();"
        "print([name for name in ('aiohttp', 'alembic', 'lxml', 'numpy', 'phonenumbers', 'pydantic', 'rich.console',"
        " 'soundfile', 'sqlalchemy', 'uvloop') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=50)
    assert done.stdout == "[]\n"
