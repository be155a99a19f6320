"""The progress of reading a large file, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_S = 1.0
"""A file that is read sooner needs no progress."""


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int], None] | None]:
    """A function that shows bytes read of bytes in all on one line; None where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    begun, told = time.monotonic(), [0.0]

    def show(done: int, size: int) -> None:
        now = time.monotonic()
        if now - begun > PATIENCE_S and now - told[0] > 0.2 and size:
            told[0] = now
            print(f"\rreading: {done / size:4.0%} of {size / 2**20:,.0f} MiB", end="", file=sys.stderr)

    yield show
    if told[0]:
        print("\r" + " " * 40 + "\r", end="", file=sys.stderr)
