"""Outcomes of many migrations by the plain laws of :mod:`.laws`: as they stand, or compiled (:mod:`.rows`).

Both give the same figures, bit for bit, and those of the recurrence over arrays to rounding. A few rows are
made as the laws stand: they need no arrays. Compiled they are the quickest way for any table that is no
sweep, once they are loaded. Loading takes a second or two, and where no machine code is kept on disk yet,
compiling a third of a minute: it begins when as much has been spent on arrays, so that nobody waits more than
twice as long as had he known.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from analysis.arrays import Columns, Floats
from analysis.model.laws import one
from analysis.model.laws.scenario import coded, scenarios

FEW = 8
"""Rows up to which a table is made row by row, as the laws stand."""
MOST = 20_000
"""Rows from which the kernel of :mod:`.compiled` is the quicker way."""
CALL_S, ROW_S = 0.012, 2e-5
"""What a table costs as arrays: for itself, and for each row. Counted, not timed: the same calls go the same
way on any machine."""
LOAD_S, COMPILE_S = 1.5, 20.0
"""What it costs to load the compiled laws, and to compile them."""

_spent_s = 0.0
"""What this program has spent on arrays that the compiled laws would have saved."""


def outcomes(p: Columns) -> Columns | None:
    """Outcomes by name, words as codes, for checked columns of all parameters; None: use arrays."""
    rows = max(len(column) for column in p.values())
    if 0 < rows <= FEW:
        lists = one.work()
        return _named(np.array([one.migrated(row, lists) for row in scenarios(p)]).T)
    return compiled(p) if 0 < rows < MOST and _pays(rows) else None


def compiled(p: Columns) -> Columns:
    """The same by the compiled laws, whatever it costs to load them."""
    from analysis.model.rows import fill_outcomes

    found = np.empty((len(one.Outcome._fields), max(len(column) for column in p.values())))
    fill_outcomes({name: coded(name, column) for name, column in p.items()}, found)
    return _named(found)


def _named(found: Floats) -> Columns:
    named = dict(zip(one.Outcome._fields, found, strict=True))
    whole = {name: named[name].astype(int) for name in ("passes", "limited_by", "stop_reason")}
    return named | whole | {"converged": named["converged"] > 0}


def _pays(rows: int) -> bool:
    """True where the compiled laws are loaded, or it is time to load them."""
    global _spent_s
    if _spent_s < (LOAD_S if _kept() else COMPILE_S) or find_spec("numba") is None:
        _spent_s += CALL_S + ROW_S * rows
        return False
    _spent_s = np.inf
    return True


@cache
def _kept() -> bool:
    """True where machine code of the laws is on the disk, of whichever version."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    places = Path(folder).glob("*") if folder else [Path(__file__).with_name("__pycache__")]
    return any(next(place.glob("rows.*migrate-*.nbi"), None) for place in places)
