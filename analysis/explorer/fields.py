"""What the controls of one migration are: their groups, where sliders stop, short names, values in words.

Names, units, help and menus come from :mod:`analysis.parameters`; only where a slider begins and ends is
set here, since a parameter's allowed range is wider than any real host.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.figures.language import axis_label, number, sentence, value_of
from analysis.figures.words import percent
from analysis.parameters import PARAMETERS, ParameterError
from analysis.ranges import searched

PRESET = "by preset"
"""The stop of a slider for a value left to the transport or the stop rule."""

IMPORTANT = (
    *("memory_gib", "dirty_pages_per_s", "working_set_gib", "bandwidth_gbps", "transport", "spare_cores"),
    *("receive_buffers", "round_trip_ms", "write_pattern", "stop_rule"),
)
"""The ten parameters that a reader sets first."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Machine": (
        "memory_gib",
        "resident_share",
        "dirty_pages_per_s",
        "working_set_gib",
        "write_pattern",
        "hot_page_share",
        "hot_write_share",
        "zipf_exponent",
    ),
    "Link": (
        "bandwidth_gbps",
        "transport",
        "streams",
        "stream_limit_gbps",
        "adapter_limit_gbps",
        "round_trip_ms",
        "socket_buffer_kib",
        "mtu_bytes",
        "bandwidth_limit_share",
        "network",
        "background_share",
    ),
    "Adapters": (
        "send_buffers",
        "receive_buffers",
        "receive_queues",
        "interrupt_moderation_us",
        "receive_delay_us",
        "send_delay_us",
        "congestion_control",
    ),
    "Compression": ("compression_ratio", "compress_gib_per_s_per_core", "spare_cores", "compressor_waits"),
    "End": ("stop_rule", "pass_limit", "blackout_target_ms", "state_mib", "handoff_ms", "setup_s"),
}
"""Tabs of the panel and the parameters on each."""

LINES = (
    *("memory_gib", "resident_share", "dirty_pages_per_s", "working_set_gib", "write_pattern"),
    *("bandwidth_gbps", "transport", "send_buffers", "receive_buffers", "interrupt_moderation_us"),
    *("receive_delay_us", "round_trip_ms", "compression_ratio", "spare_cores", "stop_rule", "pass_limit"),
)
"""Parameters for which the explorer's notebook has a line of its own; the others are options there."""


def every_group() -> dict[str, tuple[str, ...]]:
    """All parameters in groups: those of the panel, and in a last one what has no tab there."""
    placed = {name for names in GROUPS.values() for name in names}
    return {**GROUPS, "Seldom changed": tuple(name for name in PARAMETERS if name not in placed)}


_NICE = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8)


def decades(low: float, high: float, steps: Sequence[float] = _NICE) -> list[float]:
    """Round values from low to high, the same number in each decade: a logarithmic slider.

    >>> decades(1, 20, (1, 2, 5))
    [1, 2, 5, 10, 20]
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [float(f"{step * 10.0**power:.12g}") for power in powers for step in steps]
    return [int(v) if v.is_integer() else v for v in values if low <= v <= high]


def evenly(low: float, high: float, step: float) -> list[float]:
    """Values from low to high at equal distances."""
    return [round(float(value), 9) for value in np.arange(low, high + step / 2, step)]


_SHARES = evenly(0, 1, 0.05)
_DOUBLED = [2**k for k in range(4, 15)]
SLIDERS: Mapping[str, Sequence[float | str]] = {
    "memory_gib": [0.5, *decades(1, 1000), 1024, 2048, 4096],
    "resident_share": _SHARES,
    "dirty_pages_per_s": [0, *decades(100, 1e7)],
    "working_set_gib": [0, *decades(0.01, 1000)],
    "hot_page_share": [0.01, 0.02, *_SHARES[1:]],
    "hot_write_share": [*_SHARES, 0.98, 0.99],
    "zipf_exponent": evenly(0, 3, 0.1),
    "bandwidth_gbps": sorted({*decades(0.1, 400), 25, 56, 100}),
    "streams": [PRESET, *range(1, 9), 12, 16, 32],
    "stream_limit_gbps": decades(1, 100),
    "adapter_limit_gbps": [PRESET, *decades(1, 100)],
    "round_trip_ms": [0, *decades(0.01, 300)],
    "socket_buffer_kib": [2**k for k in range(4, 18)],
    "mtu_bytes": [576, 1280, 1500, 4000, 9000],
    "bandwidth_limit_share": [0.01, 0.02, *_SHARES[1:]],
    "background_share": evenly(0, 0.95, 0.05),
    "send_buffers": _DOUBLED,
    "receive_buffers": _DOUBLED,
    "receive_queues": [1, 2, 4, 8, 16, 32],
    "send_delay_us": [0, *decades(1, 20000)],
    "interrupt_moderation_us": [0, *decades(1, 2000)],
    "receive_delay_us": [0, *decades(1, 20000)],
    "compression_ratio": evenly(1, 5, 0.1),
    "compress_gib_per_s_per_core": sorted({*decades(0.02, 5), 0.27}),
    "spare_cores": [0, 0.5, *range(1, 17), 24, 32, 48, 64],
    "pass_limit": [PRESET, *range(1, 31), 50, 100],
    "blackout_target_ms": [PRESET, 0, *decades(10, 5000)],
    "state_mib": [0, *decades(1, 1000)],
    "handoff_ms": [0, *decades(1, 3000)],
    "setup_s": [0, *decades(0.1, 60)],
}
"""Where the sliders stop; the starting value is added where it is not among them."""


def stops(name: str) -> Sequence[float | str]:
    """Where a slider of a parameter stops, or a curve over it goes: a new parameter has some too."""
    if name in SLIDERS:
        return SLIDERS[name]
    parameter = PARAMETERS[name]
    try:
        low, high, _ = searched(name)
    except ParameterError:
        usual = float(parameter.default) if parameter.default == parameter.default else 1.0
        low, high = parameter.low, min(parameter.high, 100 * (usual or 1.0))
    if high / max(low, 1e-9) < 20 or high <= 1:
        return evenly(low, high, (high - low) / 20)
    return [*([low] if low == 0 else []), *decades(low or high / 1e4, high)]


NEEDS = {
    "hot_page_share": ("write_pattern", "hotcold"),
    "hot_write_share": ("write_pattern", "hotcold"),
    "zipf_exponent": ("write_pattern", "zipf"),
    "background_share": ("network", "shared"),
    "compression_ratio": ("transport", "compression"),
    "compress_gib_per_s_per_core": ("transport", "compression"),
    "spare_cores": ("transport", "compression"),
    "compressor_waits": ("transport", "compression"),
}
"""Parameters that act only with another one's value; without it their slider is greyed out."""

SHORT = {
    "resident_share": "Share with content",
    "dirty_pages_per_s": "Page writes",
    "hot_page_share": "Share of hot pages",
    "hot_write_share": "Share of hot writes",
    "streams": "Connections",
    "stream_limit_gbps": "Core's limit",
    "adapter_limit_gbps": "Host adapter's limit",
    "send_delay_us": "Sender's delay",
    "interrupt_moderation_us": "Between interrupts",
    "compressor_waits": "Pages wait",
    "mtu_bytes": "MTU",
    "background_share": "Other traffic",
    "receive_delay_us": "Processor's delay",
    "compress_gib_per_s_per_core": "A core compresses",
    "setup_s": "Set-up",
    "handoff_ms": "Hand-off",
    "state_mib": "Machine's state",
    "extra_resident_mib": "Memory of the system",
    "top_content_share": "Content behind zeros",
    "idle_dirty_pages_per_s": "Page writes when idle",
    "idle_working_set_mib": "Working set when idle",
    "header_bytes": "Headers of a packet",
    "frame_overhead_bytes": "Framing of a packet",
    "send_moderation_us": "Between completions",
    "stream_limit_spread": "Spread of core's limit",
    "send_ahead_mib": "Sent ahead",
    "smb_limit_share": "SMB limit",
    "background_burst_s": "Burst of other traffic",
    "page_header_bytes": "Header of a page",
    "zero_page_bytes": "Bytes of a zero page",
}
"""Short names where a parameter's own is not for readers; its help is at the control."""


def short(name: str) -> str:
    """A parameter or outcome by the name that its control has."""
    return SHORT.get(name) or sentence(axis_label(name).partition(" [")[0])


def named(name: str, value: Any) -> str:
    """A value of a control in words: ``10 Gbit/s``, ``TCP/IP``, ``Hyper-V``, ``90 %``."""
    if isinstance(value, str):
        return _RULES.get(value) or value_of(name, value)
    if PARAMETERS[name].unit == "0-1":
        return percent(value)
    if name in _COUNTED:
        return f"{number(value, 6)} {_COUNTED[name].removesuffix('s' if value == 1 else '')}"
    return value_of(name, value)


_COUNTED = {"dirty_pages_per_s": "page writes/s", "spare_cores": "spare cores", "streams": "connections"}
_COUNTED |= {"pass_limit": "passes at most", "receive_delay_us": "µs"}
_RULES = {"hyperv": "Hyper-V", "hyperv_2008r2": "Hyper-V 2008 R2", "qemu": "QEMU", "xen": "Xen"}
_RULES |= {"simgrid": "SimGrid", "qemu_autoconverge": "QEMU, auto-converge", "nova": "OpenStack nova"}
_RULES |= {"qemu_post_copy": "QEMU, post-copy after a pass", "nova_post_copy": "nova, then post-copy"}
_RULES |= {"nova_pause": "nova, then paused", "proxmox": "Proxmox VE", "kubevirt": "KubeVirt"}
_RULES |= {"kubevirt_post_copy": "KubeVirt, then post-copy", "kubevirt_ramp": "KubeVirt, ramp"}
_RULES |= {"kubevirt_stall": "KubeVirt, stall detection"}
