"""One folder for all that a batch needs only while it runs: kernels' connections, profiles, notebooks.

Everything lies in it, so that one removal leaves nothing behind. A batch that was killed cannot remove it;
the next one on the same machine does, once it can lock what the killed one had locked.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from analysis import alone
from analysis.errors import UserError

PREFIX = "migration-study-batch-"


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder, removed at the end with all that is in it; those of killed batches go before."""
    remove_left()
    with ExitStack() as ending:
        yield _own(ending)


def _own(ending: ExitStack) -> Path:
    """A new folder, locked; when ``ending`` ends it is let go and removed."""
    while True:
        made = Path(tempfile.mkdtemp(prefix=PREFIX))
        ending.callback(remove, made)
        atexit.register(shutil.rmtree, made, ignore_errors=True)  # when no thread is left to write into it
        try:
            ending.enter_context(alone.in_folder(made))
        except (UserError, FileNotFoundError):  # another batch took the new folder for one that was left
            continue
        return made


def remove_left() -> None:
    """Remove the folders of batches that have ended and could not."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            with alone.in_folder(left):
                remove(left)
        except (UserError, OSError):  # in use, or another user's
            continue


def remove(made: Path, tries: int = 20) -> None:
    """Remove a folder into which a thread that is being stopped may still write."""
    for _ in range(tries):
        shutil.rmtree(made, ignore_errors=True)
        if not made.exists():
            return
        time.sleep(0.05)
