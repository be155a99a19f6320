"""One migration as a picture that can be drawn anew at every change of a slider: SVG text, no matplotlib.

The same visual language as the figures: a falling wedge for each pass, a rising curve of what became dirty
meanwhile, the phases as a bar above, and below them all ceilings of the link as bars, the lowest named.
Colours follow the page they stand in: a report's light or dark, JupyterLab's theme.
"""

from __future__ import annotations

import math
import re
import string
import textwrap
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.figures.language import (
    BLACKOUT,
    BROWNOUT,
    DIRTY,
    FAINT,
    INK,
    QUIET,
    SENT,
    ceiling,
    change,
    duration,
    number,
    sentence,
)
from analysis.figures.timeline import finding
from analysis.model.dirtying import distinct_pages
from analysis.model.migration import ceilings, content_pages, filled, guest, migrate, passes
from analysis.model.units import GBIT, GIB, PAGES_PER_GIB
from analysis.parameters import OUTCOMES, PARAMETERS
from analysis.studies.grids import grid

DRAWN_PASSES = 20
"""Passes that are drawn; later ones look like the last of them."""
POINTS = 11
"""Points of a curve within a pass."""

# --- the numbers ----------------------------------------------------------------------


class Pass(NamedTuple):
    """One pass: when it began and how long it took [s], memory to send at its start and sent, and the
    memory [GiB] dirtied since it began, at evenly spaced times."""

    number: int
    start_s: float
    duration_s: float
    to_send_gib: float
    sent_gib: float
    dirtied_gib: tuple[float, ...]


class Migration(NamedTuple):
    """All that the picture of one migration shows; ``ceilings`` are rates of payload [Gbit/s] by name."""

    setup_s: float
    outcome: Mapping[str, Any]
    passes: tuple[Pass, ...]
    ceilings: Mapping[str, float]


def followed(scenarios: pd.DataFrame) -> list[Migration]:
    """The migrations of some scenarios, a row each, with their first passes and all ceilings."""
    p = filled(scenarios)
    outcomes = _rows(migrate(scenarios), OUTCOMES)
    found = ceilings(scenarios)
    limits = _rows(found, [name for name in found if name not in OUTCOMES])
    cores = _cores_gbps(p)
    made = _passes_by_scenario(passes(scenarios), p)
    return [
        Migration(float(p["setup_s"][i]), outcomes[i], made[i], limits[i] | {"spare_cores": float(cores[i])})
        for i in range(len(outcomes))
    ]


def _rows(frame: pd.DataFrame, names: Iterable[str]) -> list[dict[str, Any]]:
    """Some columns as a mapping for each row, of plain values."""
    columns = {name: frame[name].tolist() for name in names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _cores_gbps(p: dict[str, np.ndarray]) -> np.ndarray:
    """What the spare cores can compress, as payload at the full ratio: the ceiling beside the link's own."""
    able = p["compress_gib_per_s_per_core"] * p["spare_cores"] / p["compression_ratio"] * 8 * GIB / GBIT
    return np.where(p["transport"] == "compression", able, np.inf)


def _passes_by_scenario(steps: pd.DataFrame, p: dict[str, np.ndarray]) -> list[tuple[Pass, ...]]:
    """The first passes of each scenario with the course of dirtying within them, computed for all at once."""
    step = {name: steps[name].to_numpy() for name in steps}
    before = np.concatenate([[0.0], step["remaining_pages"][:-1]])
    drawn = step["pass_number"] <= DRAWN_PASSES
    step, before = {name: column[drawn] for name, column in step.items()}, before[drawn]
    row, passed, found = step["scenario"].astype(int), step["pass_number"].astype(int), step["dirtied_pages"]
    classes = guest({name: column[row] for name, column in p.items()}).classes
    shares = np.linspace(0, 1, POINTS)
    curve = np.stack([distinct_pages(step["duration_s"] * share, classes) for share in shares], axis=1)
    # What is waiting to be sent anyway is not counted twice: the curve ends at what the pass found.
    scale = np.divide(found, curve[:, -1], out=np.zeros_like(found), where=curve[:, -1] > 0)
    curve = curve * scale[:, None] / PAGES_PER_GIB
    to_send = np.where(passed == 1, content_pages(p)[row], before) / PAGES_PER_GIB
    columns = (passed, step["start_s"], step["duration_s"], to_send, step["sent_pages"] / PAGES_PER_GIB)
    made: list[list[Pass]] = [[] for _ in p["setup_s"]]
    lists = (column.tolist() for column in (row, curve, *columns))
    for i, dirty, *values in zip(*lists, strict=True):
        made[i].append(Pass(*values, tuple(dirty)))
    return [tuple(some) for some in made]


# --- the picture ----------------------------------------------------------------------

WIDTH, BARS, BAR = 480, 484, 19.5
"""Width, where the ceilings begin, and the height of each; the height follows from their number."""
LEFT, RIGHT = 48, 470
LINE = 58
"""Characters of a line of the title."""

_LIGHT = f"--s-dirty: {DIRTY}; --s-night: {BLACKOUT}; --s-shade: #f3f5f8; --s-setup: #c9ced6;"
_DARK = "--s-dirty: #f08a5d; --s-night: #e4e8ee; --s-shade: #1e242e; --s-setup: #4b5566;"
_COLOURS = {"INK": INK, "QUIET": QUIET, "FAINT": FAINT, "SENT": SENT, "BROWNOUT": BROWNOUT}
HERE = Path(__file__).parent


def style_sheet(name: str) -> str:
    """A style sheet of this folder with the study's colours, without remarks and line ends."""
    source = string.Template((HERE / name).read_text(encoding="utf-8"))
    text = source.safe_substitute(_COLOURS, LIGHT=_LIGHT, DARK=_DARK)
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)).strip()


STYLE = f"<style>{style_sheet('explorer.css')}</style>"
"""The style of the picture, for a page that holds many of them; :func:`scene` brings it along."""


def scene(**parameters: Any) -> str:
    """The picture of one migration as SVG text, with its own style; parameters as for ``migrate``.

    >>> scene(bandwidth_gbps=10).startswith('<svg class="scene" role="img" aria-label="')
    True
    """
    return picture(one(**parameters))


def one(**parameters: Any) -> Migration:
    """One migration; parameters as for ``migrate``, to which defaults are left: that is quicker."""
    given = {n: v for n, v in parameters.items() if n not in PARAMETERS or not _is_default(n, v)}
    return followed(grid(**given or {"memory_gib": PARAMETERS["memory_gib"].default}))[0]


def _is_default(name: str, value: Any) -> bool:
    """Whether a value is a parameter's default, None standing for one left to a preset."""
    default = PARAMETERS[name].default
    empty = isinstance(default, float) and math.isnan(default)
    return value is None if empty else value == default and type(value) is not bool


def picture(migration: Migration, style: str = STYLE) -> str:
    """A migration drawn as SVG text."""
    parts = [
        *_title(finding(migration.outcome)),
        *_phases(migration),
        *_course(migration),
        *_closely(migration),
        *_bars(migration),
    ]
    return (
        f'<svg class="scene" role="img" aria-label="{escape(alternative(migration))}" '
        f'viewBox="0 0 {WIDTH} {_n(BARS + BAR * len(migration.ceilings) + 2)}" xmlns="http://www.w3.org/2000/svg">{style}{"".join(parts)}</svg>'
    )


def thumbnail(migration: Migration) -> str:
    """The upper part of the picture for a card of the index, in light colours on any ground."""
    parts = "".join([*_title(finding(migration.outcome)), *_phases(migration), *_course(migration)])
    style = re.sub(r"@media \(prefers-color-scheme: dark\) {.*?} } ", "", STYLE)
    head = f'<svg class="scene" viewBox="0 0 {WIDTH} {WIDTH * 10 // 16}" xmlns="http://www.w3.org/2000/svg">'
    return f"{head}{style}{parts}</svg>"


def alternative(migration: Migration) -> str:
    """The picture in words: what became of the migration, the first passes, the ceilings."""
    outcome = migration.outcome
    told = ", ".join(f"pass {p.number} {_size(p.to_send_gib)}" for p in migration.passes[:5])
    finite = {name: rate for name, rate in migration.ceilings.items() if math.isfinite(rate)}
    rates = ", ".join(f"{_bar_name(name)} {number(rate)}" for name, rate in finite.items())
    text = (
        f"{finding(outcome)}. A falling blue wedge for each pass is the memory still to be sent, a rising "
        f"red curve the memory dirtied meanwhile. To send: {told or 'nothing'}. "
        f"{binding(migration)}. Ceilings in Gbit/s of payload: {rates}."
    )
    return " ".join(text.split())


def binding(migration: Migration) -> str:
    """Which ceiling binds and at what rate: ``The line binds: 9.49 Gbit/s of payload``."""
    name = migration.outcome["limited_by"]
    rate = migration.ceilings[name]
    one = "binds" if not ceiling(name).endswith(("buffers", "cores")) else "bind"
    known = ceiling(name) if ceiling(name).startswith(("the ", "other")) else f"the {ceiling(name)}"
    return f"{sentence(known)} {one}: {number(rate)} Gbit/s of payload"


def takeaway(**parameters: Any) -> str:
    """What one migration takes, what binds, and what a faster line or a quieter guest would change."""
    asked = {name: parameters.get(name, PARAMETERS[name].default) for name in _TRIED}
    tried = [parameters, *(parameters | {name: asked[name] * by} for name, by in _TRIED.items())]
    here, faster, quieter = (one(**given) for given in tried)
    now, wide, calm = here.outcome, faster.outcome, quieter.outcome
    return (
        f"This migration takes **{duration(now['total_s'])}** in all. {finding(now)}. "
        f"**{binding(here)}.** On a line twice as fast "
        f"{change('the total time', now['total_s'], wide['total_s'])}; with half the page writes "
        f"{change('the blackout', now['blackout_s'], calm['blackout_s'])}."
    )


_TRIED = {"bandwidth_gbps": 2.0, "dirty_pages_per_s": 0.5}

# --- its parts ------------------------------------------------------------------------


def _title(text: str) -> list[str]:
    lines = textwrap.wrap(text, LINE)
    return [_text(0, 15 + 18 * i, line, "h") for i, line in enumerate(lines)]


def _phases(migration: Migration) -> list[str]:
    """Set-up, brownout and blackout: named in a line, and to scale above the course."""
    outcome, end = migration.outcome, _end(migration)
    pause = migration.setup_s + outcome["brownout_s"]
    spans = [
        ("setup", "set-up", migration.setup_s, 0, migration.setup_s),
        ("brownout", "brownout", outcome["brownout_s"], migration.setup_s, pause),
        ("blackout", "blackout", outcome["blackout_s"], pause, outcome["total_s"]),
    ]
    parts, x = [], 0
    at = _scale(0, end, LEFT, RIGHT)
    for kind, name, lasts, start, stop in spans:
        never = name == "blackout" and not math.isfinite(start)
        words = f"{name} never" if never else f"{name} {duration(lasts)}"
        parts += [_rect(x, 49, 11, 11, kind), _text(x + 16, 59, words)]
        x += 16 + 6.6 * len(words) + 16
        if start < end:
            left, right = at(start), at(min(stop, end))
            parts.append(_rect(left, 69, max(right - left, 0.8), 12, kind))
    return parts


def _course(migration: Migration) -> list[str]:
    """Memory over the whole time, with what comes after the first pass shaded."""
    panel = _Panel(96, 228, 0.0, _end(migration), _top(migration.passes))
    parts = []
    if len(migration.passes) > 1:
        left = panel.x(migration.passes[1].start_s)
        parts.append(_rect(left, panel.top, RIGHT - left, panel.bottom - panel.top, "shade"))
    parts += panel.axes("memory", "time since the migration began [s]")
    for p in migration.passes:
        parts += panel.wedge(p)
    parts += panel.pause(migration)
    return parts + _names(panel, migration)


def _names(panel: _Panel, migration: Migration) -> list[str]:
    """Wedge and curve named directly, in the first pass if it is wide enough."""
    if not migration.passes:
        return []
    first = migration.passes[0]
    left, right = panel.x(first.start_s), panel.x(first.start_s + first.duration_s)
    if right - left < 190 or first.to_send_gib < 0.3 * panel.high:
        return []
    parts = []
    if max(first.dirtied_gib[:5]) < 0.25 * first.to_send_gib:
        parts.append(_text(left + 10, panel.y(first.to_send_gib * 0.35), "still to be sent", "on"))
    late, still = first.dirtied_gib[_NAMED_AT], first.to_send_gib - 0.5 * first.sent_gib
    x, curve = left + 0.5 * (right - left), panel.y(late)
    over = panel.y(max(late, still)) - 14
    if max(first.dirtied_gib) > 0 and over > panel.top + 6:
        # The name stands in the open, over wedge and curve, with a line down to the curve.
        parts.append(_path(f"M{_n(x)} {_n(over + 4)}V{_n(curve)}", "lead"))
        parts.append(_text(x - 2, over, "dirtied again meanwhile", "named"))
    return parts


_NAMED_AT = round(0.5 * (POINTS - 1))
"""Point of the first pass's curve that bears its name."""


def _closely(migration: Migration) -> list[str]:
    """What comes after the first pass, as large as the first pass was before."""
    later = migration.passes[1:]
    if not later:
        text = "One pass: nothing was left to send again but for the pause."
        return [_text(0, 284, text, "q")]
    end = _end(migration)
    panel = _Panel(296, 396, later[0].start_s, end + 0.02 * (end - later[0].start_s), _top(later))
    until = "to the end" if math.isfinite(migration.outcome["total_s"]) else f"to pass {later[-1].number}"
    parts = [_text(0, 284, f"The shaded part closely: from pass 2 {until}", "b")]
    parts += [_rect(LEFT, panel.top, RIGHT - LEFT, panel.bottom - panel.top, "shade")]
    parts += panel.axes("memory", "time since the migration began [s]")
    for p in later:
        parts += panel.wedge(p)
        left, right = panel.x(p.start_s), panel.x(p.start_s + p.duration_s)
        if right - left > 20:
            text = f"pass {p.number}" if right - left > 48 else f"{p.number}"
            parts.append(_text(left + 2, max(panel.y(p.to_send_gib) - 5, panel.top + 10), text))
    return parts + panel.pause(migration)


def _bars(migration: Migration) -> list[str]:
    """All ceilings as bars, as long as the rate they allow; the lowest stands out."""
    binds = migration.outcome["limited_by"]
    lowest = migration.ceilings[binds]
    finite = [rate for rate in migration.ceilings.values() if math.isfinite(rate)]
    left, most = 136, 4 * lowest
    high = min(max(finite), most)
    at = _scale(0, high, left, RIGHT - 58)
    parts = [_text(0, 460, binding(migration), "b"), _text(0, 476, "Each ceiling alone [Gbit/s]:", "q")]
    for i, (name, rate) in enumerate(migration.ceilings.items()):
        y = BARS + BAR * i
        weight = "b" if name == binds else ""
        parts.append(_text(left - 8, y + 12, _bar_name(name), f"e {weight}".strip()))
        if not math.isfinite(rate):
            parts.append(_text(left, y + 12, "no limit here", "q"))
            continue
        long = max(at(min(rate, high)) - left, 1)
        kind = "binds" if name == binds else "room"
        if rate > high:
            parts.append(_path(f"M{left} {_n(y + 2)}h{_n(long)}l7 6.5l-7 6.5h-{_n(long)}z", kind))
        else:
            parts.append(_rect(left, y + 2, long, 13, kind))
        parts.append(_text(left + long + (13 if rate > high else 6), y + 12, number(rate), weight))
    return parts


class _Panel:
    """A panel of memory over time: where a time and a size stand, and what is drawn in it."""

    def __init__(self, top: float, bottom: float, start: float, end: float, high: float) -> None:
        self.top, self.bottom, self.start, self.end = top, bottom, start, max(end, start + 1e-9)
        self.high = max(high, 1e-9)
        self.x = _scale(self.start, self.end, LEFT, RIGHT)
        self.y = _scale(0, self.high * 1.16, bottom, top)

    def axes(self, name: str, x_title: str) -> list[str]:
        """Grid, ticks and titles with units."""
        times, small = _ticks(self.start, self.end, 5), self.high < 0.1
        unit, times_gib = ("MiB", 1024) if small else ("GiB", 1)
        sizes = [size / times_gib for size in _ticks(0, self.high * 1.16 * times_gib, 4)]
        lines = "".join(f"M{LEFT} {_n(self.y(s))}H{RIGHT}" for s in sizes)
        parts = [_path(lines, "grid")]
        parts += [_text(LEFT - 6, self.y(s) + 4, number(s * times_gib, 4), "q e") for s in sizes]
        step = times[1] - times[0] if len(times) > 1 else 1.0
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        for t in times:
            # A label in the middle of its tick would leave the picture at its right edge.
            near = "e" if self.x(t) > RIGHT - 14 else "m"
            parts.append(_text(self.x(t), self.bottom + 15, f"{t:,.{digits}f}", f"q {near}"))
        parts.append(_text((LEFT + RIGHT) / 2, self.bottom + 31, x_title, "q m"))
        turn = f' transform="rotate(-90 10 {_n((self.top + self.bottom) / 2)})"'
        parts.append(_text(10, (self.top + self.bottom) / 2, f"{name} [{unit}]", "q m", turn))
        return parts

    def wedge(self, p: Pass) -> list[str]:
        """What a pass has still to send, falling, and what became dirty meanwhile, rising."""
        left, right = self.x(p.start_s), self.x(p.start_s + p.duration_s)
        if right - left < 0.15 and p.number > 2:
            return []
        high, low = self.y(p.to_send_gib), self.y(max(p.to_send_gib - p.sent_gib, 0))
        shape = f"M{_n(left)} {_n(self.bottom)}V{_n(high)}L{_n(right)} {_n(low)}V{_n(self.bottom)}z"
        parts = [_path(shape, "sent" if p.number % 2 else "sent even")]
        if p.dirtied_gib[-1] > 0.002 * self.high:
            # A curve of a few pixels has no use for all its points.
            stride = 1 if right - left > 24 else 2 if right - left > 8 else POINTS - 1
            points = [
                f"{_n(left + (right - left) * i / (POINTS - 1))} {_n(self.y(size))}"
                for i, size in enumerate(p.dirtied_gib)
                if i % stride == 0
            ]
            line = "M" + "L".join(points)
            parts += [_path(line, "halo")] if right - left > 24 else []
            parts.append(_path(line, "dirty"))
        return parts

    def pause(self, migration: Migration) -> list[str]:
        """The blackout as a dark band; what was left is sent in it."""
        outcome = migration.outcome
        start, end = outcome["total_s"] - outcome["blackout_s"], outcome["total_s"]
        if not start < self.end:
            return []
        left, right = self.x(start), self.x(min(end, self.end))
        band = _rect(left, self.top, max(right - left, 0.8), self.bottom - self.top, "blackout")
        left_gib = outcome["residual_pages"] / PAGES_PER_GIB
        sent = self.x(min(start + left_gib / outcome["memory_rate_gib_per_s"], end)) if left_gib else left
        if sent - left < 1:
            return [band]
        shape = f"M{_n(left)} {_n(self.bottom)}V{_n(self.y(left_gib))}L{_n(sent)} {_n(self.bottom)}z"
        return [band, _path(shape, "rest")]


# --- small things ---------------------------------------------------------------------


def _end(migration: Migration) -> float:
    """Until when the course is drawn [s]: to the end, or as far as the passes are followed."""
    last = migration.passes[-1] if migration.passes else None
    drawn = last.start_s + last.duration_s if last else math.inf
    whole = last is None or migration.outcome["passes"] <= last.number
    return migration.outcome["total_s"] if whole and math.isfinite(migration.outcome["total_s"]) else drawn


def _top(made: tuple[Pass, ...]) -> float:
    return max((max(p.to_send_gib, p.dirtied_gib[-1]) for p in made), default=1.0)


def _bar_name(name: str) -> str:
    return ceiling(name).removeprefix("the ")


def _size(gib: float) -> str:
    return f"{number(gib, 2)} GiB" if gib >= 0.1 else f"{number(gib * 1024, 2)} MiB"


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers between two values, about so many.

    >>> _ticks(0, 17.3, 4)
    [0.0, 5.0, 10.0, 15.0]
    """
    raw = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(raw))
    step = unit * min((m for m in (1, 2, 5, 10) if m * unit >= raw * 0.999), default=10)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _scale(low: float, high: float, left: float, right: float) -> Any:
    """A function from values to places."""
    factor = (right - left) / max(high - low, 1e-12)
    return lambda value: left + (value - low) * factor


def _n(value: float) -> str:
    """A coordinate, as short as it can be."""
    return f"{value:.1f}".removesuffix(".0")


def _rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"/>'


def _path(d: str, kind: str) -> str:
    return f'<path class="{kind}" d="{d}"/>'


def _text(x: float, y: float, text: str, kind: str = "", more: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{_n(x)}" y="{_n(y)}"{more}>{escape(text)}</text>'
