"""Designs and the questions that sweeps ask: tables of scenarios in, tables of answers out.

Everything here works on the one table of the study, a row a migration and a column a parameter;
the model itself is :func:`analysis.model.migration.migrate`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..model.dirtying import distinct_pages, write_classes
from ..model.migration import migrate, passes
from ..model.units import PAGES_PER_GIB
from ..parameters import defaults

DRAWN_PASSES = 40
"""Passes that :func:`course` follows; a migration that never ends would have a thousand."""


def grid(**lists: Any) -> pd.DataFrame:
    """Every combination of some lists of parameter values, one row each; scalars are kept constant.

    The last list varies fastest.

    >>> grid(bandwidth_gbps=[1, 10], memory_gib=16)
       bandwidth_gbps  memory_gib
    0               1          16
    1              10          16
    """
    columns = {name: [value] if np.ndim(value) == 0 else list(value) for name, value in lists.items()}
    return pd.DataFrame(list(itertools.product(*columns.values())), columns=list(columns))


def refined(values: Sequence[float], points: int = 120) -> np.ndarray:
    """The values themselves and enough others between the least and the greatest for a smooth line.

    Evenly spaced by ratio where all values are above zero, else by difference.
    """
    low, high = min(values), max(values)
    between = np.geomspace(low, high, points) if low > 0 else np.linspace(low, high, points)
    return np.unique(np.concatenate([np.asarray(values, float), between[1:-1]]))


def first_value_reaching(frame: pd.DataFrame, x: str, y: str, goal: float) -> float:
    """Least ``x`` from which on ``y`` stays at or above ``goal``; NaN if it does not at the greatest ``x``."""
    ordered = frame.sort_values(x, ascending=False)
    held = (ordered[y] >= goal).cumprod().astype(bool)
    return float(ordered.loc[held, x].min())


def distinct_gib(seconds: np.ndarray, scenarios: pd.DataFrame) -> np.ndarray:
    """Distinct memory [GiB] that the guests of scenarios dirty in some seconds: rows by times."""
    times = np.atleast_1d(np.asarray(seconds, float))
    p = _filled(scenarios)
    pages = np.minimum(p["working_set_gib"], p["memory_gib"]).to_numpy(float) * PAGES_PER_GIB
    shape = ("hot_page_share", "hot_write_share", "zipf_exponent")
    classes = write_classes(
        p["write_pattern"].to_numpy(object),
        p["dirty_pages_per_s"].to_numpy(float),
        pages,
        *(p[name].to_numpy(float) for name in shape),
    )
    each = [distinct_pages(np.full(len(p), t), classes) for t in times]
    return np.stack(each, axis=1) / PAGES_PER_GIB


def course(points: int = 50, **scenario: Any) -> pd.DataFrame:
    """One migration in time: what is still to be sent and what became dirty meanwhile.

    One row a point in time. Columns: ``pass_number``, ``time_s`` (since the migration began),
    ``to_send_gib`` (left of this pass, and what it will not get to), ``dirtied_gib`` (newly dirty
    since the pass began). Follows the first :data:`DRAWN_PASSES` passes.
    """
    steps = passes(**scenario).head(DRAWN_PASSES)
    p = _filled(migrate(**scenario))
    resident = p["memory_gib"] * p["resident_share"] * PAGES_PER_GIB
    steps = steps.assign(to_send=steps["remaining_pages"].shift(fill_value=resident.iloc[0]))
    parts = [_within_pass(step, p, points) for step in steps.itertuples()]
    return pd.concat(parts, ignore_index=True)


def _within_pass(step: Any, scenario: pd.DataFrame, points: int) -> pd.DataFrame:
    """The course of one pass; dirtying follows u(t), scaled to what the pass found at its end."""
    share = np.linspace(0, 1, points)
    curve = distinct_gib(share * step.duration_s, scenario)[0]
    rising = curve / curve[-1] if curve[-1] > 0 else share
    columns = {
        "pass_number": step.pass_number,
        "time_s": step.start_s + share * step.duration_s,
        "to_send_gib": (step.to_send - share * step.sent_pages) / PAGES_PER_GIB,
        "dirtied_gib": rising * step.dirtied_pages / PAGES_PER_GIB,
    }
    return pd.DataFrame(columns)


def _filled(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with a column for every parameter: its own, or the default."""
    lacking = {name: value for name, value in defaults().items() if name not in frame}
    return frame.assign(**lacking)
