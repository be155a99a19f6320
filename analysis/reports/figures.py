"""The visual language of the study: one style, titles that state findings, units, alternative texts.

Every plotting function takes DataFrames and returns a Figure whose title is computed from them.
It leaves an alternative text in the figure, which :func:`show` hands on to the report. Colours keep
apart for colour-blind readers and, by their lightness, in grey print; dashes and labels repeat what
colour says.
"""

from __future__ import annotations

import functools
import html
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython import get_ipython
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from analysis.parameters import OUTCOMES, PARAMETERS, label

INK, QUIET, FAINT = "#1d2430", "#566072", "#d9dee6"
SENT, DIRTY = "#2a6f9e", "#cc4b1d"
BROWNOUT, BLACKOUT = "#b87714", "#1d2430"
CATEGORIES = ("#12355b", "#c4481c", "#2f9c8f", "#dba628", "#8a5a9e")
"""Colours of unordered groups, in steps of lightness."""
DASHES = ("-", (0, (6, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1)))
MARKERS = ("o", "s", "^", "D", "v")
FROZEN = LinearSegmentedColormap.from_list("frozen", ["#fdf3dc", "#eec06a", "#c4683a", "#72304a", "#1d1830"])
"""From hardly noticed (light) to frozen (dark): the darker, the worse, in grey print too."""
GAIN = LinearSegmentedColormap.from_list("gain", ["#f7f7f4", "#bcdcd3", "#4fa398", "#1c6480", "#12355b"])

WIDTH = 8.6
"""Inches; at 100 pixels an inch the column of a report."""
STYLE = {
    **sns.axes_style("ticks"),
    **sns.plotting_context("notebook", font_scale=0.9),
    "axes.edgecolor": QUIET,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": QUIET,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.size": 10,
    "grid.color": "#e8ebf0",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
}

# --- what a notebook displays ---------------------------------------------------------


def show(fig: Figure, alt: str = "") -> None:
    """Display a figure with an alternative text and close it.

    ``alt`` defaults to what the plotting function said of the figure.
    """
    _sharp()
    text = alt or getattr(fig, "alternative_text", "") or title_of(fig)
    display(fig, metadata={"image/png": {"alt": " ".join(text.split())}})
    plt.close(fig)


def display_takeaway(text: str) -> None:
    """Display the sentence that a notebook ends in; ``**bold**`` is the only markup.

    The output carries the role ``takeaway``, by which reports and their index find it.
    """
    page = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(text, quote=False))
    data = {"text/markdown": text, "text/html": f"<p>{page}</p>", "text/plain": text.replace("**", "")}
    display(data, raw=True, metadata={"study": {"role": "takeaway"}})


def show_parameters(**values: Any) -> None:
    """Display the notebook's parameters as a table with unit, meaning, and what differs from the default."""
    rows = "\n".join(_parameter_row(name, value) for name, value in values.items())
    head = "".join(f'<th scope="col" style="text-align:left">{name}</th>' for name in _HEAD)
    caption = "<caption>Parameters of this run. What differs from the study's default is in bold.</caption>"
    page = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    text = "\n".join(f"{name} = {value}" for name, value in values.items())
    display({"text/html": page, "text/plain": text}, raw=True)


_HEAD = ("Parameter", "Value", "Unit", "Meaning", "Default")


def _parameter_row(name: str, value: Any) -> str:
    """One row; a list named ``<parameter>_values`` is a sweep over that parameter."""
    parameter = PARAMETERS.get(name.removesuffix("_values"))
    unit, meaning = (parameter.unit, parameter.meaning) if parameter else ("", "of this notebook")
    swept = name.endswith("_values")
    default = "" if swept or not parameter else _plain(parameter.default)
    shown, differs = _plain(value), bool(default) and default != _plain(value)
    cells = (
        f"<strong>{html.escape(shown)}</strong>" if differs else html.escape(shown),
        html.escape(_UNITS.get(unit, unit)),
        html.escape(f"values compared: {meaning}" if swept else meaning),
        html.escape(f"changed from {default}" if differs else default),
    )
    body = "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells)
    return f'<tr><th scope="row" style="text-align:left"><code>{html.escape(name)}</code></th>{body}</tr>'


_UNITS = {"us": "µs", "0-1": "0 to 1"}


def _plain(value: Any) -> str:
    """A value as a person would write it; empty parameters are left to the stop rule."""
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(item) for item in value)
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "as the stop rule has it"
    return f"{value:,.10g}" if isinstance(value, (int, float)) else str(value)


def _sharp() -> None:
    """Pictures of twice the resolution, shown at the size they were drawn: sharp on fine screens."""
    if get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina")


# --- words and numbers ----------------------------------------------------------------


def axis_label(name: str) -> str:
    """Axis label of a parameter or outcome with its unit, for readers: ``page writes [pages/s]``."""
    words, _, unit = label(name).partition(" [")
    words = _WORDS.get(name, words)
    unit = unit.removesuffix("]")
    return f"{words} [{_UNITS.get(unit, unit)}]" if unit else words


_WORDS = {
    "dirty_pages_per_s": "page writes of the guest",
    "bandwidth_gbps": "line rate",
    "memory_rate_gib_per_s": "memory copied",
    "goodput_gbps": "payload rate of the link",
    "total_s": "total time",
    "interrupt_moderation_us": "time between interrupts",
}
_CEILINGS = {
    "line_rate": "the line",
    "bandwidth_limit": "the bandwidth limit",
    "other_traffic": "other traffic",
    "send_buffers": "the send buffers",
    "receive_buffers": "the receive buffers",
    "streams": "the connection's core",
    "spare_cores": "the spare cores",
}


def ceiling(limited_by: str) -> str:
    """The name of a ceiling in a sentence: ``line_rate`` is "the line"."""
    return _CEILINGS.get(limited_by, limited_by.replace("_", " "))


def duration(seconds: float) -> str:
    """A duration as people say it: ``85 ms``, ``1.5 s``, ``2 min 11 s``, ``1 h 02 min``.

    >>> [duration(s) for s in (0.0854, 1.5, 131, 3720, float("inf"))]
    ['85 ms', '1.5 s', '2 min 11 s', '1 h 02 min', 'without end']
    """
    if not np.isfinite(seconds):
        return "without end"
    if seconds < 0.9995:
        return f"{number(seconds * 1000, 2)} ms"
    if seconds < 99.5:
        return f"{number(seconds, 2 if seconds < 9.95 else 3)} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def number(value: float, digits: int = 3) -> str:
    """A number with that many significant digits, thousands set apart, no exponent for ordinary sizes.

    >>> [number(v) for v in (12.6389, 150000, 0.51234, 0)]
    ['12.6', '150,000', '0.512', '0']
    """
    if not np.isfinite(value) or value == 0:
        return f"{value:g}"
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.10g}" if 1e-4 < abs(rounded) < 1e12 else f"{rounded:g}"


def change(words: str, first: float, last: float) -> str:
    """What a duration does between two ends of a sweep, true for any numbers."""
    start, end = duration(first), duration(last)
    if start == end or abs(last - first) <= 0.02 * abs(first):
        return f"{words} stays at {end}"
    return f"{words} {'falls' if last < first else 'rises'} from {start} to {end}"


def sentence(text: str) -> str:
    """The text with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


# --- building blocks of plots ---------------------------------------------------------


def drawn(plot: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in the style of the study, whatever the notebook's own settings are."""

    @functools.wraps(plot)
    def in_style(*args: Any, **kwargs: Any) -> Figure:
        with plt.rc_context(STYLE):
            return plot(*args, **kwargs)

    return in_style


def entitle(fig: Figure, title: str, alt: str = "") -> Figure:
    """Give a figure its finding as title and its alternative text (which begins with the title)."""
    chars = int(fig.get_figwidth() * 10.6)
    fig.suptitle(
        textwrap.fill(title, chars), x=0.01, ha="left", fontsize=12.5, fontweight="bold", linespacing=1.25
    )
    fig.alternative_text = f"{title}. {alt}".strip()
    return fig


def title_of(fig: Figure) -> str:
    """The title of a figure on one line."""
    return " ".join(fig.get_suptitle().split())


def scale(ax: Axes, which: str, values: Iterable[float], *, log: bool | None = None) -> None:
    """Set an axis to a log scale where values span a decade or more, with plain numbers as ticks."""
    finite = np.asarray([v for v in values if np.isfinite(v)], float)
    positive = len(finite) > 0 and finite.min() > 0
    if positive and (log or (log is None and finite.max() / finite.min() >= 10)):
        (ax.set_xscale if which == "x" else ax.set_yscale)("log")
        axis = ax.xaxis if which == "x" else ax.yaxis
        axis.set_major_formatter(FuncFormatter(lambda v, _: number(v)))
        axis.set_minor_formatter(NullFormatter())
        if finite.max() / finite.min() < 30:
            axis.set_minor_formatter(FuncFormatter(lambda v, _: number(v) if f"{v:e}"[0] in "25" else ""))


def label_ends(ax: Axes, ends: Sequence[tuple[float, str, Any]], gap: float = 0.075) -> None:
    """Write names at the right edge, each at the height of its line's end, moved apart where they meet.

    ``ends``: (height in data units, name, colour).
    """
    heights = ax.transAxes.inverted().transform(
        ax.transData.transform([(ax.get_xlim()[1], y) for y, _, _ in ends])
    )[:, 1]
    order = np.argsort(heights)
    placed = _spread(np.clip(heights[order], 0, 1), gap)
    for place, i in zip(placed, order, strict=True):
        _, name, colour = ends[i]
        ax.annotate(name, (1.012, place), xycoords="axes fraction", va="center", color=colour, fontsize=9.5)


def _spread(heights: np.ndarray, gap: float) -> np.ndarray:
    """Ascending heights moved as little as needed to lie ``gap`` apart, around their centres."""
    placed = heights.astype(float).copy()
    for _ in range(200):
        overlap = gap - np.diff(placed)
        if (overlap <= 1e-6).all():
            break
        push = np.clip(overlap, 0, None) / 2
        placed[:-1] -= push
        placed[1:] += push
    return placed


def note(ax: Axes, text: str, x: float, y: float, **kwargs: Any) -> None:
    """A quiet remark inside a panel, with a white ground so that lines do not cross it."""
    ground = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    ax.annotate(text, (x, y), **({"color": QUIET, "fontsize": 9, "bbox": ground} | kwargs))


def colours(groups: Sequence[Any]) -> list[Any]:
    """One colour a group: a ramp of lightness for numbers, distinct hues for names."""
    if all(isinstance(group, str) for group in groups):
        return [CATEGORIES[i % len(CATEGORIES)] for i in range(len(groups))]
    return list(sns.color_palette("crest", len(groups)))


def described(values: Mapping[str, Any] | pd.Series, names: Sequence[str]) -> str:
    """Some parameters in a line, as a panel's subtitle: ``16 GiB, 10 Gbit/s, uniform``."""
    units = {name: PARAMETERS[name].unit if name in PARAMETERS else OUTCOMES[name].unit for name in names}
    parts = [
        f"{number(values[n])} {_UNITS.get(units[n], units[n])}" if units[n] else str(values[n]) for n in names
    ]
    return ", ".join(part.strip() for part in parts)


# --- brownout and blackout across a sweep ---------------------------------------------


@drawn
def phases(
    frame: pd.DataFrame, x: str, hue: str | None = None, marked: Sequence[float] = (), name: str = ""
) -> Figure:
    """Brownout above, blackout below, over parameter ``x``; one line for each value of ``hue``.

    ``frame`` is what ``migrate`` returns. Points are drawn at the ``marked`` values of ``x``: filled
    where pre-copy converged, hollow where the pass limit cut it off. Without ``hue`` the binding ceiling
    is written where it changes.
    """
    fig, axes = plt.subplots(2, 1, figsize=(WIDTH, 6.4), sharex=True)
    for ax, outcome, colour in zip(axes, ("brownout_s", "blackout_s"), (BROWNOUT, BLACKOUT), strict=True):
        _lines(ax, frame, x, outcome, hue, marked, colour)
        ax.set_ylabel(axis_label(outcome))
        ax.set_xlabel("")
        if hue is None:
            _mark_ceilings(ax, frame, x, named=outcome == "brownout_s")
    axes[0].set_title("Phase one, the guest runs while memory is copied", pad=18 if hue is None else 6)
    axes[1].set_title("Phase two, the guest is paused")
    axes[1].set_xlabel(axis_label(x))
    _verdict_key(axes[1], frame)
    return entitle(fig, _phases_title(frame, x, hue), _phases_alt(frame, x, hue, name))


def _groups(frame: pd.DataFrame, hue: str | None) -> list[tuple[Any, pd.DataFrame]]:
    return [("", frame)] if hue is None else list(frame.groupby(hue, sort=False))


def _lines(ax: Axes, frame: pd.DataFrame, x: str, y: str, hue: str | None, marked, colour: str) -> None:
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
    if hue is not None:
        finite = [(part[np.isfinite(part[y])].sort_values(x)[y].iloc[-1], name) for name, part in groups]
        ends = [(y_end, _group_name(hue, name)) for y_end, name in finite]
        ax.autoscale_view()
        label_ends(ax, [(*end, tint) for end, tint in zip(ends, tints, strict=True)])


def _group_name(hue: str, value: Any) -> str:
    unit = PARAMETERS[hue].unit if hue in PARAMETERS else ""
    return str(value) if isinstance(value, str) else f"{number(value)} {_UNITS.get(unit, unit)}".strip()


def _points(ax: Axes, part: pd.DataFrame, x: str, y: str, colour: Any, marker: str) -> None:
    """Filled points where pre-copy converged, hollow ones where it was cut off."""
    for converged, rows in part.groupby("converged"):
        face = colour if converged else "white"
        ax.scatter(rows[x], rows[y], s=42, marker=marker, facecolor=face, edgecolor=colour, lw=1.6, zorder=3)


def _verdict_key(ax: Axes, frame: pd.DataFrame) -> None:
    """Say what hollow points mean, only where there are both kinds."""
    if frame["converged"].all() or not frame["converged"].any():
        text = (
            "converged everywhere" if frame["converged"].all() else "nowhere converged: cut off by the rule"
        )
    else:
        text = "filled: pre-copy converged   hollow: cut off before it did"
    ax.annotate(text, (1, 1.03), xycoords="axes fraction", ha="right", color=QUIET, fontsize=9)


def ceiling_spans(frame: pd.DataFrame, x: str) -> pd.DataFrame:
    """Stretches of ``x`` over which one ceiling binds: ``limited_by``, ``start``, ``end``."""
    ordered = frame.sort_values(x)
    run = (ordered["limited_by"] != ordered["limited_by"].shift()).cumsum()
    spans = ordered.groupby(run).agg(limited_by=("limited_by", "first"), start=(x, "first"), end=(x, "last"))
    return spans.reset_index(drop=True)


def _mark_ceilings(ax: Axes, frame: pd.DataFrame, x: str, *, named: bool) -> None:
    """A thin line where another ceiling begins to bind and, above the panel, its name."""
    spans = ceiling_spans(frame, x)
    low, high = np.log(ax.get_xlim()) if ax.get_xscale() == "log" else ax.get_xlim()
    for i, span in spans.iterrows():
        if i:
            ax.axvline(span.start, color=QUIET, linewidth=1, linestyle=(0, (2, 2)), zorder=1)
        start = np.log(span.start) if ax.get_xscale() == "log" else span.start
        at = max(0.0, (start - low) / (high - low)) if i else 0.0
        if named:
            text = f"limited by {ceiling(span.limited_by)}"
            ax.annotate(text, (at + 0.006, 1.02), xycoords="axes fraction", color=QUIET, fontsize=9)


def _phases_title(frame: pd.DataFrame, x: str, hue: str | None) -> str:
    low, high = frame[x].min(), frame[x].max()
    unit = PARAMETERS[x].unit
    span = f"From {number(low)} to {number(high)} {_UNITS.get(unit, unit)}".strip()
    if hue is None:
        ends = frame.set_index(x).loc[[low, high]]
        parts = [change(w, *ends[f"{w}_s"]) for w in ("brownout", "blackout")]
        return f"{span}, {parts[0]}, {parts[1]}"
    worst, best = (frame[frame["blackout_s"] == pick(frame["blackout_s"])].iloc[0] for pick in (max, min))
    names = [f"{duration(row['blackout_s'])} ({_group_name(hue, row[hue])})" for row in (best, worst)]
    return f"{span}, the blackout lies between {names[0]} and {names[1]}"


def _phases_alt(frame: pd.DataFrame, x: str, hue: str | None, name: str) -> str:
    parts = []
    for group, part in _groups(frame, hue):
        ends = part.sort_values(x).iloc[[0, -1]]
        who = f"{_group_name(hue, group)}: " if hue else ""
        parts.append(who + "; ".join(change(w, *ends[f"{w}_s"]) for w in ("brownout", "blackout")))
    lines = f"Two panels of lines over {axis_label(x)}: brownout above, blackout below. "
    return f"{lines}{name + '. ' if name else ''}{'. '.join(parts)}."
