"""The progress of a sweep on standard error: rows done, rows a second, time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from analysis.batch.progress import say

EVERY_S = 10.0
"""How often a line is written where nobody watches a terminal."""


@contextmanager
def progress_of_rows() -> Iterator[Callable[[int, int], None]]:
    """A function that shows rows done of rows in all: a moving bar on a terminal, else a line now and
    then."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} rows"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rows", total=None, rate="")
        rate = _Rate()

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, rate=f"{rate(done):,.0f} rows/s")

        yield show


class _Rate:
    """Rows a second since the first call: what an earlier run had done does not count."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None

    def __call__(self, done: int) -> float:
        now = time.monotonic()
        if self._first is None:
            self._first = now, done
        begun, before = self._first
        return (done - before) / max(now - begun, 1e-9)


def _lines() -> Callable[[int, int], None]:
    rate, told = _Rate(), [time.monotonic()]

    def show(done: int, total: int) -> None:
        speed, now = rate(done), time.monotonic()
        if now - told[0] >= EVERY_S and speed > 0:
            told[0] = now
            left = (total - done) / speed
            say(f"{done:,} of {total:,} rows, {speed:,.0f} rows/s, {_span(left)} left")

    return show


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    )
