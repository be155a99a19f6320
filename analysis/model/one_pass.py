"""One pass of one lane of the compiled kernel, and how a lane's state is read from and put into its block.

Small functions that are compiled into the loops of :mod:`.compiled`; what a table does not need is None. A
lane's state is (pages left, pages sent, passes, pages waited for); ``fixed`` is what stays: the residual that
is little enough, pass limit, most that is sent, machine and its inverse, target, pages sent ahead, pages
between two looks and its inverse.
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
    MACHINE,
    MOST,
    PER_LOOK,
    SENT,
    SIZE,
    TARGET,
    TOP,
    WAITED,
    ZERO,
)
from analysis.model.precopy import SAME

lane_function = compiled(fastmath=FAST, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)

State: TypeAlias = tuple[Number, Number, Number, Number]
Kind: TypeAlias = tuple[Number, Number, Number]
"""A class of pages: writes a page while one page is sent, pages, above 0 where written in turn."""
Kinds: TypeAlias = tuple[Kind, ...]
Fixed: TypeAlias = tuple[Number, Number, Number, Number, Number, Number, Number, Number, Number]
Few: TypeAlias = tuple[int, ...]
"""As long as there are classes of pages."""


# --- one pass of one lane: state is (left, sent, count, waited for), fixed what stays ---


@lane_function
def _term(kind: Kind, waited: Number, cyclic: Has) -> Number:
    """Distinct pages of one class dirtied while pages are sent."""
    share, size, in_turn = kind
    hit = saturation(share * waited)
    if cyclic is None:
        return size * hit
    return size * (min(share * waited, like(share, 1)) if in_turn > 0 else hit)


@lane_function
def dirtied(kinds: Kinds, waited: Number, few_classes: Few, cyclic: Has) -> Number:
    """Distinct pages of all classes."""
    pages = _term(kinds[0], waited, cyclic)
    if len(few_classes) > 1:
        pages += _term(kinds[1], waited, cyclic)
    if len(few_classes) > 2:
        pages += _term(kinds[2], waited, cyclic)
    return pages


@lane_function
def _to_send(left: Number, unsent: Number, fixed: Fixed, looks: Has) -> Number:
    """Pages that a pass sends: all, or up to the first look that finds little enough left."""
    if looks is None:
        return left
    number: Number = np.ceil((left - unsent) * fixed[8] - like(left, 1e-9))
    return min(left, max(number, like(left, 1)) * fixed[7])


@lane_function
def then_left(carried: Number, pages: Number, fixed: Fixed, looks: Has, clamp: Has) -> Number:
    """What is dirty after a pass: dirtied meanwhile, and what it did not send."""
    if clamp is not None:
        pages = min(pages, fixed[3])
    if looks is None:
        return pages
    return carried + pages * (like(pages, 1) - carried * fixed[4])


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
    return now if waited_for > like(now, 0) else max(now - fixed[6], like(now, 0))


@lane_function
def step(
    state: State,
    fixed: Fixed,
    kinds: Kinds,
    few_classes: Few,
    cyclic: Has,
    looks: Has,
    clamp: Has,
    ahead: Has,
) -> tuple[State, Number]:
    """A further pass: the state after it, and what it sent."""
    left, sent, count, waited_for = state
    now = _to_send(left, fixed[5], fixed, looks)
    waited = waited_of(now, waited_for, fixed, looks, ahead)
    pages = dirtied(kinds, waited, few_classes, cyclic)
    left = then_left(left - now, pages, fixed, looks, clamp)
    return (left, sent + now, count + like(left, 1), waited_for + waited), now


@lane_function
def pending_of(block: Block, lane: int, content: Number, left: Number, sent: Number, looks: Has) -> Number:
    """What counts as remaining after the first pass: also zero pages that it did not get to."""
    if looks is None:
        return left
    unscanned = (content - sent > block[TOP + lane] * like(left, 1 + SAME)) & (left >= like(left, 1))
    return left + (block[ZERO + lane] if unscanned else like(left, 0))


@lane_function
def begin(
    block: Block,
    lane: int,
    content: Number,
    fixed: Fixed,
    kinds: Kinds,
    few_classes: Few,
    cyclic: Has,
    looks: Has,
    clamp: Has,
    ahead: Has,
) -> tuple[State, Number]:
    """State after the first pass, and what it sent."""
    zero, one = like(content, 0), like(content, 1)
    now = content
    if looks is not None:
        unsent = max(min(block[TOP + lane], fixed[5]), fixed[5] - block[ZERO + lane])
        now = _to_send(content, min(unsent, content), fixed, looks)
    waited = now
    if ahead is not None:
        waited = max(now - block[AHEAD + lane], zero)
    pages = dirtied(kinds, waited, few_classes, cyclic)
    left = then_left(content - now, pages, fixed, looks, clamp)
    return (left, now, one, waited), now


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
def fixed_of(block: Block, lane: int, looks: Has, guards: Has, clamp: Has, ahead: Has) -> Fixed:
    zero = block.dtype.type(0)
    most = zero if guards is None else block[MOST + lane]
    machine = zero if clamp is None else block[MACHINE + lane]
    if looks is None:
        return block[ENOUGH + lane], block[LIMIT + lane], most, machine, zero, zero, zero, zero, zero
    sent_ahead = zero if ahead is None else block[AHEAD + lane]
    return (
        *(block[ENOUGH + lane], block[LIMIT + lane], most, machine),
        *(block[INVERSE + lane], block[TARGET + lane], sent_ahead),
        *(block[BETWEEN + lane], block[PER_LOOK + lane]),
    )


@lane_function
def put_fixed(block: Block, lane: int, fixed: Fixed, looks: Has, guards: Has, clamp: Has) -> None:
    block[ENOUGH + lane], block[LIMIT + lane], block[TARGET + lane] = fixed[0], fixed[1], fixed[5]
    if guards is not None:
        block[MOST + lane] = fixed[2]
    if clamp is not None:
        block[MACHINE + lane] = fixed[3]
    if looks is not None:
        block[INVERSE + lane], block[BETWEEN + lane], block[PER_LOOK + lane] = fixed[4], fixed[7], fixed[8]


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
