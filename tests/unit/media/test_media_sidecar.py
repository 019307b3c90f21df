"""A sidecar: shares memory with the worker, is never waited for, and ends with it."""

import os
import select
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringback.media import sidecar
from ringback.media.sidecar import Host, Sidecar, python, stay_behind

PATIENCE = 10.0
_SHOUTS = """
import sys
from ringback.media.sidecar import Host
host = Host(sys.argv)
host.send(bytes(host.memory[:5]) + b" ")
while said := host.receive():
    host.memory[8:8 + len(said)] = said
    host.send(said.upper())
host.send(b"bye")
"""


class Rig:
    """Sidecars that are gone after the test."""

    def __init__(self) -> None:
        self.cars: list[Sidecar] = []

    def start(self, script: str, memory_bytes: int = 4096) -> Sidecar:
        self.cars.append(Sidecar([sys.executable, "-c", script], memory_bytes))
        return self.cars[-1]


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    for car in rig.cars:
        car.kill()


def hear(car: Sidecar, count: int) -> bytes:
    """Wait until it has said so much."""
    said = b""
    while len(said) < count:
        assert select.select([car], [], [], PATIENCE)[0]
        said += car.receive()
        assert car.alive
    return said


def wait_for_the_end(car: Sidecar) -> None:
    """Wait until it has gone."""
    while car.alive:
        assert select.select([car], [], [], PATIENCE)[0]
        car.receive()


def test_words_go_through_the_socket_and_all_else_through_memory(rig: Rig) -> None:
    car = rig.start(_SHOUTS)
    car.memory[:5] = b"hello"
    assert car.receive() == b""
    car.send(b"one ")
    car.send(b"two")

    assert hear(car, 13) == b"hello ONE TWO"
    assert car.unsent == 0
    assert b"two" in car.memory[8:20]
    assert car.finish(PATIENCE) == b"bye"
    assert not car.alive


def test_a_sidecar_that_does_not_listen_is_not_waited_for(rig: Rig) -> None:
    car = rig.start("input()")
    for _ in range(1000):
        car.send(bytes(1000))

    assert car.unsent > 0
    car.kill()
    assert car.unsent == 0
    car.send(b"more")
    assert (car.unsent, car.receive(), car.finish(1)) == (0, b"", b"")


def test_what_was_said_is_heard_to_the_end(rig: Rig) -> None:
    car = rig.start(
        "import sys\nfrom ringback.media.sidecar import Host\nhost = Host(sys.argv)\ncount = 0\n"
        "while said := host.receive():\n    count += len(said)\nhost.send(str(count).encode())\n"
    )
    for _ in range(1000):
        car.send(bytes(1000))

    assert car.finish(PATIENCE) == b"1000000"


def test_one_that_does_not_end_is_killed(rig: Rig) -> None:
    car = rig.start("while True: pass")

    assert car.finish(0.05) == b""
    assert not car.alive
    assert not Path(f"/proc/{car.pid}").exists()


def test_its_death_is_noticed_by_listening(rig: Rig) -> None:
    car = rig.start(_SHOUTS)
    hear(car, 6)
    os.kill(car.pid, signal.SIGKILL)

    wait_for_the_end(car)
    assert not Path(f"/proc/{car.pid}").exists()


def test_its_death_is_noticed_by_speaking(rig: Rig) -> None:
    car = rig.start("import os, sys\nos.close(int(sys.argv[-2]))\ninput()")
    assert select.select([car], [], [], PATIENCE)[0]
    car.send(b"hello?")

    assert not car.alive


def test_a_connection_that_was_broken_off_is_its_death(rig: Rig) -> None:
    car = rig.start("import os, sys\nos._exit(0)")
    car.send(b"unread words make the system break the connection off")

    wait_for_the_end(car)


def test_one_that_cannot_be_killed_is_not_waited_for(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sidecar, "_GRAVE_SECONDS", 0.01)
    car = rig.start("input()")
    monkeypatch.setattr(car._process, "kill", lambda: None)
    car.kill()
    assert not car.alive

    monkeypatch.undo()
    car._process.kill()
    car._process.wait()


def test_a_command_that_is_none_is_an_error() -> None:
    def files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = files()
    with pytest.raises(OSError, match="nowhere"):
        Sidecar(["/nowhere"], 4096)

    assert files() == before


# -- the other end --------------------------------------------------------------------------------------------------


def test_the_host_hears_and_speaks_and_outlives_the_worker() -> None:
    ours, theirs = socket.socketpair()
    memory = os.memfd_create("test")
    os.ftruncate(memory, 4096)
    host = Host(["program", "more", str(theirs.detach()), str(memory)])
    assert len(host.memory) == 4096

    ours.sendall(b"work")
    assert host.receive() == b"work"
    host.send(b"done")
    assert ours.recv(10) == b"done"
    host.send(b"unread")
    ours.close()
    assert host.receive() == b""
    host.send(b"anybody?")
    assert host.receive() == b""
    host.close()


def test_it_leaves_the_processor_and_ctrl_c_to_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []
    monkeypatch.setattr(os, "nice", done.append)
    monkeypatch.setattr(signal, "signal", lambda *what: done.append(what))
    stay_behind()

    assert done == [(signal.SIGINT, signal.SIG_IGN), (signal.SIGTERM, signal.SIG_IGN), 10]


def test_modules_run_in_the_same_python() -> None:
    assert python("some.module") == [sys.executable, "-m", "some.module"]
