"""What a calibration may fit: quantities of the mechanism, and which of them some migrations speak of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.errors import UserError
from analysis.parameters import nearest

FEWEST = 3
"""Migrations that must speak of a quantity before it is fitted."""


@dataclass(frozen=True)
class Candidate:
    """A quantity that a calibration may fit: a parameter's value, or (``scale``) a factor on it.

    ``label``: a column by whose values the quantity differs. ``about``: the rows that say something of it.
    ``first``: where the fit begins if neither table nor default say.
    """

    name: str
    low: float
    high: float
    about: Callable[[pd.DataFrame], pd.Series]
    scale: bool = False
    label: str = ""
    first: float = 0.0


def _all(table: pd.DataFrame) -> pd.Series:
    return pd.Series(True, index=table.index)


def _with_setup(table: pd.DataFrame) -> pd.Series[bool]:
    """True for rows whose total time has the set-up in it."""
    return ~table.get("without_setup", pd.Series(False, index=table.index)).eq(True)


CANDIDATES = (
    Candidate("extra_resident_mib", 1.0, 1e5, lambda t: t.transport != "compression", first=64.0),
    Candidate("bandwidth_gbps", 0.3, 1.1, lambda t: t.transport != "compression", scale=True),
    Candidate("stream_limit_gbps", 0.05, 400.0, lambda t: t.bandwidth_gbps > 0.5 * t.stream_limit_gbps),
    Candidate("dirty_pages_per_s", 0.2, 5.0, lambda t: t.dirty_pages_per_s > 0, scale=True),
    Candidate("working_set_gib", 0.005, 5.0, lambda t: t.dirty_pages_per_s > 0, scale=True, label="workload"),
    Candidate("hot_page_share", 0.1, 10.0, lambda t: t.write_pattern == "hotcold", scale=True),
    Candidate("zipf_exponent", 0.3, 2.0, lambda t: t.write_pattern == "zipf", scale=True),
    Candidate("setup_s", 1e-3, 600.0, _with_setup),
    Candidate("handoff_ms", 0.1, 1e5, _all),
    Candidate(
        "compress_gib_per_s_per_core",
        0.01,
        100.0,
        lambda t: t.transport == "compression",
        scale=True,
        label="method",
    ),
)


def chosen(table: pd.DataFrame, free: Sequence[str] | None) -> list[tuple[Candidate, str]]:
    """Candidates to fit, one for each value of their label."""
    known = [c.name for c in CANDIDATES]
    for name in free or ():
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else "it takes " + ", ".join(known)
            raise UserError(f"{name!r} cannot be calibrated; {hint}")
    found = []
    for candidate in CANDIDATES:
        if free is not None and candidate.name not in free:
            continue
        about = candidate.about(table)
        kinds = sorted(table.loc[about, candidate.label].unique()) if candidate.label in table else [""]
        for kind in kinds:
            rows = about & (table[candidate.label] == kind if kind else True)
            if rows.sum() >= FEWEST:
                found.append((candidate, kind))
    return found
