"""Maps over two parameters: where pre-copy converges, how many buffers, what compression gains."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator
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
from analysis.figures.marks import HALO, NEVER, Box, field_of, iso_labels, isolines, name_region, smooth, star
from analysis.figures.words import chance, endless, frozen, paused_s
from analysis.model.units import PAGES_PER_GIB

# --- where pre-copy converges -----------------------------------------------------------

LEVELS_S = (0.1, 0.2, 0.5, 2.0, 5.0, 15.0, 60.0, 300.0, 1800.0)
"""Blackouts that the bar beside the map tells; of the same length are those along a thin line."""
NOTICED_S, CALLED_S = 0.2, 10.0
"""What every map calls light and dark at least, so that a harmless blackout never looks like a long one."""


@drawn
def convergence(frame: pd.DataFrame, here: pd.Series, most_writes: float) -> Figure:
    """Blackout over line rate and page writes, with the boundary within which pre-copy converges.

    ``frame``: ``migrate`` over a grid of both; ``here``: the row of the machine asked about;
    ``most_writes``: the greatest rate at which it still converges on its link (0 none, infinite all).
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 5.6))
    x, y = "bandwidth_gbps", "dirty_pages_per_s"
    field = field_of(frame.assign(paused_s=paused_s(frame)), x, y, "paused_s")
    finite = field[2][np.isfinite(field[2])]
    low, high = (finite.min(), finite.max()) if finite.size else (NOTICED_S, CALLED_S)
    ends = max(min(low, NOTICED_S), 0.01), max(high, CALLED_S)
    norm = LogNorm(*ends)
    shown = np.ma.masked_invalid(field[2])
    mesh = ax.pcolormesh(*field[:2], shown, cmap=FROZEN, norm=norm, shading="nearest", rasterized=True)
    ax.set_facecolor(NEVER)
    scale(ax, "x", field[0], log=True)
    scale(ax, "y", field[1], log=True)
    ax.grid(visible=False)
    if high > 1.5 * low:
        isolines(ax, smooth(field), LEVELS_S[2:])
    keys = [_boundary(ax, frame, x, y), _link_speed(ax, frame, x, y)]
    ax.annotate("   ".join(filter(None, keys)), (0, 1.015), xycoords="axes fraction", color=QUIET, fontsize=9)
    taken = star(ax, here[x], here[y], f"this machine: {'never ends' if endless(here) else frozen(here)}")
    _name_verdicts(ax, frame, x, y, taken)
    bar = fig.colorbar(mesh, ax=ax, pad=0.015, aspect=30)
    told = [level for level in LEVELS_S if ends[0] <= level <= ends[1]]
    bar.set_ticks(told, labels=[number(level) for level in told])
    bar.ax.yaxis.set_minor_locator(NullLocator())
    for level in told[2:]:
        bar.ax.axhline(level, color="white", linewidth=0.9)
    bar.set_label(axis_label("blackout_s"))
    ax.set(xlabel=axis_label(x), ylabel=axis_label(y))
    return entitle(fig, _convergence_title(here, most_writes), _convergence_alt(frame, here))


def _boundary(ax: Axes, frame: pd.DataFrame, x: str, y: str) -> str:
    """The edge of the region that converges, drawn where the residual takes the permitted time to send.

    Of a rule for which no one time separates the two, the verdicts themselves are drawn. Returns what it is.
    """
    left = frame["residual_pages"] / PAGES_PER_GIB / frame["memory_rate_gib_per_s"]
    met, missed = left[frame["converged"]], left[~frame["converged"]]
    if met.empty or missed.empty:
        return ""
    if met.max() <= missed.min():
        level, values = np.log((met.max() + missed.min()) / 2 + 1e-12), np.log(left + 1e-12)
        field = field_of(frame.assign(left=values), x, y, "left")
    else:
        level, values = -0.5, -frame["converged"].astype(float)
        field = smooth(field_of(frame.assign(left=values), x, y, "left"))
    for width, colour in ((5.5, "white"), (3, INK)):
        ax.contour(*field, levels=[level], colors=colour, linewidths=width, linestyles="solid")
    return "thick line: to here pre-copy converges"


def _name_verdicts(ax: Axes, frame: pd.DataFrame, x: str, y: str, taken: Box) -> None:
    """What becomes of a migration in each region of the map that has room for it."""
    never = np.isinf(frame["total_s"])
    cut = ~frame["converged"] & ~never
    names = {"converges": frame["converged"], "cut off before it converges": cut, "never ends": never}
    for name, rows in names.items():
        *axes, inside = field_of(frame.assign(inside=rows.astype(float)), x, y, "inside")
        light = paused_s(frame[rows]).median() < 2 or name == "never ends"
        name_region(ax, (axes[0], axes[1]), inside > 0.5, name, [taken], INK if light else "white")


def _link_speed(ax: Axes, frame: pd.DataFrame, x: str, y: str) -> str:
    """Where the guest writes pages as fast as the link sends them; returns what the line is, if seen."""
    link = frame.drop_duplicates(x).sort_values(x)
    speed = link["memory_rate_gib_per_s"] * PAGES_PER_GIB
    ax.set_ylim(frame[y].min(), frame[y].max())
    ax.set_xlim(frame[x].min(), frame[x].max())
    seen = (speed > frame[y].min()) & (speed < frame[y].max())
    if not seen.any():
        return ""
    for width, colour in ((2.6, INK), (1.4, "white")):
        ax.plot(link[x], speed, color=colour, linewidth=width, linestyle=(0, (1.5, 1.5)))
    return "dotted: pages are written as fast as sent"


def _convergence_title(here: pd.Series, most_writes: float) -> str:
    """How far this machine is from the boundary on its own link."""
    link, writes = value_of("bandwidth_gbps", here["bandwidth_gbps"]), number(here["dirty_pages_per_s"])
    if np.isinf(most_writes):
        return f"On {link} this machine converges however many pages its guest writes"
    if most_writes <= 0:
        return f"On {link} this machine does not converge unless its guest writes next to nothing"
    return (
        f"On {link} pre-copy converges up to {number(most_writes)} page writes per second; "
        f"this guest makes {writes if here['dirty_pages_per_s'] else 'none'}"
    )


def _convergence_alt(frame: pd.DataFrame, here: pd.Series) -> str:
    share, never = frame["converged"].mean(), np.isinf(frame["total_s"]).mean()
    pauses = paused_s(frame).dropna()
    dark = "there is none, since no migration on it ends"
    if len(pauses):
        dark = (
            f"the darker, the longer the blackout, from {duration(pauses.min())} to {duration(pauses.max())}"
        )
    on_it = f" {number(100 * never, 2)} % of it, in grey, never ends." if never else ""
    star_at = "never ends" if endless(here) else f"has a blackout of {frozen(here)}"
    return (
        "A map with the line rate to the right and the guest's page writes upward, both logarithmic; "
        f"{dark}. {number(100 * share, 2)} % of it, below and right of a thick line, converges.{on_it} The "
        f"machine of the star {star_at}."
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
        field_of(field, "bandwidth_gbps", "dirty_pages_per_s", name)[2]
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
    field = field_of(frame, x, y, "buffers_needed")
    finite = field[2][np.isfinite(field[2])]
    low, high = (max(finite.min(), 1), finite.max()) if finite.size else (1, 10)
    norm = LogNorm(low, max(high, 10 * low))
    shown = np.ma.masked_invalid(field[2])
    mesh = ax.pcolormesh(*field[:2], shown, cmap=FROZEN, norm=norm, shading="nearest", rasterized=True)
    ax.set_facecolor(NEVER)
    scale(ax, "x", field[0], log=True)
    scale(ax, "y", field[1], log=True)
    ax.grid(visible=False)
    ax.set(xlim=(field[0].min(), field[0].max()), ylim=(field[1].min(), field[1].max()))
    lines = isolines(ax, field, [v for v in 2.0 ** np.arange(5, 17) if v != given])
    if low < given < high:
        for width, colour in ((5.5, "white"), (3, INK)):
            ax.contour(*field, levels=[given], colors=colour, linewidths=width)
    need = here["buffers_needed"]
    words = f"needs {number(need, 6)}" if np.isfinite(need) else "no number is enough"
    taken = star(ax, here[x], here[y], words)
    bar = fig.colorbar(mesh, ax=ax, pad=0.015, aspect=30)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: number(v)))
    bar.set_label("buffers needed [descriptors]")
    ax.set(xlabel=axis_label(x), ylabel=axis_label(y))
    fig = entitle(fig, _buffers_title(here, given), _buffers_alt(frame, x, y, given))
    iso_labels(ax, lines, lambda v: number(v, 6), [taken])
    return fig


def _buffers_title(here: pd.Series, given: float) -> str:
    need = here["buffers_needed"]
    link = value_of("bandwidth_gbps", here["bandwidth_gbps"])
    verdict = "are enough" if need <= given else "are too few"
    delay = value_of("receive_delay_us", here["receive_delay_us"])
    enough = f"{number(need, 6)} carry" if np.isfinite(need) else "no number of them carries"
    return (
        f"{number(given, 6)} receive buffers {verdict} on {link} with {delay}: "
        f"{enough} 99{NO_BREAK}% of what is possible"
    )


def _buffers_alt(frame: pd.DataFrame, x: str, y: str, given: float) -> str:
    share = (frame["buffers_needed"] <= given).mean()
    finite = frame.loc[np.isfinite(frame["buffers_needed"]), "buffers_needed"]
    span = (
        f"from {number(max(finite.min(), 1))} to {number(finite.max())}"
        if len(finite)
        else "beyond any number"
    )
    return (
        f"A map over {axis_label(x)} and {axis_label(y)}; the darker, the more buffers are needed, {span}. "
        f"On { ({0.0: 'none', 1.0: 'all'}.get(share) or chance(share)) } of it {number(given)} are enough."
    )


@drawn
def gains(frame: pd.DataFrame, x: str, y: str, panel: str, here: pd.Series) -> Figure:
    """How many times shorter compression makes the total time, over two parameters, a map for each ``panel``.

    ``frame`` has the column ``gain``. Thin lines join equal gains; below the thick line the link binds
    and compression gives all it can, above it the spare cores do.
    """
    groups: Groups = list(frame.groupby(panel, sort=True))
    fig, axes = plt.subplots(1, len(groups), figsize=(WIDTH, 4.6), sharey=True, squeeze=False)
    top = max(frame["gain"][np.isfinite(frame["gain"])].max(), 1.05)
    lines: dict[Axes, tuple[Any, list[Box]]] = {}
    for ax, (value, part) in zip(axes[0], groups, strict=True):
        field = field_of(part, x, y, "gain")
        shown = np.ma.masked_invalid(field[2])
        mesh = ax.pcolormesh(
            *field[:2], shown, cmap=GAIN, vmin=1, vmax=top, shading="nearest", rasterized=True
        )
        ax.set_facecolor(NEVER)
        scale(ax, "x", field[0], log=True)
        scale(ax, "y", field[1], log=True)
        ax.grid(visible=False)
        ax.set(xlim=(field[0].min(), field[0].max()), ylim=(field[1].min(), field[1].max()))
        lines[ax] = isolines(ax, field, [1.1, 1.25, 1.5, 2, 3, 4], INK), []
        _cores_bind(ax, part, x, y)
        if here[panel] == value:
            lines[ax][1].append(star(ax, here[x], here[y]))
        ax.set_title(f"ratio {value_of(panel, value)}")
        ax.set_xlabel(axis_label(x))
    axes[0, 0].set_ylabel(axis_label(y))
    bar = fig.colorbar(mesh, ax=axes[0], pad=0.015, aspect=30)
    bar.set_label("total time without over with compression [times]")
    fig = entitle(fig, _gains_title(frame, here, panel), _gains_alt(groups, x, y, panel))
    for ax, (of_ax, taken) in lines.items():
        iso_labels(ax, of_ax, lambda v: f"{number(v)}×", taken)
    return fig


def _cores_bind(ax: Axes, part: pd.DataFrame, x: str, y: str) -> None:
    """The line beyond which the spare cores hold compression back."""
    lacking = np.log(part["cores_needed"] / part["spare_cores"])
    field = field_of(part.assign(lacking=lacking), x, y, "lacking")
    if field[2].min() < 0 < field[2].max():
        for width, colour in ((4.5, "white"), (2.2, INK)):
            ax.contour(*field, levels=[0], colors=colour, linewidths=width)


def _gains_title(frame: pd.DataFrame, here: pd.Series, panel: str) -> str:
    cores, link = (value_of(name, here[name]) for name in ("spare_cores", "bandwidth_gbps"))
    gain, most = here["gain"], number(frame["gain"][np.isfinite(frame["gain"])].max())
    ratio = f"at a ratio of {value_of(panel, here[panel])}"
    if not np.isfinite(gain):
        made = f"do not make a migration end {ratio}" if np.isnan(gain) else f"let a migration end {ratio}"
    else:
        times = f"{number(gain)} times as fast {ratio}"
        made = f"make a migration {times}" if number(gain) != "1" else f"gain nothing {ratio}"
    return f"{sentence(cores)} on {link} {made}; the most on these maps is {most} times"


def _gains_alt(groups: Groups, x: str, y: str, panel: str) -> str:
    spans = [
        (value_of(panel, value), *(number(finite.agg(end)) for end in ("min", "max")))
        for value, p in groups
        for finite in [p["gain"][np.isfinite(p["gain"])]]
    ]
    told = [f"{value}: {low} to {high} times" for value, low, high in spans]
    return (
        f"Maps over {axis_label(x)} and {axis_label(y)}, one for each compression ratio; the darker, the "
        f"more compression gains. Gain at {'; '.join(told)}. A thick line parts the slow links with "
        "many cores, where the link binds, from the fast links with few, where the cores do."
    )
