"""Parts of one log that was rotated: which files they are, and in which order they were written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from analysis.observations.lines import read_lines
from analysis.observations.logs.lines import Stamps
from analysis.observations.record import Notes

_ROTATED = re.compile(
    r"(?:\.(?:gz|bz2|xz))?$|(?:[.-]\d{1,4})$|(?:[.-]\d{4}-?\d\d-?\d\d(?:[-T_.]\d{1,6})?)$", re.IGNORECASE
)
SEARCHED = 200
"""Lines in which the first stamp of a log is sought."""


def together(paths: Sequence[str | Path], dialect_of: Callable[[str | Path], str]) -> list[list[str | Path]]:
    """Files, those that are parts of one log side by side and in the order of their first stamps.

    Parts lie in one folder, differ only in what a rotation puts behind a log's name, and are of one program.
    """
    families: dict[tuple[str, ...], list[str | Path]] = {}
    alone = [path for path in paths if _stem(path) == Path(path).name and not _has_kin(path, paths)]
    for path in paths:
        program = "" if path in alone else dialect_of(path)
        key = (program, str(Path(path).parent), _stem(path)) if program else ("", str(path))
        families.setdefault(key, []).append(path)
    return [sorted(parts, key=first_stamp) if len(parts) > 1 else parts for parts in families.values()]


def _has_kin(path: str | Path, paths: Sequence[str | Path]) -> bool:
    """True where another of the files has the same name but for its rotation."""
    mine = str(Path(path).parent), _stem(path)
    return sum((str(Path(other).parent), _stem(other)) == mine for other in paths) > 1


def _stem(path: str | Path) -> str:
    """The name of a log without what a rotation puts behind it.

    >>> [_stem(n) for n in ("nova.log", "nova.log.2.gz", "vdsm.log-20260301.xz", "vdsm.log.1")]
    ['nova.log', 'nova.log', 'vdsm.log', 'vdsm.log']
    """
    name, before = Path(path).name, ""
    while name != before:
        before, name = name, _ROTATED.sub("", name) or name
    return name


def first_stamp(path: str | Path) -> float:
    """The first moment that a log tells [s since 1970]; infinity for one that tells none."""
    notes = Notes(path)
    stamps = Stamps(notes)
    for number, text in read_lines(path, notes):
        at_s = stamps.line("", number, text).at_s
        if math.isfinite(at_s) or number > SEARCHED:
            return at_s if math.isfinite(at_s) else math.inf
    return math.inf
