"""Figures and tables that set this study beside its rivals, and its intervals beside what happened."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.language import DIRTY, FAINT, INK, QUIET, SENT, WIDTH, drawn, entitle, scale
from analysis.studies.validation.held_out import OURS


@drawn
def rivals(league: pd.DataFrame) -> Figure:
    """Median and 90th percentile of the error of total time by model, a panel for each way of holding out.

    ``league`` is what ``validation.held_out.league`` returns.
    """
    ways = [way for way in league.held_out.unique() if way != "nothing"]
    fig, axes = plt.subplots(1, len(ways), figsize=(WIDTH, 3.9), sharey=True, squeeze=False)
    # One order for all panels: they share the names on the left.
    order = league[league.held_out == ways[0]].sort_values("time_p90", ascending=False).model
    for ax, way in zip(axes[0], ways, strict=True):
        part = league[league.held_out == way].set_index("model").loc[order].reset_index()
        _dumbbells(ax, part)
        ax.set_title(f"held out: each {way} in turn")
    best = _best_rival(league)
    ours = league[(league.model == OURS) & league.held_out.isin(ways)]
    title = (
        f"Held out, this study is off by {100 * ours.time_median.max():.1f} % in the median, "
        f"the best rival ({best.model}) by {100 * best.time_median:.1f} %"
    )
    _say_marks(axes[0][0])
    alt = "One line a model from the median error to its 90th percentile, on a logarithmic axis."
    return entitle(fig, title, alt)


def _say_marks(ax: Axes) -> None:
    ax.text(0.98, 0.97, "dot: median\nbar: 90th percentile", ha="right", va="top", color=QUIET,
            fontsize=9, transform=ax.transAxes)  # fmt: skip


def _dumbbells(ax: Axes, part: pd.DataFrame) -> None:
    """A line from median to 90th percentile for each model, this study's in colour."""
    for place, row in enumerate(part.itertuples()):
        colour = DIRTY if row.model == OURS else SENT
        ends = 100 * np.array([row.time_median, row.time_p90])
        ax.plot(ends, [place, place], color=colour, linewidth=2)
        ax.plot(ends[0], place, "o", color=colour, markersize=7)
        ax.plot(ends[1], place, "|", color=colour, markersize=11, markeredgewidth=2)
    ax.set_yticks(range(len(part)), part.model)
    scale(ax, "x", 100 * np.concatenate([part.time_median, part.time_p90]), log=True)
    ax.set_xlabel("error of total time [%]")
    ax.grid(axis="y", visible=False)


def _best_rival(league: pd.DataFrame) -> pd.Series:
    """The rival with the least median error of time."""
    others = league[~league.model.str.startswith(OURS)]
    return others.iloc[int(others.time_median.argmin())]


@drawn
def intervals(compared: pd.DataFrame) -> Figure:
    """Measured over predicted total time of each migration on its 50 % and 90 % intervals, by width."""
    done = compared[compared.measured_verdict != "never"]
    order = done.assign(width=done.total_s_high90 / done.total_s_low90).sort_values("width")
    place = np.arange(len(order))
    fig, ax = plt.subplots(figsize=(WIDTH, 3.8))
    for level, colour in ((90, FAINT), (50, "#aebccd")):
        low, high = (100 * (order[f"total_s_{end}{level}"] / order.total_s - 1) for end in ("low", "high"))
        ax.vlines(place, low, high, color=colour, linewidth=3.5, zorder=1)
    inside = _measured(ax, place, order)
    ax.set_yscale("symlog", linthresh=10)
    ax.set_yticks([-50, -20, -10, -5, 0, 5, 10, 20, 50, 100], minor=False)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_ylabel("measured / predicted - 1 [%]")
    ax.set_xlabel("migrations, ordered by the width of their interval")
    ax.set_xticks([])
    ax.axhline(0, color=QUIET, linewidth=0.8, zorder=2)
    title = f"{inside.mean():.0%} of {len(order)} migrations lie inside their 90 % interval"
    alt = "A grey bar for each migration's interval, dark for 50 %; dots inside, diamonds outside."
    return entitle(fig, title, alt)


@drawn
def near_the_limit(compared: pd.DataFrame, ratio: np.ndarray) -> Figure:
    """Measured over predicted total time by how much is written for what the link carries, with intervals.

    ``ratio``: writes over the link's rate of each row of ``compared``.
    """
    done = (compared.measured_verdict != "never").to_numpy()
    rows, at = compared[done], ratio[done]
    fig, ax = plt.subplots(figsize=(WIDTH, 3.8))
    low, high = (100 * (rows[f"total_s_{end}90"] / rows.total_s - 1) for end in ("low", "high"))
    ax.vlines(at, low, high, color=FAINT, linewidth=3, zorder=1)
    inside = _measured(ax, at, rows)
    ax.axhline(0, color=QUIET, linewidth=0.8, zorder=2)
    ax.axvline(1, color=QUIET, linewidth=0.8, linestyle=":", zorder=2)
    ax.set_xlabel("pages written for each that the link carries")
    ax.set_ylabel("measured / predicted - 1 [%]")
    title = f"{inside.mean():.0%} of {len(rows)} migrations near the limit lie inside their 90 % interval"
    alt = (
        "A grey bar for each migration's interval of 90 %; dots inside, diamonds outside; a dotted line at 1."
    )
    return entitle(fig, title, alt)


def _measured(ax: Axes, place: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
    """Measured over predicted total times at their places: dots inside the interval of 90 %, else diamonds.

    Returns whether each is inside.
    """
    inside = rows.measured_total_s.between(rows.total_s_low90, rows.total_s_high90).to_numpy()
    off = (100 * (rows.measured_total_s / rows.total_s - 1)).to_numpy()
    for hit, colour, marker in ((True, INK, "o"), (False, DIRTY, "D")):
        ax.plot(place[inside == hit], off[inside == hit], marker, color=colour, markersize=4, zorder=3)
    return inside


def league_table(league: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """Errors of all models as readable cells, and below them what papers claim, marked as theirs."""
    fitted = league.model.str.startswith(OURS) | (league.model == "gradient boosting")
    shown = league[fitted | ~league.model.duplicated()]
    cells = pd.DataFrame(
        {
            "held out": shown.held_out.where(fitted, "nothing fitted"),
            "time median": _percent(shown.time_median),
            "time p90": _percent(shown.time_p90),
            "bytes": _percent(shown.bytes_median),
            "downtime": shown.downtime_ms_median.map("{:.0f} ms".format),
        }
    ).set_axis(shown.model, axis=0)
    return pd.concat([cells, _claims(claims)]).fillna("").rename_axis("model")


def _claims(claims: pd.DataFrame) -> pd.DataFrame:
    """Claims about the accuracy of time or downtime, each in the column it is about."""
    about = claims[claims.target.str.contains("time|targets") & claims.claim.str.contains("90|factor")]
    columns = np.where(about.target == "downtime", "downtime", "time median")
    told = zip(columns, about.claim, strict=True)
    rows = [{"held out": "claimed in the paper", column: claim} for column, claim in told]
    return pd.DataFrame(rows, index=about.study + " " + about.year)


def _percent(share: pd.Series) -> pd.Series:
    return share.map(lambda x: f"{100 * x:.1f} %")
