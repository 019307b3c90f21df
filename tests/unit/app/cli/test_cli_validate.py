"""`ringback validate`: what would be told of a document."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer
from cli_typing import Ringback
from typer.testing import CliRunner

from ringback.storage.database import Database
from ringback.webhooks.signature import sign

GOOD = "<Response><Say>Hello</Say></Response>"
BAD = '<Response>\n  <Say voice="bob">Hello</Say>\n  <Dance/>\n</Response>'


def test_a_good_document(ringback: Ringback, tmp_path: Path) -> None:
    (tmp_path / "menu.xml").write_text(GOOD)
    assert ringback("validate", "menu.xml").stdout == "no warnings; verbs: Say\n"


def test_warnings_line_by_line(ringback: Ringback, tmp_path: Path) -> None:
    (tmp_path / "menu.xml").write_text(BAD)
    lines = ringback("validate", "menu.xml", code=1).stdout.splitlines()
    assert lines[0].startswith("menu.xml:2: warning 13511: Say voice=")
    assert lines[1].startswith("menu.xml:3: warning 12200: there is no verb Dance")
    assert lines[2] == "2 warnings; verbs: Say"


def test_an_error(ringback: Ringback, tmp_path: Path) -> None:
    (tmp_path / "menu.xml").write_text("<Response>\n<Say>a & b</Say></Response>")
    lines = ringback("validate", "menu.xml", code=1).stdout.splitlines()
    assert lines[0].startswith("menu.xml:2: error 12100: The document is not well-formed XML")
    assert "fallback" in lines[1]


def test_one_warning_of_one_that_does_nothing(ringback: Ringback, tmp_path: Path) -> None:
    (tmp_path / "menu.xml").write_text("<Response><Dance/></Response>")
    assert ringback("validate", "menu.xml", code=1).stdout.endswith("1 warning; verbs: none, nothing would happen\n")


def test_as_json(ringback: Ringback, tmp_path: Path) -> None:
    (tmp_path / "menu.xml").write_text("<Response><Reject/></Response>")
    told = json.loads(ringback("validate", "menu.xml", "--version", "2008-08-01", "--json", code=1).stdout)
    assert (told["source"], told["version"], told["verbs"]) == ("menu.xml", "2008-08-01", [])
    assert [(one["level"], one["code"], one["line"]) for one in told["findings"]] == [("error", 13750, 1)]


def test_plain_text_by_its_suffix(ringback: Ringback, tmp_path: Path) -> None:
    (tmp_path / "hello.txt").write_text("Hello there")
    assert ringback("validate", "hello.txt").stdout == "no warnings; verbs: Say, Hangup\n"


def test_standard_input(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["validate", "-"], input=GOOD)
    assert (result.exit_code, result.stdout) == (0, "no warnings; verbs: Say\n")


def test_what_cannot_be_read(ringback: Ringback) -> None:
    assert "No such file" in ringback("validate", "nowhere.xml", code=2).stderr


class Server(HTTPServer):
    """An application that keeps what it was asked."""

    asked: list[tuple[str, str, str, str]]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer("")

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def answer(self, form: str) -> None:
        assert isinstance(self.server, Server)
        self.server.asked.append((self.command, self.path, form, self.headers["X-Twilio-Signature"]))
        self.send_response(404 if "nowhere" in self.path else 200)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.end_headers()
        self.wfile.write(GOOD.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_url_is_asked_as_a_call_would_and_signed(ringback: Ringback, server: Server, directory: Path) -> None:
    async def token() -> str:
        async with Database.open(directory / "ringback.db") as database:
            from datetime import UTC, datetime

            return (await database.accounts.ensure_default(datetime(2026, 1, 1, tzinfo=UTC), bytes)).auth_token

    auth_token = asyncio.run(token())
    url = f"http://127.0.0.1:{server.server_port}/voice"
    assert ringback("validate", url, "--method", "GET", "--parameter", "Digits=1").stdout == "no warnings; verbs: Say\n"
    command, path, _, signature = server.asked[0]
    assert command == "GET"
    assert "CallSid=CA000" in path
    assert path.endswith("&Digits=1")
    assert signature == sign(auth_token, f"http://127.0.0.1:{server.server_port}{path}")


def test_a_url_is_posted_to(ringback: Ringback, server: Server, directory: Path) -> None:
    (directory / "ringback.db").unlink()
    url = f"http://127.0.0.1:{server.server_port}"
    ringback("validate", f"{url}/voice", "--version", "2008-08-01")
    command, _, form, _ = server.asked[0]
    assert (command, "Caller=4155550100" in form) == ("POST", True)
    assert "11200: the server answered 404" in ringback("validate", f"{url}/nowhere", code=2).stderr
