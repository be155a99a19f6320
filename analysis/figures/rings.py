"""Figures and tables that set the law of the receive ring beside measurements and carry it to adapters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from analysis.figures.language import (
    DIRTY,
    INK,
    MARKERS,
    NO_BREAK,
    QUIET,
    WIDTH,
    Groups,
    ceiling,
    colours,
    drawn,
    duration,
    each_row,
    entitle,
    number,
    scale,
    value_of,
)
from analysis.figures.words import percent
from analysis.model.migration import ceilings
from analysis.presets import ADAPTERS, Adapter
from analysis.studies.scaling import GROUPS
from analysis.studies.validation.rings import little

UNKNOWN = "unknown"
"""How a table shows a number that no source gives."""
BUFFERS_SHOWN = (6, 300)
OUTCOMES = ["config_id", "factor", "runs", "measured_goodput_gbps", "line_gbps", "goodput_gbps"]
OUTCOMES += ["limited_by", "error"]
"""Columns of ``compare_transfers`` that are no parameters."""

# --- measured curves under the law's -------------------------------------------------------


@drawn
def families(compared: pd.DataFrame) -> Figure:
    """Share of the line over receive buffers, measured points on the law's lines, a panel for each delay.

    ``compared`` is what ``studies.validation.rings.compare_transfers`` returns; shown is the commonest line.
    Dashed: Little's law for the same ring.
    """
    rings = _common(compared[compared.factor == "receive_ring"])
    panels: Groups = list(rings.groupby("receive_delay_us", sort=True))
    fig, axes = plt.subplots(1, len(panels), figsize=(WIDTH, 4.2), sharey=True, squeeze=False)
    moderations = sorted(rings.interrupt_moderation_us.unique())
    tints = dict(zip(moderations, colours(moderations), strict=True))
    for ax, (delay_us, part) in zip(axes[0], panels, strict=True):
        scale(ax, "x", BUFFERS_SHOWN, log=True)
        for moderation_us, family in part.groupby("interrupt_moderation_us", sort=True):
            _family(ax, family, tints[moderation_us], _marker(moderations.index(moderation_us)))
        ax.set(xlim=BUFFERS_SHOWN, ylim=(0, 1.06), xlabel="receive buffers")
        ax.set_title("processor never late" if delay_us == 0 else f"{_us(delay_us)} late on the mean")
    axes[0, 0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[0, 0].set_ylabel("payload carried, of the line")
    handles = [
        Line2D([], [], label=_us(us), color=tints[us], marker=_marker(i), markersize=6)
        for i, us in enumerate(moderations)
    ]
    words = "time between interrupts (points: measured, line: the law, dashed: Little's law)"
    fig.legend(
        handles=handles, loc="outside lower center", ncols=7, fontsize=9, title=words, title_fontsize=9
    )
    return entitle(fig, _families_title(rings), _families_alt(rings))


def _common(rings: pd.DataFrame) -> pd.DataFrame:
    """The rows with the commonest line rate and packet size."""
    for name in ("bandwidth_gbps", "mtu_bytes"):
        rings = rings[rings[name] == rings[name].mode().iloc[0]]
    return rings


def _family(ax: Axes, family: pd.DataFrame, tint: str, marker: str) -> None:
    """One ring over its size: the law's line, Little's, and what was measured."""
    buffers = np.unique(np.round(np.geomspace(*BUFFERS_SHOWN, 120)))
    one = family.drop(columns=OUTCOMES).iloc[[0] * len(buffers)].assign(receive_buffers=buffers)
    law, line = ceilings(one), family.line_gbps.iloc[0]
    ax.plot(buffers, little(one) / line, color=tint, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    ax.plot(buffers, law.goodput_gbps / line, color=tint, linewidth=1.8, zorder=2)
    shown = family[family.receive_buffers <= BUFFERS_SHOWN[1]]
    look: dict[str, Any] = {
        "marker": marker,
        "color": tint,
        "markeredgecolor": "white",
        "markersize": 7,
        "linestyle": "",
    }
    ax.plot(shown.receive_buffers, shown.measured_goodput_gbps / line, **look, zorder=3)


def _families_title(rings: pd.DataFrame) -> str:
    law = rings.error.abs()
    rival = (little(rings) / rings.measured_goodput_gbps - 1).abs()
    law_p90, rival_p90 = (np.float64(error.quantile(0.9)) for error in (law, rival))
    return (
        f"On {len(rings)} measured rings the law is off by {percent(law.median())} in the median and "
        f"{percent(law_p90)} at the 90th percentile; Little's by {percent(rival.median())} and "
        f"{percent(rival_p90)}"
    )


def _families_alt(rings: pd.DataFrame) -> str:
    groups: Groups = list(rings.groupby("receive_delay_us"))
    told = [
        f"{duration(delay / 1e6) if delay else 'no'} delay, {len(part)} points, median error "
        f"{percent(part.error.abs().median())}"
        for delay, part in groups
    ]
    return f"Panels of rising curves over the number of receive buffers, with points: {'; '.join(told)}."


def _marker(i: int) -> str:
    return MARKERS[i % len(MARKERS)]


def _us(microseconds: float) -> str:
    """A time between interrupts or a delay, as it was set."""
    if microseconds == 0:
        return "none"
    return duration(microseconds / 1e6) if microseconds >= 1000 else f"{number(microseconds, 4)} µs"


# --- where the laws fail -----------------------------------------------------------------


def rivals_table(errors: pd.DataFrame, compared: pd.DataFrame) -> pd.DataFrame:
    """Median and 90th percentile of the error by what was varied, for the study's law and the naive ones.

    ``errors`` is what ``studies.validation.rings.rival_errors`` returns.
    """
    counts = compared.factor.value_counts()
    laws = dict.fromkeys(errors.columns.get_level_values(0))
    columns = {
        law: [f"{percent(row[law, 'median'])}, {percent(row[law, 'p90'])}" for _, row in errors.iterrows()]
        for law in laws
    }
    rows = [name.replace("_", " ") for name in errors.index]
    number_of = [str(counts.get(name, len(compared))) for name in errors.index]
    return pd.DataFrame({"n": number_of} | columns, index=pd.Index(rows, name="varied"))


def worst_table(compared: pd.DataFrame, count: int) -> pd.DataFrame:
    """The configurations on which the law is worst, with what they were."""
    worst = compared.loc[compared.error.abs().nlargest(count).index]
    columns = {
        "varied": worst.factor.str.replace("_", " "),
        "TCP": worst.congestion_control,
        "round trip": [duration(v / 1e3) for v in worst.round_trip_ms],
        "interrupts, delay": [
            f"{_us(row.interrupt_moderation_us)}, {_us(row.receive_delay_us)}" for row in each_row(worst)
        ],
        "measured": [percent(v) for v in worst.measured_goodput_gbps / worst.line_gbps],
        "law": [percent(v) for v in worst.goodput_gbps / worst.line_gbps],
        "error": [percent(v) for v in worst.error],
    }
    return pd.DataFrame(columns).set_index(
        pd.Index(worst.receive_buffers.map("{:,.0f}".format), name="buffers")
    )


# --- other links ----------------------------------------------------------------------------


@drawn
def scaled(measured: pd.DataFrame, carried: pd.DataFrame, usual: pd.DataFrame) -> Figure:
    """Share of the line over the time that a ring spares, measured on slow lines and carried to faster ones.

    ``measured``: rows of ``compare_transfers`` with the columns of ``studies.scaling.groups``; ``carried``:
    ``studies.scaling.shares_of_line`` for faster lines; ``usual``: the same for the commonest measured line.
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 4.8))
    ax.plot(
        usual.slack, usual.share, color=QUIET, linestyle=(0, (4, 2)), label="law, in the laboratory", zorder=1
    )
    groups: Groups = list(carried.groupby("bandwidth_gbps", sort=True))
    for (line, part), tint in zip(groups, colours([line for line, _ in groups]), strict=True):
        ax.plot(
            part.slack, part.share, color=tint, label=f"law, {value_of('bandwidth_gbps', line)}", zorder=2
        )
    _measured_points(ax, measured)
    ax.set(xlim=(-1, 9), ylim=(0, 1.04), ylabel="payload carried, of the line")
    ax.set_xlabel("time the ring spares beside the moderation [mean delays of the processor]")
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.legend(loc="best", fontsize=9)
    return entitle(fig, _scaled_title(carried, usual), _scaled_alt(measured, carried))


def _measured_points(ax: Axes, measured: pd.DataFrame) -> None:
    """Measured shares of the line: marks by line rate, crosses where the round trip was long."""
    share = measured.measured_goodput_gbps / measured.line_gbps
    long = measured.round_trip_ms > measured.round_trip_ms.min()
    groups: Groups = list(measured[~long].groupby("bandwidth_gbps", sort=True))
    for i, (line, part) in enumerate(groups):
        look: dict[str, Any] = {
            "marker": MARKERS[i],
            "s": 44,
            "facecolor": INK if i % 2 else "white",
            "edgecolor": INK,
        }
        label = f"measured, {value_of('bandwidth_gbps', round(line, 1))}"
        ax.scatter(part.slack, share[part.index], label=label, zorder=3, **look)
    if long.any():
        label = f"measured, round trip of {number(measured.round_trip_ms[long].min())} ms or more"
        ax.scatter(measured.slack[long], share[long], marker="x", s=44, color=DIRTY, label=label, zorder=4)


def _scaled_title(carried: pd.DataFrame, usual: pd.DataFrame) -> str:
    needed = [_slack_for(part, 0.95) for _, part in carried.groupby("bandwidth_gbps")]
    told = [number(v, 2) for v in (np.nanmin(needed), np.nanmax(needed))] if np.isfinite(needed).any() else []
    span = " to ".join(dict.fromkeys(told))
    if len(told) and not np.isfinite(needed).all():
        span = f"{told[0]} or more"
    links = f"{number(carried.bandwidth_gbps.min())} to {number(carried.bandwidth_gbps.max())} Gbit/s"
    slow = number(_slack_for(usual, 0.95), 2)
    start = f"For 95{NO_BREAK}% of the line the law asks a ring to spare {slow} mean delays in the laboratory"
    if not span:
        most = number(carried.slack.max(), 2)
        return f"{start}, more than the {most} drawn on {links} with this round trip"
    return f"{start}, {span} on {links} with this round trip"


def _slack_for(part: pd.DataFrame, share: float) -> float:
    """Least slack from which on a line's share stays at or above a value."""
    ordered = part.sort_values("slack", ascending=False)
    held = (ordered.share >= share).cumprod().astype(bool)
    return float(ordered.slack[held].min())


def _scaled_alt(measured: pd.DataFrame, carried: pd.DataFrame) -> str:
    lines = ", ".join(number(v) for v in sorted(carried.bandwidth_gbps.unique()))
    return (
        f"{len(measured)} measured points and curves of the law for {lines} Gbit/s rise together over "
        "the time that the ring spares, from near 0 to 100 %."
    )


def links_table(found: pd.DataFrame, within: pd.DataFrame) -> pd.DataFrame:
    """Buffers that carry 95 and 99 % of each link, and the ratios at 95 %, with those that were not measured.

    ``found``: ``studies.scaling.buffers_by_link``; ``within``: ``studies.scaling.measured_range``.
    """
    columns = {
        f"95{NO_BREAK}%": [*map(_count, found.buffers_95), ""],
        f"99{NO_BREAK}%": [*map(_count, found.buffers_99), ""],
    }
    for name, words in zip(GROUPS, ("N / (A τ)", "N / (A b)", "RTT A / N"), strict=True):
        low, high = within[name]
        cells = [number(v, 2) + ("" if low <= v <= high else " (outside)") for v in found[name]]
        columns[words] = [*cells, f"{number(low, 2)} to {number(high, 2)}"]
    names = [value_of("bandwidth_gbps", v) for v in found.bandwidth_gbps]
    return pd.DataFrame(columns).set_index(pd.Index([*names, "measured"], name="link"))


def _count(buffers: float) -> str:
    return number(buffers, 7) if np.isfinite(buffers) else "no number"


# --- what an administrator can set ------------------------------------------------------------


def adapters_table(need_95: float, need_99: float, adapters: Sequence[Adapter] = ADAPTERS) -> pd.DataFrame:
    """Published buffer counts of adapters, and whether they carry 95 and 99 % of the link."""
    columns = {
        "system": [a.system for a in adapters],
        "receive": [_counts(a.receive_default, a.receive_most) for a in adapters],
        "send": [_counts(a.send_default, a.send_most) for a in adapters],
        f"95{NO_BREAK}%": [suffices(a, need_95) for a in adapters],
        f"99{NO_BREAK}%": [suffices(a, need_99) for a in adapters],
    }
    return pd.DataFrame(columns, index=pd.Index([a.name for a in adapters], name="adapter"))


def _counts(default: int | None, most: int | None) -> str:
    """Default and greatest number of buffers, where a source gives them."""
    if default is None and most is None:
        return UNKNOWN
    return " of ".join(UNKNOWN if count is None else number(count, 7) for count in (default, most))


def suffices(adapter: Adapter, need: float) -> str:
    """Whether an adapter's receive buffers are enough: by default, when raised, or not at all.

    >>> from analysis.presets import Adapter
    >>> [suffices(Adapter("", "", "", 512, 4096), need) for need in (300, 1000, 9000)]
    ['by default', 'when raised', 'too few']
    """
    default, most = adapter.receive_default, adapter.receive_most
    if default is not None and default >= need:
        return "by default"
    if most is not None:
        return "too few" if most < need else "when raised" if default is not None else "at its most"
    return UNKNOWN


def gains_table(swept: pd.DataFrame) -> pd.DataFrame:
    """What a migration gains from buffers: the ceiling that binds and the durations, a row a number."""
    columns = {
        "limited by": swept.limited_by.map(ceiling),
        "payload rate": [value_of("bandwidth_gbps", v) for v in swept.goodput_gbps],
        "total time": swept.total_s.map(duration),
        "blackout": swept.blackout_s.map(duration),
    }
    return pd.DataFrame(columns).set_index(
        swept.receive_buffers.map("{:,.0f}".format).rename("buffers a ring")
    )


def needs_in_words(link: pd.Series, needs: Mapping[float, float]) -> str:
    """The administrator's one line: for this link, moderation and delay so many buffers carry so much."""
    told = " and ".join(f"{_count(n)} receive buffers carry {percent(share)}" for share, n in needs.items())
    delays = (duration(link[name] / 1e6) for name in ("interrupt_moderation_us", "receive_delay_us"))
    return (
        f"On {value_of('bandwidth_gbps', link['bandwidth_gbps'])} with {next(delays)} between interrupts and "
        f"{next(delays)} of delay at the processor {told} of the link; below: default of most buffers"
    )
