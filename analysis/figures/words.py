"""Shares and chances in words."""

from __future__ import annotations

from analysis.figures.language import NO_BREAK, number


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
