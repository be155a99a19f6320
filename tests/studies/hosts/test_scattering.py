"""Causes of scatter are found again from migrations that were made with them."""

import numpy as np
import pandas as pd
import pytest

from analysis.model.migration import migrate
from analysis.studies.hosts.calibration import calibrate
from analysis.studies.hosts.drawing import NINETY
from analysis.studies.hosts.host import Host
from analysis.studies.hosts.prediction import outcomes, predict, unmeasured
from analysis.studies.hosts.resampling import configurations


def migrations(count, writes=0.0, clock=0.0, seed=7):
    """Migrations under QEMU's rule, to the limit, whose writes and whose link scatter."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({
        "memory_gib": rng.choice([2.0, 4.0, 8.0], count),
        "bandwidth_gbps": 1.0,
        "stop_rule": "hyperv",
        "pass_limit": 8.0,
        "dirty_pages_per_s": rng.uniform(2_000, 22_000, count),
        "working_set_gib": 1.0,
    })  # fmt: skip
    slower = np.exp(rng.normal(0, clock, count))
    busier = np.exp(rng.normal(0, writes, count))
    true = migrate(table.assign(dirty_pages_per_s=table.dirty_pages_per_s * busier * slower))
    times = true.brownout_s * slower + true.blackout_s * slower + 2.0
    return table.assign(measured_total_s=times, measured_blackout_s=true.blackout_s * slower)


@pytest.fixture(scope="module")
def busy():
    return migrations(160, writes=0.08)


@pytest.fixture(scope="module")
def busy_host(busy):
    return calibrate(busy, free=["bandwidth_gbps", "dirty_pages_per_s"])


def test_writes_that_scatter_are_laid_to_writes(busy_host):
    """8 % were put in, and next to nothing of the link: within a quarter."""
    assert busy_host.scatter["dirty_pages_per_s"] == pytest.approx(0.08, rel=0.25)
    assert busy_host.scatter["time"]["line_rate"] < 0.01


def test_a_link_that_scatters_is_laid_to_the_link():
    """4 % were put in, with steady writes."""
    found = calibrate(migrations(160, clock=0.04), free=["bandwidth_gbps", "dirty_pages_per_s"]).scatter
    assert found["time"]["line_rate"] == pytest.approx(0.04, rel=0.3)
    assert found["dirty_pages_per_s"] < 0.04


def test_intervals_widen_near_the_limit_by_themselves(busy, busy_host):
    """The same scatter of writes matters five times as much near the link's rate as far below."""
    two = busy.head(2).assign(memory_gib=4.0, dirty_pages_per_s=[2_000.0, 20_000.0])
    found = predict(unmeasured(two), busy_host)
    width = np.log(found.total_s_high90 / found.total_s_low90).to_numpy()
    assert width[1] > 5 * width[0]


def test_intervals_hold_new_migrations(busy_host):
    """300 new ones: 90 and 50 % within three deviations of the count, 5 and 9 points."""
    new = migrations(300, writes=0.08, seed=8)
    found = predict(unmeasured(new), busy_host)
    for level, slack in ((90, 0.055), (50, 0.09)):
        inside = new.measured_total_s.between(found[f"total_s_low{level}"], found[f"total_s_high{level}"])
        assert inside.mean() == pytest.approx(level / 100, abs=slack)


def test_the_chance_to_converge_is_how_often_it_does(busy_host):
    """Far below the limit it is certain, far above it never happens, and between it is neither."""
    row = pd.DataFrame({"memory_gib": 4.0, "bandwidth_gbps": 1.0, "stop_rule": "hyperv", "pass_limit": 8.0,
                        "dirty_pages_per_s": [2_000.0, 60_000.0], "working_set_gib": 1.0})  # fmt: skip
    sure = predict(row, busy_host).converge_chance.tolist()
    assert sure == [1.0, 0.0]
    many = row.loc[[0] * 40].reset_index(drop=True).assign(dirty_pages_per_s=np.linspace(5_000, 60_000, 40))
    chance = predict(many, busy_host).converge_chance
    assert ((chance > 0.1) & (chance < 0.9)).any()
    assert chance.diff().dropna().le(0.05).all()


def test_repeats_scatter_less_than_configurations_of_which_the_same_is_known():
    """Eight machines write up to a third more or less than is told; eight times each, alike to 1 %.

    Repeats of one are drawn as they scatter, within a factor of 1.5; migrations in general far wider.
    """
    hidden = np.exp(np.random.default_rng(2).normal(0, 0.15, 8))
    known = migrations(8).filter(regex="^(?!measured)").assign(dirty_pages_per_s=np.linspace(6e3, 14e3, 8))
    true = pd.concat(
        [known.assign(dirty_pages_per_s=known.dirty_pages_per_s * hidden)] * 8, ignore_index=True
    )
    slower = np.exp(np.random.default_rng(3).normal(0, 0.01, 64))
    made = migrate(true.assign(dirty_pages_per_s=true.dirty_pages_per_s * slower))
    table = pd.concat([known] * 8, ignore_index=True).assign(measured_total_s=made.total_s * slower)
    host = calibrate(table, free=["bandwidth_gbps"])
    times = outcomes(host.apply(known), Host(scatter=host.repeats), draws=64)["total_s"]
    drawn = np.log(times).std(axis=1)
    measured = np.log(table.measured_total_s.to_numpy().reshape(8, 8)).std(axis=0, ddof=1)
    assert np.median(drawn / measured) == pytest.approx(1, abs=0.5)
    said = predict(known, host)
    assert np.median(np.log(said.total_s_high90 / said.total_s_low90) / (2 * NINETY * drawn)) > 2.5


def test_without_repeats_nothing_is_said_of_them():
    """Every migration is a configuration of its own: writes differ by 9 % from one to the next."""
    apart = migrations(24).assign(memory_gib=4.0, dirty_pages_per_s=np.geomspace(2_500, 20_000, 24))
    assert calibrate(apart, free=["bandwidth_gbps"]).repeats == {}


def test_numbers_alike_to_a_fiftieth_are_one_configuration():
    """Writes counted anew before each migration never come out the same; a tenth more is another machine."""
    one = migrations(3).assign(memory_gib=4.0, dirty_pages_per_s=[9_000.0, 9_020.0, 9_900.0])
    assert configurations(one.drop(columns=["measured_total_s", "measured_blackout_s"])).tolist() == [0, 0, 1]
