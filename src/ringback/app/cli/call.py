"""`ringback call`: a telephone in the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ringback.app.cli.context import report, state
from ringback.app.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ringback.app.phone.call import PhoneCall
    from ringback.app.phone.display import Display
    from ringback.app.phone.script import Step
    from ringback.app.settings import Settings

_REFRESH: Final = 0.1
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Transport(StrEnum):
    """How SIP travels."""

    UDP = "udp"
    TCP = "tcp"


class CodecName(StrEnum):
    """How audio is coded."""

    PCMU = "PCMU"
    PCMA = "PCMA"


@dataclass(frozen=True)
class Plan:
    """What to do in the call."""

    number: str
    server: tuple[str, int]
    transport: Transport
    from_user: str
    codec: CodecName | None
    steps: tuple[Step, ...]
    info: bool
    say: NDArray[np.int16] | None
    max_seconds: float


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("call")(call)


def call(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(help="The number to call.")],
    press: Annotated[
        str,
        typer.Option(
            metavar="SCRIPT",
            help="Keys to press. `w` waits half a second, `W` a second, `~` until a prompt has been spoken: ~1~4711#",
        ),
    ] = "",
    record: Annotated[Path | None, typer.Option(metavar="WAV", help="Write what is heard to this file.")] = None,
    say: Annotated[Path | None, typer.Option(metavar="FILE", help="An audio file to say after the answer.")] = None,
    server: Annotated[
        str | None, typer.Option(metavar="HOST[:PORT]", help="Default: the server of the settings, on this machine.")
    ] = None,
    from_: Annotated[str, typer.Option("--from", metavar="NUMBER", help="Who calls.")] = "+15550100",
    transport: Annotated[
        Transport | None, typer.Option(case_sensitive=False, help="How SIP travels. Default: UDP if the server has it.")
    ] = None,
    codec: Annotated[
        CodecName | None, typer.Option(case_sensitive=False, help="Offer this codec only. Default: both, PCMU first.")
    ] = None,
    info: Annotated[bool, typer.Option("--info", help="Press keys as SIP INFO instead of telephone events.")] = False,
    max_seconds: Annotated[float, typer.Option(min=0.1, max=3600, help="Hang up so long after the answer.")] = 120,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Call a number, press keys, and tell what happens. Ctrl-C hangs up.

    Exits with 0 when the call was answered, all keys were pressed, and somebody hung up; else with 1 and the reason.
    """
    from ringback.app.phone.display import Display
    from ringback.app.phone.script import ScriptError, parse

    settings = state(ctx).settings
    try:
        steps = parse(press)
    except ScriptError as error:
        raise UserError(str(error)) from error
    over = transport or (Transport.UDP if settings.sip.udp else Transport.TCP)
    address = _server(server, settings)
    plan = Plan(number, address, over, from_, codec, steps, info, _sound(say), max_seconds)
    if record is not None and not record.parent.is_dir():
        raise UserError(f"{record} cannot be written: there is no directory {record.parent}")
    display = Display(sys.stdout, as_json=as_json)
    made, problem = asyncio.run(_run(plan, display))
    if made is not None and record is not None:
        problem = _save(made, record, display) or problem
    _conclude(made, problem, record, display)
    if problem is not None:
        report(problem)
        raise typer.Exit(1)


async def _run(plan: Plan, display: Display) -> tuple[PhoneCall | None, UserError | None]:
    """Make the call; return it, if it was answered, and what went wrong, if anything did."""
    from ringback.app.phone.phone import Phone, address_towards

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in _SIGNALS:
        loop.add_signal_handler(number, task.cancel)
    made: PhoneCall | None = None
    try:
        async with Phone(await address_towards(plan.server[0])) as phone:
            made = await phone.call(
                plan.number,
                server=plan.server,
                transport=plan.transport.name,
                from_user=plan.from_user,
                codec=plan.codec.name if plan.codec else None,
                say=plan.say,
                on_note=display.note,
                record_seconds=plan.max_seconds + 60,
            )
            return made, await _talk(made, plan, display)
    except UserError as error:
        return made, error
    except asyncio.CancelledError:
        # Ctrl-C. Leaving the phone has hung up, or has taken the call back.
        return made, None if made is not None else UserError("the call was taken back before it was answered")
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def _talk(made: PhoneCall, plan: Plan, display: Display) -> UserError | None:
    """Do what the script says and wait for the end; return what went wrong, if anything did."""
    finished = False
    meter = asyncio.get_running_loop().create_task(_meter(made, display))
    try:
        async with asyncio.timeout(plan.max_seconds):
            await made.run(plan.steps, info=plan.info)
            finished = True
            await made.ended()
    except TimeoutError:
        await made.hangup()
        if not finished:
            return UserError(f"the keys were not all pressed within {plan.max_seconds:g} s", "see --max-seconds")
    finally:
        meter.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await meter
    if made.end is not None and not made.end.normal:
        return UserError(f"the call did not end well: {made.end}")
    return None


async def _meter(made: PhoneCall, display: Display) -> None:
    loop = asyncio.get_running_loop()
    while display.live and made.end is None:
        now = loop.time()
        display.refresh(now - made.invited_at, made.hearing, now)
        await asyncio.sleep(_REFRESH)


def _conclude(made: PhoneCall | None, problem: UserError | None, record: Path | None, display: Display) -> None:
    if made is None:
        display.result(ok=False, answered=False, problem=str(problem))
        return
    heard = made.hearing.packets()
    seconds = (made.ended_at or made.answered_at) - made.answered_at
    lost = made.hearing.lost()
    display.line(f"{seconds:.1f} s connected, {len(heard.arrival)} audio packets heard, {lost} lost")
    display.result(
        ok=problem is None,
        answered=True,
        problem=str(problem) if problem else None,
        seconds=seconds,
        codec=made.codec,
        packets=len(heard.arrival),
        lost=lost,
        recording=str(record) if record else None,
    )


def _save(made: PhoneCall, record: Path, display: Display) -> UserError | None:
    try:
        made.save(record)
    except OSError as error:
        return UserError(f"{record} cannot be written: {error.strerror}")
    display.line(f"what was heard is in {record}")
    return None


def _server(given: str | None, settings: Settings) -> tuple[str, int]:
    """Where to call: what was given, or else the server of the settings."""
    host, _, port = (given or "").rpartition(":") if ":" in (given or "") else (given or "", "", "")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise UserError(f"--server {given} has no port that could be: it takes HOST or HOST:PORT")
    if ":" in host:
        raise UserError(f"--server {given}: the phone speaks IPv4 only")
    everywhere = settings.sip.host in ("0.0.0.0", "::")
    number = int(port) if port else settings.sip.port if not given else 5060
    if not number:
        raise UserError(
            "the settings let the server take any port (sip.port is 0)", "say which: --server 127.0.0.1:PORT"
        )
    return host or ("127.0.0.1" if everywhere else settings.sip.host), number


def _sound(path: Path | None) -> NDArray[np.int16] | None:
    """Read what is to be said."""
    if path is None:
        return None
    from ringback.media.audio import AudioError, decode

    try:
        return decode(path, "audio/wav").samples
    except (AudioError, OSError) as error:
        raise UserError(f"{path} cannot be said: {error}") from error
