"""`ringback bench rest` as it is typed: what its JSON holds, and that no call failed; not how fast it was."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.long
@pytest.mark.timeout(240)
def test_bench_rest(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ringback", "bench", "rest", "--seconds", "0.5", "--calls", "60"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for kind in ("fetch", "list", "create"):
        assert told[f"{kind}_per_second"]["sqlite"] > 0
        assert 0 < told[f"{kind}_cpu_ms"]["sqlite"] < 1000
        assert told[f"{kind}_ms"]["p99"]["sqlite"] > 0
    assert told["failed"] == 0
    assert (told["calls_failed"], told["calls_per_second"] > 0, told["calls_per_cpu_second"] > 0) == (0, True, True)
