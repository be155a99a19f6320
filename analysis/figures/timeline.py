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
    number,
)
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
    end = min(outcome["total_s"], course["time_s"].max() * 1.03)
    _strip(axes[0], course, outcome, setup_s, end)
    _memory(axes[1], course, outcome, (0, end))
    if close:
        start = course.loc[course["pass_number"] > 1, "time_s"].min()
        for ax in axes[1:]:
            ax.axvspan(start, end + 0.02 * (end - start), color="#f3f5f8", linewidth=0, zorder=0)
        _memory(axes[2], course[course["pass_number"] > 1], outcome, (start, end + 0.02 * (end - start)))
        axes[2].set_title("The shaded part of it, closely: from pass 2 to the end")
    axes[-1].set_xlabel("time since the migration began [s]")
    return entitle(fig, finding(outcome), _alt(course, outcome))


def _strip(ax: Axes, course: pd.DataFrame, outcome: pd.Series, setup_s: float, end: float) -> None:
    """Set-up, brownout and blackout on one bar along the top."""
    pause = setup_s + outcome["brownout_s"]
    parts = [
        ("set-up", 0, min(setup_s, end), "#c9ced6", INK),
        (f"brownout {duration(outcome['brownout_s'])}", setup_s, min(pause, end), BROWNOUT, "white"),
        (f"blackout {duration(outcome['blackout_s'])}", pause, outcome["total_s"], BLACKOUT, INK),
    ]
    ax.set(xlim=(0, end), ylim=(0, 1))
    ax.set_axis_off()
    for name, start, stop, colour, ink in parts:
        if start >= end:
            continue
        ax.axvspan(start, stop, color=colour, linewidth=0)
        _strip_label(ax, name, start, stop, end, ink, "white" if colour == BLACKOUT else ink)


def _strip_label(ax: Axes, name: str, start: float, stop: float, end: float, ink: str, inside: str) -> None:
    """The name of a phase inside its bar, above it if the bar is too narrow."""
    if (stop - start) / end > 0.012 * len(name):
        ax.text((start + stop) / 2, 0.48, name, ha="center", va="center", color=inside, fontsize=9.5)
    else:
        right = stop / end > 0.85
        at = stop if right else start
        ax.text(at, 1.12, name, ha="right" if right else "left", va="bottom", color=ink, fontsize=9.5)


def _memory(ax: Axes, course: pd.DataFrame, outcome: pd.Series, span: tuple[float, float]) -> None:
    """Memory to send and memory dirtied over time within ``span``."""
    ax.set_xlim(span)
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
    _blackout(ax, course, outcome, span, top)
    ax.set_ylabel("memory [GiB]")
    ax.grid(axis="x", visible=False)
    if span[0] == 0:
        _name_curves(ax, seen, span, top)


def _pass_label(
    ax: Axes, part: pd.DataFrame, pass_number: int, span: tuple[float, float], top: float
) -> None:
    """Number and size of a pass above its wedge, where there is room."""
    start, stop = part["time_s"].iloc[0], part["time_s"].iloc[-1]
    height, width = part["to_send_gib"].iloc[0], (stop - start) / (span[1] - span[0])
    if start < span[0] or width < 0.045:
        return
    size = f"{number(height, 2)} GiB" if height >= 0.1 else f"{number(height * 1024, 2)} MiB"
    text = f"pass {pass_number}\n{size}" if width > 0.085 else f"{pass_number}"
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


def _blackout(
    ax: Axes, course: pd.DataFrame, outcome: pd.Series, span: tuple[float, float], top: float
) -> None:
    """The pause as a dark band, with its length beside it where it can be seen."""
    end = outcome["total_s"]
    start = end - outcome["blackout_s"]
    if not start < span[1]:
        return
    ax.axvspan(start, end, color=BLACKOUT, linewidth=0, zorder=2)
    residual = outcome["residual_pages"] / PAGES_PER_GIB
    sent_at = start + residual / outcome["memory_rate_gib_per_s"]
    ax.fill_between([start, sent_at], [residual, 0], color="#9cc3e0", linewidth=0, zorder=3)
    if span[0] > 0:
        text = f"blackout {duration(outcome['blackout_s'])}"
        at = start - 0.01 * (span[1] - span[0])
        ax.text(at, 0.955 * top, text, ha="right", va="top", color=INK, fontsize=9.5, fontweight="bold")


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
    late = first.iloc[int(len(first) * 0.62)]
    beside = late["dirtied_gib"] > 0.6 * late["to_send_gib"]
    height = max(late["to_send_gib"], late["dirtied_gib"]) + 0.06 * top
    ax.annotate(
        "dirtied again meanwhile",
        (late["time_s"], late["dirtied_gib"]),
        xytext=(late["time_s"], height + (0.08 * top if beside else 0)),
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
    if outcome["stop_reason"] == "endless":
        return "It never ends: as much memory becomes dirty in each pass as is sent"
    verdict = "converged" if outcome["converged"] else "cut off before it converged"
    return (
        f"{count} {noun}, {verdict}: {duration(outcome['brownout_s'])} of brownout, "
        f"then the guest is frozen for {duration(outcome['blackout_s'])}"
    )


def _alt(course: pd.DataFrame, outcome: pd.Series) -> str:
    """The picture in words: the size of each of the first passes and the phases."""
    sizes = course.groupby("pass_number")["to_send_gib"].first().head(6)
    told = ", ".join(f"pass {n} {number(size)} GiB" for n, size in sizes.items())
    return (
        "Time runs to the right. A falling blue wedge for each pass is the memory still to be sent, a "
        f"rising red curve the memory dirtied meanwhile, which the next pass sends. Sent: {told}. "
        f"Total time {duration(outcome['total_s'])}, of which the dark band at the end, the blackout, "
        f"is {duration(outcome['blackout_s'])}."
    )
