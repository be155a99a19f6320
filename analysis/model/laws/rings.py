r"""What the descriptor rings of two adapters let through: send ring, receive ring.

A ring of N descriptors is emptied at interrupts. The time from one to the next is
:math:`C = \tau + X`: at least the interrupt moderation :math:`\tau`, plus what a busy processor
adds, exponential with mean b. On a line of A packets a second

.. math:: E[\min(W, A (P + X))] = A P + A b (1 - e^{-(W/A - P)/b}) \quad (W > A P), \qquad W \text{ otherwise}

is what arrives of a window of W packets in a cycle with fixed part P (:func:`arrivals`).

* A **send ring** only makes the sender wait, so it passes :math:`E[\min(N, A C)] / E[C]` packets a
  second, exactly.
* A **receive ring** that overflows loses packets, and TCP answers a loss by shrinking its window. Loss
  formulas (Mathis, PFTK) do not describe this: up to a window of N nothing is ever lost, beyond it every
  long cycle loses something. The ring is a *window* with a random tail (:func:`receive_ring`); where
  overflows are rare it is a full line between a loss and the regrowth after it.

The laws, their constants and what they were measured on: facts, "buffers", and ``data/README.md``; this
study's notebook on buffers shows where they fail. Rates are packets per second, times seconds.
For a given N every law depends on N / (A tau), N / (A b) and round trip * A / N alone, which is how figures
measured at 100 to 400 Mbit/s speak of faster links. (CUBIC's cube counts in seconds, so it alone departs from
that, on long paths with large windows. TCP's window grows by packets, so at the same ratios a ring of more
packets carries a little less through losses: 12 % for 400 instead of 4, 1 % for 6400 instead of 64.)
"""

from __future__ import annotations

import math
from typing import NamedTuple

from analysis.model.laws.special import erfcx

AIMD = {"cubic": (0.53, 0.7, 0.4), "reno": (1.0, 0.5, 0.0)}
"""Window growth per round trip [packets], share kept after a loss, and C of CUBIC's W(t) = C (t - K)^3 +
W_max [packets/s^3] (RFC 9438 with its Reno-friendly region, RFC 5681)."""

SPREAD = 1 / 3
"""How far a window spreads over a path longer than the ring: exponent, fitted on 118 configurations."""
FILL, FILL_FULL = 0.77, 0.13
"""Share of the window that finds a descriptor in a cycle: 0.77 where overflows are rare and long, 0.13
more where each cycle overflows. Three constants are fitted in all, one more than in the facts' form of the
law: in five random folds that takes the 90th percentile of the error from 13 to 11 %. The measured
moderations are at most twice the processor's mean delay, or that delay is 0; between lies extrapolation."""
SCATTER = 0.3
"""Share of the top by which windows scatter further where overflows are so rare that each climb starts from
what the last loss left: losses then come at random. Fitted on ``data/rare_overflows.csv``."""
CLUMPS = 10.0
"""Packets that, with half a ring, a path must outlast the ring by for half of its windows to be spread.
Fitted on the same rows. (Without the half ring one descriptor more could carry less.)"""
CALM = 12.0
"""Least number of cycles without an overflow after which a window is spread again; a round trip where that
has more. Fitted on the same rows, and so that those of ``data/buffers.csv`` are no worse."""
FASTEST = 1e15
"""Packets per second that stand for an endless rate."""
STEPS = 8
"""Most secant steps of :func:`_top`."""
NEAR = 1e-9
"""A secant step after which there is nothing left but rounding: the next would be about its square."""
NEVER = 1e-9
"""An overflow less likely than this in a cycle does not happen in a migration."""


class Climb(NamedTuple):
    """How the joint window of some streams climbs, and what ends that.

    ``cycle``: packets of the line in a mean cycle; ``path``: in a round trip; ``chance``: of an overflow in a
    cycle of the saturated line; ``calm``: of a round trip (or :data:`CALM` cycles) without one, so that the
    window is spread over the path; ``trip_s``: a round trip with the ring's delays; ``growth``, ``kept`` and
    ``cube``: as in :data:`AIMD`, the last as the cube root of C.
    """

    cycle: float
    path: float
    chance: float
    calm: float
    trip_s: float
    streams: float
    growth: float
    kept: float
    cube: float


def arrivals(window: float, rate: float, fixed_s: float, delay_s: float) -> float:
    """Mean packets that arrive of ``window`` in a cycle of ``fixed_s`` plus an exponential ``delay_s``.

    The whole window where it fits into the fixed part; ``rate * fixed_s`` at least where it does not.
    """
    if window <= rate * fixed_s:
        return window
    tail = -math.expm1(-max(window / rate - fixed_s, 0.0) / delay_s) if delay_s > 0 else 0.0
    return rate * (fixed_s + delay_s * tail)


def send_ring(buffers: float, rate: float, moderation_s: float, delay_s: float) -> float:
    """Packets per second through a send ring: what its descriptors carry from interrupt to interrupt.

    At most ``rate``. A completion takes at least the time of a packet. Exact for a sender that
    always has data (measured: median error 0.2 %).

    >>> send_ring(64, rate=1e6, moderation_s=100e-6, delay_s=0.0)
    640000.0
    """
    line = min(rate, FASTEST)
    fixed = max(moderation_s, 1 / line)
    return min(line, arrivals(buffers, line, fixed, delay_s) / (fixed + delay_s))


def overflow_chance(buffers: float, rate: float, moderation_s: float, delay_s: float) -> float:
    r"""Chance that a cycle of a saturated line brings more than the ring holds: P(A (tau + X) > N).

    Interrupts and packets are not in step: a cycle brings its packets rounded down or up, each as often as
    makes the mean right. So with y = N - A tau packets to spare and D = A b packets in the mean delay

    .. math:: q = (1 - e^{-2 D}) e^{-y/D} \quad (y \ge 0), \qquad
              q = -y + (1 + y) (1 - e^{-2 D}) \quad (-1 < y < 0)

    Without a delay it rises from 0 to 1 over one packet, as steep as it was measured
    (``data/rare_overflows.csv``, group ``cliff``); with a delay of several packets it is exp(-y/D), which the
    law's constants were fitted with. (Exact for a saturated line would be D (1 - exp(-1/D)) in place of
    1 - exp(-2 D): half a packet, which those constants hold.)
    """
    spare = buffers - rate * moderation_s
    late = rate * delay_s
    surely = min(max(-spare, 0.0), 1.0)
    tail = math.exp(-max(spare, 0.0) / (late if late > 0 else 1.0))
    return surely - (1 - surely) * math.expm1(-2 * late) * tail


def blind_ring(buffers: float, rate: float, moderation_s: float, delay_s: float) -> float:
    """Packets per second that a receive ring passes of a saturated line when nobody minds losses.

    The ceiling of every congestion control, and the law of BBR as long as it loses less than a tenth.
    """
    line = min(rate, FASTEST)
    cycle = moderation_s + delay_s
    return min(line, arrivals(buffers, line, moderation_s, delay_s) / cycle) if cycle > 0 else line


def receive_ring(
    buffers: float,
    rate: float,
    moderation_s: float,
    delay_s: float,
    round_trip_s: float = 0.0,
    streams: float = 1.0,
    growth: float = AIMD["cubic"][0],
    kept: float = AIMD["cubic"][1],
    cubic: float = AIMD["cubic"][2],
) -> float:
    r"""Packets per second through a receive ring, for TCP that takes loss as a sign to slow down.

    The window at which losses begin is ``N (1 + RTT A / N)**(1/3)``: over a long path packets are
    spread over several cycles, but only partly. From there, or from what the last loss left of the window
    where that is more, it climbs by ``growth`` packets per round trip and stream (by CUBIC's cube where that
    is faster) until a cycle overflows, on the mean to :func:`_top`; then it falls to ``kept`` of it and
    climbs again, so it is spread evenly in between. Where overflows are common each window ends soon after
    losses begin; where they are rare the law is that of renewals: a loss, regrowth, and a full line in
    between. The rate is what arrives of such windows in a cycle, over the cycle's length, and never more than
    a source blind to loss would get (:func:`blind_ring`) or than the line.

    The cycle's fixed part is the moderation; where packets only come back a round trip after the ring
    was emptied (round trip longer than the moderation), the first of them takes an interrupt of its
    own and the others wait for the next, so it is round trip plus moderation.
    """
    line = min(rate, FASTEST)
    chance = overflow_chance(buffers, line, moderation_s, delay_s)
    through = _lossy_ring(
        buffers, chance, line, moderation_s, delay_s, round_trip_s, streams, growth, kept, cubic
    )
    # Where a ring just outgrows the packets of an interval the fitted fill falls faster than the window
    # grows. More descriptors cannot carry less, so it keeps what the ring of exactly an interval carries when
    # every cycle overflows. That ring's law is asked only where it could carry more: at most its descriptors
    # in a cycle.
    least = max(min(buffers, line * moderation_s), 1.0)
    if least > through * (moderation_s + delay_s):
        other = _lossy_ring(
            least, 1.0, line, moderation_s, delay_s, round_trip_s, streams, growth, kept, cubic
        )
        through = max(through, other)
    return through


def _lossy_ring(
    buffers: float,
    chance: float,
    rate: float,
    moderation_s: float,
    delay_s: float,
    round_trip_s: float,
    streams: float,
    growth: float,
    kept: float,
    cubic: float,
) -> float:
    """The law of :func:`receive_ring` as fitted."""
    if chance < NEVER:
        return rate
    late = round_trip_s + 1 / rate > moderation_s
    fixed = max(round_trip_s + moderation_s if late else moderation_s, 1 / rate)
    path = round_trip_s * rate
    lossless = buffers * (1 + path / buffers) ** SPREAD
    cycle = max(rate * (moderation_s + delay_s), 1.0)
    calm = (1 - chance) ** max(path / cycle, CALM)
    climb = Climb(cycle, path, chance, calm, fixed + delay_s, streams, growth, kept, cubic ** (1 / 3))
    top = _top(lossless, climb)
    scatter = SCATTER * max(1 - lossless / (kept * top), 0.0)
    bottom, top = top * (_lowest(climb, top) - scatter), top * (1 + scatter)
    fill = FILL + FILL_FULL * chance
    apart = max(path - buffers, 0.0)
    fill = fill + (1 - fill) * calm * apart / (apart + CLUMPS + buffers / 2)
    mean = _mean_over_windows(fill * bottom, fill * top, rate * fixed, rate * delay_s)
    through = min(mean / (fixed + delay_s), blind_ring(buffers, rate, moderation_s, delay_s))
    return min(rate, through)


def _cube(climb: Climb, top: float) -> float:
    """Packets that CUBIC's window grows by in a round trip.

    It regains what a loss cost in K = (regained / C)^(1/3) seconds, however long the round trip.
    """
    regained = (1 - climb.kept) * top / climb.streams
    return climb.trip_s * climb.cube * math.pow(regained, 2 / 3)


def _lowest(climb: Climb, top: float) -> float:
    """Least window over the top, for windows spread evenly in between.

    What a loss leaves, of which half of several streams hear. Where the cube rules the window is back near
    the top early: its mean lies three quarters of the way up instead of a half, as if it fell half as far. In
    between by the share of the climb that the cube rules: none where K is three times as long as additive
    increase takes.
    """
    left = 1 - (1 - climb.kept) * (1 + (climb.streams - 1) / 2) / climb.streams
    ruled = min(max((_cube(climb, top) / climb.growth - 1 / 3) / (2 / 3), 0.0), 1.0)
    return 1 - (1 - left) * (1 - ruled / 2)


def _top(lossless: float, climb: Climb) -> float:
    """Mean window at a loss: the start of the climb and the overshoot.

    The climb starts at the lossless window, or at what a loss leaves of the top where that is more (where all
    streams hear of it: of several, measured in ``data/buffers.csv``, that is nearer than half of them). Then
    the start s solves s / left - s = overshoot(s), which has one solution, for the overshoot falls with s.
    Secants of the logarithms, which are nearly straight lines; after a few they are exact to
    rounding.
    """
    left = climb.kept
    here, above = math.log(lossless), _excess(climb, lossless)
    if above <= 0:
        return lossless + _overshoot(climb, lossless, lossless)
    step = above / 2
    for _ in range(STEPS):
        there = here + step
        then = _excess(climb, math.exp(there))
        slope = (then - above) / step
        here, above, step = there, then, -then / min(slope, -0.5)
        if abs(step) < NEAR:
            break
    return math.exp(here + step) / left


def _excess(climb: Climb, start: float) -> float:
    """Logarithm of the overshoot over what a loss costs a climb from ``start``."""
    return math.log(_overshoot(climb, start, start / climb.kept) / (start * (1 / climb.kept - 1)))


def _overshoot(climb: Climb, start: float, top: float) -> float:
    """Mean packets climbed from a window until a cycle overflows, growing as after a loss at ``top``.

    A window smaller than the path fills the line for that share of the time, and fewer cycles are full,
    where it is spread at all. The joint window grows by additive increase, or by CUBIC's where it is faster.
    The hazard per packet of growth is ``chance * k / growth`` with ``k = max(1, w / cycle)``
    cycles in the time a window w takes; its survival integrates to an exponential below
    ``cycle`` and to a Gaussian tail (erfcx) above.
    """
    idle = 1 - start / max(climb.path, start)
    growth = climb.streams * max(climb.growth, _cube(climb, top))
    hazard = max(climb.chance * (1 - idle * climb.calm) / growth, 1e-300)
    level = max(climb.cycle - start, 0.0)
    width = math.sqrt(math.pi * climb.cycle / (2 * hazard))
    tail = width * erfcx(max(climb.cycle, start) * math.sqrt(hazard / (2 * climb.cycle)))
    ended = -math.expm1(-hazard * level)
    return ended / hazard + (1 - ended) * tail


def _mean_over_windows(bottom: float, top: float, within: float, late: float) -> float:
    r"""Mean of :func:`arrivals` over windows spread evenly from bottom to top.

    With f = A tau packets ``within`` the fixed part and D = A E[X] ``late`` by the mean delay, the integral
    of the arrivals from 0 to a window w is w^2 / 2 up to f, and beyond it

    .. math:: \frac{f^2}{2} + f (w - f) + D^2 g\left(\frac{w - f}{D}\right), \qquad g(x) = x - 1 + e^{-x}
    """
    return (_arrivals_up_to(top, within, late) - _arrivals_up_to(bottom, within, late)) / (top - bottom)


def _arrivals_up_to(window: float, within: float, late: float) -> float:
    """Integral of :func:`arrivals` over windows from 0 to ``window``."""
    beyond = max(window - within, 0.0)
    times = beyond / late if late > 0 else 0.0
    # x - 1 + exp(-x) loses its digits where x is small; its series has them.
    series = times * times * (0.5 - times / 6 + times * times / 24)
    excess = series if times < 1e-3 else times + math.expm1(-times)
    inside = min(window, within)
    return inside * inside / 2 + within * beyond + late * late * excess
