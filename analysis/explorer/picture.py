"""One migration as a picture that can be drawn anew at every change of a slider: SVG text, no matplotlib.

The same visual language as the figures: a falling wedge for each pass, a rising curve of what became dirty
meanwhile, the phases as a bar above, and below them all ceilings of the link as bars, the lowest named.
Colours follow the page they stand in: a report's light or dark, JupyterLab's theme.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from analysis.explorer.followed import POINTS, Migration, Pass, one
from analysis.explorer.svg import LEFT, RIGHT, Panel, lettering, path, px, rect, scale
from analysis.figures.language import (
    BLACKOUT,
    BROWNOUT,
    DIRTY,
    FAINT,
    INK,
    QUIET,
    SENT,
    binds,
    ceiling,
    change,
    duration,
    number,
    sentence,
)
from analysis.figures.timeline import finding
from analysis.figures.words import endless, size
from analysis.parameters import PARAMETERS

# --- the picture ----------------------------------------------------------------------

WIDTH, BARS, BAR = 480, 484, 19.5
"""Width, where the ceilings begin, and the height of each; the height follows from their number."""
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
        f'viewBox="0 0 {WIDTH} {px(BARS + BAR * len(migration.ceilings) + 2)}" xmlns="http://www.w3.org/2000/svg">{style}{"".join(parts)}</svg>'
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
    told = ", ".join(f"pass {p.number} {size(p.to_send_gib, 2)}" for p in migration.passes[:5])
    unit, shown = _rates(migration)
    finite = {name: rate for name, rate in shown.items() if math.isfinite(rate)}
    rates = ", ".join(f"{_bar_name(name)} {number(rate)}" for name, rate in finite.items())
    text = (
        f"{finding(outcome)}. A falling blue wedge for each pass is the memory still to be sent, a rising "
        f"red curve the memory dirtied meanwhile. To send: {told or 'nothing'}. "
        f"{binding(migration)}. Ceilings in {unit}: {rates}."
    )
    return " ".join(text.split())


def binding(migration: Migration) -> str:
    """Which ceiling binds and at what rate: ``The line binds: 9.49 Gbit/s of payload``.

    With compression the rate of memory too, and for spare cores what it would be without any.
    """
    name = migration.outcome["limited_by"]
    known = binds(name)
    head = sentence(known if known.startswith(("the ", "other")) else f"the {known}")
    payload = f"{number(migration.outcome['goodput_gbps'])} Gbit/s of payload"
    if not migration.compresses:
        return f"{head}: {payload}"
    rate = number(migration.memory_rates()[name])
    if name != "spare_cores":
        return f"{head}: {payload}, {rate} GiB/s of memory"
    plain = number(migration.plain_rate(migration.outcome["goodput_gbps"]))
    return f"{head}: {rate} GiB/s of memory, {plain} uncompressed"


def _rates(migration: Migration) -> tuple[str, dict[str, float]]:
    """The ceilings that limit something, endless where one only follows the others, and their unit."""
    unit = "GiB/s of memory" if migration.compresses else "Gbit/s of payload"
    rates = migration.memory_rates() if migration.compresses else migration.ceilings
    return unit, {name: math.inf if migration.follows(name) else rate for name, rate in rates.items()}


def takeaway(**parameters: Any) -> str:
    """What one migration takes, what binds, and what a faster line or a quieter guest would change."""
    asked = {name: parameters.get(name, PARAMETERS[name].default) for name in _TRIED}
    tried = [parameters, *(parameters | {name: asked[name] * by} for name, by in _TRIED.items())]
    here, faster, quieter = (one(**given) for given in tried)
    now, wide, calm = here.outcome, faster.outcome, quieter.outcome
    if endless(now):
        less = "it never ends either" if endless(calm) else f"it ends after {duration(calm['total_s'])}"
    else:
        less = change("the blackout", now["blackout_s"], calm["blackout_s"])
    return (
        f"{answer(here)} On a line twice as fast "
        f"{change('the total time', now['total_s'], wide['total_s'])}; with half the page writes {less}."
    )


def answer(migration: Migration) -> str:
    """What a migration takes in all, what became of it, and what binds; ``**bold**`` is the only markup."""
    now = migration.outcome
    takes = "" if endless(now) else f"This migration takes **{duration(now['total_s'])}** in all. "
    return f"{takes}{finding(now)}. **{binding(migration)}.**"


_TRIED = {"bandwidth_gbps": 2.0, "dirty_pages_per_s": 0.5}

# --- its parts ------------------------------------------------------------------------


def _title(text: str) -> list[str]:
    lines = wrapped(text, LINE)
    return [lettering(0, 15 + 18 * i, line, "h") for i, line in enumerate(lines)]


def wrapped(text: str, width: int) -> list[str]:
    """Text in lines of at most so many characters; broken at plain spaces alone."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return lines


def _phases(migration: Migration) -> list[str]:
    """Set-up, brownout and blackout: named in a line, and to scale above the course."""
    outcome, end = migration.outcome, _end(migration)
    pause = migration.setup_s + outcome["brownout_s"]
    spans = [
        ("setup", "set-up", migration.setup_s, 0, migration.setup_s),
        ("brownout", "brownout", outcome["brownout_s"], migration.setup_s, pause),
        ("blackout", "blackout", outcome["blackout_s"], pause, outcome["total_s"]),
    ]
    parts: list[str] = []
    x: float = 0
    at = scale(_begin(migration), end, LEFT, RIGHT)
    for kind, name, lasts, start, stop in spans:
        never = name == "blackout" and not math.isfinite(start)
        words = f"{name} never" if never else f"{name} {duration(lasts)}"
        words = "brownout without end" if kind == "brownout" and not math.isfinite(lasts) else words
        parts += [rect(x, 49, 11, 11, kind), lettering(x + 16, 59, words)]
        x += 16 + 6.6 * len(words) + 16
        if start < end:
            left, right = max(at(start), LEFT), at(min(stop, end))
            parts.append(rect(left, 69, max(right - left, 0.8), 12, kind))
    return parts


def _course(migration: Migration) -> list[str]:
    """Memory over the whole time, with what comes after the first pass shaded."""
    panel = Panel(96, 228, _begin(migration), _end(migration), _top(migration.passes))
    parts = []
    if len(migration.passes) > 1:
        left = panel.x(migration.passes[1].start_s)
        parts.append(rect(left, panel.top, RIGHT - left, panel.bottom - panel.top, "shade"))
    parts += panel.axes("memory", "time since the migration began [s]")
    for p in migration.passes:
        parts += panel.wedge(p)
    parts += panel.pause(migration)
    return parts + _names(panel, migration)


def _names(panel: Panel, migration: Migration) -> list[str]:
    """Wedge and curve named directly, in the first pass if it is wide enough."""
    if not migration.passes:
        return []
    first = migration.passes[0]
    left, right = panel.x(first.start_s), panel.x(first.start_s + first.duration_s)
    if right - left < 190 or first.to_send_gib < 0.3 * panel.high:
        return []
    parts = []
    if max(first.dirtied_gib[:5]) < 0.25 * first.to_send_gib:
        parts.append(lettering(left + 10, panel.y(first.to_send_gib * 0.35), "still to be sent", "on"))
    late, still = first.dirtied_gib[_NAMED_AT], first.to_send_gib - 0.5 * first.sent_gib
    x, curve = left + 0.5 * (right - left), panel.y(late)
    over = panel.y(max(late, still)) - 14
    if max(first.dirtied_gib) > 0 and over > panel.top + 6:
        # The name stands in the open, over wedge and curve, with a line down to the curve.
        parts.append(path(f"M{px(x)} {px(over + 4)}V{px(curve)}", "lead"))
        parts.append(lettering(x - 2, over, "dirtied again meanwhile", "named"))
    return parts


_NAMED_AT = round(0.5 * (POINTS - 1))
"""Point of the first pass's curve that bears its name."""


def _closely(migration: Migration) -> list[str]:
    """What comes after the first pass, as large as the first pass was before."""
    later = migration.passes[1:]
    if not later:
        text = "One pass: nothing was left to send again but for the pause."
        text = "Nothing is carried: the first pass never ends." if not migration.passes else text
        return [lettering(0, 284, text, "q")]
    end = _end(migration)
    start, paused = later[0].start_s, later[-1].start_s + later[-1].duration_s
    whole = end + 0.02 * (end - start)
    # A pause that is long beside these passes would leave them a sliver: it takes a quarter at most.
    stop = min(whole, paused + max(paused - start, 1e-6) / 3)
    panel = Panel(296, 396, start, stop, _top(later))
    until = "the end" if stop == whole else "the pause"
    until = f"pass {later[-1].number}" if endless(migration.outcome) else until
    parts = [lettering(0, 284, f"The shaded part closely: from pass 2 to {until}", "b")]
    parts += [rect(LEFT, panel.top, RIGHT - LEFT, panel.bottom - panel.top, "shade")]
    parts += panel.axes("memory", "time since the migration began [s]")
    for p in later:
        parts += panel.wedge(p)
        left, right = panel.x(p.start_s), panel.x(p.start_s + p.duration_s)
        if right - left > 20:
            text = f"pass {p.number}" if right - left > 48 else f"{p.number}"
            parts.append(lettering(left + 2, max(panel.y(p.to_send_gib) - 5, panel.top + 10), text))
    return parts + panel.pause(migration)


def _bars(migration: Migration) -> list[str]:
    """All ceilings as bars, as long as the rate they allow; the lowest stands out."""
    lowest_name = migration.outcome["limited_by"]
    unit, rates = _rates(migration)
    lowest = rates[lowest_name] or migration.outcome["goodput_gbps"]
    finite = [rate for rate in rates.values() if math.isfinite(rate)]
    left, most = 136, 4 * lowest
    high = min(max(finite), most)
    at = scale(0, high, left, RIGHT - 58)
    parts = [
        lettering(0, 460, binding(migration), "b"),
        lettering(0, 476, f"Each ceiling alone [{unit.removesuffix(' of payload')}]:", "q"),
    ]
    for i, (name, rate) in enumerate(rates.items()):
        y = BARS + BAR * i
        weight = "b" if name == lowest_name else ""
        parts.append(lettering(left - 8, y + 12, _bar_name(name), f"e {weight}".strip()))
        if not math.isfinite(rate):
            follows = "no limit of its own here" if migration.follows(name) else "no limit here"
            parts.append(lettering(left, y + 12, follows, "q"))
            continue
        long = max(at(min(rate, high)) - left, 1)
        kind = "binds" if name == lowest_name else "room"
        if rate > high:
            parts.append(path(f"M{left} {px(y + 2)}h{px(long)}l7 6.5l-7 6.5h-{px(long)}z", kind))
        else:
            parts.append(rect(left, y + 2, long, 13, kind))
        parts.append(lettering(left + long + (13 if rate > high else 6), y + 12, number(rate), weight))
    return parts


def _begin(migration: Migration) -> float:
    """From when the course is drawn [s]: where set-up takes most of the time, its last part is enough."""
    end, setup_s = _end(migration), migration.setup_s
    return 0.0 if setup_s < 0.4 * end else setup_s - 0.2 * (end - setup_s)


def _end(migration: Migration) -> float:
    """Until when the course is drawn [s]: to the end, or as far as the passes are followed."""
    if not migration.passes:
        return migration.setup_s + 1
    last = migration.passes[-1]
    if migration.outcome["passes"] <= last.number and math.isfinite(migration.outcome["total_s"]):
        return float(migration.outcome["total_s"])
    return last.start_s + last.duration_s


def _top(made: Sequence[Pass]) -> float:
    return max((max(p.to_send_gib, p.dirtied_gib[-1]) for p in made), default=1.0)


def _bar_name(name: str) -> str:
    return ceiling(name).removeprefix("the ")
