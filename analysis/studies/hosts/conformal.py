r"""Intervals that hold what they say: widened, or drawn in, by what held-out migrations show.

Split conformal prediction (Vovk et al. 2005). The model gives an interval its shape, wide near the limit;
held-out rows give its size. With p the prediction, l and h the ends of an interval and m what was measured,
all as logarithms, the score of a row is

.. math:: s = (m - p) / (h - p) \text{ above the prediction}, \qquad (p - m) / (p - l) \text{ below},

and an interval of 90 % is multiplied by the k-th smallest of n scores, k = ceil(0.9 (n + 1)). Then a new
migration of the same kind lies inside with a chance of at least 90 %, whatever the errors' distribution. It
is done apart by how much is written for what the link carries, as far as a regime has :data:`ENOUGH` rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from analysis.arrays import Bools, Columns, Floats

LEVELS = (50, 90)
"""Intervals that a prediction states [%]."""
EDGES = (0.05, 0.2, 0.4, 0.7, 1.0)
"""Writes over what the link carries, between the regimes."""
ENOUGH = 100
"""Rows of a regime that has widths of its own."""
FEWEST = 10
"""Rows below which nothing is learnt: the intervals stay as the model has them."""
FLOORS = {"total_s": 0.0, "brownout_s": 0.0, "stream_gib": 0.0, "memory_sent_gib": 0.0, "blackout_s": 0.002}
"""Added before a logarithm is taken: a downtime shorter than that is noise of the clock."""
OF = {"brownout_s": "total_s", "memory_sent_gib": "stream_gib"}
"""Outcomes that are not measured apart, and whose widths they take."""
MOST = 20.0
"""By what an interval is multiplied at the most: a single far row is no law."""
VAGUE = math.log(100)
"""Half an interval, as a logarithm, beyond which it is not stretched: it says nothing any more."""
NO_END = 1e9
"""Ratio of writes up to which the last regime holds: any that there is."""
THIN = 1e-3
"""Half an interval, as a logarithm, at the least."""


def learnt(found: pd.DataFrame, measured: pd.DataFrame, writes_over_link: Floats) -> dict[str, Any]:
    """Widths by outcome and regime from predictions of rows that the fit did not see.

    ``found``: predictions with their intervals; ``measured``: columns by the outcomes' names, NaN where not
    measured. Each entry says up to which ratio of writes it holds, of how many rows it comes, and by what
    intervals of 50 and 90 % are multiplied.
    """
    widths = {}
    for name in measured:
        scores = {level: _scores(found, str(name), measured[name].to_numpy(), level) for level in LEVELS}
        known = np.isfinite(scores[90])
        if known.sum() >= FEWEST:
            kept = {level: score[known] for level, score in scores.items()}
            widths[str(name)] = _by_regime(kept, writes_over_link[known])
    return widths


def _scores(found: pd.DataFrame, name: str, measured: Floats, level: int) -> Floats:
    floor = FLOORS[name]
    middle, low, high, seen = (
        np.log(np.maximum(values, 0) + floor + 1e-12)
        for values in (found[name], found[f"{name}_low{level}"], found[f"{name}_high{level}"], measured)
    )
    with np.errstate(invalid="ignore"):
        above = (seen - middle) / np.maximum(high - middle, THIN)
        below = (middle - seen) / np.maximum(middle - low, THIN)
    score: Floats = np.where(np.isfinite(middle) & np.isfinite(seen), np.maximum(above, below), np.nan)
    return score


def _by_regime(scores: dict[int, Floats], ratio: Floats) -> list[dict[str, Any]]:
    rows = []
    for up_to, inside in _regimes(ratio):
        width = {str(level): _quantile(score[inside], level / 100) for level, score in scores.items()}
        rows.append({"up_to": up_to, "rows": int(inside.sum()), **width})
    return rows


def _regimes(ratio: Floats) -> list[tuple[float, Bools]]:
    """Ends of the regimes and their rows; neighbours with too few rows are one."""
    ends: list[float] = []
    since = 0.0
    for edge in EDGES:
        if ((ratio >= since) & (ratio < edge)).sum() >= ENOUGH and (ratio >= edge).sum() >= ENOUGH:
            ends.append(edge)
            since = edge
    ends.append(NO_END)
    starts = [0.0, *ends[:-1]]
    return [
        (end, (ratio >= start) & ((ratio < end) | (end == NO_END)))
        for start, end in zip(starts, ends, strict=True)
    ]


def _quantile(scores: Floats, level: float) -> float:
    """The k-th smallest score; :data:`FEWEST` rows have one for either level."""
    k = math.ceil(level * (len(scores) + 1))
    return float(np.clip(np.sort(scores)[k - 1], THIN, MOST))


def widened(table: pd.DataFrame, widths: dict[str, Any], writes_over_link: Floats) -> pd.DataFrame:
    """Predictions with their intervals multiplied by the widths of each row's regime."""
    return table.assign(**wider(table, widths, writes_over_link))


def wider(
    table: pd.DataFrame | Columns, widths: dict[str, Any], writes_over_link: Floats
) -> dict[str, Floats]:
    """The ends of the intervals of :func:`widened`, by their names."""
    changed: dict[str, Floats] = {}
    for name, floor in FLOORS.items():
        regimes = widths.get(OF.get(name, name), []) if name in table else []
        ends = np.array([regime["up_to"] for regime in regimes])
        for level in LEVELS if regimes else ():
            place = np.searchsorted(ends, writes_over_link, side="right")
            factor = np.array([r[str(level)] for r in regimes])[np.minimum(place, len(regimes) - 1)]
            changed |= _stretched(table, name, level, factor, floor)
    return changed


def drawn_apart(
    name: str, middle: Floats, draws: Floats, widths: dict[str, Any], writes_over_link: Floats
) -> Floats:
    """Draws of an outcome, shape (rows, draws), moved from the prediction as the 90 % interval's ends are."""
    regimes = widths.get(OF.get(name, name), [])
    if not regimes:
        return draws
    place = np.searchsorted(np.array([regime["up_to"] for regime in regimes]), writes_over_link, side="right")
    factor = np.array([regime["90"] for regime in regimes])[np.minimum(place, len(regimes) - 1)][:, None]
    floor = FLOORS[name] + 1e-12
    finite = np.isfinite(middle)[:, None] & np.isfinite(draws)
    safe, at = np.where(finite, middle[:, None], 1.0), np.where(finite, draws, 1.0)
    far = np.log((at + floor) / (safe + floor))
    wide = np.sign(far) * np.minimum(factor * np.abs(far), np.maximum(np.abs(far), VAGUE))
    moved: Floats = np.maximum((safe + floor) * np.exp(wide) - floor, 0.0)
    return np.where(finite, moved, draws)


def _stretched(
    table: pd.DataFrame | Columns, name: str, level: int, factor: Floats, floor: float
) -> dict[str, Floats]:
    middle = np.asarray(table[name])
    ends = {}
    for end, sign in (("low", -1.0), ("high", 1.0)):
        column = np.asarray(table[f"{name}_{end}{level}"])
        finite = np.isfinite(middle) & np.isfinite(column)
        safe, at = np.where(finite, middle, 1.0), np.where(finite, column, 1.0)
        half = np.maximum(np.abs(np.log((at + floor + 1e-12) / (safe + floor + 1e-12))), THIN)
        wide = np.minimum(factor * half, np.maximum(half, VAGUE))
        moved = np.maximum((safe + floor) * np.exp(sign * wide) - floor, 0.0)
        ends[f"{name}_{end}{level}"] = np.where(finite, moved, column)
    return ends
