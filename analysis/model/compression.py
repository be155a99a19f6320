"""What compressing memory buys and what it costs.

A compressor turns link bytes into ``ratio`` times as many memory bytes, until the cores it may
use can compress no faster:

    memory rate = min(link * ratio, cores * speed)

(facts: compression, "Model"; decompression is faster for every codec measured, so the sender
binds). Hyper-V lets the compressor use only processor time that no virtual machine needs
(Virtual PC Guy, 2013-10-29), and slides back to plain TCP/IP when there is none: compressing is
never slower than not compressing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def compressed_rate(
    link_rate: ArrayLike, ratio: ArrayLike, speed_per_core: ArrayLike, cores: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Memory copied per second through a compressor, and the memory bytes per byte sent.

    ``link_rate`` is the payload rate of the link and ``speed_per_core`` what one core
    compresses, both in any one unit of bytes per second; ``cores`` may be a fraction. The share
    of pages that the spare cores cannot compress is sent as it is, which is what "sliding back
    to TCP/IP" means: of each second, the link carries c/ratio for the c compressed and the rest raw.

    Limits: a ratio of 1 or no cores give the link's own rate; without limit on the cores the
    rate is ``link_rate * ratio``. Returns (memory rate, effective ratio), both at least as
    large as without compression.

    >>> rate, ratio = compressed_rate(1.0, ratio=2.0, speed_per_core=1.5, cores=1.0)
    >>> float(rate), float(ratio)
    (1.75, 1.75)
    """
    link, ratio = np.broadcast_arrays(np.asarray(link_rate, float), np.asarray(ratio, float))
    can_compress = np.multiply(speed_per_core, cores)
    compressed = np.minimum(can_compress, link * ratio)
    raw = link - compressed / ratio
    memory_rate = compressed + raw
    return memory_rate, np.divide(memory_rate, link, out=np.ones(memory_rate.shape), where=link > 0)


def compressor_binds(
    link_rate: ArrayLike, ratio: ArrayLike, speed_per_core: ArrayLike, cores: ArrayLike
) -> np.ndarray:
    """True where the spare cores, and not the link, keep compression from its full factor."""
    return np.multiply(speed_per_core, cores) < np.multiply(link_rate, ratio)
