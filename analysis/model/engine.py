"""Which way a table is made, and the kernel of :mod:`.compiled`: what it is given, cut up for it.

Three ways give the same outcomes. The laws as they stand or compiled (:mod:`.by_laws`) make a migration from
its parameters; the kernel makes the passes of large tables alone, of many rows at a time, with a steady link.
Rows that it does not know are left to the laws: more than three classes of pages, a link that carries nothing
or everything at once, a rule without any limit that goes on for long, or that changes while it runs.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import Columns, Floats, Indices, Reals
from analysis.model.laws.passes import PASS_LIMIT
from analysis.model.precopy import Guest, Outcomes, Precopy, SteadyLink
from analysis.model.stop_rules import Rules
from analysis.parameters import ParameterError, nearest

FEW_CLASSES = 3
"""Classes of pages up to which the fast ways know them: hot, cold, and what an idle guest writes."""
LONG = 128
"""Passes after which a migration that nothing but its target ends is left to the laws."""
WORTH_LOADING = 400_000
"""Rows from which it pays to load the kernel (half a second, at a microsecond or two saved a row)."""
WORTH_CALLING = 20_000
"""The same once it is loaded."""
CHUNK = 32_768
"""Rows given to a kernel at a time: few enough for the caches, many enough that a call costs little of their
time."""
WAYS = ("compiled", "laws", "plain")
"""By the kernel; by the laws, whichever way pays; by the laws as they stand, whatever it takes."""
_EARLIER = {"numpy": "laws"}
"""Names of earlier versions."""

Index: TypeAlias = tuple[int | slice, ...]
"""Where a piece lies in arrays of the full shape."""
Kernel: TypeAlias = Callable[[Index, Outcomes], None]
"""Makes the passes of the piece at an index."""
Number: TypeAlias = type[np.float64] | type[np.float32]


class Way(NamedTuple):
    """How a table is made: one of :data:`WAYS`, and by how many threads the kernel."""

    name: str
    threads: int = 1


@cache
def cores() -> int:
    """Processors that this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def way_for(rows: int) -> Way:
    """The quickest way for some rows as this program stands; MIGRATION_STUDY_KERNEL names one for all.

    ParameterError if it names none of :data:`WAYS`.
    """
    given = os.environ.get("MIGRATION_STUDY_KERNEL", "")
    if asked := _EARLIER.get(given, given):
        if asked not in WAYS:
            close = nearest(asked, WAYS)
            hint = f"; did you mean {close!r}?" if close else ""
            allowed = f"it takes one of {', '.join(WAYS)}{hint}"
            raise ParameterError(f"MIGRATION_STUDY_KERNEL = {given!r} is not allowed: {allowed}")
        return Way(asked, cores())
    loaded = "analysis.model.compiled" in sys.modules
    pays = rows >= (WORTH_CALLING if loaded else WORTH_LOADING) and find_spec("numba")
    return Way("compiled", cores()) if pays else Way("laws")


class RuleKind(NamedTuple):
    """What the rows of a group share of their rule; see :class:`.stop_rules.StopRule`."""

    few_pages: float
    sent_limit: float
    check_interval_s: float
    limit_delay_s: float
    target_ends_passes: bool
    limited: bool

    @property
    def looks(self) -> bool:
        """True where what remains is looked at during a pass."""
        return bool(np.isfinite(self.check_interval_s))

    @property
    def guards(self) -> bool:
        """True where few pages, or many sent, end pre-copy."""
        return self.few_pages > 0 or bool(np.isfinite(self.sent_limit))

    @property
    def known(self) -> bool:
        """True where the kernel follows the rule: late limits only together with looks."""
        return self.looks or self.limit_delay_s == 0


def precopy(guest: Guest, link: SteadyLink, rules: Rules, threads: int = 1) -> tuple[Precopy, Indices]:
    """Pre-copy of all rows by the kernel, and the rows that it leaves to the laws, whose outcomes are none.

    At most :data:`FEW_CLASSES` classes of pages. The outcomes are those of :func:`.precopy.precopy` to
    rounding (a test compares them).
    """
    rows = len(guest.content)
    link = SteadyLink._make(np.broadcast_to(column, rows) for column in link)
    rules = rules.over(rows)
    kinds = [(kind, at) for kind, at in _kinds(rules) if kind.known]
    parts = [_fast(guest, link, rules, kind, at, threads) for kind, at in _carrying(kinds, link.pages_per_s)]
    return _joined(rows, parts)


def _kinds(rules: Rules) -> Iterator[tuple[RuleKind, Indices | None]]:
    """The kinds of rules in a table with the rows of each; None for all rows."""
    columns = [getattr(rules, name) for name in RuleKind._fields[:-1]]
    limited = np.logical_or(*(np.isfinite(_few(limit)) for limit in (rules.pass_limit, rules.sent_limit)))
    columns.append(np.broadcast_to(limited, len(columns[0])))
    first = [column[0] for column in columns]
    varying = [k for k, column in enumerate(columns) if (_few(column) != first[k]).any()]
    if not varying:
        yield RuleKind(*(value.item() for value in first)), None
        return
    left = np.ones(len(columns[0]), bool)
    while left.any():
        first = [column[left.argmax()] for column in columns]
        same = np.logical_and.reduce([columns[k] == first[k] for k in varying])
        yield RuleKind(*(value.item() for value in first)), np.flatnonzero(same)
        left &= ~same


def _carrying(
    kinds: Iterable[tuple[RuleKind, Indices | None]], rate: Floats
) -> Iterator[tuple[RuleKind, Indices | None]]:
    """The same without rows whose link carries nothing, or everything at once."""
    if _few(rate).min() > 0 and _few(rate).max() < np.inf:
        yield from kinds
        return
    carries = (rate > 0) & np.isfinite(rate)
    for kind, at in kinds:
        yield kind, np.flatnonzero(carries) if at is None else at[carries[at]]


def _fast(
    guest: Guest, link: SteadyLink, rules: Rules, kind: RuleKind, at: Indices | None, threads: int
) -> tuple[Indices | None, Precopy, Indices]:
    """Rows of one kind, their outcomes, and which of them go on for long after :data:`LONG` passes."""
    columns: Columns = {
        "content": guest.content,
        "zero": guest.zero,
        "rate": link.pages_per_s,
        "target_s": rules.target_ms,
        "limit": rules.pass_limit,
    }
    classes = guest.classes
    columns |= _by_class("writes", classes.rates) | _by_class("size", classes.sizes)
    columns |= _by_class("cyclic", classes.cyclic) if _few(classes.cyclic).any() else {}
    columns |= {"ahead": link.ahead} if _few(link.ahead).any() else {}
    columns |= {"top": guest.top} if kind.looks else {}
    if at is not None:
        columns = {name: _at(column, at) for name, column in columns.items()}
    target = columns["target_s"]
    columns["target_s"] = np.broadcast_to(_few(target) / 1000, target.shape)
    if not kind.limited:
        columns["limit"] = np.array(LONG, float)
    ended = made(columns, kind, threads)
    return at, ended, np.flatnonzero(ended.reason == PASS_LIMIT if not kind.limited else np.zeros(0))


def _few(column: NDArray[Any]) -> NDArray[Any]:
    """A column, or its first row where all rows have the same, as a preset's do: it has no stride then."""
    return column[:1] if len(column) and not column.strides[0] else column


def _at(column: NDArray[Any], rows: Indices) -> NDArray[Any]:
    """Some rows of a column; any so many where all are the same."""
    return column[rows] if column.strides[0] else column[: len(rows)]


def _by_class(name: str, table: NDArray[Any]) -> Columns:
    return {f"{name}{j}": table[:, j] for j in range(table.shape[1])}


def _joined(rows: int, parts: Sequence[tuple[Indices | None, Precopy, Indices]]) -> tuple[Precopy, Indices]:
    """Outcomes of all rows in their order, and those that no part has."""
    if len(parts) == 1 and parts[0][0] is None:
        return parts[0][1], parts[0][2]
    whole, left = _empty(rows, np.float64), np.ones(rows, bool)
    outcomes: Sequence[NDArray[Any]] = whole[:6]
    for column in outcomes:
        column[:] = 0
    for at, part, long in parts:
        assert at is not None  # of several parts none is all rows
        for column, values in zip(outcomes, part[:6], strict=True):
            column[at] = values
        left[at] = False
        left[at[long]] = True
    return whole, np.flatnonzero(left)


def _empty(rows: int, dtype: Number) -> Precopy:
    numbers = (np.empty(rows, dtype) for _ in range(3))
    residual, duration, sent = numbers
    return Precopy(
        np.empty(rows, np.int32),
        np.empty(rows, np.int8),
        np.empty(rows, bool),
        residual,
        duration,
        sent,
    )


# --- columns of any shapes, cut into chunks for the kernels ---------------------------------------


def made(
    columns: Columns,
    kind: RuleKind,
    threads: int = 1,
    *,
    totals: bool = False,
    out: Precopy | None = None,
) -> Precopy:
    """Make the passes of columns that broadcast with each other; outcomes are flat, in C order.

    Columns: ``content, zero, rate, target_s, limit``, ``writes0, size0`` and so on for each class, and where
    needed ``cyclic0`` ..., ``ahead``, ``top`` (see :func:`.compiled.run`), float64 or all float32. With
    ``totals`` what is left is sent as well; ``out`` is written to where given.
    """
    given = {name: np.asarray(column) for name, column in columns.items()}
    numbers = [column.dtype for column in given.values() if column.dtype.kind == "f"]
    dtype: Number = np.float32 if all(number == np.float32 for number in numbers) else np.float64
    shape = np.broadcast_shapes(*(column.shape for column in given.values())) or (1,)
    out = out or _empty(math.prod(shape), dtype)
    outcomes = (out.residual_pages, out.duration_s, out.sent_pages, out.passes, out.reason, out.converged)
    views = {name: _view(column, shape) for name, column in given.items()}
    chunks = list(_chunks(shape))
    rows = min(CHUNK, math.prod(shape))
    _side_by_side(chunks, lambda: _compiled(_Cut(views, dtype, rows), kind, totals, dtype), outcomes, threads)
    return out


def _view(column: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """A column in the shape of all, or of one element where it has one value for all."""
    if column.size and not any(column.strides):
        return np.array([column.flat[0]])
    return np.broadcast_to(column, shape) if column.size > 1 else column


def _chunks(shape: tuple[int, ...], at: Index = (), start: int = 0) -> Iterator[tuple[Index, int, int]]:
    """Pieces of an array in C order, of at most :data:`CHUNK` elements: index, first and last flat place."""
    inner = math.prod(shape[1:])
    if inner > CHUNK:
        for i in range(shape[0]):
            yield from _chunks(shape[1:], (*at, i), start + i * inner)
        return
    step = max(1, CHUNK // max(inner, 1))
    for i in range(0, shape[0], step):
        stop = min(i + step, shape[0])
        yield (*at, slice(i, stop)), start + i * inner, start + stop * inner


class _Piece(NamedTuple):
    """A piece of all columns as the kernel takes it: see :func:`.compiled.run`."""

    columns: tuple[Reals, ...]
    writes: tuple[Reals, ...]
    sizes: tuple[Reals, ...]
    cyclic: tuple[Reals, ...] | None
    ahead: Reals | None


class _Cut:
    """Pieces of columns as contiguous numbers of one type; one value for all is laid out only once."""

    def __init__(self, views: Columns, dtype: Number, rows: int) -> None:
        self._views, self._dtype = views, dtype
        self._kept = {
            name: np.full(rows, view.item(), dtype) if view.size == 1 else np.empty(rows, dtype)
            for name, view in views.items()
        }
        self.classes = sum(name.startswith("size") for name in views)

    def __call__(self, index: Index, length: int) -> _Piece:
        """The piece at an index as the kernels take it."""
        part = {name: self._piece(name, view, index, length) for name, view in self._views.items()}
        # What a rule does not need is never read: any column may stand in its place.
        shared = [
            part.get(name, part["content"])
            for name in ("content", "zero", "top", "rate", "target_s", "limit")
        ]
        writes, sizes, cyclic = (
            tuple(part[f"{name}{j}"] for j in range(self.classes) if f"{name}{j}" in part)
            for name in ("writes", "size", "cyclic")
        )
        return _Piece(tuple(shared), writes, sizes, cyclic or None, part.get("ahead"))

    def _piece(self, name: str, view: NDArray[Any], index: Index, length: int) -> Reals:
        kept: Reals = self._kept[name][:length]
        piece = kept if view.size == 1 else view[index]
        if piece.dtype == self._dtype and piece.flags.c_contiguous:
            kept = piece.reshape(-1)
        else:
            np.copyto(kept.reshape(piece.shape), piece)
        # Numba compiles anew for arrays that may be written to; here none may.
        kept.flags.writeable = False
        return kept


def _side_by_side(
    chunks: Sequence[tuple[Index, int, int]], prepare: Callable[[], Kernel], outcomes: Outcomes, threads: int
) -> None:
    """Make chunk after chunk, by threads that each have a kernel of their own."""
    left = iter(chunks)  # shared: each chunk is taken once

    def work() -> None:
        kernel = prepare()
        for index, start, stop in left:
            kernel(index, cast(Outcomes, tuple(column[start:stop] for column in outcomes)))

    threads = min(threads, len(chunks))
    if threads <= 1:
        work()
        return
    with ThreadPoolExecutor(threads) as pool:
        for job in [pool.submit(work) for _ in range(threads)]:
            job.result()


def _compiled(cut: _Cut, kind: RuleKind, totals: bool, dtype: Number) -> Kernel:
    """The compiled kernel with memory of its own."""
    from analysis.model import compiled, lanes

    scratch = lanes.scratch_of(dtype, cut.classes)
    rule = (
        *(dtype(kind.few_pages), dtype(kind.sent_limit), dtype(kind.check_interval_s)),
        kind.target_ends_passes,
    )
    few_classes, looks, guards = (0,) * cut.classes, kind.looks or None, kind.guards or None
    late = dtype(kind.limit_delay_s) if kind.limit_delay_s > 0 and kind.limited else None

    def kernel(index: Index, outcomes: Outcomes) -> None:
        given = cut(index, len(outcomes[0]))
        in_turn, goes_ahead = given.cyclic is not None, given.ahead is not None
        fields = lanes.fields_of(looks, guards, in_turn, goes_ahead, cut.classes)
        has = (few_classes, looks, guards, late, totals or None)
        compiled.run(scratch, fields, *given, rule, *has, outcomes)

    return kernel
