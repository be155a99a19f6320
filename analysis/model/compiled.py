"""The recurrence of pre-copy compiled: the passes of :mod:`.laws.passes`, many scenarios at a time.

A block of scenarios makes its passes in step, one scenario a lane of the processor's vectors. Half of all
scenarios have stopped after two passes and a tenth runs to its limit, so lanes that wait for the slowest of
their block would cost most of the time. Groups of lanes that have all stopped are skipped, which is all that
an ordered table needs; where half have stopped, the others are moved together (:mod:`.lanes`).

A pass is written once, in small functions of one lane (:mod:`.one_pass`). What a table does not need is
None, and left out when they are compiled: ``ahead`` (pages sent before the first wait), ``cyclic`` (pages
written in turn), ``looks`` (the rule looks at what remains during a pass), ``guards`` (it minds few pages or
how much was sent). ``few_classes`` is a tuple as long as there are classes of pages, at most three. Numbers
are float64 or float32, as the columns are.

How it stays fast: loops over lanes touch one array, ``block``, at constant distances, so that the compiler
sees that nothing overlaps; columns are read by unsigned indices, which cannot wrap around; a loop makes one
pass, so that the processor works on several vectors of lanes at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from analysis.arrays import Bools, Codes, Counts, Indices, Reals
from analysis.model.exponential import FAST, like
from analysis.model.jit import Block, Has, Number, compiled, digest
from analysis.model.lanes import (
    AHEAD,
    CLASS,
    CLASSES,
    CONTENT,
    COUNT,
    CYCLIC,
    ENDED,
    GOES,
    GROUP,
    INVERSE,
    LANES,
    LAST,
    LEFT,
    LIMIT,
    RATE,
    SENT,
    TARGET,
    TOP,
    WAITED,
    ZERO,
    Scratch,
    end_here,
    keep,
    number_going,
    put_back,
    whole,
)
from analysis.model.laws.passes import REASONS
from analysis.model.one_pass import (
    Few,
    Fixed,
    Kind,
    Kinds,
    Waiting,
    begin,
    fixed_of,
    goes,
    kinds_of,
    lane_function,
    pending_of,
    put_end,
    put_fixed,
    put_kinds,
    put_state,
    put_waiting,
    state_of,
    step,
    then_waits,
    waited_of,
    waiting_of,
)
from analysis.model.precopy import Outcomes

_NOTHING_LEFT, _FEW_PAGES, _TARGET_MET, _PASS_LIMIT, _SENT_LIMIT = (
    2 * REASONS.index(name)
    for name in ("nothing_left", "few_pages", "target_met", "pass_limit", "sent_limit")
)
_ANY = -1e38
"""Less than any number of pages, in either precision."""
_BELOW_ONE, _BELOW_ONE32 = np.nextafter(1.0, 0.0), np.nextafter(np.float32(1), np.float32(0))

# Kept on disk is only what others call, with all that it calls (see _stamped), and what lanes.py has alone.
# What only the kernel calls has no door for Python: that would be a fifth of the time to compile it.
_kept = compiled(fastmath=FAST, nogil=True, cache=True)
_jit = compiled(fastmath=FAST, no_cpython_wrapper=True, no_cfunc_wrapper=True)

Columns: TypeAlias = tuple[Reals, ...]
Rule: TypeAlias = tuple[Number, Number, Number, bool]
"""Few pages, limit on what is sent, seconds between looks, whether the target ends pre-copy."""


# --- from columns to lanes ----------------------------------------------------------------------


@lane_function
def _fixed_from(
    block: Block, lane: int, content: Number, rate: Number, target_s: Number, limit: Number, rule: Rule,
    looks: Has, guards: Has, ahead: Has,
) -> Fixed:  # fmt: skip
    """What stays, from columns; ``enough`` is the residual below which the rule stops."""
    _, sent_limit, check_s, ends_at_target = rule
    zero, one = like(content, 0), like(content, 1)
    target = rate * target_s
    below = block.dtype.type(_BELOW_ONE32 if block.itemsize == 4 else _BELOW_ONE)
    enough = max(target, below) if ends_at_target else below
    most = between = per_look = sent_ahead = zero
    if looks is not None or guards is not None:
        machine = content + block[ZERO + lane]
        most = sent_limit * max(machine, one)
    if looks is not None:
        block[INVERSE + lane] = one / machine if machine > zero else zero
        between = rate * check_s
        per_look = one / between
    if ahead is not None:
        sent_ahead = block[AHEAD + lane]
    return enough, limit, most, target, sent_ahead, between, per_look


@lane_function
def _kind_from(
    block: Block, lane: int, rate: Number, writes: Number, size: Number, j: int, cyclic: Has
) -> Kind:
    zero, one = like(rate, 0), like(rate, 1)
    share = writes / ((size if size > zero else one) * rate)
    in_turn = zero if cyclic is None else block[CLASSES + CLASS * j + CYCLIC + lane]
    return (share if size > zero else zero), size, in_turn


@lane_function
def _kinds_from(
    block: Block, lane: int, i: np.uintp, rate: Number, w: Columns, s: Columns, few_classes: Few, cyclic: Has,
) -> Kinds:  # fmt: skip
    if len(few_classes) == 1:
        return (_kind_from(block, lane, rate, w[0][i], s[0][i], 0, cyclic),)
    elif len(few_classes) == 2:  # noqa: RET505 (as above)
        first = _kind_from(block, lane, rate, w[0][i], s[0][i], 0, cyclic)
        return first, _kind_from(block, lane, rate, w[1][i], s[1][i], 1, cyclic)
    else:
        first = _kind_from(block, lane, rate, w[0][i], s[0][i], 0, cyclic)
        second = _kind_from(block, lane, rate, w[1][i], s[1][i], 1, cyclic)
        return first, second, _kind_from(block, lane, rate, w[2][i], s[2][i], 2, cyclic)


@lane_function
def _put(block: Block, field: int, column: Reals, start: int, n: int, least: float) -> None:
    # What rounding made less than ``least`` is that. A plain copy would be made a call of memcpy, slow at a
    # block's length, so a column that may be anything has a least value too.
    for lane in range(n):
        block[field + lane] = max(column[np.uintp(start) + np.uintp(lane)], block.dtype.type(least))


@_jit
def _first(
    block: Block, start: int, n: int, content: Reals, rates: Reals, targets_s: Reals, limits: Reals,
    writes: Columns, sizes: Columns, rule: Rule, few_classes: Few, cyclic: Has, looks: Has, guards: Has,
    ahead: Has,
) -> None:  # fmt: skip
    """The first pass of n lanes, from the columns."""
    for lane in range(n):
        i = np.uintp(start) + np.uintp(lane)
        rate, pages = rates[i], content[i]
        fixed = _fixed_from(block, lane, pages, rate, targets_s[i], limits[i], rule, looks, guards, ahead)
        kinds = _kinds_from(block, lane, i, rate, writes, sizes, few_classes, cyclic)
        state, waiting, now = begin(block, lane, pages, fixed, kinds, few_classes, cyclic, looks, ahead)
        pending = pending_of(block, lane, pages, state[0], now, looks)
        put_state(block, lane, state, looks, ahead)
        put_waiting(block, lane, waiting, few_classes, looks)
        put_end(block, lane, goes(state, pending, now, fixed, rule[0], guards), now, guards)
        put_fixed(block, lane, fixed, looks, guards)
        put_kinds(block, lane, kinds, few_classes)
        block[RATE + lane], block[CONTENT + lane] = rate, pages


@lane_function
def _either(new: bool, some: Waiting, others: Waiting, few_classes: Few) -> Waiting:
    first = some[0] if new else others[0]
    if len(few_classes) == 1:
        return (first,)
    elif len(few_classes) == 2:  # noqa: RET505 (as below)
        return first, (some[1] if new else others[1])
    else:
        return first, (some[1] if new else others[1]), (some[2] if new else others[2])


@_jit
def _one_more(
    block: Block, n: int, alive: Indices, few: Number, few_classes: Few, cyclic: Has, looks: Has, guards: Has,
    ahead: Has,
) -> tuple[int, int]:  # fmt: skip
    """A further pass of those of n lanes that go on; how many then do, and the lanes of their groups."""
    going = busy = 0
    for group in range(whole(n) // GROUP):
        if alive[group] == 0:
            continue
        first = group * GROUP
        for lane in range(first, first + GROUP):
            fixed = fixed_of(block, lane, looks, guards, ahead)
            kinds = kinds_of(block, lane, few_classes, cyclic)
            old = state_of(block, lane, looks, ahead)
            waits_before = waiting_of(block, lane, few_classes, looks)
            new, waits, now = step(old, waits_before, fixed, kinds, few_classes, cyclic, looks, ahead)
            went = block[GOES + lane] > like(now, 0)
            left, sent = (new[0] if went else old[0]), (new[1] if went else old[1])
            count, waited = (new[2] if went else old[2]), (new[3] if went else old[3])
            put_state(block, lane, (left, sent, count, waited), looks, ahead)
            put_waiting(block, lane, _either(went, waits, waits_before, few_classes), few_classes, looks)
            if guards is not None:
                now = now if went else block[LAST + lane]
            put_end(block, lane, went & goes(new, new[0], now, fixed, few, guards), now, guards)
        alive[group] = number_going(block, first)
        going += alive[group]
        busy += GROUP if alive[group] else 0
    return going, busy


@_jit
def _all_passes(
    near: Block, far: Block, stopped: Block, alive: Indices, n: int, few: Number, changed: Indices,
    moved: Indices, few_classes: Few, cyclic: Has, looks: Has, guards: Has, ahead: Has,
) -> None:  # fmt: skip
    """All further passes of n lanes; where many have stopped the others are moved to ``far``."""
    end_here(near, n)
    block, going, busy = near, 0, whole(n)
    for group in range(whole(n) // GROUP):
        alive[group] = number_going(near, group * GROUP)
        going += alive[group]
    while going:
        if 2 * whole(going) <= busy:
            if block is far:
                put_back(far, stopped, near, n, changed)
            n = keep(block, far, n, moved)
            block = far
            alive[: whole(n) // GROUP] = 1
        going, busy = _one_more(block, n, alive, few, few_classes, cyclic, looks, guards, ahead)
    if block is far:
        put_back(far, stopped, near, n, changed)


@_jit
def _reasons(block: Block, n: int, rule: Rule, looks: Has, guards: Has) -> None:
    """Twice the code of the reason why pre-copy ended; the first that holds."""
    few, _, _, ends_at_target = rule
    for lane in range(n):
        left, sent, count, _ = state_of(block, lane, looks, None)
        target = block[TARGET + lane]
        reason = like(left, _PASS_LIMIT) if count >= block[LIMIT + lane] else like(left, _SENT_LIMIT)
        if ends_at_target:
            met = left <= target
            if looks is not None and count == like(left, 1):
                met = pending_of(block, lane, block[CONTENT + lane], left, sent, looks) <= target
            reason = like(left, _TARGET_MET) if met else reason
        if guards is not None:
            reason = like(left, _FEW_PAGES) if block[LAST + lane] < few else reason
        block[ENDED + lane] = like(left, _NOTHING_LEFT) if left < like(left, 1) else reason


@_jit
def _go_on_late(
    block: Block, n: int, delay_s: Number, few_classes: Few, cyclic: Has, looks: Has, ahead: Has,
) -> None:  # fmt: skip
    """Where a pass limit acts late: pages are sent on, and written, until it does."""
    for lane in range(n):
        left, sent, _, waited_for = state_of(block, lane, looks, ahead)
        fixed = fixed_of(block, lane, looks, None, ahead)
        limited = block[ENDED + lane] == like(left, _PASS_LIMIT)
        more = min(left, block[RATE + lane] * delay_s) if limited else like(left, 0)
        waited = waited_of(more, waited_for, fixed, looks, ahead)
        kinds = kinds_of(block, lane, few_classes, cyclic)
        before, per_page = waiting_of(block, lane, few_classes, looks), like(left, 1) / left
        then, _ = then_waits(left - more, per_page, waited, kinds, before, few_classes, cyclic, looks)
        block[LEFT + lane] = then if limited else left
        block[SENT + lane] = sent + more
        if looks is not None and ahead is not None:
            block[WAITED + lane] = waited_for + waited


@_jit
def _end(block: Block, n: int, looks: Has, ahead: Has, totals: Has) -> None:
    """Seconds waited for, and twice the code of the reason, plus 1 where pre-copy converged.

    With ``totals`` what is left is sent as well: its seconds stand for its pages and count in the others.
    """
    for lane in range(n):
        left, sent, _, waited = state_of(block, lane, looks, ahead)
        if ahead is None:
            waited = sent
        elif looks is None:
            waited = sent - min(block[AHEAD + lane], block[CONTENT + lane])
        reason = block[ENDED + lane]
        converged = (reason <= like(left, _TARGET_MET)) | (left <= block[TARGET + lane])
        block[ENDED + lane] = reason + (like(left, 1) if converged else like(left, 0))
        per_page = like(left, 1) / block[RATE + lane]
        if totals is None:
            block[WAITED + lane] = waited * per_page
        else:
            block[LEFT + lane], block[SENT + lane] = left * per_page, sent + left
            block[WAITED + lane] = (waited + left) * per_page


@lane_function
def _take(block: Block, field: int, column: Reals, start: int, n: int) -> None:
    for lane in range(n):  # no plain copy, as in _put
        column[np.uintp(start) + np.uintp(lane)] = max(block[field + lane], block.dtype.type(0))


@lane_function
def _take_whole(block: Block, field: int, column: Counts, start: int, n: int) -> None:
    for lane in range(n):
        column[np.uintp(start) + np.uintp(lane)] = np.int32(block[field + lane])


@lane_function
def _take_ends(block: Block, reason: Codes, converged: Bools, start: int, n: int) -> None:
    for lane in range(n):
        code = np.int32(block[ENDED + lane])
        reason[np.uintp(start) + np.uintp(lane)] = code >> 1
        converged[np.uintp(start) + np.uintp(lane)] = code & 1


KERNEL = ("compiled", "exponential", "jit", "lanes", "laws/passes", "one_pass")
"""Modules whose code the kernel is made of."""


def _stamped(stamp: int) -> Callable[..., None]:  # noqa: C901  (one flat list of what a table has)
    """The kernel as kept on disk by Numba, which looks at this file alone to see whether it is still true.

    What a function encloses is part of what it is kept by, so a digest of all the files is enclosed here:
    machine code of an older :mod:`.lanes` would write where nothing of its own lies.
    """

    @_kept
    def run(
        scratch: Scratch, fields: tuple[Indices, Indices], columns: Columns, writes: Columns, sizes: Columns,
        cyclic: Columns | None, ahead: Reals | None, rule: Rule, few_classes: Few, looks: Has, guards: Has,
        late: Number | None, totals: Has, outcomes: Outcomes,
    ) -> None:  # fmt: skip
        """Make the passes of all rows of some columns, block by block.

        ``columns``: content, zero pages, content at the top [pages], rate [pages/s], target [s], pass limit.
        ``writes`` [pages/s], ``sizes`` [pages], ``cyclic``: a column each for every class. ``rule``: few
        pages, limit on what is sent [machines], seconds between looks, whether the target ends pre-copy.
        ``late``: None, or seconds from the pass limit to the pause; only together with looks.
        ``totals``: None, or not None for outcomes with what is left sent as well (:func:`_end`).
        ``outcomes``, written: residual pages, duration [s], pages sent, passes, code of the reason,
        converged. ``scratch``, ``fields``: see :mod:`.lanes`.
        """
        if not stamp:
            return
        content, zero_pages, top, rate, target_s, limit = columns
        near, far, stopped, alive = scratch
        changed, moved = fields
        residual, duration, sent, passes, reason, converged = outcomes
        for start in range(0, len(content), LANES):
            n = min(LANES, len(content) - start)
            if looks is not None or guards is not None:
                _put(near, ZERO, zero_pages, start, n, 0.0)
            if looks is not None:
                _put(near, TOP, top, start, n, 0.0)
            if ahead is not None:
                _put(near, AHEAD, ahead, start, n, _ANY)
            if cyclic is not None:
                _put(near, CLASSES + CYCLIC, cyclic[0], start, n, 0.0)
                if len(few_classes) > 1:
                    _put(near, CLASSES + CLASS + CYCLIC, cyclic[1], start, n, 0.0)
                if len(few_classes) > 2:
                    _put(near, CLASSES + 2 * CLASS + CYCLIC, cyclic[2], start, n, 0.0)
            _first(
                near, start, n, content, rate, target_s, limit, writes, sizes, rule, few_classes, cyclic,
                looks, guards, ahead,
            )  # fmt: skip
            _all_passes(
                near, far, stopped, alive, n, rule[0], changed, moved, few_classes, cyclic, looks, guards,
                ahead,
            )  # fmt: skip
            _reasons(near, n, rule, looks, guards)
            if late is not None:
                _go_on_late(near, n, late, few_classes, cyclic, looks, ahead)
            _end(near, n, looks, ahead, totals)
            _take(near, LEFT, residual, start, n)
            _take(near, WAITED, duration, start, n)
            _take(near, SENT, sent, start, n)
            _take_whole(near, COUNT, passes, start, n)
            _take_ends(near, reason, converged, start, n)

    return run


run = _stamped(digest(*KERNEL))
