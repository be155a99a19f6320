"""Prediction of migrations that had no part in the fit: whole groups are held out.

Random folds leak: repeats of one configuration land on both sides. Here a whole write pattern, or all
migrations in a range of link speeds, is predicted by a host calibrated on the others.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from analysis.model.migration import parameters_in
from analysis.studies.hosts.calibration import calibrate
from analysis.studies.hosts.counting import as_counted
from analysis.studies.hosts.prediction import coverage, predict
from analysis.studies.validation import rivals

LINK_EDGES_GBPS = (0.0, 0.3, 0.5, 0.8, 1.05, np.inf)
"""Ranges of line rates that are held out together."""
OURS, IN_SAMPLE = "this study", "this study, in sample"
OUTCOMES = ("total_s", "stream_gib", "blackout_s")

Predictor = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]


def link_groups(observed: pd.DataFrame) -> pd.Series:
    """The range of line rates of each migration, as a label."""
    labels = [f"{low:g} to {high:g} Gbit/s" for low, high in pairwise(LINK_EDGES_GBPS)]
    return pd.cut(observed.bandwidth_gbps, LINK_EDGES_GBPS, labels=labels).astype(str)


GROUPINGS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "write pattern": lambda table: table.write_pattern,
    "link speed": link_groups,
}
"""How migrations are held out: each group of one grouping in its turn."""


def held_out(observed: pd.DataFrame, groups: pd.Series, predictor: Predictor) -> pd.DataFrame:
    """Predictions of every group by a predictor that was given only the other groups, in the rows' order."""
    parts = [
        predictor(observed[groups != group], observed[groups == group]).set_axis(
            observed.index[groups == group]
        )
        for group in dict.fromkeys(groups)
    ]
    return pd.concat(parts).loc[observed.index]


def by_this_study(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """The host calibrated on ``train`` predicts ``test``."""
    return predict(inputs(test), calibrate(train))


def by_this_study_corrected(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """The same with the learned second stage."""
    return predict(inputs(test), calibrate(train, learn_correction=True))


def predictors() -> dict[str, Predictor]:
    """This study, every rival, and boosted trees where scikit-learn is installed."""
    found: dict[str, Predictor] = {OURS: by_this_study}
    for name, rival in rivals.RIVALS.items():
        found[name] = _untrained(rival)
    try:
        import sklearn  # noqa: F401
    except ImportError:
        return found
    return found | {"gradient boosting": rivals.boosted_trees}


def _untrained(rival: Callable[[pd.DataFrame], pd.DataFrame]) -> Predictor:
    """A rival that fits nothing, as one that is given other migrations too."""
    return lambda train, test: rival(test)


def inputs(observed: pd.DataFrame) -> pd.DataFrame:
    """What may be known before a migration: parameters and the kind of it, nothing measured."""
    kinds = [c for c in ("method", "workload") if c in observed]
    return observed[[*parameters_in(observed), *kinds]]


def league(observed: pd.DataFrame) -> pd.DataFrame:
    """Errors of this study and its rivals on the same migrations, one row a model and grouping.

    Columns: ``model``, ``held_out``, and median and 90th percentile of the relative error of time and bytes
    and of the absolute error of the downtime [ms]. Models that fit nothing have the same row each time.
    This study's rows also have the share of migrations inside its intervals of time and downtime
    (``time_inside_50`` and so on).
    """
    table = observed[observed.measured_verdict != "never"].reset_index(drop=True)
    rows = [_errors(IN_SAMPLE, "nothing", table, predict(inputs(table), calibrate(table)))]
    for grouping, groups_of in GROUPINGS.items():
        groups = groups_of(table)
        for name, predictor in predictors().items():
            rows.append(_errors(name, grouping, table, held_out(table, groups, predictor)))
    return pd.DataFrame(rows)


def _errors(model: str, grouping: str, table: pd.DataFrame, found: pd.DataFrame) -> dict[str, Any]:
    total = np.minimum(found.total_s, table.get("time_limit_s", np.inf))
    stream = as_counted(found, table) if "memory_sent_gib" in found else found.stream_gib
    sizes = {
        "time": (total / table.measured_total_s - 1).abs(),
        "bytes": (stream / table.measured_stream_gib - 1).abs(),
        "downtime_ms": (found.blackout_s - table.measured_blackout_s).abs() * 1000,
    }
    quantiles = (("median", 0.5), ("p90", 0.9))
    row = {f"{name}_{q}": size.quantile(x) for name, size in sizes.items() for q, x in quantiles}
    return {"model": model, "held_out": grouping, **row, **_inside(table, found)}


def _inside(table: pd.DataFrame, found: pd.DataFrame) -> dict[str, float]:
    """Share of migrations inside the intervals of a prediction that has some."""
    if "total_s_low90" not in found:
        return {}
    times = {"time": "total_s", "downtime": "blackout_s"}
    shares = {short: coverage(found, name, table[f"measured_{name}"]) for short, name in times.items()}
    return {f"{short}_inside_{level}": x for short, share in shares.items() for level, x in share.items()}
