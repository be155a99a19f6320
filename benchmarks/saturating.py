"""The plainest law of pre-copy by the kernel for arrays of any shapes: one working set, a target, a limit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from analysis.arrays import Bools, Counts, Numbers, Reals
from analysis.model.engine import RuleKind, made
from analysis.model.precopy import Precopy

_RULE = RuleKind(0.0, np.inf, np.inf, 0.0, target_ends_passes=True, limited=True)


class Saturating(NamedTuple):
    """Outcomes of :func:`saturating`, each of the broadcast shape."""

    total_s: Reals
    downtime_s: Reals
    sent_pages: Reals
    passes: Counts
    converged: Bools


def saturating(
    memory_pages: Numbers,
    working_set_pages: Numbers,
    dirty_pages_per_s: Numbers,
    pages_per_s: Numbers,
    target_s: Numbers,
    pass_limit: Numbers,
    threads: int = 1,
    out: Saturating | None = None,
) -> Saturating:
    r"""Pre-copy of uniformly written working sets: maps and distributions of millions of points.

    With M pages of memory, W in the working set, d writes and b pages sent a second,

    .. math:: r_1 = M, \qquad r_{i+1} = W (1 - e^{-d r_i / (b W)})

    until r takes at most ``target_s`` to send (or is less than a page), or ``pass_limit`` passes are made.
    Then the machine is paused and r is sent: the downtime here, and part of the other outcomes.

    Arguments broadcast with each other; none is copied to the full shape. Where all are float32 so are
    the outcomes and the work, at a relative error below 1e-5 (a row that stops within rounding of its
    target may make a pass more or less). ``pages_per_s`` is above 0 and finite, nothing is negative
    (``migrate`` checks values and knows all other laws). ValueError for a pass limit that is not finite:
    such a row might never end. ``out`` of an earlier call of the same shape and type is written to again.

    >>> out = saturating(1000, 100, 50, [100, 1000], target_s=0.01, pass_limit=30)
    >>> out.passes.tolist(), out.total_s.round(2).tolist()
    ([8, 2], [11.73, 1.04])
    """
    arrays = [
        np.asarray(a) for a in (memory_pages, working_set_pages, dirty_pages_per_s, pages_per_s, target_s)
    ]
    limit = np.asarray(pass_limit, arrays[0].dtype if arrays[0].dtype.kind == "f" else float)
    if not np.isfinite(limit).all():
        raise ValueError("pass_limit must be finite: a row that does not converge would never end")
    names = ("content", "size0", "writes0", "rate", "target_s", "limit")
    columns = {
        name: a if a.dtype.kind == "f" else a.astype(float)
        for name, a in zip(names, [*arrays, limit], strict=True)
    }
    shape = np.broadcast_shapes(*(a.shape for a in columns.values()))
    given = None if out is None else _as_precopy(Saturating._make(column.reshape(-1) for column in out))
    found = made(columns, [_RULE], threads, totals=True, out=given)
    flat = (found.duration_s, found.residual_pages, found.sent_pages, found.passes, found.converged)
    return Saturating._make(column.reshape(shape) for column in flat)


def _as_precopy(out: Saturating) -> Precopy:
    reason = np.empty(len(out.passes), np.int8)
    return Precopy(out.passes, reason, out.converged, out.downtime_s, out.total_s, out.sent_pages)
