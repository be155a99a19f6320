"""Targets of a migration: at most so long, at most so long frozen, converged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.arrays import Columns, Floats
from analysis.errors import UserError
from analysis.parameters import Parameter, nearest

TARGETS: Mapping[str, Parameter] = {
    p.name: p
    for p in (
        Parameter("total_s", "s", math.nan, "most total time", "the reader", least=1e-9, high=1e9),
        Parameter("brownout_s", "s", math.nan, "most time of phase one", "the reader", least=1e-9, high=1e9),
        Parameter("blackout_ms", "ms", math.nan, "longest pause", "the reader", least=1e-9, high=1e12),
        Parameter("converges", "", math.nan, "whether pre-copy has to converge", "the reader", high=1),
    )
}
"""What may be asked of a migration, each at most so much; ``converges``: 1, for a pre-copy that does."""
_OF = {"total_s": ("total_s", 1.0), "brownout_s": ("brownout_s", 1.0), "blackout_ms": ("blackout_s", 1e3)}
"""The outcome that a target is of, and how many of its unit make a second."""


def targets_of(given: Mapping[str, Any], rows: int) -> pd.DataFrame:
    """Targets as columns, one value a question; UserError for what is none, or takes another's meaning."""
    columns = {name: np.broadcast_to(_checked(name, values), rows) for name, values in given.items()}
    if not columns:
        raise UserError(f"name at least one target: {', '.join(map(flag, TARGETS))}")
    asked = pd.DataFrame(columns)
    for part in ("brownout_s", "blackout_ms"):
        if {part, "total_s"} <= set(asked):
            _refuse_void(part, asked[asked[part] / _OF[part][1] >= asked["total_s"]])
    return asked


def _checked(name: str, values: Any) -> Floats:
    if name not in TARGETS:
        near = nearest(name, TARGETS)
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(TARGETS)}"
        raise UserError(f"there is no target {name!r}; {hint}")
    found: Floats = TARGETS[name].check(float(values) if isinstance(values, bool) else values)
    if not (found > 0).all():
        wrong = found[~(found > 0)].flat[0]
        raise UserError(f"{name} = {wrong:g} is no target: it takes a number above 0")
    return found


def _refuse_void(part: str, rows: pd.DataFrame) -> None:
    """A part that may be as long as the whole asks for nothing."""
    if len(rows):
        row = rows.iloc[0]
        told = f"{part} = {row[part]:g} contradicts total_s = {row['total_s']:g}"
        raise UserError(f"{told}: the total time holds it, so ask for less than the total, or leave one out")


def flag(name: str) -> str:
    """A target's option."""
    return "--" + name.replace("_", "-")


def limit_s(name: str, value: float) -> float:
    """A target's time [s]."""
    return value / _OF[name][1]


def in_seconds(targets: pd.DataFrame) -> dict[str, Floats]:
    """Targets by the outcome that they are of."""
    found: dict[str, Floats] = {}
    for name in targets:
        outcome, factor = _OF.get(str(name), (str(name), 1.0))
        found[outcome] = targets[name].to_numpy(float) / factor
    return found


def excess(found: Columns, targets: Mapping[str, Floats]) -> Floats:
    """The largest of outcomes over their targets; infinite where a migration never ends, and never pauses."""
    worst: Any = np.where(np.isinf(found["total_s"]), np.inf, 0.0)
    for name, target in targets.items():
        if name == "converges":
            worst = np.maximum(worst, np.where(found["converged"], 0.0, 4.0))
        else:
            worst = np.maximum(worst, found[name] / target)
    return np.asarray(worst, float)
