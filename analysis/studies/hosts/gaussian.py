r"""A robust, sparse Gaussian process over inputs and labels: zero far from its data, text to keep.

The function learnt is a sum of three: one that all labels share, one of each label's own, and one of each
label's own that may change within a few per cent of one input (a label often names several programs, told
apart by their guests' memory). A label never seen has the first alone. With inputs x, centres c, a Matern
function m of the scaled distance and sizes s:

.. math:: k(x, c) = s_1^2 m_1(x, c) + [same\ label]\, (s_2^2 m_2(x, c) + s_3^2 m_3(x, c))

The mean is :math:`\sum_c w_c k(x, c)` with :math:`w = (K_{cc} + K_{cn} N^{-1} K_{nc})^{-1} K_{cn} N^{-1} y`
(subset of regressors). The noise N differs: it is estimated along one input, the ``regime``, and an
observation far off counts less, as under Student's t. Sizes and lengths are those of greatest marginal
likelihood under a weak prior.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy  # whose parts come when they are asked for: a prediction without a host needs none of them
from numpy.typing import NDArray

from analysis.arrays import Floats

CENTRES = 1200
TUNING = ((300, 30), (600, 15))
"""Observations on which lengths and sizes are tuned (the likelihood costs the cube of their number), and
steps, before and after the noise is known."""
FREEDOM = 30.0
"""Degrees of freedom of Student's t: how little an observation far off counts."""
PRIOR = 0.7
"""The log of a length or a size scatters so much around where its tuning starts."""
WINDOW = (25, 300)
"""Least and most neighbours in the regime whose residuals give an observation's noise."""
FIRST_NOISE = 0.3
"""Noise with which tuning starts, the same for all, in units of the observations' scatter."""
LEAST_NOISE = 0.003
"""Nothing is measured better than that [log]."""
NORMAL = 1.4826
"""Standard deviation over median absolute value of normal residuals."""
SMALL = 1e-6
"""Added to a matrix's diagonal, relative to it, so that it can be solved."""
AT_ONCE = 4096
"""Rows predicted together, so that memory does not grow with the table."""
SHARES = (0.4, 0.5, 0.5)
"""Where the tuning of each function's size starts, in units of the observations' scatter."""


Labels = NDArray[np.str_]


class Function(NamedTuple):
    """One of the functions summed: its lengths (one for each input), and its size."""

    lengths: Floats
    size: float


@dataclass(frozen=True)
class Process:
    """What was learnt: three functions, centres with their labels, and a weight for each centre.

    ``noise_factor``: what the noise found along the regime was multiplied by; no prediction needs it.
    """

    functions: tuple[Function, ...]
    points: Floats
    labels: Labels
    weights: Floats
    noise_factor: float = 1.0

    def mean_and_nearness(self, inputs: Floats, labels: Labels) -> tuple[Floats, Floats]:
        """The mean at each row of ``inputs``, 0 far from all centres; and how near the nearest of them is.

        Nearness is the correlation with it: 0 where nothing is known, 1 at a centre.
        """
        mean, near = np.zeros((2, len(inputs)))
        prior = sum(f.size**2 for f in self.functions)
        for first in range(0, len(inputs), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            kernel = _kernel(self.functions, inputs[some], labels[some], self.points, self.labels)
            mean[some], near[some] = kernel @ self.weights, kernel.max(axis=1) / prior
        return mean, near


def learn(
    inputs: Floats,
    labels: Labels,
    observed: Floats,
    regime: Floats,
    starts: tuple[Floats, Floats],
    chosen: NDArray[np.intp],
    tuned: Process | None = None,
) -> Process:
    """Learn from one row of ``inputs`` a row of ``observed``; the rows ``chosen`` become centres.

    ``starts``: lengths at which the tuning starts, of the smooth functions and of the fine one; an input
    that does not vary keeps its own. ``regime``: what the noise goes by. ``tuned``: a process whose lengths
    and sizes are taken as they are, for nothing is tuned then.
    """
    varies = np.flatnonzero(np.ptp(inputs, axis=0) > 0)
    lengths = (starts[0], starts[0], starts[1])
    counts = _noise(observed - _along(observed, regime), regime)[1]
    size = max(float(np.sqrt(np.average(observed**2, weights=counts))), 1e-3)
    begun = tuple(Function(np.array(at), size * share) for at, share in zip(lengths, SHARES, strict=True))
    noise = np.full(len(observed), FIRST_NOISE * size)
    functions, factor = (tuned.functions, tuned.noise_factor) if tuned else (begun, 1.0)
    for count, steps in TUNING[-1:] if tuned else TUNING:
        if not tuned:
            some = chosen[:count]
            near = (inputs[some], labels[some], observed[some], noise[some])
            functions, factor = _tune(functions, begun, factor, varies, near, steps)
        cross = _kernel(functions, inputs[chosen], labels[chosen], inputs, labels)
        weights = _weights(cross[:, chosen], cross, observed, noise * factor)
        noise = _noise(observed - weights @ cross, regime)[0]
    weights = _weights(cross[:, chosen], cross, observed, noise * factor)
    return Process(functions, inputs[chosen], labels[chosen], weights, factor)


def _weights(among: Floats, cross: Floats, observed: Floats, noise: Floats) -> Floats:
    """The centres' weights that kernels (``among`` the centres, ``cross`` to all rows) and noise give."""
    steady = among + SMALL * np.trace(among) / len(among) * np.eye(len(among))
    root = scipy.linalg.cholesky(steady, lower=True, overwrite_a=True)
    # By the root of the centres' own kernel: its square would lose half of the digits.
    whitened = scipy.linalg.solve_triangular(root, cross / noise, lower=True, overwrite_b=True)
    system = whitened @ whitened.T
    system[np.diag_indices_from(system)] += 1.0
    solved = scipy.linalg.cho_solve(
        scipy.linalg.cho_factor(system, lower=True), whitened @ (observed / noise)
    )
    weights: Floats = scipy.linalg.solve_triangular(root, solved, lower=True, trans="T")
    return weights


def _noise(residual: Floats, regime: Floats) -> tuple[Floats, Floats]:
    """Noise of each observation, and how much it counts beside its neighbours in the regime, 1 at most or so.

    Its noise is that of its neighbours, more the further off it is itself.
    """
    usual = _along(np.abs(residual), regime) * NORMAL + LEAST_NOISE
    counts = (FREEDOM + 1) / (FREEDOM + (residual / usual) ** 2)
    return usual / np.sqrt(counts), counts


def _along(values: Floats, regime: Floats) -> Floats:
    """The running median of values in the order of the regime."""
    order = np.argsort(regime, kind="stable")
    width = int(np.clip(len(values) // 4, *WINDOW))
    found = np.empty(len(values))
    found[order] = pd.Series(values[order]).rolling(width + 1, center=True, min_periods=1).median()
    return found


def _matern(squared: Floats, rough: bool) -> tuple[Floats, Floats]:
    """A Matern function of the squared distance, and its slope by it."""
    distance = np.sqrt(squared)
    if rough:
        value = np.exp(-distance)
        return value, -0.5 * value / np.maximum(distance, 1e-9)
    decay = np.exp(-np.sqrt(3.0) * distance)
    return (1 + np.sqrt(3.0) * distance) * decay, -1.5 * decay


def _kernel(
    functions: tuple[Function, ...], a: Floats, a_labels: Labels, b: Floats, b_labels: Labels
) -> Floats:
    same = a_labels[:, None] == b_labels[None, :]
    total = np.zeros((len(a), len(b)))
    for number, one in enumerate(functions):
        squared = scipy.spatial.distance.cdist(a / one.lengths, b / one.lengths, "sqeuclidean")
        value = one.size**2 * _matern(squared, rough=number == 2)[0]
        total += value * same if number else value
    return total


Near = tuple[Floats, Labels, Floats, Floats]
"""Inputs, labels, observations and noise of the rows that a tuning looks at."""


def _tune(
    functions: tuple[Function, ...],
    begun: tuple[Function, ...],
    factor: float,
    varies: NDArray[np.intp],
    near: Near,
    steps: int,
) -> tuple[tuple[Function, ...], float]:
    """Lengths (of inputs that vary), sizes and a factor on the noise, of greatest posterior."""
    centre = _packed(begun, 1.0, varies)
    pairs = _pairs(near[0][:, varies], near[1])

    def cost(theta: Floats) -> tuple[float, Floats]:
        value, slope = _likelihood(theta, pairs, *near[2:])
        off = (theta - centre) / PRIOR
        return value + 0.5 * float(off @ off), slope + off / PRIOR

    found = scipy.optimize.minimize(
        cost, _packed(functions, factor, varies), jac=True, method="L-BFGS-B", options={"maxiter": steps}
    )
    return _unpacked(found.x, begun, varies)


class Pairs(NamedTuple):
    """Every two of some rows once, and each with itself: a kernel is symmetric."""

    one: NDArray[np.intp]
    other: NDArray[np.intp]
    counts: Floats
    """How often a pair stands in the whole matrix."""
    alike: NDArray[np.intp]
    """Which of them have the same label: in the others a label's own functions are 0."""
    squares: tuple[Floats, Floats]
    """Squared distances by each input, (inputs, pairs); and those alike alone."""


def _pairs(inputs: Floats, labels: Labels) -> Pairs:
    one, other = np.tril_indices(len(inputs))
    alike = np.flatnonzero(labels[one] == labels[other])
    squares = np.ascontiguousarray(((inputs[one] - inputs[other]) ** 2).T)
    return Pairs(one, other, np.where(one == other, 1.0, 2.0), alike, (squares, squares[:, alike]))


def _packed(functions: tuple[Function, ...], factor: float, varies: NDArray[np.intp]) -> Floats:
    logs = [np.log([*one.lengths[varies], one.size]) for one in functions]
    return np.concatenate([*logs, [np.log(factor)]])


def _unpacked(
    theta: Floats, begun: tuple[Function, ...], varies: NDArray[np.intp]
) -> tuple[tuple[Function, ...], float]:
    found = []
    for one, part in zip(begun, _parts(theta, len(varies)), strict=True):
        lengths = one.lengths.copy()
        lengths[varies] = np.exp(part[:-1])
        found.append(Function(_kept(lengths), float(_kept(np.exp(part[-1:]))[0])))
    return tuple(found), float(np.exp(theta[-1]))


def _kept(values: Floats) -> Floats:
    """Values to the six digits with which they are written, so that weights fit what is read again."""
    return np.array([float(f"{v:.6g}") for v in values])


def _parts(theta: Floats, inputs: int) -> Iterator[Floats]:
    """Logs of lengths and size of each function."""
    yield from theta[:-1].reshape(-1, inputs + 1)


def _likelihood(theta: Floats, pairs: Pairs, observed: Floats, noise: Floats) -> tuple[float, Floats]:
    """Negative logarithm of the marginal likelihood, and its slope by each of ``theta``."""
    total, made = np.zeros(len(pairs.one)), []
    for number, part in enumerate(_parts(theta, len(pairs.squares[0]))):
        inverse, size = np.exp(-2 * part[:-1]), np.exp(2 * part[-1])
        of, squares = (pairs.alike, pairs.squares[1]) if number else (slice(None), pairs.squares[0])
        value, slope = (size * m for m in _matern(inverse @ squares, rough=number == 2))
        total[of] += value
        made.append((of, squares, inverse, value, slope))
    variance = noise**2 * np.exp(2 * theta[-1])
    covariance = np.zeros((len(observed), len(observed)), order="F")
    covariance[pairs.one, pairs.other] = total
    covariance[np.diag_indices_from(covariance)] += variance + SMALL
    lower = scipy.linalg.cho_factor(covariance, lower=True)
    solved = scipy.linalg.cho_solve(lower, observed)
    inverted = scipy.linalg.lapack.dpotri(lower[0], lower=True)[0]
    cost = 0.5 * observed @ solved + np.log(np.diag(lower[0])).sum()
    differs = inverted[pairs.one, pairs.other] - solved[pairs.one] * solved[pairs.other]
    by_covariance = 0.5 * pairs.counts * differs
    slopes: list[Floats] = []
    for of, squares, inverse, value, slope in made:
        weight = by_covariance[of]
        slopes += [-2 * inverse * (squares @ (weight * slope)), np.atleast_1d(2 * (weight @ value))]
    by_noise = 0.5 * (np.diag(inverted) - solved**2) @ variance
    return float(cost), np.concatenate([*slopes, [2 * by_noise]])
