"""The recurrence of pre-copy compiled: the same passes as :mod:`.precopy`, many scenarios at a time.

A block of :data:`LANES` scenarios makes its passes in step, one scenario a lane of the processor's vectors.
Half of all scenarios have stopped after two passes and a tenth runs to its limit, so lanes that wait for the
slowest of their block would cost most of the time: every three passes those still running are moved together.

A pass is written once, in small functions of one lane. What a table does not need is None, and left out when
they are compiled: ``ahead`` (pages sent before the first wait), ``cyclic`` (pages written in turn), ``looks``
(the rule looks at what remains during a pass), ``guards`` (it minds few pages or how much was sent),
``clamp`` (the classes may be larger than the machine). ``few_classes`` is a tuple as long as there are
classes of pages, at most three. Numbers are float64 or float32, as the columns are.

How it stays fast: loops over lanes touch one array, ``block``, at constant distances, so that the compiler
sees that nothing overlaps; columns are read by unsigned indices, which cannot wrap around.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .exponential import FAST, like, saturation
from .precopy import REASONS, SAME

LANES = 1024
"""Scenarios in a block: few enough for the nearer caches, enough that few vectors are partly empty."""
MANY = 33
"""Passes after which lanes are sorted out more and more seldom."""
PITCH = LANES + 32
"""Distance between quantities: not a power of two, where all of a lane would share lines of the cache."""
_NOTHING_LEFT, _FEW_PAGES, _TARGET_MET, _PASS_LIMIT, _SENT_LIMIT = (
    2 * REASONS.index(name)
    for name in ("nothing_left", "few_pages", "target_met", "pass_limit", "sent_limit")
)
_BELOW_ONE, _BELOW_ONE32 = np.nextafter(1.0, 0.0), np.nextafter(np.float32(1), np.float32(0))

# Where each quantity of the lanes lies in a block: first what passes change, then what stays.
_FIELDS = 22
LEFT, SENT, COUNT, WAITED, LAST = (PITCH * k for k in range(5))
ENOUGH, LIMIT, MOST, MACHINE, INVERSE, TARGET, AHEAD, BETWEEN, PER_LOOK = (PITCH * k for k in range(5, 14))
CONTENT, ZERO, TOP, RATE, ENDED, LATE_LEFT, LATE_SENT, LATE_WAITED = (PITCH * k for k in range(14, _FIELDS))
CLASSES = PITCH * _FIELDS
SIZE, CYCLIC, CLASS = PITCH, 2 * PITCH, 3 * PITCH
"""Within a class: writes a page while one page is sent come first, then its size and whether it is cyclic."""

_jit = njit(fastmath=FAST, error_model="numpy", nogil=True, cache=True)
_lane = njit(fastmath=FAST, error_model="numpy", forceinline=True, cache=True)


# --- one pass of one lane: state is (left, sent, count, waited for, sent last), fixed what stays ---


@_lane
def _term(kind, waited, cyclic):
    """Distinct pages of one class dirtied while pages are sent."""
    share, size, in_turn = kind
    hit = saturation(share * waited)
    if cyclic is None:
        return size * hit
    return size * (min(share * waited, like(share, 1)) if in_turn > 0 else hit)


@_lane
def _dirtied(kinds, waited, few_classes, cyclic):
    """Distinct pages of all classes."""
    pages = _term(kinds[0], waited, cyclic)
    if len(few_classes) > 1:
        pages += _term(kinds[1], waited, cyclic)
    if len(few_classes) > 2:
        pages += _term(kinds[2], waited, cyclic)
    return pages


@_lane
def _to_send(left, unsent, fixed, looks):
    """Pages that a pass sends: all, or up to the first look that finds little enough left."""
    if looks is None:
        return left
    number = np.ceil((left - unsent) * fixed[8] - like(left, 1e-9))
    return min(left, max(number, like(left, 1)) * fixed[7])


@_lane
def _then_left(carried, pages, fixed, looks, clamp):
    """What is dirty after a pass: dirtied meanwhile, and what it did not send."""
    if clamp is not None:
        pages = min(pages, fixed[3])
    if looks is None:
        return pages
    return carried + pages * (like(pages, 1) - carried * fixed[4])


@_lane
def _goes(state, pending, fixed, few, guards):
    """True while the rule lets pre-copy go on."""
    goes = (pending > fixed[0]) & (state[2] < fixed[1])
    if guards is not None:
        goes = goes & (state[4] >= few) & (state[1] <= fixed[2])
    return goes


@_lane
def _step(state, pending, fixed, kinds, few, few_classes, cyclic, looks, guards, clamp):
    """A further pass; nothing for a lane that has stopped."""
    left, sent, count, waited_for, last = state
    zero = like(left, 0)
    goes = _goes(state, pending, fixed, few, guards)
    now = _to_send(left, fixed[5], fixed, looks)
    waited = now
    if looks is not None:
        waited = now if waited_for > zero else max(now - fixed[6], zero)
    pages = _dirtied(kinds, waited, few_classes, cyclic)
    return (
        _then_left(left - now, pages, fixed, looks, clamp) if goes else left,
        sent + (now if goes else zero),
        count + (like(left, 1) if goes else zero),
        waited_for + (waited if goes else zero),
        now if goes else last,
    )


@_lane
def _pending(block, lane, content, left, sent, looks):
    """What counts as remaining after the first pass: also zero pages that it did not get to."""
    if looks is None:
        return left
    unscanned = (content - sent > block[TOP + lane] * like(left, 1 + SAME)) & (left >= like(left, 1))
    return left + (block[ZERO + lane] if unscanned else like(left, 0))


@_lane
def _begin(block, lane, content, fixed, kinds, few_classes, cyclic, looks, clamp, ahead):
    """State after the first pass, and what is pending then."""
    zero, one = like(content, 0), like(content, 1)
    now = content
    if looks is not None:
        unsent = max(min(block[TOP + lane], fixed[5]), fixed[5] - block[ZERO + lane])
        now = _to_send(content, min(unsent, content), fixed, looks)
    waited = now
    if ahead is not None:
        waited = max(now - block[AHEAD + lane], zero)
    pages = _dirtied(kinds, waited, few_classes, cyclic)
    left = _then_left(content - now, pages, fixed, looks, clamp)
    return (left, now, one, waited, now), _pending(block, lane, content, left, now, looks)


# --- lanes and the block ------------------------------------------------------------------------


@_lane
def _state_of(block, lane, looks, guards):
    zero = block.dtype.type(0)
    waited = zero if looks is None else block[WAITED + lane]
    last = zero if guards is None else block[LAST + lane]
    return block[LEFT + lane], block[SENT + lane], block[COUNT + lane], waited, last


@_lane
def _put_state(block, lane, state, looks, guards):
    block[LEFT + lane], block[SENT + lane], block[COUNT + lane] = state[0], state[1], state[2]
    if looks is not None:
        block[WAITED + lane] = state[3]
    if guards is not None:
        block[LAST + lane] = state[4]


@_lane
def _fixed_of(block, lane, looks, guards, clamp):
    zero = block.dtype.type(0)
    most = zero if guards is None else block[MOST + lane]
    machine = zero if clamp is None else block[MACHINE + lane]
    if looks is None:
        return block[ENOUGH + lane], block[LIMIT + lane], most, machine, zero, zero, zero, zero, zero
    looked = (block[INVERSE + lane], block[TARGET + lane], block[AHEAD + lane])
    return (
        *(block[ENOUGH + lane], block[LIMIT + lane], most, machine),
        *looked,
        *(block[BETWEEN + lane], block[PER_LOOK + lane]),
    )


@_lane
def _put_fixed(block, lane, fixed, looks, guards, clamp):
    block[ENOUGH + lane], block[LIMIT + lane] = fixed[0], fixed[1]
    if guards is not None:
        block[MOST + lane] = fixed[2]
    if clamp is not None:
        block[MACHINE + lane] = fixed[3]
    if looks is not None:
        block[INVERSE + lane], block[TARGET + lane], block[AHEAD + lane] = fixed[4], fixed[5], fixed[6]
        block[BETWEEN + lane], block[PER_LOOK + lane] = fixed[7], fixed[8]


@_lane
def _kind_of(block, lane, j, cyclic):
    at = CLASSES + CLASS * j + lane
    in_turn = block.dtype.type(0) if cyclic is None else block[at + CYCLIC]
    return block[at], block[at + SIZE], in_turn


@_lane
def _kinds_of(block, lane, few_classes, cyclic):
    if len(few_classes) == 1:
        return (_kind_of(block, lane, 0, cyclic),)
    elif len(few_classes) == 2:  # noqa: RET505 (the branch not taken must not be compiled: types differ)
        return _kind_of(block, lane, 0, cyclic), _kind_of(block, lane, 1, cyclic)
    else:
        first, second = _kind_of(block, lane, 0, cyclic), _kind_of(block, lane, 1, cyclic)
        return first, second, _kind_of(block, lane, 2, cyclic)


@_lane
def _put_kind(block, lane, j, kind, cyclic):
    at = CLASSES + CLASS * j + lane
    block[at], block[at + SIZE] = kind[0], kind[1]
    if cyclic is not None:
        block[at + CYCLIC] = kind[2]


@_lane
def _put_kinds(block, lane, kinds, few_classes, cyclic):
    _put_kind(block, lane, 0, kinds[0], cyclic)
    if len(few_classes) > 1:
        _put_kind(block, lane, 1, kinds[1], cyclic)
    if len(few_classes) > 2:
        _put_kind(block, lane, 2, kinds[2], cyclic)


# --- from columns to lanes ----------------------------------------------------------------------


@_lane
def _fixed_from(block, lane, content, rate, target_s, limit, rule, looks, guards, clamp, ahead):
    """What stays, from columns; ``enough`` is the residual below which the rule stops."""
    _, sent_limit, check_s, ends_at_target = rule
    zero, one = like(content, 0), like(content, 1)
    target = rate * target_s
    below = block.dtype.type(_BELOW_ONE32 if block.itemsize == 4 else _BELOW_ONE)
    enough = max(target, below) if ends_at_target else below
    most = machine = inverse = between = per_look = sent_ahead = zero
    if looks is not None or guards is not None or clamp is not None:
        machine = content + block[ZERO + lane]
        most = sent_limit * max(machine, one)
    if looks is not None:
        inverse = one / machine if machine > zero else zero
        between = rate * check_s
        per_look = one / between
    if ahead is not None:
        sent_ahead = block[AHEAD + lane]
    return enough, limit, most, machine, inverse, target, sent_ahead, between, per_look


@_lane
def _kind_from(block, lane, rate, writes, size, j, cyclic):
    zero, one = like(rate, 0), like(rate, 1)
    share = writes / ((size if size > zero else one) * rate)
    in_turn = zero if cyclic is None else block[CLASSES + CLASS * j + CYCLIC + lane]
    return (share if size > zero else zero), size, in_turn


@_lane
def _kinds_from(block, lane, i, rate, w, s, few_classes, cyclic):
    if len(few_classes) == 1:
        return (_kind_from(block, lane, rate, w[0][i], s[0][i], 0, cyclic),)
    elif len(few_classes) == 2:  # noqa: RET505 (as above)
        first = _kind_from(block, lane, rate, w[0][i], s[0][i], 0, cyclic)
        return first, _kind_from(block, lane, rate, w[1][i], s[1][i], 1, cyclic)
    else:
        first = _kind_from(block, lane, rate, w[0][i], s[0][i], 0, cyclic)
        second = _kind_from(block, lane, rate, w[1][i], s[1][i], 1, cyclic)
        return first, second, _kind_from(block, lane, rate, w[2][i], s[2][i], 2, cyclic)


@_lane
def _put(block, field, column, start, n):
    # A plain copy would be made a call of memcpy, which is slow at the length of a block.
    for lane in range(n):
        block[field + lane] = max(column[np.uintp(start) + np.uintp(lane)], block.dtype.type(0))


@_jit
def _first_three(
    block, start, n, content, rates, targets_s, limits, writes, sizes, rule, few_classes, cyclic, looks,
    guards, clamp, ahead,
):  # fmt: skip
    """The first three passes of n lanes, from the columns."""
    few = rule[0]
    for lane in range(n):
        i = np.uintp(start) + np.uintp(lane)
        rate, pages = rates[i], content[i]
        fixed = _fixed_from(
            block, lane, pages, rate, targets_s[i], limits[i], rule, looks, guards, clamp, ahead
        )
        kinds = _kinds_from(block, lane, i, rate, writes, sizes, few_classes, cyclic)
        state, pending = _begin(block, lane, pages, fixed, kinds, few_classes, cyclic, looks, clamp, ahead)
        state = _step(state, pending, fixed, kinds, few, few_classes, cyclic, looks, guards, clamp)
        state = _step(state, state[0], fixed, kinds, few, few_classes, cyclic, looks, guards, clamp)
        _put_state(block, lane, state, looks, guards)
        _put_fixed(block, lane, fixed, looks, guards, clamp)
        _put_kinds(block, lane, kinds, few_classes, cyclic)
        block[TARGET + lane], block[RATE + lane], block[CONTENT + lane] = fixed[5], rate, pages


@_jit
def _three_more(block, n, few, few_classes, cyclic, looks, guards, clamp):
    """Three further passes of n lanes."""
    for lane in range(n):
        fixed = _fixed_of(block, lane, looks, guards, clamp)
        kinds = _kinds_of(block, lane, few_classes, cyclic)
        state = _state_of(block, lane, looks, guards)
        state = _step(state, state[0], fixed, kinds, few, few_classes, cyclic, looks, guards, clamp)
        state = _step(state, state[0], fixed, kinds, few, few_classes, cyclic, looks, guards, clamp)
        state = _step(state, state[0], fixed, kinds, few, few_classes, cyclic, looks, guards, clamp)
        _put_state(block, lane, state, looks, guards)


# --- lanes that go on, and those that have stopped ----------------------------------------------


@_jit
def _flag(block, n, few, looks, guards, flags):
    for lane in range(n):
        state, fixed = _state_of(block, lane, looks, guards), _fixed_of(block, lane, None, guards, None)
        flags[lane] = np.int32(_goes(state, state[0], fixed, few, guards))


@_jit
def _find(n, flags, running):
    """Which lanes go on, in order; returns how many."""
    number = np.uintp(0)
    for lane in range(n):
        running[number] = lane
        number += np.uintp(flags[lane])
    return np.intp(number)


@_jit
def _gather(source, target, running, n, few_classes, cyclic, looks, guards, clamp):
    """Move the lanes that go on to the front."""
    for j in range(n):
        lane = np.uintp(running[j])
        _put_state(target, j, _state_of(source, lane, looks, guards), looks, guards)
        _put_fixed(target, j, _fixed_of(source, lane, looks, guards, clamp), looks, guards, clamp)
        _put_kinds(target, j, _kinds_of(source, lane, few_classes, cyclic), few_classes, cyclic)


@_jit
def _scatter(source, target, lanes, n, looks, guards):
    """What passes changed, back to where the lanes came from."""
    for j in range(n):
        _put_state(target, np.uintp(lanes[j]), _state_of(source, j, looks, guards), looks, guards)


@_jit
def _follow(lanes, running, n):
    """Where lanes that were moved once more came from."""
    for j in range(n):
        lanes[j] = lanes[running[j]]


@_jit
def _all_passes(near, far, flags, running, lanes, n, few, few_classes, cyclic, looks, guards, clamp):
    """All further passes of the n lanes of a block; those that go on are moved to ``far`` meanwhile."""
    _flag(near, n, few, looks, guards, flags)
    n = _find(n, flags, running)
    _gather(near, far, running, n, few_classes, cyclic, looks, guards, clamp)
    lanes[:n] = running[:n]
    times, made = 1, 3
    while n:
        for _ in range(times):
            _three_more(far, n, few, few_classes, cyclic, looks, guards, clamp)
        _scatter(far, near, lanes, n, looks, guards)
        _flag(far, n, few, looks, guards, flags)
        n = _find(n, flags, running)
        _gather(far, far, running, n, few_classes, cyclic, looks, guards, clamp)
        _follow(lanes, running, n)
        made += 3 * times
        # Beyond the usual limits few lanes are left, and moving them costs more than their passes.
        times = 2 if made < MANY else min(2 * times, 16)


@_jit
def _go_on_late(block, n, delay_s, few_classes, cyclic, looks, clamp):
    """What would be left, sent and waited for if a pass limit acted late, pages being sent on and written."""
    for lane in range(n):
        left, sent, _, waited_for, _ = _state_of(block, lane, looks, None)
        zero = like(left, 0)
        fixed = _fixed_of(block, lane, looks, None, clamp)
        more = min(left, block[RATE + lane] * delay_s)
        waited = more if waited_for > zero else max(more - fixed[6], zero)
        pages = _dirtied(_kinds_of(block, lane, few_classes, cyclic), waited, few_classes, cyclic)
        block[LATE_LEFT + lane] = _then_left(left - more, pages, fixed, looks, clamp)
        block[LATE_SENT + lane], block[LATE_WAITED + lane] = sent + more, waited_for + waited


@_lane
def _reason(block, lane, state, few, ends_at_target, looks, guards):
    """Twice the code of the reason why pre-copy ended; the first that holds."""
    left, target = state[0], block[TARGET + lane]
    reason = like(left, _PASS_LIMIT) if state[2] >= block[LIMIT + lane] else like(left, _SENT_LIMIT)
    if ends_at_target:
        met = left <= target
        if looks is not None and state[2] == like(left, 1):
            met = _pending(block, lane, block[CONTENT + lane], left, state[1], looks) <= target
        reason = like(left, _TARGET_MET) if met else reason
    if guards is not None:
        reason = like(left, _FEW_PAGES) if state[4] < few else reason
    return like(left, _NOTHING_LEFT) if left < like(left, 1) else reason


@_jit
def _end(block, n, rule, looks, guards, ahead, late, totals):
    """Seconds waited for, and twice the code of the reason, plus 1 where pre-copy converged.

    With ``late`` what :func:`_go_on_late` found counts for those that reached the pass limit. With ``totals``
    what is left is sent as well: its seconds stand for its pages and count in the others.
    """
    for lane in range(n):
        state = _state_of(block, lane, looks, guards)
        reason = _reason(block, lane, state, rule[0], rule[3], looks, guards)
        left, sent, waited = state[0], state[1], state[1]
        if looks is not None:
            waited = state[3]
        elif ahead is not None:
            waited = waited - min(block[AHEAD + lane], block[CONTENT + lane])
        if late is not None:
            limited = reason == like(reason, _PASS_LIMIT)
            left = block[LATE_LEFT + lane] if limited else left
            sent = block[LATE_SENT + lane] if limited else sent
            waited = block[LATE_WAITED + lane] if limited else waited
        converged = (reason <= like(left, _TARGET_MET)) | (left <= block[TARGET + lane])
        block[ENDED + lane] = reason + (like(left, 1) if converged else like(left, 0))
        per_page = like(left, 1) / block[RATE + lane]
        if totals is None:
            block[LEFT + lane], block[SENT + lane] = left, sent
            block[WAITED + lane] = waited * per_page
        else:
            block[LEFT + lane], block[SENT + lane] = left * per_page, sent + left
            block[WAITED + lane] = (waited + left) * per_page


@_lane
def _take(block, field, column, start, n):
    for lane in range(n):  # no plain copy, as in _put
        column[np.uintp(start) + np.uintp(lane)] = max(block[field + lane], block.dtype.type(0))


@_lane
def _take_whole(block, field, column, start, n):
    for lane in range(n):
        column[np.uintp(start) + np.uintp(lane)] = np.int32(block[field + lane])


@_jit
def run(
    scratch, columns, writes, sizes, cyclic, ahead, rule, few_classes, looks, guards, clamp, late, totals,
    outcomes,
):  # fmt: skip
    """Make the passes of all rows of some columns, block by block.

    ``columns``: content, zero pages, content at the top [pages], rate [pages/s], target [s], pass limit.
    ``writes`` [pages/s], ``sizes`` [pages], ``cyclic``: a column each for every class. ``rule``: few pages,
    limit on what is sent [machines], seconds between looks, whether the target ends pre-copy.
    ``late``: None, or seconds from the pass limit to the pause; only together with looks.
    ``totals``: None, or not None for outcomes with what is left sent as well (:func:`_end`).
    ``outcomes``, written: residual pages, duration [s], pages sent, passes, and twice the code of the reason
    plus 1 where pre-copy converged. ``scratch``: two blocks and three lists of lanes (:func:`scratch_of`).
    """
    content, zero_pages, top, rate, target_s, limit = columns
    near, far, flags, running, lanes = scratch
    residual, duration, sent, passes, ended = outcomes
    few = rule[0]
    for start in range(0, len(content), LANES):
        n = min(LANES, len(content) - start)
        if looks is not None or guards is not None or clamp is not None:
            _put(near, ZERO, zero_pages, start, n)
        if looks is not None:
            _put(near, TOP, top, start, n)
        if ahead is not None:
            _put(near, AHEAD, ahead, start, n)
        if cyclic is not None:
            _put(near, CLASSES + CYCLIC, cyclic[0], start, n)
            if len(few_classes) > 1:
                _put(near, CLASSES + CLASS + CYCLIC, cyclic[1], start, n)
            if len(few_classes) > 2:
                _put(near, CLASSES + 2 * CLASS + CYCLIC, cyclic[2], start, n)
        _first_three(
            near, start, n, content, rate, target_s, limit, writes, sizes, rule, few_classes, cyclic, looks,
            guards, clamp, ahead,
        )  # fmt: skip
        _all_passes(near, far, flags, running, lanes, n, few, few_classes, cyclic, looks, guards, clamp)
        if late is not None:
            _go_on_late(near, n, late, few_classes, cyclic, looks, clamp)
        _end(near, n, rule, looks, guards, ahead, late, totals)
        _take(near, LEFT, residual, start, n)
        _take(near, WAITED, duration, start, n)
        _take(near, SENT, sent, start, n)
        _take_whole(near, COUNT, passes, start, n)
        _take_whole(near, ENDED, ended, start, n)


def scratch_of(dtype, classes: int) -> tuple[np.ndarray, ...]:
    """Memory for :func:`run`, to be used by one thread at a time."""
    blocks = np.zeros((2, CLASSES + CLASS * classes), dtype)
    flags, running, lanes = np.zeros((3, LANES), np.int32)
    return blocks[0], blocks[1], flags, running, lanes
