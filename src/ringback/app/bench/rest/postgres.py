"""A PostgreSQL server for a while: on a temporary directory, on a socket only, for benchmarks and tests."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DEBIAN = Path("/usr/lib/postgresql")
_SOCKET_ONLY = "-c listen_addresses= -c max_connections=60"
_CARELESS = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off"
"""It may lose everything with the machine, which tests do not mind."""


def programs() -> Path | None:
    """Where `initdb` and `pg_ctl` are; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found and shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    versions = sorted(
        _DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0
    )
    return versions[-1].parent if versions else None


@contextmanager
def running(bin_directory: Path, *, careless: bool = True) -> Iterator[str]:
    """Run a server, and yield the URL of a database in it. Raises CalledProcessError with what it said.

    `careless` saves the time that it takes to be sure of the disk.
    """
    with tempfile.TemporaryDirectory(prefix="ringback-pg-") as name:
        base = Path(name)
        base.chmod(0o755)
        data, log = base / "data", base / "log"
        data.mkdir()
        log.touch()
        user: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            for path in (base, data, log):
                shutil.chown(path, "postgres")
            user = ["runuser", "-u", "postgres", "--"]

        def run(*command: str) -> None:
            subprocess.run([*user, *command], check=True, capture_output=True, timeout=60, cwd=base)

        run(str(bin_directory / "initdb"), "-D", str(data), "-A", "trust", "-U", "ringback", "-E", "UTF8", "--no-sync")
        pg_ctl = [str(bin_directory / "pg_ctl"), "-D", str(data), "-l", str(log), "-w"]
        run(*pg_ctl, "-o", f"{_SOCKET_ONLY} {_CARELESS if careless else ''} -k {base}", "start")
        try:
            yield f"postgresql://ringback@/postgres?host={base}"
        finally:
            run(*pg_ctl, "-m", "immediate", "stop")
