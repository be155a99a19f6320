"""Rows counted into cells and bins by compiled code: the functions of :mod:`.counting`, many times faster.

Looking a value up among thousands of edges takes longer than the model took to make it. Here the leading bits
of a number, its exponent and some more, name a stretch of values so short that at most one edge lies in it:
a table tells how many lie below, and one comparison the rest. The bin is the one that
:func:`numpy.searchsorted` finds, and nothing depends on how a machine rounds logarithms. Loops have no
branches, whose ends nobody could foretell, and unsigned indices, which cannot wrap around.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from analysis.arrays import Counts, Floats, Indices
from analysis.model.jit import compiled
from analysis.studies.sweeps import counting
from analysis.studies.sweeps.counting import Bins

LEAST_BITS = 7
"""Bits of the fraction that are looked at, at the least: 128 stretches for each doubling of a value."""
MOST_STRETCHES = 2**18
"""Stretches of a table, a megabyte; edges too near each other for so many are searched among."""
_EXPONENT_AT = 52
"""Bits of the fraction of a float64."""
_kept = compiled(nogil=True, cache=True)


class Finder(NamedTuple):
    """How to find the bin of a value by its leading bits.

    ``below``: edges below each stretch; ``first``: the leading bits of the first of them, ``shift``: how many
    others a number has. Values beyond either end belong to the stretch at that end. The last of ``edges`` is
    no number: nothing is greater.
    """

    edges: Floats
    below: Counts
    first: int
    shift: int


@lru_cache(maxsize=64)
def finder(bins: Bins) -> Finder | None:
    """How to find values among the edges; None where two of these are too near each other."""
    for bits in range(LEAST_BITS, _EXPONENT_AT):
        shift = _EXPONENT_AT - bits
        first, last = _ends(bins.edges, shift)
        if last - first > MOST_STRETCHES:
            break
        starts = (np.arange(first, last + 1, dtype=np.int64) << shift).view(np.float64)
        below = np.searchsorted(bins.edges, starts)
        below[0] = 0  # whatever is less than the first stretch, negative edges too
        if np.diff(below, append=len(bins.edges)).max() <= 1:
            return Finder(np.r_[bins.edges, np.nan], below.astype(np.uint32), first, shift)
    return None


def _ends(edges: Floats, shift: int) -> tuple[int, int]:
    """Leading bits of the stretches before the first positive edge and after the last."""
    positive = edges[edges > 0]
    if not len(positive):
        return 0, 1
    first, last = (int(end) for end in positive[[0, -1]].view(np.int64) >> shift)
    return max(first - 1, 0), last + 1


def number(values: Floats, bins: Bins, cell: Indices) -> None:
    """As :func:`.counting.number`."""
    found = finder(bins)
    if found is None:
        counting.number(values, bins, cell)
    else:
        _number(values, values.view(np.int64), *found, cell)


def count(values: Floats, bins: Bins, cell: Indices, counts: Counts) -> None:
    """As :func:`.counting.count`."""
    found = finder(bins)
    if found is None:
        place = cell.copy()
        counting.number(values, bins, place)
        _count_places(place, counts)
    else:
        _count(values, values.view(np.int64), *found, cell, counts)


@_kept
def _number(
    values: Floats, leading: Indices, edges: Floats, below: Counts, first: int, shift: int, cell: Indices
) -> None:
    bins, last = np.int64(len(edges)), np.int64(len(below) - 1)
    for row in range(len(values)):
        i = np.uintp(row)
        key = np.uintp(min(max((leading[i] >> np.int64(shift)) - np.int64(first), np.int64(0)), last))
        under = np.uintp(below[key])
        cell[i] = cell[i] * bins + np.int64(under) + np.int64(values[i] >= edges[under])


@_kept
def _count(
    values: Floats, leading: Indices, edges: Floats, below: Counts, first: int, shift: int, cell: Indices,
    counts: Counts,
) -> None:  # fmt: skip
    bins, last = np.uintp(len(edges)), np.int64(len(below) - 1)
    for row in range(len(values)):
        i = np.uintp(row)
        key = np.uintp(min(max((leading[i] >> np.int64(shift)) - np.int64(first), np.int64(0)), last))
        under = np.uintp(below[key])
        counts[np.uintp(cell[i]) * bins + under + np.uintp(values[i] >= edges[under])] += np.int32(1)


@_kept
def _count_places(place: Indices, counts: Counts) -> None:
    for row in range(len(place)):
        counts[np.uintp(place[np.uintp(row)])] += np.int32(1)


@_kept
def add(values: Floats, cell: Indices, sums: Floats, counts: Floats) -> None:
    """As :func:`.counting.add`."""
    for row in range(len(values)):
        i = np.uintp(row)
        at = np.uintp(cell[i])
        sums[at] += values[i]
        counts[at] += 1.0


def told(numbers: Counts) -> Indices:
    """As :func:`.counting.told`."""
    found = np.empty(_how_many(numbers), np.int64)
    _put_told(numbers, found)
    return found


@_kept
def _how_many(numbers: Counts) -> int:
    many = 0
    for i in range(len(numbers)):
        many += numbers[np.uintp(i)] != 0
    return many


@_kept
def _put_told(numbers: Counts, found: Indices) -> None:
    # A row of numbers that are all 0, as most are where cells are many, is told by one look at their sum.
    width, many = 32, 0
    for start in range(0, len(numbers), width):
        stop = min(start + width, len(numbers))
        some = False
        for i in range(start, stop):
            some |= numbers[np.uintp(i)] != 0
        if some:
            for i in range(start, stop):
                if numbers[np.uintp(i)] != 0:
                    found[np.uintp(many)] = i
                    many += 1
