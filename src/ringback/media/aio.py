"""Many reads or writes in one system call, by io_submit(2).

Made for files, it does what sockets that do not block can do before it returns.
"""

import ctypes
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.batch import MOST_AT_ONCE, NOT_DONE, Kernel, Requests, requests_for

_NUMBERS: Final = {"x86_64": (206, 207, 208, 209), "aarch64": (0, 1, 4, 2)}
"""io_setup, io_destroy, io_getevents, io_submit."""
_READ, _WRITE = 0, 1
"""IOCB_CMD_PREAD, IOCB_CMD_PWRITE."""
_REQUEST: Final = np.dtype(
    [
        ("data", "<u8"),
        ("key", "<u4"),
        ("flags", "<u4"),
        ("operation", "<u2"),
        ("priority", "<i2"),
        ("fd", "<u4"),
        ("buffer", "<u8"),
        ("size", "<u8"),
        ("offset", "<i8"),
        ("reserved", "<u8"),
        ("more_flags", "<u4"),
        ("signal_fd", "<u4"),
    ]
)
"""struct iocb."""
_RESULT: Final = np.dtype([("data", "<u8"), ("request", "<u8"), ("result", "<i8"), ("second", "<i8")])
"""struct io_event."""


class Aio:
    """See `ringback.media.batch.Batch`. Raises OSError where the system has no such thing."""

    def __init__(self, size: int = MOST_AT_ONCE) -> None:
        self._kernel = Kernel(_NUMBERS)
        self._setup, self._destroy, self._get_events, self._submit = self._kernel.numbers
        self._results = np.zeros(size, _RESULT)
        self._size = size
        context = ctypes.c_ulong(0)
        if (error := self._kernel(self._setup, size, ctypes.addressof(context))) < 0:
            raise OSError(-error, "no context for asynchronous I/O: see fs.aio-max-nr")
        self._context = context.value

    def close(self) -> None:
        """Give the kernel's part back."""
        self._kernel(self._destroy, self._context)

    def to_read(self, buffer: NDArray[np.uint8]) -> Requests:
        """Requests that each read a packet into a row of `buffer`."""
        return requests_for(buffer, _REQUEST, "buffer", "size", operation=_READ)

    def to_write(self, buffer: NDArray[np.uint8]) -> Requests:
        """Requests that each send a row of `buffer`."""
        return requests_for(buffer, _REQUEST, "buffer", "size", operation=_WRITE)

    def do(self, requests: Requests, which: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Do all requests, or those with these indices; return the bytes of each, or an error."""
        rows = np.arange(len(requests)) if which is None else which
        requests["data"][rows] = np.arange(len(rows))
        results = np.full(len(rows), NOT_DONE, np.int64)
        places = requests.ctypes.data + _REQUEST.itemsize * rows
        first = 0
        while first < len(rows):
            count = min(len(rows) - first, self._size)
            done = self._kernel(self._submit, self._context, count, places.ctypes.data + places.itemsize * first)
            if done > 0:
                self._collect(results, done)
            elif done < 0:
                # The kernel stops at what makes no sense, such as a socket that is closed. It is passed over.
                results[first] = done
            first += max(done, 1)
        return results

    def _collect(self, results: NDArray[np.int64], count: int) -> None:
        told = self._kernel(self._get_events, self._context, 0, count, self._results.ctypes.data)
        events = self._results[: max(told, 0)]
        results[events["data"].astype(np.int64)] = events["result"]
