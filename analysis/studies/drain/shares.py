"""Who gets how much of the links: max-min fair shares under own ceilings.

No move can get more without one that has no more than it getting less (Bertsekas and Gallager): all rates
rise together, and a move stops rising where it reaches a ceiling of its own or where a link of its is full.
That is what TCP connections of one kind make of a link in the mean.
"""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from analysis.arrays import Floats
from analysis.studies.drain.tables import Ints

CLOSE = 1e-12
"""Share of a rate by which two are the same."""


@register_jitable
def fair_shares(links: Ints, ceiling: Floats, line: Floats, peak: Floats) -> Floats:
    """Rate of each move, whose links are a row of ``links`` (-1: none), under its ceiling.

    ``peak``: the most that each link ever carried; raised where these rates are more.
    """
    rate = ceiling.copy()
    taken = _taken(links, rate, len(line))
    if (taken > line * (1 + CLOSE)).any():
        rate = _filled(links, ceiling, line)
        taken = _taken(links, rate, len(line))
    for link in range(len(line)):
        peak[link] = max(peak[link], taken[link])
    return rate


@register_jitable
def _taken(links: Ints, rate: Floats, count: int) -> Floats:
    """What rates take of each link."""
    taken = np.zeros(count)
    for k in range(links.shape[0]):
        for j in range(links.shape[1]):
            if links[k, j] >= 0:
                taken[links[k, j]] += rate[k]
    return taken


@register_jitable
def _filled(links: Ints, ceiling: Floats, line: Floats) -> Floats:
    """Raise all rates together: the lowest ceiling, or the link that fills first, stops who it holds."""
    rate, rises = np.zeros(len(ceiling)), np.ones(len(ceiling), np.bool_)
    room, users = line.copy(), np.zeros(len(line), np.int64)
    first, following = _members(links, users)
    busy = np.flatnonzero(users)
    lowest, place = np.argsort(ceiling), 0
    while place < len(lowest):
        k = lowest[place]
        if not rises[k]:
            place += 1
            continue
        level, full = ceiling[k], -1
        for link in busy:  # a link that fills before that ceiling is reached
            if users[link] > 0 and room[link] < level * users[link] * (1 - CLOSE):
                level, full = room[link] / users[link], int(link)
        if full < 0:
            _stop(links, k, level, rate, rises, room, users)
            continue
        one = first[full]
        while one >= 0:
            if rises[one // links.shape[1]]:
                _stop(links, one // links.shape[1], level, rate, rises, room, users)
            one = following[one]
    return rate


@register_jitable
def _members(links: Ints, users: Ints) -> tuple[Ints, Ints]:
    """Who uses each link, as chains of places in ``links``; counts ``users``."""
    first = np.full(len(users), -1)
    following = np.full(links.size, -1)
    for k in range(links.shape[0]):
        for j in range(links.shape[1]):
            link = links[k, j]
            if link >= 0:
                users[link] += 1
                following[k * links.shape[1] + j] = first[link]
                first[link] = k * links.shape[1] + j
    return first, following


@register_jitable
def _stop(links: Ints, k: int, level: float, rate: Floats, rises: Ints, room: Floats, users: Ints) -> None:
    """A move rises no more: what it has is taken from its links."""
    rate[k], rises[k] = level, False
    for j in range(links.shape[1]):
        if links[k, j] >= 0:
            room[links[k, j]] = max(room[links[k, j]] - level, 0.0)
            users[links[k, j]] -= 1
