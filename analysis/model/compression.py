"""What compressing memory buys and what it costs.

A compressor turns link bytes into ``ratio`` times as many memory bytes, until the cores it may
use can compress no faster. Where pages wait for it (QEMU's compressing methods),

    memory rate = min(link * ratio, cores * speed)

(facts: compression, "Model"; decompression is faster for every codec measured, so the sender
binds). Hyper-V lets the compressor use only processor time that no virtual machine needs
(Virtual PC Guy, 2013-10-29), and slides back to plain TCP/IP when there is none: pages that the spare
cores cannot compress go as they are, on the part of the link that the compressed ones leave free,

    memory rate = c + (link - c / ratio),   c = min(link * ratio, cores * speed)

which is never slower than not compressing. Both forms agree where the cores suffice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def compressed_rate(
    link_rate: ArrayLike,
    ratio: ArrayLike,
    speed_per_core: ArrayLike,
    cores: ArrayLike,
    waits: ArrayLike = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Memory copied per second through a compressor, and the memory bytes per byte sent.

    ``link_rate`` is the payload rate of the link and ``speed_per_core`` what one core
    compresses, both in any one unit of bytes per second; ``cores`` may be a fraction. ``waits``: pages
    wait for the compressor instead of going uncompressed.

    Limits: a ratio of 1 or no cores give the link's own rate (no rate at all with ``waits`` and no
    cores); without limit on the cores the rate is ``link_rate * ratio``; an endless link is held by the
    cores only with ``waits``. Returns (memory rate, effective ratio).

    >>> rate, ratio = compressed_rate(1.0, ratio=2.0, speed_per_core=1.5, cores=1.0)
    >>> float(rate), float(ratio)
    (1.75, 1.75)
    >>> float(compressed_rate(1.0, ratio=2.0, speed_per_core=1.5, cores=1.0, waits=True)[0])
    1.5
    """
    link, ratio = np.broadcast_arrays(np.asarray(link_rate, float), np.asarray(ratio, float))
    able = np.multiply(speed_per_core, cores)
    compressed = np.minimum(able, link * ratio)
    raw = np.where(waits, 0.0, link - compressed / ratio)
    memory_rate = compressed + raw
    endless = np.isinf(memory_rate)
    sent = np.where(endless, memory_rate, compressed / ratio + raw)
    mixed = np.divide(memory_rate, sent, out=np.ones(memory_rate.shape), where=(sent > 0) & ~endless)
    return memory_rate, mixed


def compressor_binds(
    link_rate: ArrayLike, ratio: ArrayLike, speed_per_core: ArrayLike, cores: ArrayLike
) -> np.ndarray:
    """True where the spare cores, and not the link, keep compression from its full factor."""
    return np.multiply(speed_per_core, cores) < np.multiply(link_rate, ratio)


def break_even_rate(speed_per_core: ArrayLike, cores: ArrayLike) -> np.ndarray:
    """Link rate above which waiting for the compressor is slower than sending pages as they are.

    ``cores * speed``, whatever the ratio (facts: compression, L*), in the unit of ``speed_per_core``.
    """
    return np.multiply(speed_per_core, cores)


def full_gain_rate(ratio: ArrayLike, speed_per_core: ArrayLike, cores: ArrayLike) -> np.ndarray:
    """Link rate up to which compression gives its whole factor: ``cores * speed / ratio``."""
    return np.multiply(speed_per_core, cores) / ratio
