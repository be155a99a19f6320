"""One parameter at a time around a scenario: how far each moves the times, and which lever comes first.

Sobol indices speak of a whole space of scenarios, an administrator has one. Here every parameter goes through
its range alone, all others as the scenario has them; and the first lever is looked for again from every value
of its own range, since what binds changes on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.arrays import Columns, Floats
from analysis.parameters import PARAMETERS
from analysis.ranges import TYPICAL
from analysis.studies.decisions.sensitivity import OUTCOMES, Sensitivity, told_times
from analysis.studies.decisions.words import value, words
from analysis.studies.sweeps.designs import Axis, Design

POINTS = 65
"""Values of each range that are looked at: stop rules make times jump between its ends."""
WORTH = 0.01
"""Share of a time from which a gain is one."""


@dataclass(frozen=True)
class Lead:
    """The first lever on an outcome, and where it is the first.

    ``parameter``: the lever with the largest total index; empty where nothing that varies is a lever. It
    gains most for the outcome, one at a time around the scenario, while it is itself from ``low`` to ``high``
    (NaN: nowhere, or for a lever whose values are words). ``here``: whether the scenario lies there.
    ``beyond``: what gains most next to that stretch; empty where nothing gains, or the stretch is the whole
    range. ``instead``: what gains most at the scenario itself; empty where nothing does.
    """

    outcome: str
    parameter: str
    low: float = np.nan
    high: float = np.nan
    here: bool = False
    beyond: str = ""
    instead: str = ""


def tornado(found: Sensitivity) -> pd.DataFrame:
    """Each parameter alone over its range: a row for each outcome and parameter, the widest swing first.

    Columns: ``outcome``, ``parameter``, ``low`` and ``high`` (ends of the range), ``base`` (the scenario's
    value), ``at_low``, ``at_high``, ``at_base`` (the outcome there), ``least`` and ``most`` (of the outcome,
    over :data:`POINTS` values of the range), ``swing`` (``most`` less ``least``; infinite where it may
    never end).
    """
    at_base = _times(found, {})[:, 0]
    rows = []
    for axis in found.design.axes:
        values = _values(axis)
        times = _times(found, {axis.name: values})
        for k, outcome in enumerate(OUTCOMES):
            told = {"at_low": times[k, 0], "at_high": times[k, -1], "at_base": at_base[k]}
            span = {"least": times[k].min(), "most": times[k].max()}
            swing = span["most"] - span["least"] if np.isfinite(span["least"]) else 0.0
            ends = {"low": values[0], "high": values[-1], "base": _base(found, axis)}
            rows.append({"outcome": outcome, "parameter": axis.name, **ends, **told, **span, "swing": swing})
    table = pd.DataFrame(rows)
    return table.sort_values(["outcome", "swing"], ascending=[True, False], kind="stable", ignore_index=True)


def levers(design: Design) -> list[Axis]:
    """What varies and can be changed: levers of the table of ranges, and choices of words."""
    return [axis for axis in design.axes if is_lever(axis.name)]


def is_lever(name: str) -> bool:
    """Whether an administrator can change a parameter."""
    return (name in TYPICAL and TYPICAL[name].lever) or bool(PARAMETERS[name].choices)


def lead(found: Sensitivity, outcome: str = "total_s") -> Lead:
    """The first lever on an outcome and the range in which that holds; see :class:`Lead`."""
    ours = levers(found.design)
    if not ours:
        return Lead(outcome, "")
    name = next(name for name in found.of(outcome).parameter if is_lever(name))
    first = next(axis for axis in ours if axis.name == name)
    here = _base(found, first)
    instead = _leaders(found, ours, first, np.array([here]), outcome)[0]
    if first.is_text:
        return Lead(outcome, name, here=instead == name, instead=instead)
    places = _values(first)
    return _stretch(outcome, name, places, _leaders(found, ours, first, places, outcome), here, instead)


def _stretch(outcome: str, name: str, places: Floats, names: list[str], here: float, instead: str) -> Lead:
    """The stretch of values in which a lever leads: that around the scenario, else the longest."""
    held = np.array([one == name for one in names])
    if not held.any():
        return Lead(outcome, name, instead=instead)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]])))
    runs = [(first, last - 1) for first, last in zip(edges[::2], edges[1::2], strict=True)]
    around = [run for run in runs if places[run[0]] <= here <= places[run[1]]]
    first, last = around[0] if around else max(runs, key=lambda run: run[1] - run[0])
    after, before = names[last + 1 : last + 2], names[max(first - 1, 0) : first]
    beyond = next((one for one in [*after, *before] if one), "")
    is_here = bool(around) and instead == name
    return Lead(outcome, name, float(places[first]), float(places[last]), is_here, beyond, instead)


def _leaders(found: Sensitivity, ours: list[Axis], first: Axis, places: Any, outcome: str) -> list[str]:
    """For each value of a lever the lever that alone gains most from there; empty where none gains."""
    now = _times(found, {first.name: places})[OUTCOMES.index(outcome)]
    gains = []
    for axis in ours:
        values = _values(axis)
        if axis.name == first.name:
            best = np.full(len(places), _times(found, {axis.name: values})[OUTCOMES.index(outcome)].min())
        else:
            both = {first.name: np.repeat(places, len(values)), axis.name: np.tile(values, len(places))}
            best = _times(found, both)[OUTCOMES.index(outcome)].reshape(len(places), -1).min(axis=1)
        # Of a migration that never ends, ending is all there is to gain.
        with np.errstate(invalid="ignore"):
            gain = np.where(np.isinf(now), np.where(np.isinf(best), 0.0, np.inf), now - best)
        gains.append(np.where(np.isinf(gain), 1e30 / (1 + best), gain))
    most = np.argmax(gains, axis=0)
    worth = np.max(gains, axis=0) > WORTH * np.where(np.isinf(now), 0.0, now)
    return [ours[k].name if one else "" for k, one in zip(most, worth, strict=True)]


def finding(found: Sensitivity, outcome: str = "total_s") -> str:
    """The first lever on an outcome, where that holds, and what it hangs on most, with ``**bold**``."""
    rows: list[dict[str, Any]] = found.of(outcome).to_dict("records")  # type: ignore[assignment]
    most, told, what = rows[0], lead(found, outcome), words(outcome)
    hangs = f"Over these ranges the {what} hangs most on **{words(most['parameter'])}** ({_index(most)})"
    if not told.parameter:
        return f"{hangs}; nothing that varies is a lever."
    lever = next(row for row in rows if row["parameter"] == told.parameter)
    little = ", which is next to nothing" if lever["total_high"] < WORTH else ""
    first = f"The first lever on the {what} is **{words(told.parameter)}** ({_index(lever)}{little})"
    if most["parameter"] == told.parameter:
        return f"{first}; over these ranges nothing moves it more. {_where(told)}"
    return f"{first}. {_where(told)} {hangs}, which is no lever."


def _index(row: dict[str, Any]) -> str:
    return f"total index {row['total']:.2f}, {row['total_low']:.2f} to {row['total_high']:.2f}"


def _where(told: Lead) -> str:
    """The range in which the first lever is the first, and what is where it is not."""
    name, instead = words(told.parameter), words(told.instead)
    here = "Around this scenario no lever gains a hundredth"
    if told.instead:
        here = f"Around this scenario, one at a time, **{instead}** {_does(instead, 'gain')} more"
    if np.isnan(told.low):
        return "Around this scenario, one at a time, that holds too." if told.here else f"{here}."
    ends = f"from **{value(told.parameter, told.low)}** to **{value(told.parameter, told.high)}**"
    if not told.here:
        return f"{here}; {name} would be first {ends}."
    beyond = words(told.beyond)
    then = (
        f"beyond that {beyond} {_does(beyond, 'gain')} more" if beyond else "beyond that nothing gains more"
    )
    return f"Around this scenario, one at a time, that holds for {name} {ends}; {then}."


def _does(name: str, verb: str) -> str:
    return verb if name.endswith("s") else f"{verb}s"


def _values(axis: Axis) -> Any:
    """What an axis takes: listed values, or so many of its range, ends included."""
    values = axis.at(np.linspace(0, 1, POINTS)) if axis.is_range else axis.cells(None)
    return values if axis.is_text else np.unique(values)


def _base(found: Sensitivity, axis: Axis) -> Any:
    """The scenario's value of what varies, in the unit of the axis: a multiple where that is one."""
    value = found.base[axis.name]
    return value / found.base[axis.of] if axis.of else value


def _times(found: Sensitivity, varied: Mapping[str, Any]) -> Floats:
    """Outcomes, shape (outcomes, rows), of the scenario with some parameters varied."""
    columns: Columns = {}
    for axis in found.design.axes:
        own = np.asarray(varied.get(axis.name, [_base(found, axis)]))
        columns[axis.name] = own.astype(object if axis.is_text else float)
    rows = max(map(len, columns.values()))
    return told_times(found.design.columns(columns), rows)
