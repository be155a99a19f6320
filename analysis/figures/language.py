"""The visual language of the study: one style, titles that state findings, units, alternative texts.

Every plotting function takes DataFrames and returns a Figure whose title is computed from them.
It leaves an alternative text in the figure, which :func:`show` hands on to the report. Colours keep
apart for colour-blind readers and, by their lightness, in grey print; dashes and labels repeat what
colour says.
"""

from __future__ import annotations

import functools
import html
import math
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython import get_ipython
from IPython.display import display as _display
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator
from numpy.typing import NDArray

from analysis.figures.placement import Picture, settle, waits
from analysis.inputs import notebook_defaults
from analysis.parameters import FACTOR, OUTCOMES, PARAMETERS, check, label, takes

INK, QUIET, FAINT = "#1d2430", "#566072", "#d9dee6"
SENT, DIRTY = "#2a6f9e", "#cc4b1d"
BROWNOUT, BLACKOUT = "#b87714", "#1d2430"
CATEGORIES = ("#12355b", "#b8401a", "#2f9f92", "#dba628", "#8a5a9e")
"""Colours of unordered groups, in steps of lightness."""
DASHES = ("-", (0, (6, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1)))
MARKERS = ("o", "s", "^", "D", "v")
FROZEN = LinearSegmentedColormap.from_list("frozen", ["#fdf3dc", "#eec06a", "#c4683a", "#72304a", "#1d1830"])
"""From hardly noticed (light) to frozen (dark): the darker, the worse, in grey print too."""
GAIN = LinearSegmentedColormap.from_list("gain", ["#f7f7f4", "#bcdcd3", "#4fa398", "#1c6480", "#12355b"])

NO_BREAK = "\N{NO-BREAK SPACE}"
WIDTH = 8.3
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
    "figure.constrained_layout.w_pad": 0.07,
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
    # Minor labels on a line with the major ones, whose ticks are longer.
    "xtick.minor.pad": 9.5,
    "ytick.minor.pad": 9.5,
    "xtick.major.pad": 4,
    "ytick.major.pad": 4,
    "xtick.major.size": 5.5,
    "ytick.major.size": 5.5,
}

Groups = Sequence[tuple[Any, pd.DataFrame]]
"""Parts of a table, each with the value of the column that it is split by."""

# --- what a notebook displays ---------------------------------------------------------

display: Callable[..., Any] = _display
"""IPython's own, which declares no types."""


def show(fig: Figure, alt: str = "") -> None:
    """Display a figure with an alternative text and close it.

    ``alt`` defaults to what the plotting function said of the figure.
    """
    text = alt or alternative_text(fig) or title_of(fig)
    display(Picture(fig), metadata={"image/png": {"alt": " ".join(text.split())}})
    plt.close(fig)


def display_takeaway(text: str, numbers: Mapping[str, str] | None = None) -> None:
    """Display what a notebook ends in, its answer in the first sentence; ``**bold**`` is the only markup.

    ``numbers``: two to four numbers of the answer, each with its unit, by their names (``key_numbers``). The
    output carries the role ``takeaway``, by which reports and their index find it: a report begins with its
    first sentences and the numbers, a card of the index shows no more than thirty words.
    """
    page = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(text, quote=False))
    # A name out of data may look like a tag, a link or a formula; it is none.
    marked = re.sub(r"[<>&\[\]`$|\\]", lambda found: f"&#{ord(found[0])};", text)
    data = {"text/markdown": marked, "text/html": f"<p>{page}</p>", "text/plain": text.replace("**", "")}
    # As pairs: notebooks are written with sorted keys, and the order of the numbers would be lost.
    told = {"numbers": [list(pair) for pair in numbers.items()]} if numbers else {}
    display(data, raw=True, metadata={"study": {"role": "takeaway"} | told})


def show_parameters(**values: Any) -> None:
    """Display the notebook's parameters as a table with unit, meaning, and what differs from the default.

    The default is the notebook's own, as in a report; a name that is none of its parameters (a host's) has
    the study's, and is not marked. Values are checked first: a wrong one is told here, before anything is
    computed from it. The output carries the role ``parameters``; a report has a table of its own at its top
    and leaves this one out.
    """
    for name, value in values.items():
        if takes(name.removesuffix("_values")):
            check({name.removesuffix("_values"): value})
    shell = get_ipython()
    own = notebook_defaults(shell.user_ns) if shell else {}
    rows = "\n".join(_parameter_row(name, value, own) for name, value in values.items())
    head = "".join(f'<th scope="col" style="text-align:left">{name}</th>' for name in _HEAD)
    caption = (
        "<caption>Parameters of this run. What differs from the notebook's default is in bold.</caption>"
    )
    page = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    text = "\n".join(f"{name} = {value}" for name, value in values.items())
    display({"text/html": page, "text/plain": text}, raw=True, metadata={"study": {"role": "parameters"}})


_HEAD = ("Parameter", "Value", "Unit", "Meaning", "Default")


def _parameter_row(name: str, value: Any, own: Mapping[str, Any]) -> str:
    """One row; a list named ``<parameter>_values`` is a sweep over that parameter. ``own``: the defaults."""
    parameter = PARAMETERS.get(name.removesuffix("_values"))
    unit, meaning = (parameter.unit, parameter.meaning) if parameter else ("", "of this notebook")
    if takes(name) and not parameter:
        meaning = f"what the host makes of {name.removesuffix(FACTOR)}, times what is asked for"
    swept = name.endswith("_values")
    default = "" if swept or not parameter else _plain(parameter.default)
    default = _plain(own[name]) if name in own else default
    shown, differs = _plain(value), name in own and default != _plain(value)
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
    """A value as a person would write it; an empty one is left to the preset of rule or transport."""
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(item) for item in value)
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "by preset"
    return f"{value:,.10g}" if isinstance(value, (int, float)) else str(value)


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
    "socket_buffer": "the socket buffer",
    "host_adapter": "the host's adapter",
}


def ceiling(limited_by: str) -> str:
    """The name of a ceiling in a sentence: ``line_rate`` is "the line"."""
    return _CEILINGS.get(limited_by, limited_by.replace("_", " "))


def binds(limited_by: str) -> str:
    """A ceiling as the subject of a clause: "the line binds", "the receive buffers bind"."""
    name = ceiling(limited_by)
    return f"{name} {'bind' if name.endswith(('buffers', 'cores')) else 'binds'}"


def duration(seconds: float, digits: int = 2) -> str:
    """A duration as people say it, of so many digits below 100 s, held together by no-break spaces.

    >>> text = ", ".join(duration(s) for s in (88e-6, 0.0854, 1.5, 42, 131, 3720, float("inf")))
    >>> print(text.replace(NO_BREAK, " "))
    88 µs, 85 ms, 1.5 s, 42 s, 2 min 11 s, 1 h 02 min, endless
    """
    minutes, rest = divmod(round(seconds), 60) if np.isfinite(seconds) else (np.inf, 0)
    if math.isinf(minutes):
        text = "endless"
    elif seconds < 0.0009995:
        text = f"{number(seconds * 1e6, digits)} µs"
    elif seconds < 0.9995:
        text = f"{number(seconds * 1000, digits)} ms"
    elif seconds < 99.5:
        text = f"{number(seconds, digits)} s"
    elif minutes < 60:
        text = f"{minutes} min {rest:02d} s"
    else:
        hours, minutes = divmod(round(seconds / 60), 60)
        text = f"{hours} h {minutes:02d} min"
    return text.replace(" ", NO_BREAK)


def number(value: float, digits: int = 3) -> str:
    """A number with that many significant digits, thousands set apart, no exponent for ordinary sizes.

    >>> [number(v) for v in (12.6389, 150000, 0.51234, 0.00001, 0)]
    ['12.6', '150,000', '0.512', '0.00001', '0']
    """
    if not np.isfinite(value) or value == 0:
        return f"{value:g}"
    rounded = float(f"{value:.{digits}g}")
    if 1e-9 < abs(rounded) <= 1e-4:
        return f"{rounded:.15f}".rstrip("0")
    return f"{rounded:,.10g}" if 1e-4 < abs(rounded) < 1e12 else f"{rounded:g}"


def differ(first: float, last: float) -> bool:
    """Whether two durations differ by more than 2 %, or one of them never ends."""
    if np.isinf(first) or np.isinf(last):
        return first != last
    return abs(last - first) > 0.02 * abs(first)


def two_durations(first: float, last: float) -> tuple[str, str]:
    """Two durations in words, with the digits that tell them apart if they :func:`differ`."""
    digits = 3 if differ(first, last) and duration(first) == duration(last) else 2
    return duration(first, digits), duration(last, digits)


def change(words: str, first: float, last: float) -> str:
    """What a duration does between two ends of a sweep, true for any numbers."""
    start, end = two_durations(first, last)
    if not differ(first, last):
        return f"{words} stays {end}" if np.isinf(first) else f"{words} stays at {end}"
    return f"{words} {'falls' if last < first else 'rises'} from {start} to {end}"


def value_of(name: str, value: Any) -> str:
    """A parameter's value with its unit, in words: ``10 Gbit/s``, ``4 spare cores``, ``zipf``."""
    if isinstance(value, str):
        return {"tcpip": "TCP/IP", "smb": "SMB", "smb_direct": "SMB Direct"}.get(value, value)
    unit = PARAMETERS[name].unit if name in PARAMETERS else ""
    unit = _COUNTED.get(name, _UNITS.get(unit, unit))
    whole = float(value).is_integer() and abs(value) < 1e6
    unit = unit.removesuffix("s") if value == 1 and name in _COUNTED else unit
    return f"{number(value, 6 if whole else 3)}{NO_BREAK}{unit}".removesuffix(NO_BREAK)


_COUNTED = {"spare_cores": "spare cores", "send_buffers": "buffers", "receive_buffers": "buffers"}
_COUNTED |= {"streams": "connections", "receive_queues": "queues", "adapters": "adapters"}
_COUNTED |= {"compression_ratio": "to 1", "receive_delay_us": "µs of delay"}


def each_row(table: pd.DataFrame) -> Iterator[Any]:
    """The rows of a table with its columns as attributes, each of its column's own type."""
    return iter(table.itertuples())


def sentence(text: str) -> str:
    """The text with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


# --- building blocks of plots ---------------------------------------------------------


def drawn(plot: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in the style of the study, whatever the notebook's own settings are."""

    @functools.wraps(plot)
    def in_style(*args: Any, **kwargs: Any) -> Figure:
        with plt.rc_context(STYLE):
            fig = plot(*args, **kwargs)
            if waits(fig):
                settle(fig)
            return fig

    return in_style


def entitle(fig: Figure, title: str, alt: str = "") -> Figure:
    """Give a figure its finding as title and its alternative text (which begins with the title)."""
    chars = int(fig.get_figwidth() * 9.3)
    # A name out of data may hold two dollar signs, and is no formula.
    fig.suptitle(
        textwrap.fill(title, chars), x=0.01, ha="left", fontsize=12.5, fontweight="bold", linespacing=1.25,
        parse_math=False,
    )  # fmt: skip
    # matplotlib has no place for it, and keeps what is written beside its own.
    fig.alternative_text = f"{title}. {alt}".strip()  # type: ignore[attr-defined]
    return fig


def alternative_text(fig: Figure) -> str:
    """What :func:`entitle` said of a figure; empty where it said nothing."""
    return str(getattr(fig, "alternative_text", ""))


def title_of(fig: Figure) -> str:
    """The title of a figure on one line."""
    return " ".join(fig.get_suptitle().split())


def scale(ax: Axes, which: str, values: Iterable[float], *, log: bool | None = None) -> None:
    """Set an axis to a log scale where values span a decade or more, with plain numbers as ticks."""
    finite = np.asarray([v for v in values if np.isfinite(v)], float)
    positive = len(finite) > 0 and finite.min() > 0
    axis = ax.xaxis if which == "x" else ax.yaxis
    if positive and (log or (log is None and finite.max() / finite.min() >= 10)):
        (ax.set_xscale if which == "x" else ax.set_yscale)("log")
        plain_ticks(axis)
    else:
        axis.set_major_formatter(FuncFormatter(lambda v, _: number(v, 6)))


def plain_ticks(axis: Axis) -> None:
    """Plain numbers on a log axis: at the decades, and between them where fewer than two would be seen."""
    axis.set_major_formatter(FuncFormatter(lambda v, _: number(v)))
    axis.set_minor_locator(_Between())
    axis.set_minor_formatter(FuncFormatter(lambda v, _: number(v)))


class _Between(LogLocator):
    """Places between decades that are given a number; the others bear no mark, and would cost a tick each."""

    def __init__(self) -> None:
        super().__init__(subs=None)

    def __call__(self) -> Sequence[float]:
        assert self.axis is not None  # as long as it is an axis' own
        low, high = sorted(self.axis.get_view_interval())
        if high >= 60 * low:
            return []
        told = "25" if high > 3 * low else "123456789"
        return [value for value in super().__call__() if f"{value:e}"[0] in told]


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


def _spread(heights: np.ndarray, gap: float) -> NDArray[np.float64]:
    """Ascending heights moved as little as needed to lie ``gap`` apart, around their centres."""
    placed: NDArray[np.float64] = heights.astype(float).copy()
    for _ in range(200):
        overlap = gap - np.diff(placed)
        if (overlap <= 1e-6).all():
            break
        push = np.clip(overlap, 0, None) / 2
        placed[:-1] -= push
        placed[1:] += push
    lift: float = max(0.0, 0.01 - placed.min(initial=0.01))
    return placed + lift


def note(ax: Axes, text: str, x: float, y: float, **kwargs: Any) -> None:
    """A quiet remark inside a panel, with a white ground so that lines do not cross it."""
    ground = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    look: dict[str, Any] = {"color": QUIET, "fontsize": 9, "bbox": ground}
    ax.annotate(text, (x, y), **(look | kwargs))


def along(x: float, y: float, power: float = 1.0) -> dict[str, Any]:
    """How to turn a text at (x, y) along a line y ~ x**power, on logarithmic axes."""
    slope = float(np.degrees(np.arctan2(power * y, x)))
    return {"rotation": slope, "transform_rotates_text": True, "rotation_mode": "anchor"}


def apart(ax: Axes, names: Sequence[tuple[float, float, float]], long: int = 115, high: int = 17) -> bool:
    """Whether names so long and high [pixels], each along a line y ~ x**power, keep clear of one another.

    ``names``: (x, y, power) of each name's beginning, on logarithmic axes.
    """
    places = ax.transData.transform([(x, y) for x, y, _ in names])
    ends = ax.transData.transform([(x * 1.01, y * 1.01**power) for x, y, power in names])
    for i, (place, end) in enumerate(zip(places, ends, strict=True)):
        ahead = (end - place) / np.hypot(*(end - place))
        for other in places[i + 1 :] - place:
            beside = abs(ahead[0] * other[1] - ahead[1] * other[0])
            if beside < high and abs(ahead @ other) < long:
                return False
    return True


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
