"""Every parameter and outcome of the study, once: name, unit, default, range, meaning, source.

Validation, the command line's options and help, axis labels, the notebooks' parameter
cells (a test compares them) and the README's table are all read from here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import UserError

WRITE_PATTERNS = ("uniform", "hotcold", "zipf", "sequential")
TRANSPORTS = ("tcpip", "compression", "smb", "smb_direct")
NETWORKS = ("dedicated", "shared")
STOP_RULES = ("hyperv", "hyperv_2008r2", "qemu", "xen")


class ParameterError(UserError):
    """A value or a name that the study does not accept; the message is one sentence for a user."""


@dataclass(frozen=True)
class Parameter:
    """One input of the model.

    ``low`` and ``high`` bound the allowed values (both allowed). ``choices`` is set for text.
    A ``default`` of NaN means "as the preset named by another parameter has it".
    """

    name: str
    unit: str
    default: float | int | str
    meaning: str
    source: str
    low: float = 0.0
    high: float = np.inf
    whole: bool = False
    choices: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """What is allowed, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        kind = "a whole number" if self.whole else "a number"
        if np.isfinite(self.high):
            return f"{kind} from {self.low:g} to {self.high:g}"
        return f"{kind} of at least {self.low:g}"

    @property
    def label(self) -> str:
        """Axis label with unit, for example ``line rate [Gbit/s]``."""
        return _label(self.name, self.unit)

    def check(self, values: Any) -> np.ndarray:
        """Return ``values`` as an array of the right type, or raise :class:`ParameterError`."""
        return self._check_text(values) if self.choices else self._check_number(values)

    def _check_text(self, values: Any) -> np.ndarray:
        array = np.asarray(values, dtype=object)
        for value in dict.fromkeys(array.ravel().tolist()):
            if value not in self.choices:
                raise self._error(value, nearest(str(value), self.choices))
        return array

    def _check_number(self, values: Any) -> np.ndarray:
        given = np.asarray(values)
        if given.dtype.kind in "SUOb":
            given = np.asarray([self._number(v) for v in given.ravel().tolist()]).reshape(given.shape)
        array = given.astype(float)
        allowed = (array >= self.low) & (array <= self.high)
        if self.whole:
            allowed &= array == np.floor(array)
        if np.isnan(self.default):
            allowed |= np.isnan(array)
        if not allowed.all():
            raise self._error(array[~allowed].flat[0])
        return array

    def _number(self, value: Any) -> float:
        if value is None and np.isnan(self.default):
            return np.nan
        if isinstance(value, (bool, np.bool_)):
            raise self._error(value)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise self._error(value) from None

    def _error(self, value: Any, near: str = "") -> ParameterError:
        shown = f"{value:g}" if isinstance(value, float) else repr(value)
        hint = f"; did you mean {near!r}?" if near else ""
        unit = f" [{self.unit}]" if self.unit else ""
        return ParameterError(f"{self.name} = {shown} is not allowed: it takes {self.rule}{unit}{hint}")


@dataclass(frozen=True)
class Outcome:
    """One result of a migration: its name, unit and meaning."""

    name: str
    unit: str
    meaning: str

    @property
    def label(self) -> str:
        """Axis label with unit."""
        return _label(self.name, self.unit)


_SUFFIXES = ("_gib_per_s_per_core", "_gib_per_s", "_pages_per_s", "_per_s", "_gbps", "_gib", "_mib")
_SUFFIXES += ("_kib", "_bytes", "_ms", "_us", "_share", "_pages", "_s")


def _label(name: str, unit: str) -> str:
    stem = next((name.removesuffix(s) for s in _SUFFIXES if name.endswith(s)), name)
    words = (stem if stem else name).replace("_", " ")
    return f"{words} [{unit}]" if unit else words


def nearest(name: str, allowed: Iterable[str]) -> str:
    """The allowed name closest in spelling to ``name``, or an empty string."""
    found = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    return found[0] if found else ""


_HYPERV = "facts: Hyper-V, "
_ALL = (
    # --- the virtual machine and what it writes ---------------------------------------
    Parameter(
        "memory_gib",
        "GiB",
        16.0,
        "memory assigned to the virtual machine",
        "the reader's machine",
        0.001,
        262144,
    ),
    Parameter(
        "resident_share",
        "0-1",
        0.9,
        "share of that memory sent as content; the rest are zero or never-touched pages",
        _HYPERV + "Finn 2012: at most 92 % of assigned memory on the wire",
        0,
        1,
    ),
    Parameter(
        "dirty_pages_per_s", "pages/s", 5000.0, "page writes per second by the guest", "the reader's machine"
    ),
    Parameter(
        "working_set_gib",
        "GiB",
        2.0,
        "memory those writes fall on (at most memory_gib is used)",
        "the reader's machine",
        0,
        262144,
    ),
    Parameter(
        "write_pattern",
        "",
        "uniform",
        "how writes spread over the working set",
        "models: u(t)",
        choices=WRITE_PATTERNS,
    ),
    Parameter(
        "hot_page_share", "0-1", 0.1, "hotcold: share of the working set that is hot", "convention", 0, 1
    ),
    Parameter(
        "hot_write_share",
        "0-1",
        0.9,
        "hotcold: share of the writes that fall on the hot pages",
        "convention",
        0,
        1,
    ),
    Parameter(
        "zipf_exponent",
        "",
        1.0,
        "zipf: page of rank k is written in proportion to k**-exponent",
        "convention",
        0,
        5,
    ),
    # --- the link ---------------------------------------------------------------------
    Parameter(
        "bandwidth_gbps", "Gbit/s", 10.0, "line rate of the migration network", "the reader's network", 0.001
    ),
    Parameter(
        "mtu_bytes",
        "bytes",
        1500.0,
        "largest IP packet",
        "Ethernet; 9014 or 9000 for jumbo frames",
        576,
        65535,
    ),
    Parameter(
        "header_bytes",
        "bytes",
        40.0,
        "IP and TCP headers in each packet",
        "IPv4 20 + TCP 20; 52 with TCP time stamps (Linux)",
        0,
        500,
    ),
    Parameter(
        "frame_overhead_bytes",
        "bytes",
        38.0,
        "link bytes around each packet that count against the line rate",
        "Ethernet: preamble 8, header 14, check sequence 4, gap 12; a Linux token bucket counts 14",
        0,
        500,
    ),
    Parameter("round_trip_ms", "ms", 0.2, "round-trip time between the hosts", "a local network", 0, 10000),
    Parameter(
        "send_buffers",
        "descriptors",
        512,
        "transmit descriptors of the sending adapter",
        _HYPERV + "section 4",
        1,
        1e6,
        True,
    ),
    Parameter(
        "receive_buffers",
        "descriptors",
        512,
        "receive descriptors of the receiving adapter",
        _HYPERV + "section 4",
        1,
        1e6,
        True,
    ),
    Parameter(
        "interrupt_moderation_us",
        "us",
        50.0,
        "least time between two interrupts of an adapter",
        "vendors' default range",
        0,
        1e6,
    ),
    Parameter(
        "receive_delay_us",
        "us",
        50.0,
        "mean extra delay before a ring is emptied (a busy processor)",
        "buffers: busy delay",
        0,
        1e6,
    ),
    Parameter(
        "socket_buffer_kib",
        "KiB",
        8192.0,
        "TCP window: bytes under way on one connection",
        _HYPERV + "autotuning",
        1,
    ),
    Parameter(
        "streams",
        "connections",
        1,
        "TCP connections that carry one migration",
        _HYPERV + "one stream per migration",
        1,
        1024,
        True,
    ),
    Parameter(
        "stream_limit_gbps",
        "Gbit/s",
        12.0,
        "ceiling of one connection: one core's worth of TCP processing",
        _HYPERV + "4 to 6.5 on hosts of 2012; about double on later ones (assumed)",
        0.001,
    ),
    Parameter(
        "transport", "", "tcpip", "how Hyper-V moves the memory", _HYPERV + "section 3", choices=TRANSPORTS
    ),
    Parameter(
        "bandwidth_limit_share",
        "0-1",
        1.0,
        "share of the line rate that the migration may use",
        _HYPERV + "SMB bandwidth limit",
        0.0001,
        1,
    ),
    Parameter(
        "network",
        "",
        "dedicated",
        "whether other traffic shares the link",
        "network I/O performance page",
        choices=NETWORKS,
    ),
    Parameter(
        "background_share",
        "0-1",
        0.3,
        "shared: mean share of the line rate taken by other traffic",
        "convention",
        0,
        0.999,
    ),
    Parameter(
        "background_burst_s",
        "s",
        2.0,
        "shared: mean length of a burst of other traffic",
        "convention",
        0.001,
        1e6,
    ),
    # --- compression ------------------------------------------------------------------
    Parameter(
        "compression_ratio",
        "",
        2.1,
        "memory bytes per byte sent when compression is on",
        "compression: XPRESS LZ77, 4 KiB",
        1,
        1000,
    ),
    Parameter(
        "compress_gib_per_s_per_core",
        "GiB/s",
        0.27,
        "memory that one core compresses in a second",
        "compression: XPRESS LZ77, 4 KiB, 289 MB/s",
        1e-6,
    ),
    Parameter(
        "spare_cores",
        "cores",
        4.0,
        "cores no virtual machine needs, free for the compressor",
        _HYPERV + "section 6",
        0,
        4096,
    ),
    # --- when pre-copy ends -----------------------------------------------------------
    Parameter(
        "stop_rule",
        "",
        "hyperv",
        "which hypervisor's rule ends the passes",
        "models: section 3",
        choices=STOP_RULES,
    ),
    Parameter(
        "pass_limit",
        "passes",
        np.nan,
        "most memory passes; empty: as the stop rule has it",
        "models: section 3",
        1,
        1e6,
        True,
    ),
    Parameter(
        "blackout_target_ms",
        "ms",
        np.nan,
        "transfer time of the residual that counts as converged; empty: as the stop rule has it",
        "models: section 3",
        0,
        1e7,
    ),
    # --- fixed parts ------------------------------------------------------------------
    Parameter(
        "page_header_bytes",
        "bytes",
        8.0,
        "bytes the migration stream adds to each page",
        "QEMU's stream; Hyper-V's is not published",
        0,
        4096,
    ),
    Parameter(
        "state_mib",
        "MiB",
        4.0,
        "device and processor state sent in phase two",
        "assumed; grows with devices",
        0,
        1e6,
    ),
    Parameter(
        "handoff_ms",
        "ms",
        200.0,
        "fixed work of phase two: pause, resume, announce",
        "assumed within published blackouts",
        0,
        1e6,
    ),
    Parameter(
        "setup_s",
        "s",
        2.0,
        "connection, configuration and skeleton machine before the first pass",
        _HYPERV + "Finn: 2.5 to 3.4 s fixed in all",
        0,
        1e6,
    ),
)
PARAMETERS: Mapping[str, Parameter] = {p.name: p for p in _ALL}

OUTCOMES: Mapping[str, Outcome] = {
    o.name: o
    for o in (
        Outcome("goodput_gbps", "Gbit/s", "payload rate of the link for this migration"),
        Outcome("memory_rate_gib_per_s", "GiB/s", "memory copied per second while the guest runs"),
        Outcome("limited_by", "", "the ceiling that binds"),
        Outcome("passes", "passes", "memory passes before the guest is paused"),
        Outcome("stop_reason", "", "why the passes ended"),
        Outcome("converged", "", "whether the residual met the rule's own goal"),
        Outcome("residual_pages", "pages", "dirty pages left for phase two"),
        Outcome("brownout_s", "s", "phase one: the guest runs while memory is copied"),
        Outcome("blackout_s", "s", "phase two: the guest is paused"),
        Outcome("total_s", "s", "set-up, brownout and blackout together"),
        Outcome("memory_sent_gib", "GiB", "memory pages sent, counting every time"),
        Outcome("stream_gib", "GiB", "bytes handed to the transport: pages and headers, after compression"),
        Outcome("wire_gib", "GiB", "bytes on the wire, with packet headers and framing"),
    )
}


def defaults() -> dict[str, float | int | str]:
    """The default of every parameter, by name."""
    return {name: p.default for name, p in PARAMETERS.items()}


def label(name: str) -> str:
    """Axis label of a parameter or an outcome, with its unit; KeyError for an unknown name."""
    return (PARAMETERS[name] if name in PARAMETERS else OUTCOMES[name]).label


def check(given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Validate values by name.

    Raises :class:`ParameterError` for an unknown name (with the nearest right one) or a value
    outside its range. Nothing is filled in: a name that is not given is not in the result.
    """
    for name in given:
        if name not in PARAMETERS:
            near = nearest(name, PARAMETERS)
            hint = f"; did you mean {near!r}?" if near else ""
            raise ParameterError(f"there is no parameter {name!r}{hint}")
    return {name: PARAMETERS[name].check(values) for name, values in given.items()}
