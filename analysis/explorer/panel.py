"""The explorer in JupyterLab: sliders and menus (ipywidgets) beside the picture of one migration.

Names, units, help and menus come from :mod:`analysis.parameters`; only where a slider begins and ends is
set here, since a parameter's allowed range is wider than any real host.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np

from analysis.explorer.page import named
from analysis.explorer.picture import scene
from analysis.figures.language import axis_label, sentence
from analysis.parameters import PARAMETERS

PRESET = "by preset"
"""The stop of a slider for a value left to the transport or the stop rule."""

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

_NEEDS = {
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

_WORDS = {
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
}
"""Short names where a parameter's own is not for readers; its help is at the control."""


class Panel:
    """Controls over the parameters of one migration and its picture, drawn anew at each change.

    ``controls``: the widgets by parameter; ``picture``: the widget that holds the SVG; ``times_ms``: what
    each drawing took in the kernel. Display ``box``.
    """

    def __init__(self, **start: Any) -> None:
        names = [name for group in GROUPS.values() for name in group]
        self._fixed = {name: value for name, value in start.items() if name not in names}
        self._start = {name: _known(start.get(name, PARAMETERS[name].default)) for name in names}
        self.controls = {name: _control(name, value) for name, value in self._start.items()}
        self.picture = widgets.HTML(
            layout=widgets.Layout(width="100%", max_width="36rem", margin="0 0 0 1rem")
        )
        self.note = widgets.HTML()
        self.times_ms: list[float] = []
        self._held = False
        for control in self.controls.values():
            control.observe(lambda _: self._redraw(), names="value")
        again = widgets.Button(description="Starting values", tooltip="Set every control back")
        again.on_click(lambda _: self.restart())
        tabs = widgets.Tab([self._tab(group) for group in GROUPS.values()], titles=list(GROUPS))
        left = widgets.VBox(
            [tabs, again, self.note], layout=widgets.Layout(min_width="27rem", flex="1 1 27rem")
        )
        right = widgets.Box([self.picture], layout=widgets.Layout(flex="1 1 24rem"))
        # Beside each other where there is room, one over the other on a narrow screen.
        self.box = widgets.Box([left, right], layout=widgets.Layout(flex_flow="row wrap"))
        self._redraw()

    @property
    def values(self) -> dict[str, Any]:
        """The parameters as the controls have them."""
        chosen = {name: control.value for name, control in self.controls.items()}
        return self._fixed | {name: None if value == PRESET else value for name, value in chosen.items()}

    def restart(self) -> None:
        """Set every control back to its starting value, and draw once."""
        self._held = True
        for name, value in self._start.items():
            self.controls[name].value = value
        self._held = False
        self._redraw()

    def time(self, changes: int = 50) -> float:
        """Median time [ms] from a change of a control to its new picture, over some changes; says so below.

        Line rate and page writes are moved to and fro and set back.
        """
        moved = [self.controls["bandwidth_gbps"], self.controls["dirty_pages_per_s"]]
        took = []
        for number in range(changes):
            control = moved[number % 2]
            at = (control.index + 1 + number % 7) % len(control.options)
            began = time.perf_counter()
            control.index = at
            took.append((time.perf_counter() - began) * 1000)
        self.restart()
        median = statistics.median(took)
        self.note.value = f"<p>Redrawn in {median:.0f} ms (median of {changes} changes, in the kernel).</p>"
        return median

    def _tab(self, names: Sequence[str]) -> widgets.VBox:
        return widgets.VBox([self.controls[name] for name in names])

    def _redraw(self) -> None:
        if self._held:
            return
        began = time.perf_counter()
        for name, (other, value) in _NEEDS.items():
            self.controls[name].disabled = self.controls[other].value != value
        self.picture.value = scene(**self.values)
        self.times_ms.append((time.perf_counter() - began) * 1000)


def _known(value: Any) -> Any:
    """A starting value as a control has it."""
    return PRESET if value is None or (isinstance(value, float) and math.isnan(value)) else value


def _control(name: str, value: Any) -> widgets.Widget:
    """A menu for names, a slider of round values for numbers, with the starting value among them."""
    parameter = PARAMETERS[name]
    if parameter.choices:
        options = [(named(name, choice), choice) for choice in parameter.choices]
        kind = widgets.Dropdown
    else:
        stops = {*SLIDERS[name], value}
        numbers = sorted(stops - {PRESET})
        empty = [(PRESET, PRESET)] if PRESET in stops else []
        options = [*empty, *((named(name, number), number) for number in numbers)]
        kind = widgets.SelectionSlider
    return kind(
        options=options,
        value=value,
        description=_WORDS.get(name) or sentence(axis_label(name).partition(" [")[0]),
        tooltip=f"{parameter.meaning} [{parameter.unit or 'choice'}]",
        style={"description_width": "10.5rem"},
        layout=widgets.Layout(width="26rem"),
    )
