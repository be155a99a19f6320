"""What would help a running migration now, each computed through the model for the guests believed.

Raise the downtime limit, throttle the guest, pause it at once, or cancel: how soon each would end it, how
long the guest would be frozen, and how sure that is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from analysis.studies.running.course import Course
from analysis.studies.running.forecast import Believed, Ends, Rule, ends, paused_now

LIMITS = (1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
"""Multiples of the downtime limit that are tried, the least that helps first."""
THROTTLES = (0.2, 0.5, 0.8, 0.95)
"""Shares by which the guest is slowed, the least that helps first."""
ENOUGH = 0.9
"""Chance to converge at which a lever helps, and at which nothing needs help."""
SOONER = 0.8
"""A lever helps, too, where the rest takes at most this share of what it would take without."""
HOPELESS = 0.1


@dataclass(frozen=True)
class Lever:
    """One thing to do now: ``name``, the value to set, and how the migration would then end.

    ``value``: downtime limit [ms] of ``raise_limit``, slowing (0 to 1) of ``throttle``; NaN without one.
    Times in seconds, ``end_s`` since the start of the migration; infinite for never.
    """

    name: str
    value: float
    end_s: float
    blackout_s: float
    converge_chance: float


def levers(here: Course, rule: Rule, who: Believed, found: Ends) -> tuple[Lever, ...]:
    """What would help now, the soonest end first; empty where the migration ends well by itself."""
    if found.converged.mean() >= ENOUGH:
        return ()
    tried = [_limit(here, rule, who, found), _throttle(here, rule, who, found)]
    helping = sorted((lever for lever in tried if lever), key=lambda one: one.end_s)
    pause = _lever("pause", math.nan, paused_now(here, rule, who))
    stop = [] if helping or not _hopeless(found) else [Lever("cancel", math.nan, here.time_s, 0.0, 0.0)]
    return (*helping, pause, *stop)


def _hopeless(found: Ends) -> bool:
    return float(np.isfinite(found.end_s).mean()) < HOPELESS


def _limit(here: Course, rule: Rule, who: Believed, found: Ends) -> Lever | None:
    """The least higher limit on the downtime that makes the migration converge, where the rule has one."""
    limit = rule.target_of(here)
    for factor in LIMITS if rule.name == "qemu" and limit > 0 else ():
        higher = replace(rule, target_ms=_round(limit * factor))
        made = ends(here, higher, who)
        if _helps(made, found, here):
            return _lever("raise_limit", higher.target_ms, made)
    return None


def _throttle(here: Course, rule: Rule, who: Believed, found: Ends) -> Lever | None:
    """The least slowing of the guest that makes the migration converge."""
    for share in THROTTLES:
        made = ends(here, rule, who.throttled(share))
        if _helps(made, found, here):
            return _lever("throttle", share, made)
    return None


def _helps(made: Ends, found: Ends, here: Course) -> bool:
    """Whether it converges nearly surely, or ends much sooner and more surely than without."""
    if made.converged.mean() < ENOUGH:
        return False
    with_it, without = (float(np.quantile(e.end_s, 0.5, method="inverted_cdf")) for e in (made, found))
    return with_it - here.time_s <= SOONER * (without - here.time_s) or not math.isfinite(without)


def _round(limit_ms: float) -> float:
    """A limit that a person would set: two digits."""
    step = 10.0 ** (math.floor(math.log10(limit_ms)) - 1)
    return math.ceil(limit_ms / step - 1e-9) * step


def _lever(name: str, value: float, made: Ends) -> Lever:
    end, blackout = (float(np.quantile(v, 0.5, method="inverted_cdf")) for v in (made.end_s, made.blackout_s))
    return Lever(name, value, end, blackout, float(made.converged.mean()))
