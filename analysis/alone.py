"""One run at a time in a folder: two that write the same files would undo each other's work.

The system lets go of the lock when its process ends, however it ends; a lock file that a killed run left
behind hinders nobody, and the next run takes it away.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from analysis.errors import UserError

LOCK = ".lock"
"""Name of the file in a folder that is locked while a run writes into it."""


@contextmanager
def in_folder(folder: Path, told: str | Path = "") -> Iterator[None]:
    """Have a folder, which is there, for this run alone; UserError where another run has it.

    ``told``: the folder as the user named it, if that is another.
    """
    # Here: it takes a tenth of a second to import, and most verbs write into no folder.
    import filelock

    path = folder / LOCK
    lock = filelock.FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        raise UserError(
            f"another run is writing into the folder '{told or folder}': wait until it has ended, or name "
            "another"
        ) from None
    try:
        yield
    finally:
        with suppress(OSError):  # where an open file cannot be removed, on Windows
            path.unlink()
        lock.release()
