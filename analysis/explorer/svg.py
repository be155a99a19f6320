"""SVG text: rectangles, paths, words at places, and a panel of memory over time."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape

from analysis.explorer.followed import POINTS, Migration, Pass
from analysis.figures.language import number
from analysis.model.units import PAGES_PER_GIB

LEFT, RIGHT = 48, 470
"""Where every panel begins and ends."""


class Panel:
    """A panel of memory over time: where a time and a size stand, and what is drawn in it."""

    def __init__(self, top: float, bottom: float, start: float, end: float, high: float) -> None:
        self.top, self.bottom, self.start, self.end = top, bottom, start, max(end, start + 1e-9)
        self.high = max(high, 1e-9)
        self.x = scale(self.start, self.end, LEFT, RIGHT)
        self.y = scale(0, self.high * 1.16, bottom, top)

    def axes(self, name: str, x_title: str) -> list[str]:
        """Grid, ticks and titles with units."""
        times = ticks(self.start, self.end, 5)
        unit, times_gib = ("MiB", 1024.0) if self.high < 0.1 else ("GiB", 1.0)
        # Five characters of a size would run into the name of the axis.
        unit, times_gib = ("TiB", 1 / 1024) if self.high >= 4096 else (unit, times_gib)
        sizes = [size / times_gib for size in ticks(0, self.high * 1.16 * times_gib, 4)]
        lines = "".join(f"M{LEFT} {px(self.y(s))}H{RIGHT}" for s in sizes)
        parts = [path(lines, "grid")]
        parts += [lettering(LEFT - 6, self.y(s) + 4, number(s * times_gib, 4), "q e") for s in sizes]
        step = times[1] - times[0] if len(times) > 1 else 1.0
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        for t in times:
            # A label in the middle of its tick would leave the picture at its right edge.
            near = "e" if self.x(t) > RIGHT - 14 else "m"
            parts.append(lettering(self.x(t), self.bottom + 15, f"{t:,.{digits}f}", f"q {near}"))
        parts.append(lettering((LEFT + RIGHT) / 2, self.bottom + 31, x_title, "q m"))
        turn = f' transform="rotate(-90 10 {px((self.top + self.bottom) / 2)})"'
        parts.append(lettering(10, (self.top + self.bottom) / 2, f"{name} [{unit}]", "q m", turn))
        return parts

    def wedge(self, p: Pass) -> list[str]:
        """What a pass has still to send, falling, and what became dirty meanwhile, rising."""
        left, right = self.x(p.start_s), self.x(p.start_s + p.duration_s)
        if right - left < 0.15 and p.number > 2:
            return []
        high, low = self.y(p.to_send_gib), self.y(max(p.to_send_gib - p.sent_gib, 0))
        shape = f"M{px(left)} {px(self.bottom)}V{px(high)}L{px(right)} {px(low)}V{px(self.bottom)}z"
        parts = [path(shape, "sent" if p.number % 2 else "sent even")]
        if p.dirtied_gib[-1] > 0.002 * self.high:
            # A curve of a few pixels has no use for all its points.
            stride = 1 if right - left > 24 else 2 if right - left > 8 else POINTS - 1
            points = [
                f"{px(left + (right - left) * i / (POINTS - 1))} {px(self.y(size))}"
                for i, size in enumerate(p.dirtied_gib)
                if i % stride == 0
            ]
            line = "M" + "L".join(points)
            parts += [path(line, "halo")] if right - left > 24 else []
            parts.append(path(line, "dirty"))
        return parts

    def pause(self, migration: Migration) -> list[str]:
        """The blackout as a dark band; what was left is sent in it."""
        outcome = migration.outcome
        start, end = outcome["total_s"] - outcome["blackout_s"], outcome["total_s"]
        if not start < self.end:
            return []
        left, right = self.x(start), self.x(min(end, self.end))
        band = rect(left, self.top, max(right - left, 0.8), self.bottom - self.top, "blackout")
        left_gib = outcome["residual_pages"] / PAGES_PER_GIB
        sent = self.x(min(start + left_gib / outcome["memory_rate_gib_per_s"], end)) if left_gib else left
        if sent - left < 1:
            return [band]
        shape = f"M{px(left)} {px(self.bottom)}V{px(self.y(left_gib))}L{px(sent)} {px(self.bottom)}z"
        return [band, path(shape, "rest")]


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers between two values, about so many.

    >>> ticks(0, 17.3, 4)
    [0.0, 5.0, 10.0, 15.0]
    """
    raw = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(raw))
    step = unit * min((m for m in (1, 2, 5, 10) if m * unit >= raw * 0.999), default=10)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def scale(low: float, high: float, left: float, right: float) -> Callable[[float], float]:
    """A function from values to places."""
    factor = (right - left) / max(high - low, 1e-12)
    return lambda value: left + (value - low) * factor


def px(value: float) -> str:
    """A coordinate, as short as it can be."""
    return f"{value:.1f}".removesuffix(".0")


def rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{px(x)}" y="{px(y)}" width="{px(width)}" height="{px(height)}"/>'


def path(d: str, kind: str) -> str:
    return f'<path class="{kind}" d="{d}"/>'


def lettering(x: float, y: float, text: str, kind: str = "", more: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{px(x)}" y="{px(y)}"{more}>{escape(text)}</text>'
