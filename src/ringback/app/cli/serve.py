"""`ringback serve`: the server, until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from typing import TYPE_CHECKING, Any

import typer

from ringback.app.cli.context import state
from ringback.app.errors import UserError

if TYPE_CHECKING:
    from ringback.app.server import Server
    from ringback.app.settings import Loaded, LogSettings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(ctx: typer.Context) -> None:
    """Take calls until Ctrl-C or SIGTERM; calls that are going on then are hung up properly."""
    import uvloop

    loaded = state(ctx).load()
    _log_to_stderr(loaded.settings.log)
    uvloop.run(_serve(loaded))


async def _serve(loaded: Loaded) -> None:
    from ringback.app.garbage import tune
    from ringback.app.server import Server, ServerError
    from ringback.media.client import MediaError

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with Server(loaded.settings) as server:
            tune()
            await _introduce(server, loaded)
            await stop.wait()
            typer.echo("stopping: hanging up, writing down what is left")
    except (ServerError, MediaError) as error:
        raise UserError(str(error)) from error


async def _introduce(server: Server, loaded: Loaded) -> None:
    """Say what is served where, and what to do next."""
    from ringback.storage.secrets import KEY_FILE

    settings = loaded.settings
    host, port = server.sip_address
    at_main = {where.transport for where in server.sip_listening if (where.host, where.port) == (host, port)}
    transports = [name for name in ("UDP", "TCP", "TLS", "WS", "WSS") if name in at_main]
    numbers = await server.database.numbers.list()
    lines = [
        f"SIP       {host}:{port} ({', '.join(transports)}), calls from {', '.join(map(str, settings.sip.allow))}",
        *_further(server),
        f"audio     {settings.media.host}, UDP ports {settings.media.port_min} to {settings.media.port_max}, "
        f"{len(server.media.pids)} worker(s)",
        f"REST      {server.base_url}/2010-04-01, described at {server.base_url}/docs",
        f"store     {server.database.name}",
        f"settings  {loaded.file or 'defaults and environment'}; see `ringback config`",
        f"account   {server.account.sid}",
    ]
    if server.account_is_new:
        lines.append(f"          Auth Token, for the REST API and signatures: {server.account.auth_token}")
        lines.append(f"          kept encrypted in the store, with the key in {settings.storage.directory / KEY_FILE}")
        lines.append("          (`ringback accounts list --tokens` shows it again)")
    lines += [f"number    {number.phone_number} asks {number.voice_url or number.sms_url}" for number in numbers[:20]]
    if len(numbers) > 20:
        lines.append(f"          and {len(numbers) - 20} more: `ringback numbers list`")
    if not numbers:
        lines.append("numbers   none yet: ringback numbers add +15550100001 --url http://127.0.0.1:8000/")
    typer.echo("\n".join(lines))
    # Scripts wait for this word; it is the last thing that is said.
    typer.echo("ready")
    sys.stdout.flush()


def _further(server: Server) -> list[str]:
    """Tell of all other addresses where SIP is spoken, and of the certificate."""
    from ringback.sip.fields import host_text
    from ringback.sip.net.tls import fingerprint

    main = server.sip_address
    lines = [
        f"          {host_text(where.host)}:{where.port} ({where.transport})"
        for where in server.sip_listening
        if (where.host, where.port) != main
    ]
    if server.sip_tls is not None:
        lines.append(f"          certificate {server.sip_tls.certificate}")
        lines.append(f"          its SHA-256 fingerprint {fingerprint(server.sip_tls.certificate)}")
    return lines


def _log_to_stderr(settings: LogSettings) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines() if settings.format == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=settings.level.upper(), handlers=[handler])
    # What libraries say at this level is about themselves.
    for name in ("alembic", "aiosqlite", "asyncio", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)


_TEXT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class _JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        line: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
