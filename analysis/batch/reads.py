"""Which data files a notebook really read: noted by its kernel, with a checksum in the report.

Nobody has to list them, so nobody can forget one. What is noted: files opened for reading below the study's
folder or the working directory, and files that a parameter names; not code, and nothing hidden.
"""

import hashlib
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from analysis.home import STUDY

DATA_SUFFIXES = tuple(".csv .tsv .json .jsonl .yml .yaml .txt .log .xml .xlsx .parquet .gz .zip".split())


def watch(target: str) -> None:
    """In a kernel: from now on, write the path of every data file that is opened to read into ``target``."""
    notes = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    seen: set[str] = set()

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not isinstance(arguments[0], str) or "w" in str(arguments[1] or ""):
            return
        path = arguments[0]
        if path.endswith(DATA_SUFFIXES) and path not in seen:
            seen.add(path)
            os.write(notes, (os.path.abspath(path) + "\n").encode())

    sys.addaudithook(note)


def watching(target: Path) -> str:
    """The line of code that makes a kernel start to :func:`watch`, without leaving a name behind."""
    return f"__import__('analysis.batch.reads', fromlist=['watch']).watch({str(target)!r})"


def noted(target: Path, parameters: Mapping[str, Any]) -> dict[str, str]:
    """The data files that a kernel noted, as a reader of the report would name them, with checksums."""
    if not target.exists():
        return {}
    named = {os.path.abspath(value) for value in parameters.values() if isinstance(value, str)}
    paths = map(Path, sorted(set(target.read_text(encoding="utf-8").splitlines())))
    told = {_told(path): path for path in paths if str(path) in named or _is_data(path)}
    return {name: checksum(path) for name, path in told.items() if path.is_file()}


def _is_data(path: Path) -> bool:
    """Whether a file lies in the study or the working directory, visible, and is not part of the package."""
    for root in (STUDY, Path.cwd()):
        if path.is_relative_to(root):
            parts = path.relative_to(root).parts
            return not any(part.startswith((".", "__")) for part in parts) and parts[0] != "analysis"
    return False


def _told(path: Path) -> str:
    """A path without this machine's folders: from the study, from here, or its name."""
    for root in (STUDY, Path.cwd()):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return os.path.relpath(path)


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def unchanged(files: Mapping[str, str]) -> bool:
    """Whether data files, named as :func:`noted` names them, are what they were."""
    return all(_checksum_of(name) == known for name, known in files.items())


def _checksum_of(name: str) -> str:
    found: Iterable[Path] = (path for path in (STUDY / name, Path(name)) if path.is_file())
    return next(map(checksum, found), "")
