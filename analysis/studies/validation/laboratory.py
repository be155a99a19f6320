"""The model beside the laboratory's migrations, and error figures as a table of readable cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.studies.hosts.host import Host, without_link
from analysis.studies.validation.migrations import compare, covered, error_table, given_throughput, plain


def laboratory_errors(observed: pd.DataFrame, host: Host) -> dict[str, Any]:
    """Error figures on migrations of the laboratory.

    The headline is the nominal link, with nothing known that only the migration itself shows;
    ``plain`` is its part without other traffic and below the host's own ceiling.
    """
    rows = observed[covered(observed)]
    if rows.empty:
        return {"n": 0, "left_out": len(observed)}
    compared = compare(rows, host)
    known = compare(given_throughput(rows), without_link(host))
    precopy = known[known.method == "precopy"]
    parts = {"plain": compared[plain(compared)], "given_throughput": precopy}
    methods = {name: error_table(part) for name, part in compared.groupby("method")}
    return (
        error_table(compared)
        | {"left_out": len(observed) - len(rows), "by_method": methods}
        | {name: error_table(part) for name, part in parts.items()}
    )


def summary(parts: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Error tables by name as one table of readable cells, a row each."""
    return pd.DataFrame({name: _cells(part) for name, part in parts.items()}).T


def _cells(part: Mapping[str, Any]) -> dict[str, str]:
    cells = {"migrations": str(part["n"]), "completed": str(part["n_completed"])}
    for name, key in (("time", "total_s"), ("bytes", "transferred_bytes")):
        if key in part:
            error = part[key]
            cells[f"{name} median"] = percent(error["median_relative_error"])
            cells[f"{name} p90"] = percent(error["p90_relative_error"])
            cells[f"{name} within 10 %"] = percent(error["share_within_10pct"])
            cells[f"{name} bias"] = percent(error["bias"])
    if "downtime_ms" in part:
        cells["downtime median"] = milliseconds(part["downtime_ms"]["median_absolute_error"])
        cells["downtime p90"] = milliseconds(part["downtime_ms"]["p90_absolute_error"])
    if "convergence" in part:
        cells["verdict right"] = percent(part["convergence"]["accuracy"])
    held = {f"in {level} % interval": percent(share) for level, share in part["coverage"].items()}
    return cells | held


def percent(value: float | None) -> str:
    return "-" if value is None or np.isnan(value) else f"{100 * value:.1f} %"


def milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"
