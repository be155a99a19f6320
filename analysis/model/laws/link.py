"""Ceilings on the bytes per second of one migration, and which of them binds.

Every ceiling is a rate of payload [Gbit/s]; :func:`goodput` takes the lowest
and names it. The minimum is hard: the laws of the rings and of the window round their own corners, and a
smooth minimum on top of them was worse on the measured transfers (facts, "buffers", section 4).

SMB Direct (RDMA) goes past the host's rings, sockets and cores: only the line, a bandwidth limit and other
traffic hold it.
"""

from __future__ import annotations

import math

from analysis.model.laws.rings import (
    AIMD,
    FASTEST,
    NEVER,
    blind_ring,
    overflow_chance,
    receive_ring,
    send_ring,
)
from analysis.model.laws.scenario import Numbers, Scenario
from analysis.model.laws.special import ndtr
from analysis.model.units import GBIT
from analysis.parameters import CONGESTION_CONTROLS, NETWORKS, TRANSPORTS

TIE = 0.005
"""Ceilings within this share of the lowest count as equally low: the first named of them binds."""
RDMA_HEADERS = 44.0
"""RoCE v2: IP 20, UDP 8, base transport header 12, check 4 bytes."""
CLUMP_PACKETS = 6.7
"""Packets in whose time acknowledgements come late: segmentation and clumps. From 0.3 ms in all, of which
0.1 ms was interrupt moderation, at 400 Mbit/s (facts, "buffers")."""
WINDOW_NORM = 6.5
"""Sharpness of the corner where a window begins to fill the line (facts, "buffers")."""

SURELY = 21.0
"""Mean delays that a ring outlasts beside the moderation so that it surely overflows less often than
:data:`.rings.NEVER`: exp(-21) is 8e-10. Asking this first costs nothing, the chance two exponentials."""

CEILINGS = (
    *("line_rate", "bandwidth_limit", "other_traffic", "socket_buffer", "streams", "host_adapter"),
    *("send_buffers", "receive_buffers"),
)
"""Names of the ceilings, in the order in which :func:`goodput` fills them in."""

SMB, SMB_DIRECT = TRANSPORTS.index("smb"), TRANSPORTS.index("smb_direct")
SHARED, BBR = NETWORKS.index("shared"), CONGESTION_CONTROLS.index("bbr")
STREAMS = {"tcpip": 1.0, "compression": 1.0, "smb": 4.0, "smb_direct": 2.0}
"""Connections of one migration by transport. TCP/IP and compression: one (Microsoft's teaming text); SMB
Multichannel opens four for an adapter with RSS and two for one with RDMA (SMB client configuration)."""
_USUAL_STREAMS = tuple(STREAMS[name] for name in TRANSPORTS)
_GROWTH, _KEPT, _CUBIC = (
    tuple(AIMD[name][k] if name in AIMD else 0.0 for name in CONGESTION_CONTROLS) for k in range(3)
)


def connections(p: Scenario) -> float:
    """Connections of a migration: as given, or the usual number of its transport."""
    return _USUAL_STREAMS[int(p.transport)] if math.isnan(p.streams) else p.streams


def framing_efficiency(mtu_bytes: float, header_bytes: float, frame_overhead_bytes: float) -> float:
    """Share of the line rate that is payload: (MTU - headers) / (MTU + frame overhead).

    >>> round(framing_efficiency(1500, 40, 38), 4)
    0.9493
    """
    return (mtu_bytes - header_bytes) / (mtu_bytes + frame_overhead_bytes)


def rdma_efficiency(mtu_bytes: float, frame_overhead_bytes: float) -> float:
    """Share of the line rate that RoCE v2 carries: the largest payload that fits over all that goes with it.

    Payloads of the InfiniBand transport are 256, 512 and so on to 4096 bytes.

    >>> [round(rdma_efficiency(mtu, 38), 4) for mtu in (1500, 9000)]
    [0.9259, 0.9804]
    """
    payload = 256.0
    while payload < 4096 and 2 * payload <= mtu_bytes - RDMA_HEADERS:
        payload = 2 * payload
    return payload / (payload + RDMA_HEADERS + frame_overhead_bytes)


def stream_ceiling(streams: float, stream_limit_gbps: float, spread: float, line_gbps: float) -> float:
    r"""What the connections carry when each is held by one core.

    About 4 Gbit/s on hosts of 2012 (Savill), 6.5 on those of 2012 R2 (Van Hoof); several connections use
    several cores through RSS; a virtual adapter of the host without RSS carries 4.5 in all.

    A core that does other work too carries now more, now less. With the ceiling C log-normal around its
    median M with ``spread`` s, a line L carries the mean of min(L, C) of it,

    .. math:: E[\min(L, C)] = M e^{s^2/2} \Phi(z - s) + L (1 - \Phi(z)), \qquad z = \ln(L / M) / s

    so a busy host takes its toll before its mean ceiling is reached. Spread 0: ``streams * limit``.

    >>> stream_ceiling(1, 4.0, 0.0, math.inf), round(stream_ceiling(1, 4.0, 0.4, 4.0), 2)
    (4.0, 3.49)
    """
    middle = streams * stream_limit_gbps
    if spread <= 0 or math.isinf(middle):
        return middle
    mean = middle * math.exp(spread * spread / 2)
    if math.isinf(line_gbps):
        return mean
    z = math.log(line_gbps / middle) / spread
    return mean * ndtr(z - spread) + line_gbps * ndtr(-z)


def window_ceiling(line_gbps: float, window_bytes: float, round_trip_s: float, streams: float) -> float:
    """Window over round trip, with a rounded corner to the line: (line**-p + cap**-p)**(-1/p).

    ``round_trip_s`` is the whole way, adapters' delays included. No window or no round trip: the line.

    >>> round(window_ceiling(10.0, 125e6, 1.0, 1), 3)
    1.0
    """
    bits = 8 * (streams * window_bytes) / GBIT
    cap = bits / round_trip_s if round_trip_s > 0 else math.inf
    if math.isinf(line_gbps):
        return cap
    # Powers by logarithms: they cost a third, and nothing overflows.
    beyond = math.exp(-WINDOW_NORM * math.log(max(cap, 1e-30) / line_gbps))
    return line_gbps * math.exp(-math.log1p(beyond) / WINDOW_NORM)


def efficiency(p: Scenario) -> float:
    """Share of the line rate that is payload, by transport."""
    if p.transport == SMB_DIRECT:
        return rdma_efficiency(p.mtu_bytes, p.frame_overhead_bytes)
    return framing_efficiency(p.mtu_bytes, p.header_bytes, p.frame_overhead_bytes)


def goodput(p: Scenario, limit_share: float, ceilings: Numbers) -> float:
    """Lowest ceiling [Gbit/s]; all of them are filled into ``ceilings`` in the order of :data:`CEILINGS`.

    ``limit_share``: the limit set on any migration, which phase two of some hypervisors does without.
    """
    line = p.bandwidth_gbps * efficiency(p)
    ceilings[0] = line
    ceilings[1] = _limit_ceiling(p, limit_share, line)
    ceilings[2] = line * (1 - p.background_share) if p.network == SHARED else math.inf
    for k in range(3, len(ceilings)):
        ceilings[k] = math.inf
    if p.transport != SMB_DIRECT:
        _host_ceilings(p, line, ceilings)
    lowest = math.inf
    for k in range(len(ceilings)):
        lowest = min(lowest, ceilings[k])
    return lowest


def binding(ceilings: Numbers, lowest: float) -> int:
    """Number of the ceiling that binds: of those within :data:`TIE` of the lowest the first."""
    k = 0
    while ceilings[k] > lowest * (1 + TIE):
        k += 1
    return k


def _limit_ceiling(p: Scenario, limit_share: float, line: float) -> float:
    """What a set limit leaves of the line: one on any migration, and the one on SMB, by all adapters."""
    share = limit_share
    if p.transport == SMB or p.transport == SMB_DIRECT:
        share = min(share, p.smb_limit_share * p.adapters)
    return line * share if share < 1 else math.inf


def _host_ceilings(p: Scenario, line: float, ceilings: Numbers) -> None:
    """Ceilings of sockets, cores, the host's adapter and the rings, which RDMA goes past."""
    packets = packets_per_s(p)
    ceilings[3] = _socket_ceiling(p, line, packets)
    ceilings[4] = stream_ceiling(connections(p), p.stream_limit_gbps, p.stream_limit_spread, line)
    ceilings[5] = math.inf if math.isnan(p.adapter_limit_gbps) else p.adapter_limit_gbps
    offered = line
    for k in range(1, 6):
        offered = min(offered, ceilings[k])
    ceilings[6] = _send_ceiling(p, packets)
    ceilings[7] = _receive_ceiling(p, packets, offered)


def _socket_ceiling(p: Scenario, line: float, packets: float) -> float:
    """Window over round trip; the adapters hold acknowledgements for a cycle and some packets' time."""
    held = (p.interrupt_moderation_us + p.receive_delay_us) / 1e6 + CLUMP_PACKETS / packets
    return window_ceiling(line, p.socket_buffer_kib * 1024, p.round_trip_ms / 1e3 + held, connections(p))


def packets_per_s(p: Scenario) -> float:
    """Packets of full size that the line carries in a second."""
    return min(p.bandwidth_gbps * GBIT / 8 / (p.mtu_bytes + p.frame_overhead_bytes), FASTEST)


def _payload_gbps(p: Scenario, packets: float) -> float:
    return packets * (p.mtu_bytes - p.header_bytes) * 8 / GBIT


def _send_ceiling(p: Scenario, rate: float) -> float:
    """What the send ring carries of a line's packets; infinite where it carries all."""
    own = p.send_moderation_us
    moderation = (p.interrupt_moderation_us if math.isnan(own) else own) / 1e6
    packets = send_ring(p.send_buffers, rate, moderation, p.send_delay_us / 1e6)
    return _payload_gbps(p, packets) if packets < rate else math.inf


def _receive_ceiling(p: Scenario, line: float, offered_gbps: float) -> float:
    """What the receive rings carry of what the other ceilings let through; infinite where nothing is lost.

    With several queues each has its share of the connections and of the packets.
    """
    queues = min(p.receive_queues, connections(p))
    arriving = offered_gbps * GBIT / 8 / (p.mtu_bytes - p.header_bytes)
    rate = min(line, arriving) / queues
    moderation, delay = p.interrupt_moderation_us / 1e6, p.receive_delay_us / 1e6
    spare = p.receive_buffers - rate * moderation
    if spare > 0 and spare > SURELY * rate * delay:
        return math.inf
    if overflow_chance(p.receive_buffers, rate, moderation, delay) < NEVER:
        return math.inf
    if p.congestion_control == BBR:
        packets = blind_ring(p.receive_buffers, rate, moderation, delay)
    else:
        tcp = int(p.congestion_control)
        path, streams = p.round_trip_ms / 1e3, connections(p) / queues
        packets = receive_ring(
            p.receive_buffers, rate, moderation, delay, path, streams, _GROWTH[tcp], _KEPT[tcp], _CUBIC[tcp]
        )
    return _payload_gbps(p, packets * queues) if packets < rate else math.inf
