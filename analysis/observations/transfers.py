"""Bulk transfers through adapters with finite rings, measured for this study: link scenarios and throughput.

The set-up is described in ``data/README.md``: two real TCP stacks, and between them emulated adapters and
a wire whose rate counts IP bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.observations import possible
from analysis.observations.lab import DATA, located
from analysis.observations.tables import read_table

SHAPED = 0.995
"""The sender's token bucket runs at this share of the link, so that its own queue is the sender's."""
RECEIVE_WINDOW = (1.2504, -1401.0)
"""Window [bytes] that Linux 6.x grants for a receive buffer of B bytes: slope and offset, measured."""
SEND_WINDOW = 1.9
"""Bytes that a send buffer of one byte lets fly, at least (the kernel doubles what is set)."""

FACTORS = {
    "rx": "receive_ring",
    "rx_rate": "receive_ring",
    "rx_mtu": "receive_ring",
    "rx_cc": "congestion_control",
    "rx_rtt": "round_trip",
    "tx": "send_ring",
    "tx_rx": "both_rings",
    "sock": "socket_buffer",
    "flows": "flows",
}
"""What each group of measurements varies."""

COLUMNS = {
    "config_id": "text",
    "group": "text",
    "cc": "text",
    "rate_mbit_s": "number",
    "one_way_delay_us": "number",
    "mtu_bytes": "number",
    "n_rx": "number",
    "tau_rx_us": "number",
    "busy_rx_mean_us": "number",
    "n_tx": "number",
    "tau_tx_us": "number",
    "busy_tx_mean_us": "number",
    "flows": "number",
    "so_sndbuf_bytes": "number",
    "so_rcvbuf_bytes": "number",
    "goodput_mbit_s": "number",
}


MORE_THAN_ZERO = ("rate_mbit_s", "mtu_bytes", "n_rx", "n_tx", "flows", "goodput_mbit_s")


def read_transfers(path: str | Path = DATA / "buffers.csv") -> pd.DataFrame:
    """Configurations of the link laboratory, one row each, repeats averaged.

    Columns: ``config_id``, ``factor`` (what the measurement varied), ``runs``, the link's parameters
    by their names, and ``measured_goodput_gbps`` (payload at the receiver).
    """
    raw = read_table(located(path), COLUMNS)
    _possible(path, raw)
    settings = [c for c in COLUMNS if c != "goodput_mbit_s"]
    grouped = raw.groupby(settings, sort=False, as_index=False)
    one = grouped.agg(runs=("goodput_mbit_s", "size"), goodput_mbit_s=("goodput_mbit_s", "mean"))
    factor = one.group.map(FACTORS).fillna(one.group)
    kept = pd.DataFrame({"config_id": one.config_id, "factor": factor, "runs": one.runs})
    measured = pd.Series(one.goodput_mbit_s / 1000, name="measured_goodput_gbps")
    return pd.concat([kept, _scenario(one), measured], axis=1)


def _possible(path: str | Path, raw: pd.DataFrame) -> None:
    """TableError for a figure that cannot be."""
    possible.positive(path, raw, MORE_THAN_ZERO)
    others = [n for n, kind in COLUMNS.items() if kind != "text" and n not in MORE_THAN_ZERO]
    possible.positive(path, raw, others, may_be_zero=True)
    faster = raw.goodput_mbit_s > possible.MORE_THAN_LINK * raw.rate_mbit_s
    if faster.any():
        told = f"goodput_mbit_s = {raw.goodput_mbit_s[faster].iloc[0]:g} is more than the link's "
        possible.refuse(path, faster, f"{told}rate_mbit_s = {raw.rate_mbit_s[faster].iloc[0]:g}")


def _scenario(one: pd.DataFrame) -> pd.DataFrame:
    columns = {
        "bandwidth_gbps": SHAPED * one.rate_mbit_s / 1000,
        "mtu_bytes": one.mtu_bytes,
        "round_trip_ms": 2 * one.one_way_delay_us / 1000,
        "receive_buffers": one.n_rx,
        "interrupt_moderation_us": one.tau_rx_us,
        "receive_delay_us": one.busy_rx_mean_us,
        "send_buffers": one.n_tx,
        "send_moderation_us": one.tau_tx_us,
        "send_delay_us": one.busy_tx_mean_us,
        "streams": one.flows,
        "congestion_control": one.cc,
        "socket_buffer_kib": _window_bytes(one) / 1024,
    }
    known: dict[str, Any] = {
        "header_bytes": 52.0,
        "frame_overhead_bytes": 0.0,
        "stream_limit_gbps": 1e6,
        "transport": "tcpip",
    }
    return pd.DataFrame(columns).assign(**known)


def _window_bytes(one: pd.DataFrame) -> pd.Series:
    """Bytes that may fly: what the smaller of the buffers that are set lets fly, else no limit."""
    slope, offset = RECEIVE_WINDOW
    receive = np.where(one.so_rcvbuf_bytes > 0, slope * one.so_rcvbuf_bytes + offset, np.inf)
    send = np.where(one.so_sndbuf_bytes > 0, SEND_WINDOW * one.so_sndbuf_bytes, np.inf)
    window = np.minimum(receive, send)
    return pd.Series(np.where(np.isfinite(window), window, 1e12), index=one.index)
