"""Which reader a file is for, told by its content and never by its name."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.observations import (
    columns,
    event_lists,
    explain,
    kubevirt,
    lab,
    monitor,
    openstack,
    own,
    powershell,
    rotated,
)
from analysis.observations.lines import Progress, beginning
from analysis.observations.logs import reading
from analysis.observations.record import MIGRATION_COLUMNS, PASS_COLUMNS, SAMPLE_COLUMNS, Record, table
from analysis.observations.sources import CODE_PAGE, TableError, decoded, encoding_of, separator
from analysis.observations.tables import MOST_COLUMNS
from analysis.parameters import OUTCOMES, PARAMETERS

QEMU, LIBVIRT, COUNTERS, EVENTS = "qemu", "libvirt", "counters", "events"
MONITOR, KUBEVIRT, OPENSTACK, POWERSHELL = "monitor", "kubevirt", "openstack", "powershell"
RECORDED = (QEMU, LIBVIRT, COUNTERS, EVENTS, MONITOR, KUBEVIRT, OPENSTACK, POWERSHELL, *reading.DIALECTS)
"""What a host's own tools write."""
LABORATORY, PASSES, OWN = "laboratory", "passes", "own"
LABORATORYS_OWN = {"memory_mib", "link_mbit_per_s", "write_rate_pages_per_s"}
"""Columns that no table but the laboratory's has."""
NOT_COMPLETED = ("failed", "cancelled", "given up", "end not told", "not ended", "contradicted")
KNOWN = (
    "an event log (.evtx, Export-Csv, Export-Clixml, Format-List or XML), performance counters (PDH-CSV or "
    "Get-Counter), output of Measure-Command, QEMU's query-migrate (JSON) or info migrate, virsh domjobinfo, "
    "a log of Proxmox VE, nova-compute, vdsm, virt-launcher or Xen, OpenStack's server migration show, "
    "KubeVirt's objects, or a table of this study (a row a migration, columns such as memory_gib and "
    "total_time_s)"
)


def recognise(path: str | Path) -> str:
    """The kind of a file; TableError for one that no reader is for."""
    head = beginning(path)
    if head.startswith(b"ElfFile\0"):
        return EVENTS
    text = _text(head)
    if not text.strip():
        raise TableError(f"{path} is empty")
    kind = _of_text(text)
    if not kind or (kind == QEMU and not QEMUS.search(text)):
        # A log of a service may tell of its first migration only after thousands of other lines.
        kind = reading.dialect_of(path) or kind
    if not kind:
        raise TableError(f"{path} is none of what is read here: {KNOWN}")
    return kind


def _text(head: bytes) -> str:
    """The beginning of a file as text, without a last character that the cut may have halved."""
    encoding = encoding_of(head)
    try:
        return head.decode(encoding)
    except UnicodeDecodeError as error:
        if error.start > len(head) - 4:
            return head[: error.start].decode(encoding)
        return head.decode(CODE_PAGE if "8" in encoding else encoding, "replace")


QEMUS = re.compile(r'"(?:return|ram|status|total-time|QMP|migration)"\s*:')
"""What the beginning of QEMU's answers has, and the lines of a service's log in JSON have not."""


def _of_text(text: str) -> str:
    begun = text.lstrip("\N{BYTE ORDER MARK} \t\r\n")
    if begun.startswith("<"):
        return EVENTS
    dialect = reading.dialect_in(text)
    if begun.startswith("{") or re.match(r"\[\s*[{\]]", begun):
        return dialect or _marked(text) or QEMU
    if re.search(r"^\s*job type\s*:", text, re.IGNORECASE | re.MULTILINE):
        return LIBVIRT
    return event_lists.is_list(text) * EVENTS or _of_table(begun) or dialect or _marked(text)


def _marked(text: str) -> str:
    """The kind of a text by what only its program writes."""
    if kubevirt.MARK.search(text) and kubevirt.LIST_MARK.search(text):
        return KUBEVIRT
    marks = {OPENSTACK: openstack.MARK, MONITOR: monitor.MARK, POWERSHELL: powershell.MARK}
    return next((kind for kind, mark in marks.items() if mark.search(text)), "")


def _of_table(text: str) -> str:
    """The kind of a CSV file, by its header."""
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith(("#", "sep=")))
    head = next(lines, "")
    if head.lstrip('"').lower().startswith("(pdh-csv"):
        return COUNTERS
    names = [name.strip() for name in next(csv.reader([head], delimiter=separator(head)), [])]
    lower = {name.lower() for name in names}
    if "timestamp" in lower and lower & {"path", "readings"}:
        return COUNTERS
    if lower & {"id", "eventid", "event id"} and lower & {"message", "properties", "timecreated"}:
        return EVENTS
    if set(lab.PASS_COLUMNS) <= set(names):
        return PASSES
    if set(lab.COLUMNS) <= set(names) or set(lab.STOP_COLUMNS) <= set(names):
        return LABORATORY
    if is_laboratorys(names):
        return LABORATORY
    return OWN if set(own.MEASURED) & set(names) or is_nearly_own(names) else ""


def is_laboratorys(names: Collection[str]) -> bool:
    """True for columns that only the laboratory's form has, also where others of it are missing."""
    return len(LABORATORYS_OWN & set(names)) > 1


def is_nearly_own(names: Collection[str]) -> bool:
    """True for a table whose total time, and perhaps all else, is nearly called as in the study's tables."""
    known = [*PARAMETERS, *own.MEASURED]
    near = {columns.alike(name, known, ()) for name in list(names)[:MOST_COLUMNS]}
    return bool(near & {"total_time_s", "measured_total_s"}) and bool((set(names) | near) & set(PARAMETERS))


def read_record(
    path: str | Path,
    *,
    pattern: str | None = None,
    names: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    accept_units: bool = False,
) -> Record:
    """What a file holds, read by the reader that it is for.

    ``pattern``: how messages of events tell their figures (``read_events``). ``names``: English names of
    translated counters (``read_counters``). ``accept_units``: as :func:`~.own.read_own` takes it.
    """
    found = _readers(pattern, names, progress, accept_units)[recognise(path)](path)
    return replace(found, sources=[explain.source_of(found, [path])])


def _readers(
    pattern: str | None, names: Mapping[str, str] | None, progress: Progress | None, accept_units: bool
) -> dict[str, Callable[[str | Path], Record]]:
    from analysis.observations.counters import read_counters
    from analysis.observations.libvirt import read_libvirt
    from analysis.observations.qemu import read_qemu

    logs: dict[str, Callable[[str | Path], Record]] = {
        name: lambda path, name=name: reading.read_log(path, name, progress=progress)  # type: ignore[misc]
        for name in reading.DIALECTS
    }
    return logs | {
        MONITOR: lambda path: monitor.read_monitor(path, progress=progress),
        KUBEVIRT: lambda path: kubevirt.read_kubevirt(path, progress=progress),
        OPENSTACK: lambda path: openstack.read_openstack(path, progress=progress),
        POWERSHELL: lambda path: powershell.read_powershell(path, progress=progress),
        QEMU: lambda path: read_qemu(path, progress=progress),
        LIBVIRT: lambda path: read_libvirt(path, progress=progress),
        COUNTERS: lambda path: read_counters(path, names=names, progress=progress),
        EVENTS: lambda path: _events(path, pattern, progress),
        LABORATORY: _migrations,
        OWN: lambda path: _migrations(path, accept_units),
        PASSES: _passes,
    }


def _events(path: str | Path, pattern: str | None, progress: Progress | None) -> Record:
    from analysis.observations.events import read_events

    return read_events(path, pattern=pattern, progress=progress)


def _migrations(path: str | Path, accept_units: bool = False) -> Record:
    """A table of this study as a record."""
    mine = recognise(path) == OWN
    found = own.read_own(path, accept_units=accept_units) if mine else lab.read_migrations(path)
    notes = own.unit_notes(path) if mine and accept_units else []
    notes += own.cell_notes(path) if mine else []
    if decoded(path)[1] == CODE_PAGE:
        notes.append(f"{path}: bytes that are not UTF-8 were read as {CODE_PAGE}")
    if "migration" not in found:
        found.insert(0, "migration", [f"{Path(path).stem} {i}" for i in range(1, len(found) + 1)])
    found = found.assign(source_file=Path(path).name, source_line=range(2, len(found) + 2))
    return Record("a table of migrations", found, table([], PASS_COLUMNS), table([], SAMPLE_COLUMNS), notes)


def _passes(path: str | Path) -> Record:
    found = lab.read_passes(path)
    found = found.assign(source_file=Path(path).name, source_line=range(2, len(found) + 2))
    note = f"{path}: passes without their migrations"
    none = table([], SAMPLE_COLUMNS)
    return Record("a table of passes", table([], MIGRATION_COLUMNS), found, none, [note])


def completed(found: Record) -> pd.DataFrame:
    """The completed migrations of a record, with what was measured, as a calibration takes them.

    Raises TableError where there are none, or none with a known total time.
    """
    rows = found.migrations
    usable = rows[~_is_left_out(rows)]
    if usable.empty:
        raise TableError(
            f"{found.kind} hold no completed migration with a total time: " + "; ".join(found.notes[:2])
        )
    told = usable.dropna(axis=1, how="all").reset_index(drop=True)
    told = told.rename(columns={n: f"measured_{n}" for n in told if n in OUTCOMES})
    return own.without_gaps(told, but=own.NEEDED)


def _is_left_out(rows: pd.DataFrame) -> pd.Series:
    """True for migrations that no fit takes: no total time, not completed, or storage beside memory."""
    none = pd.Series(np.nan, index=rows.index)
    gone = ~(rows.measured_total_s > 0) | (rows.get("measured_storage_gib", none) > 0)
    return gone | (rows.status.isin(NOT_COMPLETED) if "status" in rows else False)


def left_out(found: Record) -> list[str]:
    """A sentence on the migrations of a record that :func:`completed` leaves out."""
    gone = found.migrations[_is_left_out(found.migrations)]
    if gone.empty:
        return []
    names = [f"{row.migration} ({why_left_out(row)})" for _, row in gone.head(5).iterrows()]
    more = f" and {len(gone) - 5} more" if len(gone) > 5 else ""
    count = f"{len(gone)} of {len(found.migrations)} migrations are left out"
    return [f"{', '.join(gone.source_file.unique()[:3])}: {count}: {', '.join(names)}{more}"]


def why_left_out(row: pd.Series) -> str:
    """Why :func:`completed` leaves a migration out, in a few words; empty where it takes it."""
    if row.get("status", "") in NOT_COMPLETED:
        return str(row.status)
    if row.get("measured_storage_gib", 0) > 0:
        return "storage was copied too"
    return "" if row.measured_total_s > 0 else "no total time is told"


def read_records(paths: Sequence[str | Path], **how: Any) -> tuple[list[Record], list[str]]:
    """Records of several files, and for each that could not be read a sentence.

    Rotated parts of one log (``nova.log.1.gz``, ``nova.log``) are read as one, the earliest first.
    """
    records, failed = [], []
    for parts in rotated.together(paths, _dialect):
        try:
            if len(parts) > 1:
                whole = reading.read_log(parts, _dialect(parts[0]), progress=how.get("progress"))
                records.append(replace(whole, sources=[explain.source_of(whole, parts)]))
            else:
                records.append(read_record(parts[0], **how))
        except TableError as error:
            failed.append(str(error))
    return records, failed


def _dialect(path: str | Path) -> str:
    """The program whose log a file is; empty for any other file, and for one that cannot be read."""
    try:
        kind = recognise(path)
    except TableError:
        return ""
    return kind if kind in reading.DIALECTS else ""
