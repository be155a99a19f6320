"""Where a receive ring overflows a faster line can be slower: for which migrations, and what helps instead.

TCP answers an overflow by shrinking its window. A line that fills the ring sooner, or a shorter round trip
that lets the window fill the line, can so carry less than a slower one. What helps is more receive buffers.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.arrays import Columns
from analysis.model.migration import ceilings, filled, parameters_in
from analysis.parameters import PARAMETERS
from analysis.studies.grids import buffers_needed

SLOWER = np.geomspace(1 / 16, 1, 65)
"""Shares of a line rate, and of 1 over a round trip, that are tried."""
WORTH = 1.01
"""Times the payload from which on a slower line counts as faster."""
SHARE = 0.99
"""Share of what endless rings would carry for which buffers are named."""
_COLUMNS = ("goodput_gbps", "line_gbps", "line_goodput_gbps", "trip_ms", "trip_goodput_gbps", "buffers")
_TOLD_OF = ("bandwidth_gbps", "round_trip_ms", "receive_buffers", "receive_delay_us")


def slower_lines(scenarios: pd.DataFrame) -> pd.DataFrame:
    """The migrations that a slower line, or a longer round trip, would carry faster, by their row's label.

    Columns: ``goodput_gbps`` now; ``line_gbps`` and ``line_goodput_gbps``: the line up to this one that
    carries most, and what it carries; ``trip_ms`` and ``trip_goodput_gbps``: the same of round trips from
    this one up; ``buffers``: receive buffers that carry 99 % of what endless rings would (infinite where
    none do).
    """
    table = parameters_in(scenarios)
    now = ceilings(table)
    bound = table[now.limited_by.to_numpy() == "receive_buffers"]
    if bound.empty:
        return pd.DataFrame(columns=list(_COLUMNS), dtype=float)
    p = filled(bound)
    lines, over_lines = _best(bound, "bandwidth_gbps", np.multiply.outer(p["bandwidth_gbps"], SLOWER))
    trips, over_trips = _best(bound, "round_trip_ms", np.divide.outer(p["round_trip_ms"], SLOWER))
    columns = (ceilings(bound).goodput_gbps.to_numpy(), lines, over_lines, trips, over_trips)
    found = pd.DataFrame(dict(zip(_COLUMNS, columns, strict=False)), index=bound.index)
    better = found[["line_goodput_gbps", "trip_goodput_gbps"]].max(axis=1) > WORTH * found.goodput_gbps
    needed = buffers_needed(bound[better], share=SHARE) if better.any() else np.empty(0)
    return found[better].assign(buffers=needed)


def _best(bound: pd.DataFrame, name: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of some values of a parameter for each row the one that carries most, and what that is [Gbit/s]."""
    rows, tried = values.shape
    table = bound.iloc[np.repeat(np.arange(rows), tried)].reset_index(drop=True)
    carried = ceilings(table.assign(**{name: values.ravel()})).goodput_gbps.to_numpy().reshape(rows, tried)
    most = carried.argmax(axis=1)
    return values[np.arange(rows), most], carried.max(axis=1)


def sentences(scenarios: pd.DataFrame) -> list[str]:
    """What to tell of migrations that a receive ring holds: how many buffers would do, and what would not.

    First what helps (more buffers, the usual delay where a longer one was set); then, of those that a slower
    line or a longer round trip would carry faster, that. One migration is told; of others like it how many.
    """
    table = scenarios.reset_index(drop=True)
    found = slower_lines(table)
    if found.empty:
        return _held(table)
    place = int(found.index[0])
    now = _told_of(filled(parameters_in(table)), place)
    usual = _with_usual_delay(table.loc[[place]], now)
    return [_sentence(found.iloc[0], now, usual), *_others(found.buffers.to_numpy()[1:])]


def _told_of(p: Columns, place: int) -> dict[str, float]:
    return {name: float(p[name][place]) for name in _TOLD_OF}


def _others(needed: np.ndarray) -> list[str]:
    """The rows beside the one that was told, in one sentence with the buffers that they would need."""
    if not len(needed):
        return []
    rows = f"the same holds for {len(needed)} more row{'s' if len(needed) > 1 else ''}: "
    enough = needed[np.isfinite(needed)]
    if not len(enough):
        return [rows + "more receive buffers help, but no number of them carries 99 %"]
    return [f"{rows}more receive buffers help ({_span(enough)} carry 99 %)"]


def _span(values: np.ndarray) -> str:
    low, high = f"{values.min():,.0f}", f"{values.max():,.0f}"
    return low if low == high else f"{low} to {high}"


def _held(table: pd.DataFrame) -> list[str]:
    """Buffers that would do, for migrations that a receive ring holds and nothing slower would help."""
    known = parameters_in(table)
    bound = known[ceilings(known).limited_by.to_numpy() == "receive_buffers"]
    if bound.empty:
        return []
    p, needed = filled(bound), buffers_needed(bound, share=SHARE)
    enough = np.isfinite(needed)
    if not enough.any():
        return []
    first = int(np.argmax(enough))
    now = _told_of(p, first)
    rows = f" in {enough.sum()} rows" if enough.sum() > 1 else ""
    return [
        f"the receive ring binds{rows}: {_span(needed[enough])} receive buffers instead of "
        f"{_span(p['receive_buffers'][enough])} carry 99 % of what endless ones would"
        + _with_usual_delay(bound.iloc[[first]], now)
    ]


def _with_usual_delay(row: pd.DataFrame, now: dict[str, float]) -> str:
    """What the ring would carry if it were emptied as soon as usual, where a longer delay was set."""
    usual = float(PARAMETERS["receive_delay_us"].default)
    if now["receive_delay_us"] <= usual:
        return ""
    sooner = ceilings(parameters_in(row).assign(receive_delay_us=usual)).goodput_gbps.iloc[0]
    set_here = f"it is emptied {now['receive_delay_us']:g} us late in the mean (receive_delay_us)"
    return f"; {set_here}, and at the usual {usual:g} us the link would carry {sooner:.3g} Gbit/s"


def _sentence(row: pd.Series[float], now: dict[str, float], usual: str) -> str:
    """One migration: what helps, then what would carry it faster although it is slower."""
    line = (row["line_goodput_gbps"], f"a line of {row['line_gbps']:.3g} Gbit/s")
    gbps, other = max(line, (row["trip_goodput_gbps"], f"a round trip of {row['trip_ms']:.3g} ms"))
    enough = f"{row['buffers']:,.0f} instead of {now['receive_buffers']:,.0f} carry 99 %"
    helps = enough if np.isfinite(row["buffers"]) else "no number of them carries 99 %"
    return (
        f"at {now['bandwidth_gbps']:g} Gbit/s and {now['round_trip_ms']:g} ms the receive ring overflows. "
        f"More receive buffers help ({helps}){usual}; a faster line or a shorter round trip does not help: "
        f"{other} would carry {gbps:.3g} instead of {row['goodput_gbps']:.3g} Gbit/s"
    )
