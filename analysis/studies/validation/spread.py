"""How much migrations differ among each other: measured repeats beside draws for the same traffic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.parameters import PARAMETERS
from analysis.studies.traffic import Traffic, durations, fair_flows

SAMPLES = 2000
"""Samples as small as the measured one, by which it is judged whether its spread is an ordinary one."""
TRAFFIC_COLUMNS = ("network", "background_share", "background_burst_s")


class Repeats(NamedTuple):
    """One kind of other traffic: total times [s] as measured and as drawn."""

    traffic: str
    measured: np.ndarray
    drawn: np.ndarray


def compare_repeats(repeats: pd.DataFrame, *, draws: int = 2000, seed: int = 0) -> list[Repeats]:
    """Measured total times of each kind of traffic and as many ``draws`` of the model as asked for.

    ``repeats`` is what ``observations.repeats.read_repeats`` returns. Nothing is fitted and nothing but the
    other traffic varies: flows that share the line fairly with the migration.
    """
    found = []
    for traffic, rows in repeats.groupby("traffic", sort=False):
        drawn = durations(_traffic(rows), draws=draws, seed=seed, **_scenario(rows)).total_s
        found.append(Repeats(str(traffic), np.sort(rows.measured_total_s), drawn.to_numpy()))
    return found


def _scenario(rows: pd.DataFrame) -> dict[str, Any]:
    """The parameters that the repeats share, without those of the other traffic."""
    first = rows.iloc[0]
    return {name: first[name] for name in PARAMETERS if name in rows and name not in TRAFFIC_COLUMNS}


def _traffic(rows: pd.DataFrame) -> Traffic:
    first = rows.iloc[0]
    return fair_flows(int(first.cross_flows), max(first.cross_on_s, 1e-9), first.cross_off_s)


def spread_table(found: Sequence[Repeats], seed: int = 0) -> pd.DataFrame:
    """Mean [s] and coefficient of variation by traffic, measured and drawn.

    ``cv_low`` and ``cv_high``: 5th and 95th percentile of the coefficient of variation of samples of the
    model that are as small as the measured one; ``ordinary``: the measured one lies between.
    """
    rng = np.random.default_rng(seed)
    return pd.DataFrame([_row(one, rng) for one in found]).set_index("traffic")


def _row(one: Repeats, rng: np.random.Generator) -> dict[str, Any]:
    samples = rng.choice(one.drawn, (SAMPLES, len(one.measured)))
    low, high = np.quantile(samples.std(axis=1, ddof=1) / samples.mean(axis=1), (0.05, 0.95))
    measured_cv = variation(one.measured)
    return {
        "traffic": one.traffic,
        "n": len(one.measured),
        "measured_mean_s": one.measured.mean(),
        "drawn_mean_s": one.drawn.mean(),
        "measured_cv": measured_cv,
        "drawn_cv": variation(one.drawn),
        "cv_low": low,
        "cv_high": high,
        "ordinary": bool(low <= measured_cv <= high),
    }


def variation(times: np.ndarray) -> float:
    """Coefficient of variation: standard deviation over mean; 0 for a single time."""
    return float(np.std(times, ddof=1) / np.mean(times)) if len(times) > 1 else 0.0


def within(finished_s: np.ndarray, window_s: float | np.ndarray) -> np.ndarray:
    """Share of draws that are done within a window, or within each of several."""
    return np.searchsorted(np.sort(finished_s), window_s, side="right") / len(finished_s)
