"""Every parameter and outcome of the study, once: name, unit, default, range, meaning, source.

Validation, the command line's options and help, axis labels, the notebooks' parameter
cells (a test compares them) are all read from here.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import other_names, quantities
from analysis.arrays import Bools, Columns, Floats
from analysis.errors import UserError
from analysis.other_names import nearest as nearest  # used from here by all who know parameters

WRITE_PATTERNS = ("uniform", "hotcold", "zipf", "sequential")
TRANSPORTS = ("tcpip", "compression", "smb", "smb_direct")
NETWORKS = ("dedicated", "shared")
STOP_RULES = (
    *("hyperv", "hyperv_2008r2", "qemu", "xen", "simgrid", "qemu_autoconverge", "qemu_post_copy", "nova"),
    *("nova_post_copy", "nova_pause", "proxmox", "kubevirt", "kubevirt_post_copy", "kubevirt_ramp"),
    "kubevirt_stall",
)
CONGESTION_CONTROLS = ("cubic", "reno", "bbr")
COMPRESSOR_WAITS = ("no", "yes", "in_turn")


class ParameterError(UserError):
    """A value or a name that the study does not accept; the message is one sentence for a user."""


@dataclass(frozen=True)
class Parameter:
    """One input of the model.

    ``low`` and ``high`` bound the allowed values (both allowed). ``choices`` is set for text.
    ``least``: where 0 stands for none of something, the least of it that is something. ``most``: where
    infinity stands for no limit, the greatest limit that is one. Beyond them arithmetic would overflow.
    A ``default`` of NaN means "as the preset named by another parameter has it".
    """

    name: str
    unit: str
    default: float | int | str
    meaning: str
    source: str
    low: float = 0.0
    high: float = np.inf
    least: float = 0.0
    most: float = np.inf
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

    @property
    def _may_be_empty(self) -> bool:
        return isinstance(self.default, float) and bool(np.isnan(self.default))

    def check(self, values: Any) -> NDArray[Any]:
        """Return ``values`` as an array of the right type, or raise :class:`ParameterError`."""
        return self._check_text(values) if self.choices else self._check_number(values)

    def _check_text(self, values: Any) -> NDArray[np.object_]:
        array = np.asarray(values, dtype=object)
        with suppress(TypeError):  # of what has no hash; all at once is thirty times as quick
            if frozenset(self.choices).issuperset(array.ravel().tolist()):
                return array
        for value in array.ravel().tolist():
            if not isinstance(value, str) or value not in self.choices:
                raise self._error(value, other_names.value_meant(str(value), self.choices))
        return array

    def _check_number(self, values: Any) -> Floats:
        if (given := self._array(values)).dtype.kind in "mM":
            raise self._error(given.ravel()[0])
        if given.dtype.kind not in "fiu":
            given = np.asarray([self._number(v) for v in given.ravel().tolist()]).reshape(given.shape)
        array = given.astype(float)
        allowed = self._allowed(array)
        if not allowed.all():
            raise self._error(array[~allowed].flat[0])
        return array

    def _allowed(self, array: Floats) -> Bools:
        """True where a number keeps to the rule."""
        allowed = (array >= self.low) & (array <= self.high)
        if self.least:
            allowed &= (array == 0) | (array >= self.least)
        if np.isfinite(self.most):
            allowed &= (array <= self.most) | np.isinf(array)
        if self.whole:
            allowed &= array == np.floor(array)
        if self._may_be_empty:
            allowed |= np.isnan(array)
        return allowed

    def _array(self, values: Any) -> NDArray[Any]:
        """Values as an array whose elements keep their types: numpy would turn ``[True, 2]`` into numbers."""
        listed = isinstance(values, (list, tuple))
        try:
            return np.asarray(values, dtype=object if listed else None)
        except ValueError:
            raise ParameterError(f"{self.name}: the lists in {values!r} are of different lengths") from None

    def _number(self, value: Any) -> float:
        if value is None and self._may_be_empty:
            return np.nan
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (str, bytes, numbers.Real)):
            raise self._error(value)
        try:
            return float(value)
        except OverflowError:  # a whole number of more than 308 digits
            raise self._error(float("-inf") if str(value).startswith("-") else float("inf")) from None
        except (TypeError, ValueError):
            return self._quantity(value)

    def _quantity(self, value: Any) -> float:
        """A text with a unit of its own, in this parameter's unit."""
        try:
            return quantities.read(str(value), self.unit)
        except quantities.UnitError as error:
            raise self._error(value, why=str(error)) from None

    def _beyond(self, value: Any) -> str:
        """What else holds for a value between the bounds that would overflow."""
        if isinstance(value, float) and 0 < value < self.least:
            return f"; it is 0 or at least {self.least:g}"
        if isinstance(value, float) and self.most < value < np.inf:
            return f"; it is at most {self.most:g}, or infinite"
        if self.unit == "0-1" and isinstance(value, float) and 2 <= value <= 100:
            return f"; {value:g} % is {value / 100:g}"
        return ""

    def _error(self, value: Any, near: str = "", why: str = "") -> ParameterError:
        hint = f"; did you mean {near!r}?" if near else f"; {why}" if why else self._beyond(value)
        unit = f" [{self.unit}]" if self.unit else ""
        return ParameterError(
            f"{self.name} = {shown(value)} is not allowed: it takes {self.rule}{unit}{hint}"
        )


def shown(value: Any) -> str:
    """A value in a message: a number as a person writes it, all digits where it needs them."""
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(float(value))
    return repr(value)


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


_SUFFIXES = (
    *("_gib_per_s_per_core", "_gib_per_s", "_pages_per_s", "_per_s", "_gbps", "_gib", "_mib"),
    *("_kib", "_bytes", "_ms", "_us", "_share", "_pages", "_s"),
)


def _label(name: str, unit: str) -> str:
    stem = next((name.removesuffix(s) for s in _SUFFIXES if name.endswith(s)), name)
    words = (stem if stem else name).replace("_", " ")
    return f"{words} [{unit}]" if unit else words


def meant(name: str, allowed: Iterable[str]) -> str:
    """The allowed name that another system calls ``name``, else the closest in spelling; or empty."""
    known = list(allowed)
    return other_names.counterpart(name, known) or nearest(name, known)


_HYPERV = "facts: Hyper-V, "
_AS_TRANSPORT = "empty: as the transport has it"
_AS_RULE = "empty: as the stop rule has it"

# A table is read by rows: the name and its values, what it means, where it comes from.
# fmt: off
_ALL = (
    # --- the virtual machine and what it writes ---------------------------------------
    Parameter("memory_gib", "GiB", 16.0, low=0.001, high=262144,
              meaning="memory assigned to the virtual machine",
              source="the reader's machine"),
    Parameter("resident_share", "0-1", 0.9, high=1,
              meaning="share of that memory sent as content; the rest are zero or never-touched pages",
              source=_HYPERV + "Finn 2012: at most 92 % of assigned memory on the wire"),
    Parameter("extra_resident_mib", "MiB", 0.0, high=1e8,
              meaning="memory sent as content beside that share: the guest's system and programs",
              source="62.5 in this study's laboratory"),
    Parameter("top_content_share", "0-1", 1 / 64, high=1,
              meaning="share of memory, behind the zero pages in the order of sending, that is content again",
              source="Linux keeps its records of pages, 64 bytes for each of 4096, at the top of memory"),
    Parameter("dirty_pages_per_s", "pages/s", 5000.0, high=1e12,
              meaning="page writes per second by the guest",
              source="the reader's machine"),
    Parameter("working_set_gib", "GiB", 2.0, least=1e-9, high=262144,
              meaning="memory those writes fall on (at most memory_gib is used)",
              source="the reader's machine"),
    Parameter("write_pattern", "", "uniform", choices=WRITE_PATTERNS,
              meaning="how writes spread over the working set",
              source="models: section 2"),
    Parameter("hot_page_share", "0-1", 0.1, least=1e-12, high=1,
              meaning="hotcold: share of the working set that is hot",
              source="convention"),
    Parameter("hot_write_share", "0-1", 0.9, high=1,
              meaning="hotcold: share of the writes that fall on the hot pages",
              source="convention"),
    Parameter("zipf_exponent", "", 1.0, high=3,
              meaning="zipf: the page of rank k is written in proportion to k**-exponent",
              source="convention"),
    Parameter("idle_dirty_pages_per_s", "pages/s", 0.0, high=1e12,
              meaning="page writes by the guest's system beside its workload",
              source="the reader's machine; some 40 for an idle Linux guest (passes.csv)"),
    Parameter("idle_working_set_mib", "MiB", 0.5, least=1e-9, high=1e6,
              meaning="memory those writes fall on",
              source="some 115 pages for an idle Linux guest (passes.csv)"),
    # --- the link ---------------------------------------------------------------------
    Parameter("bandwidth_gbps", "Gbit/s", 10.0, low=0.001, most=1e12,
              meaning="line rate of the migration network",
              source="the reader's network"),
    Parameter("mtu_bytes", "bytes", 1500.0, low=576, high=65535,
              meaning="largest IP packet",
              source="Ethernet; jumbo frames of 9014 bytes, as Windows counts them, carry 9000"),
    Parameter("header_bytes", "bytes", 40.0, high=500,
              meaning="IP and TCP headers in each packet",
              source="IPv4 20 + TCP 20; 52 with TCP time stamps (Linux)"),
    Parameter("frame_overhead_bytes", "bytes", 38.0, high=500,
              meaning="link bytes around each packet that count against the line rate",
              source="Ethernet: preamble 8, header 14, check 4, gap 12; a Linux token bucket counts 14"),
    Parameter("round_trip_ms", "ms", 0.1, high=10000,
              meaning="round-trip time between the hosts, beside the adapters' own delays",
              source="a local network"),
    Parameter("send_buffers", "descriptors", 512, low=1, high=1e6, whole=True,
              meaning="transmit descriptors of the sending adapter",
              source=_HYPERV + "section 4"),
    Parameter("receive_buffers", "descriptors", 512, low=1, high=1e6, whole=True,
              meaning="receive descriptors of the receiving adapter, in each of its queues",
              source=_HYPERV + "section 4"),
    Parameter("receive_queues", "queues", 1, low=1, high=1024, whole=True,
              meaning="queues of the receiving adapter that the connections spread over (RSS)",
              source=_HYPERV + "section 4: one stream uses one queue"),
    Parameter("interrupt_moderation_us", "us", 50.0, high=1e6,
              meaning="least time between two interrupts of an adapter",
              source="vendors' usual range"),
    Parameter("receive_delay_us", "us", 50.0, least=1e-9, high=1e6,
              meaning="mean extra delay before the receive ring is emptied (a busy processor)",
              source="facts: buffers, busy delay"),
    Parameter("send_moderation_us", "us", np.nan, high=1e6,
              meaning="least time between two send completions; empty: as interrupt_moderation_us",
              source="facts: buffers"),
    Parameter("send_delay_us", "us", 0.0, least=1e-9, high=1e6,
              meaning="mean extra delay before send completions are handled",
              source="facts: buffers"),
    Parameter("socket_buffer_kib", "KiB", 8192.0, low=1, most=1e12,
              meaning="TCP window: bytes under way on one connection",
              source=_HYPERV + "128 KiB with window scale 8 from 10 Gbit/s on"),
    Parameter("congestion_control", "", "cubic", choices=CONGESTION_CONTROLS,
              meaning="how TCP answers a loss",
              source="CUBIC is the default of Windows Server since 2019 and of Linux"),
    Parameter("streams", "connections", np.nan, low=1, high=1024, whole=True,
              meaning="TCP connections that carry one migration; " + _AS_TRANSPORT,
              source=_HYPERV + "one for TCP/IP and compression; four for SMB Multichannel with RSS"),
    Parameter("stream_limit_gbps", "Gbit/s", 12.0, low=0.001, most=1e12,
              meaning="ceiling of one connection: one core's worth of TCP processing",
              source=_HYPERV + "4 to 6.5 on hosts of 2012; about double on later ones (assumed)"),
    Parameter("stream_limit_spread", "0-1", 0.0, least=1e-9, high=2,
              meaning="how much that ceiling varies in time (standard deviation of its logarithm)",
              source="0.4 in this study's laboratory, a busy host"),
    Parameter("adapter_limit_gbps", "Gbit/s", np.nan, low=0.001, most=1e12,
              meaning="ceiling of all connections through the host's adapter; empty: none",
              source=_HYPERV + "4.5 in all through a virtual adapter of the host without RSS (Savill 2012)"),
    Parameter("send_ahead_mib", "MiB", 0.0, high=1e6,
              meaning="bytes that the sender's socket and queue take at once, so that it counts them as sent",
              source="2.4 in this study's laboratory; 0 for times taken at the receiver"),
    Parameter("transport", "", "tcpip", choices=TRANSPORTS,
              meaning="how the memory is moved",
              source=_HYPERV + "section 3"),
    Parameter("bandwidth_limit_share", "0-1", 1.0, low=0.0001, high=1,
              meaning="share of the line rate that the migration may use",
              source=_HYPERV + "SMB bandwidth limit"),
    Parameter("smb_limit_share", "0-1", 1.0, low=0.0001, high=1,
              meaning="smb, smb_direct: share of the sum of the node's adapters that they may use",
              source=_HYPERV + "0.25 in a cluster of Windows Server 2022 since 2022-09; counts all adapters"),
    Parameter("adapters", "adapters", 2, low=1, high=64, whole=True,
              meaning="adapters of the migration network's speed in a node, which that limit counts",
              source="two of a kind: one may fail"),
    Parameter("network", "", "dedicated", choices=NETWORKS,
              meaning="whether other traffic shares the link",
              source="Microsoft's page on network I/O performance"),
    Parameter("background_share", "0-1", 0.3, high=0.999,
              meaning="shared: mean share of the line rate taken by other traffic",
              source="convention"),
    Parameter("background_burst_s", "s", 2.0, low=0.001, high=1e6,
              meaning="shared: mean length of a burst of other traffic (spreads times, not the mean rate)",
              source="convention"),
    # --- compression ------------------------------------------------------------------
    Parameter("compression_ratio", "", 2.1, low=1, high=1000,
              meaning="memory bytes per byte sent when compression is on",
              source="facts: compression, XPRESS LZ77, blocks of 4 KiB"),
    Parameter("compress_gib_per_s_per_core", "GiB/s", 0.27, low=1e-6, most=1e12,
              meaning="memory that one core compresses in a second",
              source="facts: compression, XPRESS LZ77, blocks of 4 KiB, 289 MB/s"),
    Parameter("spare_cores", "cores", 4.0, least=1e-9, high=4096,
              meaning="cores that no virtual machine needs, free for the compressor",
              source=_HYPERV + "section 6"),
    Parameter("compressor_waits", "", "no", choices=COMPRESSOR_WAITS,
              meaning="pages go uncompressed when the compressor is busy (no), wait for it (yes), or it and "
              "the link also wait for each other (in_turn)",
              source=_HYPERV + "slides back to TCP/IP; QEMU's multifd waits, its compress takes turns"),
    # --- when pre-copy ends -----------------------------------------------------------
    Parameter("stop_rule", "", "hyperv", choices=STOP_RULES,
              meaning="which hypervisor's rule ends the passes",
              source="models: section 3"),
    Parameter("pass_limit", "passes", np.nan, low=1, high=1e4, whole=True,
              meaning="most memory passes; " + _AS_RULE,
              source="models: section 3"),
    Parameter("blackout_target_ms", "ms", np.nan, least=1e-9, high=1e7,
              meaning="transfer time of the residual that counts as converged; " + _AS_RULE,
              source="models: section 3"),
    Parameter("last_target_ms", "ms", np.nan, least=1e-9, high=1e7,
              meaning="target up to which one that grows rises from blackout_target_ms; " + _AS_RULE,
              source="stopping: nova's live_migration_downtime, KubeVirt's maxDowntimeMs"),
    Parameter("target_steps", "steps", np.nan, high=1e6, whole=True,
              meaning="equal steps in which it grows; " + _AS_RULE,
              source="stopping: nova's live_migration_downtime_steps"),
    Parameter("target_step_s", "s", np.nan, least=1e-3, high=1e7,
              meaning="time between two of these steps; " + _AS_RULE,
              source="stopping: nova's live_migration_downtime_delay, KubeVirt's cool-down"),
    Parameter("give_up_after_s", "s", np.nan, least=1e-3, high=1e9,
              meaning="time after which pre-copy is given up: cancelled, paused or post-copied, as the rule "
              "does; " + _AS_RULE,
              source="stopping: nova's completion_timeout, KubeVirt's completionTimeoutPerGiB"),
    Parameter("write_processor_share", "0-1", 1.0, high=1,
              meaning="share of its processor's time that the guest's writing needs: a throttle slows it "
              "past the rest",
              source="all: a throttled guest's writes fall as the throttle rises; 0.02 in this study's "
              "laboratory where it does nothing else (stops_migrations.csv)"),
    # --- fixed parts ------------------------------------------------------------------
    Parameter("page_header_bytes", "bytes", 8.0, high=4096,
              meaning="bytes the migration stream adds to each page",
              source="QEMU's stream; Hyper-V's is not published"),
    Parameter("zero_page_bytes", "bytes", 9.0, high=4096,
              meaning="bytes the migration stream sends for a zero page",
              source="QEMU's stream; Hyper-V's is not published"),
    Parameter("state_mib", "MiB", 4.0, high=1e6,
              meaning="device and processor state sent in phase two",
              source="assumed; grows with devices"),
    Parameter("handoff_ms", "ms", 200.0, high=1e6,
              meaning="fixed work of phase two: pause, resume, announce",
              source="assumed within published blackouts"),
    Parameter("setup_s", "s", 2.0, high=1e6,
              meaning="connection, configuration and skeleton machine before the first pass",
              source=_HYPERV + "Finn 2012: 2.5 to 3.4 s fixed in all"),
)
# fmt: on
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
        Outcome("total_s", "s", "set-up, brownout and blackout together, and post-copy"),
        Outcome("throttled_share", "0-1", "processor time that a throttle takes from the guest in phase one"),
        Outcome("post_copy_s", "s", "after the pause: the guest runs, and waits for pages that follow it"),
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


FACTOR = "_factor"
"""Ends the name of a host's factor on a parameter: ``bandwidth_gbps_factor``."""


def takes(name: str) -> bool:
    """Whether a scenario may have a column of this name: a parameter, or a factor on one that is a number."""
    of = PARAMETERS.get(name.removesuffix(FACTOR))
    return of is not None and (name in PARAMETERS or not of.choices)


def check(given: Mapping[str, Any]) -> Columns:
    """Validate values by name; a name may be that of a factor (see :func:`takes`), which is above 0.

    Raises :class:`ParameterError` for an unknown name (with the nearest right one) or a value
    outside its range. Nothing is filled in: a name that is not given is not in the result.
    """
    for name in given:
        if not takes(name):
            near = meant(name, PARAMETERS)
            hint = f"; did you mean {near!r}?{other_names.remark(name, near)}" if near else ""
            raise ParameterError(f"there is no parameter {name!r}{hint}")
    return {name: _checks(name).check(values) for name, values in given.items()}


def _checks(name: str) -> Parameter:
    return PARAMETERS[name] if name in PARAMETERS else replace(_ANY_FACTOR, name=name)


_ANY_FACTOR = Parameter(
    "factor", "", 1.0, low=np.nextafter(0.0, 1.0), high=1e12,
    meaning="what a host makes of a parameter, times what is asked for", source="calibration",
)  # fmt: skip
