"""How long a migration takes and freezes its guest over one of its parameters: a curve as SVG text.

Both axes are logarithmic where the values allow it, since times and rates go over decades.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from analysis.explorer.svg import RIGHT, lettering, path, px, rect, ticks
from analysis.figures.language import duration, number

WIDTH, HEIGHT = 480, 236
LEFT, TOP, BOTTOM = 64, 24, 190
"""Where the curves begin, and the heights between which they lie."""


def curve(
    values: Sequence[float], totals_s: Sequence[float], blackouts_s: Sequence[float], here: int, title: str
) -> str:
    """Total time and blackout over the values of a parameter, the case itself marked: SVG text.

    ``here``: place of the case among the values, which rise, -1 where it has none; ``title``: the parameter
    with its unit. Where a migration never ends the ground is shaded and no line is drawn.

    >>> curve([1, 10], [100.0, 10.0], [2.0, 0.2], 1, "line rate [Gbit/s]")[:24]
    '<svg class="scene curve"'
    """
    ended = [seconds for seconds in [*totals_s, *blackouts_s] if math.isfinite(seconds) and seconds > 0]
    low, high = (min(ended) / 1.5, max(ended) * 1.5) if ended else (1.0, 10.0)
    x, y = places(values[0], values[-1], LEFT, RIGHT - 8), places(low, high, BOTTOM, TOP)
    parts = [*_grid(x, y, values, low, high, title), *_endless(x, values, totals_s)]
    for kind, name, times in (("total", "total", totals_s), ("pause", "blackout", blackouts_s)):
        parts += _line(x, y, values, times, totals_s, kind)
        if here >= 0 and math.isfinite(totals_s[here]) and times[here] > 0:
            falls = times[max(here - 8, 0)] > times[min(here + 8, len(times) - 1)]
            parts += _mark(x(values[here]), y(times[here]), f"{name} {duration(times[here])}", kind, falls)
    told = escape(_told(values, totals_s, blackouts_s, title))
    head = f'<svg class="scene curve" role="img" aria-label="{told}" '
    return f'{head}viewBox="0 0 {WIDTH} {HEIGHT}" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'


def places(low: float, high: float, left: float, right: float) -> Callable[[float], float]:
    """A function from values to places, logarithmic where all are above 0."""
    if low <= 0:
        factor = (right - left) / max(high - low, 1e-12)
        return lambda value: left + (value - low) * factor
    steps = (right - left) / max(math.log(high / low), 1e-12)
    return lambda value: left + math.log(max(value, low) / low) * steps


def marks(low: float, high: float) -> list[float]:
    """Round numbers of an axis: powers of ten, or more of them over less than two decades.

    >>> marks(0.5, 200), marks(0, 10), marks(3, 8)
    ([1.0, 10.0, 100.0], [0.0, 5.0, 10.0], [4.0, 6.0, 8.0])
    """
    if low <= 0 or high / low < 8:
        return ticks(low, high, 3)
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    tens = [10.0**power for power in range(first - 1, last + 1)]
    found = sorted([*tens, *[3 * ten for ten in tens]]) if high / low < 300 else tens
    found = [value for value in found if low <= value * (1 + 1e-9) and value <= high * (1 + 1e-9)]
    return found if len(found) < 8 else [value for i, value in enumerate(found) if i % 2 == 0]


TIMES_S = (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 36000.0, 360000.0, 3.6e6, 3.6e7)
"""Times that people have short words for."""


def _grid(
    x: Callable[[float], float],
    y: Callable[[float], float],
    values: Sequence[float],
    low: float,
    high: float,
    title: str,
) -> list[str]:
    """Grid lines with their values, and the name of the axis."""
    times = [seconds for seconds in TIMES_S if low <= seconds and seconds <= high]
    times = times if len(times) > 1 else marks(low, high)
    parts = [path("".join([f"M{LEFT} {px(y(s))}H{RIGHT - 8}" for s in times]), "grid")]
    parts += [lettering(LEFT - 6, y(s) + 4, _time(s), "q e") for s in times]
    parts += _values(x, marks(values[0], values[-1]))
    parts.append(lettering((LEFT + RIGHT - 8) / 2, BOTTOM + 34, title, "q m"))
    return parts


def _values(x: Callable[[float], float], found: Sequence[float]) -> list[str]:
    """The values below the axis, without those that would run into the one before."""
    parts: list[str] = []
    free: float = 0
    for v in found:
        words = number(v)
        # A label in the middle of its tick would leave the picture at its right edge.
        last, wide = x(v) > RIGHT - 40, 7.2 * len(words)
        left = x(v) - wide if last else x(v) - wide / 2
        if left >= free:
            parts.append(lettering(x(v), BOTTOM + 16, words, "q e" if last else "q m"))
            free = left + wide + 6
    return parts


def _time(seconds: float) -> str:
    """A time of an axis: whole minutes and hours without what is 0."""
    if seconds >= 3600 and seconds % 3600 == 0:
        return f"{number(seconds / 3600)} h"
    return f"{number(seconds / 60)} min" if seconds >= 60 and seconds % 60 == 0 else duration(seconds)


def _endless(x: Callable[[float], float], values: Sequence[float], totals_s: Sequence[float]) -> list[str]:
    """The ground shaded over values for which a migration never ends."""
    parts: list[str] = []
    for i in range(len(values) - 1):
        if not math.isfinite(totals_s[i]) and not math.isfinite(totals_s[i + 1]):
            left, right = x(values[i]), x(values[i + 1])
            parts.append(rect(left, TOP, right - left + 0.2, BOTTOM - TOP, "shade"))
    if parts:
        # Said once: where it is shaded it never ends.
        parts.append(lettering(RIGHT - 10, TOP - 8, "shaded: it never ends", "q e"))
    return parts


def _line(
    x: Callable[[float], float],
    y: Callable[[float], float],
    values: Sequence[float],
    times: Sequence[float],
    totals_s: Sequence[float],
    kind: str,
) -> list[str]:
    """One curve, broken where a migration never ends."""
    text = ""
    for i in range(len(values)):
        if math.isfinite(totals_s[i]) and times[i] > 0:
            joins = i > 0 and math.isfinite(totals_s[i - 1]) and times[i - 1] > 0
            text += f"{'L' if joins else 'M'}{px(x(values[i]))} {px(y(times[i]))}"
    return [path(text, f"line {kind}")] if text else []


def _mark(x: float, y: float, words: str, kind: str, falls: bool) -> list[str]:
    """A ring around the case with its number, above the curve's lower side as far as there is room."""
    wide = 9 + 6.6 * len(words)
    right = x - wide < LEFT or (falls and x + wide < RIGHT)
    ring = f'<circle class="mark {kind}" cx="{px(x)}" cy="{px(y)}" r="4.5"/>'
    return [ring, lettering(x + (9 if right else -9), y - 7, words, "b" if right else "b e")]


def _told(
    values: Sequence[float], totals_s: Sequence[float], blackouts_s: Sequence[float], title: str
) -> str:
    """The curve in words: its two ends."""
    ends = [f"at {number(values[i])} {_ends(totals_s[i], blackouts_s[i])}" for i in [0, len(values) - 1]]
    return f"Total time and blackout over {title}: {'; '.join(ends)}."


def _ends(total_s: float, blackout_s: float) -> str:
    if not math.isfinite(total_s):
        return "it never ends"
    return f"{duration(total_s)} in all and a blackout of {duration(blackout_s)}"
