r"""The recurrence over the passes of pre-copy, and the rules that stop it.

Pass i sends what is dirty and leaves behind what was dirtied meanwhile. With r pages to send,
a rate of b pages per second and u(t) distinct pages dirtied in t seconds,

.. math:: t_i = r_i / b, \qquad r_{i+1} = u(t_i)

For a constant dirty rate d and no saturation this is the geometric series of Clark et al.
(2005), r_{i+1} = (d/b) r_i, which shrinks only while d < b.

QEMU looks at what remains *while* a pass runs, every ``check_interval_s`` (q), and ends the pass at the
first look that finds less than S = bandwidth times the downtime limit. What was not sent yet carries
over, and pages of it that were written again are not counted twice. They lie where the guest writes, so
which share of each class of pages waits is kept from pass to pass: with w_j of class j waiting before a
pass, f = (r - n) / r left by it and h_j the share that is written meanwhile,

.. math:: n = \min(r, \lceil (r - S) / (b q) \rceil b q), \qquad
          w_j' = f w_j + h_j (1 - f w_j), \qquad r' = r - n + \sum_j s_j h_j (1 - f w_j)

and min(h_j, 1 - f w_j) is new of a class that is written in turn: what waits was written last, and the
circle comes to it last. What the first pass leaves is anywhere in the machine, so that there f is its share
of the machine and w_j is 1. The looks have to be discrete: were a pass to end at S exactly, it
would leave S behind each time and never stop. In the first pass the zero pages behind the content
count as remaining too although they take hardly any time, so that pass may end while content is still
unsent (:func:`_unsent_content`). The rules are data
(:data:`.stop_rules.STOP_RULES`), not code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import Bools, Codes, Counts, Floats, Indices, Reals
from analysis.model import changing
from analysis.model.dirtying import WriteClasses, share_written
from analysis.model.laws.passes import (
    BACK,
    CANCELLED,
    ENDLESS,
    ENDLESS_PASSES,
    PASS_LIMIT,
    POST_COPY,
    SAME,
    STEADY,
    TARGET_MET,
)
from analysis.model.stop_rules import Rules


class Guest(NamedTuple):
    """The memory of every row [pages] and how it is written.

    ``content``: pages sent as content in the first pass; ``zero``: the others, whose time is the link's
    matter; ``top``: how much of the content lies behind the zero pages in the order of sending.
    """

    content: Floats
    zero: Floats
    top: Floats
    classes: WriteClasses


class Link(Protocol):
    """What carries the pages: a steady rate, or one that changes in time."""

    def rate(self, row: Indices, at_s: Floats) -> Floats:
        """Pages per second for rows at a time since the first pass began."""

    def seconds(self, row: Indices, at_s: Floats, pages: Floats) -> Floats:
        """Time that some pages take from then on; infinite where none are carried."""

    def settled(self, row: Indices, at_s: Floats) -> Bools:
        """True where the rate will not change any more."""


class SteadyLink(NamedTuple):
    """A link of one rate for each row; infinite is allowed: nothing then takes time.

    The first ``ahead`` pages are taken at once: by the sender's socket and queue, which it does not wait for.
    Below zero the first pass takes so many pages longer, as to tell of its zero pages.
    """

    pages_per_s: Floats
    ahead: Floats

    def rate(self, row: Indices, at_s: Floats) -> Floats:
        """The row's rate, at any time."""
        return self.pages_per_s[row]

    def seconds(self, row: Indices, at_s: Floats, pages: Floats) -> Floats:
        """Pages over rate, without those that go ahead in the first pass."""
        waited = np.where(at_s > 0, pages, np.maximum(pages - self.ahead[row], 0))
        return over(waited, self.pages_per_s[row])

    def settled(self, row: Indices, at_s: Floats) -> Bools:
        """Always."""
        return np.ones(len(row), bool)


def over(amount: Reals, rate: Floats) -> Floats:
    """Amount over rate: infinite where the rate is 0 and there is something to carry."""
    never = np.where(np.asarray(amount) > 0, np.inf, 0.0) + np.zeros(np.shape(rate))
    return np.divide(amount, rate, out=never, where=np.asarray(rate) > 0)


class Passes(NamedTuple):
    """One row per pass and scenario, in the order of passes.

    ``row``: index of the scenario. ``number``: from 1. ``start_s``: since the first pass began.
    ``duration_s``, ``sent_pages``, ``dirtied_pages`` (distinct, newly dirty at the end of the
    pass), ``remaining_pages`` (to be sent next: what was dirtied and what carried over). Where a
    pass limit acts late, the stretch from the limit to the pause is one more, last row.
    """

    row: Indices
    number: Indices
    start_s: Floats
    duration_s: Floats
    sent_pages: Floats
    dirtied_pages: Floats
    remaining_pages: Floats


class Precopy(NamedTuple):
    """How pre-copy ended, one element per row; ``reason`` indexes :data:`REASONS`.

    ``slowed_s``: the guest's throttle times the seconds that it held; None where no row has one.
    """

    passes: Counts
    reason: Codes
    converged: Bools
    residual_pages: Reals
    duration_s: Reals
    sent_pages: Reals
    history: Passes | None
    slowed_s: Floats | None = None


Outcomes: TypeAlias = tuple[Reals, Reals, Reals, Counts, Codes, Bools]
"""Columns that a kernel writes to: residual pages, duration, pages sent, passes, reason, converged."""


@dataclass
class _State:
    """The rows still running: what stays, and what the recurrence carries from pass to pass.

    ``remaining`` is content to send, ``unscanned`` zero pages not passed over yet, ``waiting`` the share of
    each class (rows, classes) that waits to be sent, ``marked`` and ``marked_waiting`` an earlier state by
    which a loop is recognised, ``rose`` whether what remains has risen since, ``course`` how far rules that
    change have come.
    """

    row: Indices
    machine: Floats
    guest: Guest
    rules: Rules
    remaining: Floats
    unscanned: Floats
    elapsed: Floats
    sent: Floats
    waiting: Floats
    marked: Floats
    marked_waiting: Floats
    rose: Bools
    course: changing.Course | None

    def take(self, rows: Indices) -> _State:
        """The same for a selection of the rows."""
        return _State(**{name: taken(value, rows) for name, value in vars(self).items()})

    def target_pages(self, rate: Floats) -> Floats:
        """Residual pages that take the moment's target to send; without one none, even on an endless link."""
        target_ms = self.rules.target_ms
        if self.course is not None:
            target_ms = changing.target_ms(self.course, self.elapsed)
        return np.multiply(rate, target_ms / 1000, out=np.zeros_like(rate), where=target_ms > 0)


Table = TypeVar("Table", bound=NDArray[Any] | tuple[Any, ...] | None)


def taken(value: Table, rows: Indices | Bools) -> Table:
    """Rows of an array, or of every array in a tuple of arrays (and of tuples of them); None of none."""
    if isinstance(value, np.ndarray):
        return cast(Table, value[rows])
    if value is None:
        return value
    return cast(Table, type(value)(*(taken(part, rows) for part in value)))


def general(guest: Guest, link: Link, rules: Rules, *, history: bool = False) -> Precopy:
    """Run the recurrence for every row until its rule stops it.

    All arrays have one length. Rows that have stopped are dropped on the way, so the cost is that
    of the passes really made.

    After the first pass the recurrence has no memory but the residual and where it lies. So a row without
    a limit on passes that comes back to what it has had before, on a link that does not change any more,
    would repeat itself for ever: it stops as ``endless``, with an infinite duration. So does a row whose link
    carries nothing. Where the rule's clock will end the loop, it is counted as often as it fits before, one
    row of the history with the number of its last pass.
    """
    out = _empty(len(guest.content), rules.changes)
    state = _start(guest, rules)
    log: list[Passes] = []
    number = 0
    while len(state.row):
        number += 1
        made = _pass(state, link, number)
        reason = _why_stop(number, made, state, link)
        done = np.flatnonzero(reason >= 0)
        repeated = _go_round(number, state, link, reason)
        log.extend([made] if history else [])
        log.extend([repeated] if history and repeated is not None else [])
        if len(done):
            last = _record(out, number, reason[done], state.take(done), link)
            log.extend([last] if history and len(last.row) else [])
            state = state.take(np.flatnonzero(reason < 0))
    return out._replace(history=_joined(log)) if history else out


def _empty(n: int, changes: changing.Changes | None) -> Precopy:
    residual, duration, sent = np.zeros((3, n))
    slowed = None if changes is None else np.zeros(n)
    return Precopy(np.zeros(n), np.zeros(n, int), np.zeros(n, bool), residual, duration, sent, None, slowed)


def _start(guest: Guest, rules: Rules) -> _State:
    content = guest.content.astype(float)
    none = np.zeros(len(content))
    machine = content + guest.zero
    row = np.arange(len(content))
    every = np.ones(guest.classes.rates.shape)
    return _State(
        *(row, machine, guest, rules._replace(changes=None), content, guest.zero, none, none),
        *(every, none - 1, every, none > 0, rules.changes and changing.begin(rules.changes)),
    )


def _pass(state: _State, link: Link, number: int) -> Passes:
    """One pass: advance the state and return what happened."""
    rate = link.rate(state.row, state.elapsed)
    ahead = getattr(link, "ahead", 0.0) if number == 1 else 0.0
    sent = _sent_in_pass(state, rate, number, ahead)
    duration = link.seconds(state.row, state.elapsed, sent)
    carried = state.remaining - sent
    start = state.elapsed
    if number > 1 and number & (number - 1) == 0:
        # Brent: a mark at every power of two finds a loop of any length.
        state.marked, state.rose = state.remaining, np.zeros(len(sent), bool)
        state.marked_waiting = state.waiting
        if state.course is not None:
            state.course = changing.marked(state.course, start, state.sent)
    dirtied = _newly_dirty(
        duration * _writes_left(state), carried, state.machine if number == 1 else state.remaining, state
    )
    state.unscanned = _still_unscanned(state, carried, number)
    state.rose = state.rose | (carried + dirtied > state.remaining * (1 + BACK))
    state.remaining, state.elapsed, state.sent = carried + dirtied, start + duration, state.sent + sent
    if state.course is not None:
        told = (number, state.elapsed, duration, sent, dirtied)
        state.course = changing.after_pass(state.course, *told)
    return Passes(state.row, _counted(number, state), start, duration, sent, dirtied, state.remaining)


def _counted(number: int, state: _State) -> Indices:
    """The number of a pass, those that were counted without being made among them."""
    counted: Indices = np.full(len(state.row), number)
    return counted if state.course is None else (counted + state.course.repeated).astype(int)


def _sent_in_pass(state: _State, rate: Floats, number: int, ahead: Floats | float) -> Floats:
    """Pages sent before the pass ends: all, or up to the first look that finds little enough left.

    Or up to the moment at which the rule gives up.
    """
    if state.course is not None:
        first_s = -over(np.broadcast_to(ahead, len(state.row)), rate)
        at_s = np.where(state.elapsed > 0, state.elapsed, first_s)
        behind = (state.guest.zero, state.guest.top) if number == 1 else None
        told = (state.remaining, rate, at_s, state.rules.check_interval_s, behind)
        return changing.sent_in_pass(state.course, *told)
    looked = np.isfinite(state.rules.check_interval_s) & np.isfinite(rate) & (rate > 0)
    if not looked.any():
        return state.remaining
    target = state.target_pages(rate)
    unsent = _unsent_content(state, target) if number == 1 else target
    between = np.where(looked, rate * np.where(looked, state.rules.check_interval_s, 1.0), 1.0)
    looks = np.ceil((state.remaining - unsent) / between - 1e-9)
    return np.where(looked, np.minimum(state.remaining, np.maximum(looks, 1) * between), state.remaining)


def _writes_left(state: _State) -> Floats | float:
    """Share of its writes that a throttled guest keeps up."""
    return 1.0 if state.course is None else changing.writes_left(state.course)


def _unsent_content(state: _State, target: Floats) -> Floats:
    """Content still unsent when what remains of the first pass, zero pages included, meets the target.

    Sent in order: content, zero pages, the content at the top. With the target below the content
    at the top, that much of it is left; with a target beyond top and zero pages, the rest of the
    target is content before them; in between the zero pages fall away at once and the top is left.
    """
    before_zero = target - state.guest.zero
    return np.minimum(np.maximum(np.minimum(state.guest.top, target), before_zero), state.remaining)


def _still_unscanned(state: _State, carried: Floats, number: int) -> Floats:
    """Zero pages that the first pass did not get to: all of them, if it ended in the content before them."""
    before = carried > state.guest.top * (1 + SAME)
    return np.where(before & (number == 1), state.unscanned, 0.0)


def _newly_dirty(duration: Floats, carried: Floats, of: Floats, state: _State) -> Floats:
    """Distinct pages dirtied in a pass that were not waiting to be sent anyway; notes what then waits.

    ``carried``: pages that wait on, out of so many.
    """
    classes = state.guest.classes
    left = np.divide(carried, of, out=np.zeros_like(carried), where=of > 0)
    waiting = left[:, None] * state.waiting
    written = share_written(duration, classes)
    fresh = np.where(classes.cyclic, np.minimum(written, 1 - waiting), written * (1 - waiting))
    state.waiting = waiting + fresh
    pages: Floats = (classes.sizes * fresh).sum(axis=-1)
    return pages


def _why_stop(number: int, made: Passes, state: _State, link: Link) -> Codes:
    """Code of the reason to stop after this pass, -1 to go on; the first that holds wins."""
    rules = state.rules
    unlimited = np.isinf(rules.pass_limit) & np.isinf(rules.sent_limit)
    pending = state.remaining + state.unscanned
    rate = link.rate(state.row, state.elapsed)
    target = state.target_pages(rate)
    tests = (
        state.remaining < 1,
        made.sent_pages < rules.few_pages,
        rules.target_ends_passes & (pending <= target),
        number >= rules.pass_limit,
        state.sent > rules.sent_limit * np.maximum(state.machine, 1),
    )
    reason = np.select(tests, range(len(tests)), default=-1)
    if state.course is not None:
        told = (number, state.elapsed, state.remaining, rate, reason < 0)
        gives_up, state.course = changing.gives_up(state.course, *told)
        reason = np.where((reason < 0) & gives_up, state.course.rule.gives_up_by, reason)
    if unlimited.any():
        stays = _came_back(number, state) | _creeps(number, state, pending - np.maximum(target, 1))
        stays &= link.settled(state.row, state.elapsed) & (_ends_by_itself(state) == 0)
        stays |= number >= ENDLESS_PASSES
        reason = np.where((reason < 0) & unlimited & stays, ENDLESS, reason)
    return np.where(np.isinf(made.duration_s), ENDLESS, reason)


def _came_back(number: int, state: _State) -> Bools:
    """True where the migration is as it was at the mark."""
    if number == 1:
        return np.zeros(len(state.row), bool)
    near = np.where(state.rose, BACK, SAME) * np.maximum(state.marked, 1)
    moved = np.abs(state.waiting - state.marked_waiting).max(axis=-1, initial=0)
    back = np.abs(state.remaining - state.marked) <= near
    both: Bools = back & (moved <= np.where(state.rose, BACK, SAME))
    return both


def _ends_by_itself(state: _State) -> Codes | int:
    """What ends a loop: 0 nothing, of rules that change 1 their clock, 2 what the passes do."""
    if state.course is None:
        return 0
    by_clock = np.isfinite(changing.next_change_s(state.course, state.elapsed))
    return np.where(changing.settled(state.course), by_clock, 2)


def _go_round(number: int, state: _State, link: Link, reason: Codes) -> Passes | None:
    """Loops of passes counted as often as they fit before the clock changes the rule."""
    if state.course is None:
        return None
    unlimited = np.isinf(state.rules.pass_limit) & np.isinf(state.rules.sent_limit)
    closed = unlimited & (reason < 0) & _came_back(number, state) & (_ends_by_itself(state) == 1)
    closed &= link.settled(state.row, state.elapsed)
    if not closed.any():
        return None
    told = (state.elapsed, state.sent, _since_mark(number), closed)
    state.course, skipped_s, skipped = changing.repeat(state.course, *told)
    last = _counted(number, state)
    made = Passes(state.row, last, state.elapsed, skipped_s, skipped, skipped, state.remaining)
    state.elapsed, state.sent = state.elapsed + skipped_s, state.sent + skipped
    return taken(made, skipped_s > 0)


def _since_mark(number: int) -> int:
    """Passes since the mark, which is set before every pass whose number is a power of two."""
    return number - (1 << (number.bit_length() - 1)) + 1


def _creeps(number: int, state: _State, above: Floats) -> Bools:
    """True where what remains comes down so slowly that not even :data:`ENDLESS_PASSES` reach the target.

    By its pace since the mark, which only slackens: what a steady guest leaves comes nearer and nearer to
    where it stays. ``above``: pages by which it is above the target, or above a single one.
    """
    since = _since_mark(number)
    if since < STEADY:
        return np.zeros(len(above), bool)
    pace = np.abs(state.remaining - state.marked) / since
    slow: Bools = pace * (ENDLESS_PASSES - number) < above
    return slow


def _record(out: Precopy, number: int, reason: Codes, state: _State, link: Link) -> Passes:
    """Write rows that have stopped into the result; return the stretch that a late stop adds."""
    target = state.target_pages(link.rate(state.row, state.elapsed))
    late = _until_paused(reason, state, link, number + 1)
    never, follows = (reason == ENDLESS) | (reason == CANCELLED), reason == POST_COPY
    met = ~never & ~follows & (late.remaining_pages <= target)
    out.passes[state.row] = _counted(number, state)
    out.reason[state.row] = reason
    out.residual_pages[state.row] = late.remaining_pages
    out.converged[state.row] = (reason <= TARGET_MET) | met
    out.duration_s[state.row] = np.where(never, np.inf, state.elapsed + late.duration_s)
    out.sent_pages[state.row] = np.where(never, np.inf, state.sent + late.sent_pages)
    if state.course is not None and out.slowed_s is not None:
        out.slowed_s[state.row] = state.course.slowed_s + state.course.throttle * late.duration_s
    return taken(late, late.duration_s > 0)


def _until_paused(reason: Codes, state: _State, link: Link, number: int) -> Passes:
    """What is still sent and dirtied between reaching the pass limit and the pause."""
    wait = np.where(reason == PASS_LIMIT, state.rules.limit_delay_s, 0.0)
    rate = link.rate(state.row, state.elapsed)
    sendable = np.multiply(rate, wait, out=np.zeros_like(rate), where=wait > 0)
    sent = np.minimum(state.remaining, sendable)
    delay = link.seconds(state.row, state.elapsed, sent)
    left = state.remaining - sent
    written_s = delay * _writes_left(state)
    again = np.where(delay > 0, _newly_dirty(written_s, left, state.remaining, state), 0.0)
    return Passes(state.row, _counted(number, state), state.elapsed, delay, sent, again, left + again)


def _joined(log: list[Passes]) -> Passes:
    if not log:
        return Passes._make(np.zeros(0) for _ in Passes._fields)
    return Passes._make(np.concatenate(parts) for parts in zip(*log, strict=True))
