"""Rates of many migrations: the plain laws of :mod:`.laws.rates` for every row of some columns.

Two ways give the same figures, bit for bit. Rows are made one after the other as the laws stand, each link of
a table once however many rows have it; or by the laws compiled (:mod:`.rows`), a hundred times faster once
they are loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import Codes, Columns, Floats, Indices
from analysis.model import by_laws
from analysis.model.laws import rates as law
from analysis.model.laws.link import CEILINGS
from analysis.model.laws.rates import FIELDS, LIMITS, RATES
from analysis.model.laws.scenario import Scenario, coded
from analysis.model.units import PAGES_PER_GIB


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


def rates(p: Columns, *, ceilings: bool = False, compiled: bool | None = None) -> Rates:
    """Rates for columns of parameters (checked), each of one value or of one a row.

    ``compiled`` as in :mod:`.by_laws`: None for whichever way pays.
    """
    columns = [coded(name, p[name]) for name in FIELDS]
    rows = max(len(column) for column in columns)
    found = np.empty((RATES + len(CEILINGS) * ceilings, rows))
    if compiled if compiled is not None else by_laws.loaded() and by_laws.pays(rows):
        _fill(columns, found)
    elif rows:
        first, of = _different(columns, rows)
        if compiled is None and by_laws.pays(len(first), by_laws.RATE_S):
            _fill(columns, found)
        else:
            found[:] = _singly(columns, first, len(found))[:, of]
    each = dict(zip(CEILINGS, found[RATES:], strict=True)) if ceilings else {}
    goodput, memory, ratio, efficiency, binding = found[:RATES]
    return Rates(goodput, memory, memory * PAGES_PER_GIB, ratio, efficiency, binding.astype(np.int8), each)


def _fill(columns: Sequence[Floats], found: Floats) -> None:
    from analysis.model.rows import RATES, fill

    fill(RATES, dict(zip(FIELDS, columns, strict=True)), found)


def _singly(columns: Sequence[Floats], rows: Indices, figures: int) -> Floats:
    """Rates of some rows as the laws stand, and ceilings if so many figures are wanted."""
    values = [c.tolist() * len(rows) if len(c) == 1 else c[rows].tolist() for c in columns]
    lists = [0.0 for _ in CEILINGS], [0.0 for _ in range(RATES)]
    made = np.empty((figures, len(rows)))
    for k, row in enumerate(zip(*values, strict=True)):
        law.fill_rates(Scenario(**dict(zip(FIELDS, row, strict=True))), *lists)
        made[:, k] = (lists[1] + lists[0])[:figures]
    return made


def _different(columns: Sequence[Floats], rows: int) -> tuple[Indices, Indices]:
    """The first of rows that are equal, and the place of each row among these."""
    varying = [column for column in columns if len(column) > 1 and column.strides[0]]
    if rows <= by_laws.FEW or not varying:
        few = np.arange(rows if varying else 1)
        return few, np.arange(rows) if varying else np.zeros(rows, np.intp)
    table = np.column_stack(varying)
    whole = table.view(np.dtype((np.void, table.itemsize * table.shape[1])))[:, 0]
    _, first, of = np.unique(whole, return_index=True, return_inverse=True)
    return first, of
