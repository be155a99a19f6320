"""Measured migrations and passes from files of whatever form the study reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.observations import lab, own, recognise
from analysis.observations.record import Record, joined
from analysis.observations.tables import TableError, header, read_table
from analysis.parameters import PARAMETERS

NEEDED = own.NEEDED


LABORATORYS_OWN = {"memory_mib", "link_mbit_per_s", "write_rate_pages_per_s"}
"""Columns by which a table of the laboratory's form is known that lacks one of the others."""


def read_observed(files: str | Path | Sequence[str | Path]) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Migrations of one or several files, and their passes where a file holds passes (else None).

    Each file has the laboratory's form (``data/migrations.csv``, ``data/passes.csv``), columns by the
    names of the parameters, or is what a host recorded (events, counters, QEMU, libvirt). What was known of
    the latter beforehand stands in the file itself or in a table of parameters by ``migration``. Raises
    TableError where no file holds migrations.
    """
    paths = [files] if isinstance(files, (str, Path)) else list(files)
    recorded = [path for path in paths if is_recorded(path)]
    if recorded:
        return _recorded(recorded, [path for path in paths if path not in recorded])
    of_passes = [path for path in paths if set(lab.PASS_COLUMNS) <= set(header(lab.located(path)))]
    tables = [read_migrations(path) for path in paths if path not in of_passes]
    if not tables:
        raise TableError(f"{paths[0]} holds passes, and no file with their migrations was given")
    found = [lab.read_passes(path) for path in of_passes]
    return own.together(tables), pd.concat(found, ignore_index=True) if found else None


def read_migrations(path: str | Path) -> pd.DataFrame:
    """Migrations from a file in the laboratory's form, by names of parameters, or as a host recorded."""
    if is_recorded(path):
        return read_observed(path)[0]
    names = set(header(lab.located(path)))
    laboratory = set(lab.COLUMNS) <= names
    mine = bool(names & set(PARAMETERS)) and not names & LABORATORYS_OWN
    return own.read_own(path) if (own.is_own(path) or mine) and not laboratory else lab.read_migrations(path)


def is_recorded(path: str | Path) -> bool:
    """True for a file that a host's own tools wrote."""
    try:
        return recognise.recognise(path) in recognise.RECORDED
    except TableError:
        return False


def _recorded(
    paths: Sequence[str | Path], others: Sequence[str | Path]
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Completed migrations of host files, with what tables of parameters know of them."""
    found = joined([recognise.read_record(path) for path in paths])
    migrations = recognise.completed(found)
    for path in others:
        migrations = _with_known(migrations, path)
    missing = [name for name in NEEDED if name not in migrations or migrations[name].isna().any()]
    if missing:
        raise TableError(
            f"{paths[0]} does not tell {', '.join(missing)}: give a table with the columns migration (here "
            f"{migrations.migration.iloc[0]!r}) and {', '.join(missing)} beside it"
        )
    return migrations, found.passes if len(found.passes) else None


def _with_known(migrations: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    """Migrations with the parameters that a table knows of them."""
    names = [name for name in header(lab.located(path)) if name in PARAMETERS]
    kinds = {name: "text" if PARAMETERS[name].choices else "number" for name in names}
    known = own.checked(path, read_table(lab.located(path), {"migration": "text"} | kinds))
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
    beside = [path for path in paths if _is_known(path)]
    records, failed = recognise.read_records([path for path in paths if path not in beside], **how)
    if not records:
        raise TableError("; ".join(failed) or f"{beside[0]} tells of migrations, and no file records them")
    whole = joined(records)
    migrations = whole.migrations
    for path in beside:
        migrations = _with_known(migrations, path)
    migrations = with_known(migrations, "memory_gib", memory_gib)
    notes = whole.notes + _without_memory(migrations) + failed
    return Record(whole.kind, migrations, whole.passes, whole.samples, notes)


def _is_known(path: str | Path) -> bool:
    """True for a table that tells what was known of migrations, and nothing that was measured."""
    try:
        names = set(header(lab.located(path)))
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
