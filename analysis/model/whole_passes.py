"""The recurrence of pre-copy in NumPy for rules that send each pass whole: the way where Numba is missing.

The general way (:mod:`.precopy`) follows every rule on any link and keeps a history. This one knows only what
Hyper-V and simulators do, on a steady link, and is several times faster for it. It takes the same columns and
fills the same outcomes as the compiled way (:func:`.compiled.run`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.arrays import Codes, Counts, Reals
from analysis.model.laws.passes import REASONS

_NOTHING_LEFT, _TARGET_MET, _PASS_LIMIT = (
    2 * REASONS.index(name) for name in ("nothing_left", "target_met", "pass_limit")
)


def run(
    columns: Sequence[Reals],
    writes: Sequence[Reals],
    sizes: Sequence[Reals],
    cyclic: Sequence[Reals] | None,
    ahead: Reals | None,
    ends_at_target: bool,
    totals: bool,
    outcomes: tuple[Reals, Reals, Reals, Counts, Codes],
) -> None:
    """Make the passes of all rows of some columns; they are those of :func:`.compiled.run`."""
    content, _, _, rate, target_s, limit = columns
    residual, duration, sent, passes, ended = outcomes
    target = rate * target_s
    enough = np.maximum(target if ends_at_target else 0 * target, np.nextafter(content.dtype.type(1), 0))
    shares = [_share(*kind, rate) for kind in zip(writes, sizes, strict=True)]
    lanes = np.stack([content, enough, limit, *shares, *sizes, *(cyclic or ())])
    _passes(lanes, len(sizes), bool(cyclic), ahead, (residual, sent, passes))
    np.divide(sent if ahead is None else sent - np.minimum(ahead, content), rate, out=duration)
    met = residual <= target
    ended[:] = np.where(met & ends_at_target, _TARGET_MET, _PASS_LIMIT) + met
    ended[residual < 1] = _NOTHING_LEFT + 1
    if totals:
        _send_the_rest(rate, residual, duration, sent)


def _send_the_rest(rate: Reals, residual: Reals, duration: Reals, sent: Reals) -> None:
    """Outcomes with what is left sent as well: its seconds stand for its pages and count in the others."""
    sent += residual
    residual /= rate
    duration += residual


def _share(writes: Reals, size: Reals, rate: Reals) -> Reals:
    """Writes that a page of a class receives while one page is sent."""
    return np.divide(writes, size * rate, out=np.zeros_like(size), where=size > 0)


def _passes(
    lanes: Reals, classes: int, cyclic: bool, ahead: Reals | None, outcomes: tuple[Reals, Reals, Counts]
) -> None:
    """Pass after pass of the rows that still run; outcomes of a row are written when it stops."""
    residual, sent_pages, passes = outcomes
    row, sent, number = np.arange(lanes.shape[1]), np.zeros_like(lanes[0]), 0
    least = lanes[2].min(initial=np.inf)
    while len(row):
        left, enough, limit, *kinds = lanes
        waited = left if ahead is None or number else np.maximum(left - ahead, 0)
        sent, number = sent + left, number + 1
        left[:] = _dirtied(waited, kinds, classes, cyclic)
        goes = left > enough
        if number >= least:
            goes &= number < limit
        kept = np.flatnonzero(goes)
        if len(kept) < len(row):
            stopped = np.flatnonzero(~goes)
            at = row.take(stopped)
            residual[at], sent_pages[at], passes[at] = left.take(stopped), sent.take(stopped), number
            row, sent, lanes = row.take(kept), sent.take(kept), np.take(lanes, kept, axis=1)


def _dirtied(waited: Reals, kinds: Sequence[Reals], classes: int, cyclic: bool) -> Reals:
    """Distinct pages dirtied while pages are sent."""
    total = _dirtied_of(0, waited, kinds, classes, cyclic)
    for j in range(1, classes):
        total = total + _dirtied_of(j, waited, kinds, classes, cyclic)
    return total


def _dirtied_of(j: int, waited: Reals, kinds: Sequence[Reals], classes: int, cyclic: bool) -> Reals:
    """Those of one class."""
    share = kinds[j] * waited
    hit = np.minimum(share, 1) if cyclic else None
    np.negative(share, out=share)
    np.expm1(share, out=share)
    np.negative(share, out=share)
    share = share if hit is None else np.where(kinds[2 * classes + j], hit, share)
    share *= kinds[classes + j]
    return share
