"""The passes of one migration as a picture: the signature of the study.

Each pass is a falling wedge (memory still to be sent) and a rising curve under it (memory dirtied
meanwhile); where the curve ends, the next wedge begins. The lower panel looks closely at what comes
after the first pass, up to the blackout.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.language import (
    BLACKOUT,
    BROWNOUT,
    DIRTY,
    INK,
    SENT,
    WIDTH,
    drawn,
    duration,
    entitle,
    scale,
)
from analysis.figures.words import endless, frozen, size
from analysis.model.units import PAGES_PER_GIB


@drawn
def passes(course: pd.DataFrame, outcome: pd.Series, setup_s: float) -> Figure:
    """Draw the ``course`` of one migration (``studies.grids.course``) with its phases.

    ``outcome`` is the row of ``migrate`` for the same scenario, ``setup_s`` the time before pass one.
    """
    close = course["pass_number"].max() > 1
    ratios = [0.17, 1, 1] if close else [0.17, 1]
    fig, axes = plt.subplots(
        len(ratios), 1, figsize=(WIDTH, 6.9 if close else 4.4), gridspec_kw={"height_ratios": ratios}
    )
    end = course["time_s"].max() if endless(outcome) else outcome["total_s"]
    # Of a small machine the passes are short beside the set-up: they begin nearer to the left then.
    begin = 0.0 if setup_s < 0.4 * end else setup_s - 0.2 * (end - setup_s)
    _strip(axes[0], outcome, setup_s, (begin, end))
    _memory(axes[1], course, outcome, (begin, end), name=True)
    if close:
        later = course[course["pass_number"] > 1]
        start, stop = _closely(later, outcome)
        for ax in axes[1:]:
            ax.axvspan(start, end + 0.02 * (end - start), color="#f3f5f8", linewidth=0, zorder=0)
        _memory(axes[2], later, outcome, (start, stop))
        last = f"pass {later['pass_number'].max()}" if endless(outcome) else "the end"
        until = last if stop >= end else "the pause"
        axes[2].set_title(f"The shaded part of it, closely: from pass 2 to {until}")
        if not endless(outcome):
            text = f"blackout {frozen(outcome)}{' →' if stop < end else ''}"
            look: dict[str, Any] = {"color": INK, "fontsize": 9.5, "fontweight": "bold"}
            axes[2].annotate(text, (1, 1.03), xycoords="axes fraction", ha="right", **look)
    axes[-1].set_xlabel("time since the migration began [s]")
    return entitle(fig, finding(outcome), _alt(course, outcome))


def _closely(later: pd.DataFrame, outcome: pd.Series) -> tuple[float, float]:
    """From when to when the lower panel looks: to the end, but a pause takes no more than a quarter of it."""
    start, stop = later["time_s"].min(), later["time_s"].max()
    if endless(outcome):
        return start, stop
    end = outcome["total_s"]
    return start, min(end + 0.02 * (end - start), stop + max(stop - start, 1e-6) / 3)


def _strip(ax: Axes, outcome: pd.Series, setup_s: float, span: tuple[float, float]) -> None:
    """Set-up, brownout and blackout on one bar along the top."""
    begin, end = span
    pause = setup_s + outcome["brownout_s"]
    brownout = "brownout without end" if endless(outcome) else f"brownout {duration(outcome['brownout_s'])}"
    parts = [
        ("set-up" if begin == 0 else f"set-up {duration(setup_s)}", begin, min(setup_s, end), "#c9ced6", INK),
        (brownout, setup_s, min(pause, end), BROWNOUT, INK),
        (f"blackout {frozen(outcome)}", pause, outcome["total_s"], BLACKOUT, INK),
    ]
    ax.set(xlim=span, ylim=(0, 1))
    ax.set_axis_off()
    free = 0.0
    for name, start, stop, colour, ink in parts:
        if start >= end:
            continue
        ax.axvspan(start, stop, color=colour, linewidth=0)
        places = ((start - begin) / (end - begin), (stop - begin) / (end - begin))
        free = _strip_label(ax, name, places, (ink, INK if begin == start else "white"), free)


def _strip_label(
    ax: Axes, name: str, places: tuple[float, float], inks: tuple[str, str], free: float
) -> float:
    """The name of a phase inside its bar, above it if the bar is too narrow.

    ``places``: where the bar begins and ends, as shares of the width; ``inks``: of a name above and inside;
    ``free``: from where on the line above the bar is. Returns that for the next name.
    """
    start, stop = places
    long = 0.012 * len(name)
    look: dict[str, Any] = {"fontsize": 9.5, "transform": ax.transAxes}
    if stop - start > long:
        ax.text((start + stop) / 2, 0.48, name, ha="center", va="center", color=inks[1], **look)
        return free
    left = min(max(start, free), 1 - long) if start + long <= 1 else max(1 - long, free)
    right = left + long > 0.99
    ax.text(
        1.0 if right else left,
        1.12,
        name,
        ha="right" if right else "left",
        va="bottom",
        color=inks[0],
        **look,
    )
    return left + long


def _memory(
    ax: Axes, course: pd.DataFrame, outcome: pd.Series, span: tuple[float, float], *, name: bool = False
) -> None:
    """Memory to send and memory dirtied over time within ``span``; ``name``: name wedge and curve."""
    ax.set_xlim(span)
    scale(ax, "x", span, log=False)
    scale(ax, "y", [0], log=False)
    seen = course[course["time_s"] >= span[0]]
    top = max(seen["to_send_gib"].max(), seen["dirtied_gib"].max(), 1e-9) * 1.18
    ax.set_ylim(0, top)
    for _, part in course.groupby("pass_number"):
        number_ = int(part["pass_number"].iloc[0])
        ax.fill_between(
            part["time_s"], part["to_send_gib"], color=SENT, alpha=0.85 if number_ % 2 else 0.6, linewidth=0
        )
        ax.plot(part["time_s"], part["dirtied_gib"], color="white", linewidth=4, zorder=3)
        ax.plot(part["time_s"], part["dirtied_gib"], color=DIRTY, linewidth=2.2, zorder=4)
        _pass_label(ax, part, number_, span, top)
    _blackout(ax, outcome, span)
    ax.set_ylabel("memory [GiB]")
    ax.grid(axis="x", visible=False)
    if name:
        _name_curves(ax, seen, span, top)


def _pass_label(
    ax: Axes, part: pd.DataFrame, pass_number: int, span: tuple[float, float], top: float
) -> None:
    """Number and size of a pass above its wedge, where there is room."""
    start, stop = part["time_s"].iloc[0], part["time_s"].iloc[-1]
    height, width = part["to_send_gib"].iloc[0], (stop - start) / (span[1] - span[0])
    if start < span[0] or width < 0.045 or height <= 0:
        return
    text = f"pass {pass_number}\n{size(height, 2)}" if width > 0.085 else f"{pass_number}"
    ax.text(
        start + 0.004 * (span[1] - span[0]),
        height + 0.02 * top,
        text,
        va="bottom",
        ha="left",
        fontsize=9,
        color=INK,
        linespacing=1.15,
    )


def _blackout(ax: Axes, outcome: pd.Series, span: tuple[float, float]) -> None:
    """The pause as a dark band."""
    end = outcome["total_s"]
    start = end - outcome["blackout_s"]
    if not start < span[1]:
        return
    ax.axvspan(start, end, color=BLACKOUT, linewidth=0, zorder=2)
    residual = outcome["residual_pages"] / PAGES_PER_GIB
    sent_at = start + residual / outcome["memory_rate_gib_per_s"]
    ax.fill_between([start, sent_at], [residual, 0], color="#9cc3e0", linewidth=0, zorder=3)


def _name_curves(ax: Axes, seen: pd.DataFrame, span: tuple[float, float], top: float) -> None:
    """Name wedge and curve directly, in the first pass that is shown."""
    first = seen[seen["pass_number"] == seen["pass_number"].min()]
    width = span[1] - span[0]
    if (first["time_s"].iloc[-1] - first["time_s"].iloc[0]) / width < 0.3:
        return
    middle = first.iloc[int(len(first) * 0.14)]
    ax.text(
        middle["time_s"],
        middle["to_send_gib"] * 0.5,
        "still to be sent",
        color="white",
        fontsize=9.5,
        va="center",
    )
    if first["dirtied_gib"].max() <= 0:
        return
    late = first.iloc[int(len(first) * 0.62)]
    beside = late["dirtied_gib"] > 0.6 * late["to_send_gib"]
    height = max(late["to_send_gib"], late["dirtied_gib"]) + (0.14 if beside else 0.06) * top
    after = seen[seen["pass_number"] > first["pass_number"].iloc[0]]
    if len(after) and late["time_s"] + 0.25 * width > first["time_s"].iloc[-1]:
        # The name reaches over the next pass: above the two lines that this bears.
        height = max(height, after["to_send_gib"].iloc[0] + 0.17 * top)
    ax.annotate(
        "dirtied again meanwhile",
        (late["time_s"], late["dirtied_gib"]),
        xytext=(late["time_s"], height),
        color=DIRTY,
        fontsize=9.5,
        ha="left",
        arrowprops={"arrowstyle": "-", "color": DIRTY, "linewidth": 0.9},
        zorder=6,
    )


def finding(outcome: Mapping[str, Any] | pd.Series) -> str:
    """What became of the migration, in a sentence."""
    count = int(outcome["passes"])
    noun = "pass" if count == 1 else "passes"
    if endless(outcome):
        return "It never ends: as much memory becomes dirty in each pass as is sent"
    verdict = "converged" if outcome["converged"] else "cut off before it converged"
    return (
        f"{count} {noun}, {verdict}: {duration(outcome['brownout_s'])} of brownout, "
        f"then the guest is frozen for {duration(outcome['blackout_s'])}"
    )


def _alt(course: pd.DataFrame, outcome: pd.Series) -> str:
    """The picture in words: the size of each of the first passes and the phases."""
    sizes = course.groupby("pass_number")["to_send_gib"].first().head(6)
    told = ", ".join(f"pass {n} {size(gib)}" for n, gib in sizes.items())
    if endless(outcome):
        ends = "It goes on like this without end, and no blackout comes."
    else:
        ends = (
            f"Total time {duration(outcome['total_s'])}, of which the dark band at the end, the blackout, "
            f"is {duration(outcome['blackout_s'])}."
        )
    return (
        "Time runs to the right. A falling blue wedge for each pass is the memory still to be sent, a "
        f"rising red curve the memory dirtied meanwhile, which the next pass sends. Sent: {told}. {ends}"
    )
