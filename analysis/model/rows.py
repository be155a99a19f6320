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
    register_jitable,
    register_model,
)

from analysis.arrays import Floats, Indices
from analysis.model.jit import compiled, digest, intrinsic
from analysis.model.laws import changing, compression, link, memory, one, passes, rates, rings, special
from analysis.model.laws.rates import FIELDS, RATES
from analysis.model.laws.scenario import Scenario
from analysis.parameters import PARAMETERS

# Without counting references, for lists that laws fill in are the caller's. The compiler may not round
# otherwise than is written, so that each figure is bit for bit that of the plain functions.
_OPTIONS: dict[str, Any] = {"_nrt": False}
LAWS = (special, rings, link, compression, memory, rates, changing, passes, one)
PLACES = {name: number for number, name in enumerate(PARAMETERS)}
"""Where a parameter's column stands among those of a row."""


def _compilable(module: ModuleType) -> None:
    for thing in vars(module).values():
        if isinstance(thing, FunctionType) and thing.__module__ == module.__name__:
            register_jitable(error_model="numpy", **_OPTIONS)(thing)


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


def _stamped(stamp: int) -> tuple[Any, Any]:
    """The table's laws as kept on disk; see :func:`.jit.digest`."""

    @compiled(cache=True, nogil=True, **_OPTIONS)
    def fill(places: Indices, ceilings: Floats, found: Floats) -> None:
        kept = len(ceilings) == len(found)
        for i in range(len(found) if stamp else 0):
            rates.fill_rates(_row(places, i), ceilings[i if kept else 0], found[i])

    @compiled(cache=True, nogil=True, **_OPTIONS)
    def migrate(places: Indices, work: Any, found: Floats) -> None:
        for i in range(found.shape[1] if stamp else 0):
            made = one.migrated(_row(places, i), work)
            _keep(made, found, i)

    return fill, migrate


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
_fill, _migrate = _stamped(digest(*_own, *(f"laws/{law.__name__.rpartition('.')[2]}" for law in LAWS)))


def fill_rates(columns: Sequence[Floats], found: Floats) -> None:
    """Rates of every row, and its ceilings if there is room for them.

    ``columns``: in the order of :data:`.laws.rates.FIELDS`, of one value or of one a row; ``found``: (rates,
    rows) or (rates and ceilings, rows).
    """
    # Two rows where none is kept: of one Numba would compile anew, for it lies both ways in memory.
    ceilings = found[RATES:] if len(found) > RATES else np.empty((len(link.CEILINGS), 2))
    _fill(_places(dict(zip(FIELDS, columns, strict=True))), ceilings.T, found[:RATES].T)


def fill_outcomes(columns: Mapping[str, Floats], found: Floats) -> None:
    """Outcomes of every row, (outcomes, rows), in the order of :class:`.laws.one.Outcome`.

    ``columns``: one of every parameter, of one value or of one a row.
    """
    lists: Any = [np.zeros(len(numbers)) for numbers in one.work()]
    _migrate(_places(columns), one.Work(*lists), found)


def _places(columns: Mapping[str, Floats]) -> Indices:
    """Where each column begins in memory, and its step from row to row."""
    places = np.zeros((len(PLACES), 2), np.intp)
    for name, column in columns.items():
        places[PLACES[name]] = column.ctypes.data, column.strides[0] if len(column) > 1 else 0
    return places.ravel()
