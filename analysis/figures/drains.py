"""Pictures of drains: which machine moves when, and what more at once or a faster link brings."""

from __future__ import annotations

from collections.abc import Mapping

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
    each_row,
    entitle,
    number,
    scale,
    two_durations,
)
from analysis.studies.drain.answer import Drain

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
        ax.set_yticks(range(len(moves)), moves.machine, fontsize=7.5, parse_math=False)
        ax.grid(False, axis="y")
    else:
        ax.set_ylabel("moves, in the order of their starts")
    ax.set_xlim(0, float(moves.end_s.max()) * 1.01)
    ax.set_xlabel("time since the drain began [s]")
    legend = fig.legend(loc="outside lower center", ncols=min(len(nodes) + 1, 5), fontsize=8)
    for text in legend.get_texts():
        text.set_parse_math(False)  # a node's name is no formula
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


_SAID = ("all moved after", "longest live pause")


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
    if not differ(float(table[name].min()), float(table[name].max())):
        ax.set_ylim(0, 1.25 * float(table[name].max()))
    scale(ax, "y", table[name], log=bool(table[name].max() > 8 * max(table[name].min(), 1e-9)))


def _limits_title(table: pd.DataFrame) -> str:
    link = table.bandwidth_gbps.max() if len(table) else 0.0
    part = table[table.bandwidth_gbps == link].sort_values("makespan_s", kind="stable")
    best, one = part.iloc[0], part[part.parallel_limit == part.parallel_limit.min()].iloc[0]
    worst = part.iloc[-1]
    at = f"On {number(float(link))} Gbit/s"
    if not differ(best.makespan_s, worst.makespan_s):
        return f"{at} it makes no difference how many move at once: {duration(float(one.makespan_s))}"
    # What is gained over one at a time is asked first; where nothing is, what more at once would cost.
    other = one if differ(one.makespan_s, best.makespan_s) else worst
    many = int(best.parallel_limit)
    quickest = f"{many} at once {'is' if many == 1 else 'are'} quickest"
    taken = two_durations(float(best.makespan_s), float(other.makespan_s))
    return f"{at} {quickest}: {taken[0]} instead of {taken[1]} with {int(other.parallel_limit)}"


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


# --- what a notebook ends in --------------------------------------------------------------------


def takeaway(found: Drain, best: Drain, over: pd.DataFrame, link: float) -> str:
    """The answer for a node: how long, how many at once, what another order is worth, who is frozen
    longest."""
    part = over[np.isclose(over.bandwidth_gbps, link)]
    quickest = part.sort_values(["makespan_s", "parallel_limit"], kind="stable").iloc[0]
    live = found.moves[found.moves.kind == "live"]
    left = [one["machine"] for one in found.unplaced]
    does = f"moves all but {', '.join(left[:5])}" if left else "empties the node"
    said = (
        f"The system {does} in **{duration(found.makespan_s)}**, **{_over(found)}** than any plan "
        f"must take. The best plan found takes **{duration(best.makespan_s)}** ({_over(best)}). With "
        f"**{int(quickest.parallel_limit)}** at once it is quickest on {number(link)} Gbit/s: "
        f"{duration(float(quickest.makespan_s))}. "
    )
    if len(live):
        worst = live.iloc[int(live.blackout_s.to_numpy().argmax())]
        longest = duration(float(worst.blackout_s))
        said += f"The longest pause of a live machine is **{longest}** ({worst.machine}). "
    stay = [one["machine"] for one in (*found.unplaced, *found.never)]
    return said + (
        f"In the way: {', '.join(stay[:5])}." if stay else "Every machine finds a place and converges."
    )


def _over(found: Drain) -> str:
    """How far from the bound, in words."""
    return "no longer" if found.gap < 0.0005 else f"{100 * found.gap:.1f} % longer"


def key_numbers(found: Drain, best: Drain) -> dict[str, str]:
    """The two to four numbers of the answer."""
    live = found.moves[found.moves.kind == "live"]
    told = {
        "as the system does it": duration(found.makespan_s),
        "best plan found": duration(best.makespan_s),
        "no plan is shorter than": duration(found.bound_s),
    }
    return told | ({"longest pause, live": duration(float(live.blackout_s.max()))} if len(live) else {})


def plans_table(found: Drain) -> pd.DataFrame:
    """Every plan that was looked at: how long, and how far over the bound."""
    ranked = sorted(found.plans.items(), key=lambda pair: pair[1])
    return pd.DataFrame(
        {
            "order": [name for name, _ in ranked],
            "takes": [duration(value) for _, value in ranked],
            "over the bound": [f"{100 * (value / found.bound_s - 1):.1f} %" for _, value in ranked],
        }
    ).set_index("order")


def openstack_table(table: pd.DataFrame) -> pd.DataFrame:
    """Measured drains by how many at once, and two predictions from the drains one by one."""
    return pd.DataFrame(
        {
            "measured": [duration(v) for v in table.measured_s],
            "in fair shares": _with_error(table.shared_s, table.shared_error),
            "one after the other": _with_error(table.queued_s, table.queued_error),
        },
        index=pd.Index(table.at_once, name="at once"),
    )


def hyperv_table(table: pd.DataFrame) -> pd.DataFrame:
    """Published drains of Hyper-V, and what was predicted of them."""
    index = [
        f"{n} machines, {number(g)} Gbit/s" for n, g in zip(table["count"], table.bandwidth_gbps, strict=True)
    ]
    told = {
        "measured": [duration(v) for v in table.measured_s],
        "by the version's defaults": _with_error(table.predicted_s, table.error),
        "four at once": _with_error(table.four_s, table.four_s / table.measured_s - 1),
    }
    return pd.DataFrame(told, index=index)


def _with_error(values: pd.Series, errors: pd.Series) -> list[str]:
    return [
        f"{duration(v)} ({e:+.0%})" if np.isfinite(v) else "" for v, e in zip(values, errors, strict=True)
    ]


def gain_table(gain: pd.DataFrame, four: Mapping[str, float]) -> pd.DataFrame:
    """What a rolling window gains over batches, and four at once predicted from one and two."""
    rows = {
        f"{int(row.at_once)} at once: a rolling window instead of batches": (
            f"{duration(row.batches_s)} to {duration(row.rolling_s)}: {100 * row.gain:.0f} % shorter "
            f"(nine in ten: {100 * row.low90:.0f} to {100 * row.high90:.0f} %)"
        )
        for row in each_row(gain)
    }
    rows["4 at once, from one and two"] = (
        f"{duration(four['predicted_s'])} against {duration(four['measured_s'])} measured "
        f"({four['error']:+.1%})"
    )
    return pd.DataFrame({"": rows})
