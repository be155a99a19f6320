"""Migrations of the reader's own hosts, as a table in the names of the parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ..parameters import PARAMETERS, ParameterError, check, nearest
from .lab import located
from .tables import TableError, header, read_table

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
LABELS = ("method", "workload", "measured_verdict")
"""Columns of text that tell kinds of migrations apart."""


def is_own(path: str | Path) -> bool:
    """True for a table with a measured total time and at least one parameter by its name."""
    names = set(header(located(path)))
    return bool(names & {"measured_total_s", "total_time_s"}) and bool(names & set(PARAMETERS))


def read_own(path: str | Path) -> pd.DataFrame:
    """Read a table of migrations: columns by parameter names, and what was measured.

    Measured columns: ``measured_total_s`` (or ``total_time_s``), ``measured_blackout_s`` (or
    ``downtime_s``), ``measured_stream_gib`` (or ``transferred_bytes``). ``method`` and ``workload`` tell
    kinds apart; any other column is carried along as text. Raises TableError, also for a column that is
    nearly the name of a parameter.
    """
    path = located(path)
    names = header(path)
    for name in names:
        near = "" if name in PARAMETERS or name in MEASURED else nearest(name, PARAMETERS, 0.88)
        if near:
            raise TableError(f"{path} has a column {name!r}, which is no parameter; did you mean {near!r}?")
    numbers = [n for n in names if n in MEASURED or (n in PARAMETERS and not PARAMETERS[n].choices)]
    kinds = {n: "number or empty" if n in MEASURED or _may_be_empty(n) else "number" for n in numbers}
    table = checked(path, read_table(path, kinds))
    given = {MEASURED[n][0]: table[n] * MEASURED[n][1] for n in names if n in MEASURED}
    kept = table.drop(columns=[n for n in names if n in MEASURED])
    return kept.assign(**{n: values.replace(np.inf, np.nan) for n, values in given.items()})


def checked(path: str | Path, table: pd.DataFrame) -> pd.DataFrame:
    """The table, if every parameter in it is within its range; else TableError."""
    try:
        check({n: table[n].to_numpy() for n in table if n in PARAMETERS})
    except ParameterError as error:
        raise TableError(f"{path}: {error}") from None
    return table


def _may_be_empty(name: str) -> bool:
    default = PARAMETERS[name].default
    return isinstance(default, float) and np.isnan(default)
