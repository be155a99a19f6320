r"""What is believed of the guest of a running migration: how it writes, drawn many times.

Every unknown is a function of one standard normal number z, so that all beliefs have one form: what nobody
told is flat between two ends (:math:`low + (high - low)\,\Phi(z)`; the working set in its logarithm), what
somebody told is his value times :math:`e^{\sigma z}`. A guest writes uniformly over a working set, with a
hot and a cold part, or in turn.
How it writes is learnt from what the ends of passes found; before the first of them nothing tells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from analysis.arrays import Floats
from analysis.model.dirtying import WriteClasses, distinct_pages, share_written
from analysis.studies.running.course import Course, SeenPass

KINDS = {"uniform": 0.7, "hotcold": 0.15, "sequential": 0.15}
"""Ways to write and how likely each is before anything is known: their shares in data/migrations.csv, its
Zipf guests counted half to the first and half to the second."""
WRITES = (0.0, 2.0)
"""Writes for each page that the link carries, where nobody told them: as far as in data/migrations.csv."""
WORKING_SET = (0.05, 1.0)
"""Share of the content that is written to, where nobody told it: any size is as likely as its double."""
HOT_PAGES, HOT_WRITES = (0.03, 0.5), (0.5, 0.97)
"""Share of the working set that is hot, and share of the writes that fall on it, where nobody told them."""
CONTENT = (0.55, 0.95)
"""Share of the memory that has content, where nobody told it (data/migrations.csv: 0.53 to 0.92)."""
UNKNOWNS = 5
"""Standard normal numbers to a guest: content, writes, working set, hot pages, hot writes."""
SAMPLED_AS = 512.0
"""Pages that one page of a sample stands for: QEMU looks at 512 of each GiB."""
SECONDS_DIFFER = 0.05
"""How far the writes of one second lie from those of another, as a share."""
NOISE, COARSE_PAGES, TAILS = 0.03, 20.0, 4.0
"""How far what is found dirty lies from the law: a share of it, some pages, and the degrees of freedom of
the t distribution that both have."""


@dataclass(frozen=True)
class Told:
    """What somebody told of the guest; None where nobody did.

    ``classes``: how it writes, one row, where rate, working set and pattern are told; else the rate
    [pages/s], the working set [pages] and the pattern for themselves. ``content_pages``: pages with content.
    ``sampled_pages``: distinct pages dirtied in a second, as QEMU's ``calc-dirty-rate`` tells them from a
    sample of 512 pages for each GiB.
    ``scatter``: of the logarithm of the rate of writes; ``content_scatter_pages``: of the content.
    """

    classes: WriteClasses | None = None
    dirty_pages_per_s: float | None = None
    working_set_pages: float | None = None
    pattern: str = ""
    content_pages: float | None = None
    sampled_pages: float | None = None
    scatter: float = 0.02
    content_scatter_pages: float = 0.0

    @property
    def kinds(self) -> dict[str, float]:
        """Ways to write that are possible, and how likely each is before anything is seen."""
        if self.classes is not None:
            return {"told": 1.0}
        return {self.pattern: 1.0} if self.pattern in KINDS else KINDS


class Guests:
    """Guests drawn for a course: ``content`` [pages] and ``classes``, a row for each."""

    def __init__(self, kind: str, z: Floats, here: Course, told: Told) -> None:
        self.content = content(z[:, 0], here, told)
        if told.classes is not None:
            self.classes = _as_told(told.classes, np.exp(told.scatter * z[:, 1]))
        else:
            self.classes = _drawn(kind, z, self.content, here.pages_per_s, told)


def flat(z: Floats, ends: tuple[float, float]) -> Floats:
    """A quantity that is anywhere between two ends."""
    made: Floats = ends[0] + (ends[1] - ends[0]) * ndtr(z)
    return made


def content(z: Floats, here: Course, told: Told) -> Floats:
    """Pages with content: as told, or a share of memory; at least those sent, at most those left besides."""
    if here.number > 1:
        return np.full(len(z), max(here.content_pages, 1.0))
    known = here.memory_pages * flat(z, CONTENT)
    if told.content_pages is not None:
        known = told.content_pages + told.content_scatter_pages * z
    if here.blind:
        # What was sent may be of later passes as well.
        return np.clip(known, 1.0, here.memory_pages)
    return np.clip(known, here.content_pages, here.content_pages + here.remaining_pages)


def _as_told(classes: WriteClasses, factor: Floats) -> WriteClasses:
    rates = classes.rates * factor[:, None]
    return WriteClasses(
        rates, np.broadcast_to(classes.sizes, rates.shape), np.broadcast_to(classes.cyclic, rates.shape)
    )


def _drawn(kind: str, z: Floats, pages: Floats, link: float, told: Told) -> WriteClasses:
    rate = link * flat(z[:, 1], WRITES)
    size = pages * np.exp(flat(z[:, 2], (math.log(WORKING_SET[0]), math.log(WORKING_SET[1]))))
    if told.dirty_pages_per_s is not None:
        rate = told.dirty_pages_per_s * np.exp(told.scatter * z[:, 1])
    if told.working_set_pages is not None:
        size = np.full(len(z), told.working_set_pages)
    hot_pages = hot_writes = np.zeros(len(z))
    if kind == "hotcold":
        hot_pages, hot_writes = flat(z[:, 3], HOT_PAGES), flat(z[:, 4], HOT_WRITES)
    rates = np.column_stack([rate * (1 - hot_writes), rate * hot_writes])
    sizes = np.column_stack([size * (1 - hot_pages), size * hot_pages])
    return WriteClasses(rates, sizes, np.full(rates.shape, kind == "sequential"))


def likelihood(guests: Guests, seen: tuple[SeenPass, ...], told: Told) -> Floats:
    """Logarithm of how well each guest explains what the ends of passes found, and what a sample did."""
    classes = guests.classes
    waiting = np.ones(classes.rates.shape)
    total = np.zeros(len(waiting))
    if told.sampled_pages is not None and not seen:
        # A pass tells of this very migration, and of a time as long as those to come.
        total += _of_sample(distinct_pages(np.ones(len(total)), classes), told.sampled_pages)
    for one in seen:
        waiting = waiting * (one.left_pages / one.began_pages if one.began_pages > 0 else 0.0)
        written = share_written(np.full(len(total), one.duration_s), classes)
        fresh = np.where(classes.cyclic, np.minimum(written, 1 - waiting), written * (1 - waiting))
        waiting = waiting + fresh
        if np.isfinite(one.found_pages):
            found = (classes.sizes * fresh).sum(axis=-1)
            spread = _spread(found, one)
            total += _log_t((one.found_pages - found) / spread) - np.log(spread)
    return total


def _of_sample(pages: Floats, sampled: float) -> Floats:
    """How well guests that dirty so many distinct pages in a second explain what a sample of them says.

    Of a sample of pages the dirty ones are counted: their number scatters by its root, and by one where
    there are none. The sample is of another second than the migration's.
    """
    spread = np.sqrt(SAMPLED_AS * (pages + SAMPLED_AS) + (SECONDS_DIFFER * pages) ** 2)
    return _log_t((sampled - pages) / spread) - np.log(spread)


def _spread(found: Floats, one: SeenPass) -> Floats:
    """Pages by which what was found may lie off: the law's share, chance, and when the look fell."""
    moment = found / max(one.duration_s, one.within_s, 1e-3) * one.within_s * 0.3
    spread: Floats = np.sqrt((NOISE * found) ** 2 + moment**2 + found + COARSE_PAGES**2)
    return spread


def _log_t(x: Floats) -> Floats:
    log: Floats = -(TAILS + 1) / 2 * np.log1p(x**2 / TAILS)
    return log
