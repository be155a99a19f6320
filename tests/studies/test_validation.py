"""Error figures on real migrations, and the accuracy that the README states."""

import numpy as np
import pandas as pd
import pytest

from analysis.observations.lab import read_migrations, read_passes
from analysis.studies import validation


@pytest.fixture(scope="module")
def observed():
    return read_migrations()


@pytest.fixture(scope="module")
def plain(observed):
    return validation.compare(observed[validation.plain(observed)])


def test_relative_errors_by_hand():
    """Errors of -5, 1, 2, 3 and 20 %: median 3, 90th percentile 14, four in five within 10, mean 4.2 %."""
    figures = validation.relative_errors(pd.Series([-0.05, 0.01, 0.02, 0.03, 0.20]))
    assert figures["median_relative_error"] == pytest.approx(0.03)
    assert figures["p90_relative_error"] == pytest.approx(0.14)
    assert figures["share_within_10pct"] == pytest.approx(0.8)
    assert figures["bias"] == pytest.approx(0.042)


def test_absolute_errors_by_hand():
    """Errors of -10, 0 and 30 ms: median 10, 90th percentile 26 ms."""
    figures = validation.absolute_errors(pd.Series([-10.0, 0.0, 30.0]))
    assert figures["median_absolute_error"] == pytest.approx(10)
    assert figures["p90_absolute_error"] == pytest.approx(26)


def test_figures_without_rows_are_empty_not_wrong():
    """No migrations: no figures rather than NaN, which JSON cannot hold."""
    assert validation.relative_errors(pd.Series(dtype=float))["median_relative_error"] is None


def test_convergence_counts_by_hand():
    """Three right of four; the wrong one stands off the diagonal."""
    verdicts = pd.DataFrame(
        {
            "measured_verdict": ["converged", "forced", "never", "forced"],
            "verdict": ["converged", "forced", "never", "converged"],
        }
    )
    figures = validation.convergence(verdicts)
    assert figures["accuracy"] == pytest.approx(0.75)
    assert figures["table"]["forced"] == {"converged": 1, "forced": 1, "never": 0}


def test_plain_migrations_are_predicted_from_the_nominal_link(plain):
    """Median error of time below 1.9 %, 96 % within 10 %: the floor of a forty-line sketch."""
    figures = validation.error_table(plain)
    assert figures["n"] == 76
    assert figures["total_s"]["median_relative_error"] <= 0.019
    assert figures["total_s"]["share_within_10pct"] >= 0.96
    assert figures["convergence"]["accuracy"] >= 0.95


def test_measured_throughput_is_no_input_of_the_prediction(observed, plain):
    """What is known only afterwards can be set to anything without changing the prediction."""
    rows = observed[validation.plain(observed)]
    measured = [c for c in rows if c.startswith("measured_") and c != "measured_verdict"]
    again = validation.compare(rows.assign(**dict.fromkeys(measured, 1.0), host_load="9"))
    np.testing.assert_array_equal(again.total_s, plain.total_s)


def test_given_the_throughput_the_error_of_the_time_shrinks(observed, plain):
    """With the rate right, what is left is the error of the volume and of the ends of passes."""
    rows = observed[validation.plain(observed)]
    known = validation.compare(validation.given_throughput(rows))
    assert known.total_error.abs().quantile(0.9) < plain.total_error.abs().quantile(0.9)


def test_passes_are_compared_one_by_one(observed):
    """A first pass over uniform writes: 11,586 pages were found dirty, and the law says so within 3 %."""
    table = validation.compare_passes(observed, read_passes())
    row = table[(table.migration == "c3b3b7528679") & (table.pass_number == 1)].iloc[0]
    assert row.measured_pages == 11586
    assert row.measured_duration_s == 19.7801
    assert abs(row.error) < 0.03
