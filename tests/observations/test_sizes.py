"""Sizes and counts as programs print them: what is none is told with its line, and is no number."""

import math

import pytest

from analysis.observations.record import Notes
from analysis.observations.sizes import Figures


@pytest.fixture
def figures():
    """A reader of figures, whose notes say what it could not use."""
    return Figures(Notes("some.log"))


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda f: f.number("fast", "rate", 3), "rate = 'fast' is not a number"),
        (lambda f: f.number("-1", "pages", 3), "pages = '-1' is out of range"),
        (lambda f: f.number("nan", "pages", 3), "pages = 'nan' is out of range"),
        (lambda f: f.number("1e19", "pages", 3), "pages = '1e19' is out of range"),
        (lambda f: f.gib("3", "MB", "sent", 3), "sent = '3 MB' has no unit that is known"),
        (lambda f: f.gbps("3", "furlongs/s", "rate", 3), "rate = '3 furlongs' has no unit that is known"),
    ],
)
def test_what_is_no_figure_is_told(figures, read, said):
    """It is NaN, and a note names it, its value and its line."""
    assert math.isnan(read(figures))
    (note,) = figures.notes.sentences()
    assert said in note
    assert "line 3" in note


def test_figures_in_the_studys_units(figures):
    """2,048 MiB are 2 GiB; 1 GiB/s is 8.59 Gbit/s; 6092 ms are 6.092 s, to the last digit."""
    assert figures.gib("2048", " MiB ", "sent", 1) == 2
    assert figures.gbps("1", "GiB/s", "rate", 1) == pytest.approx(2**30 * 8e-9)
    assert figures.number("6092", "setup", 1, 1e-3) == 6.092
    assert not figures.notes.sentences()
