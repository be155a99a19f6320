"""Crossings along a range: all of them, on either side, in whole numbers, on a grid that misses them."""

import numpy as np
import pytest

from analysis.studies.decisions.crossings import POINTS, Looked, _followed, _middle, search

GRID = np.geomspace(0.1, 3, POINTS)[None]


def smooth(function):
    """A look at a smooth condition."""
    return lambda question, x: Looked(np.asarray(function(x), float), np.zeros(len(x), int))


def test_every_crossing_of_a_wave_is_found():
    """sin(10 x) + 1.5 passes 1 at known places; the last stretch runs to the end of the range."""
    found = search(smooth(lambda x: 1.5 + np.sin(10 * x)), GRID)
    known = (np.arange(6)[:, None] * 2 * np.pi + np.pi * np.array([7 / 6, 11 / 6])).ravel() / 10
    assert np.sort(found.crossings.after) == pytest.approx(known[(known > 0.1) & (known < 3)], rel=1e-6)
    begins = found.crossings.after[found.crossings.begins]
    assert found.value[0] == pytest.approx(begins.max())
    assert found.until[0] == 3


def test_the_other_direction_is_the_mirror():
    """Seen towards the low end the last stretch is another, and begins at its upper end."""
    found = search(smooth(lambda x: 1.5 + np.sin(10 * x)), GRID[:, ::-1])
    assert found.value[0] == pytest.approx((2 * np.pi - np.pi / 6) / 10, rel=1e-6)
    assert found.until[0] == pytest.approx((np.pi + np.pi / 6) / 10, rel=1e-6)


def test_a_valley_between_two_points_of_the_grid_is_found():
    """A parabola that is below the mark over less than a step of the grid."""
    middle = np.sqrt(GRID[0, 30] * GRID[0, 31])
    found = search(smooth(lambda x: 1 - 1e-6 + 0.3 * (x / middle - 1) ** 2), GRID)
    wide = np.sqrt(1e-6 / 0.3)
    assert wide < GRID[0, 1] / GRID[0, 0] - 1
    assert found.value[0] == pytest.approx(middle * (1 - wide), rel=1e-5)
    assert found.until[0] == pytest.approx(middle * (1 + wide), rel=1e-5)


def test_a_hill_between_two_points_of_the_grid_is_found():
    """Where the mark is passed for less than a step the answer is behind it."""
    middle = np.sqrt(GRID[0, 30] * GRID[0, 31])
    found = search(smooth(lambda x: 1 + 1e-6 - 0.3 * (x / middle - 1) ** 2), GRID)
    assert found.value[0] == pytest.approx(middle * (1 + np.sqrt(1e-6 / 0.3)), rel=1e-5)
    assert not found.whole[0]


def test_a_narrow_island_at_a_change_of_kind_is_found():
    """Just behind a jump the condition fails for a hundredth: the grid alone steps over it."""

    def look(question, x):
        kind = (x > 1.0).astype(int)
        return Looked(np.where((x > 1.0) & (x < 1.01), 1.2, 0.8) - 0.01 * x, kind)

    found = search(look, GRID)
    assert found.value[0] == pytest.approx(1.01, rel=1e-6)
    assert len(found.crossings.after) == 2


def test_whole_numbers_are_answered_in_whole_numbers():
    """From 222 on, up or down, with nothing between 221 and 222."""
    grid = np.rint(np.geomspace(1, 100000, POINTS))[None]
    found = search(smooth(lambda x: 222 / np.maximum(x, 1)), grid, whole=True)
    assert found.value[0] == 222
    less = search(smooth(lambda x: x / 222), grid[:, ::-1], whole=True)
    assert less.value[0] == 222


def test_among_values_on_offer_only_these_are_answered():
    """Of 1, 10, 25, 40 the least that is at least 11 is 25."""
    found = search(smooth(lambda x: 11 / x), np.array([[1.0, 10.0, 25.0, 40.0]]), fixed=True)
    assert found.value[0] == 25


def test_everything_nothing_and_the_nearest():
    """What always holds begins with the range; of what never does the nearest value is told."""
    every = search(smooth(lambda x: 0.5 * np.ones_like(x)), GRID)
    assert (every.value[0], every.until[0], every.whole[0]) == (0.1, 3, True)
    never = search(smooth(lambda x: 2 + (x - 1) ** 2), GRID)
    assert np.isnan([never.value[0], never.until[0]]).all()
    assert never.closest[0] == pytest.approx(1, abs=0.06)


def test_questions_do_not_disturb_each_other():
    """Many at once have the answers that each has alone."""
    marks = np.array([0.2, 0.77, 1.3, 2.9])
    together = search(lambda q, x: Looked(marks[q] / x, np.zeros(len(x), int)), np.repeat(GRID, 4, axis=0))
    assert together.value == pytest.approx(marks, rel=1e-6)


@pytest.mark.parametrize("bottom", [1.3, 2.7])
def test_a_valley_is_followed_to_its_bottom_on_either_side(bottom):
    """A parabola between 1 and 3 whose least value lies beside the middle is found to a thousandth."""
    look, grid = smooth(lambda x: 2 + (x - bottom) ** 2), np.array([[1.0, 2.0, 3.0]])
    seen = Looked(2 + (grid - bottom) ** 2, np.zeros(grid.shape, int))
    place = np.zeros(1, int)
    inside, at = _followed(look, grid, seen, (place, place), 1.0, _middle(False, True, grid))
    assert inside.item() == pytest.approx(bottom, abs=1e-3)
    assert at.excess.item() == pytest.approx(2)
