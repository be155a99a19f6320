"""The laboratory's repeated migrations beside other flows: one scenario, moved again and again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis.observations.lab import DATA, located, read_migrations
from analysis.observations.tables import read_table

GROUP = "network"
COLUMNS = {"migration": "text", "group": "text", "cross_on_s": "number", "cross_off_s": "number"}


def read_repeats(path: str | Path = DATA / "migrations.csv") -> pd.DataFrame:
    """Rows of :func:`~analysis.observations.lab.read_migrations` that repeat one scenario, and their traffic.

    Adds ``cross_on_s`` and ``cross_off_s``, the mean times that each other flow is on and off (off 0: always
    on), and ``traffic``, which says it in words; rows stand in the order of how much traffic there is.
    """
    raw = read_table(located(path), COLUMNS)
    times = raw.loc[raw["group"] == GROUP, ["migration", "cross_on_s", "cross_off_s"]]
    rows = read_migrations(path).merge(times, on="migration")
    words = [_words(*row) for row in rows[["cross_flows", "cross_on_s", "cross_off_s"]].to_numpy()]
    # By the flows that are on at a time: none, some of the time, always.
    order = (rows.cross_off_s > 0).map({True: 0.5, False: 1.0}) * rows.cross_flows.clip(upper=1)
    return (
        rows.assign(traffic=words, _order=order).sort_values("_order", kind="stable").drop(columns="_order")
    )


def _words(flows: float, on_s: float, off_s: float) -> str:
    if flows == 0:
        return "no other traffic"
    count = f"{flows:.0f} flow{'' if flows == 1 else 's'}"
    return f"{count}, always on" if off_s <= 0 else f"{count}, {on_s:g} s on and {off_s:g} s off"
