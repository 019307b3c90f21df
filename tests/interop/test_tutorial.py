"""The application of docs/tutorial/first-call.md does what the page says, typed off as it stands there."""

import re
import sys
from pathlib import Path

import pytest

from tests.interop.peers.process import Process, free_port, is_free

pytestmark = pytest.mark.needs("baresip")
PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "first-call.md"


@pytest.fixture
async def hello(tmp_path: Path, started: list[Process]):
    """The page's application and its port, a free one in place of 8000."""
    port = free_port()
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "hello.py").write_text(source.replace("8000", str(port)))
    process = await Process.spawn(tmp_path / "hello", [sys.executable, "-u", str(tmp_path / "hello.py")])
    started.append(process)
    await process.until(lambda: not is_free(port), "the application does not listen")
    yield process, port
    await process.stop()


async def test_the_first_call(ringback, phone, hello: tuple[Process, int]):
    process, port = hello
    await ringback.add_number("+14155550100", f"http://127.0.0.1:{port}/")
    alice = await phone("alice")
    await alice.dial(ringback.uri("+14155550100"))
    await alice.press("1")
    await alice.until("CALL_CLOSED", 20)
    first, second = (line for line in process.log().splitlines() if line.startswith("/"))
    assert first.startswith("/ {")
    assert "'CallStatus': ['ringing']" in first
    assert second.startswith("/flavour {")
    assert "'Digits': ['1']" in second


async def test_the_command_that_the_page_calls_with(ringback, hello: tuple[Process, int], tmp_path: Path):
    process, port = hello
    await ringback.add_number("+14155550100", f"http://127.0.0.1:{port}/")
    command = [sys.executable, "-m", "ringback", "call", "+14155550100", "--press", "~1"]
    caller = await Process.spawn(tmp_path / "caller", [*command, "--server", f"127.0.0.1:{ringback.port}"])
    assert await caller.finish(30) == 0, caller.log()
    assert "'Digits': ['1']" in process.log()
