"""What to change first: every combination of the levers at hand, put through the model, ranked.

Gains do not add: lifting a limit gains nothing until something reaches it, and two cures of one ceiling gain
what one does. So single changes, pairs and triples are all computed, in one table. The first line of the
answer is the smallest combination of at most three changes whose time lies within :data:`TIE` of the best of
them: whatever is left out gains less than that.

Without a calibrated host a gain below :data:`LEAST` of today's time is called none. With one, both times are
computed with the same draws of what is uncertain, so that what is uncertain in both cancels out, and a gain
whose 90 % interval holds zero is none. The intervals are those of paired draws; the widening that held-out
migrations showed is of single times and is left out of a difference.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from analysis import other_names
from analysis.arrays import Floats
from analysis.errors import UserError
from analysis.model.laws.passes import STAYS
from analysis.model.migration import parameters_in
from analysis.parameters import FACTOR
from analysis.studies.decisions.changes import SHARED_OUT, Situation, searched, shared_out
from analysis.studies.decisions.levers import AT_ONCE, Lever
from analysis.studies.hosts import prediction
from analysis.studies.hosts.prediction import ENDLESS

TIE = 0.05
"""Combinations within this share of the best time are as good as the best."""
LEAST = 0.01
"""A gain of less than this share is none, where no host tells how sure it is."""
GOALS = {"total": "total_s", "blackout": "blackout_s"}
"""What advice can aim at, and its outcome."""
OF = ("total_s", "blackout_s")


def recommended(found: pd.DataFrame, goal: str = "total") -> int:
    """The row of the smallest combination within :data:`TIE` of the best; row 0 changes nothing."""
    value = found[_goal(goal)].to_numpy(float)
    best = value.min()
    near = value <= best * (1 + TIE) if np.isfinite(best) else np.isinf(value)
    order = found.assign(row=np.arange(len(found)))[near]
    other = next(name for name in OF if name != _goal(goal))
    return int(order.sort_values(["size", _goal(goal), other], kind="stable")["row"].iloc[0])


def _goal(goal: str) -> str:
    if goal not in GOALS:
        near = other_names.value_meant(goal, GOALS)
        hint = f"did you mean {near!r}? There" if near else "there"
        raise UserError(f"there is no goal {goal!r}; {hint} are {', '.join(GOALS)}")
    return GOALS[goal]


def advise(situation: Situation, goal: str = "total", seed: int = 0) -> pd.DataFrame:
    """Ranked rows of advice: the first line, then single changes, the best pair and triple.

    Columns: ``rank`` (1 for the first line), ``kind`` (``first``, ``single``, ``pair``, ``triple``),
    ``levers``, ``verdict`` (``gain``, ``no gain``, ``warning``), ``why`` of a warning, the outcomes of the
    change, ``total_gain_s`` and ``blackout_gain_s`` (today's less the change's; with ``_low90`` and
    ``_high90`` on a calibrated host), ``binds_before`` and ``binds_after``, and every parameter. The rows
    that gain come first, by their gain; then those that gain nothing, then warnings. A first line without
    levers: nothing at hand gains.
    """
    found = searched(situation)
    chosen = _shown(found, goal)
    rows = found.loc[[0, *chosen]].reset_index(drop=True)
    rows = rows.assign(kind=["today", *chosen.values()], binds_before=found["limited_by"].iloc[0])
    rows = rows if situation.host is None else _on_host(situation, rows, seed)
    for name in OF:
        rows[_gain(name)] = _less(rows[name].to_numpy(float)[:1], rows[name].to_numpy(float))
    judged = _judged(rows.rename(columns={"limited_by": "binds_after"}), goal)
    return _ranked(judged[judged["kind"] != "today"], goal)


def _shown(found: pd.DataFrame, goal: str) -> dict[int, str]:
    """The rows that are told, by number: the first line, singles, and pair and triple that gain more."""
    name, first = _goal(goal), recommended(found, goal)
    shown = {first: "first"}
    for row in np.flatnonzero(found["size"] == 1):
        shown.setdefault(int(row), "single")
    for size, kind in ((2, "pair"), (3, "triple")):
        smaller, of_size = found[found["size"] < size], found[found["size"] == size]
        if len(of_size):
            best = of_size.sort_values([name, "blackout_s", "total_s"], kind="stable").index[0]
            # One that gains no more than fewer changes would do has a change too many.
            if found[name][best] < smaller[name].min() * (1 - LEAST):
                shown.setdefault(int(best), kind)
    return shown


def _on_host(situation: Situation, rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Rows with the host's own prediction, its intervals, and those of what each gains over the first row."""
    told, drawn = [], []
    for i, levers in enumerate(rows["levers"]):
        one, of_one = _predicted(situation, rows.iloc[[i]], levers, seed)
        told.append(one)
        drawn.append(of_one)
    predicted = pd.DataFrame(told, index=rows.index)
    found = pd.concat([rows.drop(columns=list(OF)), predicted], axis=1)
    for name in OF:
        gains = np.array([_less(drawn[0][name], of_one[name]) for of_one in drawn])
        low, high = np.quantile(np.clip(gains, -ENDLESS, ENDLESS), (0.05, 0.95), axis=1)
        for end, values in (("low90", low), ("high90", high)):
            beyond = np.abs(values) > ENDLESS / 1e6
            found[f"{_gain(name)}_{end}"] = np.where(beyond, np.copysign(np.inf, values), values)
    return found


def _predicted(
    situation: Situation, row: pd.DataFrame, levers: Iterable[Lever], seed: int
) -> tuple[dict[str, float], dict[str, Floats]]:
    """One row on the host: outcomes with their intervals, and draws that are paired with those of any row."""
    assert situation.host is not None  # whoever calls this has one
    at_once = float(row[AT_ONCE].iloc[0])
    kept = {*situation.given, *(name for lever in levers for name in lever.sets)}
    kept |= set(SHARED_OUT) if at_once > 1 else set()
    table = parameters_in(shared_out(row))
    # The host's factors are drawn, so its own stay out.
    table = table[[name for name in table if not str(name).endswith(FACTOR)]]
    table = table.assign(workload=situation.workload) if situation.workload else table
    said = prediction.predict(table, situation.host, given=sorted(kept), seed=seed).iloc[0]
    drawn = prediction.paired(table, situation.host, sorted(kept), seed=seed)
    turns = {"total_s": float(np.ceil(situation.machines / at_once)), "blackout_s": 1.0}
    names = [f"{name}{end}" for name in OF for end in ("", "_low90", "_low50", "_high50", "_high90")]
    told = {name: float(said[name]) * turns["_".join(name.split("_")[:2])] for name in names}
    blackout = drawn["blackout_s"].mask(drawn["stop_reason"].isin(STAYS), np.inf)
    return told, {
        "total_s": drawn["total_s"].to_numpy() * turns["total_s"],
        "blackout_s": blackout.to_numpy(),
    }


def _gain(name: str) -> str:
    return f"{name.removesuffix('_s')}_gain_s"


def _less(before: Floats, after: Floats) -> Floats:
    """Before less after, where two that never end are alike."""
    before, after = np.broadcast_arrays(before, after)
    alike = before == after
    return np.subtract(before, after, out=np.zeros(before.shape), where=~alike)


def _judged(rows: pd.DataFrame, goal: str) -> pd.DataFrame:
    """Rows with ``verdict`` and ``why``; the first of them is today."""
    verdicts, reasons = [], []
    for _, row in rows.iterrows():
        warned = _warned(row)
        better, worse = (
            {name: _sure(row, name, float(rows[name].iloc[0]), sign) for name in OF} for sign in (1, -1)
        )
        aim = _goal(goal)
        harms = worse[aim] or (any(worse.values()) and not better[aim])
        verdicts.append("warning" if warned or harms else "gain" if better[aim] else "no gain")
        longer = [words for name, words in _LONGER.items() if worse[name]]
        reasons.append("; ".join([*warned, *longer]))
    return rows.assign(verdict=verdicts, why=reasons)


_LONGER = {"total_s": "takes longer", "blackout_s": "freezes the machine longer"}


def _warned(row: pd.Series) -> list[str]:
    """What its levers warn of."""
    warnings = [lever.warns for lever in row["levers"] if lever.warns]
    return [f"{name} is {row[name]:g}: {text}" for name, least, text in warnings if row[name] < least]


def _sure(row: pd.Series, name: str, before: float, sign: int) -> bool:
    """Whether a row gains (sign 1) or loses (-1) beyond its interval, or :data:`LEAST` without one."""
    gain = sign * float(row[_gain(name)])
    end = f"{_gain(name)}_{'low90' if sign > 0 else 'high90'}"
    if end in row:
        return bool(gain > 0 and sign * float(row[end]) > 0)
    return bool(gain > LEAST * before) if np.isfinite(before) else bool(gain > 0)


_ORDER = {"gain": 0, "no gain": 1, "warning": 2}


def _ranked(rows: pd.DataFrame, goal: str) -> pd.DataFrame:
    """The first line first; then what gains by its gain, what gains nothing, and warnings."""
    keys = pd.DataFrame({
        "first": rows["kind"] != "first",
        "verdict": rows["verdict"].map(_ORDER),
        "value": rows[_goal(goal)],
        "size": rows["size"],
    })  # fmt: skip
    order = keys.sort_values(["first", "verdict", "value", "size"], kind="stable").index
    ranked: pd.DataFrame = rows.loc[order].reset_index(drop=True)
    return ranked.assign(rank=np.arange(1, len(ranked) + 1))
