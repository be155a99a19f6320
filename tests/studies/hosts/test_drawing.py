"""What is drawn of a host: intervals as they are, on either side, and together as they are known."""

import numpy as np
import pytest

from analysis.studies.hosts import drawing
from analysis.studies.hosts.host import Estimate, Host

SETUP, HANDOFF = Estimate("setup_s", 2.0, 1.0, 4.0), Estimate("handoff_ms", 100.0, 90.0, 200.0)


def draws(host, count=4000):
    return [values for _, values in drawing.drawn(host, count, np.random.default_rng(1))]


def test_each_end_of_an_interval_is_where_it_belongs():
    """A twentieth of the draws beyond each end, whatever the sides, and half below the value."""
    for estimate, values in zip((SETUP, HANDOFF), draws(Host(parameters=(SETUP, HANDOFF))), strict=True):
        assert (values < estimate.low).mean() == pytest.approx(0.05, abs=0.002)
        assert (values > estimate.high).mean() == pytest.approx(0.05, abs=0.002)
        assert np.median(values) == pytest.approx(estimate.value, rel=0.01)


@pytest.mark.parametrize("known", [0.0, 0.7, -1.0])
def test_estimates_are_drawn_together_as_they_are_known(known):
    """The logarithms' correlation is the host's."""
    host = Host(parameters=(SETUP, HANDOFF), correlation=((1.0, known), (known, 1.0)))
    standard = drawing.together(host, 4000, np.random.default_rng(2))
    assert np.corrcoef(standard.T)[0, 1] == pytest.approx(known, abs=0.03)
    assert standard.std(axis=0) == pytest.approx([1, 1], rel=0.03)


def test_a_correlation_rounded_in_a_file_is_borne():
    """Three estimates that cannot be: rounded, the matrix has an eigenvalue below zero; sizes stay 1."""
    matrix = ((1.0, 0.9, 0.9), (0.9, 1.0, 0.61), (0.9, 0.61, 1.0))
    host = Host(
        parameters=(SETUP, HANDOFF), scales=(Estimate("bandwidth_gbps", 1, 0.9, 1.1),), correlation=matrix
    )
    standard = drawing.together(host, 2000, np.random.default_rng(3))
    assert np.isfinite(standard).all()
    assert standard.std(axis=0) == pytest.approx([1, 1, 1], rel=0.05)


def test_what_is_known_exactly_is_not_drawn():
    """An interval without width, or none that can be drawn from: the value itself."""
    exact = Estimate("setup_s", 2.0, 2.0, 2.0)
    nothing = Estimate("setup_s", 0.0, 0.0, 0.0)
    for values, value in zip(draws(Host(parameters=(exact, nothing)), 8), (2.0, 0.0), strict=True):
        assert set(values) == {value}


def test_a_host_without_estimates_draws_nothing():
    assert draws(Host()) == []
