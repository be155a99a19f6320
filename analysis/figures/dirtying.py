"""What guests dirty over time by write pattern, beside what the link sends, and what each pass leaves."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.curves import name_lines
from analysis.figures.language import (
    BLACKOUT,
    DASHES,
    MARKERS,
    QUIET,
    SENT,
    WIDTH,
    Groups,
    colours,
    drawn,
    duration,
    entitle,
    note,
    number,
    scale,
)
from analysis.figures.marks import place_of
from analysis.figures.words import size

# --- distinct memory over time ------------------------------------------------------------


@drawn
def dirtied(curves: pd.DataFrame, goal_s: float, sendable_gib_per_s: float) -> Figure:
    """Distinct memory dirtied over time for each write pattern, beside what the link sends meanwhile.

    ``curves``: columns ``seconds``, ``write_pattern``, ``dirtied_gib``.
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 5.0))
    scale(ax, "x", curves["seconds"], log=True)
    scale(ax, "y", [1e-3, max(curves["dirtied_gib"].max(), 1e-2)], log=True)
    groups: Groups = list(curves.groupby("write_pattern", sort=False))
    tints = colours([name for name, _ in groups])
    seconds = np.sort(curves["seconds"].unique())
    ax.fill_between(seconds, sendable_gib_per_s * seconds, 1e-9, color=SENT, alpha=0.10, linewidth=0)
    ax.plot(seconds, sendable_gib_per_s * seconds, color=SENT, linewidth=1.6)
    for i, ((_, part), tint) in enumerate(zip(groups, tints, strict=True)):
        ax.plot(part["seconds"], part["dirtied_gib"], color=tint, linestyle=DASHES[i])
    written = curves.loc[curves["dirtied_gib"] > 0, "dirtied_gib"]
    low, high = written.agg(["min", "max"]) if len(written) else sendable_gib_per_s * seconds[[0, -1]]
    ax.set(xlim=(seconds[0], seconds[-1]), ylim=(low * 0.7, high * 2.2))
    if len(written):
        name_lines(ax, groups, "seconds", "dirtied_gib", "write_pattern")
    ax.axvline(goal_s, color=BLACKOUT, linewidth=1.2, linestyle=(0, (2, 2)))
    above: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "fontsize": 9}
    side = "left" if goal_s < 10 * seconds[0] else "center"
    ax.annotate(f"{duration(goal_s)}: permitted blackout", (goal_s, 1.015), ha=side, **above)
    _name_sendable(ax, sendable_gib_per_s)
    ax.set(xlabel="time t [s]", ylabel="distinct memory dirtied u(t) [GiB]")
    return entitle(fig, _dirtied_title(groups, goal_s, sendable_gib_per_s), _dirtied_alt(groups))


def _name_sendable(ax: Axes, gib_per_s: float) -> None:
    """Name the line of the link where it leaves the panel at the top."""
    top = ax.get_ylim()[1]
    at = min(top / gib_per_s, ax.get_xlim()[1])
    right = place_of(ax, at, top)[0] < 0.3
    place: dict[str, Any] = {"xytext": (14 if right else -14, 0), "ha": "left" if right else "right"}
    note(
        ax, "the link sends this much", at, top * 0.93, color=SENT, va="top",
        textcoords="offset points", **place,
    )  # fmt: skip


def _at(part: pd.DataFrame, seconds: float) -> float:
    return float(np.interp(seconds, part["seconds"], part["dirtied_gib"]))


def _dirtied_title(groups: Groups, goal_s: float, gib_per_s: float) -> str:
    """Which patterns dirty more in the permitted blackout than the link sends in it."""
    sent = gib_per_s * goal_s
    over = [name for name, part in groups if _at(part, goal_s) > sent]
    span = f"In {duration(goal_s)} the link sends {size(sent)}"
    most, least = (pick((_at(part, goal_s), name) for name, part in groups) for pick in (max, min))
    if not over and size(most[0]) == size(least[0]):
        less = f"dirties {size(most[0])}" if most[0] else "writes nothing"
        return f"{span}; the guest {less}"
    if not over:
        return f"{span}; the guest dirties less with every pattern, from {_named(least)} to {_named(most)}"
    return f"{span}; the guest dirties more with {', '.join(over)}: no number of passes will do"


def _named(pair: tuple[float, str]) -> str:
    return f"{size(pair[0])} ({pair[1]})"


def _dirtied_alt(groups: Groups) -> str:
    told = [f"{name} {size(_at(part, 10.0))}" for name, part in groups]
    return (
        "Curves on logarithmic axes rise with time and level off at the working set, below or above the "
        f"straight line of what the link sends. Dirtied in 10 s: {', '.join(told)}."
    )


@drawn
def residuals(steps: pd.DataFrame, goal_s: float, pass_limit: float) -> Figure:
    """Time to send what each pass leaves, pass by pass and pattern by pattern; any limit of passes.

    ``steps``: columns ``write_pattern``, ``pass_number``, ``left_s`` [s].
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 4.8))
    groups: Groups = list(steps.groupby("write_pattern", sort=False))
    tints = colours([name for name, _ in groups])
    scale(ax, "y", [0.001, 10], log=True)
    for i, ((_, part), tint) in enumerate(zip(groups, tints, strict=True)):
        seen = part[part["left_s"] > 0]
        ax.plot(seen["pass_number"], seen["left_s"], color=tint, linestyle=DASHES[i], marker=MARKERS[i])
    last = steps["pass_number"].max()
    pass_limit = pass_limit if np.isfinite(pass_limit) else last
    ax.axhline(goal_s, color=BLACKOUT, linewidth=1.2, linestyle=(0, (2, 2)))
    ax.set_xlim(0.7, last + 0.4)
    left = steps.loc[steps["left_s"] > 0, "left_s"]
    lowest, highest = left.agg(["min", "max"]) if len(left) else (goal_s, goal_s)
    ax.set_ylim(max(min(lowest, goal_s) * 0.5, goal_s * 1e-3), 2 * max(highest, goal_s))
    if len(left):
        name_lines(ax, groups, "pass_number", "left_s", "write_pattern")
    else:
        note(
            ax, "the guest writes nothing: nothing is left", 0.5, 0.25, xycoords="axes fraction", ha="center"
        )
    above: dict[str, Any] = {"xytext": (0, 3), "textcoords": "offset points", "va": "bottom", "ha": "right"}
    note(ax, f"permitted: {duration(goal_s)}", last + 0.35, goal_s, **above)
    if pass_limit < last:
        ax.axvspan(pass_limit, last + 0.4, color="#eceff3", linewidth=0, zorder=0)
        text = f"shaded: not made, the rule stops after pass {number(pass_limit)}"
        ax.annotate(text, (1, 1.02), xycoords="axes fraction", ha="right", color=QUIET, fontsize=9)
    ax.set(xlabel="pass", ylabel="time to send what is left [s]")
    ax.set_xticks(range(1, int(last) + 1, 1 if last <= 15 else 5))
    return entitle(fig, _residuals_title(groups, goal_s, pass_limit), _residuals_alt(groups, pass_limit))


def _after(part: pd.DataFrame, pass_limit: float) -> float:
    """Time to send what the last permitted pass leaves [s]."""
    made = part[part["pass_number"] <= pass_limit]
    return float(made["left_s"].iloc[-1])


def _residuals_title(groups: Groups, goal_s: float, pass_limit: float) -> str:
    met = [name for name, part in groups if _after(part, pass_limit) <= goal_s]
    failed = [name for name, _ in groups if name not in met]
    limit = f"{number(pass_limit)} {'pass brings' if pass_limit == 1 else 'passes bring'}"
    if not failed:
        return f"{limit} every pattern below {duration(goal_s)}"
    if not met:
        return f"{limit} no pattern below {duration(goal_s)}"
    return f"{limit} {', '.join(met)} below {duration(goal_s)}, but not {', '.join(failed)}"


def _residuals_alt(groups: Groups, pass_limit: float) -> str:
    told = [f"{name} {duration(_after(part, pass_limit))}" for name, part in groups]
    return (
        "Falling lines over the number of the pass, one for each write pattern. Left when the rule stops: "
        f"{', '.join(told)}."
    )
