"""The law of the TCP stall: worked by hand, by a plain loop, and beside 453 measured stalls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.observations.stalls import read_stalls
from analysis.studies.decisions.stalls import (
    LINUX,
    WINDOWS,
    WINDOWS_SERVER,
    compared,
    errors,
    resent_s,
    stall_s,
)

LEFT = st.floats(0, 100, allow_subnormal=False)
RTO = st.floats(0.01, 3)


@pytest.fixture(scope="module")
def found():
    """The measured cuts with the law beside them."""
    return compared(read_stalls())


@pytest.mark.parametrize(
    ("left", "doubled", "wait"),
    [
        (0.05, True, 0.2),
        (0.2, True, 0.2),
        (0.21, True, 0.4),
        (1.0, True, 1.6),
        (0.21, False, 0.6),
        (5, False, 6.2),
    ],
)
def test_the_moments_by_hand(left, doubled, wait):
    """R = 0.2 s: with a probe at 0.2, 0.4, 0.8, 1.6; without at 0.2, 0.6, 1.4, 3.0, 6.2."""
    assert float(resent_s(left, 0.2, doubled)) == pytest.approx(wait)


@given(LEFT, RTO, st.booleans())
def test_the_closed_form_is_the_loop(left, rto, doubled):
    """Counting the time-outs one after the other gives the same moment."""
    at, step, probed = rto, rto, doubled
    while at < left * (1 - 1e-9):
        step, probed = (step, False) if probed else (2 * step, False)
        at += step
    assert float(resent_s(left, rto, doubled)) == pytest.approx(at, rel=1e-9)


@given(LEFT, st.floats(0, 0.5))
def test_a_stall_outlasts_the_pause_by_its_length_at_most(left, trip):
    """A lone message waits at least what is left of the pause, and at most twice that or one time-out."""
    wait, rto = float(stall_s(left, LINUX, trip)), 0.2 + trip
    assert left * (1 - 1e-6) <= wait <= max(2 * left, rto) * (1 + 1e-6)


def test_a_message_that_gets_through_ends_the_stall():
    """Every 50 ms, a pause with 120 ms left: the third one comes through; of the eleventh nothing can."""
    assert float(stall_s(0.12, LINUX, 0, 0.05, True)) == pytest.approx(0.15)
    assert float(stall_s(0.12, LINUX, 0, 0.05, False)) == pytest.approx(0.2)
    assert float(stall_s(0.105, LINUX, 0, 0.01, True)) == pytest.approx(0.2)


def test_windows_gives_up_sooner():
    """Five retransmissions of 0.3 s, doubled: the last after 9.3 s, the end after 18.9; Linux 924.6 s."""
    assert WINDOWS.moments_s() == pytest.approx([0.3, 0.9, 2.1, 4.5, 9.3])
    assert WINDOWS.gives_up_s() == pytest.approx(18.9)
    assert LINUX.gives_up_s() == pytest.approx(924.6)
    assert WINDOWS_SERVER.last_s() == pytest.approx(10.22)


def test_a_pause_without_end_is_a_stall_without_end():
    """Infinite in, infinite out, and no warning."""
    assert np.isinf(stall_s(np.inf))


def test_the_law_holds_on_the_measured_cuts(found):
    """At least 200 cuts; half of the stalls within 10 % of the law from constants alone, by every kind."""
    told = errors(found)
    assert list(told) == [
        *("n", "median_relative_error", "p90_relative_error", "bias", "share_within_10pct"),
    ]
    assert told["n"] >= 200
    assert told["median_relative_error"] < 0.10
    for _, part in found.groupby("pipelined"):
        assert errors(part)["median_relative_error"] < 0.10


def test_the_law_is_early_and_never_late_by_much(found):
    """A kernel's timers are late, not early: on the median the measured stall is longer, by under 10 %."""
    assert -0.10 < errors(found)["bias"] <= 0


def test_the_law_beats_the_pause_itself_as_a_forecast(found):
    """Who takes the pause for the stall errs by far more."""
    naive = (found["left_s"] / found["measured_wait_s"] - 1).abs().median()
    assert naive > 3 * errors(found)["median_relative_error"]
