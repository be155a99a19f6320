"""What the polls of a running migration tell: its passes so far, the link, and where it stands.

A poll says how much was sent and how much remains. Between two polls of one pass what remains falls as pages
are sent; where it rises, or the count of looks does, a pass has ended and its dirty pages were found. They
are what remains now, less what remained, plus what was sent meanwhile; the moment of the look lies between
the polls, and the link's rate says where.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats
from analysis.model.units import PAGE_BYTES
from analysis.observations.polls import Poll

HEADER_BYTES = 8.0
"""What QEMU sends beside a page with content."""
ZERO_BYTES = 9.0
"""What it sends of a page without."""
RISES = 64.0
"""Pages by which what remains has to rise to tell of a look that nobody counts."""
USUAL_CONTENT = 0.75
"""Share of the memory that has content, where the first pass was not seen."""
WINDOW_S = 10.0
"""The link's rate is that of so long before now, or of the whole course where it is shorter."""
SHORTEST_S = 1e-4
"""Time between the first and the last poll that tells a rate: a tenth of what hosts count in."""
STEPS = 8
"""Parts of that window whose rates tell how steady the link is."""
STEADIEST = 0.004
"""Scatter (of the logarithm) of the rate ahead that is left on the steadiest link."""


class SeenPass(NamedTuple):
    """A pass that has ended: pages to send at its begin and left at its end, and pages found dirty then.

    ``within_s``: how far apart the polls around its end are. ``found_pages`` is NaN where several passes
    ended between two polls.
    """

    number: int
    start_s: float
    duration_s: float
    began_pages: float
    left_pages: float
    found_pages: float
    within_s: float


@dataclass(frozen=True)
class Course:
    """A migration as far as it has come.

    ``seen``: passes that have ended. The others are of now: number, start and pages of the pass under way
    (at its start and left), time of the last poll, pages a second that the link carries with the scatter
    (of the logarithm) of what it will carry, pages sent with content, and the downtime limit if the polls
    tell it [ms]. ``dirty_pages_per_s`` is measured over the last pass that ended; NaN before. ``blind``: the
    polls tell what was sent and not what remains, so that no pass is seen to end: the whole migration then
    counts as under way, of which only the start, the link and that it has not ended are known.
    """

    seen: tuple[SeenPass, ...]
    number: int
    start_s: float
    began_pages: float
    remaining_pages: float
    time_s: float
    first_s: float
    memory_pages: float
    sent_bytes: float
    bytes_per_page: float
    pages_per_s: float
    link_scatter: float
    content_pages: float
    limit_ms: float
    blind: bool = False

    @property
    def link_gbps(self) -> float:
        """What the migration sends now [Gbit/s]."""
        return self.pages_per_s * self.bytes_per_page * 8 / 1e9

    @property
    def dirty_pages_per_s(self) -> float:
        """Distinct pages dirtied a second over the last pass that ended and told them; NaN before."""
        told = [p for p in self.seen if math.isfinite(p.found_pages) and p.duration_s > 0]
        return told[-1].found_pages / told[-1].duration_s if told else math.nan

    @property
    def working_set_pages(self) -> float:
        """The most pages that one pass found dirty: at least so much is written to; NaN before."""
        return max((p.found_pages for p in self.seen if math.isfinite(p.found_pages)), default=math.nan)


def course(polls: Iterable[Poll]) -> Course | None:
    """The course that polls tell; None where they are too few to tell a rate."""
    timed = [p for p in polls if math.isfinite(p.time_s + p.sent_bytes)]
    told = _onward([p for p in timed if math.isfinite(p.remaining_bytes)])
    if timed and not told:
        return _blind(_onward(timed))
    if len(told) < 2 or told[-1].sent_bytes <= told[0].sent_bytes:
        return None
    each = _bytes_per_page(told)
    rate, scatter = _rate(told, each)
    if not rate > 0:
        return None
    memory = next((p.memory_bytes for p in told if p.memory_bytes > 0), math.nan)
    memory = max(memory, told[0].remaining_bytes) if memory > 0 else told[0].remaining_bytes
    walk = _Walk(told[0], rate, each, limit_pages(told, rate))
    for before, now in pairwise(told):
        walk.on(before, now)
    last = told[-1]
    content = walk.content_pages(last)
    here = (walk.number, walk.start_s, walk.began, last.remaining_bytes / PAGE_BYTES)
    times = (last.time_s, told[0].time_s, memory / PAGE_BYTES, last.sent_bytes)
    return Course(tuple(walk.seen), *here, *times, each, rate, scatter, content, told_limit_ms(told))


def _onward(polls: Sequence[Poll]) -> list[Poll]:
    """The polls whose time is later than that of every one before."""
    kept: list[Poll] = []
    for poll in polls:
        if not kept or poll.time_s > kept[-1].time_s:
            kept.append(poll)
    return kept


def _blind(told: list[Poll]) -> Course | None:
    """The course of polls that do not tell what remains; None where the memory is not told either."""
    memory = next((p.memory_bytes for p in told if p.memory_bytes > 0), math.nan)
    if told[0].time_s > 0:
        told = [Poll(0.0, 0.0, math.nan), *told]
    last, each = told[-1], _bytes_per_page(told)
    if not memory > 0 or len(told) < 2 or last.sent_bytes <= told[0].sent_bytes:
        return None
    rate, scatter = _rate(told, each)
    if not rate > 0:
        return None
    pages, sent = memory / PAGE_BYTES, last.sent_bytes / each
    here = (1, 0.0, pages, max(pages - sent, 0.0), last.time_s, 0.0, pages, last.sent_bytes)
    return Course((), *here, each, rate, scatter, sent, told_limit_ms(told), blind=True)


def told_limit_ms(polls: Sequence[Poll]) -> float:
    """The downtime limit: QEMU's expected downtime while it knows no dirty rate; NaN where none is told."""
    for poll in polls:
        if poll.expected_blackout_ms > 0 and not poll.dirty_pages_per_s > 0 and not poll.looks > 1:
            return poll.expected_blackout_ms
    return math.nan


def limit_pages(polls: Sequence[Poll], rate: float) -> float:
    """Pages that the downtime limit lets wait at the end of a pass; 0 where no limit is told."""
    limit = told_limit_ms(polls)
    return rate * limit / 1000 if math.isfinite(limit) else 0.0


def _bytes_per_page(polls: Sequence[Poll]) -> float:
    """Bytes sent for a page with content: counted where pages are, else a page and its header."""
    last = polls[-1]
    pages = last.content_pages * last.page_bytes / PAGE_BYTES
    if pages > 1000 and last.sent_bytes > 0:
        return float(np.clip(last.sent_bytes / pages, 64.0, PAGE_BYTES + 64.0))
    return PAGE_BYTES + HEADER_BYTES


def _rate(polls: Sequence[Poll], each: float) -> tuple[float, float]:
    """Pages a second over the window before now, and the scatter of what is to come."""
    time, sent = (np.array([p[i] for p in polls]) for i in (0, 1))
    begun = max(float(time[0]), float(time[-1]) - WINDOW_S)
    if float(time[-1]) - begun < SHORTEST_S:
        return 0.0, 0.1
    marks = np.linspace(begun, float(time[-1]), STEPS + 1)
    parts: Floats = np.diff(np.interp(marks, time, sent)) / np.diff(marks) / each
    whole = float(parts.mean())
    if len(polls) <= STEPS or whole <= 0:
        return whole, 0.1
    return whole, float(np.hypot(STEADIEST, parts.std() / whole / math.sqrt(STEPS)))


def _passed(before: Poll, now: Poll) -> float:
    """Pages sent between two polls, with content or without; NaN where they are not counted."""
    counts = now.content_pages - before.content_pages + now.zero_pages - before.zero_pages
    return counts * now.page_bytes / PAGE_BYTES


class _Walk:
    """Goes from poll to poll and keeps where the passes began."""

    def __init__(self, first: Poll, rate: float, each: float, limit: float) -> None:
        self.rate, self.each, self.limit = rate, each, limit
        self.number = int(first.looks) if first.looks >= 1 else 1
        self.seen: list[SeenPass] = []
        memory = first.memory_bytes if first.memory_bytes > 0 else first.remaining_bytes
        self.first_pages = max(memory, first.remaining_bytes) / PAGE_BYTES
        self.start_s = 0.0 if self.number == 1 else first.time_s
        self.began = self.first_pages if self.number == 1 else first.remaining_bytes / PAGE_BYTES
        # Of a first pass that was not seen nothing is known.
        self.content_first = USUAL_CONTENT * self.first_pages

    def on(self, before: Poll, now: Poll) -> None:
        """Take the next poll."""
        ended = self._ended(before, now)
        if ended == 0:
            return
        found, at, left = self._look(before, now)
        if ended > 1:
            at, found = before.time_s + (now.time_s - before.time_s) * ended / (ended + 1), math.nan
        began = left + found
        if not math.isfinite(began):
            began = now.remaining_bytes / PAGE_BYTES + self.rate * (now.time_s - at)
        if self.number == 1:
            more = self.rate * (at - before.time_s)
            self.content_first = min(self._content(before) + more, self.first_pages - left)
        gap = now.time_s - before.time_s
        self.seen.append(SeenPass(self.number, self.start_s, at - self.start_s, self.began, left, found, gap))
        self.number, self.start_s, self.began = self.number + ended, at, began

    def content_pages(self, last: Poll) -> float:
        """Pages sent with content in the first pass, as far as it has come."""
        return self._content(last) if self.number == 1 else self.content_first

    def _content(self, poll: Poll) -> float:
        """The same at a poll of the first pass: counted, or out of bytes and pages passed over."""
        counted = poll.content_pages * poll.page_bytes / PAGE_BYTES
        passed = max(self.first_pages - poll.remaining_bytes / PAGE_BYTES, 0.0)
        if not math.isfinite(counted):
            counted = (poll.sent_bytes - ZERO_BYTES * passed) / (self.each - ZERO_BYTES)
        return float(np.clip(counted, 0.0, passed))

    def _look(self, before: Poll, now: Poll) -> tuple[float, float, float]:
        """Pages that the look between two polls found dirty, when it fell, and what was left then."""
        gap = now.time_s - before.time_s
        waits, remains = before.remaining_bytes / PAGE_BYTES, now.remaining_bytes / PAGE_BYTES
        passed = _passed(before, now)
        if math.isfinite(passed):
            found, left = max(remains - waits + passed, 0.0), min(self.limit, waits)
            # What was found and is gone again was sent since the look.
            return found, now.time_s - float(np.clip((left + found - remains) / self.rate, 0, gap)), left
        at = before.time_s + float(np.clip((waits - self.limit) / self.rate, 0, gap))
        if self.number == 1 and waits - self.limit > self.rate * gap:
            # Pages without content take no time: what was left of them does not tell when the pass ended.
            at = before.time_s + gap / 2
        left = float(np.clip(waits - self.rate * (at - before.time_s), 0, self.limit))
        if self.number == 1:
            return max(remains - left + self.rate * (now.time_s - at), 0.0), at, left
        sent = (now.sent_bytes - before.sent_bytes) / self.each
        return max(remains - waits + sent, 0.0), at, left

    def _ended(self, before: Poll, now: Poll) -> int:
        """Passes that ended between two polls."""
        if math.isfinite(before.looks) and math.isfinite(now.looks):
            return max(int(now.looks) - max(int(before.looks), 1), 0)
        return int(now.remaining_bytes - before.remaining_bytes > RISES * PAGE_BYTES)
