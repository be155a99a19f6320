"""How a fit would have come out on other migrations: a bootstrap over them, and fits without some of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.model.migration import parameters_in
from analysis.studies.hosts import fitting
from analysis.studies.hosts.fitting import Fit

ALIKE = 0.02
"""Two numbers of a configuration that differ by less are the same."""
REFITTED = 3
"""Steps of a fit to some of the rows, which begins where the fit to all ended."""


def bootstrap(fit: Fit, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Draws of the log values: migrations resampled, one Gauss-Newton step from the optimum for each.

    The prior is drawn too, so that what only it rules has its width. Steps count from that of all migrations,
    so the draws lie around the optimum. A fit lies too near to the rows it was made of, by their leverage (in
    the mean free / count): so draws are as much wider (MacKinnon and White 1985, HC3).
    """
    slopes, residual, owner = fit.jacobian(x)
    count, free = len(fit.table), len(x)
    wider = count / max(count - free, 1)
    start = _step(slopes, residual, np.ones(len(residual)), fit, x, np.zeros(free))
    found = np.empty((draws, free))
    for i in range(draws):
        times = rng.multinomial(count, np.full(count, 1 / count))[owner]
        found[i] = wider * (_step(slopes, residual, times, fit, x, rng.normal(0, 1, free)) - start)
    return x - found


def _step(slopes: Floats, residual: Floats, times: Floats, fit: Fit, x: Floats, drawn: Floats) -> Floats:
    """A Gauss-Newton step from residuals that count so many times, far ones little."""
    weight = times / np.sqrt(1 + residual**2)
    whole = (slopes * weight[:, None]).T @ slopes + np.diag(fit.prior**-2)
    pull = (x - fit.start) / fit.prior**2 + drawn / fit.prior
    step: Floats = np.linalg.solve(whole, slopes.T @ (weight * residual) + pull)
    return step


def configurations(table: pd.DataFrame) -> np.ndarray:
    """A number for each migration, the same for those that agree in all that is known of them.

    Numbers agree that are the same to :data:`ALIKE`: a machine's writes are counted anew before each of its
    migrations, and never come out the same.
    """
    told = [*parameters_in(table), *(name for name in ("workload", "method") if name in table)]
    places = np.stack([pd.factorize(_place(table[name]))[0] for name in told])
    _, first, number = np.unique(places, axis=1, return_index=True, return_inverse=True)
    # As they come in the table, so that the number of one does not hang on what is alike in others.
    in_order: np.ndarray = first.argsort().argsort()[number.ravel()]
    return in_order


def _place(column: pd.Series) -> np.ndarray:
    """Numbers as steps of :data:`ALIKE` of a logarithm, 0 far from all others; words as they are."""
    if not pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(object)
    number = column.to_numpy(float)
    place: np.ndarray = np.round(np.log(np.abs(number).clip(1e-12)) / ALIKE) * np.sign(number)
    return place


def folds(table: pd.DataFrame, count: int, seed: int) -> np.ndarray:
    """The part of each migration, of ``count``: repeats of a configuration are in one.

    A repeat would tell of its own; only where there are too few configurations they are parted.
    """
    rng, of = np.random.default_rng(seed), configurations(table)
    kinds = int(of.max()) + 1
    if kinds < 2 * count:
        return rng.permutation(len(table)) % count
    part: np.ndarray = (rng.permutation(kinds) % count)[of]
    return part


def without(fit: Fit, x: Floats, folds: np.ndarray) -> dict[Any, Floats]:
    """Log values without the migrations of each fold.

    Fitted anew from the optimum; of a long table, where that matters little, one step as of a bootstrap.
    """
    order = dict.fromkeys(folds.tolist())
    if len(fit.table) <= fitting.SEARCHED_ON:
        return {fold: _again(fit, folds != fold).improved(x, REFITTED) for fold in order}
    slopes, residual, owner = fit.jacobian(x)
    none = np.zeros(len(x))
    start = _step(slopes, residual, np.ones(len(residual)), fit, x, none)
    return {
        fold: x - (_step(slopes, residual, (folds[owner] != fold).astype(float), fit, x, none) - start)
        for fold in order
    }


def _again(fit: Fit, rows: np.ndarray) -> Fit:
    """The same fit to some of its rows."""
    some = Fit(fit.table[rows].reset_index(drop=True), fit.free, fit.measured, fit.phases)
    some.scales = fit.scales
    return some
