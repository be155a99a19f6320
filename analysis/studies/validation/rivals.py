"""Rival models of pre-copy, to be beaten on the same rows with the same inputs.

Each takes a table of scenarios and returns ``total_s``, ``stream_gib`` and ``blackout_s`` for every row.
None has a fitted constant but the boosted trees, which learn from other migrations. What they share with
this study: the pages of content, the payload rate of the nominal link, the fixed times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.model import dirtying
from analysis.model.migration import content_pages, filled, parameters_in, rates
from analysis.model.units import PAGE_BYTES, PAGES_PER_GIB
from analysis.parameters import PARAMETERS

MOST_PASSES = 50
CLIPPED = 0.95
"""Largest ratio of dirty rate to send rate that the closed form is given; beyond it time is endless."""


class Rows(NamedTuple):
    """What every rival is told of a migration, in pages and seconds."""

    content: np.ndarray
    rate: np.ndarray
    dirty: np.ndarray
    working_set: np.ndarray
    target: np.ndarray
    pass_limit: np.ndarray
    fixed_s: np.ndarray
    page_gib: np.ndarray


def rows_of(scenarios: pd.DataFrame) -> Rows:
    """Scenarios as rivals see them."""
    p = filled(parameters_in(scenarios))
    rate = rates(p).pages_per_s
    target = np.nan_to_num(p["blackout_target_ms"], nan=300.0) / 1000 * rate
    limit = np.nan_to_num(p["pass_limit"], nan=MOST_PASSES)
    working_set = p["working_set_gib"] * PAGES_PER_GIB
    fixed = p["setup_s"] + p["handoff_ms"] / 1000
    page = (PAGE_BYTES + p["page_header_bytes"]) / 2**30
    return Rows(content_pages(p), rate, p["dirty_pages_per_s"], working_set, target, limit, fixed, page)


def memory_over_bandwidth(scenarios: pd.DataFrame) -> pd.DataFrame:
    """V / B: what every calculator says. No pass is repeated."""
    r = rows_of(scenarios)
    return _answer(r, r.content, np.zeros_like(r.content))


def memory_over_net_bandwidth(scenarios: pd.DataFrame) -> pd.DataFrame:
    """V / (B - D): the geometric series without end (goncalonuno/EdgeMig), D / B at most 0.95."""
    r = rows_of(scenarios)
    ratio = np.minimum(r.dirty / r.rate, CLIPPED)
    return _answer(r, r.content / (1 - ratio), np.zeros_like(r.content))


def geometric(scenarios: pd.DataFrame) -> pd.DataFrame:
    """Constant dirty rate without saturation: the mechanism of Clark et al. (2005), AVG of Akoush (2010)."""
    return _recurrence(scenarios, lambda r, t: r.dirty * t)


def capped_working_set(scenarios: pd.DataFrame) -> pd.DataFrame:
    """Dirty pages grow in proportion to time up to the working set: SimGrid's live migration."""
    return _recurrence(scenarios, lambda r, t: np.minimum(r.dirty * t, r.working_set))


def uniform_saturation(scenarios: pd.DataFrame) -> pd.DataFrame:
    """Uniform writes whatever the pattern: W (1 - exp(-D t / W)), passes sent whole."""
    return _recurrence(scenarios, _uniform)


def _uniform(r: Rows, t: np.ndarray) -> np.ndarray:
    one = (np.asarray(column)[:, None] for column in (r.dirty, r.working_set, np.zeros(len(r.dirty), bool)))
    return dirtying.distinct_pages(t, dirtying.WriteClasses(*one))


RIVALS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "memory / bandwidth": memory_over_bandwidth,
    "memory / (bandwidth - dirty rate)": memory_over_net_bandwidth,
    "constant rate, geometric": geometric,
    "capped working set": capped_working_set,
    "uniform saturation": uniform_saturation,
}


def boosted_trees(train: pd.DataFrame, test: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Gradient-boosted trees (scikit-learn) that learn log time, bytes and downtime from the same inputs.

    ``train`` needs the ``measured_`` columns. Raises ImportError where scikit-learn is not installed.
    """
    from sklearn import config_context
    from sklearn.ensemble import GradientBoostingRegressor

    known = pd.concat([_features(train), _features(test)])
    x, x_test = known.iloc[: len(train)], known.iloc[len(train) :]
    found = {}
    for name in ("total_s", "stream_gib", "blackout_s"):
        y = np.log(train[f"measured_{name}"] + (0.001 if name == "blackout_s" else 0))
        shape = {"n_estimators": 400, "max_depth": 3, "learning_rate": 0.05, "subsample": 0.8}
        trees = GradientBoostingRegressor(**shape, random_state=seed)
        # Each of the trees would look at the same few parameters and numbers anew, a third of the time.
        with config_context(skip_parameter_validation=True, assume_finite=True):
            found[name] = np.exp(trees.fit(x, y).predict(x_test))
    return pd.DataFrame(found, index=test.index)


def _features(scenarios: pd.DataFrame) -> pd.DataFrame:
    """Inputs of the trees: the scenario's numbers that vary, logs of what a physicist would try, patterns."""
    known = [c for c in scenarios.columns if c in PARAMETERS and not PARAMETERS[c].choices]
    numbers = scenarios[known].astype(float)
    r = rows_of(scenarios)
    tried = pd.DataFrame(
        {
            "log_first_pass": np.log(r.content / r.rate),
            "log_dirty_over_rate": np.log(r.dirty / r.rate + 1e-4),
            "log_content": np.log(r.content),
            "working_set_over_content": r.working_set / r.content,
        },
        index=scenarios.index,
    )
    patterns = PARAMETERS["write_pattern"].choices
    pattern = pd.DataFrame({f"is_{name}": scenarios.write_pattern == name for name in patterns})
    return pd.concat([numbers, tried, pattern.astype(float)], axis=1)


def _recurrence(scenarios: pd.DataFrame, dirtied: Callable[[Rows, np.ndarray], np.ndarray]) -> pd.DataFrame:
    """Send what is dirty, find what became dirty meanwhile; stop at the target or the pass limit."""
    r = rows_of(scenarios)
    remaining, sent = r.content.astype(float), np.zeros_like(r.content)
    going, passes = np.ones(len(remaining), bool), 0
    while going.any() and passes < MOST_PASSES:
        passes += 1
        again = dirtied(r, remaining / r.rate)
        sent = np.where(going, sent + remaining, sent)
        remaining = np.where(going, again, remaining)
        going &= (remaining > r.target) & (passes < r.pass_limit)
    return _answer(r, sent, remaining)


def _answer(r: Rows, sent: np.ndarray, residual: np.ndarray) -> pd.DataFrame:
    blackout = residual / r.rate
    total = r.fixed_s + sent / r.rate + blackout
    return pd.DataFrame(
        {"total_s": total, "stream_gib": (sent + residual) * r.page_gib, "blackout_s": blackout}
    )
