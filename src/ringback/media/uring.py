"""Many reads or writes in one system call, by io_uring(7).

Requests are copied into a ring in memory that is shared with the kernel, and what became of them is read from another.
Only what is done at once is used of it, so that both rings are empty between two calls.
"""

import mmap
import os
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.batch import MOST_AT_ONCE, NOT_DONE, Kernel, Requests, requests_for

_NUMBERS: Final = {"x86_64": (425, 426), "aarch64": (425, 426)}
"""io_uring_setup, io_uring_enter."""
_SEND, _RECEIVE = 26, 27
"""IORING_OP_SEND, IORING_OP_RECV."""
_DO_NOT_WAIT: Final = 0x40
_NO_SIGNAL: Final = 0x4000
_ONE_MAPPING: Final = 1
"""IORING_FEAT_SINGLE_MMAP: both rings lie in one piece of memory."""
_TELLS_FAILURES_ONLY: Final = 0x800
"""IORING_FEAT_CQE_SKIP: a request may ask that only its failure be told."""
_SKIP_SUCCESS: Final = 0x40
"""IOSQE_CQE_SKIP_SUCCESS."""
_RINGS_AT, _REQUESTS_AT = 0, 0x10000000
_REQUEST: Final = np.dtype(
    [
        ("operation", "u1"),
        ("flags", "u1"),
        ("priority", "<u2"),
        ("fd", "<i4"),
        ("offset", "<u8"),
        ("buffer", "<u8"),
        ("size", "<u4"),
        ("message_flags", "<u4"),
        ("data", "<u8"),
        ("buffer_index", "<u2"),
        ("personality", "<u2"),
        ("file_index", "<i4"),
        ("rest", "<u8", 2),
    ]
)
"""struct io_uring_sqe."""
_RESULT: Final = np.dtype([("data", "<i8"), ("result", "<i4"), ("flags", "<u4")])
"""struct io_uring_cqe."""
_WORDS: Final = _REQUEST.itemsize // 8
_DATA: Final = 4
"""Which of the words comes back with the result: here, the number of the request."""


class Uring:
    """See `ringback.media.batch.Batch`. Raises OSError where the system has no such thing."""

    def __init__(self, size: int = MOST_AT_ONCE) -> None:
        self._kernel = Kernel(_NUMBERS)
        setup, self._enter = self._kernel.numbers
        # struct io_uring_params: ten words, and the places of what is in either ring, ten words each.
        told = np.zeros(30, np.uint32)
        if (fd := self._kernel(setup, size, told.ctypes.data)) < 0:
            raise OSError(-fd, "io_uring cannot be used")
        self._fd = fd
        try:
            entries, results, features = int(told[0]), int(told[1]), int(told[5])
            if not features & _ONE_MAPPING:
                raise OSError("this system's io_uring is too old")
            self._skip = _SKIP_SUCCESS if features & _TELLS_FAILURES_ONLY else 0
            self._map(entries, results, told[10:20].tolist(), told[20:30].tolist())
        except OSError:
            os.close(fd)
            raise

    def _map(self, entries: int, results: int, submission: list[int], completion: list[int]) -> None:
        _, self._tail, _, _, _, _, order = submission[:7]
        self._done_head, self._done_tail, _, _, _, done = completion[:6]
        size = max(order + 4 * entries, done + _RESULT.itemsize * results)
        self._rings = mmap.mmap(self._fd, size, mmap.MAP_SHARED | mmap.MAP_POPULATE, offset=_RINGS_AT)
        self._memory = mmap.mmap(
            self._fd, entries * _REQUEST.itemsize, mmap.MAP_SHARED | mmap.MAP_POPULATE, offset=_REQUESTS_AT
        )
        self._numbers = np.frombuffer(self._rings, np.uint32, size // 4)
        self._numbers[order // 4 : order // 4 + entries] = np.arange(entries)
        self._requests = np.frombuffer(self._memory, np.uint64).reshape(entries, _WORDS)
        self._places = np.arange(entries, dtype=np.uint64)
        self._results = np.frombuffer(self._rings, _RESULT, results, done)

    def close(self) -> None:
        """Give the kernel's part back."""
        del self._numbers, self._requests, self._results
        self._rings.close()
        self._memory.close()
        os.close(self._fd)

    def to_read(self, buffer: NDArray[np.uint8]) -> Requests:
        """Requests that each read a packet into a row of `buffer`."""
        return requests_for(buffer, _REQUEST, "buffer", "size", operation=_RECEIVE, message_flags=_DO_NOT_WAIT)

    def to_write(self, buffer: NDArray[np.uint8]) -> Requests:
        """Requests that each send a row of `buffer`. What is sent is sent whole, so that only failures need be told."""
        how = _DO_NOT_WAIT | _NO_SIGNAL
        return requests_for(buffer, _REQUEST, "buffer", "size", operation=_SEND, message_flags=how, flags=self._skip)

    def do(self, requests: Requests, which: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Do all requests, or those with these indices; return the bytes of each, or an error."""
        words = requests.view(np.uint64).reshape(-1, _WORDS)
        count = len(words) if which is None else len(which)
        # Who is told of failures only takes the rest for done.
        quiet = self._skip and len(words) and requests["flags"][0] & self._skip
        results = np.full(count, requests["size"][0] if quiet else NOT_DONE, np.int64)
        for first in range(0, count, len(self._requests)):
            last = min(first + len(self._requests), count)
            tail = int(self._numbers[self._tail // 4])
            if which is None:
                self._put(tail, words[first:last])
            else:
                self._put_those(tail, words, which[first:last])
            self._some(tail, results[first:last])
        return results

    def _put(self, tail: int, words: NDArray[np.uint64]) -> None:
        """Copy requests to their place in the ring, which goes round."""
        place = tail % len(self._requests)
        before_end = min(len(self._requests) - place, len(words))
        self._requests[place : place + before_end] = words[:before_end]
        self._requests[: len(words) - before_end] = words[before_end:]

    def _put_those(self, tail: int, words: NDArray[np.uint64], which: NDArray[np.int64]) -> None:
        """The same with those that have these indices, copied once only."""
        place = tail % len(self._requests)
        before_end = min(len(self._requests) - place, len(which))
        for there, some in ((place, which[:before_end]), (0, which[before_end:])):
            words.take(some, axis=0, out=self._requests[there : there + len(some)], mode="clip")

    def _some(self, tail: int, results: NDArray[np.int64]) -> None:
        left, place = len(results), tail % len(self._requests)
        before_end = min(len(self._requests) - place, left)
        self._requests[place : place + before_end, _DATA] = self._places[:before_end]
        self._requests[: left - before_end, _DATA] = self._places[before_end:left]
        self._numbers[self._tail // 4] = (tail + left) & 0xFFFFFFFF
        while left > 0:
            # What makes no sense ends one call early, with a result as everything has one.
            done = self._kernel(self._enter, self._fd, left, 0, 0, 0, 0)
            if done <= 0:
                raise OSError(-done, "io_uring does not take what is in its ring")
            left -= done
            self._collect(results)

    def _collect(self, results: NDArray[np.int64]) -> None:
        head = int(self._numbers[self._done_head // 4])
        count = (int(self._numbers[self._done_tail // 4]) - head) & 0xFFFFFFFF
        if not count:
            return
        place = head % len(self._results)
        before_end = min(len(self._results) - place, count)
        for events in (self._results[place : place + before_end], self._results[: count - before_end]):
            results[events["data"]] = events["result"]
        self._numbers[self._done_head // 4] = (head + count) & 0xFFFFFFFF
