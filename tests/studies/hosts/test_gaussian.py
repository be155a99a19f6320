"""The likelihood by which a correction is tuned, held beside one written out and beside differences."""

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
