"""Advice in words: what to change first, what it gains and how sure that is, what it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from analysis.studies.decisions import clients
from analysis.studies.decisions.advice import LEAST, OF, TIE
from analysis.studies.decisions.levers import Lever

_NAMES = {"total_s": "total time", "blackout_s": "blackout"}
_MANY = ("buffers", "cores", "streams")


def what(levers: Sequence[Lever]) -> str:
    """The changes of a row as a list in a sentence; "nothing" where there are none."""
    words = [lever.what for lever in levers]
    if len(words) < 2:
        return words[0] if words else "nothing"
    return ", ".join(words[:-1]) + " and " + words[-1]


def binds(limited_by: str) -> str:
    """A ceiling as the subject of a clause.

    >>> binds("spare_cores"), binds("line_rate")
    ('the spare cores bind', 'the line rate binds')
    """
    name = limited_by.replace("_", " ")
    article = "" if limited_by == "other_traffic" else "the "
    return f"{article}{name} {'bind' if limited_by.endswith(_MANY) else 'binds'}"


def seconds(value: float) -> str:
    """A time in a sentence.

    >>> seconds(0.2036), seconds(168.6), seconds(1145), seconds(13604), seconds(math.inf)
    ('0.204 s', '169 s', '19 min 05 s', '3 h 47 min', 'no end')
    """
    if not math.isfinite(value):
        return "no end"
    if abs(value) < 600:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(abs(value)), 60)
    hours, left = divmod(round(abs(value) / 60), 60)
    sign = "-" if value < 0 else ""
    return f"{sign}{hours} h {left:02d} min" if minutes >= 60 else f"{sign}{minutes} min {rest:02d} s"


def answer(rows: pd.DataFrame, goal: str = "total") -> list[str]:
    """What :func:`.advice.advise` found in sentences: the first line, its gain, what binds, what else."""
    first = rows.iloc[0]
    if not first["levers"]:
        return [_nothing(first, goal), *_warnings(rows)]
    total = _from_to(first, "total_s", "It takes")
    frozen = _from_to(first, "blackout_s", "the machine is frozen for")
    told = [f"Change first: {what(first['levers'])}.", f"{total}, and {frozen}."]
    told += [_bound(first)]
    told += [_alone(rows, goal)] if first["size"] > 1 else []
    told += [_more(rows, goal)]
    told += (
        ["What it gains is less than its 90 % interval: no gain is sure."]
        if first["verdict"] == "no gain"
        else []
    )
    return [line for line in told if line] + _warnings(rows)


def _nothing(first: pd.Series, goal: str) -> str:
    name = "total_s" if goal == "total" else "blackout_s"
    off = f"takes more than {100 * TIE:.0f} % off the {_NAMES[name]} ({seconds(first[name])})"
    bound = binds(first["binds_before"])
    return f"Change nothing: no combination of up to three changes at hand {off}; {bound}."


def _from_to(row: pd.Series, name: str, verb: str) -> str:
    """From today's time to the new one, in per cent, with the interval of the gain where there is one."""
    gain, after = float(row[f"{name[:-2]}_gain_s"]), float(row[name])
    before = after + gain
    if not math.isfinite(before):
        return f"{verb} {seconds(after)}, where today it has no end"
    if abs(gain) <= LEAST * before:
        return (
            f"{verb} {seconds(after)}, as today" if verb[0].islower() else f"{verb} {seconds(after)} as today"
        )
    part = 100 * abs(gain) / before
    # What is left is never nothing, and is not said to be.
    share = "more than 99 %" if gain > 0 and part >= 99.5 else f"{part:.0f} %"
    less = f"{share} {'less' if gain > 0 else 'more'}"
    return f"{verb} {seconds(after)} instead of {seconds(before)} ({less}{_interval(row, name)})"


def _interval(row: pd.Series, name: str) -> str:
    gain = f"{name[:-2]}_gain_s"
    if f"{gain}_low90" not in row:
        return ""
    return f"; nine in ten: {seconds(row[f'{gain}_low90'])} to {seconds(row[f'{gain}_high90'])} less"


def _bound(first: pd.Series) -> str:
    before, after = first["binds_before"], first["binds_after"]
    if before == after:
        return f"Today {binds(before)}, and so it is afterwards."
    return f"Today {binds(before)}; then {binds(after)}."


def _alone(rows: pd.DataFrame, goal: str) -> str:
    """What each of several changes gains alone."""
    name = "total_s" if goal == "total" else "blackout_s"
    singles = {levers[0].name: i for i, levers in enumerate(rows["levers"]) if len(levers) == 1}
    parts = []
    for lever in rows["levers"].iloc[0]:
        if lever.name in singles:
            row = rows.iloc[singles[lever.name]]
            gain = float(row[f"{name[:-2]}_gain_s"])
            parts.append(f"{lever.what} {_does(gain, row[name] + gain)}")
        else:
            parts.append(f"{lever.what} does nothing")
    return f"Alone, {', '.join(parts)}: gains do not add."


def _does(gain: float, before: float) -> str:
    """What one change does to a time, in words."""
    if math.isfinite(before) and abs(gain) <= LEAST * before:
        return "gains nothing"
    return f"takes {seconds(gain)} off" if gain >= 0 else f"adds {seconds(-gain)}"


def _more(rows: pd.DataFrame, goal: str) -> str:
    """What more changes would gain, if they gain anything."""
    name = "total_s" if goal == "total" else "blackout_s"
    better = rows[rows["kind"].isin(["pair", "triple"]) & (rows["size"] > rows["size"].iloc[0])]
    if better.empty:
        return ""
    best = better.sort_values(name, kind="stable").iloc[0]
    added = [one for one in best["levers"] if one.name not in {x.name for x in rows["levers"].iloc[0]}]
    if best[name] >= rows[name].iloc[0] or not added:
        return ""
    return f"With {what(added)} as well it would be {seconds(best[name])}."


def _warnings(rows: pd.DataFrame) -> list[str]:
    """What single changes warn of, a sentence each, and those that would make it worse in one sentence."""
    warned = rows[(rows["verdict"] == "warning") & (rows["size"] == 1)]
    told, worse = [], []
    for levers, why in zip(warned["levers"], warned["why"], strict=True):
        if ": " in why:
            told.append(f"Warning: {what(levers)}: {why}.")
        else:
            worse.append(what(levers))
    return told + ([f"On its own it would be worse with {', or with '.join(worse)}."] if worse else [])


def without_gain(rows: pd.DataFrame) -> list[str]:
    """The single changes that gain nothing, in words."""
    none = rows[(rows["verdict"] == "no gain") & (rows["size"] == 1)]
    return [what(levers) for levers in none["levers"]]


def felt(rows: pd.DataFrame, relearn_ms: float | str = clients.RELEARN_MS) -> pd.DataFrame:
    """Rows of advice with what a client feels after the change: the columns of ``clients.COLUMNS``."""
    # A blackout without end is one that never comes.
    reason = rows["stop_reason"].where(rows["blackout_s"].map(math.isfinite), "endless")
    return clients.felt(rows.assign(stop_reason=reason), relearn_ms)


def plain(row: pd.Series) -> dict[str, Any]:
    """What a row of advice says, without its scenario: words, commands and numbers by name."""
    levers: Sequence[Lever] = row["levers"]
    gains = [f"{name[:-2]}_gain_s{end}" for name in OF for end in ("", "_low90", "_high90")]
    ends = [f"{name}_{end}" for name in OF for end in ("low90", "high90")]
    shown = ["total_s", "blackout_s", *ends, *gains, "binds_before", "binds_after", *clients.COLUMNS]
    return {
        "rank": int(row["rank"]),
        "kind": row["kind"],
        "changes": [lever.name for lever in levers],
        "what": what(levers),
        "verdict": row["verdict"],
        "why": row["why"],
        **{name: row[name] for name in shown if name in row},
        "price": [lever.price for lever in levers],
        "needs": [lever.needs for lever in levers if lever.needs],
        "reads": [lever.reads for lever in levers],
        "sets": [lever.sets_it for lever in levers],
        "sources": [lever.source for lever in levers],
    }
