"""`make demo` as a user runs it: it ends with `demo: ok`, or with the reason and exit code 1."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = [sys.executable, "-m", "ringback.app.demo"]


def run_demo(where: Path, temporary: Path, seconds: float = 120) -> tuple[int, str]:
    """Run it in a directory; return its exit code and what it printed."""
    environment = {name: value for name, value in os.environ.items() if name != "KEEP"}
    environment |= {"TMPDIR": str(temporary), "COLUMNS": "80", "NO_COLOR": "1"}
    done = subprocess.run(
        DEMO, cwd=where, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds
    )
    return done.returncode, done.stdout


@pytest.mark.timeout(150)
def test_the_demo_takes_a_call_and_hears_what_was_said(tmp_path: Path) -> None:
    code, printed = run_demo(ROOT, tmp_path)
    lines = printed.splitlines()
    assert (code, lines[-1]) == (0, "demo: ok"), printed
    for word in ("INVITE", "Gather", "Say", "/choice", "/status", "hangup-verb"):
        assert word in printed, word
    heard = [line for line in lines if line.startswith("  heard at ")]
    assert len(heard) >= 4
    assert any(
        line.endswith("Your order 4 7 1 1 was posted this morning. It will be with you tomorrow.") for line in heard
    )
    # What it says to try next is there.
    (wav,) = (Path(line.removeprefix("The recording: ")) for line in lines if line.startswith("The recording: "))
    assert wav.stat().st_size > 8000 * 2 * 10
    assert re.search(r"sip:\+15550100001@127\.0\.0\.1:\d+$", printed, re.MULTILINE)


def test_without_the_sample_application_the_demo_says_what_to_do(tmp_path: Path) -> None:
    code, printed = run_demo(tmp_path, tmp_path)
    assert (code, printed) == (
        1, "demo: failed: there is no examples/menu/app.py here: run `make demo` in a checkout of Ringback\n"
    )  # fmt: skip
