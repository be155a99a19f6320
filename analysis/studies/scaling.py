"""Carrying measured rings over to faster links: by the ratios that their laws depend on.

With A packets a second, N buffers, moderation tau, mean delay b and round trip RTT these are N/(A tau),
N/(A b) and RTT A/N. One thing does not scale: TCP grows its window by about a packet a round trip, however
many packets the ring holds. So large rings and small ones differ a little at the same ratios, and the law has
to be asked, not only the ratios.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from analysis.model.laws.link import packets_per_s
from analysis.model.laws.scenario import scenarios as each_of
from analysis.model.migration import ceilings, filled, parameters_in
from analysis.studies.grids import buffers_needed, grid

GROUPS = ("per_moderation", "per_delay", "round_trip")
"""N/(A tau), N/(A b), RTT A/N."""
SHARES = (0.95, 0.99)
UNHELD = {"stream_limit_gbps": 1e6, "send_buffers": 10**6, "socket_buffer_kib": 1e9}
"""Nothing but the line and the receive ring holds the transfer."""


def groups(scenarios: pd.DataFrame) -> pd.DataFrame:
    """The ratios of :data:`GROUPS` for each row, and ``slack``: (N/A - tau)/b, the time that the ring
    spares beside the moderation, in mean delays of the processor; infinite where there is no tau or b."""
    p = filled(parameters_in(scenarios))
    rate, buffers = np.array([packets_per_s(row) for row in each_of(p)]), p["receive_buffers"]
    moderation, delay = p["interrupt_moderation_us"] / 1e6, p["receive_delay_us"] / 1e6
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = {
            "per_moderation": buffers / (rate * moderation),
            "per_delay": buffers / (rate * delay),
            "round_trip": p["round_trip_ms"] / 1e3 * rate / buffers,
            "slack": (buffers / rate - moderation) / delay,
        }
    return pd.DataFrame(columns, index=scenarios.index)


def buffers_by_link(bandwidths_gbps: Iterable[float], **link: Any) -> pd.DataFrame:
    """Fewest receive buffers that carry 95 and 99 % of each line, and the ratios at 95 %, a row a link.

    Columns: ``bandwidth_gbps``, ``buffers_95``, ``buffers_99``, and :data:`GROUPS`. One queue takes the line.
    """
    table = grid(**link | UNHELD | {"bandwidth_gbps": list(bandwidths_gbps)})
    for share in SHARES:
        table[f"buffers_{share:.0%}".removesuffix("%")] = buffers_needed(table, share=share)
    found = groups(table.assign(receive_buffers=np.minimum(table.buffers_95, 1e6)))
    return pd.concat([table[["bandwidth_gbps", "buffers_95", "buffers_99"]], found[list(GROUPS)]], axis=1)


def shares_of_line(bandwidths_gbps: Iterable[float], buffers: np.ndarray, **link: Any) -> pd.DataFrame:
    """Share of each line that the law lets through a ring of some buffers, with the ratios, a row each."""
    lists = {"bandwidth_gbps": list(bandwidths_gbps), "receive_buffers": np.asarray(buffers)}
    table = grid(**link | UNHELD | lists)
    found = ceilings(table)
    return pd.concat([table.assign(share=found.goodput_gbps / found.line_rate), groups(table)], axis=1)


def measured_range(measured: pd.DataFrame) -> pd.DataFrame:
    """Least and greatest of each ratio among measured rings (rows ``least`` and ``greatest``)."""
    found = groups(measured[measured.factor.isin(("receive_ring", "round_trip"))])[list(GROUPS)]
    return found.where(np.isfinite(found)).agg(["min", "max"]).set_axis(["least", "greatest"])


def where_weak(compared: pd.DataFrame, scenario: pd.DataFrame) -> pd.Series[float] | None:
    """How far the law is off where a round trip holds more packets than the ring; None where it does not.

    How far a window spreads over such a path depends on its history, which the law does not know.
    ``compared``: what ``validation.rings.compare_transfers`` returns; ``scenario``: one row. Returns
    ``packets`` (that the round trip holds), ``buffers`` (of the ring), ``transfers`` (measured on such a
    path) and the ``median`` and ``p90`` of the size of their relative errors.
    """
    buffers = float(filled(parameters_in(scenario))["receive_buffers"][0])
    ratio = float(groups(scenario)["round_trip"].iloc[0])
    error = compared.error[groups(compared)["round_trip"] >= 1].abs()
    if ratio < 1 or error.empty:
        return None
    figures = {"median": error.median(), "p90": float(error.quantile(0.9))}
    return pd.Series({"packets": ratio * buffers, "buffers": buffers, "transfers": len(error), **figures})


def as_measured(measured: pd.DataFrame, buffers: np.ndarray) -> pd.DataFrame:
    """:func:`shares_of_line` with the commonest settings among measured rows."""
    names = ("mtu_bytes", "header_bytes", "frame_overhead_bytes", "round_trip_ms", "streams")
    settings = {name: measured[name].mode().iloc[0] for name in (*names, "interrupt_moderation_us")}
    slow = {"receive_delay_us": measured.receive_delay_us.mode().iloc[0]}
    return shares_of_line([measured.bandwidth_gbps.mode().iloc[0]], buffers, **settings, **slow)
