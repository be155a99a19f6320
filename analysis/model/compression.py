"""What compressing memory buys and what it costs.

A compressor turns link bytes into ``ratio`` times as many memory bytes, until the cores it may
use can compress no faster: min(link * ratio, cores * speed) (facts: compression, "Model"; decompression
is faster for every codec measured, so the sender binds). That is the rate where pages wait for the
compressor and are sent while the next are compressed (QEMU's multifd). Where one thread does both in turn
(QEMU's ``compress``), compressor and link also wait for each other while both are nearly busy,

    memory rate = ((link * ratio)**-p + (cores * speed)**-p)**(-1/p),   p = 4

(p from this study's migrations with ``method=compress``: 8 to 12 % below the minimum near the corner).
Hyper-V lets the compressor use only processor time that no virtual machine needs (Virtual PC Guy,
2013-10-29), and slides back to plain TCP/IP when there is none: pages that the spare
cores cannot compress go as they are, on the part of the link that the compressed ones leave free,

    memory rate = c + (link - c / ratio),   c = min(link * ratio, cores * speed)

which is never slower than not compressing. Both forms agree where the cores more than suffice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats, Numbers
from analysis.model.laws.memory import WAIT_NORM


def compressed_rate(
    link_rate: Numbers,
    ratio: Numbers,
    speed_per_core: Numbers,
    cores: Numbers,
    waits: ArrayLike = "no",
) -> tuple[Floats, Floats]:
    """Memory copied per second through a compressor, and the memory bytes per byte sent.

    ``link_rate`` is the payload rate of the link and ``speed_per_core`` what one core
    compresses, both in any one unit of bytes per second; ``cores`` may be a fraction. ``waits``: what a
    page does when the compressor is busy, ``no``, ``yes`` or ``in_turn`` (see the parameter).

    Limits: a ratio of 1 or no cores give the link's own rate (none at all where pages wait and there are
    no cores); without limit on the cores the rate is ``link_rate * ratio``; an endless link is held by the
    cores only where pages wait. Returns (memory rate, effective ratio).

    >>> rate, ratio = compressed_rate(1.0, ratio=2.0, speed_per_core=1.5, cores=1.0)
    >>> float(rate), float(ratio)
    (1.75, 1.75)
    >>> [round(float(compressed_rate(1.0, 2.0, 1.5, 1.0, waits)[0]), 2) for waits in ("yes", "in_turn")]
    [1.5, 1.4]
    """
    link, ratio = np.broadcast_arrays(np.asarray(link_rate, float), np.asarray(ratio, float))
    able = compressing_rate(speed_per_core, cores)
    waits = np.asarray(waits)
    lower = np.minimum(able, link * ratio)
    compressed = np.where(waits == "in_turn", _corner(able, link * ratio), lower)
    raw = np.where(waits == "no", link - compressed / ratio, 0.0)
    memory_rate = compressed + raw
    endless = np.isinf(memory_rate)
    sent = np.where(endless, memory_rate, compressed / ratio + raw)
    mixed = np.divide(memory_rate, sent, out=np.ones(memory_rate.shape), where=(sent > 0) & ~endless)
    return memory_rate, mixed


def _corner(able: Floats, wanted: Floats) -> Floats:
    """The lower of two rates, less what they lose by waiting for each other where they are nearly equal."""
    low, high = np.minimum(able, wanted), np.maximum(able, wanted)
    share = np.divide(low, high, out=np.zeros(low.shape), where=(high > 0) & np.isfinite(high))
    return low * (1 + share**WAIT_NORM) ** (-1 / WAIT_NORM)


def compressing_rate(speed_per_core: ArrayLike, cores: ArrayLike) -> Floats:
    """What all the cores compress, in the unit of ``speed_per_core``; nothing without cores, however fast."""
    some, speed = np.broadcast_arrays(np.asarray(cores, float), np.asarray(speed_per_core, float))
    rate = np.zeros(some.shape)
    np.multiply(speed, some, out=rate, where=some > 0)
    return rate


def compressor_binds(
    link_rate: ArrayLike, ratio: ArrayLike, speed_per_core: ArrayLike, cores: ArrayLike
) -> Bools:
    """True where the spare cores, and not the link, keep compression from its full factor."""
    return compressing_rate(speed_per_core, cores) < np.multiply(link_rate, ratio)


def break_even_rate(speed_per_core: ArrayLike, cores: ArrayLike) -> Floats:
    """Link rate above which waiting for the compressor is slower than sending pages as they are.

    ``cores * speed``, whatever the ratio (facts: compression, L*), in the unit of ``speed_per_core``.
    """
    return np.multiply(speed_per_core, cores)


def full_gain_rate(ratio: ArrayLike, speed_per_core: ArrayLike, cores: ArrayLike) -> Floats:
    """Link rate up to which compression gives its whole factor: ``cores * speed / ratio``."""
    rate: Floats = np.divide(np.multiply(speed_per_core, cores), ratio)
    return rate
