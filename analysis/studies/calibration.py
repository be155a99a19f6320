"""Fit a host to its own measured migrations: parameters with intervals, scatter, and what cannot be told.

First stage: a handful of parameters of the mechanism (:data:`CANDIDATES`), by robust least squares on the
logarithms of total time and bytes sent and on the downtime. Each kind of migration is weighed by its own
scatter, and a migration far off the others (disturbed by other load) counts little. Intervals are a bootstrap
over migrations, linearised at the optimum. Second stage, on request: ``studies.correction``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import optimize

from ..errors import UserError
from ..model.migration import migrate
from ..parameters import PARAMETERS, nearest
from . import correction
from .hosts import Estimate, Host
from .prediction import as_counted, bound_by, predict

BOOTSTRAPS = 400
PHASES = np.array([-6.0, -3.6, -1.8, -0.6, 0.6, 1.8, 3.6, 6.0])
"""MiB of memory by which a scenario is varied in a fit, so that where a pass happens to end cancels out."""
TYPICAL = {"total": 0.02, "stream": 0.02, "blackout": 0.03}
"""Scatter with which a fit begins: log of total time, log of bytes, downtime [s]."""
ALIKE = 0.95
"""Estimates whose draws correlate beyond this cannot be told apart."""


@dataclass(frozen=True)
class Candidate:
    """A quantity that a calibration may fit: a parameter's value, or (``scale``) a factor on it.

    ``label``: a column by whose values the quantity differs. ``about``: the rows that say something of it.
    """

    name: str
    low: float
    high: float
    about: Callable[[pd.DataFrame], pd.Series]
    scale: bool = False
    label: str = ""


def _all(table: pd.DataFrame) -> pd.Series:
    return pd.Series(True, index=table.index)


CANDIDATES = (
    Candidate("extra_resident_mib", 1.0, 1e5, lambda t: t.transport != "compression"),
    Candidate("bandwidth_gbps", 0.3, 1.1, lambda t: t.transport != "compression", scale=True),
    Candidate("stream_limit_gbps", 0.05, 400.0, lambda t: t.bandwidth_gbps > 0.5 * t.stream_limit_gbps),
    Candidate("dirty_pages_per_s", 0.2, 5.0, lambda t: t.dirty_pages_per_s > 0, scale=True),
    Candidate("handoff_ms", 0.1, 1e5, _all),
    Candidate(
        "compress_gib_per_s_per_core",
        0.01,
        100.0,
        lambda t: t.transport == "compression",
        scale=True,
        label="method",
    ),
    Candidate("working_set_gib", 0.005, 1.0, lambda t: t.dirty_pages_per_s > 0, scale=True, label="workload"),
)
PREDICTED_DRAWS = 32
FEWEST_OF_A_KIND = 8
FEWEST = 3
"""Migrations that must speak of a quantity before it is fitted."""


def calibrate(
    observed: pd.DataFrame,
    *,
    free: Sequence[str] | None = None,
    name: str = "calibrated",
    learn_correction: bool = False,
    seed: int = 0,
) -> Host:
    """Fit a host to measured migrations.

    ``observed``: one row a migration: scenario columns by parameter names, ``measured_total_s`` and, where
    known, ``measured_stream_gib`` and ``measured_blackout_s``; ``method`` and ``workload`` tell kinds apart
    (``observations.lab.read_migrations`` returns such a table). Migrations that never ended are left out.
    A table without ``working_set_gib`` gets one share of the guest's content for each workload.
    ``free``: names of quantities to fit; by default all of :data:`CANDIDATES` that the data speak of.

    Raises UserError where there is nothing to fit to, or for an unknown name in ``free``.
    """
    table = _usable(observed)
    chosen = _chosen(table, free)
    if not chosen:
        raise UserError("no quantity can be fitted: too few migrations speak of any of them")
    fit = _Fit(table, chosen)
    found = fit.run()
    draws = fit.bootstrap(found, np.random.default_rng(seed))
    host = _host(name, fit, found.x, draws)
    host = replace(host, scatter=scatter(table, host), migrations=len(table))
    return with_correction(host, table, seed) if learn_correction else host


def with_correction(host: Host, table: pd.DataFrame, seed: int = 0) -> Host:
    """The host with a second stage learnt on what the first leaves."""
    table = _usable(table)
    predicted = predict(_inputs(table), host, draws=PREDICTED_DRAWS)
    measured = {"total_s": table.measured_total_s}
    if "measured_blackout_s" in table:
        measured["blackout_s"] = table.measured_blackout_s
    label = next((c for c in ("workload", "method") if c in table), "")
    learnt = correction.learn(host.apply(table), predicted, measured, label, seed)
    return replace(host, correction=learnt)


def scatter(table: pd.DataFrame, host: Host) -> dict:
    """How much migrations scatter around the calibrated model.

    ``extra_resident_mib`` [MiB] from the bytes of migrations without compression; ``time`` (log of total time
    for the bytes really sent) and ``blackout_s`` [s] by the ceiling that binds. Each is the normal scatter
    whose 90 % interval holds 90 % of the residuals, so heavy tails widen it.
    """
    fitted = predict(_inputs(table), host, draws=PREDICTED_DRAWS)
    total = np.log(table.measured_total_s.to_numpy() / fitted.total_s.to_numpy())
    volume = _log_stream(table, fitted)
    known = np.isfinite(volume)
    plain = known & (table.transport != "compression").to_numpy()
    found: dict = {}
    if plain.sum() >= FEWEST:
        mib = volume[plain] * fitted.stream_gib.to_numpy()[plain] * 1024
        again = (
            fitted.memory_sent_gib.to_numpy()[plain]
            / (table.memory_gib * table.resident_share).to_numpy()[plain]
        )
        found["extra_resident_mib"] = _normal_scatter(mib / np.maximum(again, 1))
    ceiling = bound_by(host.apply(table)).to_numpy()
    found["time"] = _scatter_by(ceiling, np.where(known, total - np.where(known, volume, 0), total))
    if "measured_blackout_s" in table:
        found["blackout_s"] = _scatter_by(ceiling, (table.measured_blackout_s - fitted.blackout_s).to_numpy())
    return found


def _scatter_by(kind: np.ndarray, residual: np.ndarray) -> dict[str, float]:
    """Scatter of each kind; a kind with too few residuals has that of all."""
    finite = np.isfinite(residual)
    every = _normal_scatter(residual[finite])
    own = {str(k): residual[finite & (kind == k)] for k in np.unique(kind)}
    return {k: _normal_scatter(v) if len(v) >= FEWEST_OF_A_KIND else every for k, v in own.items()}


def _normal_scatter(residual: np.ndarray) -> float:
    """Scatter from the 90th percentile of the sizes, at the rank that holds it for one more migration too."""
    size = np.sort(np.abs(residual))
    rank = min(int(np.ceil(0.9 * (len(size) + 1))), len(size))
    return float(size[rank - 1] / 1.645)


def _usable(observed: pd.DataFrame) -> pd.DataFrame:
    """Completed migrations with a time, and the defaults that a fit looks at."""
    if "measured_total_s" not in observed:
        raise UserError("there is nothing to calibrate to: the table has no column measured_total_s")
    table = observed.copy()
    if "measured_verdict" in table:
        table = table[table.measured_verdict != "never"]
    table = table[np.isfinite(table.measured_total_s) & (table.measured_total_s > 0)].reset_index(drop=True)
    if len(table) < FEWEST:
        raise UserError(
            f"{len(table)} completed migrations are too few to calibrate to; {FEWEST} is the least"
        )
    for name in ("transport", "stream_limit_gbps", "dirty_pages_per_s", "resident_share", "memory_gib"):
        if name not in table:
            table[name] = PARAMETERS[name].default
    if "working_set_gib" not in table:
        table["working_set_gib"] = table.memory_gib * table.resident_share
        table["workload"] = table.get("workload", "all")
    return table


def _chosen(table: pd.DataFrame, free: Sequence[str] | None) -> list[tuple[Candidate, str]]:
    """Candidates to fit, one for each value of their label."""
    known = [c.name for c in CANDIDATES]
    for name in free or ():
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else "it takes " + ", ".join(known)
            raise UserError(f"{name!r} cannot be calibrated; {hint}")
    chosen = []
    for candidate in CANDIDATES:
        if (free is not None and candidate.name not in free) or (
            candidate.label and candidate.label not in table
        ):
            continue
        kinds = (
            sorted(table.loc[candidate.about(table), candidate.label].unique()) if candidate.label else [""]
        )
        for kind in kinds:
            rows = candidate.about(table) & (table[candidate.label] == kind if kind else True)
            if rows.sum() >= FEWEST:
                chosen.append((candidate, kind))
    return chosen


def _inputs(table: pd.DataFrame) -> pd.DataFrame:
    return table[[c for c in table if c in PARAMETERS]]


def _log_stream(table: pd.DataFrame, fitted: pd.DataFrame) -> np.ndarray:
    """Log of measured over fitted bytes; NaN where bytes were not measured."""
    if "measured_stream_gib" not in table:
        return np.full(len(table), np.nan)
    return np.log(table.measured_stream_gib.to_numpy() / as_counted(fitted, table).to_numpy())


class _Fit:
    """One calibration: the table, what is free, and the residuals as a function of log values."""

    def __init__(self, table: pd.DataFrame, chosen: list[tuple[Candidate, str]]):
        self.table, self.chosen = table, chosen
        self.kind = table["method"].to_numpy() if "method" in table else np.full(len(table), "")
        self.scales = {(part, kind): size for part, size in TYPICAL.items() for kind in set(self.kind)}
        self.start = np.log([self._first(c, k) for c, k in chosen])
        self.bounds = np.log([[c.low for c, _ in chosen], [c.high for c, _ in chosen]])

    def _first(self, candidate: Candidate, kind: str) -> float:
        if candidate.scale:
            return float(
                np.clip(1.0, candidate.low * 1.01, candidate.high * 0.99 if candidate.high < 1.05 else 1.0)
            )
        rows = candidate.about(self.table)
        if kind:
            rows &= self.table[candidate.label] == kind
        given = self.table.loc[rows, candidate.name].median() if candidate.name in self.table else np.nan
        default = PARAMETERS[candidate.name].default
        return float(
            np.clip(
                given if given > 0 else max(default, candidate.low),
                candidate.low * 1.01,
                candidate.high / 1.01,
            )
        )

    def host(self, x: np.ndarray) -> Host:
        estimates = [
            (c, Estimate(c.name, v, v, v, c.label, k))
            for (c, k), v in zip(self.chosen, np.exp(x), strict=True)
        ]
        return Host(
            parameters=tuple(e for c, e in estimates if not c.scale),
            scales=tuple(e for c, e in estimates if c.scale),
        )

    def parts(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Unscaled residuals of every migration, averaged over the phases of its passes."""
        inputs = _inputs(self.host(x).apply(self.table))
        many = inputs.loc[inputs.index.repeat(len(PHASES))].reset_index(drop=True)
        own = many.extra_resident_mib if "extra_resident_mib" in many else 0.0
        many["extra_resident_mib"] = np.maximum(own + np.tile(PHASES, len(inputs)), 0)
        fitted = migrate(many)[["total_s", "blackout_s", "stream_gib", "memory_sent_gib"]]
        fitted = fitted.groupby(np.repeat(np.arange(len(inputs)), len(PHASES))).mean()
        found = {"total": np.log(self.table.measured_total_s.to_numpy() / fitted.total_s.to_numpy())}
        if "measured_stream_gib" in self.table:
            found["stream"] = _log_stream(self.table, fitted)
        if "measured_blackout_s" in self.table:
            found["blackout"] = self.table.measured_blackout_s.to_numpy() - fitted.blackout_s.to_numpy()
        return {
            part: np.nan_to_num(values, nan=0.0, posinf=3.0, neginf=-3.0) for part, values in found.items()
        }

    def residuals(self, x: np.ndarray) -> np.ndarray:
        """Residuals in units of their scatter, part after part."""
        parts = self.parts(x)
        return np.concatenate(
            [v / [self.scales[part, kind] for kind in self.kind] for part, v in parts.items()]
        )

    def run(self) -> optimize.OptimizeResult:
        """Fit, measure each kind's scatter, and fit again with it."""
        x = self.start
        for _ in range(2):
            found = optimize.least_squares(
                self.residuals,
                x,
                bounds=self.bounds,
                loss="soft_l1",
                diff_step=0.02,
                max_nfev=25,
                x_scale=0.1,
            )
            x = found.x
            self._rescale(x)
        return found

    def _rescale(self, x: np.ndarray) -> None:
        for part, values in self.parts(x).items():
            for kind in set(self.kind):
                own = np.abs(values[self.kind == kind])
                self.scales[part, kind] = max(1.4826 * float(np.median(own)), TYPICAL[part] / 5)

    def bootstrap(self, found: optimize.OptimizeResult, rng: np.random.Generator) -> np.ndarray:
        """Draws of the log values: migrations resampled, one Gauss-Newton step from the optimum for each."""
        count = len(self.table)
        parts = len(found.fun) // count
        weight = 1 / np.sqrt(1 + found.fun**2)
        draws = np.empty((BOOTSTRAPS, len(found.x)))
        ridge = 1e-9 * np.eye(len(found.x))
        jacobian = optimize.approx_fprime(found.x, self.residuals, 0.02) if found.jac is None else found.jac
        for i in range(BOOTSTRAPS):
            times = np.tile(rng.multinomial(count, np.full(count, 1 / count)), parts) * weight
            normal = (jacobian * times[:, None]).T @ jacobian + ridge
            draws[i] = found.x - np.linalg.solve(normal, jacobian.T @ (times * found.fun))
        return np.clip(draws, *self.bounds)


def _host(name: str, fit: _Fit, x: np.ndarray, draws: np.ndarray) -> Host:
    low, high = np.exp(np.quantile(draws, [0.05, 0.95], axis=0))
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
