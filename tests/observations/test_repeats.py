"""The reader of repeated migrations beside other flows."""

import pytest

from analysis.observations.repeats import read_repeats


def test_the_studys_repeats():
    """Three kinds of traffic, six migrations each, in the order of how much there is, all alike else."""
    rows = read_repeats()
    assert list(dict.fromkeys(rows.traffic)) == [
        "no other traffic",
        "2 flows, 2 s on and 2 s off",
        "1 flow, always on",
    ]
    assert set(rows.traffic.value_counts()) == {6}
    assert rows[["memory_gib", "bandwidth_gbps", "dirty_pages_per_s", "write_pattern"]].nunique().eq(1).all()
    assert (rows.measured_verdict == "converged").all()


def test_other_traffic_made_them_longer():
    """Measured means: alone 6.5 s, beside others much longer."""
    means = read_repeats().groupby("traffic", sort=False).measured_total_s.mean()
    assert means.iloc[0] == pytest.approx(6.5, abs=0.1)
    assert (means.iloc[1:] > 1.5 * means.iloc[0]).all()
