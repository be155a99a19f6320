"""The link's laws beside measured transfers, and beside the laws that one would otherwise trust."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pandas as pd

from analysis.model.laws.rings import overflow_chance
from analysis.model.migration import ceilings
from analysis.model.units import GBIT

LIMITED = 0.97
"""Below this share of the line something else than the line was the limit."""


def compare_transfers(measured: pd.DataFrame) -> pd.DataFrame:
    """Measured transfers with the model's goodput, the binding ceiling and the relative error.

    ``measured`` is what ``observations.transfers.read_transfers`` returns.
    """
    found = ceilings(measured.drop(columns=["config_id", "factor", "runs", "measured_goodput_gbps"]))
    found.index = measured.index
    return measured.assign(
        line_gbps=found.line_rate,
        goodput_gbps=found.goodput_gbps,
        limited_by=found.limited_by,
        error=found.goodput_gbps / measured.measured_goodput_gbps - 1,
    )


def transfer_errors(compared: pd.DataFrame) -> dict[str, Any]:
    """Errors of the throughput in the form that ``validate --json`` prints; one point a configuration."""
    by_factor = {name: _errors(part.error) for name, part in compared.groupby("factor")}
    held = compared.measured_goodput_gbps < LIMITED * compared.line_gbps
    return {
        "n": len(compared),
        "runs": int(compared.runs.sum()),
        "throughput": _errors(compared.error) | {"by_factor": by_factor},
        "limited": _errors(compared.error[held]),
    }


def _errors(error: pd.Series[float]) -> dict[str, float]:
    size = error.abs()
    return {
        "n": len(size),
        "median_relative_error": size.median(),
        "p90_relative_error": float(size.quantile(0.9)),
        "bias": error.mean(),
    }


def little(t: pd.DataFrame) -> pd.Series:
    """Little's law for both rings: descriptors over the mean time until they are free again."""
    receive = _packet_gbps(t, t.receive_buffers / _seconds(t.interrupt_moderation_us + t.receive_delay_us))
    least = 1 / (_packets(t))
    send = _packet_gbps(
        t, t.send_buffers / (np.maximum(_seconds(t.send_moderation_us), least) + _seconds(t.send_delay_us))
    )
    return _least(receive, send, _line(t))


def window_over_round_trip(t: pd.DataFrame) -> pd.Series:
    """The window over the round trip of the path alone, for all connections."""
    bits = t.streams * t.socket_buffer_kib * 1024 * 8
    return _least(bits / (t.round_trip_ms / 1000) / GBIT, _line(t))


def mathis(t: pd.DataFrame) -> pd.Series:
    """Mathis et al. (1997): MSS / RTT * sqrt(3/2 / p), with the loss that a saturated ring would have.

    The round trip is the path's and one cycle of the ring; one loss for each cycle that overflows.
    """
    moderation, delay = _seconds(t.interrupt_moderation_us), _seconds(t.receive_delay_us)
    chance = np.vectorize(overflow_chance)(t.receive_buffers, _packets(t), moderation, delay)
    loss = chance / (_packets(t) * (moderation + delay))
    round_trip = t.round_trip_ms / 1000 + moderation + delay
    packets = t.streams * np.sqrt(1.5 / np.maximum(loss, 1e-18)) / round_trip
    return _least(_packet_gbps(t, packets), _line(t))


NAIVE: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "Little's law": little,
    "window over round trip": window_over_round_trip,
    "Mathis": mathis,
}
"""The laws that one would otherwise trust, each alone."""


def rival_errors(compared: pd.DataFrame) -> pd.DataFrame:
    """Median and 90th percentile of the relative error of the model and of each naive law, by factor.

    Rows: the factor that was varied, and ``all``; columns: (law, figure).
    """
    laws = {"this study": compared.goodput_gbps} | {name: law(compared) for name, law in NAIVE.items()}
    size = pd.DataFrame(
        {name: (value / compared.measured_goodput_gbps - 1).abs() for name, value in laws.items()}
    )
    groups = [("all", size), *size.groupby(compared.factor)]
    rows = {
        name: {
            (law, figure): part[law].quantile(q)
            for law in size
            for figure, q in (("median", 0.5), ("p90", 0.9))
        }
        for name, part in groups
    }
    return pd.DataFrame(rows).T


def _least(*limits: pd.Series) -> pd.Series:
    """The lowest of some limits, row by row."""
    least = limits[0]
    for limit in limits[1:]:
        # A function of NumPy takes Series to a Series; its types know of arrays only.
        least = cast("pd.Series", np.minimum(least, limit))
    return least


def _seconds(us: pd.Series) -> pd.Series:
    return us / 1e6


def _packets(t: pd.DataFrame) -> pd.Series:
    return t.bandwidth_gbps * GBIT / 8 / t.mtu_bytes


def _packet_gbps(t: pd.DataFrame, packets: pd.Series) -> pd.Series:
    return packets * (t.mtu_bytes - t.header_bytes) * 8 / GBIT


def _line(t: pd.DataFrame) -> pd.Series:
    return _packet_gbps(t, _packets(t))
