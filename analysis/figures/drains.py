"""Pictures of drains: which machine moves when, and what more at once or a faster link brings."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.language import (
    BLACKOUT,
    CATEGORIES,
    INK,
    MARKERS,
    QUIET,
    WIDTH,
    differ,
    drawn,
    duration,
    entitle,
    number,
    scale,
)

MOST_NAMED = 60
"""Moves up to which each bar has its machine's name beside it."""


@drawn
def gantt(moves: pd.DataFrame) -> Figure:
    """Every move as a bar over time, by the order of starts; coloured by destination, pauses dark at its end.

    ``moves``: as ``studies.drain.answer.Drain`` has them.
    """
    height = min(max(0.19 * len(moves), 1.2), 12.0) + 1.1
    fig, ax = plt.subplots(figsize=(WIDTH, height))
    nodes = sorted(moves.destination.unique())
    for k, (colour, hatch) in enumerate(_looks(len(nodes))):
        some = np.flatnonzero(moves.destination == nodes[k])
        part = moves.iloc[some]
        ax.barh(
            some, part.end_s - part.start_s, left=part.start_s, height=0.72, color=colour, hatch=hatch,
            edgecolor="white", linewidth=0.4, label=f"to {nodes[k]}",
        )  # fmt: skip
    # A pause of a fifth of a second would not be seen: it is drawn at least a hairline wide.
    least = 0.004 * float(moves.end_s.max())
    wide = np.maximum(moves.blackout_s, least)
    ax.barh(np.arange(len(moves)), wide, left=moves.end_s - wide, height=0.72, color=BLACKOUT, label="paused")
    ax.set_ylim(len(moves) - 0.4, -0.6)
    if len(moves) <= MOST_NAMED:
        ax.set_yticks(range(len(moves)), moves.machine, fontsize=7.5)
        ax.grid(False, axis="y")
    else:
        ax.set_ylabel("moves, in the order of their starts")
    ax.set_xlim(0, float(moves.end_s.max()) * 1.01)
    ax.set_xlabel("time since the drain began [s]")
    fig.legend(loc="outside lower center", ncols=min(len(nodes) + 1, 5), fontsize=8)
    return entitle(fig, _gantt_title(moves), _gantt_alt(moves))


def _looks(count: int) -> list[tuple[str, str]]:
    """A colour for each of some nodes, and beyond the colours that there are a hatch too."""
    hatches = ("", "//", "..", "xx")
    return [
        (CATEGORIES[k % len(CATEGORIES)], hatches[k // len(CATEGORIES) % len(hatches)]) for k in range(count)
    ]


def _gantt_title(moves: pd.DataFrame) -> str:
    last = moves.iloc[int(moves.end_s.to_numpy().argmax())]
    longest = moves.iloc[int((moves.end_s - moves.start_s).to_numpy().argmax())]
    count = "1 machine is" if len(moves) == 1 else f"{len(moves):,} machines are"
    whole, most = duration(float(last.end_s)), duration(float(longest.end_s - longest.start_s))
    same = "" if longest.machine == last.machine else f"; {longest.machine} takes longest, {most}"
    return f"{count} moved in {whole}: {last.machine} is the last to arrive{same}"


def _gantt_alt(moves: pd.DataFrame) -> str:
    by_node = moves.groupby("destination").size()
    told = ", ".join(f"{count} to {node}" for node, count in by_node.items())
    most = moves.iloc[int(moves.blackout_s.to_numpy().argmax())]
    return (
        f"A bar for each move from its start to its end, coloured by destination ({told}), the pause dark "
        f"at its end. The longest pause is {duration(float(most.blackout_s))}, of {most.machine}."
    )


# --- how many at once ---------------------------------------------------------------------------


@drawn
def over_limits(table: pd.DataFrame) -> Figure:
    """Makespan and worst pause over how many move at once, a line for each link.

    ``table``: as ``studies.drain.compare.over_limits`` makes it.
    """
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.6))
    for ax, name, words in zip(axes, ("makespan_s", "blackout_s"), _SAID, strict=True):
        _lines(ax, table, name)
        ax.set_xlabel("migrations at once of each node")
        ax.set_ylabel(f"{words} [s]")
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8.5)
    return entitle(fig, _limits_title(table), _limits_alt(table))


_SAID = ("all moved after", "longest pause of a live machine")


def _lines(ax: Axes, table: pd.DataFrame, name: str) -> None:
    """One outcome over the limit: of the system's order, and, thin, of the work bound."""
    links = sorted(table.bandwidth_gbps.unique())
    for k, link in enumerate(links):
        part = table[table.bandwidth_gbps == link].sort_values("parallel_limit")
        colour = CATEGORIES[k % len(CATEGORIES)]
        ax.plot(
            part.parallel_limit, part[name], color=colour, marker=MARKERS[k % len(MARKERS)], markersize=5,
            label=f"{number(float(link))} Gbit/s",
        )  # fmt: skip
        if name == "makespan_s":
            ax.plot(part.parallel_limit, part.bound_s, color=colour, linewidth=0.9, linestyle=(0, (2, 2)))
    if name == "makespan_s":
        ax.plot([], [], color=QUIET, linewidth=0.9, linestyle=(0, (2, 2)), label="no plan is shorter")
    ax.set_xticks(sorted(table.parallel_limit.unique()))
    ax.tick_params(colors=INK)
    scale(ax, "y", table[name], log=bool(table[name].max() > 8 * max(table[name].min(), 1e-9)))


def _limits_title(table: pd.DataFrame) -> str:
    link = table.bandwidth_gbps.max() if len(table) else 0.0
    part = table[table.bandwidth_gbps == link].sort_values("makespan_s", kind="stable")
    best, one = part.iloc[0], part[part.parallel_limit == part.parallel_limit.min()].iloc[0]
    at = f"On {number(float(link))} Gbit/s"
    if not differ(one.makespan_s, best.makespan_s):
        return f"{at} it makes no difference how many move at once: {duration(float(one.makespan_s))}"
    return (
        f"{at} {int(best.parallel_limit)} at once are quickest: {duration(float(best.makespan_s))} instead "
        f"of {duration(float(one.makespan_s))} with {int(one.parallel_limit)}"
    )


def _limits_alt(table: pd.DataFrame) -> str:
    told = []
    for link in sorted(table.bandwidth_gbps.unique()):
        part = table[table.bandwidth_gbps == link]
        ends = [duration(float(v)) for name in ("makespan_s", "blackout_s") for v in _ends(part[name])]
        told.append(
            f"{number(float(link))} Gbit/s: {ends[0]} to {ends[1]}, pauses up to {ends[2]} to {ends[3]}"
        )
    head = "Left the time until all have moved, right the longest pause, over migrations at once. "
    return head + "; ".join(told)


def _ends(values: pd.Series) -> tuple[float, float]:
    return float(values.min()), float(values.max())
