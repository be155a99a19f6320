"""Published Hyper-V measurements that give link, memory and time."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis.observations.lab import DATA, located
from analysis.observations.tables import read_table

COLUMNS = {
    "case": "text",
    "host_version": "text",
    "workload": "text",
    "link": "text",
    "transport": "text",
    "evidence": "text",
    "source": "text",
    "vm_count": "number or empty",
    "memory_gib": "number or empty",
    "bandwidth_gbps": "number or empty",
    "total_s_low": "number or empty",
    "total_s_high": "number or empty",
}


def read_published(path: str | Path = DATA / "published_hyperv.csv") -> pd.DataFrame:
    """Measurements that give how much memory moved over which link and how long it took, one row each.

    ``total_s_low`` and ``total_s_high`` bound the time; one of them is empty for "over" or "under".
    """
    raw = read_table(located(path), COLUMNS)
    stated = raw[["vm_count", "memory_gib", "bandwidth_gbps"]].notna().all(axis=1)
    timed = raw[["total_s_low", "total_s_high"]].notna().any(axis=1)
    return raw.loc[stated & timed, list(COLUMNS)].reset_index(drop=True)
