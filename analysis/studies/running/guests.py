r"""What is believed of the guest of a running migration: how it writes, drawn many times.

Every unknown is a function of one standard normal number z, so that all beliefs have one form: what nobody
told is flat between two ends (:math:`low + (high - low)\,\Phi(z)`), what somebody told is his value times
:math:`e^{\sigma z}`. A guest writes uniformly over a working set, with a hot and a cold part, or in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from analysis.arrays import Floats
from analysis.model.dirtying import WriteClasses, share_written
from analysis.studies.running.course import Course, SeenPass

KINDS = {"uniform": 0.5, "hotcold": 0.3, "sequential": 0.2}
"""Ways to write and how likely each is before anything is known."""
WRITES = (0.0, 1.5)
"""Writes for each page that the link carries, where nobody told them."""
WORKING_SET = (0.02, 1.0)
"""Share of the content that is written to, where nobody told it."""
HOT_PAGES, HOT_WRITES = (0.03, 0.5), (0.5, 0.97)
CONTENT = (0.6, 1.0)
"""Share of the memory that has content, where nobody told it."""
UNKNOWNS = 5
"""Standard normal numbers to a guest: content, writes, working set, hot pages, hot writes."""


@dataclass(frozen=True)
class Told:
    """What somebody told of the guest, in pages; None where nobody did.

    ``classes``: how it writes, one row. ``content_pages``: pages with content. ``scatter``: of the logarithm
    of the rate of writes; ``content_scatter_pages`` of the content.
    """

    classes: WriteClasses | None = None
    content_pages: float | None = None
    scatter: float = 0.02
    content_scatter_pages: float = 0.0


class Guests:
    """Guests drawn for a course: ``content`` [pages] and ``classes``, a row for each."""

    def __init__(self, kind: str, z: Floats, here: Course, told: Told) -> None:
        self.content = content(z[:, 0], here, told)
        if told.classes is not None:
            self.classes = _as_told(told.classes, np.exp(told.scatter * z[:, 1]))
        else:
            self.classes = _drawn(kind, z, self.content, here.pages_per_s)


def flat(z: Floats, ends: tuple[float, float]) -> Floats:
    """A quantity that is anywhere between two ends."""
    made: Floats = ends[0] + (ends[1] - ends[0]) * ndtr(z)
    return made


def content(z: Floats, here: Course, told: Told) -> Floats:
    """Pages with content: told, or those sent and a share of what the first pass has ahead."""
    if told.content_pages is not None:
        known: Floats = told.content_pages + told.content_scatter_pages * z
        return np.clip(known, here.content_pages, here.memory_pages)
    if here.number > 1:
        return np.full(len(z), max(here.content_pages, 1.0))
    least = here.content_pages
    most = here.content_pages + here.remaining_pages
    return np.clip(here.memory_pages * flat(z, CONTENT), least, most)


def _as_told(classes: WriteClasses, factor: Floats) -> WriteClasses:
    rates = classes.rates * factor[:, None]
    return WriteClasses(
        rates, np.broadcast_to(classes.sizes, rates.shape), np.broadcast_to(classes.cyclic, rates.shape)
    )


def _drawn(kind: str, z: Floats, pages: Floats, link: float) -> WriteClasses:
    rate, size = link * flat(z[:, 1], WRITES), pages * flat(z[:, 2], WORKING_SET)
    none = np.zeros(len(z))
    hot_pages, hot_writes = (none, none)
    if kind == "hotcold":
        hot_pages, hot_writes = flat(z[:, 3], HOT_PAGES), flat(z[:, 4], HOT_WRITES)
    rates = np.column_stack([rate * (1 - hot_writes), rate * hot_writes])
    sizes = np.column_stack([size * (1 - hot_pages), size * hot_pages])
    return WriteClasses(rates, sizes, np.full(rates.shape, kind == "sequential"))


NOISE, COARSE_PAGES, TAILS = 0.03, 20.0, 4.0
"""How far what is found dirty lies from the law: a share of it, some pages, and the tails of a t
distribution."""


def likelihood(guests: Guests, seen: tuple[SeenPass, ...]) -> Floats:
    """Logarithm of how well each guest explains what the ends of passes found."""
    classes = guests.classes
    waiting = np.ones(classes.rates.shape)
    total = np.zeros(len(waiting))
    for one in seen:
        rows = np.full(len(total), one.duration_s)
        # What the first pass leaves is anywhere in the machine; its content is what counts here.
        left = one.left_pages / one.began_pages if one.began_pages > 0 else 0.0
        waiting = left * waiting
        written = share_written(rows, classes)
        fresh = np.where(classes.cyclic, np.minimum(written, 1 - waiting), written * (1 - waiting))
        waiting = waiting + fresh
        if np.isfinite(one.found_pages):
            found = (classes.sizes * fresh).sum(axis=-1)
            total += _log_t((one.found_pages - found) / _spread(found, classes, one))
            total -= np.log(_spread(found, classes, one))
    return total


def _spread(found: Floats, classes: WriteClasses, one: SeenPass) -> Floats:
    moment = found / max(one.duration_s, one.within_s, 1e-3) * one.within_s * 0.3
    spread: Floats = np.sqrt((NOISE * found) ** 2 + moment**2 + found + COARSE_PAGES**2)
    return spread


def _log_t(x: Floats) -> Floats:
    log: Floats = -(TAILS + 1) / 2 * np.log1p(x**2 / TAILS)
    return log
