"""The command line: `ringback`. One file a group of commands; each has `register(app)`.

Commands import what they need when they run, so that `ringback --help` is there at once.
"""

import importlib
import importlib.util
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ringback.app.cli.context import State, report
from ringback.app.errors import UserError
from ringback.storage.errors import StorageError

COMMANDS = (
    "serve",
    "call",
    "sms",
    "numbers",
    "calls",
    "phones",
    "trunks",
    "guard",
    "carriers",
    "accounts",
    "cache",
    "config",
    "validate",
    "conformance",
    "bench",
)
"""The files beside this one that hold commands, in the order of `ringback --help`."""


class _Commands(TyperGroup):
    """The commands, with errors that people can put right told in a line and exit code 2."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Keep the order of COMMANDS, whether a file registers a command or a group of them."""
        return sorted(self.commands, key=lambda name: COMMANDS.index(name) if name in COMMANDS else len(COMMANDS))

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (UserError, StorageError) as error:
            if isinstance(ctx.obj, State) and ctx.obj.verbose:
                raise
            report(error)
            raise typer.Exit(2) from error


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"ringback {version('ringback')}")
        except PackageNotFoundError:
            typer.echo("ringback (not installed: run from its source)")
        raise typer.Exit


def _options(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Settings file. Default: what RINGBACK_CONFIG names, or ringback.toml here."),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Tell more, with the place in the program for every error.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Ringback takes phone calls and renders the TwiML that your web application answers with."""
    ctx.obj = State(config=config, verbose=verbose)


def build() -> typer.Typer:
    """Make the application of all commands that there are."""
    app = typer.Typer(
        cls=_Commands,
        no_args_is_help=True,
        add_completion=False,
        # Plain help and one-line errors: no second to wait for colours, nothing to strip in a log.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(_options)
    for name in COMMANDS:
        if importlib.util.find_spec(f"{__name__}.{name}") is not None:
            importlib.import_module(f"{__name__}.{name}").register(app)
    return app


def main() -> None:
    """Run `ringback`; the entry point of the package."""
    build()(prog_name="ringback")
