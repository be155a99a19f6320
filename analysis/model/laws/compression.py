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

import math
from typing import Any, TypeVar

from analysis.parameters import COMPRESSOR_WAITS

WAIT_NORM = 4.0
"""Sharpness of the corner between link and compressor where pages wait for the compressor."""
Quantity = TypeVar("Quantity", float, Any)
"""A number, or a column of them."""
NO_WAIT, IN_TURN = COMPRESSOR_WAITS.index("no"), COMPRESSOR_WAITS.index("in_turn")


def compressed_rate(
    link: float, ratio: float, speed_per_core: float, cores: float, waits: float
) -> tuple[float, float]:
    """Memory copied per second through a compressor, and the memory bytes per byte sent.

    ``link`` is the payload rate of the link and ``speed_per_core`` what one core compresses, both in any one
    unit of bytes per second; ``cores`` may be a fraction. ``waits``: code of what a page does when the
    compressor is busy, ``no``, ``yes`` or ``in_turn`` (see the parameter).

    Limits: a ratio of 1 or no cores give the link's own rate (none at all where pages wait and there are
    no cores); without limit on the cores the rate is ``link * ratio``; an endless link is held by the
    cores only where pages wait. Returns (memory rate, effective ratio).

    >>> compressed_rate(1.0, ratio=2.0, speed_per_core=1.5, cores=1.0, waits=0)
    (1.75, 1.75)
    """
    able, wanted = compressing_rate(speed_per_core, cores), link * ratio
    compressed = min(able, wanted)
    if waits == IN_TURN:
        high = max(able, wanted)
        share = compressed / high if high > 0 and not math.isinf(high) else 0.0
        compressed = compressed * (1 + share**WAIT_NORM) ** (-1 / WAIT_NORM)
    if math.isinf(compressed) or (waits == NO_WAIT and math.isinf(link)):
        return math.inf, 1.0
    raw = link - compressed / ratio if waits == NO_WAIT else 0.0
    sent = compressed / ratio + raw
    return compressed + raw, ((compressed + raw) / sent if sent > 0 else 1.0)


def compressing_rate(speed_per_core: float, cores: float) -> float:
    """What all the cores compress, in the unit of ``speed_per_core``; nothing without cores, however fast."""
    return speed_per_core * cores if cores > 0 else 0.0


def compressor_binds(link: float, ratio: float, speed_per_core: float, cores: float) -> bool:
    """True where the spare cores, and not the link, keep compression from its full factor."""
    return compressing_rate(speed_per_core, cores) < link * ratio


def break_even_rate(speed_per_core: Quantity, cores: float) -> Quantity:
    """Link rate above which waiting for the compressor is slower than sending pages as they are.

    ``cores * speed``, whatever the ratio (facts: compression, L*), in the unit of ``speed_per_core``.
    """
    return speed_per_core * cores


def full_gain_rate(ratio: Quantity, speed_per_core: Quantity, cores: float) -> Quantity:
    """Link rate up to which compression gives its whole factor: ``cores * speed / ratio``."""
    return speed_per_core * cores / ratio
