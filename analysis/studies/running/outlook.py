"""What is to be said of a running migration now: where it is, when it ends, whether it converges, what helps.

The times are the median of the guests that explain what was seen, with intervals that were widened until they
held what they say on other migrations (:mod:`.widths`).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.arrays import Floats
from analysis.model.units import PAGE_BYTES
from analysis.studies.running import widths
from analysis.studies.running.course import Course
from analysis.studies.running.forecast import Ends, Rule, believed_now, ends, paused_now
from analysis.studies.running.guests import Told
from analysis.studies.running.levers import Lever, levers

LEVELS = (50, 90)
SURE = 0.5
HARDLY = 0.1
"""Chance to end at all below which a migration is said never to end."""
MANY_WRITES = 0.5
"""Distinct pages dirtied for each that the link carries, from which on the writes are what binds."""


@dataclass(frozen=True)
class Outlook:
    """Where a migration is and how it will end; times in seconds since its start, infinite for never.

    ``progress``: share of the predicted whole, which never falls. ``intervals``: ends of the 50 % and 90 %
    intervals of ``end_s`` by name (``low50``, ...). ``pass_number``: 0 where the source does not tell what
    remains; ``remaining_gib`` is then of the memory that was not sent yet. ``binds``: ``link`` (memory over
    the link), ``writes`` (memory is rewritten nearly as fast as it is sent), ``pass_limit`` or
    ``first_pass`` (only its end will tell how much is rewritten). ``levers``: what would help now, best
    first.
    """

    time_s: float
    pass_number: int
    remaining_gib: float
    link_gbps: float
    dirty_pages_per_s: float
    working_set_gib: float
    progress: float
    end_s: float
    intervals: dict[str, float]
    converge_chance: float
    end_chance: float
    blackout_s: float
    blackout_high90_s: float
    downtime_limit_ms: float
    binds: str
    levers: tuple[Lever, ...] = ()

    @property
    def left_s(self) -> float:
        """Time to the end."""
        return self.end_s - self.time_s

    def figures(self) -> dict[str, Any]:
        """All of it as plain names and numbers."""
        told = asdict(self)
        told |= {f"end_s_{name}": value for name, value in told.pop("intervals").items()}
        return told | {"left_s": self.left_s}


def outlook(
    here: Course, rule: Rule, told: Told, *, before: float = 0.0, with_levers: bool = True
) -> Outlook:
    """The outlook on a course. ``before``: progress that was told already, below which it does not fall."""
    who = believed_now(here, rule, told)
    found = ends(here, rule, who)
    end = median(found.end_s)
    progress = here.time_s / end if math.isfinite(end) else 0.0
    return Outlook(
        **_seen(here),
        progress=max(before, min(progress, 1.0)),
        end_s=end,
        intervals=intervals(here, rule, told, found.end_s),
        converge_chance=float(found.converged.mean()),
        end_chance=float(np.isfinite(found.end_s).mean()),
        blackout_s=median(found.blackout_s),
        blackout_high90_s=quantile(found.blackout_s, 0.95),
        downtime_limit_ms=rule.target_of(here),
        binds=_binds(here, found),
        levers=levers(here, rule, who, found) if with_levers else (),
    )


def _seen(here: Course) -> dict[str, Any]:
    gib = PAGE_BYTES / 2**30
    return {
        "time_s": here.time_s,
        "pass_number": 0 if here.blind else here.number,
        "remaining_gib": here.remaining_pages * gib,
        "link_gbps": here.link_gbps,
        "dirty_pages_per_s": here.dirty_pages_per_s,
        "working_set_gib": here.working_set_pages * gib,
    }


def ending(values: Floats) -> Floats:
    """Values of the guests whose migration ends; of all, infinite ones, where hardly one does."""
    ends_at_all = np.isfinite(values)
    return values[ends_at_all] if ends_at_all.mean() >= HARDLY else np.full(1, np.inf)


def median(values: Floats) -> float:
    """The median of those that end: what comes if the migration ends at all."""
    return quantile(values, 0.5)


def quantile(values: Floats, chance: float) -> float:
    """The value that so many of those that end lie below."""
    found = ending(values)
    return float(np.quantile(found, chance)) if np.isfinite(found[0]) else math.inf


def intervals(here: Course, rule: Rule, told: Told, end_s: Floats, *, widen: bool = True) -> dict[str, float]:
    """Ends of the intervals of the end, widened by what other migrations showed."""
    made = {}
    middle = median(end_s)
    for level in LEVELS:
        for name, chance in (("low", (1 - level / 100) / 2), ("high", (1 + level / 100) / 2)):
            made[f"{name}{level}"] = quantile(end_s, chance)
    if widen:
        made = widths.widened(made, middle, here.time_s, widths.regime(here, rule, told))
    return {n: min(end, middle) if n.startswith("low") else max(end, middle) for n, end in made.items()}


def _binds(here: Course, found: Ends) -> str:
    """What the end of the migration hangs on."""
    if not np.isfinite(found.end_s).mean() > SURE:
        return "writes"
    if found.by_pass_limit.mean() > SURE:
        return "pass_limit"
    ratio = here.dirty_pages_per_s / here.pages_per_s
    if math.isnan(ratio):
        return "first_pass" if found.converged.mean() < 1 - SURE / 5 else "link"
    return "writes" if ratio > MANY_WRITES else "link"


__all__ = ["Outlook", "intervals", "median", "outlook", "paused_now", "quantile"]
