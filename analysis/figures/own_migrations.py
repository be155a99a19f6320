"""Figures and sentences of a reader's own migrations: what would have helped, and what bound them."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from analysis.errors import UserError
from analysis.figures import timeline
from analysis.figures.evidence import dirty_pages_by_pass
from analysis.figures.language import (
    BLACKOUT,
    FAINT,
    NO_BREAK,
    QUIET,
    SENT,
    WIDTH,
    alternative_text,
    ceiling,
    display,
    drawn,
    duration,
    each_row,
    entitle,
    number,
    show,
)
from analysis.figures.words import chance, percent
from analysis.observations.record import Record
from analysis.studies.hosts import own
from analysis.studies.hosts.host import Host
from analysis.studies.hosts.own import Fitted
from analysis.studies.hosts.recorded import reached_gbps
from analysis.studies.validation.migrations import compare_passes

LITTLE = 0.02
"""A change that saves less than this share of the total time does not help."""


@drawn
def would_help(found: pd.DataFrame) -> Figure:
    """Total time and pause under each change, with 90 % intervals; the best change on top.

    ``found`` is what ``studies.hosts.own.would_help`` returns.
    """
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 0.45 * len(found) + 1.5), sharey=True)
    places = np.arange(len(found))[::-1]
    for ax, name, factor, colour, label in (
        (axes[0], "total_s", 1.0, SENT, "total time [s]"),
        (axes[1], "blackout_s", 1000.0, BLACKOUT, "blackout [ms]"),
    ):
        _intervals(ax, found, places, name, factor, colour)
        ax.set_xlabel(label)
    axes[0].set_yticks(places, found.change)
    for text, row in zip(axes[0].get_yticklabels(), each_row(found), strict=True):
        text.set_fontweight("bold" if row.change == "as it was" else "normal")
    was = found[found.change == "as it was"].iloc[0]
    return entitle(fig, _help_title(found), _help_alt(found, was))


def _intervals(
    ax: Axes, found: pd.DataFrame, places: np.ndarray, name: str, factor: float, colour: str
) -> None:
    low, middle, high = (factor * found[f"{name}{end}"] for end in ("_low", "", "_high"))
    was = factor * found.loc[found.change == "as it was", name].iloc[0]
    ends = np.concatenate([low, middle, high])
    edge = 1.1 * max(ends[np.isfinite(ends)].max(initial=0.0), 1e-9)
    ax.axvline(min(was, 2 * edge), color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    # What never ends goes over the edge.
    ax.hlines(
        places,
        low.clip(upper=2 * edge),
        high.clip(upper=2 * edge),
        color=colour,
        linewidth=5,
        alpha=0.35,
        zorder=2,
    )
    ax.plot(middle.clip(upper=2 * edge), places, "o", color=colour, markersize=6, zorder=3)
    ax.set_xlim(0, edge)
    ax.set_ylim(-0.6, len(found) - 0.4)
    ax.grid(axis="y", color=FAINT)


def best(found: pd.DataFrame) -> pd.Series | None:
    """The change that saves most of the total time; None where none saves more than :data:`LITTLE`."""
    others = found[found.change != "as it was"]
    top = others.iloc[int(others.saved_share.argmax())] if len(others) else None
    return top if top is not None and top.saved_share > LITTLE else None


def _ends(row: pd.Series) -> str:
    """The interval of a saving, with as many digits as tell its ends apart."""
    digits = 2 if row.saved_share_high - row.saved_share_low > 0.02 else 3
    return f"{percent(row.saved_share_low, digits)} to {percent(row.saved_share_high, digits)}"


def _help_title(found: pd.DataFrame) -> str:
    top = best(found)
    if top is None:
        return "None of these changes would have shortened the migration"
    ends = _ends(top)
    return f"Most would have come from {top.change}: {percent(top.saved_share)} less time ({ends})"


def _help_alt(found: pd.DataFrame, was: pd.Series) -> str:
    told = "; ".join(
        f"{r.change} {duration(r.total_s)}, blackout {duration(r.blackout_s)}" for r in each_row(found)
    )
    return (
        "Two panels of points with 90 % intervals, a row a change, the shortest total time on top; a dashed "
        f"line marks the migration as it was ({duration(was.total_s)}). {told}."
    )


def bound_table(bound: pd.DataFrame) -> pd.DataFrame:
    """What bound the migration, as a table of readable cells."""
    rate = [
        f"{number(r.goodput)} ({number(r.goodput_low)} to {number(r.goodput_high)})" for r in each_row(bound)
    ]
    columns = {
        "binds with a chance of": bound.share.map(chance).to_list(),
        "payload rate, 90 % [Gbit/s]": rate,
    }
    return pd.DataFrame(columns, index=pd.Index(bound.limited_by.map(ceiling), name="ceiling"))


def host_table(host: Host) -> pd.DataFrame:
    """The calibrated quantities with their intervals, as a table of readable cells."""
    rows = {}
    for kind, word in (("parameters", ""), ("scales", "factor on ")):
        for e in getattr(host, kind):
            name = word + e.name + (f" ({e.of})" if e.of else "")
            rows[name] = {"value": number(e.value), "90 % interval": f"{number(e.low)} to {number(e.high)}"}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "90 % interval"])
    return table.rename_axis("calibrated quantity")


def beside_table(compared: pd.DataFrame) -> pd.DataFrame:
    """Migrations, predicted beside measured, as a table of readable cells."""
    rows = {}
    for r in each_row(compared):
        pause = getattr(r, "measured_blackout_s", np.nan)
        ends = f"{number(r.total_s_low90)} to {number(r.total_s_high90)}"
        rows[r.migration] = {
            "measured total [s]": number(r.measured_total_s),
            "model, 90 % [s]": f"{number(r.total_s)} ({ends})",
            "measured blackout [ms]": number(1000 * pause) if pause == pause else "not told",
            "model, 90 % [ms]": f"{number(1000 * r.blackout_s)} ({number(1000 * r.blackout_s_low90)} to "
            f"{number(1000 * r.blackout_s_high90)})",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("migration")


def takeaway(row: pd.Series, bound: pd.DataFrame, found: pd.DataFrame, fitted: Fitted) -> str:
    """What a reader takes away from their own migration."""
    top = best(found)
    was = found[found.change == "as it was"].iloc[0]
    text = (
        f"The migration {row.name} took **{duration(row.measured_total_s)}** "
        f"{_bound_by(row, bound, fitted)}. The model, {fitted.how}, gives "
        f"{duration(was.total_s)} (90{NO_BREAK}%: {duration(was.total_s_low)} to "
        f"{duration(was.total_s_high)}). "
    )
    if top is None:
        return text + "None of the changes tried would have shortened it."
    if_so = ", if the model takes the right ceiling for it," if row.name in fitted.remarks else ""
    return text + (
        f"What would have helped most{if_so} is **{top.change}**: {percent(top.saved_share)} less time "
        f"({_ends(top)}), and a blackout of "
        f"{duration(top.blackout_s)} instead of {duration(was.blackout_s)}."
    )


def _bound_by(row: pd.Series, bound: pd.DataFrame, fitted: Fitted) -> str:
    """What bound it, as far as that is known: where a remark takes something for granted, it is not."""
    first = bound.iloc[0]
    if row.name in fitted.remarks:
        return f"at {number(reached_gbps(row))} Gbit/s, and what held that rate is not recorded"
    return f"and was bound by **{ceiling(first.limited_by)}** (chance {chance(first.share)})"


def recorded_table(found: Record) -> pd.DataFrame:
    """The migrations of a record with their source, as a table of readable cells."""
    rows, alone = {}, found.migrations.source_file.nunique() < 2
    for r in each_row(found.migrations):
        looks = int((found.passes.migration == r.migration).sum())
        rows[r.migration] = {
            "status": r.status if hasattr(r, "status") else "completed",
            "total [s]": _told(r.measured_total_s),
            "blackout [s]": _told(getattr(r, "measured_blackout_s", np.nan)),
            "sent [GiB]": _told(getattr(r, "measured_stream_gib", np.nan)),
            "looks at dirty pages": str(looks),
            "source": f"line {r.source_line}" if alone else f"{r.source_file}, line {r.source_line}",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("migration")


def note_table(found: Record, fitted: Fitted) -> pd.DataFrame:
    """The notes of the readers and of the fit, numbered; one row that says so where there are none."""
    notes = [*found.notes, *fitted.remarks.values()] or ["nothing is missing or odd"]
    return pd.DataFrame({"note": notes}, index=pd.RangeIndex(1, len(notes) + 1, name="number"))


def _told(value: float) -> str:
    return number(value) if value == value else "not told"


def recorded_passes(course: pd.DataFrame, outcome: pd.Series, setup_s: float, *, seen: bool = True) -> Figure:
    """The passes of a recorded migration; whether it converged is not recorded, so nothing is said of it.

    ``seen``: whether its blackout was recorded.
    """
    fig = timeline.passes(course, outcome, setup_s)
    count, alt = int(outcome["passes"]), alternative_text(fig).partition(". ")[2]
    passes = f"{count} {'pass' if count == 1 else 'passes'} as recorded"
    brownout, pause = duration(outcome["brownout_s"]), duration(outcome["blackout_s"])
    if seen:
        title = f"{passes}: {brownout} of brownout, then the guest was frozen for {pause}"
        return entitle(fig, title, alt)
    _without_blackout(fig, brownout)
    title = f"{passes}: {brownout} of brownout and blackout, which no sample tells apart"
    return entitle(
        fig, title, f"{alt.partition(', of which')[0]}; how much of it is the blackout is not told."
    )


def _without_blackout(fig: Figure, both: str) -> None:
    """Labels of the phases where no sample fell into the blackout."""
    for text in fig.findobj(Text):
        word = text.get_text().partition(" ")[0]
        if word in ("brownout", "blackout"):
            text.set_text(f"brownout and blackout {both}" if word == "brownout" else "blackout not told")


def show_passes(found: Record, key: str, fitted: Fitted) -> None:
    """Display the passes of a migration, or a sentence where too little of them was recorded."""
    row = fitted.migrations[fitted.migrations.migration == key].iloc[0]
    try:
        course = own.course(found, key, fitted)
    except UserError as error:
        return _say(f"{error}.")
    return show(recorded_passes(*course, seen=bool(row.get("measured_blackout_s", np.nan) >= 0)))


def show_by_pass(found: Record, key: str, fitted: Fitted, compared: pd.DataFrame) -> None:
    """Display measured and modelled dirty pages by pass, or a sentence where no pass was recorded."""
    by_pass = compare_passes(fitted.migrations, found.passes, fitted.host)
    by_pass = by_pass[by_pass.measured_pages > 0]
    if key not in set(by_pass.migration):
        return _say(f"{key}: no pass with dirty pages was recorded, so none is set beside the model's.")
    return show(dirty_pages_by_pass(by_pass, own.shown(compared, key, by_pass)))


def _say(sentence: str) -> None:
    display(Markdown(sentence))
