"""A block of scenarios, one a lane, and how those that go on are moved together.

A block is one flat array of numbers in which every quantity has a stretch of its own, a place for each lane.
Picking lanes one by one costs as much as several passes, so vectors are squeezed: the lanes of a vector that
go on are moved together by one instruction of the processor (``compress``), or by what LLVM makes of it where
there is none. Only compiled code may call what is marked as an intrinsic.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from analysis.arrays import Indices
from analysis.model.jit import Block, compiled, intrinsic

LANES = 4096
"""Scenarios in a block: few enough for the nearer caches, enough that the last to run cost them little."""
GROUP = 32
"""Lanes that make a pass or are skipped together: whole vectors of either type of number."""
PITCH = LANES + GROUP
"""Distance between quantities: not a power of two, where all of a lane would share lines of the cache."""

# Where each quantity of the lanes lies in a block: what passes change, what they read, and the rest.
_FIELDS = 20
LEFT, SENT, COUNT, WAITED, LAST = (PITCH * k for k in range(5))
GOES, LANE, ENOUGH, LIMIT, MOST = (PITCH * k for k in range(5, 10))
TARGET, AHEAD, BETWEEN, PER_LOOK, INVERSE = (PITCH * k for k in range(10, 15))
CONTENT, ZERO, TOP, RATE, ENDED = (PITCH * k for k in range(15, _FIELDS))
CLASSES = PITCH * _FIELDS
SIZE, CYCLIC, WAITS, CLASS = PITCH, 2 * PITCH, 3 * PITCH, 4 * PITCH
"""Within a class: writes a page while one page is sent come first, then its size, whether it is cyclic, and
the share of it that waits to be sent."""

_VECTOR_BYTES = 64
"""Bytes moved at once: the longest vectors of today's processors; shorter ones take two or four steps."""
_place = types.intp
_jit = compiled(nogil=True, cache=True)


Scratch: TypeAlias = tuple[Block, Block, Block, Indices]


def scratch_of(dtype: type[np.floating[Any]], classes: int) -> Scratch:
    """Memory for :func:`.compiled.run` in one thread: three blocks, and how many go on in each group."""
    near, far, stopped = np.zeros((3, CLASSES + CLASS * classes), dtype)
    near[LANE : LANE + LANES] = np.arange(LANES)
    return near, far, stopped, np.zeros(LANES // GROUP, np.intp)


@cache
def fields_of(
    looks: bool | None, guards: bool | None, cyclic: bool, ahead: bool, classes: int
) -> tuple[Indices, Indices]:
    """Where a lane's quantities lie that passes change, and all that they read; whether a table has what."""
    waits, kinds = looks and ahead, [CLASSES + CLASS * j for j in range(classes)]
    state = [LEFT, SENT, COUNT, *([WAITED] if waits else []), *(at + WAITS for at in kinds if looks)]
    changed = [*state, *([LAST] if guards else [])]
    moved = [
        *state,
        *(LANE, ENOUGH, LIMIT),
        *([MOST] if guards else []),
        *([TARGET, BETWEEN, PER_LOOK] if looks else []),
        *([AHEAD] if waits else []),
        *(at + part for at in kinds for part in (0, SIZE, *([CYCLIC] if cyclic else []))),
    ]
    return np.array(changed, np.intp), np.array(moved, np.intp)


# --- vectors ------------------------------------------------------------------------------------


def _vector_of(number: types.Float) -> ir.VectorType:
    width = _VECTOR_BYTES * 8 // number.bitwidth
    return ir.VectorType(ir.DoubleType() if number.bitwidth == 64 else ir.FloatType(), width)


def _vector_at(context: Any, builder: ir.IRBuilder, kind: Any, block: ir.Value, place: ir.Value) -> ir.Value:
    """A pointer to the vector that begins at a place of a block."""
    first = builder.gep(context.make_array(kind)(context, builder, block).data, [place])
    return builder.bitcast(first, _vector_of(kind.dtype).as_pointer())


@intrinsic(int)
def marks(typingctx: Any, block: Any, place: Any) -> Any:
    """Bits of the lanes of the vector at a place whose number is above 0; the first lane's is the lowest."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Sequence[ir.Value]) -> ir.Value:
        vector = _vector_of(block.dtype)
        numbers = builder.load(_vector_at(context, builder, block, *args), align=4)
        bits = builder.fcmp_ordered(">", numbers, ir.Constant(vector, None))
        return builder.zext(builder.bitcast(bits, ir.IntType(vector.count)), ir.IntType(64))

    return types.uint64(block, _place), emit


@intrinsic(int)
def number_of(typingctx: Any, bits: Any) -> Any:
    """How many bits are set."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Sequence[ir.Value]) -> ir.Value:
        return builder.ctpop(args[0])

    return _place(types.uint64), emit


@intrinsic(object)
def squeeze(typingctx: Any, source: Any, place: Any, bits: Any, target: Any, to: Any) -> Any:
    """Write the marked lanes of the vector at a place of one block next to each other into another.

    A whole vector is written: what follows the marked lanes there is of no use.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Sequence[ir.Value]) -> ir.Value:
        vector = _vector_of(source.dtype)
        numbers = builder.load(_vector_at(context, builder, source, *args[:2]), align=4)
        marked = builder.bitcast(
            builder.trunc(args[2], ir.IntType(vector.count)), ir.VectorType(ir.IntType(1), vector.count)
        )
        suffix = f"v{vector.count}f{source.dtype.bitwidth}"
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(vector, [vector, marked.type, vector]),
            f"llvm.experimental.vector.compress.{suffix}",
        )
        pressed = builder.call(function, [numbers, marked, ir.Constant(vector, ir.Undefined)])
        builder.store(pressed, _vector_at(context, builder, target, *args[3:]), align=4)
        return context.get_dummy_value()

    return types.none(source, _place, types.uint64, target, _place), emit


# --- lanes that go on, and those that have stopped ----------------------------------------------


@_jit
def whole(n: int) -> int:
    """Lanes of n in whole groups."""
    return (n + GROUP - 1) // GROUP * GROUP


@_jit
def number_going(block: Block, first: int) -> int:
    """How many of the group of lanes that begins there go on."""
    number = 0
    for lane in range(first, first + GROUP, _VECTOR_BYTES // block.itemsize):
        number += number_of(marks(block, GOES + lane))
    return number


@_jit
def end_here(block: Block, n: int) -> None:
    """No lane goes on behind the first n, up to a whole group."""
    for lane in range(n, whole(n)):
        block[GOES + lane] = 0


@_jit
def keep(source: Block, target: Block, n: int, moved: Indices) -> int:
    """Move those of n lanes that go on to the front of a block, which may be the same; returns how many."""
    vector, front = _VECTOR_BYTES // source.itemsize, 0
    for lane in range(0, n, vector):
        going = marks(source, GOES + lane)
        for field in moved:
            squeeze(source, field + lane, going, target, field + front)
        front += number_of(going)
    for lane in range(front):
        target[GOES + lane] = 1
    end_here(target, front)
    return front


@_jit
def put_back(source: Block, stopped: Block, target: Block, n: int, changed: Indices) -> None:
    """What passes changed of those of n lanes that have stopped, back to where the lanes came from."""
    vector, front = _VECTOR_BYTES // source.itemsize, 0
    for lane in range(0, n, vector):
        within = (np.uint64(1) << np.uint64(min(vector, n - lane))) - np.uint64(1)
        bits = ~marks(source, GOES + lane) & within
        squeeze(source, LANE + lane, bits, stopped, LANE + front)
        for field in changed:
            squeeze(source, field + lane, bits, stopped, field + front)
        front += number_of(bits)
    for field in changed:
        for j in range(front):
            target[np.uintp(field) + np.uintp(stopped[LANE + j])] = stopped[field + j]
