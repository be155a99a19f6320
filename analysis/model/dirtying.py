r"""Classes of pages for many guests, and the distinct pages that they dirty in t seconds.

What a pass of pre-copy leaves behind is not the number of writes but the number of *distinct*
pages they fall on. For pages written independently at rates :math:`\lambda_j` (Poisson),

.. math:: u(t) = \sum_j \left(1 - e^{-\lambda_j t}\right)

so every pattern here but the sequential one is a set of *classes*: ``size`` pages that share
``rate`` writes per second, each class adding ``size * (1 - exp(-rate * t / size))``. This law with no
fitted constant is within 3 % of QEMU's own page sampling (commit 34a68001).
Rates are writes per second [pages/s], sizes are pages, times are seconds; all broadcast.
Negative input is the caller's fault and is not checked here (``parameters.check`` does).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats, Numbers
from analysis.model.laws import memory
from analysis.model.laws.scenario import Scenario, coded
from analysis.model.units import MIB, PAGE_BYTES, PAGES_PER_GIB


class WriteClasses(NamedTuple):
    """Classes of pages on a last axis, and which of them are written in cyclic order.

    ``rates`` [pages/s], ``sizes`` [pages] and ``cyclic`` have shape (rows, classes); a class of
    size 0 is empty. Where ``cyclic``, ``u(t) = min(rate * t, size)``.
    """

    rates: Floats
    sizes: Floats
    cyclic: Bools


def distinct_pages(t: Numbers, classes: WriteClasses) -> Floats:
    """Distinct pages dirtied in ``t`` seconds (one per row) by rows of classes."""
    pages: Floats = (classes.sizes * share_written(t, classes)).sum(axis=-1)
    return pages


def share_written(t: Numbers, classes: WriteClasses) -> Floats:
    """Share of each class that is written in ``t`` seconds (one per row): of shape (rows, classes)."""
    t = np.asarray(t, dtype=float)[..., None]
    none = np.zeros(np.broadcast_shapes(classes.rates.shape, t.shape))
    writes = np.multiply(classes.rates, t, out=none, where=classes.rates > 0)
    each = np.divide(writes, classes.sizes, out=np.zeros_like(writes), where=classes.sizes > 0)
    share: Floats = -np.expm1(-each)
    return np.where(classes.cyclic, np.minimum(each, 1), share) if classes.cyclic.any() else share


def write_classes(
    write_pattern: ArrayLike,
    rate: Numbers,
    size: Numbers,
    hot_page_share: Numbers,
    hot_write_share: Numbers,
    zipf_exponent: Numbers,
    idle_rate: Numbers = 0.0,
    idle_size: Numbers = 0.0,
) -> WriteClasses:
    """Classes of every row, whatever its pattern, padded to the widest pattern present.

    Arguments broadcast to one dimension (rows). Patterns: ``uniform``, ``sequential``,
    ``hotcold``, ``zipf``. A last class holds what an idle guest writes beside its workload:
    ``idle_rate`` uniform writes a second over ``idle_size`` pages.
    """
    given = (write_pattern, rate, size, hot_page_share, hot_write_share, zipf_exponent, idle_rate, idle_size)
    pattern, *columns = np.broadcast_arrays(*np.atleast_1d(*given))
    # One pattern for all rows is common, and names of millions of rows are slow to compare.
    named = np.atleast_1d(np.asarray(write_pattern, object))
    if (named == "zipf").any():
        return _by_the_law(coded("write_pattern", pattern), columns)
    return _of_few(named == "hotcold", named == "sequential", columns)


def _by_the_law(pattern: Floats, columns: Sequence[Floats]) -> WriteClasses:
    """Classes row by row, by :func:`.laws.memory.fill_classes`; those that nobody writes are left out."""
    rates, sizes = np.zeros((2, len(pattern), memory.CLASSES))
    cyclic = np.zeros(rates.shape, bool)
    writes, pages = [0.0] * memory.CLASSES, [0.0] * memory.CLASSES
    for k, (code, rate, size, hot, hot_writes, exponent, idle, idle_size) in enumerate(
        zip(*(column.tolist() for column in (pattern, *columns)), strict=True)
    ):
        p = Scenario(
            write_pattern=code, dirty_pages_per_s=rate, working_set_gib=size / PAGES_PER_GIB,
            hot_page_share=hot, hot_write_share=hot_writes, zipf_exponent=exponent, memory_gib=math.inf,
            idle_dirty_pages_per_s=idle, idle_working_set_mib=idle_size * PAGE_BYTES / MIB,
        )  # fmt: skip
        n = memory.fill_classes(p, writes, pages)
        rates[k, :n], sizes[k, :n] = writes[:n], pages[:n]
        cyclic[k, : n - 1] = code == memory.SEQUENTIAL
    used = np.flatnonzero((rates > 0).any(axis=0))
    kept = used if len(used) else np.arange(1)
    return WriteClasses(rates[:, kept], sizes[:, kept], cyclic[:, kept])


def _of_few(hot: Bools, in_turn: Bools, columns: Sequence[Floats]) -> WriteClasses:
    """The same for large tables of patterns with one class or two; writes meant for a class without pages
    fall on the other one."""
    rate, size, page_share, write_share, _, idle_rate, idle_size = columns
    rates, sizes = [rate], [size]
    if hot.any():
        share = np.where(hot, page_share, 1.0)
        to_hot = np.where(share <= 0, 0.0, np.where(share >= 1, 1.0, write_share))
        rates, sizes = [rate * to_hot, rate * (1 - to_hot)], [size * share, size * (1 - share)]
    cyclic = np.broadcast_to(in_turn[:, None], (len(rate), len(rates)))
    if idle_rate.any():
        rates, sizes = [*rates, idle_rate], [*sizes, idle_size]
        cyclic = np.column_stack([cyclic, np.zeros(len(rate), bool)])
    # A column for each class, each contiguous: they are read one after the other.
    tables = (np.stack(parts).astype(float, copy=False) for parts in (rates, sizes))
    writes, pages = (np.moveaxis(table, 0, -1) for table in tables)
    return WriteClasses(writes, pages, cyclic)


def within(classes: WriteClasses, pages: Floats) -> WriteClasses:
    """The same classes, smaller where those that are written would together be more than there are pages."""
    total = np.where(classes.rates > 0, classes.sizes, 0.0).sum(axis=-1)
    if (total <= pages).all():
        return classes
    fits = np.minimum(np.divide(pages, total, out=np.ones(np.shape(total - pages)), where=total > 0), 1)
    return classes._replace(sizes=classes.sizes * fits[..., None])
