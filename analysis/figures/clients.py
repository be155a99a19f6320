"""Figures, tables and sentences of what a client feels: the law of its stall, measurements, who notices."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.language import (
    CATEGORIES,
    DASHES,
    FAINT,
    MARKERS,
    QUIET,
    WIDTH,
    drawn,
    duration,
    each_row,
    entitle,
    label_ends,
    number,
    scale,
)
from analysis.figures.marks import set_value
from analysis.figures.words import percent
from analysis.studies.decisions import clients
from analysis.studies.decisions.stalls import STACKS, errors

OUTAGES_S = np.geomspace(0.03, 30, 240)
"""Outages that the law is drawn over."""


@drawn
def stall_over_outage(outage_s: float, outages_s: np.ndarray = OUTAGES_S) -> Figure:
    """How long a client's message waits over the length of the outage; ``outage_s``: this migration's.

    For each TCP stack the median over the moments at which messages run into it, and all moments as a band.
    A longer outage than those has room too.
    """
    words = _stall_words(outages_s)
    if np.isfinite(outage_s) and outage_s > outages_s.max():
        outages_s = np.geomspace(outages_s.min(), 1.5 * outage_s, len(outages_s))
    fig, ax = plt.subplots(figsize=(WIDTH, 4.4))
    scale(ax, "x", outages_s, log=True)
    ends: list[tuple[float, str, Any]] = []
    for colour, dash, stack in zip(CATEGORIES, DASHES, STACKS.values(), strict=False):
        waits = clients.waits_s(outages_s, stack)
        low, middle, high = np.nanmin(waits, axis=1), np.nanmedian(waits, axis=1), np.nanmax(waits, axis=1)
        ax.fill_between(outages_s, low, high, color=colour, alpha=0.18, linewidth=0)
        ax.plot(outages_s, middle, color=colour, linestyle=dash)
        ends.append((float(middle[-1]), f"{stack.name} client", colour))
    ax.plot(outages_s, outages_s, color=QUIET, linewidth=1)
    scale(ax, "y", [outages_s.min(), float(2 * outages_s.max())], log=True)
    ax.set_xlim(outages_s.min(), outages_s.max())
    label_ends(ax, [*ends, (outages_s.max(), "the outage itself", QUIET)])
    if outages_s.min() <= outage_s <= outages_s.max():
        set_value(ax, f"here: {duration(outage_s)}", outage_s)
    ax.set(xlabel="outage [s]", ylabel="wait of a message that runs into it [s]")
    return entitle(fig, *words)


def _stall_words(outages_s: np.ndarray) -> tuple[str, str]:
    """Title and alternative text: how much longer than the outage a client waits."""
    above = outages_s[outages_s > 1]
    ratio = {name: np.nanmedian(clients.waits_s(above, s), axis=1) / above for name, s in STACKS.items()}
    most = max(float(np.nanmax(values)) for values in ratio.values())
    told = "; ".join(f"{name}: {number(float(np.nanmedian(v)), 2)} times" for name, v in ratio.items())
    title = (
        f"A client waits longer than the outage: beyond a second on the median up to {number(most, 2)} times"
    )
    return title, f"Wait over outage on logarithmic axes, in steps of two. Median of all outages: {told}."


@drawn
def law_and_measurement(found: pd.DataFrame) -> Figure:
    """Measured waits against the law's, and how often each error occurs.

    ``found`` is what ``studies.decisions.stalls.compared`` returns.
    """
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 4.3))
    kinds = {"request and answer": found["mode"] == "request"}
    kinds |= {"writes, one at a time": (found["mode"] == "writes") & ~found["pipelined"]}
    kinds |= {"writes, several under way": found["pipelined"]}
    for colour, marker, (name, mine) in zip(CATEGORIES, MARKERS, kinds.items(), strict=False):
        part = found[mine]
        style: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": "", "markersize": 4}
        axes[0].plot(part["wait_s"], part["measured_wait_s"], alpha=0.6, label=name, zorder=3, **style)
        axes[1].step(
            np.sort(100 * part["relative_error"].abs()), np.arange(1, len(part) + 1) / len(part),
            color=colour, label=name, where="post",
        )  # fmt: skip
    _diagonal(axes[0], found)
    axes[1].axvspan(0, 10, color=FAINT, alpha=0.5, linewidth=0, zorder=0)
    axes[1].set(xlabel="error of the law [%]", ylabel="share of the cuts below", xlim=(0, 60), ylim=(0, 1.02))
    told = errors(found)
    median, within = percent(told["median_relative_error"]), percent(told["share_within_10pct"])
    title = f"Half of {told['n']} measured stalls are within {median} of the law, {within} within 10 %"
    alt = (
        "Left: measured wait against the law's on logarithmic axes; points lie in columns at the time-out "
        "times powers of two, along the diagonal. Right: the share of cuts below each error, by kind."
    )
    return entitle(fig, title, alt)


def _diagonal(ax: Axes, found: pd.DataFrame) -> None:
    """The line of perfect prediction in a band of 10 %, on equal axes."""
    every = np.concatenate([found["wait_s"], found["measured_wait_s"]])
    ends = np.array([every.min() * 0.8, every.max() * 1.25])
    ax.fill_between(ends, ends * 0.9, ends * 1.1, color=FAINT, linewidth=0, zorder=1)
    ax.plot(ends, ends, color=QUIET, linewidth=1, zorder=2)
    for which in ("x", "y"):
        scale(ax, which, ends, log=True)
    ax.set(xlim=ends, ylim=ends, xlabel="wait by the law [s]", ylabel="measured wait [s]")
    ax.legend(loc="upper left", fontsize=8.5, handletextpad=0.2)


def observers_table(effects: pd.DataFrame) -> pd.DataFrame:
    """Who notices an outage, from which on, how likely here; ``effects`` as ``clients.effects`` returns."""
    rows = [
        {
            "what it does": row.consequence,
            "from an outage of": "any" if row.begins_s == 0 else f"{number(row.begins_s, 3)} s",
            "chance here": percent(row.chance),
            "source": row.source,
        }
        for row in each_row(effects.sort_values("begins_s", kind="stable"))
    ]
    order = effects.sort_values("begins_s", kind="stable")["name"]
    return pd.DataFrame(rows, index=pd.Index(order, name="who"))


def takeaway(row: pd.Series, found: pd.DataFrame) -> str:
    """What clients feel of this migration, and how far the law behind it is right."""
    first, *more = clients.statement(row)
    told = errors(found)
    within = percent(told["median_relative_error"])
    right = (
        f"The law behind it has no fitted constant; half of {told['n']} measured stalls are within {within}."
    )
    return " ".join(
        [f"**{first.split(':')[0]}**:{first.split(':', 1)[1]}" if ":" in first else first, *more, right]
    )


def key_numbers(row: pd.Series) -> dict[str, str]:
    """Outage, what a client waits, pings lost and the chance to drop anything."""
    if np.isnan(row["outage_s"]):
        return {"outage": "none: it never ends", "a client waits": "not at all"}
    return {
        "outage": duration(row["outage_s"]),
        "a client waits at most": duration(row["client_stall_longest_s"]),
        "pings lost, of one a second": number(row["pings_lost"], 2),
        "chance that anything drops": percent(row["drop_chance"]),
    }
