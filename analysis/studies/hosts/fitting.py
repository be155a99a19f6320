"""The fit of a host: residuals of many migrations as a function of log values, and the values that suit best.

Robust least squares on the logarithms of total time and bytes sent, on the downtime, and on the dirty pages
of passes where these were measured. Each kind of migration is weighed by its own scatter, and a migration far
off the others counts little. Where the usual values suit badly, each value is tried over its whole range.
A quantity that the data leave as free as it was before is taken out again, and stays at its default.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.arrays import Columns, Floats
from analysis.model import by_laws
from analysis.model.migration import filled, parameters_in
from analysis.model.stop_rules import STOP_RULES, Rules
from analysis.parameters import PARAMETERS
from analysis.studies.hosts.around import Around, Pairs
from analysis.studies.hosts.candidates import Chosen
from analysis.studies.hosts.counting import Counting

PHASES = np.array([-4.5, -1.5, 1.5, 4.5])
"""MiB of memory by which a scenario is varied in a fit, so that where a pass happens to end cancels out."""
TYPICAL = {"total": 0.02, "stream": 0.02, "blackout": 0.03, "pass": 0.3}
"""Scatter with which a fit begins: log of time, log of bytes, short downtime [s], log of a pass's pages."""
MEASURED = {
    "total_s": "measured_total_s",
    "stream_gib": "measured_stream_gib",
    "blackout_s": "measured_blackout_s",
}
"""Columns that a fit is judged by, by outcome; the first has to be there."""
VERY_LONG_S = 1e5
"""Stands for a migration without end where a logarithm is taken."""
SHORT_S = 0.3
"""Downtime up to which an error counts in seconds, and above it as a share."""
FAR_OFF = 3.0
"""The most that a residual of a logarithm counts, or one in seconds."""
FEW_PAGES = 20.0
"""Added to both counts of dirty pages before their ratio is taken: fewer than this is chance."""
AT_ONCE = 32_768
"""Rows that a fit evaluates together, so that memory does not grow with the table."""
STEP = 0.02
"""By what logarithms are moved for a slope: wide enough to see past the steps where passes end."""
DAMPING = (0.0, 0.03, 0.3, 3.0, 30.0)
"""Of the steps that are tried together, as in Levenberg's and Marquardt's method."""
MOST_STEPS = 8
TELLING = 3.0
MOST_PASSES = 400
"""Passes after which a fit takes a migration for one without end."""
LOOKED_AT = 12
"""Passes of a migration that a fit compares."""
GOOD = 0.05
"""Scatter of times, as a logarithm, of a fit that need not be sought elsewhere."""
CLEARLY = 0.95
"""Share of the cost at the usual values below which what a scan finds is taken in their place."""
FAR_AWAY, A_FEW = 0.2, 0.1
"""Error of a time, as a logarithm, that no usual scatter makes, and the share that may have it."""
COMPILED = 40
"""Migrations from which it pays to load the compiled laws."""
ENOUGH_GAIN = 1e-4
"""Share of the cost by which a step has to lower it for another one to be worth it."""
ROUNDS, AROUND = 3, 24
"""Times that points around the best are drawn, and how many."""
SCANNED = 11
"""Values tried over the whole range of a quantity."""
NEARBY = 0.8
"""How far, as a logarithm, values are tried anew where all rows of a long table are looked at."""
SCANNED_ON = 240
"""Migrations on which they are tried."""
TIED = 0.95
"""Correlation beyond which two quantities are known in combination alone."""
MISSED = 4.0
"""Rise of the cost from which a quantity is missed: two units of a logarithm of likelihood."""
SEARCHED_ON = 600
"""Rows on which what to fit, and where to begin, is found."""
UNDECIDED = 0.7
"""Share of a quantity's first spread above which what the data leave of it is no knowledge."""


class Residuals(NamedTuple):
    """Of one part (time, bytes, downtime, passes): values (points, residuals) and the row of each."""

    values: Floats
    owner: np.ndarray


def _once(column: NDArray[Any]) -> NDArray[Any]:
    """A column, as its first value alone where all rows have that: then it is looked at only once."""
    same = (column == column[:1]).all() or (column.dtype.kind == "f" and np.isnan(column).all())
    return np.broadcast_to(column[:1], len(column)) if same and len(column) > 1 else column


def _taken(column: NDArray[Any], rows: np.ndarray) -> NDArray[Any]:
    return column[rows] if column.strides[0] else np.broadcast_to(column[:1], len(rows))


class Fit:
    """One calibration: the table, what is free, and the residuals as a function of log values."""

    def __init__(
        self,
        table: pd.DataFrame,
        free: Chosen,
        measured_passes: pd.DataFrame | None = None,
        phases: Floats = PHASES,
    ) -> None:
        self.table, self.free, self.measured = table, free, measured_passes
        self.columns = {name: _once(column) for name, column in filled(parameters_in(table)).items()}
        self.no_setup = table.without_setup.eq(True).to_numpy(bool) if "without_setup" in table else None
        if self.no_setup is not None:
            self.columns["setup_s"] = np.where(self.no_setup, 0.0, self.columns["setup_s"])
        self.told = {n: table[c].to_numpy(float) for n, c in MEASURED.items() if c in table}
        self.counting = Counting.of(table)
        self.kind = table["method"].astype(str).to_numpy() if "method" in table else np.full(len(table), "")
        self.kinds, self.coded = np.unique(self.kind, return_inverse=True)
        self.scales = {(part, kind): size for part, size in TYPICAL.items() for kind in self.kinds}
        self.start = np.log([c.begin(table, kind) for c, kind in free])
        self.low, self.high = np.log(np.array([[c.low, c.high] for c, _ in free]).reshape(-1, 2).T)
        self.prior = np.array([c.spread for c, _ in free])
        self.rows = [self._about(label, kind) for label, kind in ((c.label, k) for c, k in free)]
        self.passes = _pass_targets(table, measured_passes)
        looks = any(np.isfinite(STOP_RULES[str(r)].check_interval_s) for r in set(self.columns["stop_rule"]))
        self.phases = phases if looks else np.zeros(1)
        self.compiled = True if len(table) >= COMPILED and by_laws.possible() else None

    def _about(self, label: str, kind: str) -> np.ndarray:
        if not kind:
            return np.ones(len(self.table), bool)
        return (self.table[label].astype(str) == kind).to_numpy()

    # --- residuals ---

    def columns_at(self, points: Floats, pairs: Pairs | None = None) -> Columns:
        """Parameters of all migrations at each of some points (points, free): one point after the other.

        ``pairs``: those of these pairs alone.
        """
        point, row = pairs or np.divmod(np.arange(len(points) * len(self.table)), len(self.table))
        p = {name: _taken(column, row) for name, column in self.columns.items()}
        for (candidate, _), about, x in zip(self.free, self.rows, points.T, strict=True):
            name = candidate.name
            value = np.exp(x)[point]
            if candidate.scale:
                value = value * self._base(name, p, row)
            known = PARAMETERS[name]
            p[name] = np.where(about[row], np.clip(value, known.low, known.high), p[name])
        if self.no_setup is not None:
            p["setup_s"] = np.where(self.no_setup[row], 0.0, p["setup_s"])
        return p

    def _base(self, name: str, p: Columns, row: np.ndarray) -> Floats:
        """What a factor is on: of a working set that is not known, the guest's content."""
        if name == "working_set_gib" and name not in self.table:
            content: Floats = p["memory_gib"] * p["resident_share"]
            return content
        own: Floats = self.columns[name][row]
        return own

    def outcomes(self, p: Columns) -> Columns:
        """Outcomes, each the mean over the phases of the looks."""
        times = len(self.phases)
        every = np.arange(len(p["memory_gib"])).repeat(times)
        many = {name: _taken(column, every) for name, column in p.items()}
        mib = many["extra_resident_mib"] + np.tile(self.phases, len(p["memory_gib"]))
        many["extra_resident_mib"] = np.maximum(mib, 0)
        many["pass_limit"], limit = self._limited(many, MOST_PASSES), many["pass_limit"]
        found = by_laws.outcomes(many, self.compiled)
        cut_off = (found["passes"] >= MOST_PASSES) & ~(limit <= MOST_PASSES)
        for name in ("total_s", "stream_gib", "memory_sent_gib"):
            found[name] = np.where(cut_off, np.inf, found[name])
        wanted = ("total_s", "blackout_s", "stream_gib", "memory_sent_gib")
        return {n: np.minimum(found[n], VERY_LONG_S * 1e3).reshape(-1, times).mean(axis=1) for n in wanted}

    def _limited(self, p: Columns, most: int) -> Floats:
        """The pass limit of every row, its preset's where it has none of its own, and no more than some."""
        return np.minimum(Rules.of(p["stop_rule"], p["pass_limit"], p["blackout_target_ms"]).pass_limit, most)

    def parts(self, points: Floats) -> dict[str, Residuals]:
        """Unscaled residuals at each of some points."""
        around = Around(self, points)
        pairs = around.pairs
        step = max(1, AT_ONCE // len(self.phases))
        cut = [(pairs[0][k : k + step], pairs[1][k : k + step]) for k in range(0, len(pairs[0]), step)]
        some = [self.outcomes(self.columns_at(points, part)) for part in cut]
        found = self.parts_of(
            {n: around.durations(n, np.concatenate([one[n] for one in some])) for n in some[0]}
        )
        if self.passes is not None:
            owner = self.passes.owner.to_numpy()
            found["pass"] = Residuals(self._log_passes(points, around), owner)
        return {part: Residuals(_bounded(values), owner) for part, (values, owner) in found.items()}

    def parts_of(self, outcomes: Columns) -> dict[str, Residuals]:
        """Residuals of time, bytes and downtime, whatever was measured; NaN where it was not.

        ``outcomes``: each of shape (points, migrations).
        """
        every = np.arange(len(self.table))
        total = np.log(self.told["total_s"] / np.minimum(outcomes["total_s"], VERY_LONG_S))
        found = {"total": Residuals(total, every)}
        if "stream_gib" in self.told:
            counted = self.counting.sent_gib(outcomes["stream_gib"], outcomes["memory_sent_gib"])
            sent = self.told["stream_gib"]
            with np.errstate(divide="ignore", invalid="ignore"):
                log = np.log(sent / counted.clip(1e-9, 1e9))
            found["stream"] = Residuals(np.where(sent > 0, log, np.nan), every)
        if "blackout_s" in self.told:
            late = _felt(self.told["blackout_s"]) - _felt(outcomes["blackout_s"])
            found["blackout"] = Residuals(late, every)
        return found

    def _log_passes(self, points: Floats, around: Around) -> Floats:
        """Log of measured over fitted dirty pages; NaN for passes that the fit does not make."""
        assert self.passes is not None
        owner, number = self.passes.owner.to_numpy(), self.passes.pass_number.to_numpy(int)
        pairs = around.pairs
        told = np.flatnonzero(np.isin(pairs[1], owner))
        p = self.columns_at(points, (pairs[0][told], pairs[1][told]))
        log = by_laws.history(p | {"pass_limit": self._limited(p, LOOKED_AT)}, self.compiled)
        fitted = np.full((len(pairs[0]), LOOKED_AT + 2), np.nan)
        fitted[told[log.row], log.number] = log.dirtied_pages
        made = around.at_every(fitted)[:, owner, number]
        measured = self.passes.dirtied_pages.to_numpy()
        return np.log((measured + FEW_PAGES) / (made + FEW_PAGES))

    def scaled(self, points: Floats) -> tuple[Floats, np.ndarray]:
        """Residuals in units of their scatter (points, residuals), and the migration of each."""
        values, owners = [], []
        for part, (residual, owner) in self.parts(points).items():
            unit = np.array([self.scales[part, kind] for kind in self.kinds])[self.coded[owner]]
            values.append(residual / (unit * self._crowd(owner)))
            owners.append(owner)
        return np.concatenate(values, axis=1), np.concatenate(owners)

    def _crowd(self, owner: np.ndarray) -> Floats:
        """By what the residuals of a migration are divided beside their scatter.

        Its passes are a chain, and tell together about as much as :data:`TELLING` would that were apart.
        """
        count = np.bincount(owner, minlength=len(self.table))[owner]
        crowd: Floats = np.sqrt(np.maximum(count / TELLING, 1))
        return crowd

    # --- the search ---

    def cost(self, points: Floats) -> Floats:
        """What is made least: residuals, far ones counting little, and how far a value is from its first."""
        residual, _ = self.scaled(points)
        far = (points - self.start) / self.prior
        found: Floats = 2 * (np.sqrt(1 + residual**2) - 1).sum(axis=1) + (far**2).sum(axis=1)
        return found

    def jacobian(self, x: Floats) -> tuple[Floats, Floats, np.ndarray]:
        """Slopes by central differences, residuals, and the migration of each."""
        moves = STEP * np.eye(len(x))
        residual, owner = self.scaled(np.concatenate([x + moves, x - moves, x[None]]))
        up, down = residual[: len(x)], residual[len(x) : -1]
        return ((up - down) / (2 * STEP)).T, residual[-1], owner

    def normal(self, x: Floats) -> tuple[Floats, Floats]:
        """Normal matrix of the data alone and gradient of the cost."""
        slopes, residual, _ = self.jacobian(x)
        weight = 1 / np.sqrt(1 + residual**2)
        return (slopes * weight[:, None]).T @ slopes, slopes.T @ (weight * residual)

    def improved(self, x: Floats, steps: int = MOST_STEPS) -> Floats:
        """Damped Gauss-Newton steps from a point, as long as they are worth it."""
        cost = float(self.cost(x[None])[0])
        for _ in range(steps if len(x) else 0):
            data, gradient = self.normal(x)
            precision = np.diag(self.prior**-2)
            gradient = gradient + precision @ (x - self.start)
            whole = data + precision
            tries = np.array(
                [x - np.linalg.solve(whole + d * np.diag(np.diag(whole)), gradient) for d in DAMPING]
            )
            tries = np.clip(tries, self.low, self.high)
            costs = self.cost(tries)
            best = int(costs.argmin())
            if not costs[best] < cost * (1 - ENOUGH_GAIN):
                break
            x, cost = tries[best], float(costs[best])
        return x

    def scanned(self, x: Floats, reach: float = np.inf, rounds: int = 2) -> Floats:
        """The best of many values of each quantity in its turn, over its range, as far as a ``reach``."""
        low, high = np.maximum(self.low, x - reach), np.minimum(self.high, x + reach)
        for _ in range(rounds):
            before = x.copy()
            for k in range(len(x)):
                tries = np.tile(x, (SCANNED + 1, 1))
                tries[1:, k] = np.linspace(low[k], high[k], SCANNED + 2)[1:-1]
                x = tries[int(self.cost(tries).argmin())]
            if (x == before).all():
                break
        return x

    def searched(self, x: Floats, rng: np.random.Generator) -> Floats:
        """The best of points drawn around, as far away as the data leave room, and steps from there.

        Where passes end makes the cost jagged in what few migrations decide, and slopes are blind to that.
        """
        cost, size = float(self.cost(x[None])[0]), 1.0
        for _ in range(ROUNDS if len(x) else 0):
            data, _ = self.normal(x)
            root = np.linalg.cholesky(np.linalg.inv(data + np.diag(self.prior**-2)))
            near = x + size * rng.normal(0, 1, (AROUND, len(x))) @ root.T
            near = np.clip(near, self.low, self.high)
            found = self.improved(near[int(self.cost(near).argmin())], 3)
            least = float(self.cost(found[None])[0])
            x, cost, size = (found, least, size) if least < cost else (x, cost, size / 2)
        return x

    def rescale(self, x: Floats) -> None:
        """Take each kind's scatter from what the fit leaves of it."""
        for part, (values, owner) in self.parts(x[None]).items():
            for kind in set(self.kind[owner]):
                own = np.abs(values[0][(self.kind[owner] == kind) & np.isfinite(values[0])])
                if len(own):
                    self.scales[part, kind] = max(1.4826 * float(np.median(own)), TYPICAL[part] / 5)


def _felt(blackout_s: Floats) -> Floats:
    """A downtime [s] as it is while it is short, and by its logarithm where it is long: its errors are so."""
    felt: Floats = SHORT_S * np.log1p(np.maximum(blackout_s, 0) / SHORT_S)
    return felt


def _bounded(values: Floats) -> Floats:
    return np.clip(np.nan_to_num(values, nan=0.0), -FAR_OFF, FAR_OFF)


def _pass_targets(table: pd.DataFrame, measured: pd.DataFrame | None) -> pd.DataFrame | None:
    """Measured passes of the table's migrations with the row of each; None where there are none."""
    if measured is None or "migration" not in table:
        return None
    rows = pd.DataFrame({"migration": table.migration, "owner": np.arange(len(table))})
    told = (measured.dirtied_pages > 0) & (measured.pass_number < LOOKED_AT)
    found = measured[told].merge(rows, on="migration")
    return found[["owner", "pass_number", "dirtied_pages"]] if len(found) else None


def fitted(
    table: pd.DataFrame, free: Chosen, measured_passes: pd.DataFrame | None, seed: int = 0
) -> tuple[Fit, Floats]:
    """The fit of what the data decide, and its log values.

    Of a long table what to fit and where to begin is found on some of its rows.
    """
    rng = np.random.default_rng(seed)
    some = np.sort(rng.permutation(len(table))[:SEARCHED_ON])
    fit, x = _sought(Fit(table.iloc[some].reset_index(drop=True), free, measured_passes), rng)
    if len(table) <= SEARCHED_ON:
        return fit, fit.searched(x, rng)
    whole = Fit(table, fit.free, measured_passes, PHASES[[0, -1]])
    whole.rescale(x)
    # What some of the rows say best may be one hollow of several, in which the others do not lie deepest.
    x = whole.improved(whole.scanned(x, NEARBY, 1), 2)
    whole.rescale(x)
    return whole, whole.improved(x, 1)


def _sought(fit: Fit, rng: np.random.Generator) -> tuple[Fit, Floats]:
    """From the usual values, or what a scan finds, to the best; without what the data do not decide."""
    x = fit.improved(fit.start)
    if _suits_badly(fit, x):
        # A stream of its own: what is drawn later must not depend on whether there was a scan.
        starts = np.array([x, fit.improved(_scanned(fit, rng.spawn(1)[0]))])
        usual, elsewhere = fit.cost(starts)
        x = starts[1] if elsewhere < CLEARLY * usual else x
    while True:
        fit.rescale(x)
        x = fit.improved(x)
        smaller, y = _without_loose(fit, x)
        if len(y) == len(x):
            return _without_stand_in(fit, x)
        fit, x = smaller, y


def _without_stand_in(fit: Fit, x: Floats) -> tuple[Fit, Floats]:
    """The fit without a share of content that nobody told, where the link's rate can stand in for it.

    Both make every migration longer by a share; what bytes or writes tell apart costs more without it.
    """
    k = next((k for k, (c, _) in enumerate(fit.free) if c.name == "resident_share"), None)
    if k is None:
        return fit, x
    smaller = _less(fit, k)
    ends = np.array([smaller.improved(start) for start in (np.delete(x, k), smaller.start)])
    costs = smaller.cost(ends)
    if costs.min() < fit.cost(x[None])[0] + MISSED:
        return smaller, ends[int(costs.argmin())]
    return fit, x


def _less(fit: Fit, k: int) -> Fit:
    """The same fit without one of its quantities."""
    smaller = Fit(fit.table, fit.free[:k] + fit.free[k + 1 :], fit.measured, fit.phases)
    smaller.scales = fit.scales
    return smaller


def _suits_badly(fit: Fit, x: Floats) -> bool:
    """Whether times are off in general, or far off in more than a few migrations.

    So few may be all that a ceiling binds which the usual values put too high, where it has no slope.
    """
    off = np.abs(fit.parts(x[None])["total"].values)
    return bool(np.median(off) > GOOD or np.mean(off > FAR_AWAY) > A_FEW)


def _scanned(fit: Fit, rng: np.random.Generator) -> Floats:
    """What a scan of some of the rows over all values finds."""
    some = np.sort(rng.permutation(len(fit.table))[:SCANNED_ON])
    few = Fit(fit.table.iloc[some].reset_index(drop=True), fit.free, phases=np.zeros(1))
    return few.improved(few.scanned(few.start), 6)


def _without_loose(fit: Fit, x: Floats) -> tuple[Fit, Floats]:
    """The fit without the quantities of which the data say next to nothing, as far as none is missed.

    One that has to be small, however small, is missed: left at its default it would do harm.
    """
    for name in _loose(fit, x):
        k = fit.free.index(name)
        smaller, y = _less(fit, k), np.delete(x, k)
        if smaller.cost(y[None])[0] < fit.cost(x[None])[0] + MISSED:
            fit, x = smaller, y
    return fit, x


def _loose(fit: Fit, x: Floats) -> Chosen:
    """What the data leave as free as it was before them, the loosest first."""
    if not len(x):
        return []
    data, _ = fit.normal(x)
    spread = np.linalg.inv(data + np.diag(fit.prior**-2))
    left = np.sqrt(np.diag(spread)) / fit.prior
    return [fit.free[k] for k in np.argsort(-left) if left[k] > UNDECIDED]


def names(free: Sequence[Any]) -> list[str]:
    """What each free quantity is called, with the kind for which it holds."""
    return [f"{c.name} ({kind})" if kind else c.name for c, kind in free]
