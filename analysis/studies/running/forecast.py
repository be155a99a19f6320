"""How a running migration will end: the model's recurrence from where it stands, for every guest believed.

The pass under way is the first of a migration that began with it: of as many pages as it had to send, with
what was sent so far ahead of the link, under the rule that is left (a limit on passes less those made).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Columns, Floats
from analysis.model.dirtying import WriteClasses, distinct_pages
from analysis.model.laws.passes import PASS_LIMIT, REASONS
from analysis.model.precopy import Guest, Precopy, SteadyLink, precopy
from analysis.model.stop_rules import CHANGING, STOP_RULES
from analysis.studies.running.belief import believed
from analysis.studies.running.course import Course
from analysis.studies.running.guests import Guests, Told

DRAWS = 256
MOST_PASSES = 200.0
"""Passes after which a migration without a limit on them counts as one that never ends."""


@dataclass(frozen=True)
class Rule:
    """What ends pre-copy: a preset by name, and what is known in its place (NaN: as the preset has it).

    ``pause_s``: what a pause takes beside the pages that are left.
    """

    name: str = "qemu"
    pass_limit: float = math.nan
    target_ms: float = math.nan
    pause_s: float = 0.005

    def target_of(self, here: Course) -> float:
        """The downtime limit [ms]: given, or told by the polls, or the preset's."""
        known = self.target_ms if math.isfinite(self.target_ms) else here.limit_ms
        return known if math.isfinite(known) else STOP_RULES[self.name].target_ms

    def unlimited(self) -> bool:
        """Whether passes may go on for ever."""
        return not math.isfinite(
            self.pass_limit if math.isfinite(self.pass_limit) else STOP_RULES[self.name].pass_limit
        )


@dataclass(frozen=True)
class Believed:
    """Guests that explain what was seen, and the link of each: an element a guest."""

    content: Floats
    classes: WriteClasses
    pages_per_s: Floats

    def those(self, kept: Bools) -> Believed:
        """Some of the guests."""
        classes = WriteClasses._make(column[kept] for column in self.classes)
        return Believed(self.content[kept], classes, self.pages_per_s[kept])

    def throttled(self, share: float) -> Believed:
        """The same guests, slowed so that they write so much less."""
        slower = self.classes._replace(rates=self.classes.rates * (1 - share))
        return Believed(self.content, slower, self.pages_per_s)


@dataclass(frozen=True)
class Ends:
    """How each believed guest's migration ends, an element a guest; infinite where it never does."""

    end_s: Floats
    blackout_s: Floats
    passes: Floats
    converged: Bools
    by_pass_limit: Bools


def guests(here: Course, told: Told, *, draws: int = DRAWS, seed: int = 0) -> Believed:
    """Guests drawn from what is believed after what was seen."""
    rng = np.random.default_rng(seed)
    parts = [Guests(kind, z, here, told) for kind, z in believed(here, told, draws, rng)]
    content = np.concatenate([p.content for p in parts])
    classes = WriteClasses._make(np.concatenate(c) for c in zip(*(p.classes for p in parts), strict=True))
    link = here.pages_per_s * np.exp(here.link_scatter * rng.standard_normal(len(content)))
    return Believed(content, classes, link)


def believed_now(here: Course, rule: Rule, told: Told) -> Believed:
    """Guests that explain what was seen, and of a course that shows no passes that it has not ended.

    All of them where none would still be running: then nothing tells when it ends.
    """
    who = guests(here, told)
    if not here.blind:
        return who
    running = _end_s(here, rule, who) > here.time_s
    return who.those(running) if running.any() else who


def _end_s(here: Course, rule: Rule, who: Believed) -> Floats:
    guest, sent = _guest(here, who)
    found = precopy(guest, SteadyLink(who.pages_per_s, sent - who.pages_per_s * (here.time_s - here.start_s)),
                    _left_of(rule, here))  # fmt: skip
    return here.start_s + np.asarray(found.duration_s, float)


def ends(here: Course, rule: Rule, who: Believed) -> Ends:
    """How the migration ends for each guest, if all goes on as it is."""
    guest, sent = _guest(here, who)
    link = who.pages_per_s
    ahead = sent - link * (here.time_s - here.start_s)
    found = precopy(guest, SteadyLink(link, ahead), _left_of(rule, here))
    never = _never(found, rule)
    blackout = np.maximum(found.residual_pages / link - STOP_RULES[rule.name].head_start_s, 0) + rule.pause_s
    end = here.start_s + np.asarray(found.duration_s) + blackout
    soonest = here.time_s + np.minimum(here.remaining_pages / link, blackout)
    return Ends(
        np.where(never, np.inf, np.maximum(end, soonest)),
        np.where(never, np.inf, blackout),
        np.asarray(found.passes, float) + here.number - 1,
        found.converged & ~never,
        (found.reason == PASS_LIMIT) & ~never,
    )


def paused_now(here: Course, rule: Rule, who: Believed) -> Ends:
    """How it ends if the guest is paused at once: what remains, and what was dirtied since the pass began."""
    since = np.full(len(who.content), here.time_s - here.start_s)
    waits = np.minimum(here.remaining_pages, who.content) + distinct_pages(since, who.classes)
    blackout = waits / who.pages_per_s + rule.pause_s
    every = np.ones(len(waits), bool)
    return Ends(here.time_s + blackout, blackout, every * float(here.number), every, ~every)


def _left_of(rule: Rule, here: Course) -> Columns:
    """The rule that is left; one that changes as it stands now, which is QEMU's."""
    limit = STOP_RULES[rule.name].pass_limit if math.isnan(rule.pass_limit) else rule.pass_limit
    limit = (MOST_PASSES if math.isinf(limit) else limit) - (here.number - 1)
    return {
        "stop_rule": np.array(["qemu" if rule.name in CHANGING else rule.name], object),
        "pass_limit": np.array([max(limit, 1.0)]),
        "blackout_target_ms": np.array([rule.target_of(here)]),
    }


def _never(found: Precopy, rule: Rule) -> Bools:
    endless = np.asarray(found.reason) == REASONS.index("endless")
    if rule.unlimited():
        endless = endless | (found.reason == PASS_LIMIT)
    never: Bools = endless | ~np.isfinite(np.asarray(found.duration_s))
    return never


def _guest(here: Course, who: Believed) -> tuple[Guest, Floats]:
    """The pass under way as the first of a migration, and the pages of it that are sent."""
    rows, classes = len(who.content), who.classes
    if here.number == 1:
        zero = np.maximum(here.memory_pages - who.content, 0)
        return Guest(who.content, zero, np.zeros(rows), classes), np.full(rows, here.content_pages)
    began = np.full(rows, max(here.began_pages, here.remaining_pages, 1.0))
    # What waits lies where the guest writes: shares of it are shares of the written memory. Beside content
    # that is all at the top, what is not waiting is not looked at as memory still to be passed over.
    written = np.maximum(classes.sizes.sum(axis=-1), began)
    return Guest(began, written - began, began, classes), began - here.remaining_pages
