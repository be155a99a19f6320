"""Where each parameter lies on hosts of today, whether it can be changed, and which way helps.

Sensible ranges for whoever gives none: what varies from host to host and from machine to machine, not what is
allowed (:mod:`analysis.parameters`) and not what is barely believed (:mod:`analysis.unusual`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.errors import UserError
from analysis.parameters import PARAMETERS, ParameterError, meant
from analysis.unusual import USUAL


@dataclass(frozen=True)
class Range:
    """What a parameter is on hosts of today, spread by ratio (``log``) or evenly.

    ``more_helps``: whether migrations get shorter with more of it, else with less. ``lever``: an
    administrator can change it; a machine's memory is a fact. ``needs``: a parameter and the values of it
    with which this one acts at all. ``whole``: answers are whole numbers, though the model takes others.
    """

    low: float
    high: float
    more_helps: bool
    log: bool = True
    lever: bool = False
    needs: tuple[str, tuple[str, ...]] = ("", ())
    whole: bool = False

    def acts(self, scenario: Mapping[str, Any]) -> bool:
        """Whether the parameter does anything in a scenario of all parameters."""
        of, values = self.needs
        return not of or scenario[of] in values


_COMPRESSED = ("transport", ("compression",))
_SMB = ("transport", ("smb", "smb_direct"))
TYPICAL: Mapping[str, Range] = {
    "memory_gib": Range(4, 256, False),
    "resident_share": Range(0.5, 1, False, log=False),
    "dirty_pages_per_s": Range(100, 3e5, False),
    "working_set_gib": Range(0.1, 16, False),
    "hot_page_share": Range(0.02, 0.5, False, needs=("write_pattern", ("hotcold",))),
    "hot_write_share": Range(0.5, 0.99, True, log=False, needs=("write_pattern", ("hotcold",))),
    "zipf_exponent": Range(0.5, 1.5, True, log=False, needs=("write_pattern", ("zipf",))),
    "bandwidth_gbps": Range(1, 100, True, lever=True),
    "mtu_bytes": Range(1500, 9000, True, lever=True),
    "round_trip_ms": Range(0.05, 2, False),
    "send_buffers": Range(256, 4096, True, lever=True),
    "receive_buffers": Range(256, 4096, True, lever=True),
    "receive_queues": Range(1, 8, True, lever=True, needs=_SMB),
    "interrupt_moderation_us": Range(10, 250, False, lever=True),
    "receive_delay_us": Range(10, 1000, False),
    "socket_buffer_kib": Range(1024, 16384, True, lever=True),
    "stream_limit_gbps": Range(6, 25, True),
    "smb_limit_share": Range(0.25, 1, True, log=False, lever=True, needs=_SMB),
    "background_share": Range(0, 0.6, False, log=False, needs=("network", ("shared",))),
    "compression_ratio": Range(1.2, 4, True, needs=_COMPRESSED),
    "compress_gib_per_s_per_core": Range(0.15, 0.6, True, needs=_COMPRESSED),
    "spare_cores": Range(1, 16, True, lever=True, needs=_COMPRESSED, whole=True),
    "state_mib": Range(1, 64, False),
    "handoff_ms": Range(50, 1000, False),
    "setup_s": Range(1, 5, False, log=False),
}
"""Machines of 4 to 256 GiB on links of 1 to 100 Gbit/s. Buffers, moderation and windows: as adapters and
Windows have them between default and maximum (presets.ADAPTERS, facts: section 4). The ceiling of a
connection: from that measured on 2012 R2 to twice the assumed one. A compressor's rate and ratio: around
those of data/compression.csv."""

_SEARCHED = {
    "extra_resident_mib": (0.0, 65536.0, False), "idle_dirty_pages_per_s": (0.0, 1e6, False),
    "send_buffers": (1.0, 131072.0, True), "receive_buffers": (1.0, 131072.0, True),
    "mtu_bytes": (576.0, 65535.0, True), "interrupt_moderation_us": (0.0, 10000.0, False),
    "send_moderation_us": (0.0, 10000.0, False), "send_delay_us": (0.0, 100000.0, False),
    "socket_buffer_kib": (1.0, 1048576.0, True), "streams": (1.0, 1024.0, True),
    "adapter_limit_gbps": (0.05, 800.0, True), "bandwidth_limit_share": (0.0001, 1.0, True),
    "adapters": (1.0, 64.0, True), "stream_limit_spread": (0.0, 2.0, False),
    "page_header_bytes": (0.0, 4096.0, False), "zero_page_bytes": (0.0, 4096.0, False),
}  # fmt: skip
"""Where an answer is looked for, and whether more helps, where neither table nor bounds say it."""


def typical(name: str) -> Range:
    """The sensible range of a parameter; ParameterError if there is none."""
    number(name)
    if name not in TYPICAL:
        known = ", ".join(TYPICAL)
        raise ParameterError(
            f"{name} has no usual range: give one, {name}=LOW:HIGH; there are some for {known}"
        )
    return TYPICAL[name]


def searched(name: str) -> tuple[float, float, bool]:
    """Least and greatest value among which an answer is looked for, and whether more of it helps.

    ParameterError for one of which neither more nor less helps in every outcome.
    """
    number(name)
    if name in _SEARCHED:
        return _SEARCHED[name]
    if name not in TYPICAL:
        known = ", ".join(sorted({*TYPICAL, *_SEARCHED}))
        raise ParameterError(f"of {name} neither more nor less helps in all: ask for one of {known}")
    usual, bounds = USUAL.get(name), PARAMETERS[name]
    low, high = (usual.low, usual.high) if usual else (bounds.low, bounds.high)
    return max(low, bounds.low), min(high, bounds.high), TYPICAL[name].more_helps


def number(name: str) -> None:
    """UserError for a name that is no parameter, or one whose values are words."""
    if name not in PARAMETERS:
        near = meant(name, PARAMETERS)
        hint = f"; did you mean {near!r}?" if near else ""
        raise ParameterError(f"there is no parameter {name!r}{hint}")
    if PARAMETERS[name].choices:
        words = ", ".join(PARAMETERS[name].choices)
        raise UserError(f"{name} is no number but one of {words}: name a parameter that is a number")


def is_whole(name: str) -> bool:
    """Whether answers for a parameter are whole numbers."""
    return PARAMETERS[name].whole or (name in TYPICAL and TYPICAL[name].whole)
