"""Migrations that a rule of their own ends: read as scenarios of that rule, and predicted blind."""

import numpy as np
import pandas as pd
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


@pytest.fixture(scope="module")
def own():
    """The rows that the laboratory in the project measured."""
    return read_migrations(DATA / "stops_own_migrations.csv")


def test_own_rows_are_scenarios_of_a_bare_guest(own):
    """77 rows, 22 of each way to stop: memory is what was filled, the processor share the one measured."""
    assert own.group.value_counts().to_dict() == {
        "own-autoconverge": 22, "own-growing": 22, "own-postcopy": 22, "own-fixed": 11,
    }  # fmt: skip
    assert covered(own).all()
    assert (own.extra_resident_mib == 0).all()
    assert own.resident_share.iloc[0] == 176 / 272
    assert own.write_processor_share.iloc[0] == pytest.approx(0.678)
    assert (own.time_limit_s == 60).all()
    switched = own[own.method == "postcopy"].measured_verdict.value_counts()
    assert switched.to_dict() == {"forced": 21, "converged": 1}  # one ended before its switch


def test_own_rows_are_predicted_blind(own):
    """Nothing is fitted to them: medians of each rule within 3 %, nine in ten within 7 %, every verdict."""
    table = compare(own, load_host(LABORATORY), draws=4)
    assert (table.verdict == table.measured_verdict).all()
    done = table[table.measured_verdict != "never"]
    of_rule = done.total_error.abs().groupby(done.method)
    assert (of_rule.median() < 0.03).all()
    assert (of_rule.quantile(0.9) < 0.07).all()
    assert np.median(done.total_error.abs()) < 0.015
    assert (done.blackout_error_ms.abs().groupby(done.method).median() < 25).all()
    assert (done.predicted_stream_gib / done.measured_stream_gib).median() == pytest.approx(1, abs=0.015)


def test_tables_with_and_without_a_guests_own_memory_together(stops, own):
    """What a bare guest holds is its row's, whatever else is in the table."""
    rows = pd.concat([stops.iloc[:2], own.iloc[[0, 5]]], ignore_index=True)
    host = load_host(LABORATORY)
    both, apart = compare(rows, host, draws=2), compare(rows.iloc[2:], host, draws=2)
    assert both.total_s.iloc[2:].tolist() == apart.total_s.tolist()
    assert (both.extra_resident_mib.iloc[:2] > 60).all()
    assert (both.extra_resident_mib.iloc[2:] == 0).all()
