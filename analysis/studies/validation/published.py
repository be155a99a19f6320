"""Published Hyper-V times predicted blind: from link, memory and version, with nothing fitted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.model.laws.link import STREAMS
from analysis.model.migration import migrate
from analysis.observations.published import read_published
from analysis.parameters import PARAMETERS
from analysis.presets import host

VERSIONS = {"2008 R2": "windows_2008r2", "2012 R2": "windows_2012r2", "2012": "windows_2012"}
"""Preset of a host version, by how its name begins; the more exact name first."""
IDLE_PAGES_PER_S = 100.0
"""Page writes per second of a virtual machine that is called idle; a working one has the default."""

BOUND = 0.15
"""A prediction that is off by more than this is a miss."""

CAUSES = {
    "many small machines": "set-up work of each machine, about 0.8 s here, is counted once",
    "one small machine on a fast link": "set-up takes 3.4 s here, 2 s by default",
    "loaded machine": "more memory in use, or written again, than by default",
    "compressor": "idle hosts of two sockets have more spare cores than four",
}


def predict_published(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Published rows with the predicted time and the relative error to the nearest published bound.

    Machines that moved together are one migration of all their memory over as many connections as
    their number allows: they share the line. Everything not published has its default.
    """
    rows = read_published() if table is None else table
    scenarios = pd.concat([_scenario(row) for row in rows.itertuples()], ignore_index=True)
    found = migrate(scenarios)
    low, high = rows.total_s_low, rows.total_s_high
    nearest = found.total_s.clip(lower=low.fillna(-np.inf), upper=high.fillna(np.inf))
    return rows.assign(
        host=[_version(name) for name in rows.host_version],
        predicted_s=found.total_s,
        limited_by=found.limited_by,
        error=found.total_s / nearest - 1,
    )


def likely_cause(row: pd.Series) -> str:
    """Why a prediction is off by more than :data:`BOUND`, in words; empty where it is not."""
    if abs(row.error) <= BOUND:
        return ""
    if row.vm_count > 1 and row.memory_gib < 1:
        return CAUSES["many small machines"]
    if row.memory_gib < 1:
        return CAUSES["one small machine on a fast link"]
    return CAUSES["compressor" if row.limited_by == "spare_cores" else "loaded machine"]


def _scenario(row: Any) -> pd.DataFrame:
    preset = host(_version(row.host_version)).parameters
    given = {
        "memory_gib": row.memory_gib * row.vm_count,
        "bandwidth_gbps": row.bandwidth_gbps,
        "transport": row.transport,
        "streams": row.vm_count * STREAMS[row.transport],
    }
    each = IDLE_PAGES_PER_S if row.workload == "idle" else PARAMETERS["dirty_pages_per_s"].default
    return pd.DataFrame([{**preset, **given, "dirty_pages_per_s": each * row.vm_count}])


def _version(name: str) -> str:
    return next((preset for start, preset in VERSIONS.items() if name.startswith(start)), "windows_2012r2")
