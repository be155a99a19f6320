"""Maps over two parameters: where pre-copy converges, how many buffers, what compression gains."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter
from scipy.ndimage import median_filter

from analysis.figures.language import (
    FROZEN,
    GAIN,
    INK,
    NO_BREAK,
    QUIET,
    WIDTH,
    Groups,
    along,
    axis_label,
    drawn,
    duration,
    each_row,
    entitle,
    number,
    scale,
    sentence,
    value_of,
)
from analysis.model.units import PAGES_PER_GIB

HALO: list[patheffects.AbstractPathEffect] = [patheffects.withStroke(linewidth=3, foreground="white")]
STAR: dict[str, Any] = {
    "marker": "*",
    "s": 330,
    "facecolor": "white",
    "edgecolor": INK,
    "linewidth": 1.6,
    "zorder": 5,
}
DARK_HALO: list[patheffects.AbstractPathEffect] = [patheffects.withStroke(linewidth=2.5, foreground=INK)]


Field = tuple[np.ndarray, np.ndarray, np.ndarray]
"""A map: x, y and values[y, x]."""


def _field(frame: pd.DataFrame, x: str, y: str, values: str) -> Field:
    """The columns of a grid as axes and a table: x, y, values[y, x]."""
    table = frame.pivot_table(index=y, columns=x, values=values, aggfunc="first")
    return table.columns.to_numpy(float), table.index.to_numpy(float), table.to_numpy(float)


def _isolines(ax: Axes, field: Field, levels: Sequence[float], words: Any, colour: str = "white") -> None:
    """Thin lines of equal value with their values on them."""
    x, y, table = field
    inside = [level for level in levels if np.nanmin(table) < level < np.nanmax(table)]
    if inside:
        lines = ax.contour(x, y, table, levels=inside, colors=colour, linewidths=0.9, alpha=0.9)
        labels = ax.clabel(lines, fmt={level: words(level) for level in inside}, fontsize=9)
        for text in labels:
            text.set_path_effects(DARK_HALO if colour == "white" else HALO)


# --- where pre-copy converges -----------------------------------------------------------


@drawn
def convergence(frame: pd.DataFrame, here: pd.Series, most_writes: float) -> Figure:
    """Blackout over line rate and page writes, with the boundary within which pre-copy converges.

    ``frame``: ``migrate`` over a grid of both; ``here``: the row of the machine asked about;
    ``most_writes``: the greatest rate at which it still converges on its link (0 none, infinite all).
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 5.6))
    x, y = "bandwidth_gbps", "dirty_pages_per_s"
    field = _field(frame, x, y, "blackout_s")
    finite = field[2][np.isfinite(field[2])]
    shown = np.ma.masked_invalid(field[2])
    norm = LogNorm(max(finite.min(), 0.01), max(finite.max(), finite.min() * 1.01))
    mesh = ax.pcolormesh(*field[:2], shown, cmap=FROZEN, norm=norm, shading="nearest", rasterized=True)
    scale(ax, "x", field[0], log=True)
    scale(ax, "y", field[1], log=True)
    ax.grid(visible=False)
    _isolines(ax, field, [0.5, 2, 5, 15, 60, 300], duration)
    _boundary(ax, frame, x, y)
    _link_speed(ax, frame, x, y)
    _here(ax, here, x, y)
    bar = fig.colorbar(mesh, ax=ax, pad=0.015, aspect=30)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: number(v)))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    bar.set_label(axis_label("blackout_s"))
    ax.set(xlabel=axis_label(x), ylabel=axis_label(y))
    return entitle(fig, _convergence_title(here, most_writes), _convergence_alt(frame, here))


def _boundary(ax: Axes, frame: pd.DataFrame, x: str, y: str) -> None:
    """The edge of the region that converges, drawn where the residual takes the permitted time to send.

    Of a rule for which no one time separates the two, the verdicts themselves are drawn.
    """
    left = frame["residual_pages"] / PAGES_PER_GIB / frame["memory_rate_gib_per_s"]
    met, missed = left[frame["converged"]], left[~frame["converged"]]
    if met.empty or missed.empty:
        return
    if met.max() <= missed.min():
        level, values = np.log((met.max() + missed.min()) / 2 + 1e-12), np.log(left + 1e-12)
    else:
        level, values = -0.5, -frame["converged"].astype(float)
    field = _field(frame.assign(left=values), x, y, "left")
    for width, colour in ((5.5, "white"), (3, INK)):
        ax.contour(*field, levels=[level], colors=colour, linewidths=width, linestyles="solid")
    for text, at in (("converges", (0.97, 0.06)), ("cut off before it converges", (0.03, 0.93))):
        right = at[0] > 0.5
        ax.text(
            *at,
            text,
            transform=ax.transAxes,
            ha="right" if right else "left",
            fontsize=11,
            fontweight="bold",
            color=INK if right else "white",
        )


def _link_speed(ax: Axes, frame: pd.DataFrame, x: str, y: str) -> None:
    """Where the guest writes pages as fast as the link sends them."""
    link = frame.drop_duplicates(x).sort_values(x)
    speed = link["memory_rate_gib_per_s"] * PAGES_PER_GIB
    ax.plot(link[x], speed, color="white", linewidth=1.4, linestyle=(0, (1.5, 1.5)))
    ax.set_ylim(frame[y].min(), frame[y].max())
    ax.set_xlim(frame[x].min(), frame[x].max())
    seen = (speed > frame[y].min()) & (speed < frame[y].max())
    if seen.sum() > 2:
        row = link[seen].iloc[int(seen.sum() * 0.2)]
        place = (row[x] * 1.02, row["memory_rate_gib_per_s"] * PAGES_PER_GIB * 1.09)
        text = ax.text(*place, "written as fast as sent", fontsize=9, color="white", **along(*place))
        text.set_path_effects(DARK_HALO)


def _here(ax: Axes, here: pd.Series, x: str, y: str) -> None:
    """The machine asked about, as a star with its blackout."""
    place = (here[x], here[y])
    ax.scatter(*place, **STAR)
    right = ax.transLimits.transform(ax.transScale.transform(place))[0] > 0.7
    text = ax.annotate(
        f"this machine: {duration(here['blackout_s'])}",
        place,
        xytext=(-12 if right else 12, -4),
        textcoords="offset points",
        ha="right" if right else "left",
        va="center",
        fontsize=10,
        fontweight="bold",
        zorder=6,
    )
    text.set_path_effects(HALO)


def _convergence_title(here: pd.Series, most_writes: float) -> str:
    """How far this machine is from the boundary on its own link."""
    link, writes = value_of("bandwidth_gbps", here["bandwidth_gbps"]), number(here["dirty_pages_per_s"])
    if np.isinf(most_writes):
        return f"On {link} this machine converges however many pages its guest writes"
    if most_writes <= 0:
        return f"On {link} this machine does not converge however few pages its guest writes"
    return (
        f"On {link} pre-copy converges up to {number(most_writes)} page writes per second; "
        f"this guest makes {writes}"
    )


def _convergence_alt(frame: pd.DataFrame, here: pd.Series) -> str:
    share = frame["converged"].mean()
    worst = frame["blackout_s"].max()
    return (
        "A map with the line rate to the right and the guest's page writes upward, both logarithmic; the "
        f"darker, the longer the blackout, from {duration(frame['blackout_s'].min())} to {duration(worst)}. "
        f"{number(100 * share, 2)} % of it, below and right of a thick line, converges. The star of this "
        f"machine has a blackout of {duration(here['blackout_s'])}."
    )


# --- real migrations on the map ---------------------------------------------------------

BANDS = (0.5, 3.5, 5.5, 10.5, 29.5, 1e9)
"""Edges between numbers of passes that the background of :func:`measured` tells apart."""
BAND_NAMES = ("1 to 3", "4 or 5", "6 to 10", "11 to 29", "never")
VERDICTS = {
    "converged": ("o", "white", INK, "converged by its own rule"),
    "forced": ("s", INK, "white", "paused by a pass limit (its number)"),
    "never": ("X", "#e0442e", "white", "not finished after 90 s"),
}


@drawn
def measured(lab: pd.DataFrame, field: pd.DataFrame) -> Figure:
    """Measured migrations on the map of link rate against distinct memory dirtied.

    Both tables have the columns ``sent_gbps`` and ``dirtied_gbps`` (``studies.grids.on_one_map``).
    ``lab`` also has ``measured_verdict`` and ``pass_limit``; ``field`` is a grid of one machine of the
    laboratory with ``passes`` and ``converged``, the coloured ground.
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 6.2))
    _passes_needed(fig, ax, field)
    for verdict, (marker, face, edge, _) in VERDICTS.items():
        rows = lab[lab["measured_verdict"] == verdict]
        look: dict[str, Any] = {
            "marker": marker,
            "s": 80 if verdict == "never" else 52,
            "facecolor": face,
            "edgecolor": edge,
        }
        # A guest that writes nothing has no place on a logarithmic axis: it is put on the lower edge.
        height = rows["dirtied_gbps"].clip(lower=ax.get_ylim()[0])
        ax.scatter(rows["sent_gbps"], height, **look, lw=1.1, zorder=4, clip_on=False)
    for row in each_row(lab[lab["measured_verdict"] == "forced"]):
        text = ax.annotate(
            number(row.pass_limit),
            (row.sent_gbps, row.dirtied_gbps),
            xytext=(6, 3),
            textcoords="offset points",
            fontsize=8.5,
            zorder=5,
        )
        text.set_path_effects(HALO)
    _equal_rates(ax)
    _verdict_key(ax, lab)
    ax.set(xlabel="memory the link sends [Gbit/s]", ylabel="distinct memory dirtied [Gbit/s]")
    return entitle(fig, _measured_title(lab), _measured_alt(lab))


def _passes_needed(fig: Figure, ax: Axes, field: pd.DataFrame) -> None:
    """The ground: passes that the model needs, in steps, and the limits of the panel."""
    field = field.assign(needed=field["passes"].where(field["converged"], 1e6))
    sent, dirtied, passes = (
        _field(field, "bandwidth_gbps", "dirty_pages_per_s", name)[2]
        for name in ("sent_gbps", "dirtied_gbps", "needed")
    )
    # The rule looks every 61 ms, so the count jumps by one from place to place: show the local median.
    passes = median_filter(passes, size=9, mode="nearest")
    steps = ListedColormap([FROZEN(v) for v in (0.02, 0.22, 0.42, 0.62, 0.86)])
    mesh = ax.pcolormesh(
        sent, dirtied, passes, cmap=steps, norm=BoundaryNorm(BANDS, 5), shading="nearest", rasterized=True
    )
    scale(ax, "x", sent.ravel(), log=True)
    scale(ax, "y", dirtied[dirtied > 0].ravel(), log=True)
    ax.grid(visible=False)
    ax.set_xlim(sent.min(), sent.max())
    ax.set_ylim(dirtied[dirtied > 0].min(), dirtied[:, 0].max())
    bar = fig.colorbar(mesh, ax=ax, pad=0.015, aspect=30, spacing="uniform")
    bar.set_ticks([sum(pair) / 2 for pair in pairwise(BANDS)], labels=BAND_NAMES)
    bar.set_label("passes the model needs without a limit")


def _equal_rates(ax: Axes) -> None:
    """The diagonal: beyond it no number of passes suffices."""
    low, high = ax.get_xlim()
    ax.plot([low, high], [low, high], color="white", linewidth=4.5, zorder=2)
    ax.plot([low, high], [low, high], color=INK, linewidth=2.2, zorder=3)
    place = (low * 1.05, low * 1.16)
    ax.text(*place, "dirtied as fast as it is sent", color="white", fontsize=9.5, **along(*place))


def _verdict_key(ax: Axes, lab: pd.DataFrame) -> None:
    """What the marks mean and how many there are of each, under the panel."""
    handles = []
    for verdict, (marker, face, _, words) in VERDICTS.items():
        text = f"{(lab['measured_verdict'] == verdict).sum()} {words}"
        look: dict[str, Any] = {
            "marker": marker,
            "markerfacecolor": face,
            "markeredgecolor": INK,
            "linestyle": "",
        }
        handles.append(Line2D([], [], label=text, **look))
    ax.figure.legend(handles=handles, loc="outside lower left", ncols=3, fontsize=9, handletextpad=0.2)
    idle = int((lab["dirtied_gbps"] < ax.get_ylim()[0]).sum())
    if idle:
        text = f"on the lower edge: {idle} guests that write (almost) nothing"
        ax.annotate(text, (0, 1.01), xycoords="axes fraction", color=QUIET, fontsize=9)


def _measured_title(lab: pd.DataFrame) -> str:
    """Whether the law held for every migration: none converges beyond the diagonal."""
    beyond = lab[lab["dirtied_gbps"] > lab["sent_gbps"]]
    below = lab[lab["dirtied_gbps"] <= lab["sent_gbps"]]
    done, within = (int((part["measured_verdict"] == "converged").sum()) for part in (beyond, below))
    return (
        f"Of {len(below)} measured migrations whose guest dirties memory more slowly than it is sent, "
        f"{within} converged; of {len(beyond)} whose guest is faster, {done or 'none'}"
    )


def _measured_alt(lab: pd.DataFrame) -> str:
    counts = lab["measured_verdict"].value_counts()
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return (
        "A map with the memory the link sends to the right and the distinct memory the guest dirties upward, "
        f"both in Gbit/s and logarithmic, with the diagonal of equal rates. Measured migrations: {told}. "
        "The ground shows in steps how many passes the model needs, more and more towards the diagonal."
    )


# --- buffers and compression ------------------------------------------------------------


@drawn
def buffers(frame: pd.DataFrame, x: str, y: str, here: pd.Series, given: float) -> Figure:
    """Fewest receive buffers that carry nearly all of the link, over two parameters.

    ``frame`` has the column ``buffers_needed``; ``here`` is the row asked about; ``given`` the number set,
    whose line is drawn thick: above it the ring takes its toll.
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 5.4))
    field = _field(frame, x, y, "buffers_needed")
    norm = LogNorm(max(field[2].min(), 1), field[2].max())
    look: dict[str, Any] = {"cmap": FROZEN, "norm": norm, "shading": "nearest", "rasterized": True}
    mesh = ax.pcolormesh(*field, **look)
    scale(ax, "x", field[0], log=True)
    scale(ax, "y", field[1], log=True)
    ax.grid(visible=False)
    _isolines(ax, field, [v for v in 2.0 ** np.arange(5, 17) if v != given], lambda v: number(v, 6))
    if field[2].min() < given < field[2].max():
        for width, colour in ((5.5, "white"), (3, INK)):
            ax.contour(*field, levels=[given], colors=colour, linewidths=width)
    _mark_need(ax, here, x, y)
    bar = fig.colorbar(mesh, ax=ax, pad=0.015, aspect=30)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: number(v)))
    bar.set_label("buffers needed [descriptors]")
    ax.set(xlabel=axis_label(x), ylabel=axis_label(y))
    return entitle(fig, _buffers_title(here, given), _buffers_alt(frame, x, y, given))


def _mark_need(ax: Axes, here: pd.Series, x: str, y: str) -> None:
    """The link asked about, as a star with its need."""
    ax.scatter(here[x], here[y], **STAR)
    text = ax.annotate(
        f"needs {number(here['buffers_needed'], 6)}", (here[x], here[y]), xytext=(12, -4), va="center",
        textcoords="offset points", fontsize=10, fontweight="bold", zorder=6,
    )  # fmt: skip
    text.set_path_effects(HALO)


def _buffers_title(here: pd.Series, given: float) -> str:
    need = here["buffers_needed"]
    link = value_of("bandwidth_gbps", here["bandwidth_gbps"])
    verdict = "are enough" if need <= given else "are too few"
    delay = value_of("receive_delay_us", here["receive_delay_us"])
    return (
        f"{number(given, 6)} receive buffers {verdict} on {link} with {delay}: "
        f"{number(need, 6)} carry 99{NO_BREAK}% of what is possible"
    )


def _buffers_alt(frame: pd.DataFrame, x: str, y: str, given: float) -> str:
    share = (frame["buffers_needed"] <= given).mean()
    return (
        f"A map over {axis_label(x)} and {axis_label(y)}; the darker, the more buffers are needed, from "
        f"{number(max(frame['buffers_needed'].min(), 1))} to {number(frame['buffers_needed'].max())}. On "
        f"{number(100 * share, 2)} % of it {number(given)} are enough."
    )


@drawn
def gains(frame: pd.DataFrame, x: str, y: str, panel: str, here: pd.Series) -> Figure:
    """How many times shorter compression makes the total time, over two parameters, a map for each ``panel``.

    ``frame`` has the column ``gain``. Thin lines join equal gains; below the thick line the link binds
    and compression gives all it can, above it the spare cores do.
    """
    groups: Groups = list(frame.groupby(panel, sort=True))
    fig, axes = plt.subplots(1, len(groups), figsize=(WIDTH, 4.6), sharey=True, squeeze=False)
    top = max(frame["gain"].max(), 1.05)
    for ax, (value, part) in zip(axes[0], groups, strict=True):
        field = _field(part, x, y, "gain")
        mesh = ax.pcolormesh(*field, cmap=GAIN, vmin=1, vmax=top, shading="nearest", rasterized=True)
        scale(ax, "x", field[0], log=True)
        scale(ax, "y", field[1], log=True)
        ax.grid(visible=False)
        _isolines(ax, field, [1.1, 1.25, 1.5, 2, 3, 4], lambda v: f"{number(v)}×", INK)
        _cores_bind(ax, part, x, y)
        if here[panel] == value:
            ax.scatter(here[x], here[y], **STAR)
        ax.set_title(f"ratio {value_of(panel, value)}")
        ax.set_xlabel(axis_label(x))
    axes[0, 0].set_ylabel(axis_label(y))
    bar = fig.colorbar(mesh, ax=axes[0], pad=0.015, aspect=30)
    bar.set_label("total time without over with compression [times]")
    return entitle(fig, _gains_title(frame, here, panel), _gains_alt(groups, x, y, panel))


def _cores_bind(ax: Axes, part: pd.DataFrame, x: str, y: str) -> None:
    """The line beyond which the spare cores hold compression back."""
    lacking = np.log(part["cores_needed"] / part["spare_cores"])
    field = _field(part.assign(lacking=lacking), x, y, "lacking")
    if field[2].min() < 0 < field[2].max():
        for width, colour in ((4.5, "white"), (2.2, INK)):
            ax.contour(*field, levels=[0], colors=colour, linewidths=width)


def _gains_title(frame: pd.DataFrame, here: pd.Series, panel: str) -> str:
    cores, link = (value_of(name, here[name]) for name in ("spare_cores", "bandwidth_gbps"))
    return (
        f"{sentence(cores)} on {link} make a migration {number(here['gain'])} times as fast at a ratio of "
        f"{value_of(panel, here[panel])}; the most on these maps is {number(frame['gain'].max())} times"
    )


def _gains_alt(groups: Groups, x: str, y: str, panel: str) -> str:
    spans = [
        (value_of(panel, value), number(p["gain"].min()), number(p["gain"].max())) for value, p in groups
    ]
    told = [f"{value}: {low} to {high} times" for value, low, high in spans]
    return (
        f"Maps over {axis_label(x)} and {axis_label(y)}, one for each compression ratio; the darker, the "
        f"more compression gains. Gain at {'; '.join(told)}. A thick line parts the slow links with "
        "many cores, where the link binds, from the fast links with few, where the cores do."
    )
