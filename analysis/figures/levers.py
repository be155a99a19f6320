"""What a migration hangs on: indices and swings as bars; what is needed: a curve with its targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from analysis.figures.language import (
    BLACKOUT,
    BROWNOUT,
    DIRTY,
    INK,
    QUIET,
    SENT,
    WIDTH,
    axis_label,
    drawn,
    duration,
    entitle,
    note,
    number,
    scale,
    sentence,
    value_of,
)
from analysis.figures.words import percent
from analysis.parameters import PARAMETERS
from analysis.studies.decisions.planning import Plan
from analysis.studies.decisions.sensitivity import Sensitivity
from analysis.studies.decisions.targets import limit_s
from analysis.studies.decisions.tornado import is_lever
from analysis.studies.decisions.words import words

SHOWN = 9
"""Parameters that a figure has bars for."""
_COLOURS = {"total_s": SENT, "blackout_s": BLACKOUT, "brownout_s": BROWNOUT}
_OUTCOME = {"total_s": "total_s", "brownout_s": "brownout_s", "blackout_ms": "blackout_s"}


@drawn
def indices(found: Sensitivity) -> Figure:
    """Total indices as bars with their 90 % intervals, first-order ones as marks, a panel an outcome.

    Parameters are in the order of the total time's indices; levers stand in bold.
    """
    outcomes = ("total_s", "brownout_s", "blackout_s")
    largest = found.indices.groupby("parameter").total.max()
    names = [str(name) for name in found.of("total_s").parameter]
    kept = sorted(names, key=lambda name: -largest[name])[:SHOWN]
    order = [name for name in names if name in kept]
    fig, axes = plt.subplots(1, 3, figsize=(WIDTH, 1.3 + 0.34 * len(order)), sharey=True)
    for ax, outcome in zip(axes, outcomes, strict=True):
        rows = found.of(outcome).set_index("parameter").loc[order]
        _index_bars(ax, rows, _COLOURS[outcome])
        ax.set_title(words(outcome))
    _name_rows(axes[0], order)
    axes[1].set_xlabel("share of the variance: bars all in all, marks by itself")
    most = {outcome: found.of(outcome).iloc[0] for outcome in outcomes}
    told = ", ".join(f"{words(o)} on {words(str(row.parameter))}" for o, row in most.items())
    return entitle(
        fig, sentence(f"over these ranges, what hangs on what: {told}"), _indices_alt(found, outcomes)
    )


def _index_bars(ax: Axes, rows: pd.DataFrame, colour: str) -> None:
    at = np.arange(len(rows))
    total = rows["total"].to_numpy()
    ends = np.abs(np.array([total - rows["total_low"], rows["total_high"] - total]))
    ax.barh(at, total, color=colour, alpha=0.45, height=0.62, zorder=2)
    ax.errorbar(total, at, xerr=ends, fmt="none", ecolor=colour, elinewidth=1.2, capsize=2.5, zorder=3)
    ax.plot(rows["first"].clip(lower=0), at, "D", color=colour, markersize=5, zorder=4)
    ax.set_xlim(0, max(1.0, min(1.3, float(rows["total_high"].max()))))
    ax.grid(axis="y", visible=False)


def _name_rows(ax: Axes, names: list[str]) -> None:
    """Names of parameters beside their bars, levers in bold, the first at the top."""
    ax.set_yticks(np.arange(len(names)), [words(name) for name in names])
    for tick, name in zip(ax.get_yticklabels(), names, strict=True):
        tick.set_color(INK if is_lever(name) else QUIET)
        tick.set_fontweight("bold" if is_lever(name) else "normal")
    ax.invert_yaxis()


def _indices_alt(found: Sensitivity, outcomes: tuple[str, ...]) -> str:
    told = []
    for outcome in outcomes:
        first = found.of(outcome).head(3)
        each = [f"{words(str(p))} {t:.2f}" for p, t in zip(first.parameter, first.total, strict=True)]
        told.append(f"{words(outcome)}: {', '.join(each)}")
    return f"Bars of total Sobol indices with 90 % intervals. Largest for {'; '.join(told)}."


@drawn
def tornado(swings: pd.DataFrame) -> Figure:
    """How far each parameter alone moves total time and blackout from the scenario's, widest first."""
    outcomes = ("total_s", "blackout_s")
    parts = {outcome: swings[swings.outcome == outcome].head(SHOWN) for outcome in outcomes}
    rows = max(len(part) for part in parts.values())
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 1.5 + 0.42 * rows))
    for ax, (outcome, part) in zip(axes, parts.items(), strict=True):
        _swings(ax, part, _COLOURS[outcome])
        ax.set_title(words(outcome))
        ax.set_xlabel(axis_label(outcome))
    return entitle(fig, _widest(parts["total_s"].iloc[0]), _swings_alt(parts))


def _widest(first: pd.Series) -> str:
    """What alone moves the total time most, in the words of a title."""
    least, most = float(first["least"]), float(first["most"])
    if np.isfinite(most):
        ends = f"{duration(least)} to {duration(most)}"
    else:
        ends = f"from {duration(least)} to never ending" if np.isfinite(least) else "it never ends"
    return f"One at a time, the total time hangs most on {words(first['parameter'])}: {ends}"


def _swings(ax: Axes, part: pd.DataFrame, colour: str) -> None:
    """Bars from the least to the greatest outcome, with the ends of each parameter's range."""
    at = np.arange(len(part))
    base = float(part["at_base"].iloc[0])
    every = np.concatenate([part["least"], part["most"], [base]])
    finite = every[np.isfinite(every) & (every > 0)]
    low, high = finite.min() * 0.8, finite.max() * 1.25
    scale(ax, "x", [low, high])
    if high > 1e4 * low:
        # Every decade's number would run into the next one.
        ax.xaxis.set_major_locator(LogLocator(base=100))
    most = np.minimum(part["most"], high)
    ax.barh(at, most - part["least"], left=part["least"], color=colour, alpha=0.55, height=0.6, zorder=2)
    if np.isfinite(base):
        ax.axvline(base, color=DIRTY, lw=1.3, zorder=3)
    for k, row in enumerate(part.to_dict("records")):
        if np.isinf(row["most"]):
            note(ax, "never ends", high, k, ha="right", va="center")
    ax.set_xlim(low, high)
    names = [str(name) for name in part["parameter"]]
    _name_rows(ax, names)
    ends = [_ends(row) for row in part.to_dict("records")]
    ax.set_yticklabels([f"{words(n)}\n{told}" for n, told in zip(names, ends, strict=True)], fontsize=8.5)
    ax.grid(axis="y", visible=False)


def _ends(row: Mapping[Any, Any]) -> str:
    """The ends of a parameter's range, as short as they can be told."""
    name, low, high = str(row["parameter"]), row["low"], row["high"]
    if isinstance(low, str):
        return f"{value_of(name, low)} to {value_of(name, high)}"
    return (
        f"{number(low)} to {_named(name, high)}"
        if not _is_share(name)
        else f"{percent(low)} to {percent(high)}"
    )


def _named(name: str, value: Any) -> str:
    return percent(value) if _is_share(name) else value_of(name, value)


def _is_share(name: str) -> bool:
    return PARAMETERS[name].unit == "0-1"


def _swings_alt(parts: Mapping[str, pd.DataFrame]) -> str:
    told = []
    for outcome, part in parts.items():
        each = [
            f"{words(str(row['parameter']))} {duration(row['least'])} to {duration(row['most'])}"
            for row in part.head(3).to_dict("records")
        ]
        told.append(f"{words(outcome)}: {', '.join(each)}")
    return f"Bars of what each parameter alone makes of the scenario. Widest for {'; '.join(told)}."


@drawn
def needed(found: Plan, curve: pd.DataFrame, question: int = 0) -> Figure:
    """The outcomes that targets are of, over the parameter that is asked for, with targets and answer.

    ``curve``: what ``migrate`` gives over values of the parameter for one question of a plan.
    """
    targets = [str(name) for name in found.targets if name in _OUTCOME]
    fig, axes = plt.subplots(
        len(targets), 1, figsize=(WIDTH, 0.9 + 2.4 * len(targets)), sharex=True, squeeze=False
    )
    answer, name = found.table.iloc[question], found.parameter
    for ax, target in zip(axes[:, 0], targets, strict=True):
        outcome, limit = _OUTCOME[target], limit_s(target, float(found.targets[target].iloc[question]))
        # Of a migration that never ends there is neither a time nor a pause.
        shown = curve[outcome].where(np.isfinite(curve["total_s"]))
        scale(ax, "x", curve[name])
        scale(ax, "y", [*shown.dropna(), limit])
        if shown.isna().all():
            ax.set(xlim=(curve[name].min(), curve[name].max()), ylim=(0, 2 * limit))
            ax.text(0.5, 0.75, "its passes go on without end", transform=ax.transAxes, ha="center")
        ax.plot(curve[name], shown, color=_COLOURS[outcome], zorder=3)
        ax.axhline(limit, color=DIRTY, lw=1.3, ls="--", zorder=2)
        note(
            ax,
            f"at most {duration(limit)}",
            0.99,
            limit,
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
        )
        if answer["reached"]:
            ends = sorted((answer["value"], answer["holds_to"]))
            ax.axvspan(*ends, color=SENT, alpha=0.10, zorder=1)
            ax.axvline(answer["value"], color=INK, lw=1.3, zorder=3)
        ax.set_ylabel(axis_label(outcome))
    axes[-1, 0].set_xlabel(axis_label(name))
    return entitle(fig, _needed_title(found, question), _needed_alt(found, curve, targets, question))


def _needed_title(found: Plan, question: int) -> str:
    answer = found.table.iloc[question]
    if not answer["reached"]:
        ends = np.isfinite(found.rows["total_s"].iloc[question])
        why = "" if ends else ": its passes go on without end"
        return f"No {words(found.parameter)} in this range is enough{why}"
    most = "at least" if found.more_helps else "at most"
    return f"{sentence(words(found.parameter))}: {most} {_named(found.parameter, answer['value'])}"


def _needed_alt(found: Plan, curve: pd.DataFrame, targets: list[str], question: int) -> str:
    first, last = curve.iloc[0], curve.iloc[-1]
    told = []
    for target in targets:
        limit = duration(limit_s(target, float(found.targets[target].iloc[question])))
        each = (row[_OUTCOME[target]] if np.isfinite(row["total_s"]) else np.inf for row in (first, last))
        ends = "from {} to {}".format(*map(duration, each))
        told.append(f"{words(_OUTCOME[target])} goes {ends} and may be {limit}")
    name = found.parameter
    ends = f"{value_of(name, first[name])} to {value_of(name, last[name])}"
    return f"Curves over {words(name)} from {ends}: {'; '.join(told)}. Where all targets hold is shaded."


# --- tables -----------------------------------------------------------------------------


def ranges_table(found: Sensitivity, swings: pd.DataFrame) -> pd.DataFrame:
    """What varied: range of each parameter, the scenario's own value, the total time over it alone."""
    rows = swings[swings.outcome == "total_s"].to_dict("records")
    index = pd.Index([words(str(row["parameter"])) for row in rows], name="parameter")
    cells = [
        {
            "range": _ends(row),
            "here": _named(str(row["parameter"]), row["base"]),
            "a lever": "yes" if is_lever(str(row["parameter"])) else "",
            "total time": f"{duration(row['least'])} to {duration(row['most'])}",
            "total index": _index_of(found, str(row["parameter"])),
        }
        for row in rows
    ]
    return pd.DataFrame(cells, index=index)


def _index_of(found: Sensitivity, name: str) -> str:
    row = found.of("total_s").set_index("parameter").loc[name]
    return f"{row['total']:.3f} ({row['total_low']:.3f} to {row['total_high']:.3f})"


def needed_table(found: Plan, varied: list[str]) -> pd.DataFrame:
    """The answers to several questions, a row each, by what varies in them."""
    rows = found.rows.to_dict("records")
    answers = found.table.to_dict("records")
    names = [", ".join(value_of(name, row[name]) for name in varied) or "this machine" for row in rows]
    most = "at least" if found.more_helps else "at most"
    cells = [
        {
            words(found.parameter): f"{most} {_named(found.parameter, answer['value'])}"
            if answer["reached"]
            else "none is enough",
            "total time": duration(row["total_s"]),
            "blackout": duration(row["blackout_s"]),
            "limited by": str(answer["limited_by"]).replace("_", " "),
            **({} if np.isnan(answer["chance"]) else {"chance": f"{answer['chance']:.2f}"}),
        }
        for row, answer in zip(rows, answers, strict=True)
    ]
    return pd.DataFrame(cells, index=pd.Index(names, name="machine"))


def needed_caption(found: Plan) -> str:
    """What a table of answers has in it."""
    none = "; where none is enough, what the nearest value gives" if not found.table.reached.all() else ""
    return f"{sentence(words(found.parameter))} that keeps to the targets{none}"
