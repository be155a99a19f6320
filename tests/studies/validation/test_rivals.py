"""Rival models by hand: a guest of 100,000 pages, a link that carries 10,000 of them a second."""

import numpy as np
import pandas as pd
import pytest

from analysis.model.units import PAGE_BYTES, PAGES_PER_GIB
from analysis.studies.validation import rivals

PAGES, RATE = 100_000, 10_000
CONTENT_S = PAGES / RATE
FIXED_S = 2.2
"""Set-up of 2 s and a hand-off of 0.2 s."""


def guest(**scenario):
    """A guest with 100,000 pages of content on a link that carries 10,000 pages a second."""
    plain = {
        "memory_gib": PAGES / PAGES_PER_GIB,
        "resident_share": 1.0,
        "bandwidth_gbps": RATE * (PAGE_BYTES + 8) * 8 / 1e9,
        "header_bytes": 0.0,
        "frame_overhead_bytes": 0.0,
        "dirty_pages_per_s": 2000.0,
        "working_set_gib": 1000 / PAGES_PER_GIB,
        "setup_s": 2.0,
        "handoff_ms": 200.0,
        "stop_rule": "qemu",
        "pass_limit": 4.0,
        "blackout_target_ms": 0.0,
    }
    return pd.DataFrame([plain | scenario])


def answer(model, **scenario):
    return model(guest(**scenario)).iloc[0]


def test_the_link_is_told_in_pages():
    """What every rival shares: content, payload rate, target, limit and fixed times."""
    r = rivals.rows_of(guest(blackout_target_ms=300.0))
    assert (r.content[0], r.rate[0]) == pytest.approx((PAGES, RATE))
    assert (r.target[0], r.pass_limit[0], r.fixed_s[0]) == pytest.approx((0.3 * RATE, 4, FIXED_S))


def test_memory_over_bandwidth_by_hand():
    """V / B: 100,000 pages at 10,000 a second are 10 s, and no page is sent twice."""
    found = answer(rivals.memory_over_bandwidth)
    assert found.total_s == pytest.approx(FIXED_S + CONTENT_S)
    assert found.stream_gib == pytest.approx(PAGES * (PAGE_BYTES + 8) / 2**30)
    assert found.blackout_s == 0


def test_memory_over_net_bandwidth_by_hand():
    """V / (B - D): with 2,000 of 10,000 pages a second written again, 12.5 s."""
    assert answer(rivals.memory_over_net_bandwidth).total_s == pytest.approx(FIXED_S + 12.5)


def test_an_endless_closed_form_is_clipped():
    """At a dirty rate above the link's the closed form takes 20 times as long as one pass, not for ever."""
    found = answer(rivals.memory_over_net_bandwidth, dirty_pages_per_s=50_000.0)
    assert found.total_s == pytest.approx(FIXED_S + CONTENT_S / (1 - 0.95))


def test_the_geometric_series_in_closed_form():
    """lambda = 0.2, four passes: X = V (1 - lambda^5) / (1 - lambda), the last term while paused."""
    found = answer(rivals.geometric)
    assert found.total_s == pytest.approx(FIXED_S + CONTENT_S * (1 - 0.2**5) / 0.8)
    assert found.blackout_s == pytest.approx(CONTENT_S * 0.2**4)
    assert found.stream_gib * 2**30 / (PAGE_BYTES + 8) == pytest.approx(PAGES * (1 - 0.2**5) / 0.8)


def test_the_series_stops_when_what_is_left_meets_the_target():
    """After two passes 4,000 pages are left, 0.4 s: within 0.5 s, so the pause comes then."""
    found = answer(rivals.geometric, blackout_target_ms=500.0)
    assert found.blackout_s == pytest.approx(0.4)
    assert found.total_s == pytest.approx(FIXED_S + 10 + 2 + 0.4)


def test_the_cap_is_the_working_set():
    """20,000 writes in the first pass fall on 1,000 pages, and so do those of the next: 0.1 s a pass."""
    found = answer(rivals.capped_working_set, pass_limit=2.0)
    assert found.total_s == pytest.approx(FIXED_S + 10 + 0.1 + 0.02)
    assert found.blackout_s == pytest.approx(2000 * 0.1 / RATE)


def test_saturation_by_hand():
    """W (1 - exp(-D t / W)): with W = 20,000 the first pass of 10 s leaves 20,000 (1 - 1/e) pages."""
    found = answer(rivals.uniform_saturation, working_set_gib=20_000 / PAGES_PER_GIB, pass_limit=1.0)
    assert found.blackout_s == pytest.approx(2 * (1 - np.exp(-1)))
    assert found.total_s == pytest.approx(FIXED_S + 10 + 2 * (1 - np.exp(-1)))


@pytest.mark.parametrize("name", rivals.RIVALS)
def test_without_writes_all_rivals_agree(name):
    """One pass, whatever the model says of writes."""
    assert answer(rivals.RIVALS[name], dirty_pages_per_s=0.0).total_s == pytest.approx(FIXED_S + CONTENT_S)


@pytest.mark.parametrize("name", rivals.RIVALS)
def test_rivals_answer_every_row_by_itself(name):
    """A table of three rows is the three rows one by one, and an endless one holds nobody up."""
    rates = [0.0, 2000.0, 50_000.0]
    together = rivals.RIVALS[name](pd.concat([guest(dirty_pages_per_s=d) for d in rates], ignore_index=True))
    for row, rate in enumerate(rates):
        pd.testing.assert_series_equal(
            together.loc[row], answer(rivals.RIVALS[name], dirty_pages_per_s=rate), check_names=False
        )
    assert np.isfinite(together).all(axis=None)


@pytest.mark.parametrize("name", rivals.RIVALS)
def test_every_rival_says_where_it_comes_from(name):
    """A named function with a docstring that gives its formula or its source."""
    assert len(rivals.RIVALS[name].__doc__) > 40


def measured(count, seed=0):
    """Migrations that obey V / B within 1 %."""
    rng = np.random.default_rng(seed)
    sizes = rng.uniform(0.5, 4, count)
    table = pd.concat([guest(memory_gib=m, write_pattern="uniform") for m in sizes], ignore_index=True)
    plain = rivals.memory_over_bandwidth(table).assign(blackout_s=0.1)
    noise = np.exp(rng.normal(0, 0.01, (count, 3)))
    return table.assign(**{f"measured_{n}": plain[n] * noise[:, i] for i, n in enumerate(plain)})


def test_boosted_trees_learn_a_simple_law():
    """From 60 migrations that obey V / B, 20 others are predicted within 10 % in the median."""
    pytest.importorskip("sklearn")
    train, test = measured(60), measured(20, seed=1)
    found = rivals.boosted_trees(train, test)
    assert (found.total_s / test.measured_total_s - 1).abs().median() < 0.1
    assert found.index.equals(test.index)


def test_boosted_trees_see_no_measurement_of_what_they_predict():
    """What is measured of the rows to be predicted may be anything; the same seed gives the same trees."""
    pytest.importorskip("sklearn")
    train, test = measured(20), measured(5, seed=1)
    spoilt = test.assign(**{c: -1e9 for c in test if c.startswith("measured_")})
    pd.testing.assert_frame_equal(rivals.boosted_trees(train, test), rivals.boosted_trees(train, spoilt))
