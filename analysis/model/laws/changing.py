r"""How a stop rule changes while pre-copy runs: a target that grows, a throttle on the guest, and giving up.

All in one list, ``c``, whose places have names here: what stays of the rule, and how far it has come. A
target that grows by the clock, L(t), is met in a pass that begins at time e with r pages to send, b a second,
at the first look at or after the time t with

.. math:: r / b - (t - e) \le L(t), \qquad L(t) = L_0 + s \lfloor (t - t_0) / E \rfloor

which is known beforehand (:func:`until_met`): what remains falls and the target only rises. A guest that is
throttled by p has 1 - p of its processor's time; its writes fall where they need more than that, to the share
(1 - p) / q for writing that needs the share q (:func:`writes_left`).
"""

from __future__ import annotations

import math

from analysis.model.laws.scenario import Numbers, Scenario
from analysis.model.stop_rules import STOP_RULES
from analysis.parameters import STOP_RULES as NAMES

LEAST_GIB = 2.0
"""A machine of less counts as this where a time is so long for each GiB (nova; KubeVirt's is close to it)."""
MOST_MS = 2e6
"""QEMU's greatest downtime limit."""
POLL_S = 0.1
"""How often Proxmox VE looks once little is left; a rise of what remains counts once a look."""
LOOK_S, TRIGGER, HIGH_LOOKS, MOST_THROTTLE = 1.0, 0.5, 2.0, 0.99
"""QEMU's throttle: least time between two looks, the share of what was sent that may be dirtied meanwhile, at
how many looks above it the throttle is tightened, and its end."""
RAISE_SHARE = 1.5
"""KubeVirt raises the target of a stalled migration if what remains takes at most so many times the last."""
SAME_S = 1e-9
"""Share of itself by which a time may be missed through rounding."""

(FIRST_MS, LAST_MS, STEP_MS, STEPS, EVERY_S, FROM_PASS, RISES) = range(7)
"""The target: first, last, step [ms], how many steps by the clock, how often [s], from the end of which pass
on; number of rises that a doubling takes."""
(FIRST_THROTTLE, MORE_THROTTLE, NEEDS) = range(7, 10)
"""The throttle's first share, its step, and the share of a processor that the guest's writing needs."""
(GIVE_UP_S, GIVE_UP_PASS, STALL_S, STALL_SHARE, RAISES) = range(10, 15)
"""When pre-copy is given up: time, pass, time without less remaining, by which share; 1 if a stalled one
first tries the last target."""
(SINCE_S, GROWN, ROSE, THROTTLE) = range(15, 19)
"""How far it has come: since when the clock runs (-1: not yet), doublings or raises, rises, throttle."""
(LOOKED_S, LOOK_DIRTIED, LOOK_SENT, HIGH, QUIET, SLOWED_S) = range(19, 25)
"""The throttle's last look [s], pages dirtied and sent since, looks above its trigger, 1 if the last was not,
and the throttle times the seconds that it held."""
(BEST, BEST_S, MARK_S, MARK_SENT, MARK_THROTTLE) = range(25, 30)
"""The least that has remained [pages] and when; seconds, pages sent and throttle at the mark that tells a
loop."""
(REPEATED, SKIPPED_S, SKIPPED_SENT) = range(30, 33)
"""Passes that were counted without being made one by one; seconds and pages of those after the last pass."""
CHANGES = 33


def _of_each(field: str) -> tuple[float, ...]:
    """A field of every stop rule, by the rule's code; 1 for yes."""
    return tuple(float(getattr(STOP_RULES[name], field)) for name in NAMES)


_TARGETS, _LAST, _STEPS = _of_each("target_ms"), _of_each("last_target_ms"), _of_each("target_steps")
_EVERY, _EVERY_GIB = _of_each("target_step_s"), _of_each("target_step_s_per_gib")
_FROM, _RISES, _RAISES = _of_each("grows_from_pass"), _of_each("rises"), _of_each("raises_at_stall")
_THROTTLES, _MORE = _of_each("throttle_first"), _of_each("throttle_step")
_GIVE_UP, _GIVE_UP_GIB = _of_each("give_up_after_s"), _of_each("give_up_after_s_per_gib")
_GIVE_UP_PASS, _STALLS, _STALL_SHARES = (
    _of_each("give_up_pass"), _of_each("stall_s"), _of_each("stall_share")
)  # fmt: skip


def asked(given: float, preset: float) -> float:
    """A parameter as given, or as the rule has it."""
    return preset if math.isnan(given) else given


def begin(p: Scenario, c: Numbers) -> None:
    """The rule of a migration before its first pass."""
    rule, gib = int(p.stop_rule), max(p.memory_gib, LEAST_GIB)
    for k in range(CHANGES):
        c[k] = 0.0
    first, last = asked(p.blackout_target_ms, _TARGETS[rule]), asked(p.last_target_ms, _LAST[rule])
    steps = asked(p.target_steps, _STEPS[rule])
    every = asked(p.target_step_s, _EVERY[rule] + _EVERY_GIB[rule] * gib)
    grows = steps > 0 and every > 0 and first < last < math.inf
    c[FIRST_MS], c[LAST_MS], c[EVERY_S] = first, max(min(last, MOST_MS), first), every
    c[STEPS], c[STEP_MS] = (steps, (last - first) / steps) if grows else (0.0, 0.0)
    c[FROM_PASS], c[RISES], c[RAISES] = _FROM[rule], _RISES[rule], _RAISES[rule]
    c[FIRST_THROTTLE], c[MORE_THROTTLE], c[NEEDS] = _THROTTLES[rule], _MORE[rule], p.write_processor_share
    c[GIVE_UP_S] = asked(p.give_up_after_s, give_up_s(rule, gib))
    c[GIVE_UP_PASS] = _GIVE_UP_PASS[rule] if math.isnan(p.give_up_after_s) else math.inf
    c[STALL_S], c[STALL_SHARE] = _STALLS[rule], _STALL_SHARES[rule]
    c[SINCE_S], c[BEST] = (-1.0 if c[FROM_PASS] > 0 else 0.0), math.inf


def changes(c: Numbers) -> bool:
    """True where the rule changes while it runs, or gives up."""
    ends = min(c[GIVE_UP_S], c[GIVE_UP_PASS], c[STALL_S], c[RISES])
    return c[STEPS] > 0 or ends < math.inf or c[FIRST_THROTTLE] > 0


def give_up_s(rule: int, gib: float) -> float:
    """Seconds after which a rule gives up a machine of so many GiB."""
    return _GIVE_UP_GIB[rule] * gib if _GIVE_UP_GIB[rule] > 0 else _GIVE_UP[rule]


# --- the target -----------------------------------------------------------------------------------


def _steps_at(c: Numbers, at_s: float) -> float:
    """Steps that the target has taken by the clock at a time."""
    if c[STEPS] == 0 or c[SINCE_S] < 0:
        return 0.0
    return math.floor(min(max((at_s - c[SINCE_S]) / c[EVERY_S] + SAME_S, 0.0), c[STEPS]))


def target_ms(c: Numbers, at_s: float) -> float:
    """The target in force at a time [ms]."""
    if c[GROWN] > 0:
        return c[LAST_MS] if c[RAISES] > 0 else min(c[FIRST_MS] * math.pow(2.0, c[GROWN]), c[LAST_MS])
    return c[FIRST_MS] + c[STEP_MS] * _steps_at(c, at_s)


def target_pages(c: Numbers, rate: float, at_s: float) -> float:
    """Residual pages that take the target time to send; without a target none, even on an endless link."""
    ms = target_ms(c, at_s)
    return rate * (ms / 1000) if ms > 0 else 0.0


def until_met(c: Numbers, pending: float, rate: float, at_s: float) -> float:
    """Pages sent from a time on until what is pending meets the target; below 0 if it does already."""
    taken = _steps_at(c, at_s)
    if c[STEPS] == 0 or c[SINCE_S] < 0 or c[GROWN] > 0 or taken >= c[STEPS]:
        return pending - target_pages(c, rate, at_s)
    above_s = pending / rate - c[FIRST_MS] / 1000 + at_s - c[SINCE_S] - c[EVERY_S]
    step = math.floor(min(max(above_s / (c[EVERY_S] + c[STEP_MS] / 1000), taken - 1), c[STEPS] - 1)) + 1
    met = pending - rate * ((c[FIRST_MS] + c[STEP_MS] * step) / 1000)
    return max(met, rate * (c[SINCE_S] + step * c[EVERY_S] - at_s)) if step > taken else met


# --- after a pass -----------------------------------------------------------------------------------


def writes_left(c: Numbers) -> float:
    """Share of its writes that the guest keeps up under the throttle."""
    runs = 1 - c[THROTTLE]
    return runs / c[NEEDS] if c[NEEDS] > runs else 1.0


def after_pass(c: Numbers, number: float, elapsed: float, lasted: float, sent: float, fresh: float) -> None:
    """What a pass, that sent and found dirty so many pages, changes of the rule."""
    c[SLOWED_S] += c[THROTTLE] * lasted
    if c[FROM_PASS] == number:
        c[SINCE_S] = elapsed
    if c[FIRST_THROTTLE] > 0:
        _look(c, elapsed, sent, fresh)
    if c[RISES] < math.inf and fresh > 0:
        c[ROSE] += min(lasted / POLL_S, 1.0)
        if c[ROSE] > c[RISES]:
            c[ROSE] = 0.0
            c[GROWN] += 1


def _look(c: Numbers, elapsed: float, sent: float, fresh: float) -> None:
    """QEMU's look at what was dirtied beside what was sent, a second or more after the last."""
    c[LOOK_DIRTIED] += fresh
    c[LOOK_SENT] += sent
    if elapsed - c[LOOKED_S] < LOOK_S:
        return
    above = c[LOOK_DIRTIED] > TRIGGER * c[LOOK_SENT]
    c[LOOKED_S], c[LOOK_DIRTIED], c[LOOK_SENT] = elapsed, 0.0, 0.0
    c[QUIET] = 0.0 if above else 1.0
    c[HIGH] += 1.0 if above else 0.0
    if c[HIGH] >= HIGH_LOOKS:
        more = c[THROTTLE] + c[MORE_THROTTLE] if c[THROTTLE] > 0 else c[FIRST_THROTTLE]
        c[HIGH], c[THROTTLE] = 0.0, min(more, MOST_THROTTLE)


def gives_up(c: Numbers, number: float, elapsed: float, left: float, rate: float) -> bool:
    """True where the rule gives up after a pass; a stalled one may try its last target first."""
    if left < c[BEST] * (1 - c[STALL_SHARE]) - 1:
        c[BEST], c[BEST_S] = left, elapsed
    if number >= c[GIVE_UP_PASS] or elapsed >= c[GIVE_UP_S] * (1 - SAME_S):
        return True
    if elapsed - c[BEST_S] < c[STALL_S] * (1 - SAME_S):
        return False
    if c[RAISES] > 0 and c[GROWN] == 0 and left <= RAISE_SHARE * rate * c[LAST_MS] / 1000:
        c[GROWN], c[BEST_S] = 1.0, elapsed
        return False
    return True


# --- passes that repeat themselves --------------------------------------------------------------------


def settled(c: Numbers) -> bool:
    """True where what a pass does changes the rule no more, and has not since the mark; the clock may."""
    grown = c[RISES] == math.inf or c[FIRST_MS] * math.pow(2.0, c[GROWN]) >= c[LAST_MS]
    held = c[THROTTLE] == c[MARK_THROTTLE] and (c[THROTTLE] >= MOST_THROTTLE or c[QUIET] > 0)
    return grown and (c[FIRST_THROTTLE] == 0 or held)


def next_change_s(c: Numbers, elapsed: float) -> float:
    """When the clock changes the rule next, or gives up; infinite if it never does."""
    taken = _steps_at(c, elapsed)
    waits = c[SINCE_S] >= 0 and taken < c[STEPS] and c[GROWN] == 0
    step_s = c[SINCE_S] + (taken + 1) * c[EVERY_S] if waits else math.inf
    return min(step_s, c[GIVE_UP_S], c[BEST_S] + c[STALL_S])


def mark(c: Numbers, elapsed: float, sent: float) -> None:
    """Remember time, pages sent and the throttle where a loop may begin."""
    c[MARK_S], c[MARK_SENT], c[MARK_THROTTLE] = elapsed, sent, c[THROTTLE]


def repeat(c: Numbers, elapsed: float, sent: float, passes: float) -> None:
    """Count a loop of so many passes, just closed, as often as it fits before the next change."""
    loop_s, loop_sent = elapsed - c[MARK_S], sent - c[MARK_SENT]
    times = (
        max(math.floor((next_change_s(c, elapsed) - elapsed) / loop_s - SAME_S), 0.0) if loop_s > 0 else 0.0
    )
    c[SKIPPED_S], c[SKIPPED_SENT] = times * loop_s, times * loop_sent
    c[REPEATED] += times * passes
    c[SLOWED_S] += c[THROTTLE] * c[SKIPPED_S]
    c[MARK_S] += c[SKIPPED_S]
    c[MARK_SENT] += c[SKIPPED_SENT]
