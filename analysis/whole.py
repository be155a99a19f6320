"""Files that are either there in full or not at all, whatever stops the writing: a kill, a full disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A place beside ``path`` to write to, which takes its name when the block ends without an exception.

    What is no ordinary file, such as a device or a pipe, is written to as it is: it must not be replaced.
    A link stays, and what it leads to is replaced. OSError where the file cannot be written.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield half
        half.replace(path)
    finally:
        with suppress(OSError):  # the reason why it was not written is the one to hear of
            half.unlink(missing_ok=True)


def write(path: Path, content: str | bytes) -> Path:
    """Write a file under another name and rename it into place; line ends are as they are given."""
    with replaced(path) as half:
        half.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def remove_halves(folder: Path, name: str = "*") -> None:
    """Remove what a killed run left half written in a folder that no other run writes into."""
    for path in folder.glob(f".{name}.part"):
        path.unlink(missing_ok=True)
