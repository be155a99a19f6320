"""Figures and tables of Hyper-V's options: TCP/IP, compression, SMB, SMB Direct."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.ndimage import median_filter

from analysis.figures.language import (
    CATEGORIES,
    DASHES,
    INK,
    QUIET,
    WIDTH,
    axis_label,
    differ,
    drawn,
    duration,
    each_row,
    entitle,
    label_ends,
    number,
    scale,
    sentence,
    two_durations,
    value_of,
)
from analysis.figures.marks import HALO, give_way, name_region, set_value, star
from analysis.figures.placement import once_placed
from analysis.figures.words import percent
from analysis.model.stop_rules import STOP_RULES
from analysis.parameters import PARAMETERS

COLOUR = dict(zip(("tcpip", "compression", "smb", "smb_direct"), CATEGORIES, strict=False))
DASH = dict(zip(COLOUR, DASHES, strict=False))
PALEST, STRONGEST = 0.25, 4.0
"""How much colour an option has that is no faster than TCP/IP, and times faster at which it has all."""


def option(transport: str) -> str:
    """The name of an option as Hyper-V writes it: ``TCP/IP``, ``Compression``, ``SMB``, ``SMB Direct``."""
    return sentence(value_of("transport", transport))


# --- total time over the link ---------------------------------------------------------------


@drawn
def over_links(compared: pd.DataFrame, lifted: pd.DataFrame, here: float) -> Figure:
    """Total time by each option over the line rate, the best one thick; ``here``: the line rate that is set.

    ``compared`` is what ``transports.compare_options`` returns; ``lifted`` the same without the limit on SMB,
    whose line for the fastest option of SMB is added where it differs.
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 4.8))
    scale(ax, "x", compared.bandwidth_gbps, log=True)
    scale(ax, "y", compared.total_s, log=True)
    ends = []
    for key, part in compared.groupby("transport", sort=False):
        name, part = str(key), part.sort_values("bandwidth_gbps")
        ax.plot(part.bandwidth_gbps, part.total_s, color=COLOUR[name], linestyle=DASH[name], linewidth=1.6)
        ax.plot(
            part.bandwidth_gbps, part.total_s.where(part.best), color=COLOUR[name], linewidth=5, alpha=0.5
        )
        ends.append((part.total_s.iloc[-1], option(name), COLOUR[name]))
    ends += _lifted_line(ax, compared, lifted)
    ax.margins(x=0.02)
    label_ends(ax, ends, gap=0.065)
    set_value(ax, f"set: {value_of('bandwidth_gbps', here)}", here)
    ax.annotate(
        "broad: the best option", (1, 1.02), xycoords="axes fraction", ha="right", color=QUIET, fontsize=9
    )
    ax.set(xlabel=axis_label("bandwidth_gbps"), ylabel=axis_label("total_s"))
    return entitle(fig, _links_title(compared, here), _links_alt(compared))


def _lifted_line(ax: Axes, compared: pd.DataFrame, lifted: pd.DataFrame) -> list[tuple[float, str, str]]:
    """The best option of SMB without its limit, as a thin line; returns its end and name."""
    fast = "smb_direct" if (lifted.transport == "smb_direct").any() else "smb"
    free, held = (t[t.transport == fast].sort_values("bandwidth_gbps") for t in (lifted, compared))
    if free.empty or np.allclose(free.total_s.to_numpy(), held.total_s.to_numpy()):
        return []
    ax.plot(free.bandwidth_gbps, free.total_s, color=COLOUR[fast], linewidth=1.1)
    return [(free.total_s.iloc[-1], f"{option(fast)},\nlimit lifted", COLOUR[fast])]


def _links_title(compared: pd.DataFrame, here: float) -> str:
    at = compared[np.isclose(compared.bandwidth_gbps, here)].set_index("transport")
    best = at.index[at.best][0]
    start = f"On {value_of('bandwidth_gbps', here)}"
    if best == "tcpip":
        return f"{start} no option is clearly quicker than TCP/IP, which takes {duration(at.total_s[best])}"
    if not differ(at.total_s["tcpip"], at.total_s[best]) or at.total_s[best] > at.total_s["tcpip"]:
        as_long = f"{duration(at.total_s[best])}, as long as by TCP/IP"
        return f"{start} {option(best)} is the thriftiest of the quickest: {as_long}"
    quick, plain = two_durations(at.total_s[best], at.total_s["tcpip"])
    return f"{start} {option(best)} is best: {quick} instead of {plain} by TCP/IP"


def _links_alt(compared: pd.DataFrame) -> str:
    told = []
    for name, part in compared.groupby("transport", sort=False):
        ends = part.sort_values("bandwidth_gbps").total_s.iloc[[0, -1]]
        told.append(f"{option(str(name))} from {duration(ends.iloc[0])} to {duration(ends.iloc[1])}")
    return f"Falling lines of total time over the line rate, one an option: {'; '.join(told)}."


# --- which option is best: the map ------------------------------------------------------------


@drawn
def best_options(
    panels: Mapping[str, pd.DataFrame],
    here: Mapping[str, float],
    overtaken: Mapping[str, tuple[float, str]],
) -> Figure:
    """The best option over line rate and spare cores, a map for each of ``panels``.

    Each table is what ``studies.transports.best_of`` returns for a grid of both; the stronger the colour, the
    more it gains on TCP/IP. ``here``: ``bandwidth_gbps`` and ``spare_cores`` that are set; ``overtaken``: by
    panel, the line rate from which Compression is not best any more with these cores, and what is
    (``studies.transports.gives_way``).
    """
    fig, axes = plt.subplots(1, len(panels), figsize=(WIDTH, 4.7), sharey=True, squeeze=False)
    for ax, (title, best) in zip(axes[0], panels.items(), strict=True):
        _option_map(ax, best, here, len(panels))
        ax.set_title(title)
        ax.set_xlabel(axis_label("bandwidth_gbps"))
    axes[0, 0].set_ylabel("spare cores")
    slowest = min(float(best.bandwidth_gbps.min()) for best in panels.values())
    return entitle(fig, _map_title(overtaken, here, slowest), _map_alt(panels))


def _option_map(ax: Axes, best: pd.DataFrame, here: Mapping[str, float], panels: int) -> None:
    """Options as colours, gains as thin lines, names where there is room for them."""
    names = list(COLOUR)
    codes = best.assign(code=best.transport.map(names.index))
    table, gain = (
        codes.pivot_table(index="spare_cores", columns="bandwidth_gbps", values=v) for v in ("code", "faster")
    )
    x, y = table.columns.to_numpy(float), table.index.to_numpy(float)
    ax.pcolormesh(
        x, y, _tinted(table.to_numpy(int), gain.to_numpy(), names), shading="nearest", rasterized=True
    )
    scale(ax, "x", x, log=True)
    scale(ax, "y", y, log=True)
    ax.grid(visible=False)
    ax.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()))
    labels: list[Text] = []
    levels = [v for v in (1.25, 1.5, 2, 3, 4) if gain.to_numpy().min() < v < gain.to_numpy().max()]
    if levels:
        # Where another option takes over within a tie the gain jumps by that tie: smoothed over.
        lines = ax.contour(x, y, median_filter(gain.to_numpy(), 7), levels=levels, colors=INK, linewidths=0.8)
        labels = list(ax.clabel(lines, fmt={v: f"{number(v)}×" for v in levels}, fontsize=9))
        for text in labels:
            text.set_path_effects(HALO)
    taken = star(ax, here["bandwidth_gbps"], here["spare_cores"])
    for code, name in enumerate(names):
        name_region(ax, (x, y), table.to_numpy(int) == code, option(name), [taken], panels=panels)
    own = [text for text in ax.texts if text not in labels]
    figure = ax.get_figure(root=True)
    assert figure is not None  # it is being drawn on
    once_placed(figure, lambda: give_way(ax, [*own, *labels], [taken]))


def _tinted(codes: np.ndarray, gain: np.ndarray, names: list[str]) -> np.ndarray:
    """Colours of a map: the option's own, paler the less it gains."""
    share = PALEST + (1 - PALEST) * np.clip(np.log(gain) / np.log(STRONGEST), 0, 1)
    own = np.array([to_rgb(COLOUR[name]) for name in names])[codes]
    tinted: np.ndarray = 1 - (1 - own) * share[..., None]
    return tinted


def _map_title(overtaken: Mapping[str, tuple[float, str]], here: Mapping[str, float], slowest: float) -> str:
    """From which link on another option is best, in each panel."""
    cores = value_of("spare_cores", here["spare_cores"])
    told = {title: _gives_way(line, slowest) for title, (line, _) in overtaken.items()}
    last = dict.fromkeys(option(other) for _, other in overtaken.values())
    if len(set(told.values())) == 1:
        where = next(iter(told.values()))
    else:
        where = ", ".join(f"{words} ({title})" for title, words in told.items())
    return f"With {cores} Compression gives way {where}; on the fastest link {' or '.join(last)} is best"


def _gives_way(line: float, slowest: float) -> str:
    if np.isnan(line):
        return "on none of these links"
    return "on every link" if line <= slowest else f"from {value_of('bandwidth_gbps', line)} on"


def _shares(best: pd.DataFrame) -> str:
    """Options and the share of the map on which each is best, the greatest first."""
    shares = best.transport.value_counts(normalize=True)
    return ", ".join(
        f"{option(str(name))} on {percent(share, 1)}" for name, share in shares.items() if share >= 0.02
    )


def _map_alt(panels: Mapping[str, pd.DataFrame]) -> str:
    told = [
        f"{title}: {_shares(best)} of it, up to {number(best.faster.max())} times as fast as TCP/IP"
        for title, best in panels.items()
    ]
    return (
        "Maps with the line rate to the right and the spare cores upward, both logarithmic, coloured by the "
        f"best option. {'; '.join(told)}. A star marks the link and the cores that are set."
    )


# --- break-even of compressors ------------------------------------------------------------------


@drawn
def break_even(table: pd.DataFrame, link_gbps: float) -> Figure:
    """Link rates up to which each measured compressor gives its whole ratio, and up to which it pays.

    ``table``: one number of cores of ``transports.break_even``; ``link_gbps``: payload rate of the link.
    """
    table = table.sort_values("pays_gbps", ignore_index=True)
    fig, ax = plt.subplots(figsize=(WIDTH, 0.27 * len(table) + 1.6))
    scale(ax, "x", [*table.pays_gbps, *table.full_gbps, link_gbps], log=True)
    low = min(table.full_gbps.min(), link_gbps) * 0.5
    for place, row in enumerate(each_row(table)):
        # XPRESS is Microsoft's own family: the likeliest stand-in for what Hyper-V does not publish.
        tint = COLOUR["compression"] if row.compressor.startswith("xpress") else COLOUR["tcpip"]
        ax.plot([low, row.full_gbps], [place, place], color=tint, linewidth=7, solid_capstyle="butt")
        ax.plot([row.full_gbps, row.pays_gbps], [place, place], color=tint, linewidth=2.2)
        ax.plot(row.pays_gbps, place, "|", color=tint, markersize=11, markeredgewidth=2.2)
    ax.set_yticks(
        range(len(table)),
        [f"{r.compressor}  {number(r.compression_ratio, 2)} to 1" for r in each_row(table)],
    )
    ax.set_xlim(low, max(table.pays_gbps.max(), link_gbps) * 1.5)
    ax.grid(axis="y", visible=False)
    ax.axvline(link_gbps, color=QUIET, linewidth=1.2, linestyle=(0, (2, 2)), zorder=0)
    text = "bar: the whole ratio   line: less, but it pays   dotted: the link that is set   red: XPRESS"
    ax.annotate(text, (1, 1.01), xycoords="axes fraction", ha="right", color=QUIET, fontsize=9)
    ax.set_xlabel(axis_label("goodput_gbps"))
    return entitle(fig, _break_title(table, link_gbps), _break_alt(table))


def _break_title(table: pd.DataFrame, link_gbps: float) -> str:
    cores = value_of("spare_cores", table.cores.iloc[0])
    paying = (table.pays_gbps >= link_gbps).sum()
    best = table.iloc[-1]
    if best.pays_gbps <= 0:
        return f"With {cores} none of {len(table)} measured compressors pays on any link"
    return (
        f"With {cores}, {paying or 'none'} of {len(table)} measured compressors keep up with "
        f"{number(link_gbps)} Gbit/s; the fastest, {best.compressor}, pays up to {number(best.pays_gbps)}"
    )


def _break_alt(table: pd.DataFrame) -> str:
    paying = table[table.pays_gbps > 0][::-1]
    told = [f"{row.compressor} up to {number(row.pays_gbps, 2)}" for row in each_row(paying)]
    pays = f"it pays: {', '.join(told)}" if told else "none pays"
    return f"Horizontal bars on a logarithmic axis of link rates [Gbit/s]; {pays}."


# --- published times ----------------------------------------------------------------------------


@drawn
def published(table: pd.DataFrame, bound: float) -> Figure:
    """Published total times and the model's blind predictions, a row each; ``bound``: error of a hit.

    ``table`` is what ``studies.validation.published.predict_published`` returns.
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 0.33 * len(table) + 1.3))
    low, high = (
        c.fillna(o)
        for c, o in ((table.total_s_low, table.total_s_high), (table.total_s_high, table.total_s_low))
    )
    missed = table.error.abs() > bound
    for place, (said_low, said_high, said, miss) in enumerate(
        zip(low, high, table.predicted_s, missed, strict=True)
    ):
        tint = COLOUR["compression"] if miss else COLOUR["smb"]
        ax.plot([(said_low + said_high) / 2, said], [place, place], color=tint, linewidth=2, zorder=2)
        ax.plot([said_low, said_high], [place, place], color=INK, linewidth=7, zorder=3)
        ax.plot([said_low, said_high], [place, place], "o", color=INK, markersize=6.5, zorder=3)
        ax.plot(
            said, place, "D", color="white", markeredgecolor=tint, markeredgewidth=2, markersize=7, zorder=4
        )
    scale(ax, "x", [*low, *high, *table.predicted_s], log=True)
    ax.set_yticks(range(len(table)), [case(row) for row in each_row(table)])
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    text = f"black: published   diamond: predicted   red: off by more than {percent(bound)}"
    ax.annotate(text, (1, 1.02), xycoords="axes fraction", ha="right", color=QUIET, fontsize=9)
    ax.set_xlabel(axis_label("total_s"))
    return entitle(fig, _published_title(table, bound), _published_alt(table))


def case(row: Any) -> str:
    """What moved in a published row, in short: ``6 × 9 GiB, 20 Gbit/s, TCP/IP``."""
    count = f"{row.vm_count:.0f} × " if row.vm_count > 1 else ""
    memory, link = number(row.memory_gib), value_of("bandwidth_gbps", row.bandwidth_gbps)
    return f"{count}{memory} GiB, {link}, {option(row.transport)}"


def _published_title(table: pd.DataFrame, bound: float) -> str:
    size = table.error.abs()
    return (
        f"{(size <= bound).sum()} of {len(table)} published times are predicted within {percent(bound)}, "
        f"half of them within {percent(size.median())}, with nothing fitted"
    )


def _published_alt(table: pd.DataFrame) -> str:
    told = [f"{case(row)}: {percent(row.error)}" for row in each_row(table)]
    return f"Published and predicted times on a logarithmic axis, a row each. Errors: {'; '.join(told)}."


# --- tables ---------------------------------------------------------------------------------------

PASSES_NOT_KNOWN = ("windows_2012",)
"""Versions whose pass limit no source gives: that of the version before is taken."""


def version(name: str) -> str:
    """A preset's version of Windows Server as people say it.

    >>> version("windows_2012r2")
    '2012 R2'
    """
    return name.removeprefix("windows_").replace("r2", " R2")


def versions_table(found: pd.DataFrame) -> pd.DataFrame:
    """What each version of Windows Server sets by default and what that makes of this migration."""
    limit = [f"{STOP_RULES[rule].pass_limit:.0f}" for rule in found.stop_rule]
    unknown = found.host.isin(PASSES_NOT_KNOWN)
    stream = found.stream_limit_gbps.fillna(PARAMETERS["stream_limit_gbps"].default)
    columns = {
        "option": found.transport.map(option),
        "passes": [f"unknown, {n} taken" if lacks else n for n, lacks in zip(limit, unknown, strict=True)],
        "at once": found.parallel_migrations.map(str),
        "connection": [value_of("bandwidth_gbps", v) for v in stream],
        "SMB limit": found.smb_limit_gbps.map(_limit_words),
        "total time": found.total_s.map(duration),
        "blackout": found.blackout_s.map(duration),
    }
    return pd.DataFrame(columns).set_index(found.host.map(version).rename("Windows Server"))


def _limit_words(gbps: float) -> str:
    if np.isnan(gbps):
        return "no SMB"
    return "none" if np.isinf(gbps) else value_of("bandwidth_gbps", gbps)


def limits_table(found: pd.DataFrame) -> pd.DataFrame:
    """What the limit on SMB leaves on some nodes (``studies.transports.smb_limits``)."""
    columns = {
        "SMB may use": [value_of("bandwidth_gbps", v) for v in found.limit_gbps],
        "of one adapter": (found.limit_gbps / found.bandwidth_gbps).clip(upper=1).map(percent),
        "total time": found.total_s.map(duration),
        "limit lifted": found.lifted_total_s.map(duration),
    }
    nodes = [f"{row.adapters} × {value_of('bandwidth_gbps', row.bandwidth_gbps)}" for row in each_row(found)]
    return pd.DataFrame(columns).set_index(pd.Index(nodes, name="adapters of the node"))


def memory_table(best: pd.DataFrame) -> pd.DataFrame:
    """The best option for machines of several sizes (``studies.transports.best_of``)."""
    plain = best.total_s * best.faster
    columns = {
        "best option": best.transport.map(option),
        "total time": best.total_s.map(duration),
        "by TCP/IP": plain.map(duration),
        "saved": (1 - best.total_s / plain).map(percent),
        "blackout": best.blackout_s.map(duration),
    }
    sizes = [value_of("memory_gib", v) for v in best.memory_gib]
    return pd.DataFrame(columns).set_index(pd.Index(sizes, name="memory"))


def break_even_table(table: pd.DataFrame) -> pd.DataFrame:
    """Link rates [Gbit/s] up to which each compressor pays, a column a number of cores."""
    wide = table.pivot_table(index="compressor", columns="cores", values="pays_gbps")
    wide = wide.sort_values(wide.columns[-1], ascending=False)
    first = table.drop_duplicates("compressor").set_index("compressor")
    ratio = {"ratio": [number(v, 2) for v in first.compression_ratio[wide.index]]}
    cores = {value_of("spare_cores", c).replace("spare ", ""): [number(v, 2) for v in wide[c]] for c in wide}
    return pd.DataFrame(ratio | cores, index=wide.index)


def published_table(table: pd.DataFrame, causes: pd.Series) -> pd.DataFrame:
    """Published times beside blind predictions, the error, and why a prediction is off."""
    columns = {
        "version": table.host_version,
        "published": [_span(row.total_s_low, row.total_s_high) for row in each_row(table)],
        "predicted": [f"{number(v, 3)} s" for v in table.predicted_s],
        "error": [percent(v) for v in table.error],
        "likely cause of a miss": causes,
    }
    names = [case(row) for row in each_row(table)]
    return pd.DataFrame(columns).set_index(pd.Index(names, name="moved"))


def _span(low: float, high: float) -> str:
    if np.isnan(low):
        return f"under {number(high)} s"
    if np.isnan(high):
        return f"over {number(low)} s"
    return f"{number(low)} s" if low == high else f"{number(low)} to {number(high)} s"
