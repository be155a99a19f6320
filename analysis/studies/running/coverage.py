"""How many ends the intervals of a running migration hold, and the widths that make them hold what they say.

Migrations measured for different ends make sets. Widths are learnt on each set for itself, and an interval is
as wide as the set with the widest asks. A set is judged by the widths that the others ask: no migration by
widths that it, or one like it of the same design, helped to learn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.studies.running import widths
from analysis.studies.running.outlook import LEVELS

MOST = 20.0
"""By what an interval is multiplied at the most."""
ENOUGH = 15
"""Moments of a set in one regime that are enough to learn from."""
Widths = Mapping[str, Mapping[int, float]]


def scores(found: pd.DataFrame, level: int) -> list[float]:
    """How far out each end lies, in half widths of an interval that was not widened."""
    names = (f"low{level}", f"high{level}")
    return [
        widths.score(row.total_s, row.end_s, {n: row[f"end_s_{n}"] for n in names}, row.now_s, level)
        for _, row in found.iterrows()
    ]


def learnt(found: pd.DataFrame) -> dict[str, dict[int, float]]:
    """Widths by regime from replayed moments of one set whose intervals were not widened."""
    return {
        str(name): {level: _quantile(scores(part, level), level) for level in LEVELS}
        for name, part in found.groupby("regime")
        if len(part) >= ENOUGH
    }


def _quantile(found: Sequence[float], level: int) -> float:
    place = min(math.ceil(level / 100 * (len(found) + 1)), len(found)) - 1
    return float(np.clip(sorted(found)[place], 0.2, MOST))


def widest(sets: Iterable[Widths]) -> dict[str, dict[int, float]]:
    """Widths by regime: of each interval those of the set that asks the widest."""
    made: dict[str, dict[int, float]] = {}
    for one in sets:
        for regime, by_level in one.items():
            before = made.get(regime, {})
            made[regime] = {level: max(width, before.get(level, 0.0)) for level, width in by_level.items()}
    return made


def inside(found: pd.DataFrame, factors: Widths) -> pd.DataFrame:
    """Whether each end lies inside its intervals by these widths; NaN in a regime without."""
    made = {"at": found["at"]}
    for level in LEVELS:
        limit = np.array([factors.get(r, {}).get(level, math.nan) for r in found.regime])
        lies = np.where(np.isnan(limit), np.nan, np.array(scores(found, level)) <= limit)
        made[f"in {level} %"] = pd.Series(lies, found.index)
    return pd.DataFrame(made)


def held(found: pd.DataFrame, factors: Widths) -> pd.DataFrame:
    """Share of ends inside their intervals by moment."""
    whole: pd.DataFrame = inside(found, factors).groupby("at").mean()
    return whole


def held_out(found: pd.DataFrame, sets: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The same, every write pattern by the widths that the other patterns of all sets ask."""
    parts = []
    for pattern, mine in found.groupby("write_pattern"):
        others = widest(learnt(one[one.write_pattern != pattern]) for one in sets.values())
        parts.append(inside(mine, others))
    whole: pd.DataFrame = pd.concat(parts).groupby("at").mean()
    return whole
