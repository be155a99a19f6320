"""Points around another, as a fit tries them: of which migrations the outcomes have to be computed anew.

Slopes are taken at points that differ in one quantity each. Most quantities say something of some migrations
alone (of one workload, of one write pattern), and some only add seconds at the end, so that at most points
most outcomes are those of the last point, or follow from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeAlias

import numpy as np
import pandas as pd

from analysis.arrays import Bools, Columns, Floats, Indices
from analysis.parameters import PARAMETERS
from analysis.studies.hosts.candidates import Candidate, Chosen

ADDED: dict[str, dict[str, float]] = {
    "setup_s": {"total_s": 1.0},
    "handoff_ms": {"total_s": 1e-3, "blackout_s": 1e-3},
}
"""Quantities that change nothing but durations, and how many seconds of each one of theirs adds."""
ONLY_WHERE = {
    "hot_page_share": ("write_pattern", "hotcold"),
    "zipf_exponent": ("write_pattern", "zipf"),
    "compress_gib_per_s_per_core": ("transport", "compression"),
}
"""Quantities that say nothing of migrations with another word in a column."""

Pairs: TypeAlias = tuple[Indices, Indices]
"""Numbers of points and of migrations, side by side."""


class Fitted(Protocol):
    """What is looked at of a fit."""

    table: pd.DataFrame
    free: Chosen
    rows: list[Bools]
    columns: Columns
    no_setup: Bools | None


class Around:
    """Points (points, free), and the ``pairs`` of point and migration that have to be computed."""

    def __init__(self, fit: Fitted, points: Floats) -> None:
        self._fit, self._points, self._count = fit, points, len(fit.table)
        needed = np.zeros((len(points), self._count), bool)
        needed[-1] = True
        for (candidate, _), about, x in self._quantities():
            if candidate.name not in ADDED:
                needed |= (x != x[-1])[:, None] & about & self._matters(candidate.name)
        point, row = np.nonzero(needed)
        self.pairs: Pairs = point, row

    def _quantities(self) -> Iterator[tuple[tuple[Candidate, str], Bools, Floats]]:
        yield from zip(self._fit.free, self._fit.rows, self._points.T, strict=True)

    def _matters(self, name: str) -> Bools:
        """The migrations whose outcomes may follow from a parameter."""
        if name not in ONLY_WHERE:
            return np.ones(self._count, bool)
        column, word = ONLY_WHERE[name]
        said: Bools = self._fit.columns[column] == word
        return said

    def at_every(self, found: Floats) -> Floats:
        """Values of the pairs, shape (pairs, ...), at every point: elsewhere they are the last point's."""
        every = np.empty((len(self._points), self._count, *found.shape[1:]))
        every[:] = found[self.pairs[0] == len(self._points) - 1]
        every[self.pairs] = found
        return every

    def durations(self, name: str, found: Floats) -> Floats:
        """An outcome of the pairs at every point, where it is a duration with what is added to it."""
        more = np.zeros((len(self._points), self._count))
        for (candidate, _), about, x in self._quantities():
            seconds = ADDED.get(candidate.name, {}).get(name, 0.0)
            if seconds:
                known = PARAMETERS[candidate.name]
                value = np.clip(np.exp(x), known.low, known.high)
                more += (value - value[-1])[:, None] * (about & self._added_to(candidate.name)) * seconds
        more[self.pairs] = 0.0
        return self.at_every(found) + more

    def _added_to(self, name: str) -> Bools:
        """The migrations whose times have a quantity in them: a time may be told without the set-up."""
        if name != "setup_s" or self._fit.no_setup is None:
            return np.ones(self._count, bool)
        return ~self._fit.no_setup
