"""Whether a place can be written to: asked before minutes of work, told in one sentence.

Nothing is left behind: a file without a name is made in the place itself, or in the nearest folder above it
that is there. Permissions alone would not tell (a read-only disk, a folder below a file, root).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from analysis.errors import UserError


def folder(path: str | Path) -> None:
    """UserError if no file can be written into a folder, which need not be there yet."""
    path = Path(path)
    try:
        with tempfile.TemporaryFile(dir=_nearest(path)):
            pass
    except OSError as error:
        raise UserError(f"the folder '{path}' cannot be written: {_why(path, error)}") from None


def file(path: str | Path) -> None:
    """UserError if a file can be neither written over nor made with the folders above it."""
    path = Path(path)
    try:
        if path.exists():
            with path.open("r+b"):
                return
        with tempfile.TemporaryFile(dir=_nearest(path.parent)):
            pass
    except OSError as error:
        raise UserError(f"the file '{path}' cannot be written: {_why(path, error)}") from None


def _nearest(path: Path) -> Path:
    """The path itself if there is something, else the nearest place above it where there is."""
    return next(place for place in (path.absolute(), *path.absolute().parents) if os.path.lexists(place))


def _why(path: Path, error: OSError) -> str:
    """The system's reason, with the place that gives it where that is another."""
    place = _nearest(path)
    if isinstance(error, NotADirectoryError):
        return f"'{place}' is no folder"
    said = (error.strerror or str(error)).lower()
    # Of a system's own folder, such as /proc, a file that cannot be made "does not exist".
    said = "no file can be made in it" if isinstance(error, FileNotFoundError) else said
    return said if place == path.absolute() else f"{said} ('{place}')"
