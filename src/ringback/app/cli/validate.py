"""`ringback validate`: what Ringback would tell of a document, line by line."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ringback.app.cli.context import printable, state
from ringback.app.errors import UserError
from ringback.model.status import ApiVersion

if TYPE_CHECKING:
    from ringback.app.judging import Finding, Verdict
    from ringback.app.settings import Settings

_TYPES = {".txt": "text/plain", ".mp3": "audio/mpeg", ".wav": "audio/wav"}
_MOST = 1 << 20
"""Bytes of a file that are read; a document has 64 kB."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("validate")(validate)


def validate(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FILE|URL|-", help="A file, a URL, or - for standard input.")],
    version: Annotated[ApiVersion, typer.Option(help="The version of the call.")] = ApiVersion.V2010,
    to_message: Annotated[
        bool, typer.Option("--message", help="Judge it as the answer to a message, not to a call.")
    ] = False,
    method: Annotated[Literal["GET", "POST"], typer.Option(help="How a URL is asked.")] = "POST",
    parameters: Annotated[
        list[str] | None, typer.Option("--parameter", metavar="NAME=VALUE", help="Tell a URL this as well.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read a document as a call would, and tell its errors and warnings. Exits with 1 if there are any."""
    from ringback.app.judging import judge

    if source.startswith(("http://", "https://")):
        body, kind = _ask(state(ctx).settings, source, method, version, parameters or [])
    else:
        body, kind = _read(source)
    verdict = judge(body, kind, version, to_message=to_message)
    if as_json:
        _print_json(source, version, verdict)
    else:
        _print(source, verdict)
    if verdict.findings:
        raise typer.Exit(1)


def _read(source: str) -> tuple[bytes, str]:
    try:
        if source == "-":
            return sys.stdin.buffer.read(_MOST), "text/xml"
        path = Path(source)
        with path.open("rb") as file:
            return file.read(_MOST), _TYPES.get(path.suffix.lower(), "text/xml")
    except (OSError, ValueError) as error:
        raise UserError(f"{source} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _ask(settings: Settings, url: str, method: str, version: ApiVersion, parameters: list[str]) -> tuple[bytes, str]:
    from ringback.model.errors import ApplicationError
    from ringback.webhooks.client import WebhookClient, WebhookSettings

    fields = dict(parameter.partition("=")[::2] for parameter in parameters)

    async def ask() -> tuple[bytes, str]:
        wanted = WebhookSettings(
            allow_private=settings.webhooks.allow_private,
            ca_file=settings.webhooks.ca_file,
            verify_certificates=settings.webhooks.verify_certificates,
        )
        async with WebhookClient(wanted) as client:
            session = client.session(await _token(settings))
            response = await session.request(method, url, _call(version) | fields)
        charset = f"; charset={response.charset}" if response.charset else ""
        return response.body, response.content_type + charset

    try:
        return asyncio.run(ask())
    except (ApplicationError, OSError) as error:
        raise UserError(f"{url} cannot be had: {error}") from error


async def _token(settings: Settings) -> str:
    """The Auth Token of the first account, so that an application that checks signatures accepts the request."""
    from ringback.storage.database import Database

    where = settings.storage.database
    if isinstance(where, Path) and not where.exists():
        return ""
    async with Database.open(where) as database:
        accounts = await database.accounts.list()
    return accounts[0].auth_token if accounts else ""


def _call(version: ApiVersion) -> dict[str, str]:
    """What a request tells of a call: one that never was."""
    from ringback.calls.port import CallInfo
    from ringback.model.status import CallStatus, Direction
    from ringback.webhooks.parameters import voice_parameters

    info = CallInfo(f"CA{0:032x}", f"AC{0:032x}", "+14155550100", "+14155550199", Direction.INBOUND, version)
    return voice_parameters(info, CallStatus.RINGING)


def _print(source: str, verdict: Verdict) -> None:
    for finding in verdict.findings:
        place = f"{source}:{finding.line}" if finding.line else source
        colour = "red" if finding.level == "error" else "yellow"
        typer.secho(f"{printable(place)}: {finding.level} {finding.code}: {printable(finding.message)}", fg=colour)
    if any(finding.level == "error" for finding in verdict.findings):
        typer.echo("nothing of it can be rendered; the fallback URL would be asked")
        return
    verbs = ", ".join(verdict.verbs[:20]) + (", …" if len(verdict.verbs) > 20 else "")
    typer.echo(f"{_number(verdict.findings)}; verbs: {verbs or 'none, nothing would happen'}")


def _number(findings: tuple[Finding, ...]) -> str:
    return "no warnings" if not findings else "1 warning" if len(findings) == 1 else f"{len(findings)} warnings"


def _print_json(source: str, version: ApiVersion, verdict: Verdict) -> None:
    findings = [
        {"level": one.level, "code": one.code, "line": one.line, "message": one.message} for one in verdict.findings
    ]
    told = {"source": source, "version": version, "verbs": list(verdict.verbs), "findings": findings}
    typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
