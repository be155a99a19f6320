"""A migration told again as if it ran now: what was predicted of its end on the way, beside what came."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.language import DIRTY, QUIET, SENT, WIDTH, drawn, duration, entitle, label_ends, show
from analysis.figures.words import percent
from analysis.observations.polls import Poll, polls_of
from analysis.studies.hosts.told import Told as Recorded
from analysis.studies.running import replay
from analysis.studies.running.forecast import Rule
from analysis.studies.running.guests import Told
from analysis.studies.running.watching import Watch

EXAMPLE = "8dbfee8be7e3"
"""A near-critical migration of the laboratory, drawn where the reader's own has too few polls: half-way its
error is about the median of all of them."""
FEWEST = 20
"""Polls of a migration that can be told again."""
MOMENTS = np.linspace(0.05, 0.98, 32)


@dataclass(frozen=True)
class Watched:
    """One migration told again: its name, and a row a moment with what was predicted then.

    ``found``: from its polls and the rule that ended it. ``total_s``: what it took.
    """

    name: str
    total_s: float
    found: pd.DataFrame


def watched(recorded: Recorded) -> Watched:
    """The reader's migration told again, or the laboratory's where the reader's tells too little."""
    row = recorded.row
    polls = polls_of(recorded.found, recorded.key) if row is not None else []
    if row is None or len(polls) < FEWEST or not row.measured_total_s > 0:
        return example()
    rule, _ = Watch().known(row)
    total = float(row.measured_total_s)
    again = _again(polls, total, rule)
    return Watched(recorded.key, total, again) if len(again) else example()


@cache
def example() -> Watched:
    """The laboratory's migration told again."""
    rows = replay.scenarios()
    row = next(row for _, row in rows.iterrows() if row.migration == EXAMPLE)
    rule, _ = replay.known(row, replay.KNOWN[1])
    total = float(row.measured_total_s)
    name = "a near-critical migration of the laboratory"
    return Watched(name, total, _again(replay.critical()[EXAMPLE], total, rule))


def _again(polls: list[Poll], total_s: float, rule: Rule) -> pd.DataFrame:
    return pd.DataFrame(replay.on_the_way(polls, total_s, rule, Told(), MOMENTS.tolist()))


def show_watched(recorded: Recorded) -> None:
    """The picture of a migration told again."""
    show(course_of_end(watched(recorded)))


@drawn
def course_of_end(told: Watched) -> Figure:
    """The predicted end over time with its intervals, the true end, and what remains over the rate."""
    fig, ax = plt.subplots(figsize=(WIDTH, 3.9))
    found, top = told.found, 2.2 * told.total_s
    for level, alpha in ((90, 0.14), (50, 0.26)):
        low, high = (found[f"end_s_{end}{level}"].clip(upper=2 * top) for end in ("low", "high"))
        ax.fill_between(found.now_s, low, high, color=SENT, alpha=alpha, linewidth=0)
    usual = told.total_s * (1 + found.usual_rate)
    ax.plot(found.now_s, found.end_s.clip(upper=2 * top), color=SENT)
    ax.plot(found.now_s, usual, color=DIRTY, linestyle=(0, (6, 1.5)))
    ax.axhline(told.total_s, color=QUIET, linewidth=1.2, linestyle=(0, (2, 2)))
    ax.set(
        xlim=(0, told.total_s), ylim=(0, top), xlabel="time since the start [s]", ylabel="predicted end [s]"
    )
    first = found[found.pass_number > 1].now_s
    if len(first):
        ax.axvline(first.iloc[0], color=QUIET, linewidth=0.8)
        ax.annotate("first pass ends", (first.iloc[0], 0.02), xycoords=("data", "axes fraction"), fontsize=9,
                    xytext=(4, 0), textcoords="offset points", color=QUIET)  # fmt: skip
    ends = [
        (min(float(found.end_s.iloc[-1]), top), "watch", SENT),
        (float(usual.iloc[-1]), "remaining over rate", DIRTY),
    ]
    label_ends(ax, [*ends, (told.total_s, "it ended", QUIET)])
    return entitle(fig, _title(told), _alt(told))


def _half_way(found: pd.DataFrame) -> pd.Series:
    return found.iloc[int((found["at"] - 0.5).abs().argmin())]


def _title(told: Watched) -> str:
    half = _half_way(told.found)
    ours = percent(abs(half.error)) if np.isfinite(half.error) else "never ending"
    return (
        f"Half-way through {told.name}, watch is off by {ours} of its {duration(told.total_s)}, "
        f"what remains over the rate by {percent(abs(half.usual_rate))}"
    )


def _alt(told: Watched) -> str:
    rows = [told.found.iloc[int((told.found["at"] - at).abs().argmin())] for at in (0.25, 0.5, 0.75)]
    said = "; ".join(
        f"at {row['at']:.0%} of the way {duration(row.end_s)} "
        f"({duration(row.end_s_low90)} to {duration(row.end_s_high90)})"
        for row in rows
    )
    return (
        "The predicted end over the time since the start as a line with bands of 50 and 90 %, a dashed line "
        f"of what remains over the rate, and a dotted one at the true end, {duration(told.total_s)}. "
        f"Predicted: {said}."
    )
