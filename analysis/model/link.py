"""Ceilings on the bytes per second of one migration, and which of them binds.

Every ceiling is a rate of payload [Gbit/s] and a function of its own; :func:`goodput` takes the lowest
and names it. The minimum is hard: the laws of the rings and of the window round their own corners, and a
smooth minimum on top of them was worse on the measured transfers (facts, "buffers", section 4).

SMB Direct (RDMA) goes past the host's rings, sockets and cores: only the line, a bandwidth limit and other
traffic hold it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from analysis.arrays import Columns, Floats, Indices, Numbers
from analysis.model import rings
from analysis.model.laws.link import CLUMP_PACKETS, RDMA_HEADERS, TIE, WINDOW_NORM
from analysis.model.laws.rings import AIMD, FASTEST, NEVER
from analysis.model.units import GBIT

RDMA_PAYLOADS = np.array([256.0, 512.0, 1024.0, 2048.0, 4096.0])
"""Payloads that the InfiniBand transport allows."""
_RING_PARAMETERS = (
    "congestion_control",
    "receive_buffers",
    "round_trip_ms",
    "streams",
    "mtu_bytes",
    "header_bytes",
)


class Goodput(NamedTuple):
    """The lowest ceiling [Gbit/s], the number of it among ``ceilings``, and all ceilings by name."""

    gbps: Floats
    binding: NDArray[np.int8]
    ceilings: dict[str, Floats]

    @property
    def limited_by(self) -> NDArray[np.object_]:
        """The names of the lowest ceilings."""
        return np.array(list(self.ceilings), dtype=object)[self.binding]


def framing_efficiency(mtu_bytes: Numbers, header_bytes: Numbers, frame_overhead_bytes: Numbers) -> Floats:
    """Share of the line rate that is payload: (MTU - headers) / (MTU + frame overhead).

    >>> round(float(framing_efficiency(1500, 40, 38)), 4)
    0.9493
    """
    mtu = np.asarray(mtu_bytes, dtype=float)
    return (mtu - header_bytes) / (mtu + frame_overhead_bytes)


def rdma_efficiency(mtu_bytes: Numbers, frame_overhead_bytes: Numbers) -> Floats:
    """Share of the line rate that RoCE v2 carries: the largest payload that fits over all that goes with it.

    >>> [round(float(rdma_efficiency(mtu, 38)), 4) for mtu in (1500, 9000)]
    [0.9259, 0.9804]
    """
    room = np.asarray(mtu_bytes, dtype=float) - RDMA_HEADERS
    payload = RDMA_PAYLOADS[np.maximum(np.searchsorted(RDMA_PAYLOADS, room, side="right") - 1, 0)]
    return payload / (payload + RDMA_HEADERS + frame_overhead_bytes)


def line_ceiling(bandwidth_gbps: Numbers, efficiency: Numbers) -> Floats:
    """Payload rate of the whole line."""
    return np.multiply(bandwidth_gbps, efficiency)


def stream_ceiling(
    streams: Numbers, stream_limit_gbps: Numbers, spread: Numbers = 0.0, line_gbps: Numbers = np.inf
) -> Floats:
    r"""What the connections carry when each is held by one core.

    About 4 Gbit/s on hosts of 2012 (Savill), 6.5 on those of 2012 R2 (Van Hoof); several connections use
    several cores through RSS; a virtual adapter of the host without RSS carries 4.5 in all.

    A core that does other work too carries now more, now less. With the ceiling C log-normal around its
    median M with ``spread`` s, a line L carries the mean of min(L, C) of it,

    .. math:: E[\min(L, C)] = M e^{s^2/2} \Phi(z - s) + L (1 - \Phi(z)), \qquad z = \ln(L / M) / s

    so a busy host takes its toll before its mean ceiling is reached. Spread 0: ``streams * limit``, of the
    shape of these two where no row's ceiling varies.

    >>> float(stream_ceiling(1, 4.0)), round(float(stream_ceiling(1, 4.0, 0.4, 4.0)), 2)
    (4.0, 3.49)
    """
    middle = np.multiply(streams, stream_limit_gbps).astype(float)
    if not np.any(spread):
        return middle
    middle, spread, line = np.broadcast_arrays(middle, spread, line_gbps)
    varies = (spread > 0) & np.isfinite(middle)
    s, m = np.where(varies, spread, 1.0), np.where(varies, middle, 1.0)
    z = np.log(line / m) / s
    varied = m * np.exp(s**2 / 2) * ndtr(z - s) + np.where(np.isinf(line), 0.0, line) * ndtr(-z)
    return np.where(varies, varied, middle)


def window_ceiling(
    line_gbps: Numbers, window_bytes: Numbers, round_trip_s: Numbers, streams: Numbers
) -> Floats:
    """Window over round trip, with a rounded corner to the line: (line**-p + cap**-p)**(-1/p).

    ``round_trip_s`` is the whole way, adapters' delays included. No window or no round trip: the line.

    >>> float(window_ceiling(10.0, 125e6, 1.0, 1).round(3))
    1.0
    """
    bits = 8.0 * np.multiply(streams, window_bytes) / GBIT
    line, bits, way = np.broadcast_arrays(np.asarray(line_gbps, float), bits, round_trip_s)
    cap = np.divide(bits, way, out=np.full(bits.shape, np.inf), where=way > 0)
    finite = np.where(np.isfinite(line), line, 1.0)
    # Powers by logarithms, which cost a third.
    beyond = np.exp(-WINDOW_NORM * np.log(np.maximum(cap, 1e-30) / finite))
    rounded = finite * np.exp(-np.log1p(beyond) / WINDOW_NORM)
    ceiling: Floats = np.where(np.isfinite(line), rounded, cap)
    return ceiling


def _limit_ceiling(p: Columns, line: Floats) -> Floats:
    """What a set limit leaves of the line: one on any migration, and the one on SMB, by all adapters."""
    if (p["smb_limit_share"] == 1).all():
        return _under(p["bandwidth_limit_share"], line)
    over_smb = (p["transport"] == "smb") | (p["transport"] == "smb_direct")
    of_all = np.where(over_smb, p["smb_limit_share"] * p["adapters"], 1.0)
    return _under(np.minimum(p["bandwidth_limit_share"], of_all), line)


def _under(share: Floats, line: Floats) -> Floats:
    limit: Floats = np.where(share < 1, line * share, np.inf)
    return limit


def goodput(p: Columns) -> Goodput:
    """Lowest ceiling for columns of parameters ``p`` (checked, of one length)."""
    rdma = p["transport"] == "smb_direct"
    line, packets = line_ceiling(p["bandwidth_gbps"], efficiency(p)), packets_per_s(p)
    free = {
        "line_rate": line,
        "bandwidth_limit": _limit_ceiling(p, line),
        "other_traffic": np.where(p["network"] == "shared", line * (1 - p["background_share"]), np.inf),
    }
    host = {
        "socket_buffer": _socket_ceiling(p, line, packets),
        "streams": stream_ceiling(p["streams"], p["stream_limit_gbps"], p["stream_limit_spread"], line),
        "host_adapter": np.where(np.isnan(p["adapter_limit_gbps"]), np.inf, p["adapter_limit_gbps"]),
    }
    offered = line
    for ceiling in (free | host).values():
        offered = offered if _holds_nothing(ceiling) else np.minimum(offered, ceiling)
    rings_of = {
        "send_buffers": _send_ceiling(p, packets),
        "receive_buffers": _receive_ceiling(p, packets, offered),
    }
    return lowest(free | {name: np.where(rdma, np.inf, value) for name, value in (host | rings_of).items()})


def efficiency(p: Columns) -> Floats:
    """Share of the line rate that is payload, by transport."""
    rdma = rdma_efficiency(p["mtu_bytes"], p["frame_overhead_bytes"])
    tcp = framing_efficiency(p["mtu_bytes"], p["header_bytes"], p["frame_overhead_bytes"])
    return np.where(p["transport"] == "smb_direct", rdma, tcp)


def lowest(ceilings: dict[str, Floats]) -> Goodput:
    """The least of named ceilings; of those within :data:`TIE` of it the first named binds."""
    rows = np.broadcast_shapes(*(np.shape(ceiling) for ceiling in ceilings.values()))
    numbered = [(k, c) for k, c in enumerate(ceilings.values()) if not _holds_nothing(c)]
    least = np.full(rows, np.inf)
    for _, ceiling in numbered:
        np.minimum(least, ceiling, out=least)
    # The smallest number of those that are near the lowest: bytes, which cost less to compare than to pick.
    none = np.int8(len(ceilings))
    binding, near = np.full(rows, none), least * (1 + TIE)
    for number, ceiling in numbered:
        np.minimum(binding, np.int8(number) + none * (ceiling > near), out=binding)
    return Goodput(least, np.remainder(binding, none, out=binding), ceilings)


def _holds_nothing(ceiling: Floats) -> bool:
    """True for one infinite ceiling of all rows."""
    return np.size(ceiling) == 1 and bool(np.isinf(ceiling).all())


def packets_per_s(p: Columns) -> Floats:
    """Packets of full size that the line carries in a second."""
    rate = p["bandwidth_gbps"] * GBIT / 8 / (p["mtu_bytes"] + p["frame_overhead_bytes"])
    packets: Floats = np.minimum(rate, FASTEST)
    return packets


def _payload_gbps(p: Columns, packets: Floats) -> Floats:
    gbps: Floats = packets * (p["mtu_bytes"] - p["header_bytes"]) * 8 / GBIT
    return gbps


def _send_ceiling(p: Columns, rate: Floats) -> Floats:
    """What the send ring carries of a line's packets; infinite where it carries all."""
    own = p["send_moderation_us"]
    moderation = np.where(np.isnan(own), p["interrupt_moderation_us"], own) / 1e6
    packets = rings.send_ring(p["send_buffers"], rate, moderation, p["send_delay_us"] / 1e6)
    return np.where(packets < rate, _payload_gbps(p, packets), np.inf)


def _receive_ceiling(p: Columns, line: Floats, offered_gbps: Floats) -> Floats:
    """What the receive rings carry of what the other ceilings let through; infinite where nothing is lost.

    With several queues each has its share of the connections and of the packets.
    """
    queues = np.minimum(p["receive_queues"], p["streams"])
    arriving = offered_gbps * GBIT / 8 / (p["mtu_bytes"] - p["header_bytes"])
    rate = np.minimum(line, arriving) / queues
    moderation, delay = p["interrupt_moderation_us"] / 1e6, p["receive_delay_us"] / 1e6
    chance = rings.overflow_chance(p["receive_buffers"], rate, moderation, delay)
    # Rows may differ in their congestion control alone, which the chance does not depend on.
    chance = np.broadcast_to(chance, np.broadcast_shapes(chance.shape, p["congestion_control"].shape))
    ceiling = np.full(len(chance), np.inf)
    # The law is costly and most rows never overflow: it is asked only where they may.
    may = np.flatnonzero(chance >= NEVER)
    if len(may):
        rate, moderation, delay, queues = (picked(a, may) for a in (rate, moderation, delay, queues))
        q = {name: picked(p[name], may) for name in _RING_PARAMETERS}
        packets = _ring_packets(q, rate, moderation, delay, queues)
        ceiling[may] = np.where(packets < rate, _payload_gbps(q, packets * queues), np.inf)
    return ceiling


def picked(column: NDArray[Any], rows: Indices) -> NDArray[Any]:
    """Some rows of a column; a column of one value holds for all rows."""
    return column if len(column) == 1 else column[rows]


def _ring_packets(q: Columns, rate: Floats, moderation: Floats, delay: Floats, queues: Floats) -> Floats:
    """Packets per second through one receive ring, by congestion control."""
    growth, kept, cubic = (
        np.select(
            [q["congestion_control"] == name for name in AIMD],
            [pair[i] for pair in AIMD.values()],
        )
        for i in (0, 1, 2)
    )
    blind = q["congestion_control"] == "bbr"
    path = (q["receive_buffers"], rate, moderation, delay)
    polite = rings.receive_ring(
        *path,
        q["round_trip_ms"] / 1e3,
        q["streams"] / queues,
        np.where(blind, 1.0, growth),
        np.where(blind, 0.5, kept),
        np.where(blind, 0.0, cubic),
    )
    return np.where(blind, rings.blind_ring(*path), polite)


def _socket_ceiling(p: Columns, line: Floats, packets: Floats) -> Floats:
    """Window over round trip; the adapters hold acknowledgements for a cycle and some packets' time."""
    held = (p["interrupt_moderation_us"] + p["receive_delay_us"]) / 1e6 + CLUMP_PACKETS / packets
    way = p["round_trip_ms"] / 1e3 + held
    return window_ceiling(line, p["socket_buffer_kib"] * 1024, way, p["streams"])
