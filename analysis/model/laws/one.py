"""One migration from its parameters to its outcomes: the laws of this folder put together."""

from __future__ import annotations

import math
from typing import NamedTuple

from analysis.model.laws import changing, link, memory, passes, rates
from analysis.model.laws.changing import REPEATED, SKIPPED_S, SKIPPED_SENT, SLOWED_S
from analysis.model.laws.passes import (
    AHEAD,
    BINDS,
    CONTENT,
    CYCLIC,
    DIRTIED,
    ELAPSED,
    GOES_ON,
    GOODPUT,
    HEAD_STARTS,
    LASTED,
    LEFT,
    LIFTS,
    PASS,
    POST_COPY,
    RATE,
    RATIO,
    SENT,
    SENT_NOW,
    STEPS,
    TARGET_MET,
    TOP,
    ZERO,
    begin,
    go_on_late,
    make_pass,
    never,
    over,
)
from analysis.model.laws.scenario import Numbers, Scenario
from analysis.model.units import GBIT, GIB, MIB, PAGE_BYTES, PAGES_PER_GIB


class Work(NamedTuple):
    """Lists of numbers that one migration fills in and the next may use again; see :func:`work`."""

    ceilings: Numbers
    machine: Numbers
    changes: Numbers
    state: Numbers
    rates: Numbers
    sizes: Numbers
    waiting: Numbers
    marked: Numbers


class Outcome(NamedTuple):
    """What :func:`analysis.migrate` tells of one migration, words as codes."""

    goodput_gbps: float
    memory_rate_gib_per_s: float
    limited_by: int
    passes: float
    stop_reason: int
    converged: bool
    residual_pages: float
    brownout_s: float
    blackout_s: float
    total_s: float
    throttled_share: float
    post_copy_s: float
    memory_sent_gib: float
    stream_gib: float
    wire_gib: float


class Ended(NamedTuple):
    """How pre-copy ended, the stretch until the pause among it; of one without end times are infinite."""

    passes: float
    stop_reason: int
    converged: bool
    residual_pages: float
    duration_s: float
    sent_pages: float


class Made(NamedTuple):
    """One pass as it was made; see :class:`analysis.model.precopy.Passes`."""

    number: float
    start_s: float
    duration_s: float
    sent_pages: float
    dirtied_pages: float
    remaining_pages: float


def work() -> Work:
    """Lists for any machine."""
    lengths = (
        len(link.CEILINGS),
        passes.MACHINE,
        changing.CHANGES,
        passes.STATE,
        *(memory.CLASSES for _ in range(4)),
    )
    return Work(*[[0.0 for _ in range(length)] for length in lengths])


def start(p: Scenario, w: Work) -> int:
    """Fill in the machine on its link and its classes of pages; how many classes."""
    m = w.machine
    m[GOODPUT], m[STEPS] = link.goodput(p, p.bandwidth_limit_share, w.ceilings), 0.0
    rate, m[RATIO] = memory.memory_rate(p, m[GOODPUT])
    m[RATE], m[BINDS] = rate * PAGES_PER_GIB, rates.binds(p, w.ceilings, m[GOODPUT])
    return start_on(p, w)


def start_on(p: Scenario, w: Work) -> int:
    """The same for a link that is filled in already."""
    m, pages, content = w.machine, p.memory_gib * PAGES_PER_GIB, memory.content_pages(p)
    m[CONTENT], m[ZERO], m[TOP] = content, pages - content, min(pages * p.top_content_share, content)
    m[AHEAD] = memory.ahead_pages(p, m[RATE], m[RATIO], m[GOODPUT])
    n = memory.fill_classes(p, w.rates, w.sizes)
    m[CYCLIC] = n - 1.0 if p.write_pattern == memory.SEQUENTIAL else 0.0
    return n


def migrated(p: Scenario, w: Work) -> Outcome:
    """The outcomes of one migration."""
    return outcome(p, w, precopied(p, w, start(p, w)))


def followed(p: Scenario, w: Work, log: list[Made]) -> Outcome:
    """The same, with every pass added to a list as by :func:`traced`."""
    return outcome(p, w, traced(p, w, start(p, w), log))


def precopied(p: Scenario, w: Work, n: int) -> Ended:
    """The passes of a machine with n classes of pages that is filled in."""
    reason = _begin(p, w, n)
    while reason == GOES_ON:
        reason = make_pass(p, w.machine, w.changes, w.rates, w.sizes, w.state, w.waiting, w.marked, n)
    return _paused(p, w, n, reason)


def traced(p: Scenario, w: Work, n: int, log: list[Made]) -> Ended:
    """The same, with every pass added to a list; where a limit acts late the stretch until the pause too.

    Passes that repeat themselves until the rule changes are one entry, with the number of the last.
    """
    reason, c = _begin(p, w, n), w.changes
    while reason == GOES_ON:
        begun, before = w.state[ELAPSED], c[REPEATED]
        reason = make_pass(p, w.machine, c, w.rates, w.sizes, w.state, w.waiting, w.marked, n)
        log.append(_made(w.state, w.state[PASS] + before, begun))
        if c[SKIPPED_S] > 0:
            log.append(_repeated(w.state, c, begun + w.state[LASTED]))
    ended = _paused(p, w, n, reason)
    if w.state[LASTED] > 0:
        log.append(_made(w.state, ended.passes + 1, w.state[ELAPSED]))
    return ended


def _begin(p: Scenario, w: Work, n: int) -> int:
    begin(w.machine, w.state, w.waiting, w.marked, n)
    changing.begin(p, w.changes)
    return GOES_ON


def _made(state: Numbers, number: float, begun: float) -> Made:
    return Made(number, begun, state[LASTED], state[SENT_NOW], state[DIRTIED], state[LEFT])


def _repeated(state: Numbers, c: Numbers, begun: float) -> Made:
    number, sent = state[PASS] + c[REPEATED], c[SKIPPED_SENT]
    return Made(number, begun, c[SKIPPED_S], sent, sent, state[LEFT])


def _paused(p: Scenario, w: Work, n: int, reason: int) -> Ended:
    """What has come of pre-copy once the guest is paused."""
    m, state = w.machine, w.state
    go_on_late(p, m, w.changes, w.rates, w.sizes, state, w.waiting, n, reason)
    stays = never(reason)
    met = state[LEFT] <= changing.target_pages(w.changes, m[RATE], state[ELAPSED])
    return Ended(
        state[PASS] + w.changes[REPEATED],
        reason,
        reason <= TARGET_MET or (met and not stays and reason != POST_COPY),
        state[LEFT],
        math.inf if stays else state[ELAPSED] + state[LASTED],
        math.inf if stays else state[SENT] + state[SENT_NOW],
    )


def outcome(p: Scenario, w: Work, ended: Ended) -> Outcome:
    """Outcomes of the whole migration, from how its pre-copy ended."""
    m, residual, rule = w.machine, ended.residual_pages, int(p.stop_rule)
    goodput, ratio, binds = m[GOODPUT], m[RATIO], int(m[BINDS])
    follows, brownout, sent = ended.stop_reason == POST_COPY, ended.duration_s, ended.sent_pages
    paused, paused_rate, paused_ratio = goodput, m[RATE], ratio
    if LIFTS[rule] > 0 and p.bandwidth_limit_share < 1:
        paused = link.goodput(p, 1.0, w.ceilings)
        paused_memory, paused_ratio = memory.memory_rate(p, paused)
        paused_rate = paused_memory * PAGES_PER_GIB
    post_copy = over(residual, paused_rate) if follows else 0.0
    residual_s = 0.0 if follows else max(over(residual, paused_rate) - HEAD_STARTS[rule], 0.0)
    blackout = residual_s + p.state_mib * MIB / (paused * GBIT / 8) + p.handoff_ms / 1000
    pages = (sent / ratio + residual / paused_ratio) * (PAGE_BYTES + p.page_header_bytes)
    stream = (pages + memory.zero_bytes(p) + p.state_mib * MIB) / GIB
    return Outcome(
        goodput, m[RATE] / PAGES_PER_GIB, binds, ended.passes, ended.stop_reason, ended.converged, residual,
        brownout, blackout, p.setup_s + brownout + blackout + post_copy, throttled(w, brownout), post_copy,
        (sent + residual) / PAGES_PER_GIB, stream, stream / link.efficiency(p),
    )  # fmt: skip


def throttled(w: Work, brownout: float) -> float:
    """Share of its processors' time that a throttle took from the guest while memory was copied."""
    slowed = w.changes[SLOWED_S]
    return 0.0 if slowed <= 0 or math.isinf(brownout) else slowed / brownout
