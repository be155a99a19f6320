"""Many migrations by the plain laws of :mod:`.laws`: as they stand, or compiled (:mod:`.rows`).

Both give the same figures, bit for bit. A few rows are made as the laws stand, a tenth of a millisecond each.
Compiled they are fifty times faster once they are loaded. Loading takes a second or two, and where no machine
code is kept on disk yet, compiling a quarter of a minute: it begins when as much has been spent, or would be,
on rows made as the laws stand, so that nobody waits more than twice as long as had he known.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from analysis.arrays import Columns, Floats, Indices
from analysis.model.laws import one
from analysis.model.laws.scenario import Scenario, coded, scenarios

FEW = 8
"""Rows up to which nobody looks for a quicker way."""
ROW_S, RATE_S = 2e-4, 7e-5
"""What a migration costs as the laws stand, and its rates alone. Counted, not timed: the same calls go the
same way on any machine."""
LOAD_S, COMPILE_S = 1.5, 15.0
"""What it costs to load the compiled laws, and to compile them."""

_spent_s = 0.0
"""What this program has spent that the compiled laws would have saved."""


class Passes(NamedTuple):
    """One row per pass, one migration after the other.

    ``row``: index of the scenario. ``number``: from 1. ``start_s``: since the first pass began.
    ``duration_s``, ``sent_pages``, ``dirtied_pages`` (distinct, newly dirty at the end of the
    pass), ``remaining_pages`` (to be sent next: what was dirtied and what carried over). Where a
    pass limit acts late, the stretch from the limit to the pause is one more, last row.
    """

    row: Indices
    number: Indices
    start_s: Floats
    duration_s: Floats
    sent_pages: Floats
    dirtied_pages: Floats
    remaining_pages: Floats


def pays(rows: int, each_s: float = ROW_S) -> bool:
    """True where the compiled laws are the quicker way for so many rows more."""
    global _spent_s
    if rows <= FEW or not possible():
        return False
    if loaded():
        return True
    _spent_s += rows * each_s
    return _spent_s > (LOAD_S if kept() else COMPILE_S)


def possible() -> bool:
    """True where laws may be compiled at all."""
    return os.environ.get("MIGRATION_STUDY_KERNEL") != "plain" and find_spec("numba") is not None


def loaded() -> bool:
    """True where this program has the compiled laws."""
    return "analysis.model.rows" in sys.modules


@cache
def kept() -> bool:
    """True where machine code of the laws is on the disk, of whichever version."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    places = Path(folder).glob("*") if folder else [Path(__file__).with_name("__pycache__")]
    return any(next(place.glob("rows.*run-*.nbi"), None) for place in places)


def outcomes(p: Columns, compiled: bool | None = None) -> Columns:
    """Outcomes by name, words as codes, for checked columns of all parameters; None: whichever way pays."""
    rows = max(len(column) for column in p.values())
    if pays(rows) if compiled is None else compiled:
        from analysis.model.rows import OUTCOMES, fill

        found = np.empty((len(one.Outcome._fields), rows))
        fill(OUTCOMES, codes(p), found)
        return _named(found)
    lists = one.work()
    return _named(_columns([one.migrated(row, lists) for row in scenarios(p)], len(one.Outcome._fields)))


def history(p: Columns, compiled: bool | None = None) -> Passes:
    """The passes of every row of checked columns of all parameters."""
    rows = max(len(column) for column in p.values())
    if pays(rows) if compiled is None else compiled:
        from analysis.model.rows import OUTCOMES, fill

        return as_passes(fill(OUTCOMES, codes(p), np.empty((len(one.Outcome._fields), rows)), history=True))
    lists = one.work()
    logs: list[list[one.Made]] = []
    for row in scenarios(p):
        logs.append([])
        one.followed(row, lists, logs[-1])
    return as_passes(listed(logs))


def codes(p: Columns) -> Columns:
    """Columns as numbers, words by their codes."""
    return {name: coded(name, column) for name, column in p.items()}


def listed(logs: Sequence[Sequence[one.Made]]) -> Floats:
    """Logs of migrations as one table, with the row of each at the end."""
    return _columns([(*made, k) for k, log in enumerate(logs) for made in log], len(one.Made._fields) + 1).T


def as_passes(log: Floats | None) -> Passes:
    """A table of passes by columns."""
    assert log is not None  # it was asked for
    number, *figures, row = np.ascontiguousarray(log.T)
    return Passes(row.astype(np.intp), number.astype(np.intp), *figures)


def _columns(rows: Sequence[Sequence[Any]], fields: int) -> Floats:
    return np.array(rows, float).reshape(-1, fields).T


def _named(found: Floats) -> Columns:
    named = dict(zip(one.Outcome._fields, found, strict=True))
    whole = {name: named[name].astype(int) for name in ("passes", "limited_by", "stop_reason")}
    return named | whole | {"converged": named["converged"] > 0}


def row_by_row(
    columns: Mapping[str, Floats], given: Sequence[Floats], logs: list[list[one.Made]] | None
) -> Floats:
    """Ends of pre-copy of machines that are given, as :func:`.rows.fill` makes them."""
    machines, writes, sizes = (table.tolist() for table in given)
    lists, made = one.work(), []
    of_rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    for k, values in enumerate(of_rows):
        p = Scenario(**dict(zip(columns, values, strict=True)))
        w = lists._replace(machine=machines[k], rates=writes[k], sizes=sizes[k])
        if logs is None:
            made.append(one.precopied(p, w, len(writes[k])))
        else:
            logs.append([])
            made.append(one.traced(p, w, len(writes[k]), logs[-1]))
    return _columns(made, len(one.Ended._fields))
