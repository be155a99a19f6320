"""Where runs are executed side by side: threads of this process, each over a kernel, or a Dask cluster."""

import atexit
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from functools import cache, partial
from typing import NamedTuple

from analysis.batch import forked
from analysis.batch.execution import Finished, Run, kernel_environment, work
from analysis.batch.progress import Lines
from analysis.cluster import connect, told


class Task(NamedTuple):
    """A run with the content of its notebook and the digest of all it starts from."""

    run: Run
    source: bytes
    digest: str


def threads(tasks: Sequence[Task], workers: int, progress: Lines) -> Generator[tuple[Run, Finished]]:
    """Execute tasks in threads; the work happens in the kernels. Yields each as it is finished."""
    with kernel_environment(), forked.manager([task.source for task in tasks]) as manager:
        pool = ThreadPoolExecutor(workers)
        try:
            told = {task.run.name: partial(progress.cell, task.run.name) for task in tasks}
            jobs = {pool.submit(work, *task, told[task.run.name], manager): task for task in tasks}
            for job in as_completed(jobs):
                yield jobs[job].run, job.result()
        finally:
            # After an interruption the caller ends: do not wait for notebooks nobody reads any more.
            pool.shutdown(wait=False, cancel_futures=True)


# --- Dask -----------------------------------------------------------------------------

TOPIC = "live-migration-study-report"


def cluster(
    tasks: Sequence[Task], address: str, progress: Lines, timeout: str = "10s"
) -> Generator[tuple[Run, Finished]]:
    """Execute tasks on the workers of a Dask scheduler. Yields each as it is finished."""
    with connect(address, timeout) as client, told(address):
        import distributed

        client.subscribe_topic(TOPIC, lambda event: progress.cell(*event[1]))
        jobs = {client.submit(_remote, task, key=f"{task.run.name}-{task.digest}"): task for task in tasks}
        for job in distributed.as_completed(list(jobs), loop=client.loop):
            yield jobs[job].run, job.result()
            job.release()


def _remote(task: Task) -> Finished:
    """On a worker: execute one task, and tell the scheduler the cell it is at."""
    from distributed import get_worker

    _prepare_worker()
    worker = get_worker()

    def on_cell(number: int, total: int) -> None:
        worker.log_event(TOPIC, (task.run.name, number, total))

    return work(*task, on_cell)


@cache
def _prepare_worker() -> None:
    """Once in a worker's process: the environment its kernels start from, kept until it ends."""
    keep = ExitStack()
    keep.enter_context(kernel_environment())
    atexit.register(keep.close)
