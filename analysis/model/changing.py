"""How stop rules change while pre-copy runs, for rows of a table: :mod:`.laws.changing` as columns.

Only tables in which some row has such a rule carry these columns; see there for their laws.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

from analysis.arrays import Bools, Codes, Columns, Floats, Indices
from analysis.model.laws.changing import (
    HIGH_LOOKS,
    LEAST_GIB,
    LOOK_S,
    MOST_MS,
    MOST_THROTTLE,
    POLL_S,
    RAISE_SHARE,
    SAME_S,
    TRIGGER,
)
from analysis.model.laws.passes import REASONS
from analysis.model.stop_rules import LIMITS_IN_TIME, STOP_RULES, StopRule


class Changes(NamedTuple):
    """What stays of the rule of every row, as columns; see :class:`.stop_rules.StopRule`."""

    first_ms: Floats
    last_ms: Floats
    step_ms: Floats
    steps: Floats
    every_s: Floats
    from_pass: Floats
    rises: Floats
    first_throttle: Floats
    more_throttle: Floats
    needs: Floats
    give_up_s: Floats
    give_up_pass: Floats
    stall_s: Floats
    stall_share: Floats
    raises: Bools
    gives_up_by: Codes

    @property
    def some(self) -> Bools:
        """True where a rule changes at all."""
        ends = np.minimum(np.minimum(self.give_up_s, self.give_up_pass), self.stall_s)
        found: Bools = (
            (self.steps > 0) | np.isfinite(np.minimum(ends, self.rises)) | (self.first_throttle > 0)
        )
        return found


class Course(NamedTuple):
    """Every row's rule and how far it has come; see the places of these names in :mod:`.laws.changing`."""

    rule: Changes
    since_s: Floats
    grown: Floats
    rose: Floats
    throttle: Floats
    looked_s: Floats
    look_dirtied: Floats
    look_sent: Floats
    high: Floats
    quiet: Bools
    slowed_s: Floats
    best: Floats
    best_s: Floats
    mark_s: Floats
    mark_sent: Floats
    mark_throttle: Floats
    repeated: Floats


Behind: TypeAlias = tuple[Floats, Floats] | None

_PLAIN = StopRule("", 0, 0, "")


def changes(p: Columns, names: list[str], row: Indices, first_ms: Floats) -> Changes | None:
    """The rules' changes for columns of all parameters; None where no row has any.

    ``names`` of rules, which of them each row has, and the target that each begins with.
    """
    presets = [STOP_RULES[name] for name in names]
    kept = {field: getattr(_PLAIN, field) for field in _OF_RULE}
    plain = all(getattr(preset, field) == kept[field] for preset in presets for field in _OF_RULE)
    if plain and all(np.isnan(p[name]).all() for name in LIMITS_IN_TIME):
        return None
    of = {field: np.array([getattr(preset, field) for preset in presets], float)[row] for field in _OF_RULE}
    out = np.array([REASONS.index(preset.gives_up_by) for preset in presets])[row]
    gib = np.maximum(p["memory_gib"], LEAST_GIB)
    last = _asked(p["last_target_ms"], of["last_target_ms"])
    steps = _asked(p["target_steps"], of["target_steps"])
    every = _asked(p["target_step_s"], of["target_step_s"] + of["target_step_s_per_gib"] * gib)
    grows = (steps > 0) & (every > 0) & (first_ms < last) & np.isfinite(last)
    by_gib = of["give_up_after_s_per_gib"]
    give_up = np.where(by_gib > 0, by_gib * gib, of["give_up_after_s"])
    asked_s = p["give_up_after_s"]
    step_ms = np.divide(last - first_ms, steps, out=np.zeros(np.shape(grows)), where=grows)
    columns = (
        *(first_ms, np.maximum(np.minimum(last, MOST_MS), first_ms), step_ms, np.where(grows, steps, 0.0)),
        *(np.where(grows, every, 1.0), of["grows_from_pass"], of["rises"]),
        *(of["throttle_first"], of["throttle_step"], p["write_processor_share"]),
        *(_asked(asked_s, give_up), np.where(np.isnan(asked_s), of["give_up_pass"], np.inf)),
        *(of["stall_s"], of["stall_share"], of["raises_at_stall"] > 0, out),
    )
    found = Changes._make(np.broadcast_arrays(*columns))
    return found if found.some.any() else None


_OF_RULE = (
    *("last_target_ms", "target_steps", "target_step_s", "target_step_s_per_gib", "grows_from_pass", "rises"),
    *("throttle_first", "throttle_step", "give_up_after_s", "give_up_after_s_per_gib", "give_up_pass"),
    *("stall_s", "stall_share", "raises_at_stall"),
)


def _asked(given: Floats, preset: Floats) -> Floats:
    return np.where(np.isnan(given), preset, given)


def begin(x: Changes) -> Course:
    """The course of every rule before the first pass."""
    n = len(x.steps)
    zeros = {name: np.zeros(n) for name in Course._fields[1:]}
    zeros |= {"since_s": np.where(x.from_pass > 0, -1.0, 0.0), "quiet": np.zeros(n, bool)}
    return Course(rule=x, **zeros | {"best": np.full(n, np.inf)})


# --- the target -----------------------------------------------------------------------------------


def _steps_at(c: Course, at_s: Floats) -> Floats:
    x = c.rule
    taken = np.floor((at_s - c.since_s) / x.every_s + SAME_S)
    return np.where(c.since_s < 0, 0.0, np.minimum(np.maximum(taken, 0.0), x.steps))


def target_ms(c: Course, at_s: Floats) -> Floats:
    """The target in force at a time [ms]."""
    x = c.rule
    grown = np.where(x.raises, x.last_ms, np.minimum(x.first_ms * 2.0**c.grown, x.last_ms))
    return np.where(c.grown > 0, grown, x.first_ms + x.step_ms * _steps_at(c, at_s))


def until_met(c: Course, pending: Floats, rate: Floats, at_s: Floats) -> Floats:
    """Pages that are sent from a time on until what is pending meets the target; rates that carry."""
    x = c.rule
    taken = _steps_at(c, at_s)
    grows = (c.since_s >= 0) & (c.grown == 0) & (taken < x.steps)
    above_s = pending / rate - x.first_ms / 1000 + at_s - c.since_s - x.every_s
    step = np.floor(above_s / (x.every_s + x.step_ms / 1000)) + 1
    step = np.where(grows, np.minimum(np.maximum(step, taken), x.steps), taken)
    met = pending - rate * ((x.first_ms + x.step_ms * step) / 1000)
    at_step = rate * (c.since_s + step * x.every_s - at_s)
    now = pending - rate * (target_ms(c, at_s) / 1000)
    return np.where(grows, np.where(step > taken, np.maximum(met, at_step), met), now)


def sent_in_pass(
    c: Course, left: Floats, rate: Floats, at_s: Floats, check_s: Floats, behind: Behind
) -> Floats:
    """Pages sent before a pass ends: all that is left, or up to the first look at which the target is met.

    Or up to the moment at which the rule gives up. ``behind``: zero pages and content behind those, of a
    first pass; None of others.
    """
    x = c.rule
    carries = np.isfinite(rate) & (rate > 0)
    rate = np.where(carries, rate, 1.0)
    needed = until_met(c, left, rate, at_s)
    if behind is not None:
        zero, top = behind
        before_zero = until_met(c, left + zero, rate, at_s)
        needed = np.maximum(np.minimum(np.maximum(left - top, needed), before_zero), 0.0)
    looked = np.isfinite(check_s)
    between = rate * np.where(looked, check_s, 1.0)
    looks = np.maximum(np.ceil(needed / between - 1e-9), 1.0)
    sent = np.where(looked, np.minimum(left, looks * between), left)
    until = np.maximum(rate * (x.give_up_s - at_s), 0.0)
    return np.where(carries, np.minimum(sent, until), left)


# --- after a pass -----------------------------------------------------------------------------------


def writes_left(c: Course) -> Floats:
    """Share of its writes that the guest keeps up under the throttle."""
    x = c.rule
    runs = 1 - c.throttle
    return np.divide(runs, x.needs, out=np.ones_like(runs), where=x.needs > runs)


def after_pass(
    c: Course, number: int, elapsed: Floats, lasted: Floats, sent: Floats, fresh: Floats
) -> Course:
    """What a pass, that sent and found dirty so many pages, changes of the rule."""
    x = c.rule
    rose = c.rose + np.where(np.isfinite(x.rises) & (fresh > 0), np.minimum(lasted / POLL_S, 1.0), 0.0)
    doubles = rose > x.rises
    held_s = np.multiply(c.throttle, lasted, out=np.zeros_like(lasted), where=c.throttle > 0)
    c = c._replace(
        slowed_s=c.slowed_s + held_s,
        since_s=np.where(x.from_pass == number, elapsed, c.since_s),
        rose=np.where(doubles, 0.0, rose),
        grown=c.grown + doubles,
        look_dirtied=c.look_dirtied + fresh,
        look_sent=c.look_sent + sent,
    )
    return _look(c, elapsed) if (x.first_throttle > 0).any() else c


def _look(c: Course, elapsed: Floats) -> Course:
    """QEMU's look at what was dirtied beside what was sent, a second or more after the last."""
    x = c.rule
    looks = (x.first_throttle > 0) & (elapsed - c.looked_s >= LOOK_S)
    above = looks & (c.look_dirtied > TRIGGER * c.look_sent)
    high = c.high + above
    tightens = high >= HIGH_LOOKS
    more = np.minimum(np.where(c.throttle > 0, c.throttle + x.more_throttle, x.first_throttle), MOST_THROTTLE)
    return c._replace(
        looked_s=np.where(looks, elapsed, c.looked_s),
        look_dirtied=np.where(looks, 0.0, c.look_dirtied),
        look_sent=np.where(looks, 0.0, c.look_sent),
        high=np.where(tightens, 0.0, high),
        quiet=np.where(looks, ~above, c.quiet),
        throttle=np.where(tightens, more, c.throttle),
    )


def gives_up(
    c: Course, number: int, elapsed: Floats, left: Floats, rate: Floats, goes: Bools
) -> tuple[Bools, Course]:
    """True where the rule gives up after a pass; a stalled one that goes on may try its last target."""
    x = c.rule
    elapsed = np.where(np.isfinite(elapsed), elapsed, 0.0)  # what never ends needs no clock
    better = left < c.best * (1 - x.stall_share) - 1
    best, best_s = np.where(better, left, c.best), np.where(better, elapsed, c.best_s)
    late = (number >= x.give_up_pass) | (elapsed >= x.give_up_s * (1 - SAME_S))
    stalls = ~late & (elapsed - best_s >= x.stall_s * (1 - SAME_S))
    most = np.multiply(rate, RAISE_SHARE * x.last_ms / 1000, out=np.zeros_like(rate), where=x.raises)
    tries = stalls & x.raises & (c.grown == 0) & (left <= most) & goes
    grown, best_s = np.where(tries, 1.0, c.grown), np.where(tries, elapsed, best_s)
    return late | (stalls & ~tries), c._replace(best=best, best_s=best_s, grown=grown)


# --- passes that repeat themselves --------------------------------------------------------------------


def settled(c: Course) -> Bools:
    """True where what a pass does changes the rule no more, and has not since the mark; the clock may."""
    x = c.rule
    grown = np.isinf(x.rises) | (x.first_ms * 2.0**c.grown >= x.last_ms)
    held = (c.throttle == c.mark_throttle) & ((c.throttle >= MOST_THROTTLE) | c.quiet)
    both: Bools = grown & ((x.first_throttle == 0) | held)
    return both


def next_change_s(c: Course, elapsed: Floats) -> Floats:
    """When the clock changes the rule next, or gives up; infinite if it never does."""
    x = c.rule
    taken = _steps_at(c, elapsed)
    waits = (c.since_s >= 0) & (taken < x.steps) & (c.grown == 0)
    step_s = np.where(waits, c.since_s + (taken + 1) * x.every_s, np.inf)
    found: Floats = np.minimum(np.minimum(step_s, x.give_up_s), c.best_s + x.stall_s)
    return found


def marked(c: Course, elapsed: Floats, sent: Floats) -> Course:
    """The course with time, pages sent and throttle remembered where a loop may begin."""
    return c._replace(mark_s=elapsed, mark_sent=sent, mark_throttle=c.throttle)


def repeat(
    c: Course, elapsed: Floats, sent: Floats, passes: int, closed: Bools
) -> tuple[Course, Floats, Floats]:
    """Count loops of so many passes, where one was closed, as often as they fit before the next change.

    Returns the course, and seconds and pages sent of what was counted.
    """
    loop_s, loop_sent = elapsed - c.mark_s, sent - c.mark_sent
    times = np.zeros_like(elapsed)
    np.divide(next_change_s(c, elapsed) - elapsed, loop_s, out=times, where=closed & (loop_s > 0))
    times = np.maximum(np.floor(times - SAME_S), 0.0)
    skipped_s, skipped = times * loop_s, times * loop_sent
    c = c._replace(
        repeated=c.repeated + times * passes,
        slowed_s=c.slowed_s + c.throttle * skipped_s,
        mark_s=c.mark_s + skipped_s,
        mark_sent=c.mark_sent + skipped,
    )
    return c, skipped_s, skipped
