r"""The recurrence over the passes of pre-copy, and the rules that stop it.

Pass i sends what is dirty and leaves behind what was dirtied meanwhile. With r pages to send,
a rate of b pages per second and u(t) distinct pages dirtied in t seconds,

.. math:: t_i = r_i / b, \qquad r_{i+1} = u(t_i)

For a constant dirty rate d and no saturation this is the geometric series of Clark et al.
(2005), r_{i+1} = (d/b) r_i, which shrinks only while d < b.

QEMU looks at what remains *while* a pass runs, every ``check_interval_s``, and ends the pass as
soon as that is less than S = bandwidth times the downtime limit. What was not sent yet carries
over, and pages of it that were written again are not counted twice:

.. math:: n_i = \min(r_i, \lceil (r_i - S) / (b q) \rceil b q), \qquad
          r_{i+1} = (r_i - n_i) + u(n_i / b) (1 - (r_i - n_i) / m)

with m the pages of the machine. The rules are data (:data:`STOP_RULES`), not code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .dirtying import WriteClasses, distinct_pages

ENDLESS_PASSES = 1000
"""Passes after which a migration whose rule has no limit of its own is called endless."""


@dataclass(frozen=True)
class StopRule:
    """When one hypervisor ends pre-copy.

    ``pass_limit``: most passes. ``target_ms``: transfer time of the residual that counts as
    converged; with ``target_ends_passes`` reaching it also ends pre-copy. ``few_pages``: fewer
    pages than this end it. ``sent_limit``: memory sent, in multiples of the machine's, beyond
    which the rule gives up. ``check_interval_s``: how often a running pass is checked against
    the target (infinite: only between passes). ``limit_delay_s``: time from reaching the pass
    limit to the pause, while pages go on being sent.
    """

    name: str
    pass_limit: float
    target_ms: float
    source: str
    target_ends_passes: bool = False
    few_pages: float = 1.0
    sent_limit: float = np.inf
    check_interval_s: float = np.inf
    limit_delay_s: float = 0.0


STOP_RULES = {
    rule.name: rule
    for rule in (
        StopRule(
            "hyperv",
            pass_limit=5,
            target_ms=750,
            source="5 passes since Windows Server 2012 R2 (Savill 2016). No threshold is published: passes "
            "go on until nothing is left; 750 ms is the design goal in Microsoft's driver documentation "
            "and only judges the outcome.",
        ),
        StopRule(
            "hyperv_2008r2",
            pass_limit=10,
            target_ms=750,
            source="10 passes (Directions on Microsoft, June 2009); the goal as for hyperv.",
        ),
        StopRule(
            "qemu",
            pass_limit=np.inf,
            target_ms=300,
            target_ends_passes=True,
            check_interval_s=0.061,
            limit_delay_s=0.06,
            source="QEMU 7.2 migration.c and ram.c: pending below bandwidth times the downtime limit, tested "
            "after every 50 ms of sending (61 ms with the socket's wake-up: measured on passes.csv). The "
            "threshold is renewed every 100 ms, so a pass limit set from outside acts 60 ms late on average.",
        ),
        StopRule(
            "xen",
            pass_limit=29,
            target_ms=0,
            few_pages=50,
            sent_limit=3,
            source="libxc xc_domain_save.c: fewer than 50 pages, more than three times the memory sent, "
            "or 29 passes.",
        ),
    )
}

REASONS = ("nothing_left", "few_pages", "target_met", "pass_limit", "sent_limit", "endless")
"""Why the passes ended, by code."""
TARGET_MET, PASS_LIMIT, ENDLESS = (
    REASONS.index(reason) for reason in ("target_met", "pass_limit", "endless")
)


class Rules(NamedTuple):
    """The stop rule of every row, as columns; see :class:`StopRule` for their meaning."""

    pass_limit: np.ndarray
    target_ms: np.ndarray
    target_ends_passes: np.ndarray
    few_pages: np.ndarray
    sent_limit: np.ndarray
    check_interval_s: np.ndarray
    limit_delay_s: np.ndarray

    @classmethod
    def of(cls, stop_rule: np.ndarray, pass_limit: np.ndarray, target_ms: np.ndarray) -> Rules:
        """Columns for rows that name a preset; NaN in the last two means "as the preset has it"."""
        names, row = np.unique(np.asarray(stop_rule, dtype=str), return_inverse=True)
        presets = [STOP_RULES[name] for name in names]
        columns = {field: np.array([getattr(p, field) for p in presets])[row] for field in cls._fields}
        for field, given in (("pass_limit", pass_limit), ("target_ms", target_ms)):
            columns[field] = np.where(np.isnan(given), columns[field], given)
        return cls(**columns)

    def take(self, rows: np.ndarray) -> Rules:
        """The same columns for a selection of rows."""
        return Rules(*(column[rows] for column in self))


class Passes(NamedTuple):
    """One row per pass and scenario, in the order of passes.

    ``row``: index of the scenario. ``number``: from 1. ``start_s``: since the first pass began.
    ``duration_s``, ``sent_pages``, ``dirtied_pages`` (distinct, newly dirty at the end of the
    pass), ``remaining_pages`` (to be sent next: what was dirtied and what carried over).
    """

    row: np.ndarray
    number: np.ndarray
    start_s: np.ndarray
    duration_s: np.ndarray
    sent_pages: np.ndarray
    dirtied_pages: np.ndarray
    remaining_pages: np.ndarray


class Precopy(NamedTuple):
    """How pre-copy ended, one element per row; ``reason`` indexes :data:`REASONS`."""

    passes: np.ndarray
    reason: np.ndarray
    converged: np.ndarray
    residual_pages: np.ndarray
    duration_s: np.ndarray
    sent_pages: np.ndarray
    history: Passes | None


@dataclass
class _State:
    """What the recurrence carries from pass to pass, for the rows still running."""

    row: np.ndarray
    remaining: np.ndarray
    elapsed: np.ndarray
    sent: np.ndarray

    def take(self, rows: np.ndarray) -> _State:
        """The same for a selection of the rows."""
        return _State(self.row[rows], self.remaining[rows], self.elapsed[rows], self.sent[rows])


def precopy(
    resident_pages: np.ndarray,
    pages_per_s: np.ndarray,
    classes: WriteClasses,
    rules: Rules,
    *,
    history: bool = False,
) -> Precopy:
    """Run the recurrence for every row until its rule stops it.

    Parameters are one-dimensional and of one length: pages sent in the first pass, pages sent
    per second (infinite is allowed: a pass then takes no time and nothing is dirtied), the write
    classes, the rules. Rows that have stopped are dropped from the arrays, so the cost is that
    of the passes really made.

    A row without a limit on passes whose residual no longer changes, or that has made
    :data:`ENDLESS_PASSES`, would never end: it stops as ``endless``, with an infinite duration.
    """
    n = len(resident_pages)
    out = Precopy(
        np.zeros(n), np.zeros(n, int), np.zeros(n, bool), np.zeros(n), np.zeros(n), np.zeros(n), None
    )
    state = _State(np.arange(n), resident_pages.astype(float), np.zeros(n), np.zeros(n))
    rate, machine, log, number = pages_per_s, resident_pages.astype(float), [], 0
    while len(state.row):
        number += 1
        before = state.remaining
        log.append(_pass(state, rate, machine, classes, rules, number))
        reason = _why_stop(number, state, before, rate, machine, rules)
        done, going = np.flatnonzero(reason >= 0), np.flatnonzero(reason < 0)
        if len(done):
            _record(
                out,
                number,
                reason[done],
                state.take(done),
                rate[done],
                machine[done],
                classes.take(done),
                rules.take(done),
            )
            state, classes, rules = state.take(going), classes.take(going), rules.take(going)
            rate, machine = rate[going], machine[going]
    return out._replace(history=_joined(log)) if history else out


def _pass(
    state: _State, rate: np.ndarray, machine: np.ndarray, classes: WriteClasses, rules: Rules, number: int
) -> Passes:
    """One pass: advance the state and return what happened."""
    sent = _sent_in_pass(state.remaining, rate, rules)
    duration = sent / rate
    carried = state.remaining - sent
    dirtied = _newly_dirty(duration, carried, machine, classes)
    start = state.elapsed
    state.remaining, state.elapsed, state.sent = carried + dirtied, start + duration, state.sent + sent
    return Passes(state.row, np.full(len(sent), number), start, duration, sent, dirtied, state.remaining)


def _sent_in_pass(remaining: np.ndarray, rate: np.ndarray, rules: Rules) -> np.ndarray:
    """Pages sent before the pass ends: all, or up to the first check below the target."""
    checked = np.isfinite(rules.check_interval_s) & np.isfinite(rate)
    if not checked.any():
        return remaining
    between = np.where(checked, rate * rules.check_interval_s, 1.0)
    checks = np.ceil((remaining - _target_pages(rate, rules)) / between)
    return np.where(checked, np.minimum(remaining, np.maximum(checks, 1) * between), remaining)


def _target_pages(rate: np.ndarray, rules: Rules) -> np.ndarray:
    """Residual pages that take the target time to send."""
    return rate * rules.target_ms / 1000


def _newly_dirty(
    duration: np.ndarray, carried: np.ndarray, machine: np.ndarray, classes: WriteClasses
) -> np.ndarray:
    """Distinct pages dirtied in a pass that were not waiting to be sent anyway."""
    waiting = np.divide(carried, machine, out=np.zeros_like(carried), where=machine > 0)
    return distinct_pages(duration, classes) * (1 - waiting)


def _why_stop(
    number: int, state: _State, before: np.ndarray, rate: np.ndarray, machine: np.ndarray, rules: Rules
) -> np.ndarray:
    """Code of the reason to stop after this pass, -1 to go on; the first that holds wins."""
    unchanged = (state.remaining == before) & np.isinf(rules.pass_limit) & np.isinf(rules.sent_limit)
    tests = (
        state.remaining < 1,
        state.remaining < rules.few_pages,
        rules.target_ends_passes & (state.remaining <= _target_pages(rate, rules)),
        number >= rules.pass_limit,
        state.sent > rules.sent_limit * machine,
        unchanged | (number >= ENDLESS_PASSES),
    )
    return np.select(tests, range(len(tests)), default=-1)


def _record(
    out: Precopy, number: int, reason: np.ndarray, state: _State, rate, machine, classes, rules
) -> None:
    """Write rows that have stopped into the result, after the delay that a forced stop takes."""
    delay, more, residual = _until_paused(reason, state.remaining, rate, machine, classes, rules)
    never = reason == ENDLESS
    out.passes[state.row] = number
    out.reason[state.row] = reason
    out.residual_pages[state.row] = residual
    out.converged[state.row] = (reason <= TARGET_MET) | (~never & (residual <= _target_pages(rate, rules)))
    out.duration_s[state.row] = np.where(never, np.inf, state.elapsed + delay)
    out.sent_pages[state.row] = np.where(never, np.inf, state.sent + more)


def _until_paused(
    reason, remaining, rate, machine, classes, rules
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Seconds, pages sent and residual between reaching the pass limit and the pause."""
    wait = np.where(reason == PASS_LIMIT, rules.limit_delay_s, 0.0)
    sendable = np.multiply(rate, wait, out=np.zeros_like(rate), where=wait > 0)
    more = np.minimum(remaining, sendable)
    delay = more / rate
    left = remaining - more
    again = np.where(delay > 0, _newly_dirty(delay, left, machine, classes), 0.0)
    return delay, more, left + again


def _joined(log: list[Passes]) -> Passes:
    if not log:
        return Passes(*(np.zeros(0) for _ in Passes._fields))
    return Passes(*(np.concatenate(parts) for parts in zip(*log, strict=True)))
