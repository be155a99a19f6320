"""Where a condition begins and ceases to hold along a parameter, for many questions at once.

Outcomes of migrations are not monotone: a stop rule makes them jump, a faster line overflows a ring. So no
bisection over the whole range: the condition is looked at on a grid, the grid is made finer wherever the kind
of outcome changes (passes, reason to stop, what binds) or a valley comes near the mark, and only then is each
crossing bisected. What lies between two neighbours of the same kind is taken for smooth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from analysis.arrays import Bools, Codes, Floats, Indices

POINTS = 65
"""Values of the first grid."""
FINE = 5e-4
"""Width, as a share of the value, down to which a change of kind is looked into."""
EXACT = 1e-7
"""The same for a crossing, where looks are cheap."""
MOST_KINDS = 16
"""Changes of kind that are looked into for one question at each level, those nearest the mark first."""
NEAR = 1.3
"""Times the mark from which a valley, or below which a hill, is looked into."""
STEPS = 16
LEVELS = 60


class Looked(NamedTuple):
    """The condition at some values: how far from the mark (up to 1 it holds), and of which kind."""

    excess: Floats
    kind: Codes

    @property
    def held(self) -> Bools:
        """Where the condition holds."""
        return self.excess <= 1

    def at(self, chosen: Any) -> Looked:
        """What was seen at some places."""
        return Looked(self.excess[chosen], self.kind[chosen])

    def mixed(self, chosen: Bools, other: Looked) -> Looked:
        """What was seen where chosen, the other elsewhere."""
        kind = np.where(chosen, self.kind, other.kind)
        return Looked(np.where(chosen, self.excess, other.excess), kind)


Look: TypeAlias = Callable[[Indices, Floats], Looked]
"""Looks at the condition of questions, by their numbers, at a value each."""
Middle: TypeAlias = Callable[[Floats, Floats], Floats]


class Crossing(NamedTuple):
    """Places where the condition changes: question, the last value on either side, along the direction."""

    question: Indices
    before: Floats
    after: Floats
    begins: Bools


class Stretches(NamedTuple):
    """For each question the last stretch in which the condition holds, along the direction that helps.

    ``value``: where it begins; NaN where the condition holds nowhere. ``until``: where it ends. ``whole``:
    whether it begins with the range. ``closest``: the value that came nearest to the mark.
    """

    value: Floats
    until: Floats
    whole: Bools
    closest: Floats
    crossings: Crossing


class _Pairs(NamedTuple):
    """Neighbouring values of questions, along the direction, with what was seen at each."""

    question: Indices
    x: Floats
    y: Floats
    at_x: Looked
    at_y: Looked

    def some(self, chosen: Bools | Indices) -> _Pairs:
        """The pairs at some places."""
        x, y = self.at_x.at(chosen), self.at_y.at(chosen)
        return _Pairs(self.question[chosen], self.x[chosen], self.y[chosen], x, y)


def search(
    look: Look,
    grid: Floats,
    *,
    whole: bool = False,
    even: bool = False,
    fixed: bool = False,
    exact: float = EXACT,
) -> Stretches:
    """Find all crossings of questions along their grids, and the last stretch that holds.

    ``grid``: a row a question, from the end that helps least to the end that helps most. ``whole``: only
    whole numbers lie between; ``even``: middles are arithmetic, else by ratio; ``fixed``: nothing lies
    between; ``exact``: how closely crossings are known, as a share of the value.
    """
    rows, points = grid.shape
    numbers = np.repeat(np.arange(rows), points)
    seen = look(numbers, grid.ravel())
    first = Looked(seen.excess.reshape(rows, points), seen.kind.reshape(rows, points))
    # Where no value makes it end none is nearer than another, but the last helps most.
    endless = np.isinf(first.excess).all(axis=1)
    closest = np.where(endless, grid[:, -1], grid[np.arange(rows), first.excess.argmin(axis=1)])
    if fixed or points < 3:
        found = _crossings(_neighbours(grid, first))
    else:
        middle = _middle(whole, even, grid)
        pairs, bottom = _extremes(look, grid, first, middle)
        closest = np.where(np.isnan(bottom), closest, bottom)
        found = _bisected(look, pairs, middle, grid, exact)
    return _stretches(grid, first.held, closest, found)


def _middle(whole: bool, even: bool, grid: Floats) -> Middle:
    """A value between two, or the first of them where there is none."""
    floor = np.abs(grid).max() * 1e-9

    def between(x: Floats, y: Floats) -> Floats:
        if whole:
            return np.floor((x + y) / 2)
        if even:
            return (x + y) / 2
        small = np.minimum(x, y) <= floor
        return np.where(small, (x + y) / 2, np.sqrt(np.maximum(x, 0) * np.maximum(y, 0)))

    return between


def _neighbours(grid: Floats, seen: Looked) -> _Pairs:
    """All neighbours of a grid, question by question."""
    rows, points = grid.shape
    number = np.repeat(np.arange(rows), points - 1)
    x, y = grid[:, :-1].ravel(), grid[:, 1:].ravel()
    at_x, at_y = (
        Looked(seen.excess[:, cut].ravel(), seen.kind[:, cut].ravel()) for cut in (slice(-1), slice(1, None))
    )
    return _Pairs(number, x, y, at_x, at_y)


def _extremes(look: Look, grid: Floats, seen: Looked, middle: Middle) -> tuple[_Pairs, Floats]:
    """All neighbours, and the sides of valleys and hills that reach the mark between values of the grid.

    Beside them for each question the bottom of the deepest valley that was followed, NaN where none was.
    """
    pairs = [_neighbours(grid, seen)]
    inner, left, right = seen.excess[:, 1:-1], seen.excess[:, :-2], seen.excess[:, 2:]
    # Between its neighbours a smooth valley is no deeper below a point than they are above it.
    with np.errstate(invalid="ignore"):
        valley = (
            (inner > 1) & (inner <= left) & (inner <= right) & (inner - 1 <= np.fmax(left, right) - inner)
        )
        hill = (inner <= 1) & (inner >= left) & (inner >= right) & (1 - inner <= inner - np.fmin(left, right))
    valley, hill = valley & (inner < NEAR), hill & (inner > 1 / NEAR)
    bottom = np.full(len(grid), np.nan)
    for chosen, sign in ((valley, 1.0), (hill, -1.0)):
        question, place = np.nonzero(chosen)
        if not len(question):
            continue
        inside, at = _followed(look, grid, seen, (question, place), sign, middle)
        turned = at.held if sign > 0 else ~at.held
        before, after = grid[question, place], grid[question, place + 2]
        at_before, at_after = seen.at((question, place)), seen.at((question, place + 2))
        pairs.append(_Pairs(question, before, inside, at_before, at).some(turned))
        pairs.append(_Pairs(question, inside, after, at, at_after).some(turned))
        if sign > 0:
            order = np.argsort(-at.excess)
            bottom[question[order]] = inside[order]
    return _joined(pairs), bottom


def _followed(
    look: Look, grid: Floats, seen: Looked, before: tuple[Indices, Indices], sign: float, middle: Middle
) -> tuple[Floats, Looked]:
    """The bottom of valleys (sign 1) or the top of hills (-1) behind places of a grid, by halving steps."""
    question, place = before
    a, b, c = (grid[question, place + k] for k in range(3))
    at = seen.at((question, place + 1))
    for step in range(STEPS):
        x = middle(a if step % 2 else c, b)
        now = look(question, x)
        better = sign * now.excess < sign * at.excess
        # A better value has the old one on its far side; a worse one is the new end.
        if step % 2:
            a, c = np.where(better, a, x), np.where(better, b, c)
        else:
            a, c = np.where(better, b, a), np.where(better, c, x)
        b, at = np.where(better, x, b), now.mixed(better, at)
    return b, at


def _joined(parts: list[_Pairs]) -> _Pairs:
    question = np.concatenate([part.question for part in parts])
    x, y = np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts])
    at_x, at_y = _looks([part.at_x for part in parts]), _looks([part.at_y for part in parts])
    return _Pairs(question, x, y, at_x, at_y)


def _looks(parts: list[Looked]) -> Looked:
    kind = np.concatenate([part.kind for part in parts])
    return Looked(np.concatenate([part.excess for part in parts]), kind)


def _bisected(look: Look, pairs: _Pairs, middle: Middle, grid: Floats, exact: float) -> Crossing:
    """Halve what is looked into until every crossing is known exactly and every change of kind finely."""
    floor = np.abs(grid).max(axis=1) * 1e-9
    done = []
    for _ in range(LEVELS):
        between = middle(pairs.x, pairs.y)
        far = np.maximum(np.maximum(np.abs(pairs.x), np.abs(pairs.y)), floor[pairs.question])
        wide = np.abs(pairs.y - pairs.x) / far
        parted = (between != pairs.x) & (between != pairs.y)
        crosses = pairs.at_x.held != pairs.at_y.held
        done.append(_crossings(pairs.some(crosses & ~(parted & (wide > exact)))))
        goes_on = parted & np.where(crosses, wide > exact, _changes(pairs) & (wide > FINE))
        pairs, between = pairs.some(goes_on), between[goes_on]
        if not len(between):
            break
        at = look(pairs.question, between)
        halves = (pairs.x, between, pairs.at_x, at), (between, pairs.y, at, pairs.at_y)
        pairs = _joined([_Pairs(pairs.question, *half) for half in halves])
    question, before, after, begins = (np.concatenate([one[k] for one in done]) for k in range(4))
    return Crossing(question, before, after, begins)


def _changes(pairs: _Pairs) -> Bools:
    """Pairs of different kinds, of each question no more than :data:`MOST_KINDS`, those nearest the mark."""
    differs = pairs.at_x.kind != pairs.at_y.kind
    place = np.flatnonzero(differs)
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = (np.log(look.excess[place]) for look in (pairs.at_x, pairs.at_y))
        far, jump = np.minimum(np.abs(x), np.abs(y)), np.abs(x - y)
        # What is much farther from the mark than the two are from each other does not reach it between them.
        reaches = ~(far > 2 * np.fmax(jump, np.log(NEAR)))
    place, far = place[reaches], far[reaches]
    order = np.lexsort((far, pairs.question[place]))
    question = pairs.question[place][order]
    rank = np.arange(len(order)) - np.searchsorted(question, question)
    kept = np.zeros(len(differs), bool)
    kept[place[order[rank < MOST_KINDS]]] = True
    return kept


def _crossings(pairs: _Pairs) -> Crossing:
    """The pairs between which the condition changes."""
    changed = pairs.at_x.held != pairs.at_y.held
    some = pairs.some(changed)
    return Crossing(some.question, some.x, some.y, some.at_y.held)


def _stretches(grid: Floats, held: Bools, closest: Floats, found: Crossing) -> Stretches:
    """The last stretch of each question: from its last beginning to its end, or to the range's."""
    descends = np.where(grid[:, -1] >= grid[:, 0], 1.0, -1.0)
    order = np.lexsort((found.before * descends[found.question], found.question))
    found = Crossing(found.question[order], found.before[order], found.after[order], found.begins[order])
    rows = len(grid)
    value, until = np.full(rows, np.nan), np.full(rows, np.nan)
    whole = np.zeros(rows, bool)
    value[held[:, 0]], whole[held[:, 0]] = grid[held[:, 0], 0], True
    begins = found.begins
    # Written in order: what comes last stays.
    value[found.question[begins]], whole[found.question[begins]] = found.after[begins], False
    until[found.question[~begins]] = found.before[~begins]
    until = np.where(held[:, -1], grid[:, -1], until)
    return Stretches(value, np.where(np.isnan(value), np.nan, until), whole, closest, found)
