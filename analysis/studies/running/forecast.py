"""How a running migration will end: the model's recurrence from where it stands, for every guest believed.

The pass under way is the first of a migration that began with it: of as many pages as it had to send, with
what was sent so far ahead of the link, under the rule that is left (a limit on passes less those made).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.model.dirtying import WriteClasses
from analysis.model.engine import precopy
from analysis.model.precopy import PASS_LIMIT, Guest, Precopy, SteadyLink
from analysis.model.stop_rules import Rules
from analysis.studies.running.belief import believed
from analysis.studies.running.course import Course
from analysis.studies.running.guests import Guests, Told

DRAWS = 256
MOST_PASSES = 200.0
"""Passes after which a migration without a limit on them counts as one that never ends."""


@dataclass(frozen=True)
class Rule:
    """What ends pre-copy: a preset by name, and what is known in its place (NaN: as the preset has it)."""

    name: str = "qemu"
    pass_limit: float = math.nan
    target_ms: float = math.nan


@dataclass(frozen=True)
class Ends:
    """How each believed guest's migration ends, an element for each; infinite where it never does."""

    end_s: Floats
    blackout_s: Floats
    passes: Floats
    converged: Bools
    residual_pages: Floats


def rules_for(rule: Rule, here: Course, rows: int) -> Rules:
    """The rule that is left, for so many guests."""
    target = rule.target_ms if math.isfinite(rule.target_ms) else here.limit_ms
    whole = Rules.of(np.full(rows, rule.name, object), np.full(rows, rule.pass_limit), np.full(rows, target))
    limit = np.where(np.isinf(whole.pass_limit), MOST_PASSES, whole.pass_limit)
    return whole._replace(pass_limit=np.maximum(limit - (here.number - 1), 1.0))


def ends(
    here: Course, rule: Rule, told: Told, *, handoff_s: float = 0.005, draws: int = DRAWS, seed: int = 0
) -> Ends:
    """How the migration ends for guests drawn from what is believed."""
    rng = np.random.default_rng(seed)
    parts = [Guests(kind, z, here, told) for kind, z in believed(here, told, draws, rng)]
    content = np.concatenate([p.content for p in parts])
    classes = WriteClasses._make(np.concatenate(c) for c in zip(*(p.classes for p in parts), strict=True))
    link = here.pages_per_s * np.exp(here.link_scatter * rng.standard_normal(len(content)))
    return _ended(here, rule, content, classes, link, handoff_s)


def _ended(
    here: Course, rule: Rule, content: Floats, classes: WriteClasses, link: Floats, handoff_s: float
) -> Ends:
    guest, sent = _guest(here, content, classes)
    rules = rules_for(rule, here, len(content))
    ahead = sent - link * (here.time_s - here.start_s)
    found = precopy(guest, SteadyLink(link, ahead), rules)
    blackout = np.maximum(found.residual_pages / link - rules.head_start_s, 0) + handoff_s
    never = _never(found, rule, rules)
    end = here.start_s + np.asarray(found.duration_s) + blackout
    soonest = here.time_s + np.minimum(here.remaining_pages / link, blackout)
    end = np.where(never, np.inf, np.maximum(end, soonest))
    passes = found.passes + here.number - 1
    return Ends(end, blackout, passes, found.converged & ~never, np.asarray(found.residual_pages))


def _never(found: Precopy, rule: Rule, rules: Rules) -> Bools:
    cut = (found.reason == PASS_LIMIT) & ~np.isfinite(rule.pass_limit) & (rule.name == "qemu")
    never: Bools = ~np.isfinite(found.duration_s) | cut
    return never


def _guest(here: Course, content: Floats, classes: WriteClasses) -> tuple[Guest, Floats]:
    """The pass under way as the first of a migration, and the pages of it that are sent."""
    if here.number == 1:
        zero = np.maximum(here.memory_pages - content, 0)
        top = np.zeros(len(content))
        return Guest(content, zero, top, classes), np.full(len(content), here.content_pages)
    began = np.full(len(content), max(here.began_pages, here.remaining_pages, 1.0))
    # What waits lies where the guest writes: shares of it are shares of the written memory.
    written = np.maximum(classes.sizes.sum(axis=-1), began)
    return Guest(began, written - began, began, classes), began - here.remaining_pages
