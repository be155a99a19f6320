"""TCP connections whose link was cut for a moment, measured for this study: what their clients waited.

The set-up is described in ``data/README.md``; ``data/collect/tcp_stalls.py`` measured it.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis.observations.lab import DATA, located
from analysis.observations.tables import read_table

COLUMNS = {
    "mode": "text",
    "nodelay": "number",
    "interval_ms": "number",
    "pause_s": "number",
    "first_write_s": "number",
    "wait_s": "number",
    "silence_s": "number",
    "hit": "number",
    "rtt_ms": "number",
}


def read_stalls(path: str | Path = DATA / "tcp_stalls.csv") -> pd.DataFrame:
    """Connections that ran into a cut, one row each.

    Columns: ``mode`` (``writes`` or ``request``), ``pipelined`` (whether a message goes out while another is
    under way), ``interval_s``, ``round_trip_s``, ``pause_s``, ``left_s`` (what was left of the cut when the
    first message ran into it), ``measured_wait_s`` (from that message being written to its arrival, or its
    answer's) and ``measured_silence_s`` (from the beginning of the cut to the same moment).
    """
    raw = read_table(located(path), COLUMNS)
    raw = raw[raw["hit"] == 1].reset_index(drop=True)
    return pd.DataFrame({
        "mode": raw["mode"],
        "pipelined": (raw["mode"] == "writes") & (raw["nodelay"] == 1),
        "interval_s": raw["interval_ms"] / 1000,
        "round_trip_s": raw["rtt_ms"] / 1000,
        "pause_s": raw["pause_s"],
        "left_s": (raw["pause_s"] - raw["first_write_s"]).clip(lower=0),
        "measured_wait_s": raw["wait_s"],
        "measured_silence_s": raw["silence_s"],
    })  # fmt: skip
