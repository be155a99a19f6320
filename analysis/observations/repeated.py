"""One migration that several files tell, or one file twice: it counts once, and a note says so.

What each source promises decides: a file with the same bytes is the same file; events and counters of one
machine whose phases end at the same moment and last as long are of one migration; a recording whose every
figure is there before is the same recording.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from analysis.observations import counter_names, events
from analysis.observations.record import Record
from analysis.observations.sources import TableError, readable

ZONE_S, WIDEST_ZONE_S = 900.0, 14 * 3600.0
"""Clocks of one host differ by whole quarters of an hour, where one log is in UTC."""
STAMPS_S = 2.0
"""Stamps of events are written to the second, a little after what they tell of."""
DIFFERS = 0.1
FIGURES = ("measured_total_s", "measured_blackout_s", "measured_stream_gib")
PHASES = ("measured_brownout_s", "measured_blackout_s")


def once(paths: Sequence[str | Path]) -> tuple[list[str | Path], list[str]]:
    """Files without those that hold the same as one before, and a sentence for each that is left out."""
    first: dict[str, str | Path] = {}
    kept: list[str | Path] = []
    notes = []
    for path in paths:
        try:
            mark = hashlib.sha256(readable(path).read_bytes()).hexdigest()
        except (TableError, OSError):
            # Its reader says what is wrong with it.
            mark = f"not read {len(kept)}"
        if mark in first:
            notes.append(f"{path}: this is the same as {first[mark]}; it counts once")
            continue
        first[mark] = path
        kept.append(path)
    return kept, notes


def told_once(records: Sequence[Record]) -> list[Record]:
    """Records in which each migration stands once."""
    result: list[Record] = []
    for record in records:
        for row in record.migrations.to_dict("records"):
            record = _without_repeat(record, row, result)
        result.append(record)
    return _events_with_counters(result)


def _without_repeat(record: Record, row: dict[Any, Any], before: Sequence[Record]) -> Record:
    """The record without a migration that an earlier one tells with the same figures."""
    mark = _figures_of(record, row)
    if mark is None:
        return record
    for other in before:
        for known in other.migrations.to_dict("records"):
            if _figures_of(other, known) == mark:
                told = f"{row['source_file']}: {row['migration']} is {known['migration']} of "
                return _without(record, row["migration"], f"{told}{known['source_file']}; it counts once")
    return record


def _figures_of(record: Record, row: dict[Any, Any]) -> tuple[Any, ...] | None:
    """What tells one recorded migration from every other; None where it tells too little."""
    figures = tuple(float(row.get(name, np.nan)) for name in FIGURES)
    if record.kind == "a table of migrations" or np.isnan(figures[0]) or "vm" not in row:
        return None
    passes = record.passes[record.passes.migration == row["migration"]]
    dirtied = tuple(passes.dirtied_pages.fillna(-1)) if len(passes) else ()
    began = str(row.get("began"))
    return (record.kind, row["vm"], began, *(f"{f:.9g}" for f in figures), dirtied, str(row.get("vm_id", "")))


def _without(record: Record, key: str, note: str) -> Record:
    """The record without a migration, and with a note."""
    migrations, passes, samples = (
        table[table.migration != key].reset_index(drop=True)
        for table in (record.migrations, record.passes, record.samples)
    )
    return replace(record, migrations=migrations, passes=passes, samples=samples, notes=[*record.notes, note])


def _events_with_counters(records: list[Record]) -> list[Record]:
    """Records in which a migration that events and counters tell stands once, with the best of both."""
    logs = [i for i, r in enumerate(records) if r.kind == events.KIND]
    counts = [i for i, r in enumerate(records) if r.kind == counter_names.KIND]
    for c in counts:
        for row in records[c].migrations.to_dict("records"):
            pairs = [
                (i, told)
                for i in logs
                for told in records[i].migrations.to_dict("records")
                if _is_one(told, row)
            ]
            if len(pairs) == 1:
                i, told = pairs[0]
                note = f"{told['source_file']}: {told['migration']} is {row['migration']} of "
                note += f"{row['source_file']}, too; it counts once, with the durations of the events"
                records[i] = _without(records[i], told["migration"], note)
                records[c] = _with_events(records[c], row["migration"], told)
    return [r for r in records if len(r.migrations) or r.notes]


def _is_one(event: dict[Any, Any], counted: dict[Any, Any]) -> bool:
    """True where events and counters are of one machine, one moment and one length."""
    names = str(event["vm"]).casefold(), str(counted["vm"]).casefold()
    if names[0] != names[1] or not names[0] or event["status"] == "failed":
        return False
    within = float(counted.get("measured_within_s", 0.0)) + STAMPS_S
    known = [(event[n], counted[n]) for n in PHASES if event[n] == event[n] and counted[n] == counted[n]]
    alike = [abs(a - b) <= 2 * within + DIFFERS * max(a, b) for a, b in known]
    ran = counted["measured_brownout_s"]
    ran = ran if ran == ran else counted["observed_for_s"]
    if not all(alike) or ran != ran or event["first_event"] is None or counted["began"] is None:
        return False
    # An event of a phase is written when the phase has ended.
    apart = (pd.Timestamp(event["first_event"]) - pd.Timestamp(counted["began"])).total_seconds() - ran
    zone = ZONE_S * round(apart / ZONE_S) if alike else 0.0
    return bool(abs(zone) <= WIDEST_ZONE_S and abs(apart - zone) <= 2 * within)


def _with_events(record: Record, key: str, event: dict[Any, Any]) -> Record:
    """The record with the durations that events tell of one of its migrations."""
    told = {n: event[n] for n in ("measured_total_s", *PHASES) if event[n] == event[n]}
    if event["status"] == "completed":
        told["status"] = "completed"
        row = record.migrations[record.migrations.migration == key].iloc[0]
        if row.measured_total_s == row.measured_total_s and event.get("without_setup"):
            # The counters begin with the set-up, so their total is the better one.
            told.pop("measured_total_s", None)
    place = record.migrations.migration == key
    table = record.migrations.copy()
    for name, value in told.items():
        table.loc[place, name] = cast(Any, value)
    if "measured_total_s" in told and event.get("without_setup"):
        table["without_setup"] = table.get("without_setup", pd.Series(False, index=table.index)).where(
            ~place, True
        )
    return replace(record, migrations=table)
