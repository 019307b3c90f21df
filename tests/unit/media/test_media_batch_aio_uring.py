"""Many packets in one system call: both ways in which Linux does it keep the same promises, with real sockets."""

import ctypes
import errno
import platform
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from ringback.media import aio as aio_module
from ringback.media import uring as uring_module
from ringback.media.aio import Aio
from ringback.media.batch import NOT_DONE, Batch, Kernel, best
from ringback.media.uring import Uring
from tests.unit.media.socket_pairs import Pairs

Kind = Callable[..., Batch]
WIDTH = 64


def made(kind: Kind, size: int) -> Batch:
    try:
        return kind(size)
    except OSError as error:
        pytest.skip(str(error))


@pytest.fixture(params=[Aio, Uring])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def batch(kind: Kind) -> Iterator[Batch]:
    it = made(kind, 8)
    yield it
    it.close()


@pytest.fixture
def pairs() -> Iterator[Pairs]:
    it = Pairs(3)
    yield it
    it.close()


def test_a_packet_of_each_socket_is_read(batch: Batch, pairs: Pairs) -> None:
    buffer = np.zeros((3, WIDTH), np.uint8)
    reads = batch.to_read(buffer)
    reads["fd"] = pairs.fds
    pairs.theirs[0].send(b"one")
    pairs.theirs[2].send(b"")
    pairs.theirs[2].send(b"three")

    assert batch.do(reads).tolist() == [3, NOT_DONE, 0]
    assert batch.do(reads).tolist() == [NOT_DONE, NOT_DONE, 5]
    assert bytes(buffer[0, :3]) == b"one"
    assert bytes(buffer[2, :5]) == b"three"


def test_packets_longer_than_the_buffer_are_cut(batch: Batch, pairs: Pairs) -> None:
    buffer = np.zeros((3, WIDTH), np.uint8)
    reads = batch.to_read(buffer)
    reads["fd"] = pairs.fds
    pairs.theirs[1].send(bytes(1000))

    assert batch.do(reads).tolist() == [NOT_DONE, WIDTH, NOT_DONE]


def test_those_asked_for_are_sent(batch: Batch, pairs: Pairs) -> None:
    packets = np.arange(3 * WIDTH, dtype=np.uint8).reshape(3, WIDTH)
    writes = batch.to_write(packets)
    writes["fd"] = pairs.fds

    assert batch.do(writes, np.array([2, 0])).tolist() == [WIDTH, WIDTH]
    assert pairs.theirs[0].recv(100) == packets[0].tobytes()
    assert pairs.theirs[2].recv(100) == packets[2].tobytes()
    with pytest.raises(BlockingIOError):
        pairs.theirs[1].recv(100)
    assert batch.do(writes, np.zeros(0, np.int64)).tolist() == []


def test_one_that_fails_does_not_stop_the_others(batch: Batch, pairs: Pairs) -> None:
    packets = np.zeros((3, WIDTH), np.uint8)
    writes = batch.to_write(packets)
    for broken in range(3):
        writes["fd"] = pairs.fds
        writes["fd"][broken] = 1 << 20
        expected = [WIDTH] * 3
        expected[broken] = -errno.EBADF
        assert batch.do(writes).tolist() == expected
    for one in pairs.theirs:
        assert one.recv(100) == one.recv(100) == bytes(WIDTH)


def test_a_port_that_is_closed_is_told_once(batch: Batch, pairs: Pairs) -> None:
    """As an ICMP error it comes with the next call, and the one after that goes on."""
    packets = np.zeros((3, WIDTH), np.uint8)
    writes = batch.to_write(packets)
    writes["fd"] = pairs.fds
    pairs.theirs[1].close()

    assert batch.do(writes).tolist() == [WIDTH] * 3
    assert batch.do(writes).tolist() == [WIDTH, -errno.ECONNREFUSED, WIDTH]
    reads = batch.to_read(packets)
    reads["fd"] = pairs.fds
    batch.do(writes)
    assert batch.do(reads).tolist() == [NOT_DONE, -errno.ECONNREFUSED, NOT_DONE]
    assert batch.do(reads).tolist() == [NOT_DONE] * 3


def test_more_than_fit_at_once_are_done_in_turns(batch: Batch, pairs: Pairs) -> None:
    """Eight fit; the ring goes round."""
    packets = np.repeat(np.arange(29, dtype=np.uint8)[:, None], WIDTH, axis=1)
    writes = batch.to_write(packets)
    writes["fd"] = pairs.fds[0]
    for count in (29, 3, 7, 12):
        which = np.arange(count)[::-1].copy()
        assert batch.do(writes, which).tolist() == [WIDTH] * count
        assert [pairs.theirs[0].recv(100)[0] for _ in range(count)] == which.tolist()


def test_a_full_socket_loses_packets_and_does_not_block(kind: Kind) -> None:
    batch = made(kind, 64)
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        one.setblocking(False)
        packets = np.zeros((500, 4000), np.uint8)
        writes = batch.to_write(packets)
        writes["fd"] = one.fileno()
        results = batch.do(writes)
    batch.close()
    assert results[0] == 4000
    assert results[-1] == NOT_DONE


@pytest.mark.parametrize(("name", "value"), [("platform", "darwin"), ("byteorder", "big")])
def test_other_systems_have_neither(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setattr(sys, name, value)
    with pytest.raises(OSError, match="not known"):
        Aio()
    with pytest.raises(OSError, match="not known"):
        Uring()
    assert best() is None


def test_other_processors_have_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    assert best() is None


@pytest.mark.parametrize("module", [aio_module, uring_module])
def test_what_a_sandbox_forbids_is_not_there(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    monkeypatch.setattr(module.Kernel, "__call__", lambda self, number, *arguments: -errno.EPERM)
    with pytest.raises(OSError, match="asynchronous|io_uring") as told:
        module.Aio() if module is aio_module else module.Uring()
    assert told.value.errno == errno.EPERM


def test_the_first_that_can_be_had_is_taken() -> None:
    def missing() -> Batch:
        raise OSError("no")

    taken: Any = best((missing, lambda: "this one", missing))  # type: ignore[arg-type, return-value]
    assert taken == "this one"


def test_an_old_io_uring_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    made(Uring, 8).close()
    monkeypatch.setattr(uring_module, "_ONE_MAPPING", 1 << 31)
    with pytest.raises(OSError, match="too old"):
        Uring(8)


def test_a_ring_that_the_kernel_does_not_empty_is_an_error(monkeypatch: pytest.MonkeyPatch, pairs: Pairs) -> None:
    ring = made(Uring, 8)
    writes = ring.to_write(np.zeros((3, WIDTH), np.uint8))
    writes["fd"] = pairs.fds
    with monkeypatch.context() as patch:
        patch.setattr(Kernel, "__call__", lambda self, number, *arguments: -errno.EBUSY)
        with pytest.raises(OSError, match="does not take"):
            ring.do(writes)
    ring.close()


def test_errors_of_system_calls_are_returned() -> None:
    kernel = Kernel({platform.machine(): (39,)})
    assert kernel(1 << 30) == -errno.ENOSYS
    assert ctypes.get_errno() == errno.ENOSYS
