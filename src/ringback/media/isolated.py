"""Jobs that may crash or never end, each in a process of its own.

A decoder of audio is native code that is fed what strangers send. A pool in the usual sense is broken as a whole when
one of its processes dies, with all jobs in it; here a job takes down nothing but itself.
"""

import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_JOBS_PER_PROCESS = 1000  # what a library leaks is given back now and then


class IsolatedPool(Executor):
    """Runs functions of modules in spawned processes: so many at a time, and each for so many seconds at most.

    The future of a job whose process died, or was ended because its time was up, raises BrokenExecutor; a new process
    takes its place. Processes are started as they are needed and kept.
    """

    def __init__(self, processes: int = 2, seconds: int = 60) -> None:
        """Take the number of processes and the seconds a job may take."""
        # Each thread waits for a process of its own, so that no two jobs ever share one.
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="isolated")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._pools: set[ProcessPoolExecutor] = set()
        self._seconds = seconds

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue a job. Its function, arguments and result must be picklable."""
        return self._threads.submit(self._run, fn, args, kwargs)

    def _run(self, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        pool = self._pool()
        try:
            return pool.submit(_limited, self._seconds, fn, args, kwargs).result()
        except BrokenExecutor:
            self._own.pool = None
            with self._lock:
                self._pools.discard(pool)
            pool.shutdown()
            raise

    def _pool(self) -> ProcessPoolExecutor:
        pool: ProcessPoolExecutor | None = getattr(self._own, "pool", None)
        if pool is None:
            pool = ProcessPoolExecutor(
                1, mp_context=get_context("spawn"), initializer=_initialise, max_tasks_per_child=_JOBS_PER_PROCESS
            )
            self._own.pool = pool
            with self._lock:
                self._pools.add(pool)
        return pool

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more jobs, finish those that run, and end the processes."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        with self._lock:
            pools = list(self._pools)
            self._pools.clear()
        for pool in pools:
            pool.shutdown(wait, cancel_futures=cancel_futures)


def _initialise() -> None:  # pragma: no cover - in another process
    # Ctrl-C is for the process that owns this one; it ends the pool.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _limited(seconds: int, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    # SIGALRM ends the process even when native code never gives back control. pragma: no cover
    signal.alarm(seconds)
    try:
        return fn(*args, **kwargs)
    finally:
        signal.alarm(0)
