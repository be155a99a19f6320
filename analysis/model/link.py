"""Rates of many migrations: the plain laws of :mod:`.laws.rates` for every row of some columns.

Two ways give the same figures, bit for bit. Rows are made one after the other as the laws stand, each link of
a table once however many rows have it; or by the laws compiled (:mod:`.rows`), a hundred times faster once
they are loaded. Loading takes about a second, so it pays when a program has made so many rows that it would
have been worth it from the first: nobody waits more than twice as long as had he known.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import Codes, Columns, Floats, Indices
from analysis.model.laws import rates as law
from analysis.model.laws.link import CEILINGS
from analysis.model.laws.rates import FIELDS, LIMITS, RATES
from analysis.model.laws.scenario import Scenario, coded
from analysis.model.units import PAGES_PER_GIB

WORTH_LOADING = 20_000
"""Rows made one after the other from which it would have paid to load the compiled laws."""
FEW = 8
"""Rows up to which nobody looks for equal ones, nor for the compiled laws where they are loaded."""

_singly = 0
"""Rows that this program has made one after the other."""


class Rates(NamedTuple):
    """How fast migrations go, a value a row: see :data:`.laws.rates.RATES`."""

    goodput_gbps: Floats
    memory_rate_gib_per_s: Floats
    pages_per_s: Floats
    ratio: Floats
    efficiency: Floats
    binding: Codes
    ceilings: dict[str, Floats]
    """All ceilings by name where they were asked for; infinite where one holds nothing."""

    @property
    def limited_by(self) -> NDArray[np.object_]:
        """The names of what binds."""
        return np.array(LIMITS, dtype=object)[self.binding]


def rates(p: Columns, *, ceilings: bool = False) -> Rates:
    """Rates for columns of parameters (checked), each of one value or of one a row."""
    columns = [coded(name, p[name]) for name in FIELDS]
    rows = max(len(column) for column in columns)
    found = np.empty((RATES + len(CEILINGS) * ceilings, rows))
    if not rows:
        pass
    elif _pays(rows):
        from analysis.model.rows import fill_rates

        fill_rates(columns, found)
    else:
        _fill_singly(columns, found)
    each = dict(zip(CEILINGS, found[RATES:], strict=True)) if ceilings else {}
    goodput, memory, ratio, efficiency, binding = found[:RATES]
    return Rates(goodput, memory, memory * PAGES_PER_GIB, ratio, efficiency, binding.astype(np.int8), each)


def _pays(rows: int) -> bool:
    """True where the compiled laws are the quicker way for so many rows more."""
    if "analysis.model.rows" in sys.modules:
        return rows > FEW
    return _singly + rows > WORTH_LOADING and find_spec("numba") is not None


def _fill_singly(columns: Sequence[Floats], found: Floats) -> None:
    """Rates, and ceilings if there is room for them, one row after the other; of equal rows one."""
    global _singly
    rows = found.shape[1]
    first, of = _different(columns, rows)
    values = [(c if len(c) == 1 else c[first]).tolist() for c in columns]
    values = [column * len(first) if len(column) == 1 else column for column in values]
    lists = [0.0 for _ in CEILINGS], [0.0 for _ in range(RATES)]
    made = np.empty((len(found), len(first)))
    for k, row in enumerate(zip(*values, strict=True)):
        law.fill_rates(Scenario(**dict(zip(FIELDS, row, strict=True))), *lists)
        made[:, k] = (lists[1] + lists[0])[: len(found)]
    _singly += len(first)
    found[:] = made[:, of]


def _different(columns: Sequence[Floats], rows: int) -> tuple[Indices, Indices]:
    """The first of rows that are equal, and the place of each row among these."""
    varying = [column for column in columns if len(column) > 1 and column.strides[0]]
    if rows <= FEW or not varying:
        few = np.arange(rows if varying else 1)
        return few, np.arange(rows) if varying else np.zeros(rows, np.intp)
    table = np.column_stack(varying)
    whole = table.view(np.dtype((np.void, table.itemsize * table.shape[1])))[:, 0]
    _, first, of = np.unique(whole, return_index=True, return_inverse=True)
    return first, of
