"""The bound on what polls can tell: its figures by hand."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.watch_bound import best, half, median


def test_the_chance_of_half_is_the_binomial_one():
    """Of two fair coins at least one: 3/4; of four 11/16; a sure one and an impossible one: 1."""
    assert half(pd.Series([0.5, 0.5])) == pytest.approx(3 / 4)
    assert half(pd.Series([0.5] * 4)) == pytest.approx(11 / 16)
    assert half(pd.Series([1.0, 0.0])) == 1


def test_the_best_time_has_most_ends_around_it():
    """Ends at 10, 10.5 and 20 s, within a tenth: 10 s has two of three; 20 s the most if it weighs most."""
    end = np.array([10.0, 10.5, 20.0])
    assert best(end, np.ones(3), 0.1) == (10.0, pytest.approx(2 / 3))
    assert best(end, np.array([1.0, 1.0, 3.0]), 0.1) == (20.0, pytest.approx(3 / 5))


def test_a_median_is_weighted():
    """Half of the weight lies at or below it."""
    assert median(np.array([3.0, 1.0, 2.0]), np.ones(3)) == 2
    assert median(np.array([3.0, 1.0, 2.0]), np.array([5.0, 1.0, 1.0])) == 3
