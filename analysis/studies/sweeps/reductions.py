"""What a sweep tells without its rows: quantiles, histograms, and the best option of every cell.

A reduction takes rows a part at a time and keeps counts or sums that add up, so that parts may come in any
order, from any machine. In a design file::

    reduce:
      spread:   {quantiles: total_s, by: {bandwidth_gbps: 50}, at: [0.05, 0.5, 0.95]}
      pauses:   {histogram: blackout_s, edges: {from: 0.01, to: 100, count: 40, spacing: log}}
      choice:   {best: total_s, over: transport, by: [bandwidth_gbps, dirty_pages_per_s]}

``by`` names the axes whose combinations are the cells; for a range of a random design it says into how many
equal parts. Quantiles are read off bins of :data:`RESOLUTION` and so are within 0.5 % of the exact one.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.parameters import OUTCOMES, ParameterError, nearest
from analysis.studies.sweeps.designs import Design, spread_of

RESOLUTION = 1.01
"""Ratio of the edges of a quantile's bin."""
LEAST, MOST = 1e-6, 1e9
"""Quantiles below are told as 0, beyond as infinite."""
MOST_NUMBERS = 30_000_000
"""Counts that one reduction may keep: a quarter of a gigabyte."""
ALIKE = 1e-12
"""Means no further apart than this share are the same."""
_KINDS = {
    "quantiles": {"quantiles", "by", "at"},
    "histogram": {"histogram", "by", "edges"},
    "best": {"best", "by", "over"},
}


class Cells:
    """Combinations of the values of some axes, and in which of them rows lie."""

    def __init__(self, design: Design, by: Any) -> None:
        by = [by] if isinstance(by, str) else by
        if not isinstance(by, (Mapping, list, tuple)):
            raise ParameterError(f"by: {by!r} is no list of parameters")
        counts: Mapping[str, Any] = by if isinstance(by, Mapping) else dict.fromkeys(map(str, by))
        self.axes = [(design.axis(name), counts[name]) for name in counts]
        for axis, count in self.axes:
            if axis.is_range and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
                raise ParameterError(f"{axis.name} is a range: say how many cells, by: {{{axis.name}: 50}}")
        self.shape = tuple(len(axis.cells(count)) for axis, count in self.axes)
        self.names = [axis.name for axis, _ in self.axes]
        self.number = math.prod(self.shape)

    def of(self, places: Mapping[str, np.ndarray], rows: int) -> np.ndarray:
        """The number of the cell of each row."""
        cell = np.zeros(1, np.int64)
        for (axis, count), size in zip(self.axes, self.shape, strict=True):
            place = places[axis.name]
            if axis.is_range:
                place = np.searchsorted(axis.edges(count)[1:-1], place, side="right")
            cell = cell * size + place
        return np.broadcast_to(cell, rows)

    def table(self) -> pd.DataFrame:
        """One row a cell: the values of its axes, of a range the middle."""
        rows = list(itertools.product(*(axis.cells(count) for axis, count in self.axes)))
        return pd.DataFrame(rows, columns=[axis.name for axis, _ in self.axes], index=range(self.number))


class Counts:
    """How many rows of each cell lie between some edges; the bins below and above count too."""

    even = False
    """True where the edges are :data:`RESOLUTION` apart, and which bin a value is in is computed."""

    def __init__(self, design: Design, of: str, by: Any, edges: np.ndarray) -> None:
        self.of, self.edges, self.cells = _outcome(of), edges, Cells(design, by)
        self.bins = len(edges) + 1
        self.size = _checked_size(self.cells.number * self.bins)

    def part(self, places: Any, outcomes: Any, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Which numbers rows add to, and how much: each place once."""
        values = np.broadcast_to(outcomes[self.of], rows)
        place = self.cells.of(places, rows) * self.bins + self._bin(values)
        return _summed(place, None)

    def _bin(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        if not self.even:
            return np.searchsorted(self.edges, values, side="right")
        # Logarithmic edges are computed with: a search among 3,000 of them takes ten times as long.
        steps = np.log(
            np.clip(values, self.edges[0] / RESOLUTION, self.edges[-1] * RESOLUTION) / self.edges[0]
        )
        number: NDArray[np.float64] = np.floor(steps / math.log(RESOLUTION) + 1)
        return np.clip(number, 0, self.bins - 1).astype(np.int64)

    def counted(self, numbers: np.ndarray) -> np.ndarray:
        """Counts by cell and bin."""
        return numbers.reshape(self.cells.number, self.bins)


class Histogram(Counts):
    """Counts between edges, as a table: a row a cell and bin with ``from``, ``to`` and ``rows``."""

    def result(self, numbers: np.ndarray) -> pd.DataFrame:
        """The table."""
        table = self.cells.table().loc[np.repeat(range(self.cells.number), self.bins)].reset_index(drop=True)
        low, high = np.r_[-np.inf, self.edges], np.r_[self.edges, np.inf]
        again = (self.cells.number, 1)
        return table.assign(
            **{"from": np.tile(low, again).ravel(), "to": np.tile(high, again).ravel()},
            rows=numbers.astype(np.int64),
        )


class Quantiles(Counts):
    """Quantiles of an outcome in each cell: columns ``q05``, ``q50``, ``q99.9`` and so on, and ``rows``."""

    even = True

    def __init__(self, design: Design, of: str, by: Any, at: list[float]) -> None:
        steps = math.ceil(math.log(MOST / LEAST) / math.log(RESOLUTION))
        super().__init__(design, of, by, LEAST * RESOLUTION ** np.arange(steps + 1))
        if not isinstance(at, (list, tuple)) or not at:
            raise ParameterError(f"at: {at!r} is no list of shares from 0 to 1")
        for share in at:
            if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
                raise ParameterError(f"at: {share!r} is no share from 0 to 1")
        self.at = [float(share) for share in at]

    def result(self, numbers: np.ndarray) -> pd.DataFrame:
        """The table; NaN for a cell without rows."""
        counts = self.counted(numbers)
        upto, total = counts.cumsum(axis=1), counts.sum(axis=1)
        middles = np.r_[0, self.edges[1:] / math.sqrt(RESOLUTION), np.inf]
        table = self.cells.table()
        for share in self.at:
            # The least bin that, with all below it, holds this share of the cell's rows.
            wanted = np.maximum(np.ceil(share * total - 1e-9), 1)
            found = (upto < wanted[:, None]).sum(axis=1)
            value = middles[np.minimum(found, self.bins - 1)]
            table[_percent(share)] = np.where(total > 0, value, np.nan)
        return table.assign(rows=total.astype(np.int64))


def _percent(share: float) -> str:
    """The column of a quantile: q05 of 0.05, q99.95 of 0.9995."""
    whole, point, rest = f"{100 * share:.8f}".rstrip("0").rstrip(".").partition(".")
    return f"q{whole:0>2}{point}{rest}"


class Best:
    """The value of one axis with the least mean of an outcome, in each cell, its mean and the next least.

    Of options whose means are the same to rounding, which follows from the order of parts, it is the first.
    """

    def __init__(self, design: Design, of: str, by: Any, over: str) -> None:
        self.of, self.cells, self.options = _outcome(of), Cells(design, by), self._options(design, over)
        if over in self.cells.names:
            raise ParameterError(f"over: {over!r} makes the cells, too: every cell would have one option")
        self.over = over
        self.size = _checked_size(2 * self.cells.number * self.options.number)

    @staticmethod
    def _options(design: Design, over: Any) -> Cells:
        if not isinstance(over, str) or design.axis(over).is_range:
            raise ParameterError(f"over: {over!r} is no parameter whose values are the options")
        return Cells(design, [over])

    def part(self, places: Any, outcomes: Any, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Which sums rows add to, and how much; counts come after sums."""
        place = self.cells.of(places, rows) * self.options.number
        place = place + self.options.of(places, rows)
        where, sums = _summed(place, np.broadcast_to(outcomes[self.of], rows))
        _, counts = _summed(place, None)
        return np.r_[where, where + self.size // 2], np.r_[sums, counts]

    def result(self, numbers: np.ndarray) -> pd.DataFrame:
        """The table; a cell without rows, or where no option ends, has no best."""
        sums, counts = numbers.reshape(2, self.cells.number, self.options.number)
        means = np.divide(sums, counts, out=np.full(sums.shape, np.inf), where=counts > 0)
        first = (means <= means.min(axis=1, keepdims=True) * (1 + ALIKE)).argmax(axis=1)
        at = np.arange(len(means)), first
        least = means[at]
        others = means.copy()
        others[at] = np.inf
        second = others.min(axis=1)
        names = self.options.table()[self.over].to_numpy(object)[first]
        names[np.isinf(least)] = None
        table = self.cells.table().assign(best=names, mean=least, next_mean=second)
        return table.assign(rows=counts.sum(axis=1).astype(np.int64))


def made(design: Design) -> dict[str, Any]:
    """The reductions that a design asks for, by name."""
    return {name: _made(design, name, body) for name, body in design.reduce.items()}


def _made(design: Design, name: str, body: Any) -> Any:
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w-]*", name) or name.startswith("part-"):
        raise ParameterError(
            f"the reduction {name!r} is named like no file of its own: letters, digits, _ and -, not part-..."
        )
    kind = next((kind for kind in _KINDS if isinstance(body, Mapping) and kind in body), None)
    if kind is None:
        raise ParameterError(f"the reduction {name!r} names none of {', '.join(_KINDS)}")
    for key in body:
        if key not in _KINDS[kind]:
            near = nearest(str(key), _KINDS[kind])
            raise ParameterError(
                f"the reduction {name!r} takes no {key!r}{f'; did you mean {near!r}?' if near else ''}"
            )
    of, by = body[kind], body.get("by", [])
    try:
        if kind == "quantiles":
            return Quantiles(design, of, by, body.get("at", [0.05, 0.5, 0.95]))
        if kind == "best":
            return Best(design, of, by, body["over"])
        return Histogram(design, of, by, _edges(body["edges"]))
    except KeyError as error:
        raise ParameterError(f"the reduction {name!r} lacks {error.args[0]!r}") from None
    except ParameterError as error:
        raise ParameterError(f"the reduction {name!r}: {error}") from None


def _edges(given: Any) -> np.ndarray:
    if isinstance(given, Mapping):
        low, high, count, log = spread_of("edges", given)
        if not count or low == high or "of" in given:
            raise ParameterError("edges: a range from one number to a greater one, and a count of bins")
        return (np.geomspace if log else np.linspace)(low, high, count + 1)
    try:
        edges = np.asarray(given, float)
    except (TypeError, ValueError):
        edges = np.empty(0)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ParameterError("edges are at least two numbers, each greater than the one before")
    return edges


def _outcome(name: Any) -> str:
    numbers = [n for n in OUTCOMES if n not in ("limited_by", "stop_reason")]
    if name not in numbers:
        near = nearest(str(name), numbers)
        raise ParameterError(
            f"{name!r} is no outcome that is a number{f'; did you mean {near!r}?' if near else ''}"
        )
    return str(name)


def _checked_size(numbers: int) -> int:
    if numbers > MOST_NUMBERS:
        raise ParameterError(
            f"it would keep {numbers:,} numbers, more than {MOST_NUMBERS:,}: take fewer cells"
        )
    return numbers


def _summed(place: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Each place once, and the sum of its weights (how often it occurs, without)."""
    low = int(place.min())
    width = int(place.max()) - low + 1
    if width <= 4 * len(place):
        sums = np.bincount(place - low, weights, width)
        where = np.flatnonzero(np.bincount(place - low, minlength=width) if weights is not None else sums)
        return where + low, sums[where].astype(float)
    where, back = np.unique(place, return_inverse=True)
    return where, np.bincount(back, weights, len(where)).astype(float)


def added(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The places of several stretches, each once, and the sums of what they add."""
    where = np.concatenate([part[0] for part in parts])
    amount = np.concatenate([part[1] for part in parts])
    return _summed(where, amount)
