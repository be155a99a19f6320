"""Who makes the parts of a sweep: this process, a pool of processes, or the workers of a Dask cluster.

A process that is ended from outside, by a person or for want of memory, takes nothing with it: the parts that
it had not handed in are made again by another.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from analysis.errors import WorkError

Made = tuple[int, Any]
Maker = Callable[[int], Made]
"""Makes the part of a number: the number and what it adds to reductions."""
MOST_DEATHS = 3
"""How often a process may be ended while no part is finished: then parts end it, not chance."""


def made_here(make: Maker, todo: Sequence[int]) -> Generator[Made]:
    """Parts made by this process, one after the other."""
    for part in todo:
        yield make(part)


def made_by_pool(make: Maker, todo: Sequence[int], workers: int) -> Generator[Made]:
    """Parts made by processes of this machine, in their order; WorkError where these keep being ended."""
    left, deaths = list(todo), 0
    while left:
        try:
            with _pool(workers) as executor:
                submit: Callable[..., Future[Made]] = executor.submit
                for part, sums in _in_order(partial(submit, make), list(left), workers):
                    left.remove(part)
                    deaths = 0
                    yield part, sums
        except BrokenExecutor:
            deaths += 1
            if deaths > MOST_DEATHS:
                raise WorkError(
                    f"the processes that make parts were ended from outside {deaths} times in a row (too "
                    "little memory?): try fewer --workers; what is done is kept"
                ) from None


def made_by_cluster(make: Maker, todo: Sequence[int], address: str) -> Generator[Made]:
    """Parts made by the workers of a Dask scheduler, in their order; WorkError where it went away."""
    from analysis import cluster

    with cluster.connect(address) as client, cluster.told(address):
        width = sum(client.nthreads().values())
        # Not by its executor, which logs a traceback for each part under way when the scheduler goes away.
        yield from _in_order(partial(client.submit, _Prepared(make), pure=False), todo, width)


def _in_order(submit: Callable[[int], Future[Made]], todo: Sequence[int], width: int) -> Iterator[Made]:
    """Parts in their order, so that sums are added the same way by however many; never more than twice as
    many under way as are made at a time."""
    running: deque[Future[Made]] = deque()
    for part in todo:
        running.append(submit(part))
        if len(running) >= 2 * width:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


# --- processes --------------------------------------------------------------------------------------


class _Process(multiprocessing.context.SpawnProcess):
    """A process of a pool: ended, and not waited for, where this one ends before the pool is let go."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named | {"daemon": True})


class _Spawned(multiprocessing.context.SpawnContext):
    """How a pool starts its processes, and which it started."""

    def __init__(self) -> None:
        self.started: list[_Process] = []

    def Process(self, *arguments: Any, **named: Any) -> _Process:  # type: ignore[override]
        """As the pool asks for one, before it starts it."""
        self.started.append(_Process(*arguments, **named))
        return self.started[-1]


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    _track_quietly()
    context = _Spawned()
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_process)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
        # Interrupted while it started its processes, a pool does not know them, and they wait for ever.
        for process in context.started:
            if process.is_alive():
                process.kill()
                process.join()


def _track_quietly() -> None:
    """Start what clears up the pool's semaphores if this process is killed, so that it says nothing.

    It would warn of them in Python's way; it takes its filters of warnings from those of this process.
    """
    if sys.platform == "win32":  # which clears up by itself
        return
    from multiprocessing import resource_tracker

    sys.warnoptions.append("ignore::UserWarning:multiprocessing.resource_tracker")
    resource_tracker.ensure_running()
    sys.warnoptions.pop()


def _begin_process() -> None:
    """Make a process of a pool ready to make parts."""
    # Ctrl-C goes to all processes of a terminal: the one that gives out the parts answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep_memory()


def _end_with_parent() -> None:
    """End this process when the one that gives out the parts has ended, however: it would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class _Prepared:
    """A maker that has its process keep memory first: workers of a cluster are started by others."""

    def __init__(self, make: Maker) -> None:
        self.make = make

    def __call__(self, part: int) -> Made:
        keep_memory()
        return self.make(part)


@cache
def keep_memory() -> None:
    """In a process that makes parts: keep memory that was freed, for the next stretch needs as much again.

    Giving it back to the system and taking it anew costs a tenth of the time. Only glibc needs telling.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        trim_threshold, mmap_threshold = -1, -3
        mallopt(trim_threshold, 2**28)
        mallopt(mmap_threshold, 2**25)
