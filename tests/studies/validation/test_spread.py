"""The spread of repeats, measured beside drawn."""

import numpy as np
import pytest

from analysis.observations.repeats import read_repeats
from analysis.studies.validation.spread import Repeats, compare_repeats, spread_table, variation, within


def test_variation_by_hand():
    """Standard deviation over mean: of 1, 2, 3 it is 1/2; of one time there is none."""
    assert variation(np.array([1.0, 2.0, 3.0])) == pytest.approx(0.5)
    assert variation(np.array([4.0])) == 0


def test_share_within_a_window():
    """Of 1, 2, 3, 4 s half are done within 2 s, all within 4 s, none before 1 s."""
    times = np.array([4.0, 1.0, 3.0, 2.0])
    np.testing.assert_allclose(within(times, np.array([0.5, 2.0, 4.0])), [0, 0.5, 1])


def test_a_sample_of_the_model_is_ordinary_and_a_wilder_one_is_not():
    """Drawn from a normal distribution, six times of the same spread are ordinary, six of thrice are not."""
    drawn = np.random.default_rng(1).normal(10, 1, 4000)
    middle = np.quantile(drawn, np.linspace(0.1, 0.9, 6))
    wild = 10 + 4 * (middle - 10)
    table = spread_table([Repeats("alike", middle, drawn), Repeats("wild", wild, drawn)])
    assert list(table.ordinary) == [True, False]
    assert table.drawn_cv.iloc[0] == pytest.approx(0.1, rel=0.05)
    assert (table.cv_low < 0.1).all()
    assert (table.cv_high > 0.1).all()


@pytest.fixture(scope="module")
def table():
    """The study's repeats beside 800 draws of the model."""
    return spread_table(compare_repeats(read_repeats(), draws=800, seed=2))


def test_rough_size_of_the_measured_spread(table):
    """Means within 15 %; beside flows that come and go the spread is one that so few draws show."""
    assert (table.drawn_mean_s / table.measured_mean_s - 1).abs().max() < 0.15
    coming_and_going = table.loc["2 flows, 2 s on and 2 s off"]
    assert coming_and_going.ordinary
    assert coming_and_going.drawn_cv == pytest.approx(coming_and_going.measured_cv, rel=0.5)


def test_direction_of_the_measured_spread(table):
    """Measured and drawn: longest beside the flow that never pauses, least certain beside those that do."""
    for side in ("measured", "drawn"):
        assert table[f"{side}_mean_s"].is_monotonic_increasing
        assert table[f"{side}_cv"].idxmax() == "2 flows, 2 s on and 2 s off"


def test_what_the_model_leaves_out(table):
    """Alone, and beside a flow that never pauses, real times differ a little and drawn ones do not."""
    steady = table.loc[["no other traffic", "1 flow, always on"]]
    assert (steady.drawn_cv < 1e-9).all()
    assert (steady.measured_cv > 0.01).all()
