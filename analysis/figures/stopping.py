"""How the stop rules end one and the same migration: when, with how long a blackout, at what price."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.language import (
    BLACKOUT,
    BROWNOUT,
    QUIET,
    SENT,
    WIDTH,
    differ,
    drawn,
    duration,
    entitle,
    plain_ticks,
)
from analysis.figures.words import percent

COMPARED = (
    *("hyperv", "qemu", "proxmox", "kubevirt_ramp", "nova", "kubevirt"),
    *("qemu_autoconverge", "kubevirt_post_copy", "qemu_post_copy"),
)
"""Rules side by side, those that go on as they began first."""


@drawn
def rules(ended: pd.DataFrame) -> Figure:
    """Phase one and what follows the pause of one machine under each rule, and what it costs the guest.

    ``ended``: outcomes with a ``stop_rule`` each, as ``migrate`` returns them.
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 0.8 + 0.42 * len(ended)))
    moves = ended[np.isfinite(ended["total_s"])]
    # Set-up comes before the first pass, and is no part of the bars.
    times = moves["brownout_s"] + moves["blackout_s"] + moves["post_copy_s"]
    longest = times.max() if len(moves) else 1.0
    start = max(moves["brownout_s"].min() / 3, 1e-3) if len(moves) else 0.1
    ax.set(
        xscale="log",
        xlim=(start, longest * 120),
        xlabel="time since the first pass began [s]: copying, frozen (black), waiting for pages (blue)",
    )
    for y, (_, row) in enumerate(ended.iterrows()):
        done = np.isfinite(row["total_s"])
        ends = row["brownout_s"] if done else longest * 1.3
        face = BROWNOUT if done else "white"
        ax.barh(y, ends - start, left=start, height=0.6, facecolor=face, edgecolor=BROWNOUT)
        ax.barh(y, row["blackout_s"] * done, left=ends, height=0.6, color=BLACKOUT)
        ax.barh(y, row["post_copy_s"], left=ends + row["blackout_s"], height=0.6, color=SENT)
        at = (ends + row["blackout_s"] * done + row["post_copy_s"]) * 1.1
        ax.annotate(told(row), (at, y), va="center", fontsize=9, color=QUIET)
    plain_ticks(ax.xaxis)
    ax.set_yticks(range(len(ended)), ended["stop_rule"].str.replace("_", " "))
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")  # a line would run through what is told beside the bars
    return entitle(fig, _title(moves, ended), _alternative(ended))


def told(row: pd.Series) -> str:
    """How a rule ended it, in a few words."""
    if not np.isfinite(row["total_s"]):
        return "cancelled by its time-out" if row["stop_reason"] == "cancelled" else "never ends"
    words = f"{duration(row['brownout_s'])}, then frozen for {duration(row['blackout_s'])}"
    if row["throttled_share"] > 0:
        return f"{words}; {percent(row['throttled_share'])} slower before"
    if row["post_copy_s"] > 0:
        return f"{words}; waits for pages for {duration(row['post_copy_s'])}"
    return words


def _title(moves: pd.DataFrame, ended: pd.DataFrame) -> str:
    stay = len(ended) - len(moves)
    if moves.empty:
        return "None of the rules ends this migration"
    if not stay and not any(differ(*_ends(moves[name])) for name in ("total_s", "blackout_s")):
        return f"Every rule ends it alike: frozen for {duration(float(moves['blackout_s'].max()))}"
    soonest, least = (moves.iloc[int(moves[name].to_numpy().argmin())] for name in ("total_s", "blackout_s"))
    stayed = f"{stay} of {len(ended)} rules leave the machine where it is; " if stay else ""
    named = soonest["stop_rule"].replace("_", " "), least["stop_rule"].replace("_", " ")
    return f"{stayed}{named[0]} is done first, {named[1]} freezes it least"


def _ends(values: pd.Series) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _alternative(ended: pd.DataFrame) -> str:
    rows = [f"{row['stop_rule'].replace('_', ' ')} {told(row)}" for _, row in ended.iterrows()]
    return f"A bar for each rule over time, hollow where the machine stays: {'; '.join(rows)}."
