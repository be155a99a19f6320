"""What each line of a file was taken for: what its reader says of it, its rows, and its notes."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.observations.lines import beginning, read_lines
from analysis.observations.record import Notes, Record

TOLD = {
    "stream_gib": "GiB sent",
    "remaining_gib": "GiB left",
    "blackout_s": "s of pause",
    "dirty_pages": "pages",
}
"""Figures of a sample that are worth saying."""


@dataclass(frozen=True)
class Explained:
    """A line of a file, or several in a row of which nothing was taken; ``taken`` is empty for those."""

    file: str
    line: int
    last_line: int
    text: str
    taken: str


def source_of(found: Record, paths: Sequence[str | Path]) -> str:
    """The sentence on what files were read as."""
    names = ", ".join(map(str, paths))
    used = {(row.file, row.line) for row in found.taken}
    for table in (found.migrations, found.passes, found.samples):
        used |= set(zip(table.source_file, table.source_line, strict=True))
    how = "parts of " if len(paths) > 1 else ""
    return f"{names}: taken for {how}{found.kind}; {len(used)} lines tell something"


def explained(found: Record, paths: Sequence[str | Path]) -> Iterator[Explained]:
    """Every line of the files with what it was taken for; runs of lines that tell nothing are one."""
    whats = _whats(found)
    for path in paths:
        by_line: dict[int, list[str]] = whats.get(Path(path).name, {})
        by_line = {line: list(told) for line, told in by_line.items()}
        for line, reason in _noted(found.notes, path):
            by_line.setdefault(line, []).append(f"note: {reason}")
        yield from _lines(path, by_line)


def _lines(path: str | Path, by_line: dict[int, list[str]]) -> Iterator[Explained]:
    name = Path(path).name
    if beginning(path).startswith(b"ElfFile\0"):
        # The lines of a binary log are its records, which have no text.
        yield from (Explained(name, line, line, "", "; ".join(by_line[line])) for line in sorted(by_line))
        return
    idle, first = 0, ""
    last = 0
    for last, text in read_lines(path, Notes(path)):
        if last not in by_line:
            first = first if idle else text.strip()
            idle += 1
            continue
        if idle:
            yield Explained(name, last - idle, last - 1, first, "")
            idle = 0
        yield Explained(name, last, last, text.strip(), "; ".join(by_line[last]))
    if idle:
        yield Explained(name, last - idle + 1, last, first, "")


def _noted(notes: Sequence[str], path: str | Path) -> Iterator[tuple[int, str]]:
    """Line and reason of each note on a file that has a line."""
    for note in notes:
        match = (
            re.match(r", line (\d+): (.*)", note.removeprefix(str(path)))
            if note.startswith(str(path))
            else None
        )
        if match:
            yield int(match[1]), match[2]


def _whats(found: Record) -> dict[str, dict[int, list[str]]]:
    """What was taken, by file and line: as the reader says, else as its rows do."""
    whats: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in found.taken:
        whats[one.file][one.line].append(one.what)
    said = set(whats)
    for row in _rows(found.samples, said):
        whats[row["source_file"]][int(row["source_line"])].append(_of_sample(row))
    for row in _rows(found.passes, said):
        pages = row["dirtied_pages"]
        told = f"{pages:g} pages found dirty" if pages == pages else "pages found dirty are not told"
        whats[row["source_file"]][int(row["source_line"])].append(f"look {row['pass_number']:g}: {told}")
    for row in _rows(found.migrations, said if len(found.samples) else set()):
        told = f"migration {row['migration']}: {row.get('status', '') or 'its figures'}"
        if row["measured_total_s"] == row["measured_total_s"]:
            told += f", {row['measured_total_s']:g} s"
        whats[row["source_file"]][int(row["source_line"])].append(told)
    return whats


def _rows(table: pd.DataFrame, said: set[str]) -> Iterator[dict[Any, Any]]:
    """Rows of files of which the reader does not say itself what it took."""
    known = table[~table.source_file.isin(said) & table.source_line.notna()]
    yield from known.to_dict("records")


def _of_sample(row: dict[Any, Any]) -> str:
    parts = [f"{row['time_s']:g} s" if math.isfinite(row["time_s"]) else "a sample"]
    parts += [str(row["status"])] if isinstance(row.get("status"), str) else []
    parts += [f"event {row['event']:g}"] if isinstance(row.get("event"), (int, float)) else []
    figures = {n: row[n] for n in TOLD if isinstance(row.get(n), float) and math.isfinite(row[n])}
    parts += [f"{value:.4g} {TOLD[name]}" for name, value in figures.items()]
    return f"{row['migration']}: {', '.join(parts)}"
