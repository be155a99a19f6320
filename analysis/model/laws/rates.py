"""How fast one migration goes on its link, and what binds."""

from __future__ import annotations

from analysis.model.laws import link
from analysis.model.laws.compression import compressor_binds
from analysis.model.laws.memory import COMPRESSION, memory_rate
from analysis.model.laws.scenario import Numbers, Scenario
from analysis.model.units import GBIT, GIB

LIMITS = (*link.CEILINGS, "spare_cores")
"""What can bind, by code."""
_SPARE_CORES = LIMITS.index("spare_cores")

(GOODPUT, MEMORY_RATE, RATIO, EFFICIENCY, BINDS) = range(5)
"""Payload of the link [Gbit/s], memory copied [GiB/s], memory bytes per byte sent, share of the line that is
payload, code of what binds."""
RATES = 5

FIELDS = (
    *("bandwidth_gbps", "mtu_bytes", "header_bytes", "frame_overhead_bytes", "transport"),
    *("bandwidth_limit_share", "smb_limit_share", "adapters", "network", "background_share"),
    *("interrupt_moderation_us", "receive_delay_us", "send_moderation_us", "send_delay_us", "round_trip_ms"),
    *("socket_buffer_kib", "streams", "stream_limit_gbps", "stream_limit_spread", "adapter_limit_gbps"),
    *("send_buffers", "receive_buffers", "receive_queues", "congestion_control", "compression_ratio"),
    *("compress_gib_per_s_per_core", "spare_cores", "compressor_waits", "page_header_bytes"),
)
"""Parameters that these depend on. A law that asks for another one fails."""


def fill_rates(p: Scenario, ceilings: Numbers, rates: Numbers) -> None:
    """Fill in the rates of a migration and every ceiling of its link."""
    goodput = link.goodput(p, p.bandwidth_limit_share, ceilings)
    rates[GOODPUT], rates[EFFICIENCY] = goodput, link.efficiency(p)
    rates[MEMORY_RATE], rates[RATIO] = memory_rate(p, goodput)
    rates[BINDS] = binds(p, ceilings, goodput)


def binds(p: Scenario, ceilings: Numbers, goodput_gbps: float) -> int:
    """Code of what binds."""
    cpu = p.compression_ratio, p.compress_gib_per_s_per_core, p.spare_cores
    if p.transport == COMPRESSION and compressor_binds(goodput_gbps * GBIT / 8 / GIB, *cpu):
        return _SPARE_CORES
    return link.binding(ceilings, goodput_gbps)
