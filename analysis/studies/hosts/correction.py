r"""A small learned correction on top of the mechanism: zero where there are no data.

What the calibrated model still gets wrong on a host, as a smooth function of a few dimensionless inputs:
a Gaussian process on the logarithm of measured over predicted, with zero mean. Far from every
migration it was trained on, its factor is 1. It is stored as at most :data:`CENTRES` centres with a weight
each, so a host file with a correction is still a text that can be read.

With inputs x, centres c, length scales l and the kernel

.. math:: k(x, c) = s^2 \exp(-\tfrac12 \sum_j (x_j - c_j)^2 / l_j^2) \cdot \rho^{[label\ differs]}

the factor is :math:`\exp \sum_c w_c k(x, c)` with
:math:`w = (\sigma^2 K_{cc} + K_{cn} K_{nc})^{-1} K_{cn} y` (subset of regressors).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, optimize
from scipy.spatial.distance import cdist

from analysis.model.migration import content_pages, filled, parameters_in, rates
from analysis.model.units import PAGES_PER_GIB
from analysis.studies.hosts.host import Host

CENTRES = 300
TUNED_ON = 400
"""Migrations on which the length scales are tuned (the likelihood costs the cube of their number)."""
FEATURES = ("dirty_over_rate", "content", "rate", "working_set", "target")
FLOOR_S = 0.002
"""Added to both durations before their ratio is taken: shorter than this is noise of the clock."""


def features(scenarios: pd.DataFrame) -> pd.DataFrame:
    """Logarithms of what the recurrence depends on: dirty over send rate, content, rate, writes, target."""
    p = filled(parameters_in(scenarios))
    rate = np.minimum(rates(p).pages_per_s, 1e12)
    content = np.maximum(content_pages(p), 1.0)
    columns = {
        "dirty_over_rate": np.log(p["dirty_pages_per_s"] / rate + 1e-3),
        "content": np.log(content),
        "rate": np.log(rate),
        "working_set": np.log(p["working_set_gib"] * PAGES_PER_GIB / content + 1e-3),
        "target": np.log(np.nan_to_num(p["blackout_target_ms"], nan=300.0) + 1.0),
    }
    return pd.DataFrame(columns, index=scenarios.index)


def learn(
    scenarios: pd.DataFrame,
    predicted: pd.DataFrame,
    measured: dict[str, pd.Series],
    label: str = "",
    seed: int = 0,
) -> dict[str, Any]:
    """Learn a correction: one Gaussian process for each outcome in ``measured``.

    ``label`` names a column of ``scenarios`` that says what kind of workload a row is. Returns what a
    host file stores under ``correction``. Ratios beyond four robust standard deviations are drawn in.
    """
    x = features(scenarios)
    centre, spread = x.mean(), x.std().replace(0, 1.0).fillna(1.0)
    inputs = ((x - centre) / spread).to_numpy()
    labels = _labels(scenarios, label)
    rng = np.random.default_rng(seed)
    outcomes = {
        name: _learn_one(inputs, labels, _log_ratio(predicted[name], values), rng)
        for name, values in measured.items()
    }
    return {"label": label, "centre": centre.to_dict(), "spread": spread.to_dict(), "outcomes": outcomes}


def corrections(host: Host, scenarios: pd.DataFrame) -> pd.DataFrame:
    """Factor for each outcome of the host's correction, one row a scenario; 1 far from all data.

    ``scenarios`` are those on the host (``host.apply``): what the first stage computes with.
    """
    stored = host.correction or {"outcomes": {}}
    if not stored["outcomes"]:
        return pd.DataFrame(index=scenarios.index)
    x = features(scenarios)
    inputs = ((x - pd.Series(stored["centre"])) / pd.Series(stored["spread"]))[list(FEATURES)].to_numpy()
    labels = _labels(scenarios, stored["label"])
    factors = {name: np.exp(_mean(inputs, labels, one)) for name, one in stored["outcomes"].items()}
    return pd.DataFrame(factors, index=scenarios.index)


def _labels(scenarios: pd.DataFrame, label: str) -> np.ndarray:
    return scenarios[label].astype(str).to_numpy() if label in scenarios else np.full(len(scenarios), "")


def _log_ratio(predicted: pd.Series, measured: pd.Series) -> np.ndarray:
    """Logarithm of measured over predicted, with outliers drawn in."""
    y = np.log((measured.to_numpy(float) + FLOOR_S) / (predicted.to_numpy(float) + FLOOR_S))
    usable = np.where(np.isfinite(y), y, 0.0)
    middle = np.median(usable)
    robust = 1.4826 * np.median(np.abs(usable - middle)) + 1e-6
    return np.clip(usable, middle - 4 * robust, middle + 4 * robust)


def _learn_one(
    inputs: np.ndarray, labels: np.ndarray, y: np.ndarray, rng: np.random.Generator
) -> dict[str, Any]:
    some = rng.permutation(len(y))[:TUNED_ON]
    hyper = _tune(inputs[some], labels[some], y[some])
    chosen = np.sort(rng.permutation(len(y))[:CENTRES])
    own = _kernel(inputs[chosen], labels[chosen], inputs[chosen], labels[chosen], hyper)
    cross = _kernel(inputs[chosen], labels[chosen], inputs, labels, hyper)
    system = hyper["noise"] ** 2 * own + cross @ cross.T
    system[np.diag_indices_from(system)] += 1e-9 * np.trace(system) / len(system)
    weights = linalg.solve(system, cross @ y, assume_a="pos")
    points = [[float(f"{v:.5g}") for v in row] for row in inputs[chosen]]
    return hyper | {
        "points": points,
        "labels": labels[chosen].tolist(),
        "weights": [float(f"{w:.6g}") for w in weights],
    }


def _tune(x: np.ndarray, labels: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Length scales, size, noise and the share kept between labels, by marginal likelihood."""
    size = max(float(y.std()), 1e-4)
    start = np.concatenate([np.zeros(x.shape[1]), [np.log(size), np.log(size / 2), 0.0]])
    bounds = [(-1.5, 3.0)] * x.shape[1] + [(np.log(size) - 4, np.log(size) + 1.5)] * 2 + [(-4.0, 4.0)]

    def cost(theta: np.ndarray) -> float:
        hyper = _hyper(theta)
        k = _kernel(x, labels, x, labels, hyper)
        k[np.diag_indices_from(k)] += hyper["noise"] ** 2 + 1e-8
        try:
            factor = linalg.cho_factor(k, lower=True)
        except linalg.LinAlgError:
            return 1e12
        return float(
            0.5 * y @ linalg.cho_solve(factor, y) + np.log(np.diag(factor[0])).sum() + 0.02 * (theta**2).sum()
        )

    found = optimize.minimize(cost, start, method="L-BFGS-B", bounds=bounds, options={"maxiter": 25})
    return _hyper(found.x)


def _hyper(theta: np.ndarray) -> dict[str, Any]:
    *lengths, size, noise, between = theta
    return {
        "lengths": np.exp(lengths).tolist(),
        "size": float(np.exp(size)),
        "noise": float(np.exp(noise)),
        "between": float(1 / (1 + np.exp(-between))),
    }


def _kernel(
    a: np.ndarray, a_labels: np.ndarray, b: np.ndarray, b_labels: np.ndarray, hyper: dict[str, Any]
) -> NDArray[np.float64]:
    scaled = np.asarray(hyper["lengths"])
    near = np.exp(-0.5 * cdist(a / scaled, b / scaled, "sqeuclidean"))
    kept = np.where(a_labels[:, None] == b_labels[None, :], 1.0, hyper["between"])
    covariance: NDArray[np.float64] = hyper["size"] ** 2 * near * kept
    return covariance


def _mean(inputs: np.ndarray, labels: np.ndarray, one: dict[str, Any]) -> NDArray[np.float64]:
    kernel = _kernel(inputs, labels, np.asarray(one["points"]), np.asarray(one["labels"]), one)
    mean: NDArray[np.float64] = kernel @ np.asarray(one["weights"])
    return mean
