"""Figures are laid out once, their labels settled then, and drawn as they were placed."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from analysis.figures import language, placement


def drawn():
    """A small figure that is laid out by itself."""
    fig, ax = plt.subplots(figsize=(3, 2), layout="constrained")
    ax.plot([1, 2], [3, 5])
    ax.set_ylabel("rate [Gbit/s]")
    return fig


@pytest.fixture
def figure():
    """Such a figure, closed afterwards."""
    plt.switch_backend("agg")
    yield drawn()
    plt.close("all")


def test_what_waits_sees_the_final_places(figure):
    """It runs once, when the axes lie where they will be drawn; all is placed anew after a change alone."""
    seen, ax = [], figure.axes[0]
    placement.once_placed(figure, lambda: seen.append(ax.get_position().bounds))
    assert placement.waits(figure)
    placement.settle(figure)
    placement.settle(figure)
    assert not placement.waits(figure)
    picture = placement.png(figure)
    assert seen == [ax.get_position().bounds]
    ax.set_ylabel("rate\nof the\nlink")
    assert placement.png(figure) != picture
    assert ax.get_position().x0 > seen[0][0]


def test_picture_is_sharp_and_tells_its_size(figure):
    """Twice 300 by 200 pixels, shown at 300 by 200; the figure itself keeps its resolution and its layout."""
    engine = figure.get_layout_engine()
    data, shown = placement.Picture(figure)._repr_mimebundle_()
    image = Image.open(io.BytesIO(data["image/png"]))
    assert (image.size, image.mode) == ((600, 400), "RGB")
    assert shown == {"image/png": {"width": 300, "height": 200}}
    assert data["text/plain"] == repr(figure)
    assert figure.dpi == 100
    assert figure.get_layout_engine() is engine


def test_picture_is_what_matplotlib_draws(figure):
    """Laid out once here, by savefig each time: to the pixel the same."""
    file = io.BytesIO()
    drawn().savefig(file, format="png", dpi=200)
    theirs, ours = (Image.open(f).convert("RGB") for f in (file, io.BytesIO(placement.png(figure))))
    assert np.array_equal(np.asarray(theirs), np.asarray(ours))


@pytest.mark.parametrize(
    ("low", "high", "numbers"),
    [(1, 100, []), (2, 80, [2, 5, 20, 50]), (2, 5, [2, 3, 4, 5]), (1, 6000, [])],
)
def test_ticks_stand_where_a_number_is_written(figure, low, high, numbers):
    """Between decades at 2 and 5, on less than half a decade at each; none where decades are enough."""
    ax = figure.axes[0]
    language.scale(ax, "x", [low, high], log=True)
    ax.set_xlim(low, high)
    ticks = [tick for tick in ax.xaxis.get_minorticklocs() if low <= tick <= high]
    assert ticks == pytest.approx(numbers)
    assert ax.xaxis.get_minor_formatter().format_ticks(ticks) == [f"{n:g}" for n in numbers]
