r"""What no plan beats: the work on each link, the slots of each node, the longest move.

No drain ends before a link has carried all that must cross it, nor before a node's slots have held each of
its moves for as long as that takes alone, nor before the longest single move:

.. math:: \max_l \Big( \min_m s_m + \frac{\sum_m w_m}{c_l} + \min_m h_m \Big), \quad
          \max_n \frac{\sum_m a_m}{k_n}, \quad \max_m a_m

with w the bytes of a move at its full rate (a slower copy dirties more), c the link's rate, s and h what
comes before and after its transfer, a its time alone, k the moves that a node may have at once. Where a
rule looks at what remains within a pass, or gives up, a slower copy may send less: of such machines only
the first sending of each page counts.
"""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.studies.drain.course import GIB_PER_GBIT
from analysis.studies.drain.problem import Problem
from analysis.studies.drain.simulation import Alone, Crossing
from analysis.studies.drain.tables import NEVER, PLAIN, Ints, Moves


def lower_bound(problem: Problem, destination: Ints) -> float:
    """Seconds below which no order and no placement of these machines ends.

    A machine that may go to several nodes counts on none of their links, only on all of them together, and
    takes the least of its times and volumes.
    """
    free = problem.allowed.sum(axis=1) > 1
    tables = [problem.to(destination)]
    if free.any():
        kinds = problem._kinds
        nodes = [int(np.flatnonzero(kinds == kind)[0]) for kind in np.unique(kinds)]
        tables += [problem.to(np.where(free, node, destination)) for node in nodes]
    alone = np.min([_least_s(crossing.moves, found) for crossing, found in tables], axis=0)
    work = np.min([_least_gbit(crossing, found) for crossing, found in tables], axis=0)
    m = tables[0][0].moves
    parts = [float(alone.max(initial=0.0)), _slots(problem, m, alone, destination, free)]
    memory = np.min([_least_pages(c.moves, a) / c.moves.page_gib_s for c, a in tables], axis=0)
    parts += [_links(problem, m, work, memory, destination, free)]
    return max(parts)


def _monotone(m: Moves) -> Bools:
    """Machines whose slower copy never sends less."""
    found: Bools = np.isinf(m.look_s) & np.isinf(m.sent_limit) & (m.give_up_how == NEVER)
    return found


def _least_s(m: Moves, alone: Alone) -> Floats:
    """The least time of a move: alone, or its first pass at full rate where the rule is not monotone."""
    content = np.maximum(m.content - np.maximum(m.ahead, 0), 0)
    pace = (
        m.ceiling_gbps * m.payload * GIB_PER_GBIT * m.page_gib_s * np.where(m.compresses == PLAIN, 1, m.ratio)
    )
    once = (
        m.serial_s
        + m.wait_s
        + content / np.maximum(pace, m.paused_gbps / m.ceiling_gbps * pace)
        - m.head_start_s
    )
    return np.where(m.live & ~_monotone(m), np.minimum(once, alone.total_s), alone.total_s)


def _least_pages(m: Moves, alone: Alone) -> Floats:
    """Pages that a move sends at least while somebody waits for them."""
    ratio = np.where(m.compresses == PLAIN, 1.0, m.ratio)
    pace = np.maximum(m.ceiling_gbps, m.paused_gbps) * m.payload * GIB_PER_GBIT * m.page_gib_s * ratio
    carried = alone.sent_pages - np.maximum(m.ahead, 0)
    once = m.content - np.maximum(m.ahead, 0) - m.head_start_s * pace
    return np.where(m.live, np.where(_monotone(m), carried, once), 0.0).clip(0)


def _least_gbit(crossing: Crossing, alone: Alone) -> Floats:
    """What a move takes of a link's line at least [Gbit]."""
    m = crossing.moves
    pages = _least_pages(m, alone) / m.page_gib_s / np.where(m.compresses == PLAIN, 1.0, m.ratio)
    state = np.where(m.live, m.state_gib * _monotone(m), 0.0)
    return np.where(m.live, (pages + state) / (m.payload * GIB_PER_GBIT), 0.0)


def _compressed_gib_s(m: Moves, on: Bools, line_gbps: float) -> float:
    """Memory that a source sends in a second at most: its cores compress, the rest goes as it is."""
    link = line_gbps * m.payload[on].max() * GIB_PER_GBIT
    ratio, able = m.ratio[on].max(), (m.core_gib_s * m.cores)[on].max()
    compressed = min(able, link * ratio)
    return float(compressed + link - compressed / ratio)


def _slots(problem: Problem, m: Moves, alone: Floats, destination: Ints, free: Bools) -> float:
    """The longest that the slots of a node, or of the cluster, are held."""
    nodes, live = len(problem.cluster.names), m.live
    out, into = np.zeros(nodes), np.zeros(nodes)
    np.add.at(out, problem.source[live], alone[live])
    np.add.at(into, destination[live & ~free], alone[live & ~free])
    parts = [out / problem.cluster.out_limit, into / problem.cluster.in_limit]
    return float(max(*(p.max() for p in parts), alone[live].sum() / problem.cluster.cluster_limit))


def _links(problem: Problem, m: Moves, work: Floats, memory: Floats, destination: Ints, free: Bools) -> float:
    """The longest that a link, or a link behind a compressor, is busy, with the least before and after."""
    cluster, live = problem.cluster, m.live
    links = cluster.links(problem.source, destination, live)
    links[free, 1:] = -1
    lines = cluster.nodes(problem.present).line_gbps
    before, after = m.serial_s + m.wait_s, m.handoff_s
    longest = 0.0
    for link in np.unique(links[(links >= 0) & live[:, None]]):
        on = (links == link).any(axis=1) & live
        longest = max(longest, before[on].min() + work[on].sum() / lines[link] + after[on].min())
    for node in np.unique(problem.source[live]):
        on = live & (problem.source == node)
        if (m.compresses[on] != PLAIN).all():
            rate = _compressed_gib_s(m, on, lines[node])
            longest = max(longest, before[on].min() + memory[on].sum() / rate + after[on].min())
    if (free & live).any():
        on = free & live
        takers = problem.allowed[on].any(axis=0)
        room = cluster.line_gbps[takers].sum()
        longest = max(longest, before[on].min() + work[on].sum() / room + after[on].min())
    return float(longest)
