"""A sample of a second's dirty pages tells in the first pass what polls cannot."""

import numpy as np
import pytest

from analysis.studies.running import replay
from analysis.studies.running.course import course
from analysis.studies.running.forecast import guests
from analysis.studies.running.guests import Told
from analysis.studies.running.watching import Watch
from tests.studies.running.test_course import polls


def dirtied_in_a_second(believed):
    """Distinct pages that each believed guest dirties in a second, by the closed form of a uniform one."""
    rates, sizes = believed.classes.rates, believed.classes.sizes
    each = np.where(
        believed.classes.cyclic, np.minimum(rates, sizes), sizes * -np.expm1(-rates / np.maximum(sizes, 1e-9))
    )
    return each.sum(axis=-1)


def test_believed_guests_dirty_what_the_sample_says():
    """200,000 pages at 20,000 a second, in the first pass: a sample of 8,000 is what half of them dirty."""
    here = course(polls(20_000.0, 200_000, memory=250_000)[:8])
    assert here.seen == ()
    blind, sampled = (dirtied_in_a_second(guests(here, Told(sampled_pages=n))) for n in (None, 8000.0))
    assert np.median(sampled) == pytest.approx(8000, rel=0.15)
    assert np.ptp(np.quantile(sampled, [0.05, 0.95])) < np.ptp(np.quantile(blind, [0.05, 0.95])) / 2


def test_after_a_pass_the_pass_counts():
    """What the end of a pass found is of this very migration: a sample says nothing more."""
    here = course(polls(1000.0, 10_000, found=(4000,)))
    one, other = (guests(here, Told(sampled_pages=n)).classes.rates for n in (None, 5000.0))
    assert here.number == 2
    assert np.array_equal(np.sort(one.sum(axis=1))[[50, 200]] > 0, [True, True])
    assert np.median(one.sum(axis=1)) == pytest.approx(np.median(other.sum(axis=1)), rel=0.2)


def test_watch_takes_a_sample():
    """It goes to what is told of the guest, beside parameters."""
    row = replay.scenarios().iloc[0]
    assert Watch({"pass_limit": 5}, sampled_pages=7000.0).known(row)[1].sampled_pages == 7000.0


def test_with_the_limits_told_a_sample_makes_calm_first_passes_better():
    """Calm migrations at three quarters, still in their first pass: the error falls by half."""
    rows = replay.scenarios("migrations").iloc[::6]
    courses = replay.rebuilt(rows)
    before, after = (
        replay.moments(rows, courses, what, (0.75,)).error.abs().median()
        for what in ("polls and rule", "rule and sample")
    )
    assert after < 0.6 * before
