"""Migrations of the reader's own hosts, as a table in the names of the parameters."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from analysis import unusual
from analysis.observations import columns, possible
from analysis.observations.columns import NEEDED as NEEDED
from analysis.observations.lab import COUNTED_RAW
from analysis.observations.sources import located
from analysis.observations.tables import TableError, first_row, header, line_of, read_table
from analysis.parameters import PARAMETERS, ParameterError, check

MEASURED = {
    "measured_total_s": ("measured_total_s", 1.0),
    "total_time_s": ("measured_total_s", 1.0),
    "measured_blackout_s": ("measured_blackout_s", 1.0),
    "downtime_s": ("measured_blackout_s", 1.0),
    "measured_stream_gib": ("measured_stream_gib", 1.0),
    "transferred_bytes": ("measured_stream_gib", 2.0**-30),
    "time_limit_s": ("time_limit_s", 1.0),
}
"""Columns of measurements by the names they may have: the study's name and the factor to its unit."""
TOTAL, PAUSE, STREAM = "measured_total_s", "measured_blackout_s", "measured_stream_gib"
MAY_BE_ZERO = (PAUSE,)
"""Measurements that may be 0; all others are more."""
LABELS = ("method", "workload", "measured_verdict")
"""Columns of text that tell kinds of migrations apart."""
KINDS, NO_LABEL = ("method", "workload"), "not told"


def is_own(path: str | Path) -> bool:
    """True for a table with a measured total time and at least one parameter by its name."""
    names = set(header(located(path)))
    return bool(names & {"measured_total_s", "total_time_s"}) and bool(names & set(PARAMETERS))


def read_own(path: str | Path, *, accept_units: bool = False) -> pd.DataFrame:
    """Read a table of migrations: columns by parameter names, and what was measured.

    Measured columns: ``measured_total_s`` (or ``total_time_s``), ``measured_blackout_s`` (or
    ``downtime_s``), ``measured_stream_gib`` (or ``transferred_bytes``), ``measured_verdict`` (or
    ``verdict``). ``method`` and ``workload`` tell kinds apart, ``status`` how a migration ended; any other
    column is carried along as text. Raises TableError, also for a column that is nearly one of these or has
    another unit, and for a figure that cannot be. ``accept_units``: a column that has one of ours in another
    unit (``bandwidth_mbps``) is taken as that, where the unit means one thing.
    """
    path = located(path)
    taken = accepted_units(path) if accept_units else {}
    names = [taken.get(name, name) for name in header(path)]
    _named_right(path, names)
    numbers = [n for n in names if n in MEASURED or (n in PARAMETERS and not PARAMETERS[n].choices)]
    kinds = {n: "number or empty" if n in MEASURED or _may_be_empty(n) else "number" for n in numbers}
    theirs = {ours: name for name, ours in taken.items()}
    raw = read_table(path, {theirs.get(name, name): kind for name, kind in kinds.items()}).rename(
        columns=taken
    )
    for name, ours in taken.items():
        raw[ours] *= columns.factor(name, ours)
    table = _in_words(path, checked(path, raw))
    _possible(path, table)
    given = {MEASURED[n][0]: table[n] * MEASURED[n][1] for n in names if n in MEASURED}
    return table.drop(columns=[n for n in names if n in MEASURED]).assign(**given)


def accepted_units(path: str | Path) -> dict[str, str]:
    """Columns that are ours in another unit that means one thing, with our name for each."""
    names = header(path)
    near = _near(names)
    return {
        n: ours for n, ours in near.items() if ours and columns.factor(n, ours) == columns.factor(n, ours)
    }


def unit_notes(path: str | Path) -> list[str]:
    """A sentence for each column that ``accept_units`` takes in its own unit."""
    return [
        f"{path}: the column {name!r} is taken as {ours}, one of it as {columns.factor(name, ours):g}"
        for name, ours in accepted_units(path).items()
    ]


def cell_notes(path: str | Path) -> list[str]:
    """How cells with a unit of their own were read, where GB may be meant as GiB; by the first row."""
    cells = first_row(path).items()
    return [f"{path}: {told}" for name, text in cells for told in unusual.in_powers_of_ten(name, text)]


def _near(names: list[str]) -> dict[str, str]:
    """What columns that are not ours are nearly; empty for those that are near to none."""
    known = [*PARAMETERS, *MEASURED]
    given = {n for n in known if n in names or (n in MEASURED and _same_measured(n) & set(names))}
    return {n: columns.alike(n, known, given) for n in names if n not in known}


def _named_right(path: str | Path, names: list[str]) -> None:
    """TableError for a column that is nearly one of the study's, for two of one measurement, for no time."""
    asked = {name: ours for name, ours in _near(names).items() if ours}
    if asked:
        raise TableError(columns.question(path, asked, first_row(path)))
    measured = [n for n in names if n in MEASURED]
    for name in measured:
        same = [n for n in measured if MEASURED[n][0] == MEASURED[name][0]]
        if len(same) > 1:
            raise TableError(
                f"{path} tells one thing twice, as {same[0]!r} and as {same[1]!r}; give only one"
            )
    if not any(MEASURED[n][0] == TOTAL for n in measured):
        raise TableError(f"{path} has no column total_time_s, so nothing was measured in it")


def _same_measured(name: str) -> set[str]:
    return {n for n in MEASURED if MEASURED[n][0] == MEASURED[name][0]}


def _in_words(path: str | Path, table: pd.DataFrame) -> pd.DataFrame:
    """Status and verdict in the study's own words; TableError for one that is not known."""
    if "verdict" in table and "measured_verdict" not in table:
        table = table.rename(columns={"verdict": "measured_verdict"})
    if "status" in table:
        table = table.assign(status=possible.words(path, table.status, possible.ENDED))
    if "measured_verdict" in table:
        verdict = possible.words(path, table.measured_verdict, possible.VERDICTS)
        table = table.assign(measured_verdict=verdict)
    return table


def _possible(path: str | Path, table: pd.DataFrame) -> None:
    """TableError for a measurement that cannot be: no time or less than none, a pause longer than all."""
    names = {MEASURED[str(n)][0]: str(n) for n in table if n in MEASURED}
    possible.positive(path, table, [n for ours, n in names.items() if ours not in MAY_BE_ZERO])
    possible.positive(path, table, [n for ours, n in names.items() if ours in MAY_BE_ZERO], may_be_zero=True)
    if PAUSE in names:
        possible.not_longer(path, table, names[PAUSE], names[TOTAL])
    if STREAM in names and "bandwidth_gbps" in table:
        bits = table[names[STREAM]] * MEASURED[names[STREAM]][1] * 8 * 2**30
        if "method" in table:
            bits = bits.mask(table.method.isin(COUNTED_RAW))
        possible.carried(path, bits, table.bandwidth_gbps, table[names[TOTAL]], names[STREAM])


def with_all_needed(path: str | Path, table: pd.DataFrame) -> pd.DataFrame:
    """The table, if it has what every figure depends on; TableError with what is missing, and its unit."""
    missing = [name for name in NEEDED if name not in table]
    if missing:
        raise TableError(columns.missing(path, missing))
    return table


def checked(path: str | Path, table: pd.DataFrame) -> pd.DataFrame:
    """The table, if every parameter in it is within its range; else TableError with the line."""
    for name in (str(n) for n in table if n in PARAMETERS):
        try:
            check({name: table[name].to_numpy()})
        except ParameterError:
            _first_wrong(path, name, table[name])
    return table


def _first_wrong(path: str | Path, name: str, values: pd.Series) -> None:
    for row, value in enumerate(values):
        try:
            check({name: value})
        except ParameterError as error:
            raise TableError(f"{path}, line {line_of(path, row)}: {error}") from None


def together(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Tables of several files as one, without gaps."""
    return without_gaps(pd.concat(tables, ignore_index=True))


def without_gaps(table: pd.DataFrame, but: Collection[str] = ()) -> pd.DataFrame:
    """A table in which a parameter that is not told has its default, and a label :data:`NO_LABEL`.

    What was not measured stays missing, and so do the columns named in ``but``.
    """
    gaps = {str(n): PARAMETERS[str(n)].default for n in table if n in PARAMETERS} | dict.fromkeys(
        KINDS, NO_LABEL
    )
    known = {n: value for n, value in gaps.items() if n in table and n not in but and value == value}
    return table.fillna(known)


def _may_be_empty(name: str) -> bool:
    default = PARAMETERS[name].default
    return isinstance(default, float) and np.isnan(default)
