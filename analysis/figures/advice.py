"""Figure, tables and sentences of advice: what to change first, and how it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures.evidence import Link
from analysis.figures.language import (
    BLACKOUT,
    DIRTY,
    QUIET,
    SENT,
    WIDTH,
    binds,
    ceiling,
    drawn,
    duration,
    entitle,
    scale,
    sentence,
    two_durations,
)
from analysis.figures.words import percent, unit_for
from analysis.studies.decisions import advised, clients
from analysis.studies.decisions.levers import Lever

SHOWN = 9
"""Rows of advice that the picture shows beside today."""


@drawn
def ranked(rows: pd.DataFrame) -> Figure:
    """Total time and blackout today and after each change, the first line on top, warnings below.

    ``rows`` is what ``studies.decisions.advice.advise`` returns; changes that gain nothing are left out.
    """
    shown = _shown(rows)
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 0.45 * len(shown) + 1.6), sharey=True)
    places = np.arange(len(shown))[::-1]
    for ax, name, colour, label in (
        (axes[0], "total_s", SENT, "total time"),
        (axes[1], "blackout_s", BLACKOUT, "blackout"),
    ):
        unit, factor = unit_for(shown[name])
        _bars(ax, shown, places, name, factor, colour)
        ax.set(xlabel=f"{label} [{unit}]", ylim=(-0.6, len(shown) - 0.4))
    axes[0].set_yticks(places, shown["label"])
    for text, kind in zip(axes[0].get_yticklabels(), shown["kind"], strict=True):
        text.set_fontweight("bold" if kind == "first" else "normal")
    return entitle(fig, finding(rows), _alt(shown))


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    """Today and the rows that gain or harm, with a label each."""
    first = rows.iloc[0]
    today = {"label": "today", "kind": "today", "verdict": "today"}
    for name in ("total_s", "blackout_s"):
        today[name] = first[name] + first[f"{name[:-2]}_gain_s"]
    told = rows[(rows["verdict"] != "no gain") & (rows["size"] > 0)].head(SHOWN)
    labels = [sentence(" + ".join(map(short, levers))) for levers in told["levers"]]
    kept = [n for n in ("total_s", "blackout_s", *_ENDS) if n in told]
    return pd.concat(
        [pd.DataFrame([today]), told[["kind", "verdict", *kept]].assign(label=labels)], ignore_index=True
    )


def short(lever: Lever) -> str:
    """The name of a lever as a label: ``SMB direct``, ``receive buffers``."""
    words = lever.name.replace("_", " ").split()
    return " ".join({"smb": "SMB", "tcpip": "TCP/IP"}.get(word, word) for word in words)


_ENDS = tuple(f"{name}_{end}90" for name in ("total_s", "blackout_s") for end in ("low", "high"))


def _bars(ax: Axes, shown: pd.DataFrame, places: np.ndarray, name: str, factor: float, colour: str) -> None:
    """A bar a row, what harms in the colour of warnings, with a 90 % interval where there is one."""
    values = shown[name].to_numpy(float) * factor
    seen = np.isfinite(values)
    tints = [QUIET if v == "today" else DIRTY if v == "warning" else colour for v in shown["verdict"]]
    longest = values[seen].max() if seen.any() else 1.0
    beside = np.where(seen, values, longest)
    ax.barh(places, np.where(seen, values, longest), color=tints, height=0.6, alpha=0.85)
    if f"{name}_low90" in shown:
        ends = shown[[f"{name}_low90", f"{name}_high90"]].to_numpy(float) * factor
        known = np.isfinite(ends).all(axis=1)
        ax.hlines(places[known], ends[known, 0], ends[known, 1], color=QUIET, linewidth=1.5)
        longest = max(longest, float(ends[known].max(initial=0)))
        beside[known] = np.maximum(beside, ends[:, 1])[known]
    scale(ax, "x", [0.0], log=False)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set_xlim(0, 1.28 * longest)
    ax.grid(axis="y", visible=False)
    for place, at, text in zip(places, beside, shown[name], strict=True):
        ax.annotate(duration(text), (at, place), (4, 0), textcoords="offset points", va="center", fontsize=9)


def finding(rows: pd.DataFrame) -> str:
    """The first line as a title."""
    first = rows.iloc[0]
    if not first["levers"]:
        return f"Nothing at hand helps: {binds(first['binds_before'])}, and the time stays {_now(first)}"
    before, after = two_durations(first["total_s"] + first["total_gain_s"], first["total_s"])
    return f"{sentence(advised.what(first['levers']))}: {after} instead of {before}"


def _now(first: pd.Series) -> str:
    return duration(first["total_s"])


def _alt(shown: pd.DataFrame) -> str:
    told = "; ".join(
        f"{label}: {duration(total)} in all, {duration(frozen)} frozen"
        for label, total, frozen in zip(shown["label"], shown["total_s"], shown["blackout_s"], strict=True)
    )
    return f"Bars of total time and of blackout, a row a change. {told}."


def ranked_table(rows: pd.DataFrame, places: Sequence[str] = ()) -> pd.DataFrame:
    """Every row of advice as text: gains, what binds before and after, the verdict and its reason.

    ``places``: for each row the place in the page that opens it.
    """
    told = rows[rows["size"] > 0]
    opening = [place for place, size in zip(places, rows["size"], strict=False) if size > 0]
    opening = opening or [""] * len(told)
    cells = [
        {
            "change": _opening(sentence(advised.what(row["levers"])), place),
            "total": duration(row["total_s"]),
            "less": _gain(row, "total_s"),
            "frozen": duration(row["blackout_s"]),
            "less frozen": _gain(row, "blackout_s"),
            "binds": f"{ceiling(row['binds_before'])}, then {ceiling(row['binds_after'])}",
            "verdict": row["verdict"] + (f": {row['why']}" if row["why"] else ""),
        }
        for place, (_, row) in zip(opening, told.iterrows(), strict=True)
    ]
    # As objects, since a column of texts keeps no address.
    return pd.DataFrame(cells, index=pd.Index(told["rank"], name="rank"), dtype=object)


def _opening(words: str, place: str) -> str:
    return Link(words, place) if place else words


def _gain(row: pd.Series, name: str) -> str:
    gain = f"{name[:-2]}_gain_s"
    if f"{gain}_low90" not in row:
        return _signed(row[gain])
    return f"{_signed(row[gain])} ({_signed(row[f'{gain}_low90'])} to {_signed(row[f'{gain}_high90'])})"


def _signed(value: float) -> str:
    return duration(value) if value >= 0 else f"-{duration(-value)}"


def how_table(rows: pd.DataFrame) -> pd.DataFrame:
    """How the changes of the rows that gain are made: today's value, the command, price and source."""
    levers = {lever.name: lever for one in _gaining(rows)["levers"] for lever in one}
    steps = [
        (sentence(lever.what), step, text)
        for lever in levers.values()
        for step, text in (
            ("today", lever.reads), ("set", lever.sets_it), ("price", lever.price), ("source", lever.source)
        )
    ]  # fmt: skip
    return _long(steps, "change", ("step", "how"))


def commands_table(opened: Sequence[Mapping[str, str]], rows: pd.DataFrame) -> pd.DataFrame:
    """The commands that open each row that gains; ``opened``: what ``cli.advise.opened`` says of each row."""
    kept = _gaining(rows).index
    steps = [(str(rows["rank"][i]), verb, text) for i in kept for verb, text in opened[i].items()]
    return _long(steps, "rank", ("opens", "command"))


def _gaining(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows["verdict"] == "gain") & (rows["size"] > 0)]


def _long(steps: Sequence[tuple[str, str, str]], name: str, columns: tuple[str, str]) -> pd.DataFrame:
    """A table of several lines an entry, whose name stands on the first of them."""
    names = [own if k == 0 or own != steps[k - 1][0] else "" for k, (own, _, _) in enumerate(steps)]
    cells = [(step, text) for _, step, text in steps]
    return pd.DataFrame(cells, columns=list(columns), index=pd.Index(names, name=name))


def takeaway(rows: pd.DataFrame, goal: str) -> str:
    """The advice in sentences, the first line bold, and what clients feel after it.

    ``rows`` with the columns of ``clients.felt``.
    """
    first, *more = advised.answer(rows, goal)
    return " ".join([f"**{first}**", *more, *clients.statement(rows.iloc[0])])


def key_numbers(rows: pd.DataFrame) -> dict[str, str]:
    """Total time and blackout today and after the first line, and what is saved."""
    first = rows.iloc[0]
    before = {name: first[name] + first[f"{name[:-2]}_gain_s"] for name in ("total_s", "blackout_s")}
    if not first["levers"]:
        return {"in all, today": duration(first["total_s"]), "frozen, today": duration(first["blackout_s"])}
    told = {
        "in all, today": duration(before["total_s"]),
        "in all, changed": duration(first["total_s"]),
        "frozen, changed": duration(first["blackout_s"]),
    }
    if np.isfinite(before["total_s"]):
        told["saved"] = percent(first["total_gain_s"] / before["total_s"])
    return told
