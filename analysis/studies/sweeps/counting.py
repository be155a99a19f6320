"""Rows counted into cells and bins, the NumPy way; :mod:`.tally` does the same compiled.

A sweep's reductions number each row's cell (:func:`number`, an axis at a time), then count it in a bin of
that cell (:func:`count`) or add an outcome to its sum (:func:`add`).
"""

from __future__ import annotations

import numpy as np

from analysis.arrays import Counts, Floats, Indices


class Bins:
    """What lies between edges that rise: bin k is of values from edge k - 1 on and below edge k.

    The first bin is of all that is less than the first edge, the last of all from the last edge on.
    """

    def __init__(self, edges: Floats) -> None:
        self.edges = np.ascontiguousarray(edges, np.float64)
        self.number = len(edges) + 1

    def of(self, values: Floats) -> Indices:
        """The bin of each value."""
        found: Indices = np.searchsorted(self.edges, values, side="right")
        return found


def number(values: Floats, bins: Bins, cell: Indices) -> None:
    """Go on numbering cells, in ``cell``, by one more axis: of each cell so far there are as many as bins."""
    cell *= bins.number
    cell += bins.of(values)


def count(values: Floats, bins: Bins, cell: Indices, counts: Counts) -> None:
    """Count each row in the bin of its cell: ``counts`` is one number a cell and bin."""
    place = cell.copy()
    number(values, bins, place)
    where, rows = np.unique(place, return_counts=True)
    counts[where] += rows.astype(counts.dtype)


def add(values: Floats, cell: Indices, sums: Floats, counts: Floats) -> None:
    """Add each row to the sum of its cell, in their order, and count it."""
    where, back = np.unique(cell, return_inverse=True)
    sums[where] += np.bincount(back, values, len(where))
    counts[where] += np.bincount(back, minlength=len(where))


def told(numbers: Counts) -> Indices:
    """The places of numbers that are not 0."""
    return np.flatnonzero(numbers)
