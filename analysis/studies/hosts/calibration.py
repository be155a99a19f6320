"""Fit a host to its own measured migrations: parameters with intervals, scatter, and what cannot be told.

First stage: a handful of parameters of the mechanism (:mod:`.candidates`) by robust least squares
(:mod:`.fitting`); how they are known together comes from a bootstrap over migrations. What is left is laid to
few causes that scatter from one migration to the next (:mod:`.scattering`), and intervals are given the size
that migrations show which a fit without them predicts (:mod:`.conformal`). Second stage, on request:
``studies.hosts.correction``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
from scipy import linalg
from threadpoolctl import threadpool_limits

from analysis.arrays import Bools, Floats
from analysis.errors import UserError
from analysis.model.migration import filled, migrate, parameters_in
from analysis.observations.files import read_observed
from analysis.parameters import PARAMETERS
from analysis.studies.hosts import conformal, correction, decided, fitting, resampling, seen
from analysis.studies.hosts.candidates import FEWEST, chosen
from analysis.studies.hosts.counting import as_counted
from analysis.studies.hosts.drawing import NINETY
from analysis.studies.hosts.fitting import Fit
from analysis.studies.hosts.host import Estimate, Host
from analysis.studies.hosts.prediction import bound_by, predict, unmeasured, writes_over_link
from analysis.studies.hosts.scattering import scatter

BOOTSTRAPS = 400
PREDICTED_DRAWS = 32
PREDICTED_ROWS = 2000
"""Migrations that are predicted so, at the most."""
FOLDS = 5
"""Parts of the migrations that are predicted without them, to give intervals their size."""
ENDLESS = 1e6
"""An error as large says that the prediction has no end."""
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _on_one_thread(function: _Function) -> _Function:
    """A fit's matrices are small: threads that share them wait for each other longer than they work."""
    return cast(_Function, threadpool_limits.wrap(limits=1, user_api="blas")(function))


@_on_one_thread
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
    A table without ``working_set_gib`` gets one share of the guest's content, for each workload it names.
    ``measured_passes``: ``migration``, ``pass_number`` and ``dirtied_pages`` (``read_passes`` returns
    them); what each pass left dirty is then fitted too.
    ``free``: names of quantities to fit; by default all :mod:`.candidates` that the data speak of. What they
    do not decide stays at its default, and ``undecided`` of the host says so.

    Raises UserError where there is nothing to fit to, or for an unknown name in ``free``.
    """
    if not isinstance(observed, pd.DataFrame):
        observed, measured_passes = read_observed(observed)
    table = _usable(observed)
    wanted = chosen(table, free)
    if not wanted:
        raise UserError("no quantity can be fitted: too few migrations speak of any of them")
    fit, x = fitting.fitted(table, wanted, measured_passes, seed)
    host = _host(name, fit, x, np.random.default_rng(seed))
    ceiling = bound_by(host.apply(unmeasured(table))).to_numpy()
    every, repeats = scatter(fit, x, ceiling)
    host = replace(host, scatter=every, repeats=repeats, migrations=len(table), seen=seen.kept(table))
    others = _without_each_part(fit, x, host, seed)
    host = _judged(host, others, table, seed)
    host = replace(host, undecided=tuple(decided.told(observed, fit, x, wanted)))
    return _with_correction(host, others, table, seed) if learn_correction else host


def _with_correction(host: Host, others: Sequence[Part], table: pd.DataFrame, seed: int) -> Host:
    """The host with a second stage learnt on what the first leaves.

    Its intervals get the size that migrations show which neither of the stages behind their prediction saw.
    """
    label = next((c for c in ("workload", "method") if c in table), "")
    every = _taught(host, table, label, seed)
    parts = []
    for without, part in others:
        least = _taught(without, table[~part], label, seed, every)
        parts.append((replace(without, correction=least.stored), part))
    return replace(_judged(host, parts, table, seed), correction=every.stored)


def _taught(
    host: Host, table: pd.DataFrame, label: str, seed: int, like: correction.Taught | None = None
) -> correction.Taught:
    """A correction that has seen a table's migrations."""
    table = table.reset_index(drop=True)
    base = host.apply(unmeasured(table))
    measured = {"total_s": table.measured_total_s}
    if "measured_blackout_s" in table:
        measured["blackout_s"] = table.measured_blackout_s
    return correction.taught(base, migrate(parameters_in(base)), measured, label, seed, like)


_LOOKED_AT = (
    *("transport", "stream_limit_gbps", "dirty_pages_per_s", "memory_gib"),
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
    missing = {n: PARAMETERS[n].default for n in _LOOKED_AT if n not in table}
    return table.assign(**missing)


def _host(name: str, fit: Fit, x: Floats, rng: np.random.Generator) -> Host:
    """Estimates with their intervals, parameters before factors, and how they are known together."""
    draws = resampling.bootstrap(fit, x, BOOTSTRAPS, rng)
    order = sorted(range(len(x)), key=lambda k: fit.free[k][0].scale)
    draws = draws[:, order]
    estimates = [_estimate(fit, x, draws[:, place], k) for place, k in enumerate(order)]
    scaled = [fit.free[k][0].scale for k in order]
    correlation = _correlation(draws)
    others = _of_others(estimates)
    whole = linalg.block_diag(correlation, np.eye(len(others))) if len(x) else np.eye(len(others))
    return Host(
        name=name,
        parameters=tuple(e for e, scale in zip(estimates, scaled, strict=True) if not scale),
        scales=(*(e for e, scale in zip(estimates, scaled, strict=True) if scale), *others),
        correlation=tuple(tuple(float(c) for c in row) for row in whole),
        cannot_tell_apart=_alike(fitting.names([fit.free[k] for k in order]), correlation),
    )


def _of_others(estimates: Sequence[Estimate]) -> list[Estimate]:
    """What is known of a workload that was never met: where those that were met lie, and how far apart."""
    by_name: dict[str, list[Estimate]] = {}
    for estimate in estimates:
        if estimate.label == "workload":
            by_name.setdefault(estimate.name, []).append(estimate)
    return [_another(met) for met in by_name.values() if len(met) >= FEWEST]


def _another(met: Sequence[Estimate]) -> Estimate:
    """An estimate for one more of a kind: logarithms are normal, and so few tell their mean so well."""
    logs = np.log([e.value for e in met])
    wide = NINETY * float(logs.std(ddof=1)) * np.sqrt(1 + 1 / len(logs))
    value, low, high = (float(np.exp(logs.mean() + side * wide)) for side in (0, -1, 1))
    return Estimate(met[0].name, value, low, high, share_of=met[0].share_of)


def _estimate(fit: Fit, x: Floats, draws: Floats, k: int) -> Estimate:
    candidate, kind = fit.free[k]
    low, high = np.exp(np.clip(np.quantile(draws, [0.05, 0.95]), fit.low[k], fit.high[k]))
    value = float(np.exp(x[k]))
    own_content = candidate.name in ("working_set_gib", "resident_share") and candidate.name not in fit.table
    return Estimate(
        *(candidate.name, value, float(min(low, value)), float(max(high, value))),
        *(candidate.label if kind else "", kind, "content" if own_content else ""),
    )


def _correlation(draws: Floats) -> Floats:
    """Of the draws' columns; one that does not move goes with none."""
    found = np.eye(draws.shape[1])
    moved = draws.std(axis=0) > 1e-9 if draws.size else np.zeros(0, bool)
    if moved.sum() > 1:
        found[np.ix_(moved, moved)] = np.corrcoef(draws[:, moved].T)
    return found


def _alike(names: list[str], correlation: Floats) -> tuple[tuple[str, str], ...]:
    """Pairs of quantities whose draws move together: only their combination is known."""
    pairs = np.argwhere(np.triu(np.abs(correlation) > fitting.TIED, 1))
    return tuple((names[i], names[j]) for i, j in pairs)


Part = tuple[Host, Bools]
"""A host that was fitted without a part of the migrations, and which these are."""


def _without_each_part(fit: Fit, x: Floats, host: Host, seed: int) -> list[Part]:
    """The host as it would be without each fifth of the migrations; none where there are too few of them."""
    if len(fit.table) < conformal.FEWEST:
        return []
    folds = resampling.folds(fit.table, FOLDS, seed)
    return [
        (_at(host, fit, values), folds == fold) for fold, values in resampling.without(fit, x, folds).items()
    ]


def _judged(host: Host, others: Sequence[Part], table: pd.DataFrame, seed: int) -> Host:
    """The host with what hosts without a part of the migrations get wrong of it, and intervals to match."""
    if not others:
        return host
    some = np.random.default_rng(seed + 1).permutation(len(table)) < PREDICTED_ROWS
    parts = [
        predict(unmeasured(table[part & some]), replace(without, widths={}), draws=PREDICTED_DRAWS)
        for without, part in others
    ]
    judged = table[some]
    found = pd.concat(parts).loc[judged.index]
    return replace(host, widths=_learnt(found, judged, host), held_out=_errors(found, judged))


def _errors(found: pd.DataFrame, table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Median and 90th percentile of the errors of some rows: relative ones of time, seconds of the pause."""
    off = {"total_s": found.total_s / table.measured_total_s - 1}
    if "measured_blackout_s" in table:
        off["blackout_s"] = found.blackout_s - table.measured_blackout_s
    errors = {name: error.abs().clip(upper=ENDLESS).dropna() for name, error in off.items()}
    return {
        name: {"rows": len(error), "median": float(error.median()), "p90": float(error.quantile(0.9))}
        for name, error in errors.items()
        if len(error) and error.quantile(0.9) < ENDLESS
    }


def _learnt(found: pd.DataFrame, table: pd.DataFrame, host: Host) -> dict[str, Any]:
    """Widths from predictions of a table's migrations that these had no part in."""
    counted = found.assign(**{n: as_counted(_pair(found, n), table) for n in map(str, found) if _streams(n)})
    measured = pd.DataFrame({n: table[column] for n, column in fitting.MEASURED.items() if column in table})
    base = host.apply(unmeasured(table))
    ratio = writes_over_link(filled(parameters_in(base)))
    return conformal.learnt(counted, measured.astype(float), ratio)


def _streams(name: str) -> bool:
    return name.startswith("stream_gib")


def _pair(found: pd.DataFrame, name: str) -> pd.DataFrame:
    """Bytes at one end of their interval, both ways in which they are counted."""
    return pd.DataFrame(
        {"stream_gib": found[name], "memory_sent_gib": found[name.replace("stream_gib", "memory_sent_gib")]}
    )


def _at(host: Host, fit: Fit, x: Floats) -> Host:
    """The host at other log values, its intervals as wide as they are."""
    values = {(c.name, kind): float(np.exp(v)) for (c, kind), v in zip(fit.free, x, strict=True)}

    def moved(e: Estimate) -> Estimate:
        factor = values.get((e.name, e.of), e.value) / e.value
        return replace(e, value=e.value * factor, low=e.low * factor, high=e.high * factor)

    return replace(
        host,
        parameters=tuple(moved(e) for e in host.parameters),
        scales=tuple(moved(e) for e in host.scales),
    )
