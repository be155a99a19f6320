"""Measured migrations told again: the error on the way, beside what is usually computed."""

import numpy as np
import pandas as pd
import pytest

from analysis.studies.running import replay
from analysis.studies.running.forecast import Rule
from analysis.studies.running.guests import Told
from tests.studies.running.test_course import polls


@pytest.fixture(scope="module")
def rows():
    """The near-critical migrations."""
    return replay.scenarios()


@pytest.fixture(scope="module")
def told(rows):
    """Their moments by what is known."""
    courses, part = replay.critical(), {"guest too": rows.iloc[::3]}
    return {what: replay.moments(part.get(what, rows), courses, what) for what in replay.KNOWN[1:3]}


@pytest.mark.thorough
def test_with_the_guest_known_the_end_is_within_three_per_cent(told):
    """Median at 25, 50 and 75 % of the way, as a share of the total time."""
    assert (replay.errors(told["guest too"])["median error"] < 0.03).all()


def test_from_polls_alone_it_beats_what_is_usually_computed(told):
    """At every moment, and is within 10 % half-way and 5 % at three quarters."""
    found = replay.errors(told["polls and rule"])
    assert (found["median error"] < found["remaining over rate"]).all()
    assert found["median error"][0.5] < 0.10
    assert found["median error"][0.75] < 0.05


def test_a_rebuilt_course_is_sent_and_found_as_measured():
    """Bytes sent rise to those measured, what remains begins with the memory and ends near nothing."""
    rows = replay.scenarios("migrations").iloc[:5]
    for key, told in replay.rebuilt(rows).items():
        row = next(row for _, row in rows.iterrows() if row.migration == key)
        sent, waits = (np.array([getattr(p, n) for p in told]) for n in ("sent_bytes", "remaining_bytes"))
        assert (np.diff(sent) > 0).all()
        assert sent[-1] == pytest.approx(row.measured_stream_gib * 2**30, rel=0.02)
        assert waits[0] <= row.memory_gib * 2**30
        assert waits[-1] < 0.1 * waits[0]


def test_an_end_that_was_never_to_come_counts():
    """It is an infinite error: a median of three errors, two of them infinite, is infinite."""
    found = pd.DataFrame({"at": 0.5, "error": [0.1, np.inf, np.inf], "usual_rate": 0.0, "usual_net": 0.0})
    assert np.isinf(replay.errors(found)["median error"][0.5])


def test_a_moment_tells_what_is_predicted_and_what_it_rests_on():
    """At half of 14 s: the polls up to then, the limit that is not known, and both usual divisions."""
    (row,) = replay.on_the_way(polls(), 14.0, Rule(), Told(), (0.5,))
    ends = [f"end_s_{side}{level}" for level in (50, 90) for side in ("low", "high")]
    assert list(row) == [
        *("at", "now_s", "pass_number", "total_s", "end_s", "error", "converge_chance", "regime", *ends),
        *("usual_rate", "usual_net"),
    ]
    assert (row["at"], row["now_s"], row["pass_number"], row["total_s"]) == (0.5, 7.0, 1, 14.0)
    assert row["regime"] == "first pass, no limit"
    assert row["error"] == pytest.approx(row["end_s"] / 14 - 1)
    # 3,000 of 10,000 pages are left at 1,000 a second.
    assert row["usual_rate"] == pytest.approx(10 / 14 - 1, rel=0.01)
    assert not list(replay.on_the_way(polls(), 14.0, Rule(), Told(), (0.05,)))
