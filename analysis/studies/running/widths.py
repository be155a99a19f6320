r"""By what intervals of a running migration's end are multiplied so that they hold what they say.

As in :mod:`analysis.studies.hosts.conformal`, on the logarithm of the time that is left: with now t, median
p, ends l and h and the true end T a replayed moment scores

.. math:: s = \frac{\ln (T - t) / (p - t)}{\ln (h - t) / (p - t)} \text{ above the median}, \qquad
          \frac{\ln (p - t) / (T - t)}{\ln (p - t) / (l - t)} \text{ below},

and an interval of 90 % is multiplied by the 90 % quantile of the scores, apart by what is known. They were
learnt by ``python benchmarks/watch.py --learn``; how many ends lie inside is told by widths that the
migrations judged had no part in (:mod:`.coverage`).
"""

from __future__ import annotations

import math

from analysis.studies.running.course import Course
from analysis.studies.running.forecast import Rule
from analysis.studies.running.guests import Told

WIDTHS: dict[str, dict[int, float]] = {
    "first pass": {50: 0.8, 90: 0.79},
    "first pass, no limit": {50: 1.13, 90: 0.78},
    "first pass, sample": {50: 0.91, 90: 0.84},
    "first pass, sample, no limit": {50: 1.09, 90: 0.92},
    "later": {50: 0.81, 90: 1.05},
    "later, no limit": {50: 1.2, 90: 0.86},
    "told": {50: 0.7, 90: 1.09},
}
"""Factors on the half width of each interval, by regime."""
THIN = 0.02
"""Half an interval (of the logarithm) at the least: polls are not exact to the moment."""
SOON_S = 0.02
"""Time that is left at the least."""


def regime(here: Course, rule: Rule, told: Told) -> str:
    """What an estimate rests on: what was told of the guest, or seen of it, or sampled, and the rule."""
    if told.classes is not None:
        return "told"
    sampled = ", sample" if told.sampled_pages is not None and not here.seen else ""
    return ("later" if here.seen else "first pass") + sampled + (", no limit" if rule.unlimited() else "")


def score(end_s: float, middle: float, ends: dict[str, float], now: float, level: int) -> float:
    """How far an end lies out, in half widths of an interval; infinite where it was to be never."""
    if not math.isfinite(middle):
        return 0.0 if not math.isfinite(ends[f"high{level}"]) and end_s >= ends[f"low{level}"] else math.inf
    off = math.log(_left(end_s, now) / _left(middle, now))
    side = "high" if off > 0 else "low"
    half = abs(_half(ends[f"{side}{level}"], middle, now))
    return abs(off) / half


def widened(ends: dict[str, float], middle: float, now: float, where: str) -> dict[str, float]:
    """Ends of intervals multiplied by the widths of a regime; an infinite end stays."""
    made = {}
    for name, end in ends.items():
        factor = WIDTHS[where][int(name.removeprefix("low").removeprefix("high"))]
        if math.isfinite(end) and math.isfinite(middle):
            half = _half(end, middle, now, 1.0 if name.startswith("high") else -1.0)
            end = now + _left(middle, now) * math.exp(factor * half)
        made[name] = end
    return made


def _left(end_s: float, now: float) -> float:
    return max(end_s - now, SOON_S)


def _half(end: float, middle: float, now: float, sign: float = 0.0) -> float:
    """Half an interval as a logarithm, with its sign, at least :data:`THIN`."""
    if not math.isfinite(end):
        return math.inf
    half = math.log(_left(end, now) / _left(middle, now))
    sign = sign or math.copysign(1.0, half)
    return sign * max(sign * half, THIN)
