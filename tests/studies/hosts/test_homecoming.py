"""A calibration on rows that the model made itself finds its way home, whatever columns a table has."""

import itertools

import numpy as np
import pandas as pd
import pytest

from analysis.model.migration import migrate
from analysis.studies.hosts.calibration import calibrate
from analysis.studies.hosts.prediction import predict, unmeasured

HIDDEN = [
    (10.0, 12, {"resident_share": 0.82, "setup_s": 3.0, "handoff_ms": 150.0}),
    (10.0, 60, {"resident_share": 0.75, "setup_s": 1.0, "handoff_ms": 400.0}),
    (1.0, 20, {"resident_share": 0.9, "setup_s": 2.0, "handoff_ms": 200.0}),
]
NEXT = {"memory_gib": 48.0, "dirty_pages_per_s": 30_000.0, "working_set_gib": 6.0}


def own_rows(line, count, hidden, seed):
    """Random machines on a host of hidden values: 3 % of noise on the total, 5 % on the downtime."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({
        "memory_gib": rng.choice([4.0, 8.0, 16.0, 32.0, 64.0, 96.0], count),
        "bandwidth_gbps": line,
        "dirty_pages_per_s": rng.choice([1_000.0, 5_000.0, 20_000.0, 60_000.0], count),
        "working_set_gib": rng.choice([1.0, 2.0, 4.0, 8.0], count),
    })  # fmt: skip
    true = migrate(table.assign(**hidden))
    return table.assign(
        measured_total_s=true.total_s * np.exp(rng.normal(0, 0.03, count)),
        measured_blackout_s=true.blackout_s * np.exp(rng.normal(0, 0.05, count)),
    )


@pytest.mark.thorough
@pytest.mark.parametrize(("line", "count", "hidden"), HIDDEN, ids=["12 rows", "60 rows", "1 Gbit/s"])
def test_the_next_migration_is_predicted_from_a_few_of_the_same_host(line, count, hidden):
    """Within 4 % of the truth (3 % of noise on a dozen rows), inside an interval of at most 1.35."""
    host = calibrate(own_rows(line, count, hidden, seed=3))
    scenario = pd.DataFrame([NEXT | {"bandwidth_gbps": line}])
    truth, found = migrate(scenario.assign(**hidden)).iloc[0], predict(scenario, host).iloc[0]
    assert found.total_s == pytest.approx(truth.total_s, rel=0.04)
    assert found.total_s_low90 <= truth.total_s <= found.total_s_high90
    assert found.total_s_high90 / found.total_s_low90 <= 1.35
    assert found.blackout_s == pytest.approx(truth.blackout_s, rel=0.1)


def test_a_ceiling_is_not_found_below_what_was_reached():
    """Rows at 10 Gbit/s say nothing of a ceiling of 12: it stays at its default, with a word, undrawn."""
    host = calibrate(own_rows(*HIDDEN[1], seed=4))
    assert "stream_limit_gbps" not in {e.name for e in host.estimates}
    assert any("stream_limit_gbps (12 Gbit/s)" in told for told in host.undecided)


SHARES = {"db": 0.3, "web": 0.05, "mail": 0.12}
OPTIONAL = ("working_set_gib", "workload", "measured_blackout_s")


@pytest.fixture(scope="module")
def many():
    """Three workloads that write to a share each of their content; 1 % of noise."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame({
        "memory_gib": rng.choice([4.0, 8.0, 16.0], 36),
        "bandwidth_gbps": rng.choice([1.0, 10.0], 36),
        "dirty_pages_per_s": rng.choice([1_000.0, 5_000.0, 20_000.0], 36),
        "workload": np.tile(list(SHARES), 12),
    })  # fmt: skip
    table["working_set_gib"] = table.workload.map(SHARES) * table.memory_gib * 0.9
    true = migrate(table)
    noise = np.exp(rng.normal(0, 0.01, 36))
    return table.assign(measured_total_s=true.total_s * noise, measured_blackout_s=true.blackout_s)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "missing", list(itertools.chain(*(itertools.combinations(OPTIONAL, n) for n in range(4))))
)
def test_what_is_calibrated_is_what_predicts(many, missing):
    """Whatever columns a table lacks, the host predicts its own rows as well as it was fitted to them.

    With the workloads known, or their working sets, to the noise; with neither, to what one share of the
    content for all can tell, which a third of the rows miss by up to 60 %.
    """
    table = many.drop(columns=list(missing))
    host = calibrate(table, free=["working_set_gib", "dirty_pages_per_s", "setup_s"])
    error = (predict(unmeasured(table), host).total_s / table.measured_total_s - 1).abs()
    blind = {"working_set_gib", "workload"} <= set(missing)
    assert error.median() < (0.06 if blind else 0.015)
    assert (error > 0.05).mean() <= (0.5 if blind else 0.05)


def test_a_workload_that_was_never_met_is_one_more_of_their_kind(many):
    """Its share of the content lies in the middle of theirs, and its interval holds all of them."""
    host = calibrate(many.drop(columns="working_set_gib"), free=["working_set_gib"])
    other = host.estimate("working_set_gib")
    own = [host.estimate("working_set_gib", name).value for name in SHARES]
    assert other.value == pytest.approx(np.exp(np.log(own).mean()), rel=1e-9)
    assert other.low < min(own) < max(own) < other.high


def test_a_share_of_the_content_says_nothing_of_a_working_set_that_is_told(many):
    """A host that was calibrated without working sets leaves one that a scenario states as it is."""
    host = calibrate(many.drop(columns=["working_set_gib", "workload"]), free=["working_set_gib"])
    told = pd.DataFrame({"memory_gib": [8.0], "bandwidth_gbps": 1.0, "dirty_pages_per_s": 20_000.0,
                         "working_set_gib": 0.4})  # fmt: skip
    assert predict(told, host).total_s[0] == pytest.approx(migrate(told).total_s[0], rel=1e-9)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("spoilt", "sentence"),
    [
        (lambda t: t.drop(columns="bandwidth_gbps"), "no column bandwidth_gbps: every migration is taken at"),
        (lambda t: t.assign(measured_total_s=1000 * t.measured_total_s), "are they in milliseconds?"),
        (lambda t: t.assign(dirty_pages_per_s=t.dirty_pages_per_s * 30), "at the end of its range"),
    ],
    ids=["no line", "milliseconds", "writes by thirty"],
)
def test_what_looks_wrong_is_told(many, spoilt, sentence):
    """In a sentence of the host's own, which the command line prints and a file keeps."""
    host = calibrate(spoilt(many), free=["dirty_pages_per_s", "setup_s", "handoff_ms"])
    assert any(sentence in told for told in host.undecided)
