"""A shared network: what other flows leave, rates that step in time, and times as distributions."""

import numpy as np
import pandas as pd
import pytest

from analysis.model.laws import passes
from analysis.model.migration import migrate
from analysis.studies.traffic import (
    VaryingLink,
    _drawn_parameters,
    bursts,
    durations,
    fair_flows,
    flows_in_time,
    in_a_row,
    summary,
)

MACHINE = {"memory_gib": 8, "bandwidth_gbps": 10, "dirty_pages_per_s": 20000}


def link(edges, rates):
    """One row of a varying link."""
    return VaryingLink(np.array([edges], float), np.array([rates], float))


def as_machine(varying):
    """The same for the laws, at its first rate."""
    m = [0.0] * (passes.MACHINE + 2 * varying.pages_per_s.shape[1])
    m[passes.STEPS], m[passes.RATE] = varying.pages_per_s.shape[1], varying.pages_per_s[0, 0]
    m[passes.MACHINE :: 2] = varying.edges[0, :-1].tolist()
    m[passes.MACHINE + 1 :: 2] = varying.pages_per_s[0].tolist()
    return m


def seconds(varying, at_s, pages):
    """Time that pages take from a moment on, of one row."""
    return float(varying.seconds(np.array([at_s], float), np.array([pages], float))[0])


@pytest.mark.parametrize(
    ("traffic", "left"),
    [
        (fair_flows(0), 1.0),
        (fair_flows(1), 1 / 2),
        (fair_flows(3), 1 / 4),
        # On half of the time: 1/2 of 1 and 1/2 of 1/2.
        (fair_flows(1, 2, 2), 3 / 4),
        # Two flows: 1/4 of 1, 1/2 of 1/2, 1/4 of 1/3.
        (fair_flows(2, 2, 2), 1 / 4 + 1 / 4 + 1 / 12),
        # On a quarter of the time.
        (fair_flows(1, 1, 3), 7 / 8),
    ],
)
def test_mean_share_left_by_fair_flows(traffic, left):
    """k flows that are on leave 1/(1 + k), weighted by how often k of them are."""
    assert traffic.mean_left == pytest.approx(left)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.9])
def test_bursts_take_their_share_on_the_mean(share):
    """Bursts leave what is not their mean share, however long they are."""
    assert bursts(share, 2.0).mean_left == pytest.approx(1 - share)
    assert bursts(share, 60.0).mean_left == pytest.approx(1 - share)


def test_no_bursts_at_no_share():
    """Other traffic of nothing is none."""
    assert bursts(0.0, 2.0).flows == 0


@pytest.mark.parametrize(
    ("at_s", "pages", "expected"),
    [
        (0, 50, 0.5),  # within the first second at 100 pages/s
        (0, 100, 1.0),  # exactly to the edge
        (0, 120, 1.4),  # 1 s at 100, the other 20 at 50
        (0.5, 100, 1.5),  # 0.5 s at 100, 50 at 50
        (0, 175, 2.125),  # 1 s at 100, 1 s at 50, 25 at 200
        (5, 400, 2.0),  # beyond the last edge the last rate goes on
    ],
)
def test_pages_over_a_rate_that_steps(at_s, pages, expected):
    """100 pages/s for a second, 50 for the next, 200 from then on, by hand."""
    varying = link([0, 1, 2, 3], [100, 50, 200])
    assert seconds(varying, at_s, pages) == pytest.approx(expected)
    machine = as_machine(varying)
    passes.move_on(machine, at_s)
    assert passes.lasts(machine, at_s, pages) == pytest.approx(expected)


def test_rate_at_a_moment():
    """The rate is that of the step that has begun."""
    machine, rates = as_machine(link([0, 1, 2, 3], [100, 50, 200])), []
    for t in (0.0, 0.99, 1.0, 2.5, 9.0):
        passes.move_on(machine, t)
        rates.append(machine[passes.RATE])
    assert rates == [100, 100, 50, 200, 200]


def test_a_link_seen_from_later():
    """A link whose time is counted from later carries what it carried then."""
    varying = link([0, 1, 2, 3], [100, 50, 200])
    assert seconds(varying.seen_from(np.array([0.5])), 0, 100) == pytest.approx(1.5)
    assert seconds(varying.seen_from(np.array([2.0])), 0, 400) == pytest.approx(2.0)


def test_flows_are_on_as_often_as_said():
    """Over a long time the flows of a draw are on for on/(on + off) of it, and one changes at a time."""
    traffic = fair_flows(3, on_s=1.0, off_s=3.0)
    edges, counts = flows_in_time(traffic, 200, 500.0, np.random.default_rng(5))
    shares = (counts * np.diff(edges, axis=1)).sum(axis=1) / np.diff(edges[:, [0, -1]], axis=1)[:, 0] / 3
    assert shares.mean() == pytest.approx(0.25, abs=0.005)
    assert set(np.unique(np.abs(np.diff(counts, axis=1)))) == {1}
    assert edges[:, -1].min() >= 500
    assert counts.min() >= 0
    assert counts.max() <= 3


@pytest.mark.parametrize(
    "scenario",
    [
        MACHINE,
        MACHINE | {"send_ahead_mib": 64},
        MACHINE | {"transport": "smb_direct"},
        MACHINE | {"bandwidth_gbps": 1, "dirty_pages_per_s": 60000, "working_set_gib": 4},
        MACHINE | {"stop_rule": "qemu", "dirty_pages_per_s": 3000},
        MACHINE | {"transport": "compression", "spare_cores": 2},
    ],
)
def test_a_steady_link_gives_the_times_of_migrate(scenario):
    """Without other traffic, and beside flows that never pause, every draw is what `migrate` says."""
    (alone,) = migrate(**scenario).itertuples()
    drawn = durations(draws=3, **scenario)
    assert np.ptp(drawn.total_s) == pytest.approx(0, abs=1e-9)
    for name in ("brownout_s", "blackout_s", "total_s", "passes"):
        assert drawn[name].iloc[0] == pytest.approx(getattr(alone, name), rel=1e-9)


@pytest.mark.parametrize("flows", [1, 3])
def test_a_flow_that_never_pauses_is_a_slower_line(flows):
    """k flows that are always on leave the migration what a share of k/(1 + k) taken leaves it."""
    taken = flows / (1 + flows)
    (slower,) = migrate(network="shared", background_share=taken, **MACHINE).itertuples()
    assert durations(fair_flows(flows), draws=2, **MACHINE).total_s.iloc[0] == pytest.approx(slower.total_s)


def test_the_seed_decides():
    """The same seed draws the same migrations, another seed others."""
    shared = MACHINE | {"network": "shared", "varied": {"resident_share": 0.1}, "draws": 50}
    first, again, other = (durations(seed=seed, **shared) for seed in (3, 3, 4))
    assert first.equals(again)
    assert not first.equals(other)
    np.testing.assert_array_equal(*(in_a_row(3, seed=3, **shared) for _ in range(2)))


def test_more_traffic_never_shortens_the_mean():
    """The mean total time rises with the share of other traffic."""
    means = [
        durations(network="shared", background_share=share, draws=400, seed=2, **MACHINE).total_s.mean()
        for share in (0.0, 0.1, 0.3, 0.5, 0.7)
    ]
    assert (np.diff(means) > 0).all()


def test_longer_bursts_spread_times():
    """At the same mean share, longer bursts make times differ more."""
    spreads = [
        summary(
            durations(
                network="shared", background_share=0.3, background_burst_s=burst, draws=600, seed=2, **MACHINE
            )
        )["cv"]
        for burst in (0.2, 1.0, 5.0, 30.0)
    ]
    assert (np.diff(spreads) > 0).all()


def test_a_migration_longer_than_the_drawn_traffic_is_not_made_uncertain():
    """Over thousands of short bursts chance cancels out: a rate must not stay what it happened to be."""
    long = {"memory_gib": 256, "bandwidth_gbps": 1, "dirty_pages_per_s": 100}
    drawn = durations(network="shared", background_burst_s=0.5, draws=60, seed=1, **long)
    assert summary(drawn)["cv"] < 0.02
    (steady,) = migrate(network="shared", **long).itertuples()
    assert drawn.total_s.mean() == pytest.approx(steady.total_s, rel=0.01)


def test_draws_of_a_parameter_keep_its_mean():
    """What is varied has the given mean: a log-normal factor of mean 1."""
    varied = {"resident_share": 0.1}
    drawn = durations(
        varied=varied, draws=4000, seed=6, memory_gib=64, resident_share=0.5, dirty_pages_per_s=0
    )
    (alone,) = migrate(memory_gib=64, resident_share=0.5, dirty_pages_per_s=0).itertuples()
    assert drawn.total_s.mean() == pytest.approx(alone.total_s, rel=0.01)
    assert drawn.brownout_s.std() / drawn.brownout_s.mean() == pytest.approx(0.1, rel=0.1)


def test_what_never_converges_is_endless():
    """Under a rule without a pass limit, a guest that writes faster than is sent migrates for ever."""
    busy = MACHINE | {
        "stop_rule": "qemu",
        "bandwidth_gbps": 1,
        "dirty_pages_per_s": 1e6,
        "working_set_gib": 8,
    }
    drawn = durations(network="shared", draws=20, seed=1, **busy)
    assert np.isinf(drawn.total_s).all()
    assert np.isinf(drawn.brownout_s).all()


def test_machines_in_a_row_on_an_empty_line():
    """Without other traffic n alike machines take n times as long as one."""
    (one,) = migrate(**MACHINE).itertuples()
    finished = in_a_row(4, draws=2, **MACHINE)
    assert finished.shape == (4, 2)
    np.testing.assert_allclose(finished[:, 0], one.total_s * np.arange(1, 5))


def test_a_long_burst_slows_several_machines():
    """Bursts that outlast a migration make neighbours alike, so their sum spreads more."""
    shared = {"network": "shared", "background_burst_s": 60.0, "draws": 800, "seed": 7, **MACHINE}
    row = in_a_row(5, **shared)
    alone = durations(**shared).total_s
    assert row[-1].mean() == pytest.approx(5 * alone.mean(), rel=0.1)
    assert row[-1].std() > 1.5 * np.sqrt(5) * alone.std()


def test_what_varies_is_drawn_about_its_value():
    """A log-normal factor of mean 1, of shares up to 1 at most; what does not vary stays as it is."""
    p = {
        "dirty_pages_per_s": np.array([5000.0]),
        "background_share": np.array([0.9]),
        "mtu_bytes": np.array([1500.0]),
    }
    varied = {"dirty_pages_per_s": 0.3, "background_share": 0.3}
    drawn = _drawn_parameters(p, 20_000, varied, np.random.default_rng(1))
    assert drawn["dirty_pages_per_s"].mean() == pytest.approx(5000, rel=0.01)
    assert np.log(drawn["dirty_pages_per_s"]).std() == pytest.approx(0.3, rel=0.02)
    assert drawn["background_share"].max() == 1
    assert 0.2 < (drawn["background_share"] == 1).mean() < 0.5
    assert (drawn["mtu_bytes"] == 1500).all()


def test_the_summary_by_hand():
    """Of 1, 2, ... 101: mean and median 51, 96 and 100 at 95 and 99 per cent, variation 29.3 over 51."""
    found = summary(pd.DataFrame({"total_s": np.arange(1.0, 102.0)}))
    due = {"mean": 51, "median": 51, "p95": 96, "p99": 100, "cv": np.sqrt(101 * 102 / 12) / 51}
    assert found == pytest.approx(due)
