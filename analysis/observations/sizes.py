"""Sizes and counts as programs print them, in the study's units; what cannot be one is told."""

from __future__ import annotations

import math

from analysis.observations.record import Notes

LARGEST = 2.0**63
"""What no size in bytes and no count of pages exceeds."""
BYTES = {
    "b": 1.0, "byte": 1.0, "bytes": 1.0,
    "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30, "tib": 2.0**40, "pib": 2.0**50, "eib": 2.0**60,
}  # fmt: skip
"""Bytes of the units that mean one thing, whoever writes them."""
GIB = 2.0**30


class Figures:
    """Figures of one file; NaN, with a note on its line, for what is out of range or has another unit."""

    def __init__(self, notes: Notes):
        self.notes = notes

    def number(self, text: str, what: str, line: int, factor: float = 1.0) -> float:
        """A number times ``factor``."""
        try:
            value = float(text)
        except ValueError:
            self.notes.add(f"{what} = {text[:40]!r} is not a number", line, f"{what} is not a number")
            return math.nan
        if not 0 <= value * factor <= LARGEST:
            self.notes.add(f"{what} = {text[:40]!r} is out of range", line, f"{what} is out of range")
            return math.nan
        # Divided, not multiplied, where it is a part: 6092 ms are 6.092 s and no 6.0920000000000005.
        return value * factor if factor >= 1 else value / round(1 / factor)

    def gib(self, text: str, unit: str, what: str, line: int) -> float:
        """A size [GiB] whose unit stands beside it."""
        one = BYTES.get(unit.strip().lower())
        if one is None:
            self.notes.add(f"{what} = {f'{text} {unit}'[:40]!r} has no unit that is known", line,
                           f"{what} has no unit that is known")  # fmt: skip
            return math.nan
        return self.number(text, what, line, one) / GIB

    def gbps(self, text: str, unit: str, what: str, line: int) -> float:
        """A rate [Gbit/s] from a size per second."""
        return self.gib(text, unit.removesuffix("/s"), what, line) * GIB * 8e-9
