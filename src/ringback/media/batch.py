"""Many reads or writes of sockets in one system call.

A loop that calls `recv` and `send` for each socket pays, with every packet, for entering the kernel and for coming back
to Python. Here the calls are rows of an array, 64 bytes each as the kernel wants them, and it goes through them by
itself. Nothing is left over for later: what cannot be done at once has failed.

Linux has this twice. io_uring is the faster one, and often closed to programs in containers; io_submit is older, and
open. Where there is neither (other systems, a strict sandbox), sockets are used one by one.
"""

import ctypes
import platform
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

NOT_DONE: Final = -11
"""A result: nothing was there to read, no room to write (EAGAIN). Results below 0 are error numbers."""
MOST_AT_ONCE: Final = 1024
"""Requests in one system call. More are done in several."""

Requests = NDArray[np.void]
"""One request a row, with a field `fd` to be set."""


class Batch(Protocol):
    """Does requests."""

    def to_read(self, buffer: NDArray[np.uint8]) -> Requests:
        """Requests that each read a packet into a row of `buffer`, which must stay where it is."""
        ...

    def to_write(self, buffer: NDArray[np.uint8]) -> Requests:
        """Requests that each send a row of `buffer`, on a socket that is connected."""
        ...

    def do(self, requests: Requests, which: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Do all requests, or those with these indices; return how many bytes each has read or written, or an error.

        Sockets must not block.
        """
        ...

    def close(self) -> None:
        """Give the kernel's part back."""
        ...


class Kernel:
    """System calls by number, for which the C library has no functions."""

    def __init__(self, numbers: Mapping[str, tuple[int, ...]]) -> None:
        """`numbers` are the calls' by processor. Raises OSError on a system where they are not known."""
        machine = platform.machine()
        if sys.platform != "linux" or sys.byteorder != "little" or machine not in numbers:
            raise OSError(f"the system calls for many packets are not known on {sys.platform} {machine}")
        self.numbers = numbers[machine]
        self._call = ctypes.CDLL(None, use_errno=True).syscall
        self._call.restype = ctypes.c_long
        self._call.argtypes = [ctypes.c_long] * 7

    def __call__(self, number: int, *arguments: int) -> int:
        """Return what the call returns, or an error number below 0."""
        result = int(self._call(number, *arguments, *[0] * (6 - len(arguments))))
        return -ctypes.get_errno() if result < 0 else result


def requests_for(
    buffer: NDArray[np.uint8], layout: np.dtype[np.void], place: str, length: str, **fields: int
) -> Requests:
    """A request for each row of a buffer, with these fields."""
    made = np.zeros(len(buffer), layout)
    made[place] = buffer.ctypes.data + buffer.strides[0] * np.arange(len(buffer))
    made[length] = buffer.shape[1]
    for name, value in fields.items():
        made[name] = value
    return made


def best(kinds: tuple[Callable[[], Batch], ...] | None = None) -> Batch | None:
    """The fastest that this system has, or None."""
    from ringback.media.aio import Aio
    from ringback.media.uring import Uring

    for kind in kinds or (Uring, Aio):
        with suppress(OSError):
            return kind()
    return None
