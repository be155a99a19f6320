"""What is needed: the value of one parameter from which on a migration meets its targets.

The least line rate, compression ratio, buffers or cores, or the largest memory, working set or rate of page
writes. Outcomes jump where a stop rule acts and turn where a faster line overflows a ring, so all crossings
are found (:mod:`.crossings`). The answer is where the last stretch begins in which the targets hold, seen
towards the end that helps; mostly they hold from there to the end of the range, and where not the plan says
up to where.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.errors import UserError
from analysis.model.migration import refuse_misleading
from analysis.model.units import GBIT, MIB
from analysis.parameters import PARAMETERS, defaults
from analysis.ranges import is_whole, searched
from analysis.studies.decisions.crossings import Stretches, search
from analysis.studies.decisions.questions import Modelled, OnHost, Questions
from analysis.studies.decisions.targets import limit_s, targets_of
from analysis.studies.hosts.host import Host

CHANCES = (0.01, 0.995)
"""Chances that can be asked for: what is rarer a host's intervals do not tell."""
DIGITS = 5
"""Significant digits of an answer, rounded towards the end that helps."""


@dataclass(frozen=True)
class Plan:
    """Answers, a row a question.

    ``table``: ``value`` (NaN where none is reached), ``reached``, ``limited_by`` (what binds there: a
    ceiling, or a fixed part that alone is more than a target), ``chance`` (on a host, else NaN), ``holds_to``
    (the end of the stretch that begins at the value: the range's, unless ``to_the_end`` is false),
    ``anything`` (whether all of the range meets the targets) and ``crossings`` (values where they begin or
    cease to hold).
    ``rows``: every parameter and outcome of each answer, or, where none is reached, of the value that comes
    nearest. ``low``, ``high``: where it was looked for.
    """

    parameter: str
    more_helps: bool
    targets: pd.DataFrame
    table: pd.DataFrame
    rows: pd.DataFrame
    low: Floats
    high: Floats

    @property
    def unit(self) -> str:
        """The unit of the answers."""
        return PARAMETERS[self.parameter].unit


def plan(
    parameter: str,
    targets: Mapping[str, Any],
    scenarios: pd.DataFrame | None = None,
    *,
    between: tuple[float, float] | None = None,
    among: Sequence[float] | None = None,
    host: Host | None = None,
    given: Sequence[str] | None = None,
    chance: float | None = None,
    seed: int = 0,
) -> Plan:
    """The value of a parameter from which on migrations meet their targets.

    Parameters
    ----------
    parameter
        One that is a number, and of which more or less helps (:func:`analysis.ranges.searched`).
    targets
        By the names of :data:`TARGETS`, each a number or one a scenario: at most so much.
    scenarios
        A row a question, columns as for ``migrate``; one of all defaults if not given.
    between, among
        Where to look: two ends, or the values on offer; else where real hosts are.
    host, given
        A calibrated host, and the parameters in which scenarios go before it (all that they have, if not
        given). Outcomes are then those of ``predict``.
    chance
        How sure the targets have to be met, all together, by the host's intervals and scatter drawn jointly.

    Raises
    ------
    UserError
        For an unknown target or parameter, one that is no number, targets of which one makes another
        meaningless, none at all, a chance without a host, and ends that are none.
    """
    table = scenarios if scenarios is not None else pd.DataFrame(index=range(1))
    refuse_misleading(table)
    if parameter in table:
        told = f"{parameter} is what is asked for: leave its value out"
        raise UserError(f"{told}, or say where to look with --between LOW:HIGH")
    low, high, more_helps = searched(parameter)
    asked = targets_of(targets, len(table))
    _check_chance(chance, host)
    table = table.reset_index(drop=True)
    lows, highs = _ends(parameter, between, among, (low, high), table)
    questions: Questions
    if host is None:
        questions = Modelled(parameter, table, asked)
    else:
        own = (*(table if given is None else given), parameter)
        questions = OnHost(parameter, table, asked, host, own, chance, seed)
    grid = _grid(parameter, lows, highs, more_helps, among, questions.points)
    even = PARAMETERS[parameter].unit == "0-1"
    found = search(
        questions.look,
        grid,
        whole=is_whole(parameter),
        even=even,
        fixed=among is not None,
        exact=questions.exact,
    )
    if among is None and not is_whole(parameter):
        found = found._replace(value=_rounded(found, questions, more_helps))
    return _plan(parameter, more_helps, asked, found, questions, grid)


def values_along(found: Plan, question: int = 0, points: int = 400) -> Floats:
    """Values of the parameter over the range of a question, the answer among them, for a curve."""
    low, high = float(found.low[question]), float(found.high[question])
    if PARAMETERS[found.parameter].unit == "0-1":
        values = np.linspace(low, high, points)
    else:
        values = np.geomspace(max(low, high * 1e-4), high, points)
    answer = float(found.rows[found.parameter].iloc[question])
    values = np.append(np.rint(values) if is_whole(found.parameter) else values, answer)
    return np.unique(values.clip(low, high))


def _check_chance(chance: float | None, host: Host | None) -> None:
    if chance is None:
        return
    if not (isinstance(chance, (int, float)) and CHANCES[0] <= chance <= CHANCES[1]):
        told = f"chance = {chance} is not allowed: it takes a number from {CHANCES[0]} to {CHANCES[1]}"
        hint = isinstance(chance, (int, float)) and 1 < chance <= 100
        raise UserError(f"{told}; {chance:g} % is {chance / 100:g}" if hint else told)
    if host is None:
        raise UserError("a chance comes from the intervals and the scatter of a calibrated host: give --host")


def _ends(
    parameter: str,
    between: tuple[float, float] | None,
    among: Sequence[float] | None,
    usual: tuple[float, float],
    table: pd.DataFrame,
) -> tuple[Floats, Floats]:
    """Ends of each question's range."""
    if between is not None and among is not None:
        raise UserError("--between and --among both say where to look: give one of them")
    if among is not None:
        values = PARAMETERS[parameter].check(list(among))
        return np.full(len(table), values.min()), np.full(len(table), values.max())
    low, high = PARAMETERS[parameter].check(list(between)).tolist() if between else usual
    if not low < high < math.inf:
        raise UserError(
            f"between {low:g} and {high:g} there is nothing: the first is the lower, both are finite"
        )
    lows, highs = np.full(len(table), low), np.full(len(table), high)
    if parameter == "working_set_gib" and between is None:
        # What lies beyond the machine's memory is cut to it.
        memory = table.get("memory_gib", pd.Series(defaults()["memory_gib"], index=table.index))
        highs = np.minimum(highs, memory.to_numpy(float))
    return lows, highs


def _grid(
    parameter: str, low: Floats, high: Floats, more_helps: bool, among: Sequence[float] | None, points: int
) -> Floats:
    """The first values that are looked at, a row a question, what helps most last."""
    if among is not None:
        grid = np.tile(np.unique(np.asarray(among, float)), (len(low), 1))
    else:
        part = np.linspace(0, 1, points)
        if PARAMETERS[parameter].unit == "0-1":
            grid = low[:, None] + (high - low)[:, None] * part
        else:
            least = np.where(low > 0, low, np.maximum(PARAMETERS[parameter].least, high * 1e-7))[:, None]
            grid = least * (high[:, None] / least) ** part
            grid[:, 0] = low
        grid[:, -1] = high
        if is_whole(parameter):
            grid = np.rint(grid)
            # Values that come twice are the same question twice: nothing lies between them.
    return grid if more_helps else grid[:, ::-1]


# --- answers --------------------------------------------------------------------------------------


def _rounded(found: Stretches, questions: Questions, more_helps: bool) -> Floats:
    """Answers to :data:`DIGITS` digits on the side that helps, where the targets hold there as well."""
    value = found.value
    known = np.flatnonzero(np.isfinite(value) & ~found.whole & (value != 0))
    if not len(known):
        return value
    exact = value[known]
    step = 10.0 ** (np.floor(np.log10(np.abs(exact))) - DIGITS + 1)
    up = np.ceil(exact / step - 1e-9) if more_helps else np.floor(exact / step + 1e-9)
    # Through text, so that it is the number that a person would write.
    near = np.array([float(f"{number:.{DIGITS}g}") for number in up * step])
    good = questions.look(known, near).held & ~_beyond(near, found.until[known], more_helps)
    rounded: Floats = value.copy()
    rounded[known] = np.where(good, near, exact)
    return rounded


def _beyond(value: Floats, end: Floats, more_helps: bool) -> Any:
    return value > end if more_helps else value < end


def _plan(
    parameter: str, more_helps: bool, asked: pd.DataFrame, found: Stretches,
    questions: Questions, grid: Floats,
) -> Plan:  # fmt: skip
    reached = np.isfinite(found.value)
    near = np.array([float(f"{value:.4g}") for value in found.closest])
    shown = np.where(reached, found.value, near.clip(grid.min(axis=1), grid.max(axis=1)))
    rows = questions.rows(shown)
    chance = questions.chance(shown)
    each = zip(rows.to_dict("records"), reached, asked.to_dict("records"), strict=True)
    limits = [str(row["limited_by"]) if met else _instead(row, target) for row, met, target in each]
    last = grid[:, -1]
    table = pd.DataFrame(
        {
            "value": found.value,
            "reached": reached,
            "limited_by": limits,
            "chance": chance,
            "holds_to": found.until,
            "to_the_end": reached & (found.until == last),
            "anything": found.whole & (found.until == last),
            "crossings": _listed(found, len(grid)),
        }
    )
    least, most = (np.sort(grid[:, [0, -1]], axis=1)[:, k] for k in (0, 1))
    return Plan(parameter, more_helps, asked, table, rows, least, most)


def _listed(found: Stretches, rows: int) -> list[list[float]]:
    """The crossings of each question, in ascending order, each once."""
    lists: list[list[float]] = [[] for _ in range(rows)]
    order = np.lexsort((found.crossings.after, found.crossings.question))
    for number, before, after, begins in zip(*(column[order] for column in found.crossings), strict=True):
        value = float(after if begins else before)
        listed = lists[number]
        if not listed or not math.isclose(listed[-1], value, rel_tol=1e-6):
            listed.append(value)
    return lists


def _instead(row: Mapping[Any, Any], targets: Mapping[Any, float]) -> str:
    """What binds where no value is enough: a fixed part that alone is more than a target, or a ceiling."""
    state_s = row["state_mib"] * MIB / (row["goodput_gbps"] * GBIT / 8)
    parts = {"setup_s": row["setup_s"], "handoff_ms": row["handoff_ms"] / 1000, "state_mib": state_s}
    paused = {name: parts[name] for name in ("handoff_ms", "state_mib")}
    fixed = {"total_s": parts, "blackout_ms": paused}
    for target, of in fixed.items():
        if (
            math.isfinite(row["total_s"])
            and target in targets
            and sum(of.values()) >= limit_s(target, targets[target])
        ):
            return max(of, key=lambda name: of[name])
    return str(row["limited_by"])
