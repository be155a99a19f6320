"""The loop over events: what starts, who shares what, which stage of which move ends next.

Between two events all rates are constant. A move that starts or ends changes who crosses the links; the
shares are then computed anew, and only moves whose rate changed are timed anew. Memory is held at the
destination from the start of a move and freed at the source at its end.
"""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from analysis.arrays import Floats
from analysis.studies.drain.course import (
    after_stage,
    begin_pass,
    ceiling_of,
    give_up,
    look_again,
    pace_of,
    retime,
    settle,
)
from analysis.studies.drain.shares import fair_shares
from analysis.studies.drain.tables import (
    CANCEL,
    CANCELLED,
    DONE,
    HANDOFF,
    NEVER,
    PASSES,
    PLAIN,
    PREPARING,
    RESIDUAL,
    STATE,
    Course,
    Ints,
    Moves,
    Wide,
)

SLACK = 1e-9
"""What rounding may take of memory or of room on a link."""


@register_jitable
def work_off(
    m: Moves, c: Course, w: Wide, queue: Ints, barrier: bool, gap_s: float, room: float, cluster_limit: int
) -> float:
    """Carry out the moves of a queue, in its order where the limits allow; returns when the last has ended.

    ``c`` and what of ``w`` changes are changed in place. A move that can never start, for
    want of memory that others free only after it, stays ``QUEUED``.
    """
    nodes = len(w.free_gib)
    counts = np.zeros((2, nodes), np.int64)
    manager = np.zeros(nodes)
    active = np.zeros(len(queue), np.int64)
    waiting = np.stack((queue, m.source[queue], m.destination[queue]))
    ready_s = _shortest_set_up(m, queue)
    left, running, now, open_from, last, scan = len(queue), 0, 0.0, 0.0, 0.0, True
    while True:
        if scan and left > 0 and (not barrier or (running == 0 and now >= open_from)):
            free = _free_lines(m, c, w, active, running, now, ready_s) if room > 0 else w.line_gbps
            left, running = _start_some(
                m, c, w, waiting, left, active, running, now, room, counts, manager, cluster_limit, free
            )
        early = _leaves_next(m, c, active, running, now, ready_s) if room > 0 and left > 0 else np.inf
        ahead = min(_next_time(m, c, active, running, now), early)
        if barrier and running == 0 and left > 0 and open_from > now:
            ahead = open_from
        if np.isinf(ahead):
            return last
        now = ahead
        changed = _arrivals(m, c, w, active, running, now)
        still = _leave(m, c, w, active, running, counts)
        if still < running:
            last, open_from = now, now + gap_s
        scan = still < running or barrier or (room > 0 and (changed or now >= early * (1 - SLACK)))
        running = still
        if changed:
            _share(m, c, w, active, running, now)


@register_jitable
def _shortest_set_up(m: Moves, queue: Ints) -> float:
    """The least time from the start of a live migration in a queue to its first page."""
    least = np.inf
    for i in queue:
        if m.live[i]:
            least = min(least, m.serial_s[i] + m.wait_s[i])
    return least if least < np.inf else 0.0


@register_jitable
def _start_some(
    m: Moves, c: Course, w: Wide, waiting: Ints, left: int, active: Ints, running: int, now: float,
    room: float, counts: Ints, manager: Floats, cluster_limit: int, free: Floats,
) -> tuple[int, int]:  # fmt: skip
    """Start what may start, in the order of the queue; returns how many still wait, and how many run."""
    kept, counted = 0, int(counts[0].sum())
    for q in range(left):
        i, source, destination = waiting[0, q], waiting[1, q], waiting[2, q]
        full = counts[0, source] >= w.out_limit[source] or counts[1, destination] >= w.in_limit[destination]
        full = full or counted >= cluster_limit
        if (not full or not m.live[i]) and _may_start(m, w, i, room, free):
            _start(m, c, w, i, now, counts, manager)
            if room > 0:
                _reserve(m, w, i, free)
            active[running] = i
            running += 1
            counted += 1 if m.live[i] else 0
        else:
            waiting[0, kept], waiting[1, kept], waiting[2, kept] = i, source, destination
            kept += 1
    return kept, running


@register_jitable
def _arrivals(m: Moves, c: Course, w: Wide, active: Ints, running: int, now: float) -> bool:
    """Carry all on whose time has come; True where shares change."""
    changed = False
    for a in range(running):
        i = active[a]
        if c.next_s[i] <= now:
            changed = _arrive(m, c, w, i, now) or changed
        elif c.stage[i] == PASSES and m.give_up_how[i] != NEVER and c.carry_s[i] + m.give_up_s[i] <= now:
            _time_is_up(m, c, w, i, now)
            changed = True
        changed = changed or c.stage[i] == CANCELLED
    return changed


@register_jitable
def _leave(m: Moves, c: Course, w: Wide, active: Ints, running: int, counts: Ints) -> int:
    """Take those that have ended out of the moves that run; returns how many still do."""
    still = 0
    for a in range(running):
        i = active[a]
        if c.stage[i] == DONE or c.stage[i] == CANCELLED:
            _release(m, c, w, i, counts)
        else:
            active[still] = i
            still += 1
    return still


@register_jitable
def _next_time(m: Moves, c: Course, active: Ints, running: int, now: float) -> float:
    """When something happens next."""
    ahead = np.inf
    for a in range(running):
        i = active[a]
        ahead = min(ahead, c.next_s[i])
        if c.stage[i] == PASSES and m.give_up_how[i] != NEVER:
            ahead = min(ahead, max(c.carry_s[i] + m.give_up_s[i], now))
    return ahead


@register_jitable
def _leaves_next(m: Moves, c: Course, active: Ints, running: int, now: float, ready_s: float) -> float:
    """When the next move could begin its set-up so as to be ready when a running one leaves its links."""
    ahead = np.inf
    for a in range(running):
        i = active[a]
        early = _expected(m, c, i) - ready_s
        if early > now * (1 + SLACK) + SLACK:
            ahead = min(ahead, early)
    return ahead


@register_jitable
def _expected(m: Moves, c: Course, i: int) -> float:
    """When a move would leave the links if it went at its full rate."""
    return float(c.start_s[i] + m.alone_s[i] - m.handoff_s[i])


@register_jitable
def _may_start(m: Moves, w: Wide, i: int, room: float, free: Floats) -> bool:
    """Whether memory, group and, where asked for, the links leave room for a move."""
    destination = m.destination[i]
    if w.free_gib[destination] < m.memory_gib[i] - SLACK:
        return False
    if m.group[i] >= 0 and w.present[m.group[i], destination] > 0:
        return False
    if room > 0:
        for j in range(w.links.shape[1]):
            if w.links[i, j] >= 0 and free[w.links[i, j]] < room * m.ceiling_gbps[i]:
                return False
    return True


@register_jitable
def _free_lines(
    m: Moves, c: Course, w: Wide, active: Ints, running: int, now: float, ready_s: float
) -> Floats:
    """What of each link will be free of full-rate moves when a set-up that begins now is done.

    A move that is late counts until it leaves. Set-ups differ: the shortest of the live ones is taken.
    """
    free = w.line_gbps * (1 + SLACK)
    begin = now + ready_s
    for a in range(running):
        k = active[a]
        leaves = _expected(m, c, k)
        if c.stage[k] != HANDOFF and (leaves <= now or leaves > begin * (1 + SLACK) + SLACK):
            _reserve(m, w, k, free)
    return free


@register_jitable
def _reserve(m: Moves, w: Wide, i: int, free: Floats) -> None:
    """Take a move's full rate off its links."""
    for j in range(w.links.shape[1]):
        if w.links[i, j] >= 0:
            free[w.links[i, j]] -= m.ceiling_gbps[i]


@register_jitable
def _start(m: Moves, c: Course, w: Wide, i: int, now: float, counts: Ints, manager: Floats) -> None:
    """A move begins: it counts, its destination holds its memory, its set-up runs."""
    source, destination = m.source[i], m.destination[i]
    if m.live[i]:
        counts[0, source] += 1
        counts[1, destination] += 1
    w.free_gib[destination] -= m.memory_gib[i]
    if m.group[i] >= 0:
        w.present[m.group[i], destination] += 1
    turn = max(now, manager[source]) + m.serial_s[i]
    manager[source] = turn
    c.start_s[i] = now
    c.stage[i] = PREPARING
    c.next_s[i] = turn + m.wait_s[i]


@register_jitable
def _release(m: Moves, c: Course, w: Wide, i: int, counts: Ints) -> None:
    """A move has ended: its memory is free at the source, or at the destination if it was given up."""
    source, destination = m.source[i], m.destination[i]
    if m.live[i]:
        counts[0, source] -= 1
        counts[1, destination] -= 1
    left = destination if c.stage[i] == CANCELLED else source
    w.free_gib[left] += m.memory_gib[i]
    if m.group[i] >= 0:
        w.present[m.group[i], left] -= 1


@register_jitable
def _arrive(m: Moves, c: Course, w: Wide, i: int, now: float) -> bool:
    """The end of a move's stage; True where shares change."""
    if c.stage[i] != PREPARING:
        return after_stage(m, c, w, i, now)
    c.carry_s[i] = now
    c.since_s[i] = now
    # A quick migration has no passes: the guest is saved, away, and restored.
    c.stage[i] = PASSES if m.live[i] else STATE
    if not m.live[i]:
        c.left[i], c.pause_s[i], c.reason[i] = m.state_gib[i], now, 0
    c.next_s[i] = np.inf
    return True


@register_jitable
def _time_is_up(m: Moves, c: Course, w: Wide, i: int, now: float) -> None:
    """What the system does with a migration that takes too long."""
    if m.give_up_how[i] == CANCEL:
        settle(m, c, i, now)
        c.stage[i], c.next_s[i], c.end_s[i] = CANCELLED, np.inf, now
    else:
        give_up(m, c, w, i, now)


@register_jitable
def _share(m: Moves, c: Course, w: Wide, active: Ints, running: int, now: float) -> None:
    """New shares for all that carry something, and new times for those whose pace changed."""
    count = 0
    who = np.zeros(running, np.int64)
    compressing = np.zeros(len(w.free_gib))
    for a in range(running):
        i = active[a]
        if PASSES <= c.stage[i] <= STATE:
            who[count] = i
            count += 1
            if m.compresses[i] != PLAIN and c.stage[i] != STATE:
                compressing[m.source[i]] += 1
    links, ceiling = np.zeros((count, w.links.shape[1]), np.int64), np.zeros(count)
    for k in range(count):
        i = who[k]
        links[k] = w.links[i]
        ceiling[k] = ceiling_of(m, c, i, m.cores[i] / max(compressing[m.source[i]], 1.0))
    rates = fair_shares(links, ceiling, w.line_gbps, w.peak)
    for k in range(count):
        i = who[k]
        cores = m.cores[i] / max(compressing[m.source[i]], 1.0)
        _set_rate(m, c, i, now, rates[k], rates[k] < ceiling[k] * (1 - SLACK), cores)


@register_jitable
def _set_rate(m: Moves, c: Course, i: int, now: float, gbps: float, held: bool, cores: float) -> None:
    """Give a move its rate; time it anew if that, its cores or its stage make another pace of it."""
    old = c.pace[i]
    settle(m, c, i, now)
    c.gbps[i], c.held[i] = gbps, held
    c.pace[i] = pace_of(m, c, i, cores)
    fresh = np.isinf(c.next_s[i])
    if c.stage[i] == PASSES and fresh and c.passes[i] == 0 and c.begun_s[i] < 0:
        begin_pass(m, c, i, now)
        return
    if c.pace[i] == old and not fresh:
        return
    if c.stage[i] == PASSES:
        look_again(m, c, i)
    elif c.stage[i] == RESIDUAL and fresh and c.begun_s[i] == now:
        c.left[i] = max(c.left[i] - m.head_start_s[i] * c.pace[i], 0.0)
    retime(c, i)
