"""Lines over one parameter: the two phases, the rate of the link, what compression gains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures.language import (
    BLACKOUT,
    BROWNOUT,
    DASHES,
    DIRTY,
    INK,
    MARKERS,
    NO_BREAK,
    QUIET,
    WIDTH,
    Groups,
    along,
    apart,
    axis_label,
    ceiling,
    change,
    colours,
    drawn,
    duration,
    entitle,
    label_ends,
    note,
    number,
    scale,
    value_of,
)
from analysis.figures.marks import place_of, set_value
from analysis.figures.words import paused_s

# --- brownout and blackout across a sweep ---------------------------------------------


@drawn
def phases(frame: pd.DataFrame, x: str, hue: str | None = None, marked: Sequence[float] = ()) -> Figure:
    """Brownout above, blackout below, over parameter ``x``; one line for each value of ``hue``.

    ``frame`` is what ``migrate`` returns. Points are drawn at the ``marked`` values of ``x``: filled
    where pre-copy converged, hollow where the stop rule cut it off. Without ``hue`` the binding ceiling
    is written where it changes.
    """
    fig, axes = plt.subplots(2, 1, figsize=(WIDTH, 6.4), sharex=True)
    # Of a migration that never ends there is no pause: nothing is drawn of it.
    frame = frame.assign(blackout_s=paused_s(frame))
    for ax, outcome, colour in zip(axes, ("brownout_s", "blackout_s"), (BROWNOUT, BLACKOUT), strict=True):
        _lines(ax, frame, x, outcome, hue, marked, colour)
        if ax.get_yscale() == "linear":
            # From zero, so that a change of a few per cent looks like one.
            longest = frame.loc[np.isfinite(frame[outcome]), outcome].max()
            ax.set_ylim(0, longest * 1.12 if longest > 0 else 1)
        if not np.isfinite(frame[outcome]).any():
            note(ax, "none: it never ends", 0.5, 0.5, xycoords="axes fraction", ha="center")
            ax.set_yticks([])
        if hue is not None:
            name_lines(ax, _groups(frame, hue), x, outcome, hue)
        ax.set_ylabel(axis_label(outcome))
    widest = frame[x].min(), frame[x].max()
    if np.isinf(frame["total_s"]).any() and widest[0] > 0 and axes[0].get_xscale() == "log":
        # Also where nothing is drawn, since the migration never ends there.
        room = (widest[1] / widest[0]) ** 0.02
        axes[0].set_xlim(widest[0] / room, widest[1] * room)
    axes[0].set_title("Phase one: the guest runs while memory is copied", pad=18 if hue is None else 6)
    axes[1].set_title("Phase two: the guest is paused")
    axes[1].set_xlabel(axis_label(x))
    if hue is None:
        _mark_ceilings(axes, frame, x)
    if len(marked):
        _verdict_key(axes[1], frame)
    shown = frame[frame[x].isin(marked)] if hue and len(marked) else frame
    return entitle(fig, _phases_title(shown, x, hue), _phases_alt(frame, x, hue))


def _groups(frame: pd.DataFrame, hue: str | None) -> Groups:
    return [("", frame)] if hue is None else list(frame.groupby(hue, sort=False))


def _lines(
    ax: Axes, frame: pd.DataFrame, x: str, y: str, hue: str | None, marked: Sequence[float], colour: str
) -> None:
    """The lines of one panel, with points at the marked values and names at their ends."""
    groups = _groups(frame, hue)
    tints = [colour] if hue is None else colours([name for name, _ in groups])
    scale(ax, "x", frame[x])
    scale(ax, "y", frame[y])
    for i, ((_, part), tint) in enumerate(zip(groups, tints, strict=True)):
        part = part.sort_values(x)
        ax.plot(part[x], part[y], color=tint, linestyle=DASHES[i % len(DASHES)] if hue else "-", zorder=2)
        _points(ax, part[part[x].isin(marked)], x, y, tint, MARKERS[i % len(MARKERS)] if hue else "o")
    ax.margins(x=0.02, y=0.12)


def name_lines(ax: Axes, groups: Groups, x: str, y: str, hue: str) -> None:
    """Write the value of ``hue`` at the right end of each line."""
    tints = colours([name for name, _ in groups])
    ax.autoscale_view()
    ends = []
    for (name, part), tint in zip(groups, tints, strict=True):
        heights = part.sort_values(x)[y]
        heights = heights[np.isfinite(heights)]
        if len(heights):
            ends.append((heights.iloc[-1], value_of(hue, name), tint))
    label_ends(ax, ends)


def _points(ax: Axes, part: pd.DataFrame, x: str, y: str, colour: Any, marker: str) -> None:
    """Filled points where pre-copy converged, hollow ones where it was cut off."""
    for converged, rows in part.groupby("converged"):
        face = colour if converged else "white"
        ax.scatter(rows[x], rows[y], s=42, marker=marker, facecolor=face, edgecolor=colour, lw=1.6, zorder=3)


def _verdict_key(ax: Axes, frame: pd.DataFrame) -> None:
    """Say what filled and hollow points mean."""
    never = np.isinf(frame["total_s"])
    kinds = (
        ("filled: pre-copy converged", "pre-copy converged everywhere", frame["converged"]),
        ("hollow: cut off before it did", "pre-copy was cut off everywhere", ~frame["converged"] & ~never),
        ("no point: it never ends", "it never ends anywhere", never),
    )
    told = [alone if rows.all() else words for words, alone, rows in kinds if rows.any()]
    text = "   ".join(told)
    ax.annotate(text, (1, 1.03), xycoords="axes fraction", ha="right", color=QUIET, fontsize=9)


def ceiling_spans(frame: pd.DataFrame, x: str) -> pd.DataFrame:
    """Stretches of ``x`` over which one ceiling binds: ``limited_by``, ``start``, ``end``."""
    ordered = frame.sort_values(x)
    run = (ordered["limited_by"] != ordered["limited_by"].shift()).cumsum()
    spans = ordered.groupby(run).agg(limited_by=("limited_by", "first"), start=(x, "first"), end=(x, "last"))
    return spans.reset_index(drop=True)


def _mark_ceilings(axes: Sequence[Axes], frame: pd.DataFrame, x: str) -> None:
    """A thin line where another ceiling begins to bind and, above the first panel, its name."""
    free = 0.0
    for i, span in ceiling_spans(frame, x).iterrows():
        left = axes[0].get_xlim()[0]
        if i:
            left = span.start
            for ax in axes:
                ax.axvline(left, color=QUIET, linewidth=1, linestyle=(0, (2, 2)), zorder=1)
        at = axes[0].transAxes.inverted().transform(axes[0].transData.transform((left, 1)))[0] + 0.005
        words = ceiling(span.limited_by) if i else f"limited by {ceiling(span.limited_by)}"
        long = 0.0085 * len(words)
        # A name that would run into the one before, or over the edge, stands within the panel.
        above = free <= at and at + long < 1.02
        look: dict[str, Any] = {"xycoords": "axes fraction", "color": QUIET, "fontsize": 9}
        axes[0].annotate(words, (min(at, 1 - long), 1.02 if above else 0.93), **look)
        free = at + long if above else free


def _phases_title(frame: pd.DataFrame, x: str, hue: str | None) -> str:
    """What the phases do from one end of the sweep to the other, or between the groups."""
    low, high = frame[x].min(), frame[x].max()
    span = f"{value_of(x, low).split(NO_BREAK)[0]} to {value_of(x, high)}"
    if hue is None:
        outer = frame.sort_values(x).iloc[[0, -1]]
        if np.isinf(outer["brownout_s"]).any():
            return _never_title(outer, x, span)
        brownout, blackout = (change(words, *outer[f"{words}_s"]) for words in ("brownout", "blackout"))
        return f"From {span}: {brownout}, {blackout}"
    pauses = frame.assign(blackout_s=paused_s(frame)).pivot_table(index=x, columns=hue, values="blackout_s")
    if pauses.empty:
        return f"From {span} the migration never ends"
    spread = pauses.max(axis=1) / pauses.min(axis=1)
    if not spread.max() >= 1.02:
        same = "" if pauses.shape[1] == 1 else "the same for each, "
        return f"From {span} the blackout is {same}at most {duration(pauses.max().max())}"
    at = pauses.iloc[int(spread.argmax())]
    ends: tuple[Any, Any] = (at.idxmin(), at.idxmax())
    best, worst = (f"{duration(at[name])} ({value_of(hue, name)})" for name in ends)
    return f"The blackout differs most at {value_of(x, at.name)}: from {best} to {worst}"


def _never_title(outer: pd.DataFrame, x: str, span: str) -> str:
    """What becomes of a migration that never ends at one end of the sweep, or at both."""
    never = np.isinf(outer["brownout_s"])
    if never.all():
        return f"At both ends of the span from {span} the migration never ends"
    lost, done = outer[never].iloc[0], outer[~never].iloc[0]
    return (
        f"At {value_of(x, lost[x])} the migration never ends, at {value_of(x, done[x])} it takes "
        f"{duration(done['brownout_s'])} of brownout and {duration(done['blackout_s'])} of blackout"
    )


def _phases_alt(frame: pd.DataFrame, x: str, hue: str | None) -> str:
    parts = []
    for group, part in _groups(frame, hue):
        ends = part.sort_values(x).iloc[[0, -1]]
        who = f"{value_of(hue, group)}: " if hue else ""
        said = [change("brownout", *ends["brownout_s"])]
        if np.isfinite(ends["brownout_s"]).all():
            said.append(change("blackout", *ends["blackout_s"]))
        parts.append(who + ", ".join(said))
    return f"Two panels of lines over {axis_label(x)}, brownout above and blackout below. {'; '.join(parts)}."


# --- buffers: rising until another ceiling binds ---------------------------------------


@drawn
def plateaus(frame: pd.DataFrame, x: str, hue: str, given: float) -> Figure:
    """Payload rate of the link over the number of buffers, one line for each value of ``hue``.

    A line is strong where the rings bind and thin where something else does; a point and a number mark
    the fewest buffers with which the rings no longer bind. ``given`` is the number that is set.
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 4.8))
    scale(ax, "x", frame[x], log=True)
    scale(ax, "y", frame["goodput_gbps"], log=True)
    groups: Groups = list(frame.groupby(hue, sort=False))
    tints = colours([name for name, _ in groups])
    knees, rises = {}, []
    for (name, part), tint in zip(groups, tints, strict=True):
        knees[name], rise = _plateau(ax, part.sort_values(x), x, tint)
        rises.append((rise, value_of(hue, name), tint))
    ends = (min(frame[x].min(), given) / 1.15, max(frame[x].max(), given) * 1.15)
    ax.margins(y=0.14)
    ax.set_xlim(ends)
    _name_rises(ax, x, "goodput_gbps", rises)
    set_value(ax, f"set: {number(given, 6)}", given)
    text = "thick: the rings bind   thin: another ceiling does   number: buffers that are enough"
    ax.annotate(text, (1, 1.02), xycoords="axes fraction", ha="right", color=QUIET, fontsize=9)
    ax.set(xlabel=f"{axis_label('receive_buffers')}, as many send buffers", ylabel=axis_label("goodput_gbps"))
    return entitle(fig, _plateaus_title(knees, hue, given), _plateaus_alt(knees, hue))


def _plateau(ax: Axes, part: pd.DataFrame, x: str, tint: Any) -> tuple[float, pd.DataFrame]:
    """One line in its two strengths; returns where the rings stop binding (NaN: nowhere), and its rise."""
    y, bound = "goodput_gbps", part["limited_by"].isin(["send_buffers", "receive_buffers"])
    ax.plot(part[x], part[y], color=tint, linewidth=1.4, alpha=0.75, zorder=2)
    ax.plot(part[x].where(bound), part[y].where(bound), color=tint, linewidth=3.2, zorder=3)
    rise = part[bound] if bound.sum() > 1 else part.iloc[:1]
    if bound.iloc[-1]:
        return np.nan, rise
    knee = part[bound.to_numpy()[::-1].cumsum()[::-1] == 0].iloc[0]  # from here on never again
    ax.scatter(knee[x], knee[y], s=46, facecolor="white", edgecolor=tint, lw=2, zorder=4)
    place: dict[str, Any] = {"textcoords": "offset points", "xytext": (0, 8), "ha": "center", "color": INK}
    ax.annotate(number(knee[x], 6), (knee[x], knee[y]), fontsize=9.5, **place)
    return float(knee[x]), rise


def _name_rises(ax: Axes, x: str, y: str, rises: Sequence[tuple[pd.DataFrame, str, Any]]) -> None:
    """Write each line's name along its rising part; in a list where lines run too close for that, or end."""
    places = []
    for rise, _, _ in rises:
        first = len(rise) // 8
        at, later = rise.iloc[first], rise.iloc[min(first + max(len(rise) // 6, 1), len(rise) - 1)]
        power = np.log(later[y] / at[y]) / np.log(later[x] / at[x]) if later[x] > at[x] else 0.0
        places.append((at[x] * 0.97, at[y] * 1.09, power))
    # A name and the number at the end of a rise keep apart where the rise is twice as long as the name.
    long = all(_across(ax, rise[x]) > 0.34 for rise, _, _ in rises)
    if long and apart(ax, places):
        for (left, height, power), (_, name, tint) in zip(places, rises, strict=True):
            ax.text(left, height, name, color=tint, fontsize=9.5, **along(left, height, power))
    else:
        lines = [Line2D([], [], color=tint, linewidth=3.2) for _, _, tint in rises]
        ax.legend(lines, [name for _, name, _ in rises], loc="lower right", fontsize=9.5)


def _across(ax: Axes, values: pd.Series) -> float:
    """How much of the panel's width some values span."""
    left, right = (place_of(ax, end, ax.get_ylim()[0])[0] for end in (values.min(), values.max()))
    return right - left


def _plateaus_title(knees: dict[Any, float], hue: str, given: float) -> str:
    lacking = [value_of(hue, name) for name, knee in knees.items() if not knee <= given]
    if lacking:
        first = ", ".join(name.split(NO_BREAK)[0] for name in lacking[:-1])
        listed = f"{first} and {lacking[-1]}" if first else lacking[-1]
        return f"{number(given, 6)} buffers a ring are too few at {listed}"
    most = max(knees, key=knees.__getitem__)
    return (
        f"{number(given, 6)} buffers a ring are always enough here: the most is "
        f"{number(knees[most], 6)}, needed at {value_of(hue, most)}"
    )


def _plateaus_alt(knees: dict[Any, float], hue: str) -> str:
    told = [
        f"{value_of(hue, name)}: " + (f"from {number(knee, 6)} buffers on" if knee > 0 else "never")
        for name, knee in knees.items()
    ]
    return (
        f"Lines rise with the number of buffers, then are level. The rings bind no more: {'; '.join(told)}."
    )


# --- compression: how many times faster ------------------------------------------------


@drawn
def compressed(frame: pd.DataFrame, x: str, hue: str, given: float, worthwhile: float) -> Figure:
    """Times as much memory copied per second as without compression, a line for each value of ``hue``.

    ``frame`` is what ``studies.grids.compression_gain`` returns. A line is thick where compression gives
    its full ratio and thin where the spare cores hold it back. ``given``: the ``x`` that is set;
    ``worthwhile``: the factor from which compressing pays.
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 5.0))
    scale(ax, "x", frame[x], log=True)
    groups: Groups = list(frame.groupby(hue, sort=False))
    tints = colours([name for name, _ in groups])
    for (_, part), tint in zip(groups, tints, strict=True):
        _gain_line(ax, part.sort_values(x), x, tint)
    ax.axhline(worthwhile, color=DIRTY, linewidth=1.2, linestyle=(0, (2, 2)), zorder=1)
    ax.margins(x=0.02)
    ax.set_ylim(0.95, max(frame["rate_gain"].max(), worthwhile) * 1.06)
    name_lines(ax, groups, x, "rate_gain", hue)
    below: dict[str, Any] = {"xytext": (0, -3), "textcoords": "offset points", "va": "top"}
    note(ax, f"pays from {number(worthwhile)}", frame[x].min(), worthwhile, color=DIRTY, **below)
    set_value(ax, f"set: {value_of(x, given)}", given)
    text = "thick: the full ratio   thin: the spare cores hold it back"
    ax.annotate(text, (1, 1.02), xycoords="axes fraction", ha="right", color=QUIET, fontsize=9)
    ax.set(xlabel=axis_label(x), ylabel="memory copied [times plain TCP/IP]")
    return entitle(fig, _gain_title(groups, x, hue, given), _gain_alt(groups, x, hue))


def _gain_line(ax: Axes, part: pd.DataFrame, x: str, tint: Any) -> None:
    """One line in its two strengths, with a point where they meet."""
    held = part["limited_by"] == "spare_cores"
    ax.plot(part[x], part["rate_gain"], color=tint, linewidth=1.5, zorder=2)
    ax.plot(part[x].where(~held), part["rate_gain"].where(~held), color=tint, linewidth=3.6, zorder=3)
    if held.any() and not held.all():
        knee = part[~held].iloc[-1]
        ax.scatter(knee[x], knee["rate_gain"], s=46, facecolor="white", edgecolor=tint, lw=2, zorder=4)


def _gain_title(groups: Groups, x: str, hue: str, given: float) -> str:
    """How many times faster at the value that is set, with the least and the most of ``hue``."""
    gains = {
        name: np.interp(given, *part.sort_values(x)[[x, "rate_gain"]].to_numpy(float).T)
        for name, part in groups
    }
    least, most = (pick(gains, key=gains.__getitem__) for pick in (min, max))
    start = f"At {value_of(x, given)} compression copies memory"
    if gains[most] - gains[least] < 0.005:
        return f"{start} {_faster(gains[most])}"
    return (
        f"{start} {_faster(gains[least])} with {value_of(hue, least)}, "
        f"{number(gains[most])} times with {value_of(hue, most)}"
    )


def _faster(gain: float) -> str:
    """How many times as fast, where that is more than once.

    >>> _faster(2.1), _faster(1.0)
    ('2.1 times as fast', 'no faster')
    """
    return "no faster" if number(gain) == "1" else f"{number(gain)} times as fast"


def _gain_alt(groups: Groups, x: str, hue: str) -> str:
    told = []
    for name, part in groups:
        full = part.loc[part["limited_by"] != "spare_cores", x]
        until = f"up to {value_of(x, full.max())}" if len(full) else "nowhere"
        told.append(f"{value_of(hue, name)} {until}")
    return (
        f"Lines over {axis_label(x)} are level at the compression ratio, then fall towards 1. "
        f"The full ratio is reached with {'; '.join(told)}."
    )
