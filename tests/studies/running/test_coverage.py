"""What intervals hold: widths learnt on some migrations and judged on others."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.studies.running import coverage

SIDES = ("low50", "low90", "high50", "high90")


def moments(ends, pattern="uniform", regime="told"):
    """Moments at 10 s of a predicted end at 20 s, the intervals a factor of 2 either way, that ended so."""
    whole = pd.DataFrame({"total_s": ends, "end_s": 20.0, "now_s": 10.0, "regime": regime, "at": 0.5})
    limits = {
        f"end_s_{side}{level}": end for level in (50, 90) for side, end in (("low", 15.0), ("high", 30.0))
    }
    return whole.assign(write_pattern=pattern, **limits)


TEN = 10 + 10 * 2 ** np.arange(-1, 2, 2 / 19)
"""Twenty ends whose scores are -1 to 1.9 in equal steps of 2 / 19."""


def test_a_width_is_the_quantile_of_the_scores_by_hand():
    """Ends from half to four times what is left: nine in ten of 21 scores lie below the nineteenth."""
    score = sorted(abs(np.arange(-1, 2, 2 / 19)))
    (found,) = coverage.learnt(moments(TEN)).values()
    assert found[90] == pytest.approx(score[math.ceil(0.9 * (len(score) + 1)) - 1])
    assert found[50] == pytest.approx(score[math.ceil(0.5 * (len(score) + 1)) - 1])


def test_the_widest_set_counts_and_too_few_do_not():
    """Of two sets the wider by interval; a regime of fourteen moments has no width."""
    both = coverage.widest([{"a": {50: 1.0, 90: 2.0}}, {"a": {50: 1.5, 90: 1.0}, "b": {50: 3.0}}])
    assert both == {"a": {50: 1.5, 90: 2.0}, "b": {50: 3.0}}
    assert coverage.learnt(moments(TEN[:14])) == {}


def test_a_pattern_is_judged_by_the_others_alone():
    """Others that were always right give a narrow interval: it holds one of these two ends."""
    right = moments(np.full(30, 20.0), "sequential")
    mine = moments(np.array([20.0, 29.0]))
    assert coverage.held_out(mine, {"right": pd.concat([right, mine])})["in 90 %"].tolist() == [0.5]
    wide = moments(np.full(30, 30.0), "hotcold")
    assert coverage.held_out(mine, {"right": right, "wide": wide})["in 90 %"].tolist() == [1.0]


def test_without_a_width_nothing_is_said():
    """No share is told of a regime that nobody learnt."""
    assert coverage.held(moments(TEN), {}).isna().all(axis=None)


def test_each_end_is_inside_or_not_in_its_own_row():
    """By a width of one the interval from 15 to 30 s holds 20 and not 31, whatever the rows are called."""
    found = moments([20.0, 31.0]).set_index(pd.Index([7, 3]))
    lies = coverage.inside(found, {"told": {50: 1.0, 90: 1.2}})
    assert lies.index.tolist() == [7, 3]
    assert lies["in 50 %"].tolist() == [1.0, 0.0]
    assert lies["in 90 %"].tolist() == [1.0, 1.0]
