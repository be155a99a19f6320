"""Guests that explain what was seen: adaptive importance sampling (Cappe et al. 2004) in a few rounds.

Each way to write begins with standard normal draws; every round draws anew from a normal law around what
explained best so far, wide at first. The weights are prior times likelihood over the law drawn from, so that
no round biases the next, and the mean weight tells how likely the way to write is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import Floats
from analysis.studies.running.course import Course
from analysis.studies.running.guests import UNKNOWNS, Guests, Told, likelihood

ROUNDS = 4
DRAWS = 400
"""Guests drawn of each way to write in each round."""
WIDER = 1.5
"""The law to draw from has this many times the variance of what it was learnt from."""
FROM_PRIOR = 0.1
"""Share of the draws that stay with the prior: nothing that is likely can be lost."""
EFFECTIVE = 40.0
"""Guests of like weight that a round has to learn from; with fewer its weights are levelled."""


def believed(here: Course, told: Told, count: int, rng: np.random.Generator) -> list[tuple[str, Floats]]:
    """``count`` draws in all, by way to write: standard normal numbers of guests, of equal weight."""
    kinds = told.kinds
    drawn = {kind: _sampled(kind, here, told, rng) for kind in kinds}
    log = np.concatenate([weights + np.log(kinds[kind]) for kind, (_, weights) in drawn.items()])
    place = _systematic(np.exp(log - log.max()), count, rng)
    result, first = [], 0
    for kind, (z, _) in drawn.items():
        mine = place[(place >= first) & (place < first + len(z))] - first
        first += len(z)
        if len(mine):
            result.append((kind, z[mine]))
    return result


def _sampled(kind: str, here: Course, told: Told, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draws of one way to write with the logarithm of their weights, the mean weight its evidence."""
    z = rng.standard_normal((DRAWS, UNKNOWNS))
    log = likelihood(Guests(kind, z, here, told), here.seen, told)
    if not here.seen and told.sampled_pages is None:
        return z, log
    for _ in range(ROUNDS):
        mean, root = _learnt(z, log)
        z = mean + rng.standard_normal((DRAWS, UNKNOWNS)) @ root.T
        own = rng.random(DRAWS) < FROM_PRIOR
        z[own] = rng.standard_normal((int(own.sum()), UNKNOWNS))
        prior = _log_normal(z, np.zeros(UNKNOWNS), np.eye(UNKNOWNS))
        law = np.logaddexp(np.log(1 - FROM_PRIOR) + _log_normal(z, mean, root), np.log(FROM_PRIOR) + prior)
        log = likelihood(Guests(kind, z, here, told), here.seen, told) + prior - law
    return z, log


def _learnt(z: Floats, log: Floats) -> tuple[Floats, Floats]:
    """Mean and root of the covariance of weighted draws; weights are levelled where few hold them all."""
    heat = 1.0
    while True:
        weight = np.exp((log - log.max()) * heat)
        weight /= weight.sum()
        if 1 / (weight**2).sum() >= EFFECTIVE or heat < 1e-6:
            break
        heat *= 0.7
    mean = weight @ z
    off = z - mean
    covariance = (off * weight[:, None]).T @ off * WIDER + 1e-4 * np.eye(UNKNOWNS)
    return mean, np.linalg.cholesky(covariance)


def _log_normal(z: Floats, mean: Floats, root: Floats) -> Floats:
    standard = np.linalg.solve(root, (z - mean).T)
    log: Floats = -0.5 * (standard**2).sum(axis=0) - np.log(np.diag(root)).sum()
    return log


def _systematic(weight: Floats, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Places drawn in proportion to weights, evenly spread."""
    cumulated = np.cumsum(weight) / weight.sum()
    places = np.searchsorted(cumulated, (np.arange(count) + rng.random()) / count)
    return np.minimum(places, len(weight) - 1).astype(np.intp)
