r"""Distinct pages dirtied in t seconds, for each write pattern.

What a pass of pre-copy leaves behind is not the number of writes but the number of *distinct*
pages they fall on. For pages written independently at rates :math:`\lambda_j` (Poisson),

.. math:: u(t) = \sum_j \left(1 - e^{-\lambda_j t}\right)

so every pattern here but the sequential one is a set of *classes*: ``size`` pages that share
``rate`` writes per second, each class adding ``size * (1 - exp(-rate * t / size))``.
Rates are writes per second [pages/s], sizes are pages, times are seconds; all broadcast.
Negative input is the caller's fault and is not checked here (``parameters.check`` does).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arrays import Bools, Floats, Indices, Numbers
from analysis.model.laws.memory import ZIPF_HEAD, ZIPF_NODES


class WriteClasses(NamedTuple):
    """Classes of pages on a last axis, and which of them are written in cyclic order.

    ``rates`` [pages/s], ``sizes`` [pages] and ``cyclic`` have shape (rows, classes); a class of
    size 0 is empty. Where ``cyclic``, ``u(t) = min(rate * t, size)``.
    """

    rates: Floats
    sizes: Floats
    cyclic: Bools


def uniform(t: Numbers, rate: Numbers, size: Numbers) -> Floats:
    """Distinct pages of uniformly random writes: ``size * (1 - exp(-rate * t / size))``.

    Starts as ``rate * t`` and saturates at ``size``; 0 where ``size`` is 0. This law with no
    fitted constant is within 3 % of QEMU's own page sampling (commit 34a68001).

    >>> float(uniform(1.0, rate=1000.0, size=1000.0).round(2))
    632.12
    """
    writes, size = np.broadcast_arrays(np.multiply(rate, t), size)
    exponent = np.divide(writes, size, out=np.zeros(size.shape), where=np.asarray(size) > 0)
    pages: Floats = size * -np.expm1(-exponent)
    return pages


def sequential(t: Numbers, rate: Numbers, size: Numbers) -> Floats:
    """Distinct pages of a writer that walks its pages in a circle: ``min(rate * t, size)``.

    >>> sequential([0.5, 2.0], rate=1000.0, size=1000.0).tolist()
    [500.0, 1000.0]
    """
    pages: Floats = np.minimum(np.multiply(rate, t), size)
    return pages


def hotcold(
    t: Numbers, rate: Numbers, size: Numbers, hot_page_share: Numbers, hot_write_share: Numbers
) -> Floats:
    """Distinct pages when ``hot_write_share`` of the writes fall on ``hot_page_share`` of the pages.

    Two uniform classes added. With equal shares it is :func:`uniform`.
    """
    return _add(t, hotcold_classes(rate, size, hot_page_share, hot_write_share))


def zipf(t: Numbers, rate: Numbers, size: Numbers, exponent: Numbers) -> Floats:
    """Distinct pages when the page of rank k is written in proportion to ``k**-exponent``.

    The sum over all ranks, by classes whose error stays below 1e-4 of u(t) for exponents up
    to 1.5 and below 1e-3 up to 3 (a test compares it with the sum itself); for the pages of 16 GiB
    below 1e-2 where exponents are above 2.
    Exponent 0 is :func:`uniform`.
    """
    return _add(t, zipf_classes(rate, size, exponent))


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


def hotcold_classes(
    rate: Numbers, size: Numbers, hot_page_share: Numbers, hot_write_share: Numbers
) -> tuple[Floats, Floats]:
    """Rates and sizes of a hot and a cold class on a new last axis.

    Writes meant for a class without pages fall on the other one: no write is lost.
    """
    rate, size, pages, writes = np.broadcast_arrays(rate, size, hot_page_share, hot_write_share)
    writes = np.where(pages <= 0, 0.0, np.where(pages >= 1, 1.0, writes))
    return _classes(rate * writes, rate * (1 - writes)), _classes(size * pages, size * (1 - pages))


def _classes(*columns: Floats) -> Floats:
    """A column for each class on a new last axis, each contiguous: they are read one after the other."""
    return np.moveaxis(np.stack(columns), 0, -1)


def zipf_classes(rate: Numbers, size: Numbers, exponent: Numbers) -> tuple[Floats, Floats]:
    """Rates and sizes of the classes that stand for Zipf-distributed writes.

    The first ranks are classes of one page. The rest are integrated over the logarithm of the
    rank, where the integrand is smooth; rates are scaled so that they add up to ``rate``.
    """
    writes, ranks, power = (
        np.asarray(a, dtype=float)[..., None] for a in np.broadcast_arrays(rate, size, exponent)
    )
    rank, pages = _zipf_ranks(ranks)
    weight = pages * rank**-power
    total = weight.sum(axis=-1, keepdims=True)
    return writes * np.divide(weight, total, out=np.zeros_like(weight), where=total > 0), pages


def _zipf_ranks(size: Floats) -> tuple[Floats, Floats]:
    """Ranks and the number of pages each stands for; pages add up to ``size``."""
    head = np.arange(1.0, ZIPF_HEAD + 1)
    head_pages = np.clip(size - (head - 1), 0, 1)
    low, high = np.log(ZIPF_HEAD + 0.5), np.log(np.maximum(size, ZIPF_HEAD) + 0.5)
    nodes, weights = np.polynomial.legendre.leggauss(ZIPF_NODES)
    rank = np.exp(low + (high - low) * (nodes + 1) / 2)
    pages = rank * weights * (high - low) / 2
    total = pages.sum(axis=-1, keepdims=True)
    tail = np.maximum(size - ZIPF_HEAD, 0)
    pages = pages * np.divide(tail, total, out=np.zeros_like(total), where=total > 0)
    head = np.broadcast_to(head, (*rank.shape[:-1], ZIPF_HEAD))
    return np.concatenate([head, rank], axis=-1), np.concatenate([head_pages, pages], axis=-1)


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
    pattern, *columns, idle_rate, idle_size = np.broadcast_arrays(*np.atleast_1d(*given))
    if np.size(write_pattern) == 1:
        # One pattern for all rows is common, and names of millions of rows are slow to sort.
        rates, sizes = _classes_of(np.ravel(write_pattern)[0], *columns)
    else:
        rates, sizes = _of_patterns(pattern, columns)
    in_turn = np.atleast_1d(np.asarray(write_pattern, object) == "sequential")
    cyclic = np.broadcast_to(in_turn[:, None], rates.shape)
    if not idle_rate.any():
        return WriteClasses(rates, sizes, cyclic)
    return WriteClasses(
        np.column_stack([rates, idle_rate]),
        np.column_stack([sizes, idle_size]),
        np.column_stack([cyclic, np.zeros(len(pattern), bool)]),
    )


def within(classes: WriteClasses, pages: Floats) -> WriteClasses:
    """The same classes, smaller where those that are written would together be more than there are pages."""
    total = np.where(classes.rates > 0, classes.sizes, 0.0).sum(axis=-1)
    if (total <= pages).all():
        return classes
    fits = np.minimum(np.divide(pages, total, out=np.ones(np.shape(total - pages)), where=total > 0), 1)
    return classes._replace(sizes=classes.sizes * fits[..., None])


def _of_patterns(pattern: NDArray[Any], columns: list[Floats]) -> tuple[Floats, Floats]:
    """Rates and sizes of rows with different patterns."""
    parts = {}
    for name in dict.fromkeys(pattern.tolist()):
        rows = np.flatnonzero(pattern == name)
        parts[name] = rows, *_classes_of(name, *(column[rows] for column in columns))
    return _padded(parts.values(), len(pattern))


def _padded(parts: Collection[tuple[Indices, Floats, Floats]], rows: int) -> tuple[Floats, Floats]:
    """Rates and sizes of all rows in one pair of arrays, with empty classes where a row has fewer."""
    width = max((rates.shape[1] for _, rates, _ in parts), default=1)
    all_rates, all_sizes = np.zeros((rows, width)), np.zeros((rows, width))
    for row, rates, sizes in parts:
        all_rates[row, : rates.shape[1]] = rates
        all_sizes[row, : sizes.shape[1]] = sizes
    return all_rates, all_sizes


def _classes_of(
    name: str, rate: Floats, size: Floats, hot_page_share: Floats, hot_write_share: Floats, exponent: Floats
) -> tuple[Floats, Floats]:
    if name == "hotcold":
        return hotcold_classes(rate, size, hot_page_share, hot_write_share)
    if name == "zipf":
        return zipf_classes(rate, size, exponent)
    return np.asarray(rate, float)[:, None], np.asarray(size, float)[:, None]


def _add(t: Numbers, classes: tuple[Floats, Floats]) -> Floats:
    rates, sizes = classes
    pages: Floats = uniform(np.asarray(t, dtype=float)[..., None], rates, sizes).sum(axis=-1)
    return pages
