"""Measured migrations and passes from files of whatever form the study reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.observations import columns, lab, own, possible, recognise, repeated
from analysis.observations.record import Record, joined
from analysis.observations.tables import TableError, header, line_of, read_table
from analysis.parameters import PARAMETERS

NEEDED = own.NEEDED


LABORATORYS_OWN = recognise.LABORATORYS_OWN
"""Columns by which a table of the laboratory's form is known that lacks one of the others."""


@dataclass(frozen=True)
class Measured:
    """Measured migrations, their passes where a file holds any, and what the readers noticed."""

    migrations: pd.DataFrame
    passes: pd.DataFrame | None = None
    notes: list[str] = field(default_factory=list)


def read_observed(files: str | Path | Sequence[str | Path]) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Migrations of one or several files, and their passes where a file holds passes (else None)."""
    found = read_measured(files)
    return found.migrations, found.passes


def read_measured(files: str | Path | Sequence[str | Path], *, accept_units: bool = False) -> Measured:
    """Migrations of one or several files, their passes, and notes on what is missing or odd.

    Each file has the laboratory's form (``data/migrations.csv``, ``data/passes.csv``), columns by the
    names of the parameters, or is what a host recorded (events, counters, QEMU, libvirt). What was known of
    the latter beforehand stands in the file itself or in a table of parameters by ``migration``. A file given
    twice counts once; migrations that failed or were given up are left out. Raises TableError where no file
    holds migrations, or where memory, line rate or page writes of one are not told.
    """
    paths, notes = repeated.once([files] if isinstance(files, (str, Path)) else list(files))
    recorded = [path for path in paths if is_recorded(path)]
    if recorded:
        found = _recorded(recorded, [path for path in paths if path not in recorded])
        return replace(found, notes=notes + found.notes)
    of_passes = [path for path in paths if set(lab.PASS_COLUMNS) <= set(header(path))]
    tables = [_table(path, notes, accept_units) for path in paths if path not in of_passes]
    if not tables:
        raise TableError(f"{paths[0]} holds passes, and no file with their migrations was given")
    passes = [lab.read_passes(path) for path in of_passes]
    return Measured(own.together(tables), pd.concat(passes, ignore_index=True) if passes else None, notes)


def read_migrations(path: str | Path) -> pd.DataFrame:
    """Migrations from a file in the laboratory's form, by names of parameters, or as a host recorded."""
    return read_observed(path)[0] if is_recorded(path) else _table(path, [])


def _table(path: str | Path, notes: list[str], accept_units: bool = False) -> pd.DataFrame:
    """Migrations of a table of either form that are to be set beside the model."""
    names = set(header(path))
    if set(lab.COLUMNS) <= names or set(lab.STOP_COLUMNS) <= names or recognise.is_laboratorys(names):
        return lab.read_migrations(path)
    if not names & {*PARAMETERS, *own.MEASURED} and not recognise.is_nearly_own(names):
        raise TableError(_of_neither_form(path))
    notes += own.unit_notes(path) if accept_units else []
    table = own.read_own(path, accept_units=accept_units)
    return _ended_well(path, own.with_all_needed(path, table), notes)


SHOWN_COLUMNS = 6


def _of_neither_form(path: str | Path) -> str:
    """The sentence on a table that has no column of the study's."""
    names = [repr(name[:40]) for name in header(path)]
    more = f" and {len(names) - SHOWN_COLUMNS} more" if len(names) > SHOWN_COLUMNS else ""
    shown = ", ".join(names[:SHOWN_COLUMNS]) + more
    told = f"{path} is no table of migrations: none of its columns ({shown})"
    return (
        f"{told} is one of the study's; it takes a row a migration with {', '.join(NEEDED)} and "
        "total_time_s, or the form of data/migrations.csv"
    )


def _ended_well(path: str | Path, table: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Rows that are not marked failed or cancelled, with a note; those with a verdict of their own stay."""
    if "status" not in table:
        return table
    marked = table.status.isin(("failed", "cancelled"))
    if "measured_verdict" in table:
        marked &= table.measured_verdict != "never"
    if marked.any():
        lines = [str(line_of(path, int(row))) for row in np.flatnonzero(marked)[:3]]
        told = f"{path}: {marked.sum()} of {len(table)} migrations are marked as failed or cancelled "
        more = ", ..." if marked.sum() > 3 else ""
        notes.append(
            f"{told}(line{'s' if marked.sum() > 1 else ''} {', '.join(lines)}{more}); they are left out"
        )
    if marked.all():
        raise TableError(
            f"{path} holds no completed migration: all {len(table)} are marked as failed or cancelled"
        )
    return table[~marked].reset_index(drop=True)


def is_recorded(path: str | Path) -> bool:
    """True for a file that a host's own tools wrote."""
    try:
        return recognise.recognise(path) in recognise.RECORDED
    except TableError:
        return False


def _recorded(paths: Sequence[str | Path], others: Sequence[str | Path]) -> Measured:
    """Completed migrations of host files, with what tables of parameters know of them."""
    records, failed = recognise.read_records(paths)
    if failed:
        raise TableError("; ".join(failed))
    found = joined(repeated.told_once(records))
    migrations = recognise.completed(found)
    for path in others:
        migrations = _with_known(migrations, path)
    missing = [name for name in NEEDED if name not in migrations or migrations[name].isna().any()]
    if missing:
        raise TableError(
            f"{paths[0]} does not tell {', '.join(missing)}: give a table with the columns migration (here "
            f"{migrations.migration.iloc[0]!r}) and {', '.join(missing)} beside it"
        )
    _carried(migrations)
    notes = found.notes + recognise.left_out(found)
    return Measured(migrations, found.passes if len(found.passes) else None, notes)


def _carried(migrations: pd.DataFrame) -> None:
    """TableError for a recorded migration that sent more than the link that is told carries in its time."""
    if "measured_stream_gib" not in migrations:
        return
    bits = migrations.measured_stream_gib * 8 * 2**30
    if "method" in migrations:
        bits = bits.mask(migrations.method.isin(lab.COUNTED_RAW))
    more = possible.above_link(bits, migrations.bandwidth_gbps, migrations.measured_total_s)
    for row in migrations[more].itertuples():
        told = f"{row.source_file}, line {row.source_line}: {row.migration} sent "
        told += f"{row.measured_stream_gib:.4g} GiB in {row.measured_total_s:g} s"
        raise TableError(f"{told}, more than bandwidth_gbps = {row.bandwidth_gbps:g} carries")


def _with_known(migrations: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    """Migrations with the parameters that a table knows of them."""
    columns_given = header(path)
    names = [name for name in columns_given if name in PARAMETERS]
    asked = {n: columns.alike(n, NEEDED, columns_given) for n in columns_given if n not in PARAMETERS}
    if any(ours in NEEDED for ours in asked.values()):
        raise TableError(columns.question(path, {n: ours for n, ours in asked.items() if ours in NEEDED}))
    kinds = {name: "text" if PARAMETERS[name].choices else "number" for name in names}
    known = own.checked(path, read_table(path, {"migration": "text"} | kinds))
    if known.migration.duplicated().any():
        raise TableError(f"{path} knows {known.migration[known.migration.duplicated()].iloc[0]!r} twice")
    if not known.migration.isin(migrations.migration).any():
        here = ", ".join(map(str, migrations.migration.head(5)))
        raise TableError(f"{path} tells of {known.migration.iloc[0]!r}, but the migrations here are {here}")
    beside = migrations[["migration"]].merge(known, on="migration", how="left").set_index(migrations.index)
    labels = [name for name in own.LABELS if name in known and name not in migrations]
    given = {n: beside[n].fillna(migrations[n]) if n in migrations else beside[n] for n in names}
    return migrations.assign(**given, **{name: beside[name] for name in labels})


def read_all(paths: Sequence[str | Path], *, memory_gib: float | None = None, **how: Any) -> Record:
    """What all files hold as one record, with a note for each that cannot be read.

    A table of parameters by ``migration`` among the files says what was known before each of them.
    ``memory_gib``: memory of the machines where the files do not tell it; a note says whose is not known.
    Raises TableError where no file can be read.
    """
    paths, notes = repeated.once(paths)
    beside = [path for path in paths if _is_known(path)]
    records, failed = recognise.read_records([path for path in paths if path not in beside], **how)
    if not records:
        raise TableError("; ".join(failed) or f"{beside[0]} tells of migrations, and no file records them")
    whole = joined(repeated.told_once(records))
    migrations = whole.migrations
    for path in beside:
        migrations = _with_known(migrations, path)
    migrations = with_known(migrations, "memory_gib", memory_gib)
    notes = notes + whole.notes + _without_memory(migrations) + failed
    return replace(whole, migrations=migrations, notes=notes)


def _is_known(path: str | Path) -> bool:
    """True for a table that tells what was known of migrations, and nothing that was measured."""
    try:
        names = set(header(path))
    except TableError:
        return False
    return "migration" in names and bool(names & set(PARAMETERS)) and not names & set(own.MEASURED)


def with_known(rows: pd.DataFrame, name: str, value: float | None) -> pd.DataFrame:
    """Rows with a parameter's value where they do not tell it themselves; None and 0: it is not known."""
    if not value:
        return rows
    own_values = rows.get(name, pd.Series(np.nan, index=rows.index))
    return rows.assign(**{name: own_values.fillna(float(PARAMETERS[name].check(value)))})


def _without_memory(rows: pd.DataFrame) -> list[str]:
    """A sentence for each file that does not tell how much memory its machines have."""
    unknown = rows[rows.get("memory_gib", pd.Series(np.nan, index=rows.index)).isna()]
    if unknown.empty:
        return []
    return [
        f"{file}: how much memory {', '.join(map(str, part.migration.head(3)))}"
        f"{' and others have' if len(part) > 3 else ' has'} is not recorded; memory_gib says it "
        "(observe: --memory-gib)"
        for file, part in unknown.groupby("source_file", sort=False)
    ]
