"""Migrations that a rule of their own ends: read as scenarios of that rule, and predicted blind."""

import numpy as np
import pytest

from analysis.observations.lab import DATA, LABORATORY, read_migrations, read_passes
from analysis.studies.hosts.host import load_host
from analysis.studies.validation.migrations import compare, covered


@pytest.fixture(scope="module")
def stops():
    """The table as scenarios."""
    return read_migrations(DATA / "stops_migrations.csv")


def test_rules_and_their_times_are_those_of_the_rows(stops):
    """40 migrations by five rules; limits, steps and times stand in the parameters."""
    assert stops.method.value_counts().to_dict() == {
        "autoconverge": 19, "steps": 6, "ramp": 6, "postcopy": 5, "doubling": 4,
    }  # fmt: skip
    assert covered(stops).all()
    grows = stops[stops.method.isin(["steps", "ramp"])]
    assert grows[["last_target_ms", "target_steps", "target_step_s"]].notna().all(axis=None)
    assert (stops.give_up_after_s.notna() == (stops.method == "postcopy")).all()
    assert stops.pass_limit.isna().all()
    assert set(stops.write_processor_share) == {0.02, 0.3, 0.5, 0.7}
    assert (stops.measured_verdict == "never").sum() == 2
    passes = read_passes(DATA / "stops_passes.csv")
    assert set(passes.migration) == set(stops.migration)


def test_every_rule_is_predicted_blind(stops):
    """On the host of other migrations: times within 5 % at the median of each rule, every verdict right."""
    table = compare(stops, load_host(LABORATORY), draws=4)
    assert (table.verdict == table.measured_verdict).all()
    done = table[table.measured_verdict != "never"]
    assert (done.total_error.abs().groupby(done.method).median() < 0.05).all()
    assert (done.blackout_error_ms.abs().groupby(done.method).median() < 40).all()
    assert np.median(done.total_error.abs()) < 0.03
