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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import Bools, Codes, Columns, Floats, Indices, Reals
from analysis.model.laws.passes import PASS_LIMIT
from analysis.model.precopy import Guest, Outcomes, Precopy, SteadyLink
from analysis.model.stop_rules import Rules, StopRule
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

_OUT = -1
"""In place of a rule's kind: rows that the kernel leaves."""
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
    kinds, of = _kinds(rules)
    of = _without(of, _left_out(kinds, of, link.pages_per_s), rows)
    ended = made(_columns(guest, link, rules, kinds), kinds, threads, of=of)
    return ended, _left(ended.reason, kinds, of)


def _kinds(rules: Rules) -> tuple[list[RuleKind], Codes | None]:
    """The kinds of rules in a table, and which one each row has; None where all have the same."""
    finite, preset = np.isfinite(_few(rules.pass_limit)), _few(rules.preset)
    combined = 2 * preset + finite
    # Of each preset twice: of rows without and with a pass limit.
    each = [_kind(preset, limited) for preset in rules.presets for limited in (False, True)]
    met = np.flatnonzero(np.bincount(combined, minlength=len(each)))
    kinds = list(dict.fromkeys(each[place] for place in met))
    if len(kinds) == 1:
        return kinds, None
    places = np.zeros(len(each), np.int8)
    places[met] = [kinds.index(each[place]) for place in met]
    return kinds, np.broadcast_to(places[combined], len(rules.preset))


def _kind(preset: StopRule, limited: bool) -> RuleKind:
    shared: dict[str, Any] = {name: getattr(preset, name) for name in RuleKind._fields[:-1]}
    return RuleKind(**shared, limited=limited or bool(np.isfinite(preset.sent_limit)))


def _left_out(kinds: Sequence[RuleKind], of: Codes | None, rate: Floats) -> Bools | None:
    """Rows by a rule that the kernel does not know, or whose link carries nothing, or everything at once."""
    unknown = np.array([not kind.known for kind in kinds], bool)
    out = unknown if of is None else unknown[of] if unknown.any() else np.zeros(1, bool)
    if not (_few(rate).min() > 0 and _few(rate).max() < np.inf):
        out = out | ~((rate > 0) & np.isfinite(rate))
    return out if out.any() else None


def _without(of: Codes | None, out: Bools | None, rows: int) -> Codes | None:
    """The kinds of rows, with those that are left out marked."""
    return of if out is None else np.where(out, _OUT, np.zeros(rows, np.int8) if of is None else of)


def _left(reason: Codes, kinds: Sequence[RuleKind], of: Codes | None) -> Indices:
    """Rows left to the laws: those left out, and those that go on for long after :data:`LONG` passes."""
    left = np.zeros(len(reason), bool) if of is None else of == _OUT
    long = np.array([not kind.limited for kind in kinds], bool)
    if long.any():
        left |= (reason == PASS_LIMIT) & (long if of is None else long[of])
    return np.flatnonzero(left)


def _columns(guest: Guest, link: SteadyLink, rules: Rules, kinds: Sequence[RuleKind]) -> Columns:
    """What the kernel reads of a table; see :func:`made`."""
    target, classes = rules.target_ms, guest.classes
    columns: Columns = {
        "content": guest.content,
        "zero": guest.zero,
        "rate": link.pages_per_s,
        "target_s": np.broadcast_to(_few(target) / 1000, target.shape),
        "limit": rules.pass_limit,
    }
    columns |= _by_class("writes", classes.rates) | _by_class("size", classes.sizes)
    columns |= _by_class("cyclic", classes.cyclic) if _few(classes.cyclic).any() else {}
    columns |= {"ahead": link.ahead} if _few(link.ahead).any() else {}
    return columns | ({"top": guest.top} if any(kind.looks for kind in kinds) else {})


def _few(column: NDArray[Any]) -> NDArray[Any]:
    """A column, or its first row where all rows have the same, as a preset's do: it has no stride then."""
    return column if _varies(column) else column[:1]


def _varies(column: NDArray[Any]) -> bool:
    return bool(len(column) and column.strides[0])


def _by_class(name: str, table: NDArray[Any]) -> Columns:
    return {f"{name}{j}": table[:, j] for j in range(table.shape[1])}


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
    kinds: Sequence[RuleKind],
    threads: int = 1,
    *,
    of: Codes | None = None,
    totals: bool = False,
    out: Precopy | None = None,
) -> Precopy:
    """Make the passes of columns that broadcast with each other; outcomes are flat, in C order.

    Columns: ``content, zero, rate, target_s, limit``, ``writes0, size0`` and so on for each class, and where
    needed ``cyclic0`` ..., ``ahead``, ``top`` (see :func:`.compiled.run`), float64 or all float32. ``of``:
    where rows are of several kinds of rules, the place of each row's; of rows that have none the outcomes are
    zeros. With ``totals`` what is left is sent as well; ``out`` is written to where given.
    """
    given = {name: np.asarray(column) for name, column in columns.items()}
    numbers = [column.dtype for column in given.values() if column.dtype.kind == "f"]
    dtype: Number = np.float32 if all(number == np.float32 for number in numbers) else np.float64
    shape = np.broadcast_shapes(*(column.shape for column in given.values())) or (1,)
    out = out or _empty(math.prod(shape), dtype)
    views = {name: _view(column, shape) for name, column in given.items()}
    chunks = list(_chunks(shape))
    rows = min(CHUNK, math.prod(shape))
    prepare = partial(_kernel, views, dtype, rows, kinds, of, totals)
    _side_by_side(chunks, prepare, _outcomes(out), threads)
    return out


def _outcomes(of: Precopy) -> Outcomes:
    return of.residual_pages, of.duration_s, of.sent_pages, of.passes, of.reason, of.converged


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

    def part(self, rows: slice) -> _Piece:
        """Some of its rows."""
        columns, writes, sizes = (tuple(column[rows] for column in part) for part in self[:3])
        cyclic = None if self.cyclic is None else tuple(column[rows] for column in self.cyclic)
        return _Piece(columns, writes, sizes, cyclic, None if self.ahead is None else self.ahead[rows])


class _Cut:
    """Pieces of columns as contiguous numbers of one type; one value for all is laid out only once."""

    def __init__(self, views: Columns, dtype: Number, rows: int) -> None:
        self._views, self._dtype = views, dtype
        self._kept = {
            name: np.full(rows, view.item(), dtype) if view.size == 1 else np.empty(rows, dtype)
            for name, view in views.items()
        }
        self.long = np.full(rows, LONG, dtype)
        self.long.flags.writeable = False
        self.classes = sum(name.startswith("size") for name in views)

    def __call__(self, index: Index, length: int, order: Indices | None = None) -> _Piece:
        """The piece at an index as the kernels take it, or its rows in another order."""
        part = {name: self._piece(name, view, index, length, order) for name, view in self._views.items()}
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

    def _piece(
        self, name: str, view: NDArray[Any], index: Index, length: int, order: Indices | None
    ) -> Reals:
        kept: Reals = self._kept[name][:length]
        piece = kept if view.size == 1 else view[index]
        if order is not None and view.size > 1:
            # Places are within the piece; to look whether they are, NumPy would make a copy more.
            out = kept if piece.dtype == self._dtype else None
            kept = np.take(piece, order, out=out, mode="clip").astype(self._dtype, copy=False)
        elif piece.dtype == self._dtype and piece.flags.c_contiguous:
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


def _kernel(
    views: Columns, dtype: Number, rows: int, kinds: Sequence[RuleKind], of: Codes | None, totals: bool
) -> Kernel:
    """The compiled kernel with memory of its own, for one thread.

    Where rows are of several kinds those of a piece of the table are put next to each other, while it is in
    the cache, and their outcomes back where they belong: the table is not sorted.
    """
    from analysis.model import lanes

    cut = _Cut(views, dtype, rows)
    scratch = lanes.scratch_of(dtype, cut.classes)
    each = [_compiled(kind, totals, dtype, scratch, cut.long) for kind in kinds]
    if of is None:
        return lambda index, outcomes: each[0](cut(index, len(outcomes[0])), outcomes)
    room = _outcomes(_empty(rows, dtype))

    def kernel(index: Index, outcomes: Outcomes) -> None:
        codes = of[index]
        places = [np.flatnonzero(codes == code) for code in (_OUT, *range(len(each)))]
        order = np.concatenate(places)
        piece, start = cut(index, len(order), order), len(places[0])
        for work, at in zip(each, places[1:], strict=True):
            part = slice(start, start + len(at))
            if len(at):
                work(piece.part(part), cast(Outcomes, tuple(column[part] for column in room)))
            start += len(at)
        for k, found in enumerate(room):
            found[: len(places[0])] = 0
            outcomes[k][order] = found[: len(order)]

    return kernel


def _compiled(
    kind: RuleKind, totals: bool, dtype: Number, scratch: Any, long: Reals
) -> Callable[[_Piece, Outcomes], None]:
    """The kernel for one kind of rules; ``long``: a limit on passes for rows that have none."""
    from analysis.model import compiled, lanes

    rule = (
        *(dtype(kind.few_pages), dtype(kind.sent_limit), dtype(kind.check_interval_s)),
        kind.target_ends_passes,
    )
    looks, guards = kind.looks or None, kind.guards or None
    late = dtype(kind.limit_delay_s) if kind.limit_delay_s > 0 and kind.limited else None

    def kernel(given: _Piece, outcomes: Outcomes) -> None:
        if not kind.limited:
            given = given._replace(columns=(*given.columns[:-1], long[: len(outcomes[0])]))
        in_turn, goes_ahead, classes = given.cyclic is not None, given.ahead is not None, len(given.sizes)
        fields = lanes.fields_of(looks, guards, in_turn, goes_ahead, classes)
        has = ((0,) * classes, looks, guards, late, totals or None)
        compiled.run(scratch, fields, *given, rule, *has, outcomes)

    return kernel
