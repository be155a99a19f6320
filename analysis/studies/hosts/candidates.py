"""What a calibration may fit: quantities of the mechanism, and which of them some migrations speak of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.errors import UserError
from analysis.parameters import PARAMETERS, nearest

FEWEST = 3
"""Migrations that must speak of a quantity before it is fitted."""
OWN_CONTENT = 0.2
"""Share of a guest's content that it writes to, where its working set is not known: before any data."""


@dataclass(frozen=True)
class Candidate:
    """A quantity that a calibration may fit: a parameter's value, or (``scale``) a factor on it.

    ``label``: a column by whose values the quantity differs. ``about``: the rows that say something of it.
    ``first``: where the fit begins if neither table nor default say. ``spread``: how far its logarithm may be
    from there before any data are seen, as a standard deviation.
    """

    name: str
    low: float
    high: float
    about: Callable[[pd.DataFrame], pd.Series]
    scale: bool = False
    label: str = ""
    first: float = 0.0
    spread: float = 3.0

    def begin(self, table: pd.DataFrame, kind: str) -> float:
        """Where a fit begins: 1 for a factor, else as the table says or the default."""
        if self.scale:
            unknown = self.name == "working_set_gib" and self.name not in table
            return OWN_CONTENT if unknown else 1.0
        rows = self.about(table) & ((table[self.label] == kind) if kind else True)
        given = table.loc[rows, self.name].median() if self.name in table else float("nan")
        default = max(float(PARAMETERS[self.name].default), self.first, self.low)
        value = float(given) if given > 0 else default
        return min(max(value, self.low * 1.01), self.high / 1.01)


def _all(table: pd.DataFrame) -> pd.Series[bool]:
    return pd.Series(True, index=table.index)


def _with_setup(table: pd.DataFrame) -> pd.Series[bool]:
    """True for rows whose total time has the set-up in it."""
    return ~table.get("without_setup", pd.Series(False, index=table.index)).eq(True)


def _writes(table: pd.DataFrame) -> pd.Series[bool]:
    return table.dirty_pages_per_s > 0


def _plain(table: pd.DataFrame) -> pd.Series[bool]:
    return table.transport != "compression"


def _far(table: pd.DataFrame) -> pd.Series[bool]:
    """True where a window of the usual size can bind: a round trip of more than a millisecond is told."""
    return table.get("round_trip_ms", pd.Series(0.0, index=table.index)) > 1


def _state(table: pd.DataFrame) -> pd.Series[bool]:
    """True where the state of the machine can be told: by downtimes, on a long path or with a first guess.

    Elsewhere it takes milliseconds, which the hand-off has in it.
    """
    paused = table.get("measured_blackout_s", pd.Series(float("nan"), index=table.index)).notna()
    return paused & (_far(table) | ("state_mib" in table))


def _content_unknown(table: pd.DataFrame) -> pd.Series[bool]:
    """True where nothing tells how much of a guest's memory has content."""
    return pd.Series("resident_share" not in table, index=table.index)


CANDIDATES = (
    # Before the working set, which may be a share of the content.
    Candidate("resident_share", 0.02, 1.0, _content_unknown, spread=0.3),
    Candidate("extra_resident_mib", 1.0, 1e5, _plain, first=64.0),
    Candidate("bandwidth_gbps", 0.3, 1.1, _plain, scale=True, spread=0.3),
    Candidate("stream_limit_gbps", 0.05, 400.0, lambda t: t.bandwidth_gbps > 0.5 * t.stream_limit_gbps),
    Candidate("socket_buffer_kib", 16.0, 65536.0, _far),
    Candidate("dirty_pages_per_s", 0.2, 5.0, _writes, scale=True, spread=0.3),
    Candidate("working_set_gib", 0.005, 5.0, _writes, scale=True, label="workload", spread=1.0),
    Candidate("hot_page_share", 0.1, 10.0, lambda t: t.write_pattern == "hotcold", scale=True, spread=0.3),
    Candidate("zipf_exponent", 0.3, 2.0, lambda t: t.write_pattern == "zipf", scale=True, spread=0.3),
    Candidate("setup_s", 1e-3, 600.0, _with_setup),
    Candidate("handoff_ms", 0.1, 1e5, _all),
    Candidate("state_mib", 0.01, 4096.0, _state),
    Candidate(
        "compress_gib_per_s_per_core",
        0.01,
        100.0,
        lambda t: t.transport == "compression",
        scale=True,
        label="method",
        spread=0.5,
    ),
)

Chosen = list[tuple[Candidate, str]]
"""Candidates to fit, each with the value of its label for which it is fitted, or none."""


def chosen(table: pd.DataFrame, free: Sequence[str] | None) -> Chosen:
    """Candidates to fit, one for each value of their label."""
    known = [c.name for c in CANDIDATES]
    for name in free or ():
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else "it takes " + ", ".join(known)
            raise UserError(f"{name!r} cannot be calibrated; {hint}")
    found: Chosen = []
    for candidate in CANDIDATES:
        if free is None or candidate.name in free:
            found += _kinds(candidate, table)
    return found


def _kinds(candidate: Candidate, table: pd.DataFrame) -> Chosen:
    """A candidate for each value of its label of which enough rows speak; without a label for all.

    None of a value that the table says row by row.
    """
    about = candidate.about(table)
    if not candidate.scale and candidate.name in table and len(set(table.loc[about, candidate.name])) > 1:
        return []
    kinds = sorted(table.loc[about, candidate.label].unique()) if candidate.label in table else [""]
    rows = {kind: about & ((table[candidate.label] == kind) if kind else True) for kind in kinds}
    return [(candidate, str(kind)) for kind, those in rows.items() if those.sum() >= FEWEST]
