"""Errors and intervals by how near the link's limit the guest writes, and the scatter of repeats there."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.model.migration import filled, parameters_in
from analysis.studies.hosts import conformal
from analysis.studies.hosts.host import Host
from analysis.studies.hosts.prediction import repeats_spread, writes_over_link
from analysis.studies.validation.migrations import error_table

EDGES = (0.0, *conformal.EDGES, np.inf)
"""Writes over what the link carries, between the regimes."""
FEWEST = 3
"""Repeats of one configuration from which their scatter is told."""
NORMAL_90 = 2 * 1.645
"""Width of an interval of 90 % of a normal law, in standard deviations."""


def regime(table: pd.DataFrame) -> pd.Series:
    """The range of writes over the link's rate in which each row lies, as a label in order."""
    ratio = regime_ratio(table)
    names = [
        f"{low:g} to {high:g}" if np.isfinite(high) else f"above {low:g}" for low, high in pairwise(EDGES)
    ]
    places = np.clip(np.searchsorted(EDGES, ratio, side="right") - 1, 0, len(names) - 1)
    return pd.Series(
        pd.Categorical.from_codes(places.tolist(), pd.Index(names), ordered=True), index=table.index
    )


def regime_ratio(table: pd.DataFrame) -> Floats:
    """Pages written for each that the link carries, a row each."""
    return writes_over_link(filled(parameters_in(table)))


def cells(table: pd.DataFrame) -> pd.DataFrame:
    """The same with readable cells: counts whole, ratios to three digits, shares in per cent."""
    shown = table.rename(columns=lambda name: str(name).replace("_", " "))
    for name in map(str, list(shown)):
        shown[name] = shown[name].map(_FORMATS.get(name, _percent))
    return shown


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.1f} %"


_FORMATS: dict[str, Callable[[float], str]] = {"n": "{:.0f}".format, "writes over link": "{:.3g}".format}


def by_regime(compared: pd.DataFrame) -> pd.DataFrame:
    """Errors by regime, a row each, in order; ``compared``: what ``validation.migrations.compare`` returns.

    Columns: ``n``, ``median`` and ``p90`` of the relative error of time, ``bias``, ``verdict_right``, and the
    shares inside the intervals of 50 and 90 %.
    """
    rows = {name: _row(part) for name, part in compared.groupby(regime(compared), observed=True)}
    return pd.DataFrame(rows).T.rename_axis("writes over the link's rate").astype({"n": int})


def _row(part: pd.DataFrame) -> dict[str, float]:
    figures = error_table(part)
    error = figures["total_s"]
    return {
        "n": figures["n"],
        "median": error["median_relative_error"],
        "p90": error["p90_relative_error"],
        "bias": error["bias"],
        "verdict_right": figures.get("convergence", {}).get("accuracy", np.nan),
        **{f"inside_{level}": share for level, share in figures["coverage"].items()},
    }


def repeats(compared: pd.DataFrame, host: Host | None = None) -> pd.DataFrame:
    """Scatter of repeats of one configuration, measured and drawn, a row a configuration.

    Rows that agree in all parameters are repeats. ``writes_over_link``; ``n``; ``measured_spread``: standard
    deviation of the logarithm of total time; ``repeats_spread``: that of draws as the ``host`` knows
    repeats to scatter, NaN where it knows of none; ``drawn_spread``: that of a normal law with the interval
    of 90 % that the prediction states.
    """
    known = compared[list(parameters_in(compared))]
    key = known.astype(str).agg("|".join, axis=1)
    ratio = pd.Series(regime_ratio(compared), index=compared.index)
    host = host or Host()
    rows = [_spread(part, float(ratio[part.index[0]]), host) for _, part in compared.groupby(key, sort=False)
            if len(part) >= FEWEST]  # fmt: skip
    names = ["writes_over_link", "n", "measured_spread", "repeats_spread", "drawn_spread"]
    return pd.DataFrame(rows, columns=names).sort_values("writes_over_link", ignore_index=True)


def _spread(part: pd.DataFrame, ratio: float, host: Host) -> dict[str, float]:
    first = part.iloc[0]
    drawn = np.log(first.total_s_high90 / first.total_s_low90) / NORMAL_90
    return {
        "writes_over_link": ratio,
        "n": len(part),
        "measured_spread": float(np.log(part.measured_total_s).std(ddof=1)),
        "repeats_spread": float(repeats_spread(part.head(1), host)[0]),
        "drawn_spread": float(drawn),
    }
