"""What is drawn of a host: its estimates as the data know them together, and chance that is spread evenly.

Each estimate is log-normal on either side of its value, so that both ends of its 90 % interval are where they
belong. What the data know only in combination (a set-up and a hand-off of which totals tell the sum) is drawn
so: the logarithms have the host's ``correlation``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from analysis.arrays import Floats
from analysis.studies.hosts.host import Estimate, Host

NINETY = NormalDist().inv_cdf(0.95)


def normal(draws: int, rng: np.random.Generator) -> Floats:
    """Standard normal numbers in random order: one from the middle of each of ``draws`` equal chances."""
    middles = (np.arange(draws) + 0.5) / draws
    drawn: Floats = rng.permutation(np.array([NormalDist().inv_cdf(chance) for chance in middles]))
    return drawn


def together(host: Host, draws: int, rng: np.random.Generator) -> Floats:
    """Standard normal numbers for the host's estimates, shape (draws, estimates), correlated as they are.

    Without a ``correlation`` each is drawn apart.
    """
    count = len(host.estimates)
    apart = np.array([normal(draws, rng) for _ in range(count)]).reshape(count, draws)
    if not host.correlation:
        return apart.T
    values, vectors = np.linalg.eigh(np.array(host.correlation))
    # Rounded in a file, a correlation may have an eigenvalue a little below zero.
    root: Floats = vectors * np.sqrt(np.maximum(values, 0))
    root = root / np.maximum(np.sqrt((root**2).sum(axis=1, keepdims=True)), 1e-12)
    joint: Floats = (root @ apart).T
    return joint


def factors(estimate: Estimate, standard: Floats) -> Floats:
    """Factors on an estimate's value for standard normal numbers; 1 where it has no interval."""
    if not 0 < estimate.low <= estimate.value <= estimate.high:
        return np.ones(len(standard))
    up, down = math.log(estimate.high / estimate.value), math.log(estimate.value / estimate.low)
    side: Floats = np.where(standard > 0, up, down)
    drawn: Floats = np.exp(side * standard / NINETY)
    return drawn


def drawn(host: Host, draws: int, rng: np.random.Generator) -> list[tuple[Estimate, Floats]]:
    """Every estimate with ``draws`` values of it."""
    return valued(host.estimates, together(host, draws, rng))


def valued(estimates: Sequence[Estimate], standard: Floats) -> list[tuple[Estimate, Floats]]:
    """Estimates with values for given standard normal numbers, a column for each."""
    return [(e, e.value * factors(e, column)) for e, column in zip(estimates, standard.T, strict=True)]
