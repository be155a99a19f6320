"""Marks that keep clear of the edge and of each other: star, value that is set, regions, isolines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.text import Text
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, median_filter

from analysis.figures.language import INK, QUIET, note
from analysis.figures.placement import once_placed

HALO: list[patheffects.AbstractPathEffect] = [patheffects.withStroke(linewidth=3, foreground="white")]
DARK_HALO: list[patheffects.AbstractPathEffect] = [patheffects.withStroke(linewidth=2.5, foreground=INK)]
STAR: dict[str, Any] = {
    "marker": "*",
    "s": 330,
    "facecolor": "white",
    "edgecolor": INK,
    "linewidth": 1.6,
    "zorder": 5,
    "clip_on": False,
}
NEVER = "#c9ced6"
"""The ground of a map where there is nothing to be shown, since a migration never ends."""
Box = tuple[float, float, float, float]
"""Left, bottom, right and top, as shares of a panel."""
_CHARACTER, _LINE = 0.0145, 0.06
"""Width and height of a bold character of 10 points, as shares of a panel of a report."""


def place_of(ax: Axes, x: float, y: float) -> tuple[float, float]:
    """A point in data units as shares of the panel's width and height."""
    ax.get_xlim(), ax.get_ylim()  # what is drawn decides about the limits only when they are asked for
    across, up = ax.transLimits.transform(ax.transScale.transform((x, y)))
    return float(across), float(up)


def star(ax: Axes, x: float, y: float, text: str = "") -> Box:
    """The scenario asked about, on the edge where it lies beyond it, and its name on the side that has room.

    Returns the box that both take.
    """
    x, y = (min(max(v, min(ends)), max(ends)) for v, ends in ((x, ax.get_xlim()), (y, ax.get_ylim())))
    ax.scatter(x, y, **STAR)
    across, up = place_of(ax, x, y)
    long = _CHARACTER * len(text)
    right = across + 0.03 + long > 1
    if text:
        side: dict[str, Any] = {"xytext": (-13 if right else 13, 0), "ha": "right" if right else "left"}
        up_down = "bottom" if up < 0.04 else "top" if up > 0.96 else "center"
        said = ax.annotate(
            text, (x, y), **side, va=up_down, textcoords="offset points",
            fontsize=10, fontweight="bold", zorder=6, annotation_clip=False,
        )  # fmt: skip
        said.set_path_effects(HALO)
    left, end = (across - 0.03 - long, across + 0.03) if right else (across - 0.03, across + 0.03 + long)
    return left, up - _LINE, end, up + _LINE


def set_value(ax: Axes, text: str, x: float, height: float = 0.03) -> None:
    """A dotted line at the value that is set, with what it is at its foot, inside the panel."""
    ax.axvline(x, color=QUIET, linewidth=1, linestyle=(0, (2, 2)), zorder=1)
    across = place_of(ax, x, ax.get_ylim()[0])[0]
    side = "left" if across < 0.1 else "right" if across > 0.9 else "center"
    shift = {"left": 5, "right": -5, "center": 0}[side]
    at: dict[str, Any] = {"xytext": (shift, 0), "textcoords": "offset points", "ha": side}
    note(ax, text, x, height, xycoords=("data", "axes fraction"), **at)


def name_region(
    ax: Axes,
    axes: tuple[NDArray[Any], NDArray[Any]],
    inside: NDArray[np.bool_],
    name: str,
    taken: Iterable[Box] = (),
    colour: str = INK,
    panels: int = 1,
) -> None:
    """Write a name where a region of a map is widest, clear of boxes that are taken, if there is room for it.

    ``axes``: x and y of the map; ``inside``: whether a cell of it, [y, x], belongs to the region;
    ``panels``: how many of them stand side by side.
    """
    x, y = axes
    rows, columns = inside.shape
    free = inside.copy()
    half = panels * _CHARACTER * len(name) / 2
    for left, bottom, right, top in taken:
        across = (np.arange(columns) + 0.5) / columns
        up = (np.arange(rows) + 0.5) / rows
        near = (across > left - half) & (across < right + half)
        free[np.ix_((up > bottom - _LINE / 2) & (up < top + _LINE / 2), near)] = False
    # A name is broad and low: cells count by how many names' heights or half widths they are from the edge.
    room = distance_transform_edt(np.pad(free, 1), sampling=(1 / rows / _LINE, 1 / columns / half))[
        1:-1, 1:-1
    ]
    if room.max() < 0.8:
        return
    row, column = np.unravel_index(room.argmax(), room.shape)
    across = (column + 0.5) / columns
    side = "right" if across > 1 - half else "left" if across < half else "center"
    text = ax.text(
        x[column], y[row], name, ha=side, va="center", fontsize=10.5, fontweight="bold", color=colour
    )
    text.set_path_effects(HALO if colour == INK else DARK_HALO)


def give_way(ax: Axes, labels: Sequence[Text], taken: Iterable[Box] = ()) -> None:
    """Hide those of some labels inside a panel that would be written over a taken box or over each other.

    All in the figure must have its place already: see :func:`~analysis.figures.placement.once_placed`.
    """
    boxes = list(taken)
    for label in labels:
        corners = ax.transAxes.inverted().transform(label.get_window_extent().get_points())
        (left, bottom), (right, top) = corners
        if any(left < b[2] and right > b[0] and bottom < b[3] and top > b[1] for b in boxes):
            label.set_visible(False)
        else:
            boxes.append((float(left), float(bottom), float(right), float(top)))


# --- a table as a map -------------------------------------------------------------------

Field = tuple[np.ndarray, np.ndarray, np.ndarray]
"""A map: x, y and values[y, x]."""


def field_of(frame: pd.DataFrame, x: str, y: str, values: str) -> Field:
    """The columns of a grid as axes and a table: x, y, values[y, x]."""
    table = frame.pivot_table(index=y, columns=x, values=values, aggfunc="first")
    return table.columns.to_numpy(float), table.index.to_numpy(float), table.to_numpy(float)


def smooth(field: Field) -> Field:
    """A map without the jitter of rules that look only now and then: the local median."""
    x, y, table = field
    return x, y, median_filter(table, size=max(3, min(table.shape) // 12 | 1), mode="nearest")


def isolines(ax: Axes, field: Field, levels: Sequence[float], colour: str = "white") -> Any:
    """Thin lines of equal value; None where there are none."""
    x, y, table = field
    seen = table[np.isfinite(table)]
    inside = [level for level in levels if seen.size and seen.min() < level < seen.max()]
    if not inside:
        return None
    return ax.contour(x, y, table, levels=inside, colors=colour, linewidths=0.9, alpha=0.9)


def iso_labels(ax: Axes, lines: Any, words: Callable[[float], str], taken: Iterable[Box] = ()) -> None:
    """The value of each line on it, but where it would be written over something."""
    figure = ax.get_figure(root=True)
    if lines is not None and figure is not None:
        once_placed(figure, lambda: _labelled(ax, lines, words, taken))


def _labelled(ax: Axes, lines: Any, words: Callable[[float], str], taken: Iterable[Box]) -> None:
    said: dict[str, Any] = {"fmt": {level: words(level) for level in lines.levels}, "fontsize": 9}
    # Where a line opens for its label is settled after which labels stay: one that gives way leaves no gap.
    labels = list(ax.clabel(lines, inline=False, **said))
    give_way(ax, labels, taken)
    kept = [text.get_position() for text in labels if text.get_visible()]
    while lines.labelTexts:
        lines.labelTexts.pop().remove()
    dark = to_hex(lines.get_edgecolor()[0][:3]) == "#ffffff"
    for text in ax.clabel(lines, manual=kept, **said) if kept else ():
        text.set_path_effects(DARK_HALO if dark else HALO)
