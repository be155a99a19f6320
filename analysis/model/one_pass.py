"""One pass of one lane of the compiled kernel, and how a lane's state is read from and put into its block.

Small functions that are compiled into the loops of :mod:`.compiled`; what a table does not need is None. A
lane's state is (pages left, pages sent, passes, pages waited for) and the share of each class of pages that
waits to be sent; ``fixed`` is what stays: the residual that is little enough, pass limit, most that is sent,
target, pages sent ahead, pages between two looks and its inverse.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from analysis.model.exponential import FAST, like, saturation
from analysis.model.jit import Block, Has, Number, compiled
from analysis.model.lanes import (
    AHEAD,
    BETWEEN,
    CLASS,
    CLASSES,
    COUNT,
    CYCLIC,
    ENOUGH,
    GOES,
    INVERSE,
    LAST,
    LEFT,
    LIMIT,
    MOST,
    PER_LOOK,
    SENT,
    SIZE,
    TARGET,
    TOP,
    WAITED,
    WAITS,
    ZERO,
)
from analysis.model.laws.passes import SAME

lane_function = compiled(fastmath=FAST, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)

State: TypeAlias = tuple[Number, Number, Number, Number]
Kind: TypeAlias = tuple[Number, Number, Number]
"""A class of pages: writes a page while one page is sent, pages, above 0 where written in turn."""
Kinds: TypeAlias = tuple[Kind, ...]
Waiting: TypeAlias = tuple[Number, ...]
"""The share of each class that waits to be sent."""
Fixed: TypeAlias = tuple[Number, Number, Number, Number, Number, Number, Number]
Few: TypeAlias = tuple[int, ...]
"""As long as there are classes of pages."""


# --- one pass of one lane: state is (left, sent, count, waited for), fixed what stays ---


@lane_function
def _fresh(kind: Kind, waited: Number, waiting: Number, cyclic: Has, looks: Has) -> Number:
    """Share of one class that is dirtied while pages are sent and was not waiting anyway."""
    share, _, in_turn = kind
    one = like(share, 1)
    hit = saturation(share * waited)
    if looks is None:
        if cyclic is None:
            return hit
        return min(share * waited, one) if in_turn > 0 else hit
    hit = hit * (one - waiting)
    if cyclic is None:
        return hit
    return min(share * waited, one - waiting) if in_turn > 0 else hit


@lane_function
def fresh(
    kinds: Kinds, waited: Number, waiting: Waiting, few_classes: Few, cyclic: Has, looks: Has
) -> Waiting:
    """The same of every class."""
    if len(few_classes) == 1:
        return (_fresh(kinds[0], waited, waiting[0], cyclic, looks),)
    elif len(few_classes) == 2:  # noqa: RET505 (the branch not taken must not be compiled: types differ)
        first = _fresh(kinds[0], waited, waiting[0], cyclic, looks)
        return first, _fresh(kinds[1], waited, waiting[1], cyclic, looks)
    else:
        first = _fresh(kinds[0], waited, waiting[0], cyclic, looks)
        second = _fresh(kinds[1], waited, waiting[1], cyclic, looks)
        return first, second, _fresh(kinds[2], waited, waiting[2], cyclic, looks)


@lane_function
def pages_of(kinds: Kinds, shares: Waiting, few_classes: Few) -> Number:
    """Pages that shares of all classes are."""
    pages = kinds[0][1] * shares[0]
    if len(few_classes) > 1:
        pages += kinds[1][1] * shares[1]
    if len(few_classes) > 2:
        pages += kinds[2][1] * shares[2]
    return pages


@lane_function
def times(factor: Number, shares: Waiting, few_classes: Few) -> Waiting:
    if len(few_classes) == 1:
        return (factor * shares[0],)
    elif len(few_classes) == 2:  # noqa: RET505 (as above)
        return factor * shares[0], factor * shares[1]
    else:
        return factor * shares[0], factor * shares[1], factor * shares[2]


@lane_function
def plus(some: Waiting, more: Waiting, few_classes: Few) -> Waiting:
    if len(few_classes) == 1:
        return (some[0] + more[0],)
    elif len(few_classes) == 2:  # noqa: RET505 (as above)
        return some[0] + more[0], some[1] + more[1]
    else:
        return some[0] + more[0], some[1] + more[1], some[2] + more[2]


@lane_function
def _to_send(left: Number, unsent: Number, fixed: Fixed, looks: Has) -> Number:
    """Pages that a pass sends: all, or up to the first look that finds little enough left."""
    if looks is None:
        return left
    number: Number = np.ceil((left - unsent) * fixed[6] - like(left, 1e-9))
    return min(left, max(number, like(left, 1)) * fixed[5])


@lane_function
def then_waits(
    carried: Number, per_page: Number, waited: Number, kinds: Kinds, waiting: Waiting, few_classes: Few,
    cyclic: Has, looks: Has,
) -> tuple[Number, Waiting]:  # fmt: skip
    """What is dirty after a pass, in pages and as a share of each class: dirtied meanwhile, and not sent.

    ``per_page``: the share that one page that waits on is of those among which it waited.
    """
    if looks is None:
        return pages_of(
            kinds, fresh(kinds, waited, waiting, few_classes, cyclic, looks), few_classes
        ), waiting
    kept = times(carried * per_page, waiting, few_classes)
    more = fresh(kinds, waited, kept, few_classes, cyclic, looks)
    return carried + pages_of(kinds, more, few_classes), plus(kept, more, few_classes)


@lane_function
def goes(state: State, pending: Number, now: Number, fixed: Fixed, few: Number, guards: Has) -> bool:
    """True while the rule lets pre-copy go on after a pass that sent some pages."""
    goes = (pending > fixed[0]) & (state[2] < fixed[1])
    if guards is not None:
        goes = goes & (now >= few) & (state[1] <= fixed[2])
    return goes


@lane_function
def waited_of(now: Number, waited_for: Number, fixed: Fixed, looks: Has, ahead: Has) -> Number:
    """Pages of a further pass that the sender waits for."""
    if looks is None or ahead is None:
        return now
    return now if waited_for > like(now, 0) else max(now - fixed[4], like(now, 0))


@lane_function
def step(
    state: State, waiting: Waiting, fixed: Fixed, kinds: Kinds, few_classes: Few, cyclic: Has, looks: Has,
    ahead: Has,
) -> tuple[State, Waiting, Number]:  # fmt: skip
    """A further pass: the state after it, what then waits, and what it sent."""
    left, sent, count, waited_for = state
    now = _to_send(left, fixed[3], fixed, looks)
    waited = waited_of(now, waited_for, fixed, looks, ahead)
    per_page = like(left, 1) / left
    left, waiting = then_waits(left - now, per_page, waited, kinds, waiting, few_classes, cyclic, looks)
    return (left, sent + now, count + like(left, 1), waited_for + waited), waiting, now


@lane_function
def pending_of(block: Block, lane: int, content: Number, left: Number, sent: Number, looks: Has) -> Number:
    """What counts as remaining after the first pass: also zero pages that it did not get to."""
    if looks is None:
        return left
    unscanned = (content - sent > block[TOP + lane] * like(left, 1 + SAME)) & (left >= like(left, 1))
    return left + (block[ZERO + lane] if unscanned else like(left, 0))


@lane_function
def begin(
    block: Block, lane: int, content: Number, fixed: Fixed, kinds: Kinds, few_classes: Few, cyclic: Has,
    looks: Has, ahead: Has,
) -> tuple[State, Waiting, Number]:  # fmt: skip
    """State after the first pass, what then waits, and what it sent."""
    zero, one = like(content, 0), like(content, 1)
    now, per_page = content, zero
    if looks is not None:
        unsent = max(min(block[TOP + lane], fixed[3]), fixed[3] - block[ZERO + lane])
        now = _to_send(content, min(unsent, content), fixed, looks)
        per_page = block[INVERSE + lane]
    waited = now
    if ahead is not None:
        waited = max(now - block[AHEAD + lane], zero)
    every = times(one, (one, one, one), few_classes)
    left, waiting = then_waits(content - now, per_page, waited, kinds, every, few_classes, cyclic, looks)
    return (left, now, one, waited), waiting, now


# --- lanes and the block ------------------------------------------------------------------------


@lane_function
def state_of(block: Block, lane: int, looks: Has, ahead: Has) -> State:
    waited = block.dtype.type(0) if looks is None or ahead is None else block[WAITED + lane]
    return block[LEFT + lane], block[SENT + lane], block[COUNT + lane], waited


@lane_function
def put_state(block: Block, lane: int, state: State, looks: Has, ahead: Has) -> None:
    block[LEFT + lane], block[SENT + lane], block[COUNT + lane] = state[0], state[1], state[2]
    if looks is not None and ahead is not None:
        block[WAITED + lane] = state[3]


@lane_function
def put_end(block: Block, lane: int, goes: bool, now: Number, guards: Has) -> None:
    """Whether a lane goes on, and what it sent last."""
    block[GOES + lane] = like(now, 1) if goes else like(now, 0)
    if guards is not None:
        block[LAST + lane] = now


@lane_function
def waiting_of(block: Block, lane: int, few_classes: Few, looks: Has) -> Waiting:
    zero = block.dtype.type(0)
    at = CLASSES + WAITS + lane
    if looks is None:
        return times(zero, (zero, zero, zero), few_classes)
    elif len(few_classes) == 1:  # noqa: RET505 (as above)
        return (block[at],)
    elif len(few_classes) == 2:
        return block[at], block[at + CLASS]
    else:
        return block[at], block[at + CLASS], block[at + 2 * CLASS]


@lane_function
def put_waiting(block: Block, lane: int, waiting: Waiting, few_classes: Few, looks: Has) -> None:
    at = CLASSES + WAITS + lane
    if looks is not None:
        block[at] = waiting[0]
        if len(few_classes) > 1:
            block[at + CLASS] = waiting[1]
        if len(few_classes) > 2:
            block[at + 2 * CLASS] = waiting[2]


@lane_function
def fixed_of(block: Block, lane: int, looks: Has, guards: Has, ahead: Has) -> Fixed:
    zero = block.dtype.type(0)
    most = zero if guards is None else block[MOST + lane]
    if looks is None:
        return block[ENOUGH + lane], block[LIMIT + lane], most, zero, zero, zero, zero
    sent_ahead = zero if ahead is None else block[AHEAD + lane]
    return (
        *(block[ENOUGH + lane], block[LIMIT + lane], most, block[TARGET + lane]),
        *(sent_ahead, block[BETWEEN + lane], block[PER_LOOK + lane]),
    )


@lane_function
def put_fixed(block: Block, lane: int, fixed: Fixed, looks: Has, guards: Has) -> None:
    block[ENOUGH + lane], block[LIMIT + lane], block[TARGET + lane] = fixed[0], fixed[1], fixed[3]
    if guards is not None:
        block[MOST + lane] = fixed[2]
    if looks is not None:
        block[BETWEEN + lane], block[PER_LOOK + lane] = fixed[5], fixed[6]


@lane_function
def _kind_of(block: Block, lane: int, j: int, cyclic: Has) -> Kind:
    at = CLASSES + CLASS * j + lane
    in_turn = block.dtype.type(0) if cyclic is None else block[at + CYCLIC]
    return block[at], block[at + SIZE], in_turn


@lane_function
def kinds_of(block: Block, lane: int, few_classes: Few, cyclic: Has) -> Kinds:
    if len(few_classes) == 1:
        return (_kind_of(block, lane, 0, cyclic),)
    elif len(few_classes) == 2:  # noqa: RET505 (the branch not taken must not be compiled: types differ)
        return _kind_of(block, lane, 0, cyclic), _kind_of(block, lane, 1, cyclic)
    else:
        first, second = _kind_of(block, lane, 0, cyclic), _kind_of(block, lane, 1, cyclic)
        return first, second, _kind_of(block, lane, 2, cyclic)


@lane_function
def _put_kind(block: Block, lane: int, j: int, kind: Kind) -> None:
    at = CLASSES + CLASS * j + lane
    block[at], block[at + SIZE] = kind[0], kind[1]


@lane_function
def put_kinds(block: Block, lane: int, kinds: Kinds, few_classes: Few) -> None:
    _put_kind(block, lane, 0, kinds[0])
    if len(few_classes) > 1:
        _put_kind(block, lane, 1, kinds[1])
    if len(few_classes) > 2:
        _put_kind(block, lane, 2, kinds[2])
