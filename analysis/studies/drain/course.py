"""One move's course through its stages, at the rate that it has at each moment.

Set-up, passes, the pause with the residual and the machine's state, hand-off: what ``model.precopy`` does for
steady links, written for one move whose rate may change within a pass. A pass under a smaller share takes
longer and finds more dirtied. Where nothing changes the numbers are those of ``migrate()`` (tests hold them
equal). A rule that looks at what remains while a pass runs counts its looks anew when the rate changes, and
what is little enough is told by the rate of the moment.

Every function takes the numbers of all moves, the course of all, and which move is meant. They run as Python
and as parts of the compiled loop in :mod:`.events`.
"""

from __future__ import annotations

import math

import numpy as np
from numba.extending import register_jitable

from analysis.model.laws.passes import ENDLESS_PASSES, SAME
from analysis.model.units import GBIT, GIB
from analysis.studies.drain.tables import (
    CANCELLED,
    DONE,
    GAVE_UP,
    HANDOFF,
    IN_TURN,
    LATE,
    PASSES,
    PLAIN,
    RESIDUAL,
    SPILLS,
    STATE,
    Course,
    Moves,
    Wide,
)

GIB_PER_GBIT = GBIT / 8 / GIB
WAIT_NORM = 4.0
"""As ``model.laws.compression.WAIT_NORM`` (a test holds them equal)."""
SENT_LIMIT, ENDLESS = 4, 5
"""Codes of ``model.precopy.REASONS``; smaller ones are used as they stand there."""


@register_jitable
def pace_of(m: Moves, c: Course, i: int, cores: float) -> float:
    """Pages (of the state: GiB) a second that a move's line rate makes of it, with so many spare cores."""
    link = c.gbps[i] * m.payload[i] * GIB_PER_GBIT
    if c.stage[i] == STATE:
        return float(link)
    kind = m.compresses[i]
    if kind == PLAIN:
        return float(link * m.page_gib_s[i])
    able, wanted = m.core_gib_s[i] * cores, link * m.ratio[i]
    low, high = min(able, wanted), max(able, wanted)
    if kind == SPILLS:
        return float((low + (link - low / m.ratio[i])) * m.page_gib_s[i])
    if kind == IN_TURN and high > 0 and low > 0 and not math.isinf(high):
        low = low * (1 + (low / high) ** WAIT_NORM) ** (-1 / WAIT_NORM)
    return float(low * m.page_gib_s[i])


@register_jitable
def ceiling_of(m: Moves, c: Course, i: int, cores: float) -> float:
    """Line rate that a move can use in its stage: its own ceilings, and what its compressor keeps up with."""
    own = m.ceiling_gbps[i] if c.stage[i] == PASSES or c.stage[i] == LATE else m.paused_gbps[i]
    if c.stage[i] != STATE and m.compresses[i] > SPILLS:
        able = m.core_gib_s[i] * cores / m.ratio[i] / GIB_PER_GBIT
        if m.payload[i] > 0:
            able = able / m.payload[i]
        if m.compresses[i] < IN_TURN:
            own = min(own, able)
    return float(own)


@register_jitable
def over(amount: float, pace: float) -> float:
    """Amount over pace; infinite where something is to be carried and nothing is."""
    if amount <= 0:
        return 0.0
    return amount / pace if pace > 0 else np.inf


@register_jitable
def begin_stage(m: Moves, c: Course, i: int, stage: int, amount: float, now: float) -> None:
    """Enter a stage with so much to carry; its end follows when the rate is known."""
    c.stage[i] = stage
    c.left[i] = amount
    c.since_s[i] = now
    c.begun_s[i] = now


@register_jitable
def retime(c: Course, i: int) -> None:
    """When the stage ends at the pace it now has."""
    c.next_s[i] = c.since_s[i] + over(c.left[i], c.pace[i])


@register_jitable
def settle(m: Moves, c: Course, i: int, now: float) -> None:
    """Count what was carried until now at the pace so far."""
    passed = now - c.since_s[i]
    if passed > 0:
        c.wire_gbit[i] += passed * c.gbps[i]
        c.shared_s[i] += passed if c.held[i] else 0.0
        if c.pace[i] > 0:
            c.left[i] = max(c.left[i] - passed * c.pace[i], 0.0)
    c.since_s[i] = now


# --- passes -------------------------------------------------------------------------------------


@register_jitable
def target_pages(m: Moves, c: Course, i: int) -> float:
    """Residual pages that count as converged at the pace of the moment."""
    return c.pace[i] * m.target_s[i] if m.target_s[i] > 0 else 0.0


@register_jitable
def _until_look(m: Moves, c: Course, i: int, rest: float) -> float:
    """Pages of a rest that are sent before a look ends the pass: all, if the rule does not look."""
    pace = c.pace[i]
    if math.isinf(m.look_s[i]) or math.isinf(pace) or pace <= 0:
        return rest
    unsent = target_pages(m, c, i)
    if c.passes[i] == 0:
        unsent = min(max(min(m.top[i], unsent), unsent - m.zero[i]), rest)
    between = pace * m.look_s[i]
    looks = math.ceil((rest - unsent) / between - 1e-9)
    return float(min(rest, max(looks, 1) * between))


@register_jitable
def begin_pass(m: Moves, c: Course, i: int, now: float) -> None:
    """Begin a pass over what is dirty; the pace must be known."""
    c.send[i] = _until_look(m, c, i, c.remaining[i])
    waited = c.send[i]
    if c.elapsed_s[i] <= 0:
        waited = max(waited - m.ahead[i], 0.0)
    begin_stage(m, c, i, PASSES, waited, now)
    retime(c, i)


@register_jitable
def look_again(m: Moves, c: Course, i: int) -> None:
    """After a change of pace in a pass: which look ends it now; its work so far must be settled."""
    if math.isinf(m.look_s[i]) or c.left[i] <= 0:
        return
    gone = c.send[i] - c.left[i]
    more = _until_look(m, c, i, max(c.remaining[i] - gone, 0.0))
    c.send[i], c.left[i] = gone + more, more


@register_jitable
def dirtied(m: Moves, c: Course, w: Wide, i: int, seconds: float, carried: float, of: float) -> float:
    """Pages dirtied in a time that were not waiting anyway; notes what then waits, class by class."""
    kept = carried / of if of > 0 else 0.0
    pages = 0.0
    for k in range(w.writes.shape[1]):
        size, rate = w.sizes[i, k], w.writes[i, k]
        each = rate * seconds / size if size > 0 and rate > 0 else 0.0
        waits = kept * w.waiting[i, k]
        written = min(each, 1.0) if w.cyclic[i, k] else -math.expm1(-each)
        fresh = min(written, 1 - waits) if w.cyclic[i, k] else written * (1 - waits)
        w.waiting[i, k] = waits + fresh
        pages += size * fresh
    return pages


@register_jitable
def _found_dirty(m: Moves, c: Course, w: Wide, i: int, seconds: float, sent: float) -> None:
    """The state after a pass of so many seconds that sent so many pages."""
    first = c.passes[i] == 0
    carried = max(c.remaining[i] - sent, 0.0)
    of = m.content[i] + m.zero[i] if first else c.remaining[i]
    fresh = dirtied(m, c, w, i, seconds, carried, of)
    if not (first and carried > m.top[i] * (1 + SAME)):
        c.unscanned[i] = 0.0
    c.remaining[i] = carried + fresh
    c.sent[i] += sent
    c.elapsed_s[i] += seconds
    c.passes[i] += 1


@register_jitable
def _why_stop(m: Moves, c: Course, i: int, sent: float) -> int:
    """Code of the reason to stop after a pass, -1 to go on."""
    if c.remaining[i] < 1:
        return 0
    if sent < m.few_pages[i]:
        return 1
    if m.target_ends[i] and c.remaining[i] + c.unscanned[i] <= target_pages(m, c, i):
        return 2
    if c.passes[i] >= m.pass_limit[i]:
        return 3
    if c.sent[i] > m.sent_limit[i] * max(m.content[i] + m.zero[i], 1.0):
        return SENT_LIMIT
    return ENDLESS if c.passes[i] >= ENDLESS_PASSES else -1


@register_jitable
def end_pass(m: Moves, c: Course, w: Wide, i: int, now: float) -> None:
    """A pass is done: the next one, the late stretch before the pause, the pause, or no end."""
    sent = c.send[i]
    _found_dirty(m, c, w, i, now - c.begun_s[i], sent)
    reason = _why_stop(m, c, i, sent)
    if reason < 0:
        begin_pass(m, c, i, now)
        return
    c.reason[i] = reason
    if reason == ENDLESS:
        c.stage[i], c.next_s[i], c.end_s[i] = CANCELLED, np.inf, now
    elif reason == 3 and m.late_s[i] > 0:
        c.send[i] = min(c.remaining[i], c.pace[i] * m.late_s[i])
        begin_stage(m, c, i, LATE, c.send[i], now)
        retime(c, i)
    else:
        pause(m, c, i, now)


@register_jitable
def end_late(m: Moves, c: Course, w: Wide, i: int, now: float) -> None:
    """The stretch between reaching the pass limit and the pause is over."""
    seconds = now - c.begun_s[i]
    left = max(c.remaining[i] - c.send[i], 0.0)
    of = c.remaining[i]
    again = dirtied(m, c, w, i, seconds, left, of) if seconds > 0 else 0.0
    c.sent[i] += c.send[i]
    c.remaining[i] = left + again
    pause(m, c, i, now)


@register_jitable
def give_up(m: Moves, c: Course, w: Wide, i: int, now: float) -> None:
    """The system's time for the passes is up: the guest is paused as it stands."""
    if c.stage[i] == PASSES:
        settle(m, c, i, now)
        _found_dirty(m, c, w, i, now - c.begun_s[i], c.send[i] - c.left[i])
    c.reason[i] = GAVE_UP
    pause(m, c, i, now)


# --- the pause ----------------------------------------------------------------------------------


@register_jitable
def pause(m: Moves, c: Course, i: int, now: float) -> None:
    """Phase two begins: the residual is to be sent. The pace of phase two is set by who calls."""
    c.converged[i] = c.reason[i] <= 2 or (c.reason[i] < GAVE_UP and c.remaining[i] <= target_pages(m, c, i))
    c.residual[i] = c.remaining[i]
    c.pause_s[i] = now
    begin_stage(m, c, i, RESIDUAL, c.remaining[i], now)
    c.next_s[i] = np.inf


@register_jitable
def after_stage(m: Moves, c: Course, w: Wide, i: int, now: float) -> bool:
    """What follows a stage whose time has come; True where the link's shares have to be looked at again."""
    stage = c.stage[i]
    if stage == HANDOFF:
        c.stage[i], c.next_s[i], c.end_s[i] = DONE, np.inf, now
        return False
    settle(m, c, i, now)
    if stage == PASSES:
        end_pass(m, c, w, i, now)
        return c.stage[i] != PASSES and c.stage[i] != LATE and not _on_as_before(m, c, i)
    if stage == LATE:
        end_late(m, c, w, i, now)
        return not _on_as_before(m, c, i)
    if stage == RESIDUAL:
        begin_stage(m, c, i, STATE, m.state_gib[i], now)
        c.next_s[i] = np.inf
        return not _on_as_before(m, c, i)
    begin_stage(m, c, i, HANDOFF, 0.0, now)
    c.gbps[i], c.pace[i] = 0.0, 0.0
    c.next_s[i] = now + m.handoff_s[i]
    return True


@register_jitable
def _on_as_before(m: Moves, c: Course, i: int) -> bool:
    """Go on into a stage of phase two at the line rate of before, where nothing makes another of it.

    No other move is touched by that, so that no share has to be computed anew. False where one has to be.
    """
    same = m.compresses[i] == PLAIN and m.ceiling_gbps[i] == m.paused_gbps[i]
    if not same or (c.stage[i] != RESIDUAL and c.stage[i] != STATE):
        return False
    c.pace[i] = pace_of(m, c, i, m.cores[i])
    if c.stage[i] == RESIDUAL:
        c.left[i] = max(c.left[i] - m.head_start_s[i] * c.pace[i], 0.0)
    retime(c, i)
    return True
