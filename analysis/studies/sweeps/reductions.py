"""What a sweep tells without its rows: quantiles, histograms, and the best option of every cell.

A reduction takes rows a part at a time and keeps counts or sums that add up, so that parts may come in any
order, from any machine. In a design file::

    reduce:
      spread:   {quantiles: total_s, by: {bandwidth_gbps: 50}, at: [0.05, 0.5, 0.95]}
      pauses:   {histogram: blackout_s, edges: {from: 0.01, to: 100, count: 40, spacing: log}}
      choice:   {best: total_s, over: transport, by: [bandwidth_gbps, dirty_pages_per_s]}

``by`` names the axes whose combinations are the cells; for a range of a random design it says into how many
equal parts.

Quantiles are read off counts in bins of :data:`RESOLUTION`, so each is within 0.5 % of the exact one: the
sketch of Masson, Rim and Lee (DDSketch, 2019). Counts are whole numbers, and edges the same everywhere,
so that tables are the same to the last bit for any number of workers. The sketches that libraries have do not
do: KLL (Apache DataSketches) draws lots and errs in rank, by 1.3 % of the rows at its usual size, which near
the ends is any value; what a t-digest says follows from the order in which parts are merged; and a sketch a
cell takes 20 times as long. Sums, which :class:`Best` takes means of, are added in the order of rows.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.arrays import Columns, Floats, Indices
from analysis.parameters import OUTCOMES, ParameterError, nearest
from analysis.studies.sweeps import counting
from analysis.studies.sweeps.counting import Bins
from analysis.studies.sweeps.designs import Design, spread_of

RESOLUTION = 1.01
"""Ratio of the edges of a quantile's bin."""
LEAST, MOST = 1e-6, 1e10
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


class Counter(Protocol):
    """Functions that go over rows: :mod:`.counting`, or :mod:`.tally`, which does the same compiled."""

    def number(self, values: Floats, bins: Bins, cell: Indices) -> None:
        """See :func:`.counting.number`."""

    def count(self, values: Floats, bins: Bins, cell: Indices, counts: NDArray[Any]) -> None:
        """See :func:`.counting.count`."""

    def add(self, values: Floats, cell: Indices, sums: Floats, counts: Floats) -> None:
        """See :func:`.counting.add`."""

    def told(self, numbers: NDArray[Any]) -> Indices:
        """See :func:`.counting.told`."""


class Cells:
    """Combinations of the values of some axes, and in which of them rows lie."""

    def __init__(self, design: Design, by: Any) -> None:
        by = [by] if isinstance(by, str) else by
        if not isinstance(by, (Mapping, list, tuple)):
            raise ParameterError(f"by: {by!r} is no list of parameters")
        self.by: dict[str, Any] = dict(by) if isinstance(by, Mapping) else dict.fromkeys(map(str, by))
        self.axes = [(design.axis(name), count) for name, count in self.by.items()]
        for axis, count in self.axes:
            if axis.is_range and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
                raise ParameterError(f"{axis.name} is a range: say how many cells, by: {{{axis.name}: 50}}")
        self._steps = [
            (axis.name, Bins(axis.edges(count)[1:-1]) if axis.is_range else len(axis.cells(count)))
            for axis, count in self.axes
        ]
        self.number = math.prod(len(axis.cells(count)) for axis, count in self.axes)

    def of(self, places: Columns, rows: int, counter: Counter) -> Indices:
        """The number of the cell of each row."""
        cell = np.zeros(rows, np.int64)
        for name, step in self._steps:
            if isinstance(step, Bins):
                counter.number(_column(places[name], rows), step, cell)
            else:
                cell *= step
                cell += places[name]
        return cell

    def table(self) -> pd.DataFrame:
        """One row a cell: the values of its axes, of a range the middle."""
        rows = list(itertools.product(*(axis.cells(count) for axis, count in self.axes)))
        return pd.DataFrame(rows, columns=[axis.name for axis, _ in self.axes], index=range(self.number))


class Counts:
    """How many rows of each cell lie between some edges; the bins below and above count too."""

    counts = True
    """True where numbers are whole."""

    def __init__(self, design: Design, of: str, by: Any, edges: Floats) -> None:
        self.of, self.bins, self.cells = _outcome(of), Bins(edges), Cells(design, by)
        self.size = _checked_size(self.cells.number * self.bins.number)

    def take(self, cell: Indices, values: Floats, into: NDArray[Any], counter: Counter) -> None:
        """Count rows, of which cell and outcome are given."""
        counter.count(values, self.bins, cell, into)

    def counted(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Counts by cell and bin."""
        return numbers.reshape(self.cells.number, self.bins.number)


class Histogram(Counts):
    """Counts between edges, as a table: a row a cell and bin with ``from``, ``to`` and ``rows``."""

    def result(self, numbers: np.ndarray) -> pd.DataFrame:
        """The table."""
        each = np.repeat(range(self.cells.number), self.bins.number)
        table = self.cells.table().loc[each].reset_index(drop=True)
        low, high = np.r_[-np.inf, self.bins.edges], np.r_[self.bins.edges, np.inf]
        again = (self.cells.number, 1)
        return table.assign(
            **{"from": np.tile(low, again).ravel(), "to": np.tile(high, again).ravel()},
            rows=numbers.astype(np.int64),
        )


class Quantiles(Counts):
    """Quantiles of an outcome in each cell: columns ``q05``, ``q50``, ``q99.9`` and so on, and ``rows``.

    Within a cell one of a greater share is never less. From cell to cell they may go up and down even where
    the model does not: in a random design each has rows of its own, and ``rows`` tells how many.
    """

    def __init__(self, design: Design, of: str, by: Any, at: list[float]) -> None:
        steps = math.ceil(math.log(MOST / LEAST) / math.log(RESOLUTION))
        edges: Floats = LEAST * RESOLUTION ** np.arange(steps + 1.0)
        super().__init__(design, of, by, edges)
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
        middles = np.r_[0, self.bins.edges[1:] / math.sqrt(RESOLUTION), np.inf]
        table = self.cells.table()
        for share in self.at:
            # The least bin that, with all below it, holds this share of the cell's rows.
            wanted = np.maximum(np.ceil(share * total - 1e-9), 1)
            found = (upto < wanted[:, None]).sum(axis=1)
            value = middles[np.minimum(found, self.bins.number - 1)]
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

    counts = False
    """Numbers are sums by cell and option, then as many counts."""

    def __init__(self, design: Design, of: str, by: Any, over: str) -> None:
        self.of, self.groups, self.options = _outcome(of), Cells(design, by), self._options(design, over)
        if over in self.groups.by:
            raise ParameterError(f"over: {over!r} makes the cells, too: every cell would have one option")
        self.cells, self.over = Cells(design, self.groups.by | {over: None}), over
        self.size = _checked_size(2 * self.cells.number)

    @staticmethod
    def _options(design: Design, over: Any) -> Cells:
        if not isinstance(over, str) or design.axis(over).is_range:
            raise ParameterError(f"over: {over!r} is no parameter whose values are the options")
        return Cells(design, [over])

    def take(self, cell: Indices, values: Floats, into: NDArray[Any], counter: Counter) -> None:
        """Add rows, of which cell with option and outcome are given."""
        counter.add(values, cell, into[: self.size // 2], into[self.size // 2 :])

    def result(self, numbers: np.ndarray) -> pd.DataFrame:
        """The table; a cell without rows, or where no option ends, has no best."""
        sums, counts = numbers.reshape(2, self.groups.number, self.options.number)
        means = np.divide(sums, counts, out=np.full(sums.shape, np.inf), where=counts > 0)
        first = (means <= means.min(axis=1, keepdims=True) * (1 + ALIKE)).argmax(axis=1)
        at = np.arange(len(means)), first
        least = means[at]
        others = means.copy()
        others[at] = np.inf
        second = others.min(axis=1)
        names = self.options.table()[self.over].to_numpy(object)[first]
        names[np.isinf(least)] = None
        table = self.groups.table().assign(best=names, mean=least, next_mean=second)
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
        near = "" if name in OUTCOMES else nearest(str(name), numbers)  # a word was meant, not misspelt
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


def _column(values: NDArray[Any], rows: int) -> Floats:
    """One float64 a row, side by side."""
    return np.ascontiguousarray(np.broadcast_to(values, rows), np.float64)


class Gathering:
    """What the rows of one part add to each reduction, a stretch of rows at a time."""

    def __init__(self, wanted: Mapping[str, Any], compiled: bool) -> None:
        self._wanted, self._counter = wanted, _counter(compiled)
        # No part has more rows than an int32 counts.
        self._numbers: dict[str, NDArray[Any]] = {
            name: np.zeros(reduction.size, np.int32 if reduction.counts else float)
            for name, reduction in wanted.items()
        }

    def take(self, places: Columns, outcomes: Columns, rows: int) -> None:
        """Add some rows, while the cache still has their outcomes."""
        cells: dict[Any, Indices] = {}  # of reductions by the same axes they are numbered once
        for name, reduction in self._wanted.items():
            by = tuple(reduction.cells.by.items())
            if by not in cells:
                cells[by] = reduction.cells.of(places, rows, self._counter)
            values = _column(outcomes[reduction.of], rows)
            reduction.take(cells[by], values, self._numbers[name], self._counter)

    def made(self) -> dict[str, tuple[Indices, NDArray[Any]]]:
        """Which numbers of each reduction the rows add to, each once, and how much."""
        found = {name: self._counter.told(numbers) for name, numbers in self._numbers.items()}
        return {name: (where, self._numbers[name][where]) for name, where in found.items()}


def _counter(compiled: bool) -> Counter:
    if not compiled:
        return counting
    from analysis.studies.sweeps import tally  # loading Numba takes half a second

    return tally
