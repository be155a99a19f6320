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
study's notebook on buffers shows where they fail. Rates are packets per second, times seconds; all broadcast.
For a given N every law depends on N / (A tau), N / (A b) and round trip * A / N alone, which is how figures
measured at 100 to 400 Mbit/s speak of faster links. (CUBIC's cube counts in seconds, so it alone departs from
that, on long paths with large windows. TCP's window grows by packets, so at the same ratios a ring of more
packets carries a little less through losses: 12 % for 400 instead of 4, 1 % for 6400 instead of 64.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import erfcx

from analysis.arrays import Floats, Numbers
from analysis.model.laws.rings import (
    AIMD,
    CALM,
    CLUMPS,
    FASTEST,
    FILL,
    FILL_FULL,
    NEVER,
    SCATTER,
    SPREAD,
    STEPS,
)


def arrivals(window: Numbers, rate: Numbers, fixed_s: Numbers, delay_s: Numbers) -> Floats:
    """Mean packets that arrive of ``window`` in a cycle of ``fixed_s`` plus an exponential ``delay_s``.

    The whole window where it fits into the fixed part; ``rate * fixed_s`` at least where it does not.
    """
    over = np.maximum(np.divide(window, rate) - fixed_s, 0)
    late = np.greater(delay_s, 0)
    tail = -np.expm1(-np.where(late, over / np.where(late, delay_s, 1.0), 0.0))
    beyond = np.greater(window, np.multiply(rate, fixed_s))
    return np.where(beyond, rate * (fixed_s + delay_s * tail), window)


def send_ring(buffers: Numbers, rate: Numbers, moderation_s: Numbers, delay_s: Numbers) -> Floats:
    """Packets per second through a send ring: what its descriptors carry from interrupt to interrupt.

    At most ``rate``. A completion takes at least the time of a packet. Exact for a sender that
    always has data (measured: median error 0.2 %).

    >>> float(send_ring(64, rate=1e6, moderation_s=100e-6, delay_s=0.0))
    640000.0
    """
    line: Floats = np.minimum(rate, FASTEST)
    fixed = np.maximum(moderation_s, 1 / line)
    return np.minimum(line, arrivals(buffers, line, fixed, delay_s) / (fixed + delay_s))


def overflow_chance(buffers: Numbers, rate: Numbers, moderation_s: Numbers, delay_s: Numbers) -> Floats:
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
    spare = buffers - np.multiply(rate, moderation_s)
    late = np.multiply(rate, delay_s)
    surely = np.clip(-spare, 0, 1)
    tail = np.exp(-np.maximum(spare, 0) / np.where(late > 0, late, 1.0))
    chance: Floats = surely - (1 - surely) * np.expm1(-2 * late) * tail
    return chance


def receive_ring(
    buffers: Numbers,
    rate: Numbers,
    moderation_s: Numbers,
    delay_s: Numbers,
    round_trip_s: Numbers = 0.0,
    streams: Numbers = 1,
    growth: Numbers = AIMD["cubic"][0],
    kept: Numbers = AIMD["cubic"][1],
    cubic: Numbers = AIMD["cubic"][2],
) -> Floats:
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
    line: Floats = np.minimum(rate, FASTEST)
    way = (line, moderation_s, delay_s, round_trip_s, streams, (growth, kept, cubic))
    # Where a ring just outgrows the packets of an interval the fitted fill falls faster than the window
    # grows. More descriptors cannot carry less, so it keeps what the ring of exactly an interval carries when
    # every cycle overflows.
    least = np.maximum(np.minimum(buffers, np.multiply(line, moderation_s)), 1)
    through = _lossy_ring(buffers, overflow_chance(buffers, line, moderation_s, delay_s), *way)
    # That ring's law is asked only where it could carry more: at most its descriptors in a cycle.
    if (least > through * np.add(moderation_s, delay_s)).any():
        through = np.maximum(through, _lossy_ring(least, 1.0, *way))
    return through


def _lossy_ring(
    ring: Numbers,
    overflow: Numbers,
    rate: Floats,
    moderation_s: Numbers,
    delay_s: Numbers,
    round_trip_s: Numbers,
    streams: Numbers,
    control: tuple[Numbers, Numbers, Numbers],
) -> Floats:
    """The law of :func:`receive_ring` as fitted; ``control``: growth, share kept, CUBIC's C."""
    buffers, chance = np.asarray(ring, float), np.asarray(overflow, float)
    late = np.add(round_trip_s, 1 / rate) > moderation_s
    fixed = np.maximum(np.where(late, np.add(round_trip_s, moderation_s), moderation_s), 1 / rate)
    path = np.multiply(round_trip_s, rate)
    lossless = buffers * (1 + path / buffers) ** SPREAD
    cycle = np.maximum(np.multiply(rate, np.add(moderation_s, delay_s)), 1)
    calm = (1 - chance) ** np.maximum(path / cycle, CALM)
    climb = _Climb(cycle, path, np.maximum(chance, NEVER), calm, fixed + delay_s, streams, *control)
    top = _top(lossless, climb)
    scatter = SCATTER * np.maximum(1 - lossless / (climb.kept * top), 0)
    bottom, top = top * (climb.lowest(top) - scatter), top * (1 + scatter)
    fill = FILL + FILL_FULL * chance
    apart = np.maximum(path - buffers, 0)
    fill = fill + (1 - fill) * calm * apart / (apart + CLUMPS + buffers / 2)
    mean = _mean_over_windows(fill * bottom, fill * top, rate, fixed, delay_s)
    through = np.minimum(mean / (fixed + delay_s), blind_ring(buffers, rate, moderation_s, delay_s))
    return np.where(chance < NEVER, rate, np.minimum(rate, through))


def blind_ring(buffers: Numbers, rate: Numbers, moderation_s: Numbers, delay_s: Numbers) -> Floats:
    """Packets per second that a receive ring passes of a saturated line when nobody minds losses.

    The ceiling of every congestion control, and the law of BBR as long as it loses less than a tenth.
    """
    line: Floats = np.minimum(rate, FASTEST)
    cycle = np.add(moderation_s, delay_s)
    through = arrivals(buffers, line, moderation_s, delay_s)
    instant = np.broadcast_to(np.asarray(line, float), np.broadcast_shapes(through.shape, cycle.shape))
    passed: Floats = np.divide(through, cycle, out=instant.copy(), where=cycle > 0)
    return np.minimum(line, passed)


class _Climb(NamedTuple):
    """How the joint window of some streams climbs, and what ends that.

    ``cycle``: packets of the line in a mean cycle; ``path``: in a round trip; ``chance``: of an overflow in a
    cycle of the saturated line; ``calm``: of a round trip (or :data:`CALM` cycles) without one, so that the
    window is spread over the path; ``trip_s``: a round trip with the ring's delays; ``growth``, ``kept`` and
    ``cubic`` as in :data:`AIMD`.
    """

    cycle: Floats
    path: Floats
    chance: Floats
    calm: Floats
    trip_s: Floats
    streams: Numbers
    growth: Numbers
    kept: Numbers
    cubic: Numbers

    def left(self) -> Floats:
        """Share of the joint window that a loss leaves: half of several streams hear of it."""
        return _kept_of_all(self.kept, self.streams)

    def regained(self, top: Floats) -> Floats:
        """Packets that a stream has to regain after a loss."""
        return (1 - np.asarray(self.kept)) * top / self.streams

    def per_trip(self, top: Floats) -> Floats:
        """Growth of the joint window in a round trip: additive increase, or CUBIC's where it is faster.

        CUBIC regains what a loss cost in K = (regained / C)^(1/3) seconds, however long the round trip.
        """
        cube = self.trip_s * np.cbrt(self.cubic) * self.regained(top) ** (2 / 3)
        fastest: Floats = np.multiply(self.streams, np.maximum(self.growth, cube))
        return fastest

    def lowest(self, top: Floats) -> Floats:
        """Least window over the top, for windows spread evenly in between.

        What a loss leaves. Where the cube rules the window is back near the top early: its mean lies three
        quarters of the way up instead of a half, as if it fell half as far. In between by the share of the
        climb that the cube rules: none where K is three times as long as additive increase takes.
        """
        cube = self.trip_s * np.cbrt(self.cubic) * self.regained(top) ** (2 / 3) / self.growth
        ruled = np.clip((cube - 1 / 3) / (2 / 3), 0, 1)
        return 1 - (1 - self.left()) * (1 - ruled / 2)

    def overshoot(self, start: Floats, top: Floats) -> Floats:
        """Mean packets climbed from a window to a loss, growing as after one at ``top``.

        A window smaller than the path fills the line for that share of the time, and fewer cycles are full,
        where it is spread at all.
        """
        idle = 1 - start / np.maximum(self.path, start)
        chance = self.chance * (1 - idle * self.calm)
        return _overshoot(start, self.cycle, chance, self.per_trip(top))


def _top(lossless: Floats, climb: _Climb) -> Floats:
    """Mean window at a loss: the start of the climb and the overshoot.

    The climb starts at the lossless window, or at what a loss leaves of the top where that is more (where all
    streams hear of it: of several, measured in ``data/buffers.csv``, that is nearer than half of them). Then
    the start s solves s / left - s = overshoot(s), which has one solution, for the overshoot falls with s.
    Secants of the logarithms, which are nearly straight lines; :data:`STEPS` of them are exact to rounding.
    """
    left = np.asarray(climb.kept)

    def excess(start: Floats) -> Floats:
        return np.log(climb.overshoot(start, start / left) / (start * (1 / left - 1)))

    first = climb.overshoot(lossless, lossless / left)
    rare = lossless * (1 / left - 1) < first
    if not np.any(rare):
        return lossless + climb.overshoot(lossless, lossless)
    here, above = np.log(lossless), excess(lossless)
    there = here + np.where(rare, above, 0.0) / 2
    for _ in range(STEPS):
        then = excess(np.exp(there))
        slope = np.divide(then - above, there - here, out=np.full_like(then, -1.0), where=there != here)
        here, above, there = there, then, np.where(rare, there - then / np.minimum(slope, -0.5), there)
    return np.where(rare, np.exp(there) / left, lossless + climb.overshoot(lossless, lossless))


def _overshoot(start: Floats, cycle_packets: Floats, chance: Floats, growth: Numbers) -> Floats:
    """Mean packets by which a window climbs before a cycle overflows.

    The hazard per packet of growth is ``chance * k / growth`` with ``k = max(1, w / cycle_packets)``
    cycles in the time a window w takes; its survival integrates to an exponential below
    ``cycle_packets`` and to a Gaussian tail (erfcx) above.
    """
    hazard = np.maximum(chance / growth, 1e-300)
    level = np.maximum(cycle_packets - start, 0)
    reached = np.exp(-hazard * level)
    width = np.sqrt(np.pi * cycle_packets / (2 * hazard))
    tail: Floats = width * erfcx(np.maximum(cycle_packets, start) * np.sqrt(hazard / (2 * cycle_packets)))
    climbed: Floats = -np.expm1(-hazard * level) / hazard + reached * tail
    return climbed


def _kept_of_all(kept: Numbers, streams: Numbers) -> Floats:
    """Share of the joint window of several streams that a loss leaves: half of them hear of it."""
    left: Floats = 1 - (1 - np.asarray(kept)) * (1 + (np.asarray(streams) - 1) / 2) / streams
    return left


def _mean_over_windows(bottom: Floats, top: Floats, rate: Numbers, fixed: Floats, delay_s: Numbers) -> Floats:
    r"""Mean of :func:`arrivals` over windows spread evenly from bottom to top.

    With f = A tau packets in the fixed part and D = A E[X] in the mean delay, the integral of the arrivals
    from 0 to a window w is w^2 / 2 up to f, and beyond it

    .. math:: \frac{f^2}{2} + f (w - f) + D^2 g\left(\frac{w - f}{D}\right), \qquad g(x) = x - 1 + e^{-x}
    """
    within, late = np.multiply(rate, fixed), np.multiply(rate, delay_s)
    area = _arrivals_up_to(top, within, late) - _arrivals_up_to(bottom, within, late)
    return area / (top - bottom)


def _arrivals_up_to(window: Floats, within: Floats, late: Floats) -> Floats:
    """Integral of :func:`arrivals` over windows from 0 to ``window``."""
    beyond = np.maximum(window - within, 0)
    times = beyond / np.where(late > 0, late, np.inf)
    # x - 1 + exp(-x) loses its digits where x is small; its series has them.
    small = np.minimum(times, 1e-3)
    series = small**2 * (0.5 - small / 6 + small**2 / 24)
    excess = np.where(times < 1e-3, series, times + np.expm1(-times))
    return np.minimum(window, within) ** 2 / 2 + within * beyond + late**2 * excess
