"""What a reader finds in a host's file: tidy tables, and in plain sentences what is missing or odd."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

TOLD_EACH = 3
"""Sentences of one kind that are told in full; the others are counted."""
SOURCE = ("source_file", "source_line")
MIGRATION_COLUMNS = (
    *("migration", "vm", "status", "began", "measured_total_s", "measured_brownout_s"),
    *("measured_blackout_s", "measured_stream_gib", "transferred_bytes", "measured_throughput_gbps"),
    *SOURCE,
)
PASS_COLUMNS = ("migration", "pass_number", "time_s", "duration_s", "dirtied_pages", *SOURCE)
SAMPLE_COLUMNS = ("migration", "time_s", *SOURCE)


class Notes:
    """Sentences with file, line and reason; many of one kind become a few and a count."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.told: list[str] = []
        self.count: Counter[str] = Counter()

    def add(self, reason: str, line: int | None = None, kind: str = "") -> None:
        """Note a reason, told at most :data:`TOLD_EACH` times for one ``kind``."""
        reason = " ".join(reason.split())
        kind = " ".join(kind.split()) or reason
        if line is None and f"{self.path}: {reason}" in self.told:
            return
        self.count[kind] += 1
        if self.count[kind] <= TOLD_EACH:
            place = f"{self.path}, line {line}" if line else f"{self.path}"
            sentence = f"{place}: {reason}"
            if sentence not in self.told:
                self.told.append(sentence)

    def once(self, reason: str, line: int) -> None:
        """Note what is true of a whole file, with the first line that shows it."""
        if not self.count[reason]:
            self.add(reason, line, reason)
            self.count[reason] = 1

    def sentences(self) -> list[str]:
        """All sentences, and how many more of each kind there were."""
        more = {kind: n - TOLD_EACH for kind, n in self.count.items() if n > TOLD_EACH}
        return self.told + [f"{self.path}: {n} more like it: {kind}" for kind, n in more.items()]


@dataclass(frozen=True)
class Taken:
    """What was taken from one line of a file."""

    file: str
    line: int
    what: str


@dataclass(frozen=True)
class Record:
    """What one or several files hold.

    ``migrations``: a row a migration, ``measured_`` columns beside what was known beforehand in the names of
    the parameters. ``passes``: a row a look at the dirty pages, as :func:`~.lab.read_passes` returns them.
    ``samples``: a row a moment. Every row has ``source_file`` and ``source_line``; ``notes`` are sentences.
    ``taken``: what was taken from which line, where a reader says more of it than its rows do. ``sources``: a
    sentence a file on what it was read as.
    """

    kind: str
    migrations: pd.DataFrame
    passes: pd.DataFrame
    samples: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)


def record(
    kind: str,
    notes: Notes,
    migrations: Iterable[Mapping[str, Any]] = (),
    passes: Iterable[Mapping[str, Any]] = (),
    samples: Iterable[Mapping[str, Any]] | pd.DataFrame = (),
) -> Record:
    """A record from rows, each table with at least its usual columns."""
    samples = samples if isinstance(samples, pd.DataFrame) else table(samples, SAMPLE_COLUMNS)
    tables = table(migrations, MIGRATION_COLUMNS), table(passes, PASS_COLUMNS), samples
    return Record(kind, *tables, notes.sentences())


def table(rows: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> pd.DataFrame:
    """Rows as a table that has these columns first, also when there are no rows."""
    rows = list(rows)
    names = dict.fromkeys([*columns, *(name for row in rows for name in row)])
    filled = {name: [_known(row.get(name)) for row in rows] for name in names if name not in SOURCE}
    return pd.DataFrame(filled | {name: [row.get(name) for row in rows] for name in SOURCE})


def _known(value: Any) -> Any:
    return np.nan if value is None else value


def joined(records: Iterable[Record]) -> Record:
    """Records of several files as one; migrations keep their file's name where two are called alike."""
    records = list(records)
    if len(records) == 1:
        return records[0]
    records = _told_apart(records)
    kinds = " and ".join(dict.fromkeys(r.kind for r in records))
    tables = (
        [getattr(r, name) for r in records if len(getattr(r, name))]
        for name in ("migrations", "passes", "samples")
    )
    empty = records[0]
    whole = [
        pd.concat(parts, ignore_index=True) if parts else getattr(empty, name).iloc[:0]
        for name, parts in zip(("migrations", "passes", "samples"), tables, strict=True)
    ]
    migrations, passes, samples = whole
    notes, taken, sources = (
        [one for r in records for one in getattr(r, name)] for name in ("notes", "taken", "sources")
    )
    return Record(kinds, migrations, passes, samples, notes, taken, sources)


def _told_apart(records: list[Record]) -> list[Record]:
    """Records in which no two files call a migration by the same key."""
    count = Counter(key for r in records for key in set(r.migrations.migration))
    taken: Counter[str] = Counter()
    result = []
    for r in records:
        new = {}
        for key in dict.fromkeys(r.migrations.migration):
            taken[key] += 1
            new[key] = f"{key} ({taken[key]})" if count[key] > 1 else key
        migrations, passes, samples = (
            t.assign(migration=t.migration.map(lambda k, new=new: new.get(k, k)))
            for t in (r.migrations, r.passes, r.samples)
        )
        result.append(replace(r, migrations=migrations, passes=passes, samples=samples))
    return result
