"""Words of advice: what a change does to a time, beside today, alone and with others."""

import math

import pandas as pd
import pytest

from analysis.studies.decisions import advised


@pytest.mark.parametrize(
    ("after", "gain", "said"),
    [
        (10.0, math.inf, "takes 10 s, where today it has no end"),
        (10.0, 0.0, "takes 10 s, as today"),
        (10.0, 10.0, "takes 10 s instead of 20 s (50 % less)"),
        (20.0, -10.0, "takes 20 s instead of 10 s (100 % more)"),
        (0.01, 99.99, "takes 0.01 s instead of 100 s (more than 99 % less)"),
    ],
)
def test_from_today_to_afterwards(after, gain, said):
    """The new time, today's, and the share; of a time without end none."""
    row = pd.Series({"total_s": after, "total_gain_s": gain})
    assert advised._from_to(row, "total_s", "takes").replace("\N{NO-BREAK SPACE}", " ") == said


def test_a_sentence_that_begins_has_no_comma():
    """As today, at its begin."""
    row = pd.Series({"total_s": 10.0, "total_gain_s": 0.0})
    assert advised._from_to(row, "total_s", "It takes").endswith("10 s as today")


def test_the_interval_of_a_gain_is_told_where_there_is_one():
    """Nine in ten, in seconds less."""
    row = pd.Series(
        {"total_s": 1.0, "total_gain_s": 9.0, "total_gain_s_low90": 8.0, "total_gain_s_high90": 10.0}
    )
    assert advised._interval(row, "total_s") == "; nine in ten: 8 s to 10 s less"


def test_what_binds_afterwards_is_told():
    """The same as today, or another."""
    assert advised._bound(pd.Series({"binds_before": "line", "binds_after": "line"})).endswith(
        "and so it is afterwards."
    )
    assert "; then " in advised._bound(pd.Series({"binds_before": "line", "binds_after": "cpu"}))


@pytest.mark.parametrize(
    ("gain", "before", "said"),
    [(0.0, 10.0, "gains nothing"), (4.0, 10.0, "takes 4 s off"), (-4.0, 10.0, "adds 4 s")],
)
def test_one_change_alone(gain, before, said):
    """Nothing, seconds off, or seconds more."""
    assert advised._does(gain, before) == said
