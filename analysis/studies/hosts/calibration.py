"""Fit a host to its own measured migrations: parameters with intervals, scatter, and what cannot be told.

First stage: a handful of parameters of the mechanism (:mod:`.candidates`), by robust least squares on the
logarithms of total time and bytes sent and on the downtime. Each kind of migration is weighed by its own
scatter, and a migration far off the others (disturbed by other load) counts little. Intervals are a bootstrap
over migrations, linearised at the optimum. Second stage, on request: ``studies.hosts.correction``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from analysis.errors import UserError
from analysis.model import engine
from analysis.model.migration import evaluate, filled, parameters_in, passes
from analysis.observations.files import read_observed
from analysis.parameters import PARAMETERS
from analysis.studies.hosts import correction
from analysis.studies.hosts.candidates import FEWEST, Candidate, chosen
from analysis.studies.hosts.host import Estimate, Host, on_values
from analysis.studies.hosts.prediction import as_counted, bound_by, predict, unmeasured

BOOTSTRAPS = 400
PHASES = np.array([-4.5, -1.5, 1.5, 4.5])
"""MiB of memory by which a scenario is varied in a fit, so that where a pass happens to end cancels out."""
TYPICAL = {"total": 0.02, "stream": 0.02, "blackout": 0.03, "pass": 0.3}
"""Scatter with which a fit begins: log of time, log of bytes, downtime [s], log of a pass's dirty pages."""
VERY_LONG_S = 1e5
"""Stands for a migration without end where a logarithm is taken."""
FEW_PAGES = 20.0
"""Added to both counts of dirty pages before their ratio is taken: fewer than this is chance."""
ALIKE = 0.95
"""Estimates whose draws correlate beyond this cannot be told apart."""
PRIOR = 0.3
"""A weak prior: before any data the log of a factor scatters so much around 0, of a value ten times so."""
POLISHING = 1
"""Steps after the fit whose slopes are taken wide enough to see past the ends of passes."""
MOST_STEPS = 6
"""Gauss-Newton steps in each of the two fits; more of them follow the noise of where passes end."""
AT_ONCE = 16_384
"""Rows that a fit evaluates together, so that memory does not grow with the table."""
REMEMBERED = 50
"""Points whose residuals a fit remembers: those of one slope, and where it has been."""
PREDICTED_DRAWS = 32
FEWEST_OF_A_KIND = 8


def calibrate(
    observed: pd.DataFrame | str | Path | Sequence[str | Path],
    *,
    measured_passes: pd.DataFrame | None = None,
    free: Sequence[str] | None = None,
    name: str = "calibrated",
    learn_correction: bool = False,
    seed: int = 0,
) -> Host:
    """Fit a host to measured migrations.

    ``observed``: a table or the path of one (or of several files, tables of passes among them), one row a
    migration: scenario columns by parameter names, ``measured_total_s`` and, where
    known, ``measured_stream_gib`` and ``measured_blackout_s``; ``method`` and ``workload`` tell kinds apart
    (``observations.lab.read_migrations`` returns such a table). Migrations that never ended are left out.
    A table without ``working_set_gib`` gets one share of the guest's content for each workload.
    ``measured_passes``: ``migration``, ``pass_number`` and ``dirtied_pages`` (``read_passes`` returns
    them); what each pass left dirty is then fitted too.
    ``free``: names of quantities to fit; by default all :mod:`.candidates` that the data speak of.

    Raises UserError where there is nothing to fit to, or for an unknown name in ``free``.
    """
    if not isinstance(observed, pd.DataFrame):
        observed, measured_passes = read_observed(observed)
    table = _usable(observed)
    fitted = chosen(table, free)
    if not fitted:
        raise UserError("no quantity can be fitted: too few migrations speak of any of them")
    fit = _Fit(table, fitted, measured_passes)
    found = fit.run()
    draws = fit.bootstrap(found, np.random.default_rng(seed))
    host = _host(name, fit, found, draws)
    host = replace(host, scatter=scatter(table, host), migrations=len(table))
    return with_correction(host, table, seed) if learn_correction else host


def with_correction(host: Host, table: pd.DataFrame, seed: int = 0) -> Host:
    """The host with a second stage learnt on what the first leaves."""
    table = _usable(table)
    predicted = predict(unmeasured(table), host, draws=PREDICTED_DRAWS)
    measured = {"total_s": table.measured_total_s}
    if "measured_blackout_s" in table:
        measured["blackout_s"] = table.measured_blackout_s
    label = next((c for c in ("workload", "method") if c in table), "")
    learnt = correction.learn(host.apply(table), predicted, measured, label, seed)
    return replace(host, correction=learnt)


def scatter(table: pd.DataFrame, host: Host) -> dict[str, Any]:
    """How much migrations scatter around the calibrated model.

    ``extra_resident_mib`` [MiB] from the bytes of migrations without compression; ``time`` (log of total time
    for the bytes really sent) and ``blackout_s`` [s] by the ceiling that binds. Each is the normal scatter
    whose 90 % interval holds 90 % of the residuals, so heavy tails widen it.
    """
    fitted = predict(unmeasured(table), host, draws=PREDICTED_DRAWS)
    total = _log_time(table, fitted)
    volume = _log_stream(table, fitted)
    known = np.isfinite(volume)
    plain = known & (table.transport != "compression").to_numpy()
    found: dict[str, Any] = {}
    if plain.sum() >= FEWEST:
        mib = volume[plain] * fitted.stream_gib.clip(upper=VERY_LONG_S).to_numpy()[plain] * 1024
        content = np.maximum((table.memory_gib * table.resident_share).to_numpy()[plain], 1e-3)
        often = np.maximum(fitted.memory_sent_gib.clip(upper=VERY_LONG_S).to_numpy()[plain] / content, 1)
        found["extra_resident_mib"] = _normal_scatter(mib / often)
    ceiling = bound_by(host.apply(table)).to_numpy()
    found["time"] = _scatter_by(ceiling, np.where(known, total - np.where(known, volume, 0), total))
    if "measured_blackout_s" in table:
        found["blackout_s"] = _scatter_by(ceiling, (table.measured_blackout_s - fitted.blackout_s).to_numpy())
    return found


def _scatter_by(kind: np.ndarray, residual: np.ndarray) -> dict[str, float]:
    """Scatter of each kind; a kind with too few residuals has that of all."""
    finite = np.isfinite(residual)
    if not finite.any():
        return {}
    every = _normal_scatter(residual[finite])
    own = {str(k): residual[finite & (kind == k)] for k in np.unique(kind)}
    return {k: _normal_scatter(v) if len(v) >= FEWEST_OF_A_KIND else every for k, v in own.items()}


def _normal_scatter(residual: np.ndarray) -> float:
    """The normal scatter whose 90 % interval holds 90 % of the residuals."""
    return float(np.quantile(np.abs(residual), 0.9) / 1.645)


_LOOKED_AT = (
    *("transport", "stream_limit_gbps", "dirty_pages_per_s", "resident_share", "memory_gib"),
    *("bandwidth_gbps", "write_pattern", "hot_page_share", "zipf_exponent"),
)


def _usable(observed: pd.DataFrame) -> pd.DataFrame:
    """Completed migrations with a time, and the defaults that a fit looks at."""
    if "measured_total_s" not in observed:
        raise UserError("there is nothing to calibrate to: the table has no column measured_total_s")
    table = observed.copy()
    if "measured_verdict" in table:
        table = table[table.measured_verdict != "never"]
    timed: pd.Series[bool] = np.isfinite(table.measured_total_s) & (table.measured_total_s > 0)
    table = table[timed].reset_index(drop=True)
    if len(table) < FEWEST:
        raise UserError(
            f"{len(table)} completed migrations are too few to calibrate to; {FEWEST} is the least"
        )
    for name in _LOOKED_AT:
        if name not in table:
            table[name] = PARAMETERS[name].default
    if "working_set_gib" not in table:
        table["working_set_gib"] = table.memory_gib * table.resident_share
        table["workload"] = table.get("workload", "all")
    return table


def _log_time(table: pd.DataFrame, fitted: pd.DataFrame) -> np.ndarray:
    """Log of measured over fitted total time; a migration that the model calls endless took very long."""
    ratio: NDArray[np.float64] = (
        table.measured_total_s.to_numpy() / fitted.total_s.clip(upper=VERY_LONG_S).to_numpy()
    )
    return np.log(ratio)


def _log_stream(table: pd.DataFrame, fitted: pd.DataFrame) -> np.ndarray:
    """Log of measured over fitted bytes; NaN where bytes were not measured."""
    if "measured_stream_gib" not in table:
        return np.full(len(table), np.nan)
    ratio: NDArray[np.float64] = (
        table.measured_stream_gib.to_numpy() / as_counted(fitted, table).clip(1e-9, 1e9).to_numpy()
    )
    return np.log(ratio)


Parts = dict[str, tuple[np.ndarray, np.ndarray]]
"""Residuals and the migration of each, by part."""


class _Fit:
    """One calibration: the table, what is free, and the residuals as a function of log values.

    Residuals come in parts (time, bytes, downtime, dirty pages of passes); ``owner`` says of which
    migration each is, so that a bootstrap can draw whole migrations.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        chosen: list[tuple[Candidate, str]],
        measured_passes: pd.DataFrame | None = None,
    ):
        self.table, self.chosen = table, chosen
        self.kind = table["method"].to_numpy() if "method" in table else np.full(len(table), "")
        self.scales = {(part, kind): size for part, size in TYPICAL.items() for kind in set(self.kind)}
        self.start = np.log([self._first(c, k) for c, k in chosen])
        low, high = np.log([[c.low for c, _ in chosen], [c.high for c, _ in chosen]])
        self.bounds = (low, high)
        self.prior = np.array([PRIOR if c.scale else 10 * PRIOR for c, _ in chosen])
        self.passes = _pass_targets(table, measured_passes)
        self.known: dict[bytes, Parts] = {}

    def _first(self, candidate: Candidate, kind: str) -> float:
        if candidate.scale:
            return 1.0
        rows = candidate.about(self.table)
        if kind:
            rows &= self.table[candidate.label] == kind
        given = self.table.loc[rows, candidate.name].median() if candidate.name in self.table else np.nan
        default = max(PARAMETERS[candidate.name].default, candidate.first)
        return float(
            np.clip(
                given if given > 0 else max(default, candidate.low),
                candidate.low * 1.01,
                candidate.high / 1.01,
            )
        )

    def parts(self, x: np.ndarray) -> Parts:
        """Unscaled residuals and the migration of each, by part; times are averaged over passes' phases."""
        return self._parts_of([x])[0]

    def _parts_of(self, points: Iterable[np.ndarray]) -> list[Parts]:
        """The same for several points, the latest of which are remembered.

        What is not known yet is computed as one table, a stretch of :data:`AT_ONCE` rows at a time: a point's
        own table is so small that handling it would cost more than its passes.
        """
        points = list(points)
        new = {x.tobytes(): x for x in points if x.tobytes() not in self.known}
        step = max(1, AT_ONCE // (len(self.table) * len(PHASES)))
        for first in range(0, len(new), step):
            some = dict(list(new.items())[first : first + step])
            self.known.update(zip(some, self._computed(np.array(list(some.values()))), strict=True))
        found = [self.known[x.tobytes()] for x in points]
        for old in list(self.known)[:-REMEMBERED]:
            del self.known[old]
        return found

    def _computed(self, points: np.ndarray) -> list[Parts]:
        """Parts of each of the points, a row each."""
        rows, count = len(self.table), len(points)
        table = self.table.loc[np.tile(self.table.index, count)].reset_index(drop=True)
        known = parameters_in(self._on_hosts(table, points))
        fitted, every = self._averaged(known), np.arange(rows)
        found = {"total": (_log_time(table, fitted), every)}
        if "measured_stream_gib" in table:
            found["stream"] = (_log_stream(table, fitted), every)
        if "measured_blackout_s" in table:
            paused = table.measured_blackout_s.to_numpy() - fitted.blackout_s.to_numpy()
            found["blackout"] = (paused, every)
        if self.passes is not None:
            found["pass"] = (self._log_passes(known, count), self.passes.owner.to_numpy())
        clean = {
            part: np.nan_to_num(values, nan=0.0, posinf=3.0, neginf=-3.0).reshape(count, -1)
            for part, (values, _) in found.items()
        }
        return [{part: (clean[part][k], owner) for part, (_, owner) in found.items()} for k in range(count)]

    def _on_hosts(self, table: pd.DataFrame, points: np.ndarray) -> pd.DataFrame:
        """The table's rows on the host of each point."""
        columns = np.repeat(np.exp(points), len(self.table), axis=0).T
        valued = [
            (c, (Estimate(c.name, np.nan, np.nan, np.nan, c.label, kind), values))
            for (c, kind), values in zip(self.chosen, columns, strict=True)
        ]
        return on_values(table, [v for c, v in valued if not c.scale], [v for c, v in valued if c.scale])

    def _averaged(self, known: pd.DataFrame) -> pd.DataFrame:
        columns = {name: column.repeat(len(PHASES)) for name, column in filled(known).items()}
        own = columns["extra_resident_mib"]
        columns["extra_resident_mib"] = np.maximum(own + np.tile(PHASES, len(known)), 0)
        # Made as a small table's are: a fit must not depend on what a program has loaded before.
        outcomes = evaluate(columns, engine.way_for(1))
        fitted = {name: outcomes[name] for name in ("total_s", "blackout_s", "stream_gib", "memory_sent_gib")}
        return pd.DataFrame({n: v.reshape(-1, len(PHASES)).mean(axis=1) for n, v in fitted.items()})

    def _log_passes(self, known: pd.DataFrame, count: int) -> np.ndarray:
        """Log of measured over fitted dirty pages; NaN for passes that the fit does not make."""
        assert self.passes is not None
        fitted = passes(known).rename(columns={"scenario": "owner", "dirtied_pages": "fitted_pages"})
        wanted = self.passes.loc[np.tile(self.passes.index, count)].reset_index(drop=True)
        wanted["owner"] += np.repeat(np.arange(count) * len(self.table), len(self.passes))
        both = wanted.merge(fitted[["owner", "pass_number", "fitted_pages"]], how="left")
        ratio: pd.Series[float] = (both.dirtied_pages + FEW_PAGES) / (both.fitted_pages + FEW_PAGES)
        return np.log(ratio.to_numpy())

    def residuals(self, x: np.ndarray) -> np.ndarray:
        """Residuals in units of their scatter, part after part, and last the prior's."""
        return self._residuals_of([x])[0]

    def _residuals_of(self, points: Iterable[np.ndarray]) -> list[np.ndarray]:
        """The same for several points."""
        points = list(points)
        units = {
            part: np.array([self.scales[part, kind] for kind in self.kind[owner]])
            for part, (_, owner) in self.parts(points[0]).items()
        }
        return [
            np.concatenate(
                [*(v / units[part] for part, (v, _) in parts.items()), (x - self.start) / self.prior]
            )
            for x, parts in zip(points, self._parts_of(points), strict=True)
        ]

    def run(self) -> np.ndarray:
        """Fit, measure each kind's scatter, fit again with it, and polish: the log values."""
        x = self.start

        def side_by_side(_: Any, points: Iterable[np.ndarray]) -> list[np.ndarray]:
            """Residuals at the points of a slope: SciPy gives them to what it takes for a pool of workers."""
            return self._residuals_of(points)

        how: dict[str, Any] = {"loss": "soft_l1", "diff_step": 0.02, "max_nfev": MOST_STEPS, "x_scale": 0.1}
        how["workers"] = side_by_side
        for _ in range(2):
            x = optimize.least_squares(self.residuals, x, bounds=self.bounds, **how).x
            self._rescale(x)
        for _ in range(POLISHING):
            x = self._better(x, x - self._step(self._jacobian(x), self.residuals(x)))
        return x

    def _better(self, x: np.ndarray, tried: np.ndarray) -> np.ndarray:
        tried = np.clip(tried, *self.bounds)
        return tried if self._cost(tried) < self._cost(x) else x

    def _cost(self, x: np.ndarray) -> float:
        return float(np.sum(np.sqrt(1 + self.residuals(x) ** 2) - 1))

    def _step(
        self, jacobian: np.ndarray, residual: np.ndarray, times: np.ndarray | float = 1.0
    ) -> np.ndarray:
        """A Gauss-Newton step, outliers counting little; ``times``: how often each residual counts."""
        weight = times / np.sqrt(1 + residual**2)
        normal = (jacobian * np.broadcast_to(weight, residual.shape)[:, None]).T @ jacobian
        return np.linalg.solve(normal, jacobian.T @ (weight * residual))

    def _rescale(self, x: np.ndarray) -> None:
        for part, (values, owner) in self.parts(x).items():
            for kind in set(self.kind[owner]):
                own = np.abs(values[self.kind[owner] == kind])
                self.scales[part, kind] = max(1.4826 * float(np.median(own)), TYPICAL[part] / 5)

    def bootstrap(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draws of the log values: migrations resampled, one Gauss-Newton step from the optimum for each.

        The prior is drawn too, so that what only it rules has its width. Steps count from that of all
        migrations, so the draws lie around the optimum.
        """
        owner = np.concatenate([owner for _, owner in self.parts(x).values()])
        residual, jacobian = self.residuals(x), self._jacobian(x)
        start = self._step(jacobian, residual)
        count, free = len(self.table), len(x)
        draws = np.empty((BOOTSTRAPS, free))
        for i in range(BOOTSTRAPS):
            times = rng.multinomial(count, np.full(count, 1 / count))
            drawn = residual + np.concatenate([np.zeros(len(owner)), rng.normal(0, 1, free)])
            step = self._step(jacobian, drawn, np.concatenate([times[owner], np.ones(free)]))
            draws[i] = x - (step - start)
        return draws

    def _jacobian(self, x: np.ndarray, step: float = 0.02) -> np.ndarray:
        """Central differences, wide enough to see past the steps that the ends of passes make."""
        moves = step * np.eye(len(x))
        up, down = np.split(np.array(self._residuals_of([*(x + moves), *(x - moves)])), 2)
        slopes: np.ndarray = ((up - down) / (2 * step)).T
        return slopes


def _pass_targets(table: pd.DataFrame, measured: pd.DataFrame | None) -> pd.DataFrame | None:
    """Measured passes of the table's migrations with the row of each; None where there are none."""
    if measured is None or "migration" not in table:
        return None
    rows = pd.DataFrame({"migration": table.migration, "owner": np.arange(len(table))})
    found = measured[measured.dirtied_pages > 0].merge(rows, on="migration")
    return found[["owner", "pass_number", "dirtied_pages"]] if len(found) else None


def _host(name: str, fit: _Fit, x: np.ndarray, draws: np.ndarray) -> Host:
    low, high = np.exp(np.clip(np.quantile(draws, [0.05, 0.95], axis=0), *fit.bounds))
    values = np.exp(x)
    estimates = [
        (c, Estimate(c.name, float(v), float(min(a, v)), float(max(b, v)), c.label if kind else "", kind))
        for (c, kind), v, a, b in zip(fit.chosen, values, low, high, strict=True)
    ]
    names = [f"{c.name} ({kind})" if kind else c.name for c, kind in fit.chosen]
    return Host(
        name=name,
        parameters=tuple(e for c, e in estimates if not c.scale),
        scales=tuple(e for c, e in estimates if c.scale),
        cannot_tell_apart=_alike(names, draws),
    )


def _alike(names: list[str], draws: np.ndarray) -> tuple[tuple[str, str], ...]:
    """Pairs of quantities whose draws move together: only their combination is known."""
    moved = draws.std(axis=0) > 1e-9
    together = np.zeros((len(names), len(names)))
    if moved.sum() > 1:
        together[np.ix_(moved, moved)] = np.corrcoef(draws[:, moved].T)
    pairs = np.argwhere(np.triu(np.abs(together) > ALIKE, 1))
    return tuple((names[i], names[j]) for i, j in pairs)
