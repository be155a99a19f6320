"""The plain laws of :mod:`.laws` compiled for tables: one text, run here at machine speed.

To compiled code a scenario is a :class:`Row`: where the columns of a table lie, and a number. Each parameter
is read from its column when a law asks for it, so no table is copied and what no law asks for is never read.
A column of one value has a step of zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    lower_getattr_generic,
    models,
    overload_method,
    register_jitable,
    register_model,
)

from analysis.arrays import Floats, Indices
from analysis.model.jit import compiled, digest, intrinsic
from analysis.model.laws import changing, compression, link, memory, one, passes, rates, rings, special
from analysis.model.laws.scenario import Scenario
from analysis.parameters import PARAMETERS

# Without counting references, for lists that laws fill in are the caller's. The compiler may not round
# otherwise than is written, so that each figure is bit for bit that of the plain functions.
_OPTIONS: dict[str, Any] = {"_nrt": False}
# Nothing but compiled code calls a law, so none has a door for others: that saves time to compile it.
_INSIDE = _OPTIONS | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
LAWS = (special, rings, link, compression, memory, rates, changing, passes, one)
_RATES, _MADE = rates.RATES, len(one.Made._fields)
PLACES = {name: number for number, name in enumerate(PARAMETERS)}
"""Where a parameter's column stands among those of a row."""


def _compilable(module: ModuleType) -> None:
    for thing in vars(module).values():
        if isinstance(thing, FunctionType) and thing.__module__ == module.__name__:
            register_jitable(error_model="numpy", **_INSIDE)(thing)


for _module in LAWS:
    _compilable(_module)


class Row(types.Type):
    """A scenario of a table: the table's columns, and the row's number."""

    def __init__(self) -> None:
        super().__init__(name="Row")


@register_model(Row)
class _Model(models.StructModel):
    def __init__(self, manager: Any, kind: Row) -> None:
        parts = [("places", types.CPointer(types.intp)), ("number", types.intp)]
        super().__init__(manager, kind, parts)  # type: ignore[no-untyped-call]


@infer_getattr
class _Attributes(AttributeTemplate):
    key = Row

    def generic_resolve(self, value: Any, attr: str) -> Any:  # type: ignore[override]
        return types.float64 if attr in PLACES else None


def _read(context: Any, builder: ir.IRBuilder, kind: Row, row: ir.Value, name: str) -> ir.Value:
    parts = cgutils.create_struct_proxy(kind)(context, builder, value=row)
    place, step = (
        builder.load(builder.gep(parts.places, [ir.Constant(ir.IntType(64), 2 * PLACES[name] + k)]))
        for k in (0, 1)
    )
    address = builder.add(place, builder.mul(step, parts.number))
    return builder.load(builder.inttoptr(address, ir.DoubleType().as_pointer()))


lower_getattr_generic(Row)(_read)


@intrinsic(Scenario)
def _row(typingctx: Any, places: Any, number: Any) -> Any:
    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Sequence[ir.Value]) -> ir.Value:
        row = cgutils.create_struct_proxy(signature.return_type)(context, builder)
        row.places = context.make_array(places)(context, builder, args[0]).data
        row.number = args[1]
        return row._getvalue()

    return Row()(places, types.intp), emit


RATES, OUTCOMES, PRECOPY = range(3)
"""What is asked of each row: its rates; its outcomes; the end of pre-copy of machines that are given."""
_LONGEST = 2 * passes.ENDLESS_PASSES + 3
"""Most entries of one migration in a log."""


@overload_method(types.Array, "append")
def _append(log: Any, made: Any) -> Any:
    """To the laws a log is a list of passes; here it is a table whose first place tells how many."""

    def append(log: Any, made: Any) -> None:
        at = int(log[0, 0]) + 1
        for k in range(len(made)):
            log[at, k] = made[k]
        log[0, 0] = at

    return append


@intrinsic(float)
def _value(typingctx: Any, places: Any, place: Any, number: Any) -> Any:
    """What a row has in the column at a place."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Sequence[ir.Value]) -> ir.Value:
        table, two = context.make_array(places)(context, builder, args[0]).data, ir.Constant(args[1].type, 2)
        at = builder.gep(table, [builder.mul(args[1], two)])
        begin, step = builder.load(at), builder.load(builder.gep(at, [ir.Constant(ir.IntType(64), 1)]))
        address = builder.add(begin, builder.mul(step, args[2]))
        return builder.load(builder.inttoptr(address, ir.DoubleType().as_pointer()))

    return types.float64(places, types.intp, types.intp), emit


@register_jitable(**_INSIDE)
def _same(places: Indices, links: Indices, i: int) -> bool:
    """True where a row's link is that of the row before."""
    for place in links:  # noqa: SIM110 (compiled code knows no generators)
        if _value(places, place, i) != _value(places, place, i - 1):
            return False
    return True


def _stamped(stamp: int) -> Any:
    """The table's laws as kept on disk; see :func:`.jit.digest`. One function, for they share most of it."""

    @compiled(cache=True, nogil=True, **_OPTIONS)
    def run(
        what: int, first: int, places: Indices, links: Indices, work: Any, given: Any, log: Any,
        found: Floats,
    ) -> int:  # fmt: skip
        """Rows from the first on, until the log of passes may be too short for a further one; the next."""
        machines, writes, sizes = given
        keeps = len(log) > _LONGEST
        for i in range(first, found.shape[1] if stamp else 0):
            p, same = _row(places, i), i > first and _same(places, links, i)
            if what == RATES:
                if not same:
                    rates.fill_rates(p, work.ceilings, work.state)
                for k in range(found.shape[0]):
                    found[k, i] = work.state[k] if k < _RATES else work.ceilings[k - _RATES]
                continue
            begun = int(log[0, 0])
            if what == OUTCOMES:
                n = one.start_on(p, work) if same else one.start(p, work)
                _keep(one.outcome(p, work, one.traced(p, work, n, log)), found, i)
            else:
                w = one.Work(
                    work.ceilings, machines[i], work.changes, work.state, writes[i], sizes[i], work.waiting,
                    work.marked,
                )  # fmt: skip
                _keep(one.traced(p, w, writes.shape[1], log), found, i)
            if not keeps:
                log[0, 0] = 0
                continue
            for k in range(begun + 1, int(log[0, 0]) + 1):
                log[k, _MADE] = i
            if log[0, 0] > len(log) - _LONGEST:
                return i + 1
        return int(found.shape[1])

    return run


# Numba has no way to go through fields of several types.
@intrinsic(type(None))
def _keep(typingctx: Any, made: Any, found: Any, number: Any) -> Any:
    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Sequence[ir.Value]) -> ir.Value:
        array = context.make_array(found)(context, builder, args[1])
        for k, kind in enumerate(made.types):
            value = context.cast(builder, builder.extract_value(args[0], k), kind, types.float64)
            place = cgutils.get_item_pointer(
                context, builder, found, array, [context.get_constant(types.intp, k), args[2]]
            )
            builder.store(value, place)
        return context.get_dummy_value()

    return types.none(made, found, types.intp), emit


_own = ("rows", "jit", "units", "stop_rules", "../parameters")
_run = _stamped(digest(*_own, *(f"laws/{law.__name__.rpartition('.')[2]}" for law in LAWS)))


def fill(
    what: int,
    columns: Mapping[str, Floats],
    found: Floats,
    given: Sequence[Floats] | None = None,
    *,
    history: bool = False,
) -> Floats | None:
    """What is asked of every row, (figures, rows), and its passes as a table where their history is.

    ``columns``: codes and numbers of parameters, each of one value or of one a row. ``found``: of rates in
    the order of :mod:`.laws.rates`, with room for the ceilings or without; else of :class:`.laws.one.Outcome`
    or :class:`.laws.one.Ended`. ``given``: machines, writes and sizes of classes, a row each, contiguous. The
    table: of :class:`.laws.one.Made` with the row at the end.
    """
    arrays: Any = [np.zeros(len(numbers)) for numbers in one.work()]
    lists = one.Work(*arrays)
    log = np.zeros((4 * _LONGEST if history else _LONGEST, _MADE + 1))
    machines: Any = tuple(given) if given is not None else (np.zeros((1, 1)),) * 3
    places, row, parts = _places(columns), 0, []
    links = np.array([PLACES[name] for name in rates.FIELDS if places[2 * PLACES[name] + 1]], np.intp)
    while row < found.shape[1]:
        log[0, 0] = 0
        row = _run(what, row, places, links, lists, machines, log, found)
        parts.append(log[1 : int(log[0, 0]) + 1].copy())
    return np.concatenate([*parts, log[:0]]) if history else None


def _places(columns: Mapping[str, Floats]) -> Indices:
    """Where each column begins in memory, and its step from row to row."""
    places = np.zeros((len(PLACES), 2), np.intp)
    for name, column in columns.items():
        begin = column.__array_interface__["data"][0]  # an eighth of the time of ctypes.data
        places[PLACES[name]] = begin, column.strides[0] if len(column) > 1 else 0
    return places.ravel()
