"""Predictions with intervals: what is drawn, what stays fixed, and how coverage is counted."""

import numpy as np
import pandas as pd
import pytest

from analysis.model.migration import migrate
from analysis.observations.lab import LABORATORY
from analysis.studies.hosts.host import Estimate, Host, load_host
from analysis.studies.hosts.prediction import INTERVALS, _by_ceiling, bound_by, coverage, predict

SCENARIOS = pd.DataFrame(
    {"memory_gib": [4.0, 8.0, 16.0], "bandwidth_gbps": [1.0, 10.0, 25.0], "dirty_pages_per_s": 2000.0},
    index=[7, 3, 5],
)


def host(scatter=0.02, spread=1.05):
    """A host of which something is known, with a scatter of times and a spread of its writes."""
    writes = Estimate("dirty_pages_per_s", 1.1, 1.1 / spread, 1.1 * spread)
    kinds = {"line_rate": scatter}
    return Host(scales=(writes,), scatter={"extra_resident_mib": 5.0, "time": kinds, "blackout_s": kinds})


def widths(table, name="total_s", level=90):
    return (table[f"{name}_high{level}"] - table[f"{name}_low{level}"]).to_numpy()


@pytest.mark.parametrize("name", INTERVALS)
def test_intervals_are_nested_and_hold_the_median(name):
    """low90 <= low50 <= median <= high50 <= high90 for every outcome that has intervals."""
    table = predict(SCENARIOS, host())
    ends = [f"{name}_low90", f"{name}_low50", name, f"{name}_high50", f"{name}_high90"]
    assert (table[ends].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


def test_more_scatter_is_a_wider_interval():
    """Twice the scatter of times makes every interval of the total time wider."""
    assert (widths(predict(SCENARIOS, host(0.04))) > widths(predict(SCENARIOS, host(0.02)))).all()


def test_a_parameter_less_known_is_a_wider_interval():
    """Without scatter between migrations the width is that of the host's parameters."""
    vague, sharp = (Host(scales=host(spread=s).scales) for s in (1.5, 1.01))
    assert (widths(predict(SCENARIOS, vague)) > 5 * widths(predict(SCENARIOS, sharp))).all()


def test_the_interval_has_the_width_of_the_scatter():
    """Log-normal scatter of 5 %: nine in ten draws lie within a factor exp(1.645 * 0.05) of the median."""
    known = Host(scatter={"time": {"line_rate": 0.05}})
    row = predict(SCENARIOS.iloc[:1], known, draws=4000).iloc[0]
    assert row.total_s_high90 / row.total_s == pytest.approx(np.exp(1.645 * 0.05), rel=0.01)
    assert row.total_s / row.total_s_low50 == pytest.approx(np.exp(0.6745 * 0.05), rel=0.01)


def test_a_parameters_draws_have_its_interval():
    """The hand-off of 100 (80 to 125) ms makes a blackout whose interval is 45 ms wide."""
    known = Host(parameters=(Estimate("handoff_ms", 100.0, 80.0, 125.0),))
    row = predict(pd.DataFrame({"dirty_pages_per_s": [0.0]}), known, draws=4000).iloc[0]
    assert row.blackout_s_high90 - row.blackout_s_low90 == pytest.approx(0.045, rel=0.06)


def test_a_lopsided_interval_is_drawn_lopsided():
    """The docstring promises draws with the estimate's 90 % interval: 10 (9.9 to 100) ms stays above 9."""
    known = Host(parameters=(Estimate("handoff_ms", 10.0, 9.9, 100.0),))
    row = predict(pd.DataFrame({"dirty_pages_per_s": [0.0], "state_mib": [0.0]}), known, draws=4000).iloc[0]
    assert row.blackout_s_low90 > 0.009


def test_the_same_seed_gives_the_same_prediction():
    """And another seed other intervals around the same."""
    one, same, other = (predict(SCENARIOS, host(), seed=s) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert (one.total_s == other.total_s).all()
    assert (one.total_s_high90 != other.total_s_high90).any()


def test_of_no_scenarios_nothing_is_predicted():
    """An empty table has the columns of any other, with a host and without."""
    full, empty = (predict(SCENARIOS.head(rows), host()) for rows in (1, 0))
    assert set(empty) == set(full)
    assert len(empty) == len(predict(SCENARIOS.head(0))) == 0
    assert len(predict(SCENARIOS.head(0), load_host(LABORATORY), last_total_s=[])) == 0


def test_without_a_host_hyperv_is_predicted_as_the_model_says():
    """Nothing is drawn: the outcomes are those of migrate() and intervals have no width."""
    table = predict(SCENARIOS)
    plain = migrate(SCENARIOS)
    for name in INTERVALS:
        np.testing.assert_allclose(table[name], plain[name], rtol=1e-12)
        np.testing.assert_allclose(widths(table, name), 0, atol=1e-12)
    assert table.passes.tolist() == plain.passes.tolist()


def test_the_rows_keep_their_index_and_order():
    """Whoever joins predictions with measurements by index gets the right ones."""
    table = predict(SCENARIOS, host())
    assert table.index.tolist() == SCENARIOS.index.tolist()
    assert table.memory_gib.tolist() == SCENARIOS.memory_gib.tolist()


def test_what_is_given_is_not_drawn():
    """A scenario that gives its own hand-off time has no width from the host's."""
    known = Host(parameters=(Estimate("handoff_ms", 100.0, 50.0, 200.0),))
    scenarios = pd.DataFrame({"handoff_ms": [10.0], "dirty_pages_per_s": [0.0]})
    row = predict(scenarios, known, given=("handoff_ms",)).iloc[0]
    assert row.blackout_s < 0.1
    assert row.blackout_s_high90 == pytest.approx(row.blackout_s_low90)


def test_a_given_value_is_as_uncertain_as_the_factor_on_it():
    """The host's factor on the writes multiplies a given rate too, so its interval counts as well."""
    known = Host(scales=host(spread=1.5).scales)
    given = predict(SCENARIOS, known, given=("dirty_pages_per_s",))
    np.testing.assert_allclose(widths(given), widths(predict(SCENARIOS, known)))


def test_a_ceiling_never_met_gets_the_widest_scatter():
    """A host that was measured on lines and on busy senders says the most cautious thing of anything else."""
    by_ceiling = _by_ceiling({"line_rate": 0.01, "streams": 0.2}, pd.Series(["line_rate", "rings"]))
    assert by_ceiling.tolist() == [0.01, 0.2]
    assert _by_ceiling({}, pd.Series(["line_rate"])).tolist() == [0.0]


def test_a_ceiling_that_takes_little_is_the_line():
    """12 Gbit/s of one connection over a line of 1 Gbit/s is the line's, over one of 100 Gbit/s its own."""
    bound = bound_by(pd.DataFrame({"bandwidth_gbps": [1.0, 100.0]}))
    assert bound.tolist() == ["line_rate", "streams"]


def test_coverage_by_hand():
    """Of four measurements two lie within the narrow interval and three within the wide one."""
    ends = {"x_low50": 4.0, "x_high50": 6.0, "x_low90": 1.0, "x_high90": 9.0}
    table = pd.DataFrame([ends] * 4)
    assert coverage(table, "x", pd.Series([4.0, 5.0, 9.0, 9.1])) == {"50": 0.5, "90": 0.75}


def test_what_was_not_measured_is_not_outside():
    """One of two measurements is missing, the other is inside: coverage is 1, not 1/2."""
    table = pd.DataFrame([{"x_low50": 1.0, "x_high50": 3.0, "x_low90": 0.0, "x_high90": 4.0}] * 2)
    assert coverage(table, "x", pd.Series([2.0, np.nan]))["50"] == 1.0


ENDLESS = {"stop_rule": "qemu", "dirty_pages_per_s": 1e6, "working_set_gib": 8.0, "bandwidth_gbps": 1.0}


def test_an_endless_migration_is_endless_with_its_intervals():
    """Infinite at every end, and no warning on the way."""
    row = predict(pd.DataFrame([ENDLESS]), host()).iloc[0]
    assert row.stop_reason == "endless"
    assert np.isinf([row.total_s, row.total_s_low90, row.total_s_high90]).all()


def test_on_the_edge_of_convergence_the_far_end_is_endless():
    """Where some draws end and some never do, no end of an interval is a NaN, and some are infinite."""
    edge = pd.DataFrame([ENDLESS]).drop(columns="dirty_pages_per_s")
    edge = edge.loc[[0] * 6].reset_index(drop=True).assign(dirty_pages_per_s=np.linspace(22000, 34000, 6))
    ends = predict(edge, host(spread=1.1), draws=32).filter(regex=r"total_s_(low|high)")
    assert not ends.isna().any(axis=None)
    assert np.isinf(ends.total_s_high90).any()
    assert np.isfinite(ends.total_s_low90).any()


def test_nothing_measured_reaches_a_prediction():
    """Columns of measurements can be anything."""
    measured = SCENARIOS.assign(measured_total_s=1e9, measured_blackout_s=-1.0, measured_throughput_gbps=99.0)
    names = list(INTERVALS)
    pd.testing.assert_frame_equal(predict(measured, host())[names], predict(SCENARIOS, host())[names])


def test_a_prediction_does_not_depend_on_the_rest_of_its_table():
    """Alone, first or last in a table: the same medians and the same ends of intervals."""
    host = load_host(LABORATORY)
    rows = pd.DataFrame(
        {"memory_gib": [0.5, 1.0, 4.0], "stop_rule": "qemu", "bandwidth_gbps": [0.5, 1.0, 2.0]}
    )
    together = predict(rows, host)
    for place in range(len(rows)):
        alone = predict(rows.iloc[[place]], host)
        pd.testing.assert_frame_equal(alone, together.iloc[[place]])
    pd.testing.assert_frame_equal(predict(rows[::-1], host)[::-1], together)
