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
  long cycle loses something. The ring is a *window* with a random tail (:func:`receive_ring`).

The laws, their constants and what they were measured on: facts, "buffers"; this study's
notebook on buffers shows where they fail. Rates are packets per second, times seconds; all broadcast.
For a given N every law depends on N / (A tau), N / (A b) and round trip * A / N alone, which is how
figures measured at 100 to 400 Mbit/s speak of faster links. (TCP's window grows by packets, so at the same
ratios a ring of more packets carries a little less through losses: 12 % for 400 instead of 4, 1 % for 6400
instead of 64.)
"""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx

from analysis.arrays import Floats, Numbers

AIMD = {"cubic": (0.53, 0.7), "reno": (1.0, 0.5)}
"""Window growth per round trip [packets] and share kept after a loss (RFC 9438 in its Reno-friendly
region, RFC 5681)."""

SPREAD = 1 / 3
"""How far a window spreads over a path longer than the ring: exponent, fitted on 118 configurations."""
FILL, FILL_FULL = 0.77, 0.13
"""Share of the window that finds a descriptor in a cycle: 0.77 where overflows are rare and long, 0.13
more where each cycle overflows. Three constants are fitted in all, one more than in the facts' form of the
law: in five random folds that takes the 90th percentile of the error from 13 to 11 %. The measured
moderations are at most twice the processor's mean delay, or that delay is 0; between lies extrapolation."""
FASTEST = 1e15
"""Packets per second that stand for an endless rate."""
NEVER = 1e-9
"""An overflow less likely than this in a cycle does not happen in a migration."""


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
    """Chance that a cycle of a saturated line brings more than the ring holds: P(A (tau + X) > N)."""
    spare = np.divide(buffers, rate) - moderation_s
    late = np.greater(delay_s, 0)
    certain = np.where(spare < 0, 0.0, np.inf)
    times = np.where(late, spare / np.where(late, delay_s, 1.0), certain)
    return np.exp(-np.maximum(times, 0))


def receive_ring(
    buffers: Numbers,
    rate: Numbers,
    moderation_s: Numbers,
    delay_s: Numbers,
    round_trip_s: Numbers = 0.0,
    streams: Numbers = 1,
    growth: Numbers = AIMD["cubic"][0],
    kept: Numbers = AIMD["cubic"][1],
) -> Floats:
    r"""Packets per second through a receive ring, for TCP that takes loss as a sign to slow down.

    The window at which losses begin is ``N (1 + RTT A / N)**(1/3)``: over a long path packets are
    spread over several cycles, but only partly. Beyond it the window climbs by ``growth`` packets per
    round trip and stream until a cycle overflows; from the mean window so reached
    (:func:`_overshoot`) it falls to ``kept`` of it and climbs again, so it is uniform in between.
    The rate is what arrives of such windows in a cycle, over the cycle's length, and never more than
    a source blind to loss would get (:func:`blind_ring`) or than the line.

    The cycle's fixed part is the moderation; where packets only come back a round trip after the ring
    was emptied (round trip longer than the moderation), the first of them takes an interrupt of its
    own and the others wait for the next, so it is round trip plus moderation.
    """
    line: Floats = np.minimum(rate, FASTEST)
    way = (line, moderation_s, delay_s, round_trip_s, streams, growth, kept)
    # Where a ring just outgrows the packets of an interval the fitted fill falls faster than the window
    # grows. More descriptors cannot carry less, so it keeps what the ring of exactly an interval carries.
    least = np.maximum(np.minimum(buffers, np.multiply(line, moderation_s)), 1)
    through = _lossy_ring(buffers, *way)
    # That ring's law is asked only where it could carry more: at most its descriptors in a cycle.
    if (least > through * np.add(moderation_s, delay_s)).any():
        through = np.maximum(through, _lossy_ring(least, *way))
    return through


def _lossy_ring(
    buffers: Numbers,
    rate: Floats,
    moderation_s: Numbers,
    delay_s: Numbers,
    round_trip_s: Numbers,
    streams: Numbers,
    growth: Numbers,
    kept: Numbers,
) -> Floats:
    """The law of :func:`receive_ring` as fitted."""
    chance = overflow_chance(buffers, rate, moderation_s, delay_s)
    late = np.add(round_trip_s, 1 / rate) > moderation_s
    fixed = np.maximum(np.where(late, np.add(round_trip_s, moderation_s), moderation_s), 1 / rate)
    path = np.multiply(round_trip_s, rate)
    lossless = buffers * (1 + path / buffers) ** SPREAD
    cycle = np.maximum(np.multiply(rate, np.add(moderation_s, delay_s)), 1)
    top = lossless + _overshoot(lossless, cycle, chance, growth, streams)
    bottom = top * _kept_of_all(kept, streams)
    fill = FILL + FILL_FULL * chance
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


def _overshoot(
    lossless: Floats, cycle_packets: Floats, chance: Floats, growth: Numbers, streams: Numbers
) -> Floats:
    """Mean packets by which the window climbs past the lossless one before a cycle overflows.

    The hazard per packet of growth is ``chance * k / (growth * streams)`` with
    ``k = max(1, w / cycle_packets)`` cycles in the time a window w takes; its survival integrates
    to an exponential below ``cycle_packets`` and to a Gaussian tail (erfcx) above.
    """
    hazard = np.maximum(chance / np.multiply(growth, streams), 1e-300)
    level = np.maximum(cycle_packets - lossless, 0)
    reached = np.exp(-hazard * level)
    width = np.sqrt(np.pi * cycle_packets / (2 * hazard))
    tail = width * erfcx(np.maximum(cycle_packets, lossless) * np.sqrt(hazard / (2 * cycle_packets)))
    climbed: Floats = (1 - reached) / hazard + reached * tail
    return climbed


def _kept_of_all(kept: Numbers, streams: Numbers) -> Floats:
    """Share of the joint window of several streams that a loss leaves: half of them hear of it."""
    return 1 - (1 - np.asarray(kept)) * (1 + (np.asarray(streams) - 1) / 2) / streams


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
