"""Migrations on which nothing of watch was settled: what is taken of them, and how right it is there."""

import pytest

from analysis.studies.running import replay
from analysis.studies.running.others import others


@pytest.fixture(scope="module")
def told():
    """Rows and courses."""
    return others()


def test_rows_and_courses_belong_together(told):
    """108 of 117 were completed, 29 of them unchanged; each has polls up to its end, and its memory."""
    rows, courses = told
    assert (len(rows), (~rows.changed).sum(), rows.table.nunique()) == (108, 29, 2)
    for key, total in rows.measured_total_s.items():
        polls = courses[key]
        assert 0.8 * total < polls[-1].time_s <= total * 1.02
        assert polls[0].memory_bytes == rows.memory_gib[key] * 2**30


def test_unchanged_ones_are_foretold_from_polls_as_well_as_stated(told):
    """The figures of docs/watch.md: never much worse than a division, and its 90 % intervals hold."""
    rows, courses = told
    found = replay.moments(rows[~rows.changed].iloc[::3], courses, "polls", (0.5, 0.75), widen=True)
    assert found.error.abs().median() < 0.2
    inside = found.total_s.between(found.end_s_low90, found.end_s_high90)
    assert inside.mean() > 0.8
