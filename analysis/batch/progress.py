"""What a batch tells while it runs, on standard error: lines, or on a terminal lines that move."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID


def say(line: str) -> None:
    """Show a line on standard error, at once."""
    print(line, file=sys.stderr, flush=True)


class Lines:
    """Plain lines: one when a notebook is done, and one now and then for those that take long."""

    def __init__(self, tell: Callable[[str], None] = say, every_s: float = 10.0) -> None:
        self.tell = tell
        self._every_s = every_s
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def begin(self, total: int) -> None:
        """The batch begins."""

    def cell(self, name: str, number: int, total: int) -> None:
        """A notebook has come to a cell."""
        now = time.monotonic()
        with self._lock:
            due = now - self._last.setdefault(name, now) >= self._every_s
            if due:
                self._last[name] = now
        if due:
            self.tell(f"{name}: at cell {number} of {total}")

    def done(self, name: str, line: str) -> None:
        """A notebook is done."""
        self.tell(line)


class Bars(Lines):
    """On a terminal: a moving line for each running notebook, with its cell, and one for the batch."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        text = TextColumn("{task.description}", markup=False)
        columns = (text, BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("{task.fields[unit]}"))
        console = Console(stderr=True, highlight=False)
        self.moving = Progress(*columns, TimeElapsedColumn(), console=console, transient=True)
        self._tasks: dict[str, TaskID] = {}
        super().__init__(lambda line: self.moving.console.print(line, markup=False, soft_wrap=True))

    def begin(self, total: int) -> None:
        """Add the line of the batch."""
        self._all = self.moving.add_task("all notebooks", total=total, unit="done")

    def cell(self, name: str, number: int, total: int) -> None:
        """Move the line of a notebook; add it when it comes to its first cell."""
        with self._lock:
            if name not in self._tasks:
                self._tasks[name] = self.moving.add_task(name, total=total, unit="cells")
        self.moving.update(self._tasks[name], completed=number)

    def done(self, name: str, line: str) -> None:
        """Take away the line of a notebook and move that of the batch."""
        if name in self._tasks:
            self.moving.remove_task(self._tasks.pop(name))
        self.moving.advance(self._all)
        self.tell(line)


@contextmanager
def shown() -> Iterator[Lines]:
    """Moving lines where standard error is a terminal, plain ones elsewhere."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    bars = Bars()
    with bars.moving:
        yield bars
