"""`ringback bench call` as it is typed: what its JSON holds, and that its figures are sane; not how fast it was."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(180)
def test_bench_call(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ringback", "bench", "call", "--at-once", "1", "--at-once", "3", "--samples", "3"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told) == {"calls", "machine"}
    assert set(told["machine"]) == {"cores", "python", "system"}
    assert list(told["calls"]) == ["1", "3"]
    for level in told["calls"].values():
        assert level["calls"] == 3
        for wait in ("answer_ms", "say_ms", "key_ms"):
            # No wait is shorter than nothing, or as long as a caller would take for a fault.
            assert 0 < level[wait]["p50"] <= level[wait]["p95"] < 10_000, wait
        # The clips begin with 60 ms of silence, which is heard before their first sound.
        assert level["say_ms"]["p50"] >= 40
        assert level["key_ms"]["p50"] >= 40
    assert "warming up" in done.stderr
    assert "3 at once: 0 of 3 calls measured" in done.stderr
