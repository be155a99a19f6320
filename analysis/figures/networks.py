"""Figures of a dedicated and of a shared network: a migration's time as a distribution."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from analysis.figures.language import (
    DIRTY,
    FAINT,
    INK,
    NO_BREAK,
    QUIET,
    SENT,
    WIDTH,
    Groups,
    axis_label,
    change,
    colours,
    differ,
    drawn,
    duration,
    entitle,
    label_ends,
    note,
    number,
    scale,
    two_durations,
    value_of,
)
from analysis.figures.marks import set_value
from analysis.figures.words import chance, percent
from analysis.studies.traffic import durations, summary
from analysis.studies.validation.spread import Repeats, spread_table, within

COLOUR = {"dedicated": SENT, "shared": DIRTY}
SURE = 0.95

# --- one migration, many times ----------------------------------------------------------


@drawn
def side_by_side(times: Mapping[str, pd.DataFrame]) -> Figure:
    """How total times are distributed on each network, one panel under the other on one axis.

    ``times``: what ``studies.traffic.durations`` returns, by name of the network.
    """
    fig, axes = plt.subplots(len(times), 1, figsize=(WIDTH, 1.8 * len(times) + 0.9), sharex=True)
    every = np.concatenate([t.total_s for t in times.values()])
    low, high = every.min(), np.quantile(every, 0.999)
    wide = max(high - low, 0.02 * high)
    bins = np.linspace(low - 0.02 * wide, max(high, low + wide), 90)
    for ax, (name, table) in zip(np.atleast_1d(axes), times.items(), strict=True):
        _histogram(ax, table, bins, COLOUR[name])
        ax.set_title(f"{name} network", color=COLOUR[name])
    scale(ax, "x", [0], log=False)
    ax.set_xlabel(axis_label("total_s"))
    figures = {name: summary(table) for name, table in times.items()}
    return entitle(fig, _side_title(figures), _side_alt(figures))


def _histogram(ax: Axes, table: pd.DataFrame, bins: np.ndarray, colour: str) -> None:
    """How often each time was drawn, on a scale of the panel's own, with mean and 95th percentile marked."""
    found = summary(table)
    ax.hist(table.total_s, bins.tolist(), color=colour, alpha=0.75)
    ax.set_xlim(bins[0], bins[-1])
    ax.set_yticks([])
    ax.set_ylim(0, ax.get_ylim()[1] * 1.25)
    ax.spines["left"].set_visible(False)
    for key, words, height in (("mean", "mean", 0.93), ("p95", "95 of 100 within", 0.72)):
        ax.axvline(found[key], color=INK, linewidth=1.4, linestyle="-" if key == "mean" else (0, (3, 2)))
        _beside(ax, f"{words} {duration(found[key])}", found[key], height)


def _beside(ax: Axes, text: str, x: float, height: float) -> None:
    """A remark right of a vertical line, or left of it where the panel ends soon."""
    left, right = ax.get_xlim()
    late = (x - left) / (right - left) > 0.75
    place: dict[str, Any] = {
        "xytext": (-5 if late else 5, 0),
        "textcoords": "offset points",
        "ha": "right" if late else "left",
    }
    note(ax, text, x, height, xycoords=("data", "axes fraction"), color=INK, va="center", **place)


def _side_title(found: Mapping[str, Mapping[str, float]]) -> str:
    own, other = found["dedicated"], found["shared"]
    if not differ(own["mean"], other["mean"]):
        without, beside = two_durations(own["mean"], other["mean"])
        return f"Other traffic hardly prolongs a migration: {beside} on the mean beside it, {without} without"
    (without, beside), (most, longer) = (two_durations(own[kind], other[kind]) for kind in ("mean", "p95"))
    return (
        f"Other traffic makes a migration take {beside} on the mean instead of {without}, and one in twenty "
        f"more than {longer} instead of {most}"
    )


def _side_alt(found: Mapping[str, Mapping[str, float]]) -> str:
    told = [
        f"{name}: mean {duration(f['mean'])}, 95th percentile {duration(f['p95'])}, coefficient of "
        f"variation {percent(f['cv'])}"
        for name, f in found.items()
    ]
    return f"Two histograms of total time on one axis, {'; '.join(told)}."


def summary_table(figures: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Mean, percentiles and coefficient of variation by network, as text for a table."""
    rows = {
        f"{name} network": {
            "mean": duration(f["mean"]),
            "median": duration(f["median"]),
            "95th percentile": duration(f["p95"]),
            "99th percentile": duration(f["p99"]),
            "coefficient of variation": percent(f["cv"]),
        }
        for name, f in figures.items()
    }
    return pd.DataFrame(rows).T


# --- what makes the tail ------------------------------------------------------------------


def over_bursts(shares: Iterable[float], bursts_s: Iterable[float], **scenario: Any) -> pd.DataFrame:
    """``studies.traffic.summary`` of total times for each share of other traffic and length of its bursts."""
    rows = [
        {"background_share": share, "background_burst_s": burst_s}
        | summary(durations(network="shared", background_share=share, background_burst_s=burst_s, **scenario))
        for share in shares
        for burst_s in bursts_s
    ]
    return pd.DataFrame(rows)


@drawn
def burst_lengths(table: pd.DataFrame, here: tuple[float, float]) -> Figure:
    """Mean and 95th percentile of total time over the length of bursts, for some shares of other traffic.

    ``table``: columns ``background_share``, ``background_burst_s``, ``mean``, ``p95``; ``here``: share and
    burst length that are set.
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 4.4))
    scale(ax, "x", table.background_burst_s, log=True)
    groups: Groups = list(table.groupby("background_share", sort=True))
    ends = []
    for (share, part), tint in zip(groups, colours([share for share, _ in groups]), strict=True):
        part = part.sort_values("background_burst_s")
        ax.plot(part.background_burst_s, part.p95, color=tint, linewidth=2.6)
        ax.plot(part.background_burst_s, part["mean"], color=tint, linewidth=1.5, linestyle=(0, (3, 2)))
        ends.append((part.p95.iloc[-1], f"{percent(share)} of the line", tint))
    ax.margins(x=0.02)
    scale(ax, "y", [0], log=False)
    ax.set_ylim(0, table.p95.max() * 1.08)
    label_ends(ax, ends)
    set_value(ax, f"set: {number(here[1])} s", here[1])
    text = "thick: 95 of 100 migrations are done by then   dashed: mean"
    ax.annotate(text, (1, 1.02), xycoords="axes fraction", ha="right", color=QUIET, fontsize=9)
    ax.set(xlabel="mean length of a burst of other traffic [s]", ylabel=axis_label("total_s"))
    return entitle(fig, _burst_title(table, here[0]), _burst_alt(groups))


def _burst_ends(part: pd.DataFrame, column: str) -> tuple[float, float]:
    ordered = part.sort_values("background_burst_s")[column]
    return float(ordered.iloc[0]), float(ordered.iloc[-1])


def _burst_title(table: pd.DataFrame, share: float) -> str:
    part = table[table.background_share == share]
    least, most = (value_of("background_burst_s", pick(part.background_burst_s)) for pick in (min, max))
    ends = {column: _burst_ends(part, column) for column in ("mean", "p95")}
    if share == 0:
        return f"Without other traffic 95 of 100 migrations are done within {duration(ends['p95'][0])}"
    grown = {column: last / first - 1 for column, (first, last) in ends.items()}
    start = f"From bursts of {least} to bursts of {most} the same {percent(share)} of other traffic"
    if min(grown.values()) < 0.02:
        changes = (change(words, *ends[kind]) for words, kind in (("the mean", "mean"), ("the time", "p95")))
        return f"{start}: {next(changes)}, {next(changes)} within which 95 of 100 are done"
    return (
        f"{start} prolongs the mean by {percent(grown['mean'])}, the time within which 95 of 100 are done "
        f"by {percent(grown['p95'])}"
    )


def _burst_alt(groups: Groups) -> str:
    told = [
        f"{percent(share)}: 95th percentile from {duration(_burst_ends(part, 'p95')[0])} to "
        f"{duration(_burst_ends(part, 'p95')[1])}"
        for share, part in groups
    ]
    return (
        f"Pairs of lines that rise over the length of bursts, one pair a share of traffic. {'; '.join(told)}."
    )


# --- a maintenance window -------------------------------------------------------------------


@drawn
def window(finished: Mapping[str, np.ndarray], window_s: float, machines: int) -> Figure:
    """Chance that a node is empty within a window, over the window's length, on each network.

    ``finished``: drawn times [s] until the last machine has moved, by name of the network.
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 4.2))
    every = np.concatenate([*finished.values(), [window_s]])
    low, high = every.min(), every.max()
    wide = max(high - low, 0.02 * high)
    seconds = np.linspace(max(low - 0.05 * wide, 0), high + 0.3 * wide, 600)
    scale(ax, "x", seconds, log=False)
    for place, (name, times) in enumerate(finished.items()):
        ax.plot(seconds / 60, within(times, seconds), color=COLOUR[name])
        _sure_point(ax, times, name, place)
    ax.set_xlim(seconds[0] / 60, seconds[-1] / 60)
    set_value(ax, f"window: {number(window_s / 60)} min", window_s / 60)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set(xlabel="length of the window [min]", ylabel="chance that the node is empty", ylim=(-0.02, 1.04))
    return entitle(fig, _window_title(finished, window_s, machines), _window_alt(finished))


def _sure_point(ax: Axes, times: np.ndarray, name: str, place: int) -> None:
    """Where the chance reaches 95 %, with the name of the line, each on a level of its own."""
    sure = np.quantile(times, SURE) / 60
    ax.scatter(sure, SURE, s=46, facecolor="white", edgecolor=COLOUR[name], lw=2, zorder=4)
    text = f"{name}: 95{NO_BREAK}% at {duration(sure * 60)}"
    note(ax, text, sure, SURE, color=COLOUR[name], textcoords="offset points", xytext=(9, -14 - 20 * place))


def _window_title(finished: Mapping[str, np.ndarray], window_s: float, machines: int) -> str:
    kept = {name: chance(float(within(times, window_s))) for name, times in finished.items()}
    count = f"{machines} {'machine' if machines == 1 else 'machines'}"
    return (
        f"A window of {number(window_s / 60)} min for {count} is kept with a chance of "
        f"{kept['dedicated']} on the dedicated network and {kept['shared']} on the shared one"
    )


def _window_alt(finished: Mapping[str, np.ndarray]) -> str:
    told = [f"{name} at {duration(float(np.quantile(times, SURE)))}" for name, times in finished.items()]
    return f"Two curves that rise from 0 to 100 % over the length of the window; 95 %: {', '.join(told)}."


# --- measured repeats -----------------------------------------------------------------------


@drawn
def repeats(found: Sequence[Repeats]) -> Figure:
    """Measured total times of repeated migrations over the spread that the model draws, by traffic."""
    fig, axes = plt.subplots(len(found), 1, figsize=(WIDTH, 1.35 * len(found) + 1.0), sharex=True)
    for ax, one in zip(np.atleast_1d(axes), found, strict=True):
        _repeat_panel(ax, one)
    ax.set_xlabel(axis_label("total_s"))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlim(0, 1.04 * max(max(one.measured.max(), one.drawn.max()) for one in found))
    text = "band: nine of ten draws of the model   bar: its mean   points: measured"
    axes[0].annotate(text, (1, 1.06), xycoords="axes fraction", ha="right", color=QUIET, fontsize=9)
    table = spread_table(found)
    return entitle(fig, _repeats_title(table), _repeats_alt(table))


def _repeat_panel(ax: Axes, one: Repeats) -> None:
    low, high = np.quantile(one.drawn, (0.05, 0.95))
    if high > low:
        ax.axvspan(low, high, 0.12, 0.88, color=SENT, alpha=0.25, linewidth=0)
    ax.vlines(one.drawn.mean(), 0.12, 0.88, color=SENT, linewidth=3)
    heights = 0.5 + 0.2 * np.resize([-1, 0, 1], len(one.measured))
    ax.plot(one.measured, heights, "o", color=INK, markersize=6, markeredgecolor="white", zorder=3)
    ax.set(ylim=(0, 1), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.set_facecolor("white")
    ax.axhline(0, color=FAINT, linewidth=1)
    ax.set_title(one.traffic, fontsize=10)


def _repeats_title(table: pd.DataFrame) -> str:
    least, most = str(table.measured_mean_s.idxmin()), str(table.measured_cv.idxmax())
    return (
        f"Measured times spread by {percent(table.measured_cv[least])} alone on the line and by "
        f"{percent(table.measured_cv[most])} beside {most}; the model draws "
        f"{percent(table.drawn_cv[least])} and {percent(table.drawn_cv[most])}"
    )


def _repeats_alt(table: pd.DataFrame) -> str:
    told = [
        f"{name}: measured mean {row.measured_mean_s:.1f} s, spread {percent(row.measured_cv)}; "
        f"drawn {row.drawn_mean_s:.1f} s, {percent(row.drawn_cv)}"
        for name, row in table.iterrows()
    ]
    return f"Strips of measured points over bands of the model. {'; '.join(told)}."


def repeats_table(table: pd.DataFrame) -> pd.DataFrame:
    """What ``validation.spread.spread_table`` found, as text; spread: coefficient of variation."""
    columns = {
        "mean [s]": _pairs(table.measured_mean_s, table.drawn_mean_s, "{:.1f}".format),
        "error": (table.drawn_mean_s / table.measured_mean_s - 1).map(percent),
        "spread": _pairs(table.measured_cv, table.drawn_cv, percent),
        "small samples": _pairs(table.cv_low, table.cv_high, percent, " to "),
    }
    return pd.DataFrame(columns, index=table.index.rename("other traffic"))


def _pairs(
    first: pd.Series, second: pd.Series, words: Callable[[float], str], between: str = " / "
) -> list[str]:
    return [f"{words(a)}{between}{words(b)}" for a, b in zip(first, second, strict=True)]
