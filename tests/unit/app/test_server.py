"""The whole server in this process, with real media workers, sockets and calls over loopback."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from aiohttp import web
from voice_world import number, wav

from ringback.app.phone.phone import Phone
from ringback.app.processes import free_port
from ringback.app.server import Server, ServerError, utcnow
from ringback.app.settings import Settings
from ringback.calls.house import Placing
from ringback.calls.leg import Leg
from ringback.model import events
from ringback.model.provisioning import ApplicationRecord, CallerIdRecord
from ringback.model.records import Account, CallRecord
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.sip.net.transport import Listen
from ringback.storage.database import Database

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]

NUMBER = "+15550100001"
DIALS, APPLICATION = "+15550100002", "AP" + "a" * 32
CUT_OFF, GOING_ON = "CA" + "c" * 32, "CA" + "d" * 32


def settings(directory: Path, **sections: Any) -> Settings:
    """Those of a server on any free port of 127.0.0.1, which takes calls from that address only."""
    chosen: dict[str, Any] = {
        "sip": {"port": 0, "allow": ["127.0.0.1/32"]},
        "http": {"port": 0},
        "storage": {"directory": directory},
        "media": {"port_min": 34000, "port_max": 34998},
    }
    return Settings.model_validate(
        {name: chosen.get(name, {}) | sections.get(name, {}) for name in {*chosen, *sections}}
    )


class Shop:
    """An application that plays a tone, waits for a key, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.base = ""

    async def serve(self, stack: AsyncExitStack) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.base = "http://{}:{}".format(*runner.addresses[0])

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, {name: str(value) for name, value in (await request.post()).items()}))
        pages = {
            "/": '<Response><Play>/tone.wav</Play><Gather numDigits="1" timeout="20" action="/next"/></Response>',
            "/next": "<Response><Hangup/></Response>",
            "/told": "",
            "/dials": f"<Response><Dial><Application><ApplicationSid>{APPLICATION}</ApplicationSid>"
            '<Parameter name="Colour" value="red &amp; blue"/></Application></Dial></Response>',
            "/applied": "<Response><Play>/tone.wav</Play></Response>",
        }
        if request.path == "/tone.wav":
            return web.Response(body=wav(0.5), content_type="audio/wav")
        return web.Response(text=pages[request.path], content_type="text/xml")

    def fields(self, path: str) -> list[dict[str, str]]:
        return [fields for asked, fields in self.asked if asked == path]


def unfinished(sid: str, account: Account) -> CallRecord:
    return CallRecord(
        sid, account.sid, "+14155550123", NUMBER, Direction.INBOUND, CallStatus.IN_PROGRESS, ApiVersion.V2010,
        None, None, utcnow(), utcnow(),
    )  # fmt: skip


async def leave_an_unfinished_call(directory: Path) -> None:
    """As a server does that was killed while it fetched audio for a call."""
    (directory / "scratch").mkdir(parents=True)
    (directory / "scratch" / "media-left").write_bytes(b"half a file")
    async with Database.open(directory / "ringback.db") as database:
        account = await database.accounts.ensure_default(utcnow(), secrets.token_bytes)
        await database.calls.create(unfinished(CUT_OFF, account))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop() -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stack:
        made = Shop()
        await made.serve(stack)
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    directory = tmp_path_factory.mktemp("server")
    await leave_an_unfinished_call(directory)
    async with Server(settings(directory)) as made:
        yield made


async def add_number(server: Server, shop: Shop) -> None:
    found = await server.database.numbers.get_by_number(NUMBER)
    if found is None:
        here = number(account_sid=server.account.sid, phone_number=NUMBER, voice_url=f"{shop.base}/")
        await server.database.numbers.add(replace(here, status_callback=f"{shop.base}/told"))


async def nothing_more_runs(before: set[asyncio.Task[Any]]) -> None:
    """Wait until all tasks that came after `before` are over: a server that still runs has some that take a moment."""
    for _ in range(500):
        if not asyncio.all_tasks() - before:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"left over: {asyncio.all_tasks() - before}")


async def ended(database: Database, sid: str) -> CallRecord:
    """Wait until the end of a call is written down, ten seconds at most."""
    for _ in range(500):
        record = await database.calls.get(sid)
        if record is not None and record.end_time is not None:
            return record
        await asyncio.sleep(0.02)
    raise AssertionError("the call has no end")


async def test_what_a_server_before_left_unfinished_is_put_in_order(server: Server) -> None:
    record = await server.database.calls.get(CUT_OFF)
    assert record is not None
    assert (record.status, record.end_reason) == (CallStatus.FAILED, "server-restarted")
    assert record.end_time is not None
    assert list((server.settings.storage.directory / "scratch").iterdir()) == []
    assert (server.account_is_new, bool(server.account.auth_token)) == (False, True)


async def test_a_document_connects_its_call_to_an_application(server: Server, shop: Shop) -> None:
    await server.database.applications.create(
        ApplicationRecord(APPLICATION, server.account.sid, "Menu", utcnow(), voice_url=f"{shop.base}/applied")
    )
    here = number(
        sid="PN" + "9" * 32, account_sid=server.account.sid, phone_number=DIALS, voice_url=f"{shop.base}/dials"
    )
    await server.database.numbers.add(here)
    async with asyncio.timeout(20), Phone() as phone:
        call = await phone.call(DIALS, server=server.sip_address, from_user="+14155550123")
        await call.ended(15)
        heard = call.recording()
    (told,) = shop.fields("/applied")
    assert (told["To"], told["From"], told["Colour"], told["Direction"]) == (
        APPLICATION, "+14155550123", "red & blue", "inbound",
    )  # fmt: skip
    assert not any(name.startswith("SipHeader") for name in told)
    assert np.abs(heard).max() > 1000, "the tone of the application's document"


async def test_a_server_of_encrypted_calls_alone_reaches_its_own_numbers(tmp_path: Path, shop: Shop) -> None:
    """One number calls another one: `placing` goes out over SIP, and comes back in."""
    sip = {"udp": False, "tcp": False, "tls_port": free_port(socket.SOCK_STREAM)}
    async with Server(settings(tmp_path, sip=sip)) as alone:
        assert [one.transport for one in alone.sip_listening] == ["TLS", "TCP"]
        assert alone.sip_address == ("127.0.0.1", sip["tls_port"])
        await add_number(alone, shop)
        connected: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def conduct(leg: Leg) -> None:
            await leg.sleep(0.5)
            connected.set_result(leg.info.sid)

        to, caller, account = NUMBER, "+14155550123", alone.account.sid
        alone.switch.place(Placing(to, caller, account, ApiVersion.V2010, Direction.OUTBOUND_API, conduct))
        async with asyncio.timeout(20):
            made = await ended(alone.database, await connected)
        assert made.status is CallStatus.COMPLETED
    assert len(shop.fields("/")) == 1
    shop.asked.clear()


async def test_a_call_is_taken_heard_and_written_down(server: Server, shop: Shop) -> None:
    await add_number(server, shop)
    async with asyncio.timeout(20), Phone() as phone:
        call = await phone.call(NUMBER, server=server.sip_address, from_user="+14155550123")
        await call.wait_silence(0.3)
        await call.press("5")
        end = await call.ended(10)
        recording = call.recording()
    assert end.by == "them"
    (first,), (second,) = shop.fields("/"), shop.fields("/next")
    assert (first["From"], first["To"], first["CallStatus"]) == ("+14155550123", NUMBER, "ringing")
    assert second["Digits"] == "5"
    record = await ended(server.database, first["CallSid"])
    assert (record.status, record.end_reason, record.phone_number_sid) == (
        CallStatus.COMPLETED, "hangup-verb", "PN" + "0" * 32,
    )  # fmt: skip
    kinds = {stored.event.kind for stored in await server.database.events.of_call(record.sid)}
    assert {events.SIP_RECEIVED, events.WEBHOOK_REQUEST, events.MEDIA_FETCH, events.KEY, events.MEDIA_STATS} <= kinds
    heard = np.abs(recording.astype(int)) > 2000
    assert heard.sum() / 8000 == pytest.approx(0.42, abs=0.12), "half a second of tone, most of which is loud"
    for _ in range(500):
        if shop.fields("/told"):
            break
        await asyncio.sleep(0.02)
    assert shop.fields("/told")[0]["CallStatus"] == "completed"


async def test_strangers_hear_nothing_and_are_counted(server: Server) -> None:
    loop = asyncio.get_running_loop()
    before = server.switch.refused
    host, port = server.sip_address
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        stranger.bind(("127.0.0.2", 0))
        for branch in range(3):
            await loop.sock_sendto(stranger, _options(host, port, f"z9hG4bK{branch}"), (host, port))
        for _ in range(500):
            if server.switch.refused == before + 3:
                break
            await asyncio.sleep(0.01)
        assert server.switch.refused == before + 3
        await asyncio.sleep(0.05)
        with pytest.raises(BlockingIOError):
            stranger.recv(2000)


def _options(host: str, port: int, branch: str) -> bytes:
    return (
        f"OPTIONS sip:{host}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:9;branch={branch};rport\r\n"
        f"From: <sip:a@127.0.0.2>;tag=1\r\nTo: <sip:{host}>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


async def test_a_server_that_is_started_twice_says_what_to_do_and_leaves_the_first_alone(server: Server) -> None:
    before = asyncio.all_tasks()
    port, directory = server.sip_address[1], server.settings.storage.directory
    await server.database.calls.create(unfinished(GOING_ON, server.account))
    (directory / "scratch" / "media-now").write_bytes(b"half a file")
    with pytest.raises(ServerError) as raised:
        async with Server(settings(directory, sip={"port": port})):
            raise AssertionError("two servers on one port")
    assert str(raised.value) == (
        f"cannot listen for SIP over TCP 127.0.0.1 port {port}: Address already in use; "
        "another server may be running: set sip.port (RINGBACK_SIP__PORT)"
    )
    await nothing_more_runs(before)
    assert [record.sid for record in await server.database.calls.unfinished()] == [GOING_ON]
    assert (directory / "scratch" / "media-now").is_file()


async def test_an_account_shows_its_own_numbers_and_those_that_it_has_proven(server: Server, shop: Shop) -> None:
    await add_number(server, shop)
    mine, other = server.account.sid, "AC" + "e" * 32
    proven = CallerIdRecord("PN" + "c" * 32, mine, "+14155550177", "Me", utcnow())
    await server.database.caller_ids.create(proven)
    asked = [(mine, NUMBER), (mine, proven.phone_number), (mine, "+14155550188"), (other, NUMBER)]
    assert [await server._may_call_as(*one) for one in asked] == [True, True, False, False]


async def test_sip_uris_are_reached_from_its_own_address(server: Server) -> None:
    (flow, *_) = await server._locate("sip:bob@127.0.0.1:5099")
    assert (flow.transport, flow.local, flow.remote) == ("UDP", server.sip_address, ("127.0.0.1", 5099))
    assert server._home().remote == server.sip_address


async def test_a_certificate_without_a_key_is_told_at_once(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    with pytest.raises(ServerError, match="set both, or neither"):
        async with Server(settings(tmp_path, sip={"tls_certificate": tmp_path / "cert.pem"})):
            raise AssertionError("it has started")
    await nothing_more_runs(before)


async def test_a_server_that_goes_down_hangs_up(tmp_path: Path, shop: Shop) -> None:
    before = asyncio.all_tasks()
    server = Server(settings(tmp_path))
    async with asyncio.timeout(30), Phone() as phone:
        async with server:
            assert server.account_is_new
            await add_number(server, shop)
            call = await phone.call(NUMBER, server=server.sip_address)
        assert (await call.ended(5)).by == "them"
        async with Database.open(tmp_path / "ringback.db") as database:
            (record,) = await database.calls.list()
            last = [stored.event for stored in await database.events.of_call(record.sid)][-1]
    assert (record.status, record.end_reason) == (CallStatus.COMPLETED, "server-stopped")
    assert record.end_time is not None
    assert last.kind in (events.STATUS, events.WEBHOOK_RESPONSE)
    await nothing_more_runs(before)


# -- without starting one ---------------------------------------------------------------------------------------------


async def test_settings_reach_what_they_are_for(tmp_path: Path) -> None:
    server = Server(
        settings(
            tmp_path,
            webhooks={"connect_timeout": 1, "total_timeout": 2, "max_document_bytes": 3000, "max_media_bytes": 4000},
            media={"workers": 3, "advertised_address": "203.0.113.7", "rtp_timeout": 5},
            calls={"max_duration": 6, "max_concurrent": 7, "default_region": "GB"},
        )
    )
    webhooks, media, switch = server._webhook_settings(), server._media_settings(), server._switch_settings()
    assert (webhooks.connect_timeout, webhooks.read_timeout, webhooks.total_timeout) == (1, 2, 2)
    assert (webhooks.max_body, webhooks.max_media) == (3000, 4000)
    assert (media.host, media.ports, media.workers) == ("127.0.0.1", (34000, 34998), 3)
    assert (switch.call.rtp_timeout, switch.call.max_duration, switch.call.media_address) == (5, 6, "203.0.113.7")
    assert (switch.max_concurrent, switch.region) == (7, "GB")


async def test_authorities_that_are_none_are_told_with_their_setting(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for file in ("ca.pem", "nowhere.pem"):
        server = Server(settings(tmp_path, webhooks={"ca_file": tmp_path / file}))
        with pytest.raises(ServerError, match=f"webhooks.ca_file: .*{file} holds no certificates"):
            server._webhooks()


@pytest.mark.parametrize(
    ("listens", "udp", "remote", "transport"),
    [("0.0.0.0", True, "127.0.0.1", "UDP"), ("::", False, "::1", "TCP"), ("192.0.2.1", True, "192.0.2.1", "UDP")],
)
async def test_a_server_that_listens_everywhere_calls_itself_over_loopback(
    tmp_path: Path, listens: str, udp: bool, remote: str, transport: str
) -> None:
    server = Server(settings(tmp_path, sip={"udp": udp}))
    server.sip_listening = [Listen("TLS", listens, 5061), Listen("TCP", listens, 5060), Listen("UDP", listens, 5060)]
    home = server._home()
    assert (home.transport, home.local, home.remote) == (transport, (listens, 5060), (remote, 5060))
