"""Migrations that a slower line would carry faster are named, and what is said of them is true."""

import re

import numpy as np
import pandas as pd
import pytest

from analysis.model.migration import ceilings, migrate
from analysis.studies import grids
from analysis.studies.overflows import _others, sentences, slower_lines

ISSUE = {"bandwidth_gbps": [8.86, 10, 14.38, 25], "round_trip_ms": 5.0}
"""512 descriptors that fill in 630 us on 10 Gbit/s, emptied every 100 us on the mean."""


def test_the_way_into_an_overflow_is_named():
    """At 5 ms 8.9 and 10 Gbit/s are as good as it gets; 14.4 and 25 would do better slower."""
    found = slower_lines(grids.grid(**ISSUE))
    assert found.index.tolist() == [2, 3]
    assert found.line_gbps.between(9, 11).all()


def test_what_is_named_is_true_of_the_model():
    """The slower line carries what is said, and so many buffers carry 99 % of what endless ones do."""
    table = grids.grid(**ISSUE)
    found = slower_lines(table)
    bound = table.loc[found.index]
    again = ceilings(bound.assign(bandwidth_gbps=found.line_gbps)).goodput_gbps
    np.testing.assert_allclose(again.to_numpy(), found.line_goodput_gbps)
    endless = ceilings(bound.assign(receive_buffers=10**6)).goodput_gbps.to_numpy()
    enough = ceilings(bound.assign(receive_buffers=found.buffers)).goodput_gbps.to_numpy()
    too_few = ceilings(bound.assign(receive_buffers=np.floor(0.97 * found.buffers))).goodput_gbps.to_numpy()
    assert (enough >= 0.989 * endless).all()
    assert (too_few < 0.99 * endless).all()


def test_a_ring_a_few_packets_too_small_is_named():
    """The issue's cliff: 128 Gbit/s fill 512 descriptors in less than an interval of 50 us, 125 do not."""
    alone = {"receive_delay_us": 0, "round_trip_ms": 1, "stream_limit_gbps": 1e6, "socket_buffer_kib": 1e6}
    found = slower_lines(grids.grid(bandwidth_gbps=[125, 128], **alone))
    assert found.index.tolist() == [1]
    assert 513 <= found.buffers[1] <= 530


def test_nothing_is_said_where_the_ring_holds():
    """The defaults: a ring that lets the line through."""
    assert sentences(pd.DataFrame(index=range(1))) == []


def test_a_ring_that_binds_is_told_with_the_buffers_that_would_do():
    """On a short path, where a slower line is no better: so many carry 99 % of what endless ones would."""
    short = grids.grid(receive_buffers=8, round_trip_ms=0.0, receive_delay_us=500.0)
    assert migrate(short).limited_by[0] == "receive_buffers"
    (told,) = sentences(short)
    enough = int(re.search(r"binds: ([\d,]+) receive buffers instead of 8 ", told)[1].replace(",", ""))
    ring = migrate(
        short.loc[[0] * 3].reset_index(drop=True).assign(receive_buffers=[enough, enough - 1, 10**6])
    ).goodput_gbps
    assert ring[0] >= 0.99 * ring[2] > ring[1]


def test_many_rows_are_told_in_few_words():
    """The first in full, the rest in one sentence; labels of rows do not matter."""
    table = grids.grid(bandwidth_gbps=np.linspace(15, 40, 8), round_trip_ms=5.0)
    table.index = [7] * len(table)
    said = sentences(table)
    assert len(said) == 2
    assert all("ore receive buffers help" in one for one in said)
    assert "7 more rows" in said[-1]


def test_what_helps_comes_before_what_does_not():
    """More buffers, and the usual delay where a longer one was set; the longer round trip last."""
    (said,) = sentences(grids.grid(receive_delay_us=300.0, interrupt_moderation_us=200.0))
    usual = ceilings(grids.grid(receive_delay_us=50.0, interrupt_moderation_us=200.0)).goodput_gbps[0]
    assert said.index("receive buffers help") < said.index("round trip of")
    assert (
        f"300 us late in the mean (receive_delay_us), and at the usual 50 us the link would carry {usual:.3g}"
        in said
    )


def test_a_table_of_rows_that_a_ring_holds_gets_one_sentence():
    """The span of the buffers that would do."""
    short = grids.grid(receive_buffers=[8, 9], round_trip_ms=0.0, receive_delay_us=[400.0, 500.0])
    (said,) = sentences(short)
    assert re.search(r"binds in 4 rows: [\d,]+ to [\d,]+ receive buffers instead of 8 to 9 carry", said)


@pytest.mark.parametrize("label", [0, 5])
def test_a_sentence_by_its_numbers(label):
    """One migration: both lines, both rates, both rings."""
    table = pd.DataFrame({"bandwidth_gbps": [25.0], "round_trip_ms": [5.0]}, index=[label])
    row = slower_lines(table).iloc[0]
    (said,) = sentences(table)
    words = (
        f"{row.line_gbps:.3g} Gbit/s",
        f"{row.goodput_gbps:.3g} Gbit/s",
        f"{row.buffers:.0f} instead of 512",
    )
    for word in words:
        assert word in said


@pytest.mark.parametrize("ring", ["receive_buffers", "send_buffers"])
def test_enough_buffers_are_enough_on_the_link_that_was_asked_about(ring):
    """200 random links: so many carry 99 % of what endless ones do, one fewer does not."""
    rng = np.random.default_rng(7)
    table = pd.DataFrame(
        {
            "bandwidth_gbps": np.exp(rng.uniform(0, np.log(200), 200)),
            "round_trip_ms": rng.choice([0, 0.1, 1, 5, 20], 200),
            "interrupt_moderation_us": rng.choice([0, 20, 50, 200], 200),
            "receive_delay_us": rng.choice([0, 10, 50, 300], 200),
            "send_delay_us": rng.choice([0, 20], 200),
            "stream_limit_gbps": rng.choice([4, 13.65, 1e3], 200),
        }
    )
    other = {"receive_buffers": 10**6, "send_buffers": 10**6}
    needed = grids.buffers_needed(table, ring)
    found = np.isfinite(needed)
    assert found.sum() > 150
    table, needed = table[found], needed[found]
    endless = ceilings(table.assign(**other)).goodput_gbps.to_numpy()
    enough = ceilings(table.assign(**other | {ring: needed})).goodput_gbps.to_numpy()
    fewer = ceilings(table.assign(**other | {ring: np.maximum(needed - 1, 1)})).goodput_gbps.to_numpy()
    assert (enough >= 0.99 * endless).all()
    assert (fewer < 0.99 * endless)[needed > 1].all()


def test_rows_that_no_number_of_buffers_helps_are_told_apart():
    """Of others like it: how many, and the span of what they need; where nothing does, that."""
    assert _others(np.array([])) == []
    (one,) = _others(np.array([np.inf]))
    assert one == (
        "the same holds for 1 more row: more receive buffers help, but no number of them carries 99 %"
    )
    (two,) = _others(np.array([1024.0, 2048.0, np.inf]))
    assert two == "the same holds for 3 more rows: more receive buffers help (1,024 to 2,048 carry 99 %)"
