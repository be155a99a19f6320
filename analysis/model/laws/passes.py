r"""The recurrence over the passes of pre-copy of one machine, and the rules that stop it.

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
unsent (:func:`_sent_in_pass`). The rules are data (:data:`.stop_rules.STOP_RULES`), not code.

After the first pass the recurrence has no memory but the residual and where it lies. So a migration without a
limit on passes that comes back to what it has had before, on a link that does not change any more, would
repeat itself for ever: it is endless, as is one whose link carries nothing.

What a migration carries from pass to pass is a list of numbers, ``state``, whose places have names here, and
the share of each class of pages that waits to be sent.
"""

from __future__ import annotations

import math

from analysis.model.laws import changing
from analysis.model.laws.changing import GIVE_UP_S, SKIPPED_S, SKIPPED_SENT, SLOWED_S, THROTTLE
from analysis.model.laws.scenario import Numbers, Scenario
from analysis.model.stop_rules import STOP_RULES
from analysis.parameters import STOP_RULES as NAMES

ENDLESS_PASSES = 20_000
"""Passes after which a migration whose rule has no limit of its own is called endless at the latest."""
STEADY = 8
"""Passes over which a pace is taken."""
SAME, BACK = 1e-9, 1e-4
"""Shares of itself by which a residual may differ that stopped moving, or that came back after rising."""

REASONS = (
    *("nothing_left", "few_pages", "target_met", "pass_limit", "sent_limit", "endless"),
    *("post_copy", "cancelled", "time_up"),
)
"""Why the passes ended, by code; the last three by giving up: the rest follows the guest, the guest stays, or
it is paused as it stands."""
NOTHING_LEFT, FEW_PAGES, TARGET_MET, PASS_LIMIT, SENT_LIMIT, ENDLESS = range(6)
POST_COPY, CANCELLED, TIME_UP = range(6, len(REASONS))
STAYS = ("endless", "cancelled")
"""Reasons with which the machine does not move."""
GOES_ON = -1

(LEFT, UNSCANNED, ELAPSED, SENT, MARKED, ROSE, AT_MARK, PASS, LASTED, SENT_NOW, DIRTIED) = range(11)
"""Pages to send, zero pages not passed over yet, seconds and pages so far; what was left at a mark by which a
loop is recognised, whether what is left has risen since (0 or 1), the pass of the mark; number, seconds,
pages sent and pages newly dirtied of the last pass."""
STATE = 11

(CONTENT, ZERO, TOP, RATE, AHEAD, CYCLIC, GOODPUT, RATIO, BINDS, STEPS, STEP) = range(11)
"""Of a machine on a link: pages sent as content, the other pages, how much of the content lies behind those;
pages sent a second, pages of the first pass that nobody waits for (below zero: by which it takes longer), how
many classes are written in turn; the link's payload [Gbit/s], memory bytes per byte sent and code of what
binds; how many rates the link has one after the other, 0 where it is steady, and at which of them it is."""
MACHINE = 11
"""Behind these stand, of a link that is not steady, since when [s] each of its rates holds, and the rate."""


def _of_each(field: str) -> tuple[float, ...]:
    """A field of every stop rule, by the rule's code; 1 for yes."""
    return tuple(float(getattr(STOP_RULES[name], field)) for name in NAMES)


_LIMITS = _of_each("pass_limit")
WAYS_OUT = tuple(REASONS.index(STOP_RULES[name].gives_up_by) for name in NAMES)
"""The reason by which each rule gives up."""
FEW, MOST, ENDS = _of_each("few_pages"), _of_each("sent_limit"), _of_each("target_ends_passes")
CHECKS, DELAYS = _of_each("check_interval_s"), _of_each("limit_delay_s")
LIFTS, HEAD_STARTS = _of_each("lifts_bandwidth_limit"), _of_each("head_start_s")


def pass_limit(p: Scenario) -> float:
    """Most passes: as given, or as the rule has it."""
    return _LIMITS[int(p.stop_rule)] if math.isnan(p.pass_limit) else p.pass_limit


def never(reason: int) -> bool:
    """True where the machine does not move."""
    return reason in (ENDLESS, CANCELLED)


def over(amount: float, rate: float) -> float:
    """Amount over rate: infinite where the rate is 0 and there is something to carry."""
    if rate > 0:
        return amount / rate
    return math.inf if amount > 0 else 0.0


def lasts(m: Numbers, at_s: float, pages: float) -> float:
    """Seconds that some pages take from the time on at which the link is; infinite where none are carried."""
    step, rate, left, gone_s = int(m[STEP]), m[RATE], pages, 0.0
    while step < m[STEPS] - 1 and left > rate * (m[MACHINE + 2 * step + 2] - at_s - gone_s):
        left -= rate * (m[MACHINE + 2 * step + 2] - at_s - gone_s)
        step += 1
        gone_s, rate = m[MACHINE + 2 * step] - at_s, m[MACHINE + 2 * step + 1]
    return gone_s + over(left, rate)


def move_on(m: Numbers, at_s: float) -> None:
    """Have the link be at a time."""
    while m[STEP] < m[STEPS] - 1 and m[MACHINE + 2 * int(m[STEP]) + 2] <= at_s:
        m[STEP] += 1
    if m[STEPS] > 0:
        m[RATE] = m[MACHINE + 2 * int(m[STEP]) + 1]


def begin(m: Numbers, state: Numbers, waiting: Numbers, marked: Numbers, n: int) -> None:
    """The state before the first pass of a machine with n classes of pages."""
    m[STEP] = 0.0
    move_on(m, 0.0)
    for k in range(STATE):
        state[k] = 0.0
    state[LEFT], state[UNSCANNED], state[MARKED] = m[CONTENT], m[ZERO], -1.0
    for j in range(n):
        waiting[j] = 1.0
        marked[j] = 1.0


def make_pass(
    p: Scenario,
    m: Numbers,
    c: Numbers,
    rates: Numbers,
    sizes: Numbers,
    state: Numbers,
    waiting: Numbers,
    marked: Numbers,
    n: int,
) -> int:
    """Make one pass; returns the code of the reason to stop after it, or :data:`GOES_ON`.

    A loop of passes is counted as often as it fits before the rule ``c`` changes (:func:`.changing.repeat`).
    """
    state[PASS] += 1
    number, remaining = state[PASS], state[LEFT]
    sent = _sent_in_pass(p, m, c, state)
    waited = sent if state[ELAPSED] > 0 else max(sent - m[AHEAD], 0.0)
    carried = remaining - sent
    if number == 1 or number == 2 * state[AT_MARK]:
        _mark(state, waiting, marked, n)
        changing.mark(c, state[ELAPSED], state[SENT])
    state[LASTED], state[SENT_NOW] = lasts(m, state[ELAPSED], waited), sent
    of = m[CONTENT] + m[ZERO] if number == 1 else remaining
    written_s = state[LASTED] * changing.writes_left(c)
    state[DIRTIED] = _newly_dirty(m, rates, sizes, waiting, n, written_s, carried, of)
    if not (number == 1 and carried > m[TOP] * (1 + SAME)):
        state[UNSCANNED] = 0.0
    state[LEFT] = carried + state[DIRTIED]
    if state[LEFT] > remaining * (1 + BACK):
        state[ROSE] = 1.0
    state[ELAPSED] += state[LASTED]
    state[SENT] += sent
    move_on(m, state[ELAPSED])
    changing.after_pass(c, number, state[ELAPSED], state[LASTED], sent, state[DIRTIED])
    reason = _why_stop(p, m, c, state, waiting, marked, n)
    state[ELAPSED] += c[SKIPPED_S]
    state[SENT] += c[SKIPPED_SENT]
    return reason


def _mark(state: Numbers, waiting: Numbers, marked: Numbers, n: int) -> None:
    """Remember how the migration stands. Brent: a mark at every power of two finds a loop of any length."""
    state[AT_MARK] = state[PASS]
    if state[PASS] > 1:
        state[MARKED], state[ROSE] = state[LEFT], 0.0
        for j in range(n):
            marked[j] = waiting[j]


def _sent_in_pass(p: Scenario, m: Numbers, c: Numbers, state: Numbers) -> float:
    """Pages sent before the pass ends: all, or up to the first look that finds little enough left.

    Or up to the moment at which the rule gives up.
    """
    check_s, rate, remaining = CHECKS[int(p.stop_rule)], m[RATE], state[LEFT]
    if math.isinf(rate) or rate <= 0:
        return remaining
    at_s, sent = (state[ELAPSED] if state[ELAPSED] > 0 else -m[AHEAD] / rate), remaining
    if not math.isinf(check_s):
        needed = changing.until_met(c, remaining, rate, at_s)
        if state[PASS] == 1:
            # Sent in order: content, zero pages, the content at the top. With the target below the content
            # at the top, that much of it is left; with a target beyond top and zero pages, the rest of the
            # target is content before them; in between the zero pages fall away at once and the top is left.
            before_zero = changing.until_met(c, remaining + m[ZERO], rate, at_s)
            needed = max(min(max(remaining - m[TOP], needed), before_zero), 0.0)
        between = rate * check_s
        sent = min(remaining, max(math.ceil(needed / between - 1e-9), 1) * between)
    return min(sent, max(rate * (c[GIVE_UP_S] - at_s), 0.0))


def _newly_dirty(
    m: Numbers,
    rates: Numbers,
    sizes: Numbers,
    waiting: Numbers,
    n: int,
    seconds: float,
    carried: float,
    of: float,
) -> float:
    """Distinct pages dirtied in some seconds that were not waiting to be sent anyway; notes what then waits.

    ``carried``: pages that wait on, out of so many.
    """
    left = carried / of if of > 0 else 0.0
    pages = 0.0
    for j in range(n):
        waits = left * waiting[j]
        each = rates[j] * seconds / sizes[j] if rates[j] > 0 and sizes[j] > 0 else 0.0
        fresh = min(each, 1 - waits) if j < m[CYCLIC] else -math.expm1(-each) * (1 - waits)
        waiting[j] = waits + fresh
        pages += sizes[j] * fresh
    return pages


def distinct_pages(m: Numbers, rates: Numbers, sizes: Numbers, n: int, seconds: float) -> float:
    """Distinct pages that are dirtied in some seconds, whatever waited to be sent before."""
    pages = 0.0
    for j in range(n):
        each = rates[j] * seconds / sizes[j] if rates[j] > 0 and sizes[j] > 0 else 0.0
        pages += sizes[j] * (min(each, 1.0) if j < m[CYCLIC] else -math.expm1(-each))
    return pages


def _why_stop(
    p: Scenario, m: Numbers, c: Numbers, state: Numbers, waiting: Numbers, marked: Numbers, n: int
) -> int:
    """Code of the reason to stop after this pass; the first that holds wins."""
    c[SKIPPED_S] = c[SKIPPED_SENT] = 0.0
    if math.isinf(state[LASTED]):
        return ENDLESS
    rule, limit, pending = int(p.stop_rule), pass_limit(p), state[LEFT] + state[UNSCANNED]
    target = changing.target_pages(c, m[RATE], state[ELAPSED])
    if state[LEFT] < 1:
        return NOTHING_LEFT
    if state[SENT_NOW] < FEW[rule]:
        return FEW_PAGES
    if ENDS[rule] > 0 and pending <= target:
        return TARGET_MET
    if state[PASS] >= limit:
        return PASS_LIMIT
    if state[SENT] > MOST[rule] * max(m[CONTENT] + m[ZERO], 1.0):
        return SENT_LIMIT
    if changing.gives_up(c, state[PASS], state[ELAPSED], state[LEFT], m[RATE]):
        return WAYS_OUT[rule]
    if not (math.isinf(limit) and math.isinf(MOST[rule])):
        return GOES_ON
    return _goes_round(m, c, state, waiting, marked, n, pending - max(target, 1.0))


def _goes_round(
    m: Numbers, c: Numbers, state: Numbers, waiting: Numbers, marked: Numbers, n: int, above: float
) -> int:
    """Whether a migration without a limit is endless; a loop that the clock will end is counted through."""
    if state[PASS] >= ENDLESS_PASSES:
        return ENDLESS
    if m[STEP] < m[STEPS] - 1 or not changing.settled(c):
        return GOES_ON
    back, ends = _came_back(state, waiting, marked, n), changing.next_change_s(c, state[ELAPSED]) < math.inf
    if ends and back:
        changing.repeat(c, state[ELAPSED], state[SENT], state[PASS] - state[AT_MARK] + 1)
    return ENDLESS if not ends and (back or _creeps(state, above)) else GOES_ON


def _came_back(state: Numbers, waiting: Numbers, marked: Numbers, n: int) -> bool:
    """True where the migration is as it was at the mark."""
    share = BACK if state[ROSE] > 0 else SAME
    if state[PASS] <= 1 or abs(state[LEFT] - state[MARKED]) > share * max(state[MARKED], 1.0):
        return False
    moved = 0.0
    for j in range(n):
        moved = max(moved, abs(waiting[j] - marked[j]))
    return moved <= share


def _creeps(state: Numbers, above: float) -> bool:
    """True where what remains comes down so slowly that not even all passes reach the target.

    By its pace since the mark, which only slackens: what a steady guest leaves comes nearer and nearer to
    where it stays. ``above``: pages by which it is above the target, or above a single one.
    """
    since = state[PASS] - state[AT_MARK] + 1
    if since < STEADY:
        return False
    return abs(state[LEFT] - state[MARKED]) / since * (ENDLESS_PASSES - state[PASS]) < above


def go_on_late(
    p: Scenario,
    m: Numbers,
    c: Numbers,
    rates: Numbers,
    sizes: Numbers,
    state: Numbers,
    waiting: Numbers,
    n: int,
    reason: int,
) -> None:
    """What is still sent and dirtied between reaching the pass limit and the pause, as a further stretch."""
    wait = DELAYS[int(p.stop_rule)] if reason == PASS_LIMIT else 0.0
    before = state[LEFT]
    sent = min(before, m[RATE] * wait) if wait > 0 else 0.0
    waited = sent if state[ELAPSED] > 0 else max(sent - m[AHEAD], 0.0)
    state[LASTED], state[SENT_NOW], state[DIRTIED] = lasts(m, state[ELAPSED], waited), sent, 0.0
    left = before - sent
    if state[LASTED] > 0:
        written_s = state[LASTED] * changing.writes_left(c)
        state[DIRTIED] = _newly_dirty(m, rates, sizes, waiting, n, written_s, left, before)
        c[SLOWED_S] += c[THROTTLE] * state[LASTED]
    state[LEFT] = left + state[DIRTIED]
