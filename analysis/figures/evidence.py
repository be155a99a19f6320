"""Figures and tables that set the model beside measurements."""

from __future__ import annotations

import html
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from analysis.figures.language import (
    CATEGORIES,
    DIRTY,
    FAINT,
    INK,
    MARKERS,
    QUIET,
    SENT,
    WIDTH,
    Groups,
    display,
    drawn,
    each_row,
    entitle,
    number,
    scale,
)


class Link(str):
    """A cell of a table that leads to a place in the page: its words, and the address, from # on."""

    address: str

    def __new__(cls, words: str, address: str) -> Link:
        """A text with an address; ValueError for one that leads out of the page."""
        if not address.startswith("#"):
            raise ValueError(f"{address!r} is no place in the page")
        link = super().__new__(cls, words)
        link.address = address
        return link


def show_table(table: pd.DataFrame, caption: str) -> None:
    """Display a table with a caption, its index as row headers; cells are shown as they are."""
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in table.columns)
    rows = "".join(_row(name, values) for name, values in zip(table.index, table.to_numpy(), strict=True))
    corner = f'<th scope="col">{html.escape(str(table.index.name or ""))}</th>'
    page = f"<table><caption>{html.escape(caption)}</caption><thead><tr>{corner}{head}</tr></thead>"
    display({"text/html": f"{page}<tbody>{rows}</tbody></table>", "text/plain": table.to_string()}, raw=True)


def _row(name: object, values: np.ndarray) -> str:
    cells = "".join(f"<td>{_cell(value)}</td>" for value in values)
    return f'<tr><th scope="row">{html.escape(str(name))}</th>{cells}</tr>'


def _cell(value: object) -> str:
    words = html.escape(str(value))
    return f'<a href="{html.escape(value.address)}">{words}</a>' if isinstance(value, Link) else words


@drawn
def predicted_measured(compared: pd.DataFrame) -> Figure:
    """Predicted against measured total time, and the error of each migration, by write pattern.

    ``compared`` is what ``validation.migrations.compare`` returns; cancelled migrations are left out.
    """
    done = compared[compared.measured_verdict != "never"]
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 4.3), gridspec_kw={"width_ratios": [1, 1]})
    groups: Groups = list(done.groupby("write_pattern", sort=True))
    for i, (name, part) in enumerate(groups):
        style: dict[str, Any] = {
            "color": CATEGORIES[i],
            "marker": MARKERS[i],
            "linestyle": "",
            "markersize": 5,
            "alpha": 0.8,
        }
        axes[0].plot(part.measured_total_s, part.total_s, label=name, zorder=3, **style)
        axes[1].plot(_beside(i, len(part)), 100 * part.total_error, zorder=3, **style)
    _identity(axes[0], done)
    _error_axis(axes[1], [name for name, _ in groups])
    size = 100 * done.total_error.abs()
    ended = f"{len(done)} real migrations" if len(done) == len(compared) else f"the {len(done)} that ended"
    share = f"{(size <= 10).mean():.0%} of {ended}"
    title = f"{share} are predicted within 10 %, half within {size.median():.1f} %"
    alt = (
        "Left: predicted against measured total time on logarithmic axes; the points lie along the diagonal. "
        f"Right: the error of each migration by write pattern, from {100 * done.total_error.min():.1f} "
        f"to {100 * done.total_error.max():.1f} %."
    )
    return entitle(fig, title, alt)


def _identity(ax: Axes, done: pd.DataFrame) -> None:
    """The line of perfect prediction in a band of 10 %."""
    times = np.concatenate([done.measured_total_s, done.total_s])
    ends = np.array([times.min() * 0.85, times.max() * 1.15])
    ax.fill_between(ends, ends * 0.9, ends * 1.1, color=FAINT, linewidth=0, zorder=1)
    ax.plot(ends, ends, color=QUIET, linewidth=1, zorder=2)
    for which, axis in (("x", ax.xaxis), ("y", ax.yaxis)):
        scale(ax, which, ends, log=True)
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.set(xlim=ends, ylim=ends, xlabel="measured total time [s]", ylabel="predicted total time [s]")
    ax.legend(loc="upper left", fontsize=9, title="write pattern", alignment="left")
    ax.text(ends[1] * 0.95, ends[1] * 0.33, "band: ±10 %", color=QUIET, fontsize=9, ha="right")


def _error_axis(ax: Axes, names: list[str]) -> None:
    ax.axhspan(-10, 10, color=FAINT, alpha=0.5, linewidth=0, zorder=0)
    ax.axhline(0, color=QUIET, linewidth=1, zorder=1)
    ax.set_xticks(range(len(names)), names)
    ax.set_ylabel("predicted / measured - 1 [%]")
    ax.grid(axis="x", visible=False)
    ax.set_xlim(-0.6, len(names) - 0.4)


def _beside(place: int, count: int) -> np.ndarray:
    """Points of one group side by side, so that none hides another."""
    return place + (np.linspace(-0.28, 0.28, count) if count > 1 else np.zeros(count))


@drawn
def dirty_pages_by_pass(table: pd.DataFrame, migrations: pd.DataFrame) -> Figure:
    """Distinct pages found dirty at the end of each pass, measured points over the predicted line.

    ``table`` is what ``migrations.compare_passes`` returns; one panel for each row of ``migrations``.
    """
    columns = min(3, len(migrations))
    rows = -(-len(migrations) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(WIDTH, 2.7 * rows + 0.5), squeeze=False)
    for ax, row in zip(axes.flat, each_row(migrations), strict=False):
        _pass_panel(ax, table[table.migration == row.migration])
        ax.set_title(_scenario(row), fontsize=9.5)
    for ax in axes.flat[len(migrations) :]:
        ax.set_axis_off()
    for ax in axes[:, 0]:
        ax.set_ylabel("dirty pages found")
    _name_lines(axes.flat[0])
    shown = table[table.migration.isin(migrations.migration)].error.abs()
    title = f"Pass by pass the distinct dirty pages are within {100 * shown.median():.1f} % in the median"
    return entitle(
        fig,
        title,
        f"One panel a migration, {len(migrations)} in all; a falling curve where pre-copy converges.",
    )


def _pass_panel(ax: Axes, part: pd.DataFrame) -> None:
    part = part[part.measured_pages > 0]
    ax.plot(part.pass_number, part.predicted_pages, color=DIRTY, zorder=2)
    ax.plot(part.pass_number, part.measured_pages, "o", color=INK, markersize=4.5, zorder=3)
    ax.set_yscale("log")
    scale(ax, "y", np.concatenate([part.measured_pages, part.predicted_pages]), log=True)
    ax.set_xlabel("pass")
    ax.locator_params(axis="x", integer=True)
    ax.margins(x=0.08, y=0.15)


def _name_lines(ax: Axes) -> None:
    ax.text(
        0.97, 0.95, "line: predicted", color=DIRTY, fontsize=9, ha="right", va="top", transform=ax.transAxes
    )
    ax.text(
        0.97, 0.85, "points: measured", color=INK, fontsize=9, ha="right", va="top", transform=ax.transAxes
    )


def _scenario(row: Any) -> str:
    return (
        f"{row.write_pattern}, {number(row.dirty_pages_per_s)} pages/s,\n{number(row.bandwidth_gbps)} Gbit/s"
    )


@drawn
def error_against(compared: pd.DataFrame, known: pd.DataFrame) -> Figure:
    """Cumulative share of migrations within an error of total time: nominal link, and rate known."""
    fig, ax = plt.subplots(figsize=(WIDTH, 3.6))
    for table, colour, name in ((compared, SENT, "nominal link"), (known, DIRTY, "throughput known")):
        size = np.sort(100 * table.total_error[table.measured_verdict != "never"].abs())
        share = np.arange(1, len(size) + 1) / len(size)
        ax.step(size, 100 * share, color=colour, where="post")
        known_rate = colour == DIRTY
        at = np.searchsorted(share, 0.85 if known_rate else 0.7)
        away, side = ((-8, 6), "right") if known_rate else ((10, -10), "left")
        ax.annotate(
            name, (size[at], 100 * share[at]), away, textcoords="offset points", color=colour, ha=side
        )
    ax.set(xlabel="error of total time at most [%]", ylabel="migrations [%]", ylim=(0, 103), xlim=(0, None))
    left, whole = (t[t.measured_verdict != "never"].total_error.abs().median() for t in (known, compared))
    title = (
        f"Knowing the throughput leaves {left / whole:.0%} of the median error: that part is volume, not rate"
    )
    return entitle(fig, title, "Two rising step curves over the error of total time.")
