"""The likelihood by which a correction is tuned, held beside one written out and beside differences."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import optimize, stats

from analysis.studies.hosts import gaussian


@pytest.fixture
def rows():
    """Twelve rows of two inputs and three labels, with what was observed of them and its noise."""
    rng = np.random.default_rng(4)
    labels = rng.choice(["a", "b", "c"], 12)
    return rng.normal(size=(12, 2)), labels, rng.normal(size=12), rng.uniform(0.1, 0.5, 12)


THETA = np.array([0.3, -0.2, -0.5, 0.1, 0.4, -0.3, -0.6, 0.2, -0.1, 0.15])
"""Logs of two lengths and a size, for each of three functions, and of the factor on the noise."""


def test_the_likelihood_is_that_of_a_normal_law(rows):
    """Less its constant it is the logarithm that SciPy gives for the whole matrix of the three functions."""
    inputs, labels, observed, noise = rows
    parts = THETA[:-1].reshape(3, 3)
    functions = tuple(gaussian.Function(np.exp(part[:2]), float(np.exp(part[2]))) for part in parts)
    covariance = gaussian._kernel(functions, inputs, labels, inputs, labels)
    covariance += np.diag((noise * np.exp(THETA[-1])) ** 2 + gaussian.SMALL)
    law = stats.multivariate_normal(np.zeros(12), covariance)
    found = gaussian._likelihood(THETA, gaussian._pairs(inputs, labels), observed, noise)[0]
    assert found == pytest.approx(-law.logpdf(observed) - 6 * np.log(2 * np.pi), rel=1e-12)


def test_its_slope_is_that_of_its_differences(rows):
    """By each length, size and the noise: what small steps give, as far as these tell."""
    inputs, labels, observed, noise = rows
    pairs = gaussian._pairs(inputs, labels)
    slope = gaussian._likelihood(THETA, pairs, observed, noise)[1]
    stepped = optimize.approx_fprime(
        THETA, lambda t: gaussian._likelihood(t, pairs, observed, noise)[0], 1e-6
    )
    np.testing.assert_allclose(slope, stepped, rtol=1e-4, atol=1e-5)


def test_the_kernels_by_hand():
    """At the distance 1: (1 + root 3) e^-root 3 of the smooth, 1/e of the rough; slopes by its square."""
    root = np.sqrt(3.0)
    smooth, rough = (gaussian._matern(np.array([1.0]), rough) for rough in (False, True))
    assert np.ravel(smooth) == pytest.approx([(1 + root) * np.exp(-root), -1.5 * np.exp(-root)])
    assert np.ravel(rough) == pytest.approx([np.exp(-1), -0.5 * np.exp(-1)])


def test_the_third_function_is_the_rough_one_and_a_label_its_own():
    """Sizes 1, 2 and 3, lengths 1: at the distance 1 of one label all add up, of two the first alone."""
    functions = tuple(gaussian.Function(np.ones(1), float(size)) for size in (1, 2, 3))
    root = np.sqrt(3.0)
    smooth = (1 + root) * np.exp(-root)
    at, labels = np.zeros((1, 1)), np.array(["a"])
    found = gaussian._kernel(functions, at, labels, np.ones((2, 1)), np.array(["a", "b"]))
    assert found[0] == pytest.approx([5 * smooth + 9 * np.exp(-1), smooth])


def test_tuning_is_held_by_what_it_began_with(rows, monkeypatch):
    """One deviation of the prior off in every quantity costs half a unit for each, beside the likelihood."""
    inputs, labels, observed, noise = rows
    asked = []
    monkeypatch.setattr(
        "scipy.optimize.minimize", lambda cost, x, **_: asked.append(cost) or SimpleNamespace(x=x)
    )
    begun = tuple(gaussian.Function(np.ones(2), 1.0) for _ in range(3))
    gaussian._tune(begun, begun, 1.0, np.arange(2), (inputs, labels, observed, noise), 5)
    off = np.full(10, gaussian.PRIOR)
    likely, slope = gaussian._likelihood(off, gaussian._pairs(inputs, labels), observed, noise)
    cost, tilt = asked[0](off)
    assert cost - likely == pytest.approx(5)
    assert tilt - slope == pytest.approx(np.full(10, 1 / gaussian.PRIOR))
