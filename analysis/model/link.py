"""Ceilings on the bytes per second of one migration, and which of them binds.

Every ceiling is a rate of TCP payload [Gbit/s] and a function of its own; :func:`goodput`
takes the lowest and names it. Rings hold whole packets, so they count descriptors times the
payload of a packet over the time until a descriptor is free again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .units import GBIT


class Goodput(NamedTuple):
    """The lowest ceiling [Gbit/s], its name, and all ceilings by name."""

    gbps: np.ndarray
    limited_by: np.ndarray
    ceilings: dict[str, np.ndarray]


def framing_efficiency(
    mtu_bytes: ArrayLike, header_bytes: ArrayLike, frame_overhead_bytes: ArrayLike
) -> np.ndarray:
    """Share of the line rate that is payload: (MTU - headers) / (MTU + frame overhead).

    >>> round(float(framing_efficiency(1500, 40, 38)), 4)
    0.9493
    """
    mtu = np.asarray(mtu_bytes, dtype=float)
    return (mtu - header_bytes) / (mtu + frame_overhead_bytes)


def line_ceiling(bandwidth_gbps: ArrayLike, efficiency: ArrayLike) -> np.ndarray:
    """Payload rate of the whole line."""
    return np.multiply(bandwidth_gbps, efficiency)


def ring_ceiling(buffers: ArrayLike, payload_bytes: ArrayLike, service_s: ArrayLike) -> np.ndarray:
    """Little's law for a ring: ``buffers`` packets in each ``service_s``; infinite for no wait.

    ``service_s`` is the time until a descriptor is free again: the interrupt moderation plus,
    on the receiving side, what a busy processor adds.
    """
    bits = np.multiply(buffers, payload_bytes) * 8.0
    service = np.broadcast_to(np.asarray(service_s, float), bits.shape)
    return np.divide(bits, service, out=np.full(bits.shape, np.inf), where=service > 0) / GBIT


def stream_ceiling(streams: ArrayLike, stream_limit_gbps: ArrayLike) -> np.ndarray:
    """What the connections carry when each is held by one core: 4 to 6.5 Gbit/s on hosts of 2012."""
    return np.multiply(streams, stream_limit_gbps).astype(float)


def goodput(p: dict[str, np.ndarray]) -> Goodput:
    """Lowest ceiling for columns of parameters ``p`` (checked, of one length)."""
    efficiency = framing_efficiency(p["mtu_bytes"], p["header_bytes"], p["frame_overhead_bytes"])
    payload = p["mtu_bytes"] - p["header_bytes"]
    line = line_ceiling(p["bandwidth_gbps"], efficiency)
    moderation = p["interrupt_moderation_us"] / 1e6
    ceilings = {
        "line_rate": line,
        "bandwidth_limit": np.where(
            p["bandwidth_limit_share"] < 1, line * p["bandwidth_limit_share"], np.inf
        ),
        "other_traffic": np.where(p["network"] == "shared", line * (1 - p["background_share"]), np.inf),
        "send_buffers": ring_ceiling(p["send_buffers"], payload, moderation),
        "receive_buffers": ring_ceiling(
            p["receive_buffers"], payload, moderation + p["receive_delay_us"] / 1e6
        ),
        "streams": stream_ceiling(p["streams"], p["stream_limit_gbps"]),
    }
    return lowest(ceilings)


def lowest(ceilings: dict[str, np.ndarray]) -> Goodput:
    """The least of named ceilings; of equal ones the first named binds."""
    names = np.array(list(ceilings), dtype=object)
    table = np.stack(np.broadcast_arrays(*ceilings.values()))
    return Goodput(table.min(axis=0), names[table.argmin(axis=0)], ceilings)
