"""Figures at the edges of the parameters: what is there is seen, nothing is cut off or written over."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from analysis.figures import curves, dirtying, language, maps, marks, networks, placement, timeline
from analysis.model.migration import migrate
from analysis.parameters import WRITE_PATTERNS
from analysis.studies import grids

MACHINE = {"memory_gib": 64.0, "working_set_gib": 16.0, "dirty_pages_per_s": 150000.0}
EDGES = {
    "idle": {"dirty_pages_per_s": 0.0},
    "nearly idle": {"dirty_pages_per_s": 40.0},
    "never ending": {"dirty_pages_per_s": 1e6, "stop_rule": "qemu"},
    "cut off": {"dirty_pages_per_s": 1e6, "bandwidth_gbps": 0.1},
    "tiny": {"memory_gib": 0.0625, "working_set_gib": 0.01},
    "24 TiB on 400 Gbit/s": {"memory_gib": 24576.0, "bandwidth_gbps": 400.0},
}


@pytest.fixture(autouse=True)
def _closed():
    """Draw without a screen and leave no figure open."""
    plt.switch_backend("agg")
    yield
    plt.close("all")


def passes(**scenario):
    scenario = MACHINE | scenario
    return timeline.passes(grids.course(**scenario), migrate(**scenario).iloc[0], 2.0)


def convergence(**scenario):
    scenario = MACHINE | {"bandwidth_gbps": 10.0} | scenario
    most = 150000.0
    writes = np.geomspace(*grids.writes_to_show(scenario["dirty_pages_per_s"], most), 14)
    links = grids.refined([1.0, 100.0, scenario["bandwidth_gbps"]], 14)
    varied = {"dirty_pages_per_s": writes, "bandwidth_gbps": links}
    return maps.convergence(migrate(grids.grid(**scenario | varied)), migrate(**scenario).iloc[0], most)


def overprinted(ax):
    """Pairs of texts of a panel that are written over one another."""
    texts = [text for text in ax.texts if text.get_visible() and text.get_text()]
    # Of an annotation without its arrow, which may well cross others.
    boxes = [(text.get_text(), Text.get_window_extent(text).shrunk(0.96, 0.9)) for text in texts]
    return [(a, b) for (a, one), (b, other) in itertools.combinations(boxes, 2) if one.overlaps(other)]


@pytest.mark.thorough
@pytest.mark.parametrize("edge", EDGES)
def test_passes_are_seen_and_named_apart(edge):
    """No pause takes more than three tenths of the closer look, and no name is written over another."""
    fig = passes(**EDGES[edge])
    fig.draw_without_rendering()
    assert [pair for ax in fig.axes for pair in overprinted(ax)] == []
    if len(fig.axes) == 3:
        left, right = fig.axes[2].get_xlim()
        dark = [p for p in fig.axes[2].patches if isinstance(p, Rectangle) and p.get_zorder() == 2]
        assert all(right - max(band.get_x(), left) <= 0.3 * (right - left) for band in dark)


@pytest.mark.thorough
@pytest.mark.parametrize("edge", EDGES)
def test_the_map_shows_its_star_and_tells_its_colours(edge):
    """The star is whole and on the map, the bar has two numbers or more, a harmless blackout is light, and
    no name is written over another.
    """
    fig = convergence(**EDGES[edge])
    fig.draw_without_rendering()
    ax, bar = fig.axes
    assert overprinted(ax) == []
    assert len([label for label in bar.get_yticklabels() if label.get_text()]) >= 2
    (star,) = [c for c in ax.collections if len(c.get_offsets()) == 1 and not c.get_clip_on()]
    ((x, y),) = star.get_offsets()
    assert ax.get_xlim()[0] <= x <= ax.get_xlim()[1]
    assert ax.get_ylim()[0] <= y <= ax.get_ylim()[1]
    mesh = ax.collections[0]
    assert mesh.cmap(mesh.norm(0.235))[0] > 0.9


def test_a_migration_without_end_has_no_pause():
    """Over line rates where it never ends nothing is drawn of it, and the heading says so."""
    swept = migrate(grids.grid(bandwidth_gbps=[1.0, 10.0, 100.0], **MACHINE | EDGES["never ending"]))
    fig = curves.phases(swept, "bandwidth_gbps", marked=[1.0, 10.0, 100.0])
    assert "never ends" in language.title_of(fig)
    assert "endless of" not in fig.alternative_text
    drawn = [line.get_ydata() for ax in fig.axes for line in ax.lines if len(line.get_ydata()) == 3]
    assert not np.isfinite(np.concatenate(drawn)).any()


def test_an_idle_guest_is_drawn_by_every_pattern():
    """Of a guest that writes nothing both figures of dirtying can be drawn and say so."""
    scenario = MACHINE | {"write_pattern": list(WRITE_PATTERNS), "dirty_pages_per_s": 0.0}
    table = grids.dirtied(np.geomspace(0.01, 1000, 20), grids.grid(**scenario))
    title = language.title_of(dirtying.dirtied(table, 0.75, 1.1))
    assert title == "In 750 ms the link sends 0.825 GiB; the guest writes nothing"
    steps = grids.left_per_pass(**scenario, pass_limit=8)
    assert (
        language.title_of(dirtying.residuals(steps, 0.75, 5)) == "5 passes bring every pattern below 750 ms"
    )


def test_a_change_from_endless_is_no_stay():
    """From endless to 55 s is a fall; endless at both ends stays so; 2 % is no change, and 5 % is told."""
    told = [
        language.change("it", *ends) for ends in ((np.inf, 55), (np.inf, np.inf), (50, 50.9), (15.3, 14.6))
    ]
    assert [text.replace(language.NO_BREAK, " ") for text in told] == [
        "it falls from endless to 55 s",
        "it stays endless",
        "it stays at 51 s",
        "it falls from 15.3 s to 14.6 s",
    ]


def test_one_value_makes_a_figure():
    """A single number of buffers, and times without any spread, still give a panel of ordinary size."""
    fan = migrate(grids.grid(receive_delay_us=[50.0, 1000.0], receive_buffers=[16384], send_buffers=16384))
    lone = curves.plateaus(fan, "receive_buffers", "receive_delay_us", 16384)
    same = {name: pd.DataFrame({"total_s": [29.0] * 5}) for name in ("dedicated", "shared")}
    for fig in (lone, networks.side_by_side(same)):
        fig.draw_without_rendering()
        assert fig.axes[0].get_window_extent().width > 0.7 * fig.bbox.width
    assert fig.axes[0].patches[0].get_x() < 29.0 < fig.axes[0].get_xlim()[1]


def test_a_star_beyond_the_edge_is_put_on_it():
    """Its place is the nearest on the panel, and its name stands on the side that has room."""
    _, ax = plt.subplots()
    ax.set(xscale="log", yscale="log", xlim=(1, 100), ylim=(1, 100))
    left, _, right, _ = marks.star(ax, 400, 0, "this machine")
    assert ax.collections[0].get_offsets().tolist() == [[100, 1]]
    assert ax.texts[0].get_horizontalalignment() == "right"
    assert left < 0.9
    assert right <= 1.05


def test_names_give_way():
    """Of three names, two of them on one another, the later one is hidden, and so is one on a taken box."""
    _, ax = plt.subplots()
    texts = [ax.text(x, 0.5, "a name", transform=ax.transAxes) for x in (0.1, 0.12, 0.6)]
    marks.give_way(ax, texts, [(0.55, 0.4, 0.65, 0.6)])
    assert [text.get_visible() for text in texts] == [True, False, False]


def test_a_line_without_its_label_has_no_gap():
    """A label that would be written over the star is left out, and its line goes on where it would be."""
    x = y = np.linspace(0, 1, 30)
    field = x, y, np.add.outer(y, x)
    fig, ax = plt.subplots()
    for words, taken in ((1, ()), (0, [(0.0, 0.0, 1.0, 1.0)])):
        lines = marks.isolines(ax, field, [1.0], "black")
        marks.iso_labels(ax, lines, "{:g}".format, taken)
        placement.settle(fig)
        assert len([text for text in ax.texts if text.get_visible()]) == words
        (path,) = lines.get_paths()
        assert len(path.to_polygons(closed_only=False)) == 1 + words
        lines.remove()
    plt.close(fig)
