"""Shares, chances, sizes and what became of a migration in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.language import NO_BREAK, duration, number


def percent(share: float, digits: int = 2) -> str:
    """A share in per cent with that many significant digits, whole per cents kept, no finer than 0.01 %.

    >>> print(", ".join(percent(s) for s in (0.3, 0.0461, 1.234, -0.1, 4e-16)).replace(NO_BREAK, " "))
    30 %, 4.6 %, 123 %, -10 %, 0 %
    """
    whole = len(str(int(abs(100 * share))))
    shown = number(round(100 * share, 2), max(digits, whole))
    return f"{shown}{NO_BREAK}%"


def chance(share: float) -> str:
    """A drawn chance as people say it: a finite number of draws never makes it certain.

    >>> print(", ".join(chance(s) for s in (1.0, 0.314, 0.002)).replace(NO_BREAK, " "))
    more than 99 %, 31 %, less than 1 %
    """
    if share > 0.99:
        return f"more than 99{NO_BREAK}%"
    return f"less than 1{NO_BREAK}%" if share < 0.01 else percent(share)


def at_least(value: float, digits: int) -> float:
    """A number rounded up to so many significant digits, so that it is enough as it is printed.

    >>> [at_least(v, 2) for v in (8.61, 0.086, 0)]
    [8.7, 0.086, 0.0]
    """
    if not np.isfinite(value) or value <= 0:
        return float(value)
    near, power = float(f"{value:.{digits}g}"), math.floor(math.log10(value))
    return near if near >= value else float(f"{near + 10.0 ** (power - digits + 1):.{digits}g}")


def size(gib: float, digits: int = 3) -> str:
    """A size of memory in the unit that people would take.

    >>> print(", ".join(size(s) for s in (24576, 0.827, 0.0331, 9.29e-5, 0)).replace(NO_BREAK, " "))
    24,600 GiB, 0.827 GiB, 33.9 MiB, 97.4 KiB, 0 GiB
    """
    power, unit = next((p, u) for p, u in _SIZES if gib * 1024**p >= 0.1 or p == 3) if gib else (0, "GiB")
    return f"{number(gib * 1024**power, digits)}{NO_BREAK}{unit}"


_SIZES = ((0, "GiB"), (1, "MiB"), (2, "KiB"), (3, "bytes"))
"""Powers of 1024 that a GiB has of each unit, the largest unit first."""


def endless(outcome: Mapping[str, Any] | pd.Series) -> bool:
    """Whether a migration, a row of ``migrate``, never ends: its guest is then never paused either."""
    return not np.isfinite(outcome["total_s"])


def frozen(outcome: Mapping[str, Any] | pd.Series) -> str:
    """How long a migration freezes its guest: a duration, or never."""
    return "never" if endless(outcome) else duration(outcome["blackout_s"])


def paused_s(frame: pd.DataFrame) -> pd.Series[float]:
    """The blackout of each migration [s], NaN where it never comes."""
    return frame["blackout_s"].where(np.isfinite(frame["total_s"]))


def unit_for(seconds: Iterable[float]) -> tuple[str, float]:
    """The unit of an axis for some durations, by the longest that ends, and how many of it make a second.

    >>> [unit_for([value])[0] for value in (0.3, 25, 2000, 30000, math.inf)]
    ['ms', 's', 'min', 'h', 's']
    """
    longest = max((one for one in seconds if math.isfinite(one)), default=1.0)
    if longest < 1:
        return "ms", 1000.0
    return ("s", 1.0) if longest < 900 else ("min", 1 / 60) if longest < 4 * 3600 else ("h", 1 / 3600)
