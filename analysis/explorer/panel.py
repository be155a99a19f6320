"""The explorer in JupyterLab: sliders and menus (ipywidgets) beside the picture of one migration.

Names, units, help and menus come from :mod:`analysis.parameters`; only where a slider begins and ends is
set here, since a parameter's allowed range is wider than any real host.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

from analysis.errors import UserError
from analysis.explorer.page import named
from analysis.explorer.picture import scene, style_sheet
from analysis.figures.language import axis_label, sentence
from analysis.parameters import PARAMETERS

_STYLE = f"<style>{style_sheet('explorer-panel.css')}</style>"
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

    ``controls``: the sliders and menus by parameter; ``typed``: the fields beside the sliders, which take any
    value that the study accepts, with a unit of its own if it has one; ``picture``: the widget that holds the
    SVG; ``note``: why what was typed last was not taken. Display ``box``.
    """

    def __init__(self, **start: Any) -> None:
        names = [name for group in GROUPS.values() for name in group]
        self._fixed = {name: value for name, value in start.items() if name not in names}
        self._start = {name: _known(start.get(name, PARAMETERS[name].default)) for name in names}
        self.controls = {name: _control(name, value) for name, value in self._start.items()}
        self.typed = {name: _field(name, c.value) for name, c in self.controls.items() if _is_slider(c)}
        self.picture = widgets.HTML(
            layout=widgets.Layout(width="100%", max_width="36rem", margin="0 0 0 1rem")
        )
        self.note = widgets.HTML()
        self._held = False
        for name, control in self.controls.items():
            control.observe(lambda _, name=name: self._moved(name), names="value")
        for name, field in self.typed.items():
            field.observe(lambda change, name=name: self._type(name, change["new"]), names="value")
        again = widgets.Button(description="Starting values", tooltip="Set every control back")
        again.on_click(lambda _: self.restart())
        tabs = widgets.Tab([self._tab(group) for group in GROUPS.values()], titles=list(GROUPS))
        left = widgets.VBox(
            [widgets.HTML(_STYLE), tabs, again, self.note],
            layout=widgets.Layout(min_width="28rem", flex="1 1 28rem", overflow="visible"),
        )
        right = widgets.Box([self.picture], layout=widgets.Layout(flex="1 1 22rem", overflow="visible"))
        # Beside each other where there is room, one over the other on a narrow screen.
        self.box = widgets.Box([left, right], layout=widgets.Layout(flex_flow="row wrap", overflow="visible"))
        self.box.add_class("explorer-panel")
        self._redraw()

    @property
    def values(self) -> dict[str, Any]:
        """The parameters as the controls have them."""
        chosen = {name: control.value for name, control in self.controls.items()}
        return self._fixed | {name: None if value == PRESET else value for name, value in chosen.items()}

    def restart(self) -> None:
        """Set every control back to its starting value, and draw once."""
        self.note.value = ""
        with self._quietly():
            for name, value in self._start.items():
                self.controls[name].value = value
        self._redraw()

    def _tab(self, names: Sequence[str]) -> widgets.VBox:
        return widgets.VBox([self._row(name) for name in names], layout=widgets.Layout(overflow="visible"))

    def _row(self, name: str) -> widgets.Widget:
        """A slider with the field to type in; a menu alone."""
        control = self.controls[name]
        if name not in self.typed:
            return control
        layout = widgets.Layout(overflow="visible", align_items="center")
        return widgets.HBox([control, self.typed[name]], layout=layout)

    def _moved(self, name: str) -> None:
        """A slider or menu was moved: the note on what was typed is over."""
        if not self._held:
            self.note.value = ""
        self._redraw()

    def _type(self, name: str, text: str) -> None:
        """Take what was typed beside a slider, which gets a stop there; else say why not, and put it back."""
        if self._held:
            return
        control = self.controls[name]
        try:
            value = _read(name, text, control)
        except UserError as error:
            self.note.value = f"<p class='explorer-note' role='alert'>{escape(str(error))}.</p>"
        else:
            self.note.value = ""
            with self._quietly():
                _stop_at(name, control, value)
        self._redraw()

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Nothing is drawn, and nothing is taken for typed, while several controls are set."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def _redraw(self) -> None:
        if self._held:
            return
        for name, (other, value) in _NEEDS.items():
            self.controls[name].disabled = self.controls[other].value != value
        with self._quietly():
            for name, field in self.typed.items():
                field.value = written(name, self.controls[name].value)
                field.disabled = self.controls[name].disabled
        self.picture.value = scene(**self.values)


def _known(value: Any) -> Any:
    """A starting value as a control has it."""
    return PRESET if value is None or (isinstance(value, float) and math.isnan(value)) else value


def _is_slider(control: widgets.Widget) -> bool:
    return isinstance(control, widgets.SelectionSlider)


def _control(name: str, value: Any) -> widgets.Widget:
    """A menu for names, a slider of round values for numbers, with the starting value among them."""
    parameter = PARAMETERS[name]
    common = {
        "description": _WORDS.get(name) or sentence(axis_label(name).partition(" [")[0]),
        "tooltip": _help(name),
        "style": {"description_width": "8.7rem"},
    }
    if parameter.choices:
        options = [(named(name, choice), choice) for choice in parameter.choices]
        return widgets.Dropdown(
            options=options, value=value, layout=widgets.Layout(width="25.4rem"), **common
        )
    return widgets.SelectionSlider(
        options=_options(name, {*SLIDERS[name], value}),
        value=value,
        # The slider's own field takes no value that is typed, so another one stands beside it.
        readout=False,
        layout=widgets.Layout(width="16rem"),
        **common,
    )


def _options(name: str, stops: set[Any]) -> list[tuple[str, Any]]:
    """The stops of a slider in order, each with what is read aloud of it."""
    empty = [(PRESET, PRESET)] if PRESET in stops else []
    return [*empty, *((named(name, number), number) for number in sorted(stops - {PRESET}))]


def _stop_at(name: str, control: widgets.SelectionSlider, value: Any) -> None:
    """Move a slider to a value, which becomes one of its stops."""
    stops = {stop for _, stop in control.options}
    if value not in stops:
        control.options = _options(name, stops | {value})
    control.value = value


def _field(name: str, value: Any) -> widgets.Text:
    """The field beside a slider: taken at Enter, or when it is left."""
    layout, style = widgets.Layout(width="9.2rem"), {"description_width": "0"}
    text = widgets.Text(value=written(name, value), continuous_update=False, layout=layout, style=style)
    text.tooltip = f"{_help(name)}, any allowed value"
    return text


def _help(name: str) -> str:
    parameter = PARAMETERS[name]
    return f"{parameter.meaning} [{parameter.unit or 'choice'}]"


def written(name: str, value: Any) -> str:
    """A value as it stands in the field beside its slider, and as it may be typed there.

    >>> written("bandwidth_gbps", 2.5), written("resident_share", 0.9), written("pass_limit", "by preset")
    ('2.5 Gbit/s', '90 %', 'by preset')
    """
    if value == PRESET:
        return PRESET
    unit = PARAMETERS[name].unit
    return f"{100 * value:.9g} %" if unit == "0-1" else f"{value:.12g} {unit}".strip()


def _read(name: str, text: str, control: widgets.SelectionSlider) -> Any:
    """What was typed, as a value of the slider; UserError with the parameter's own sentence if it is none."""
    if PRESET in {stop for _, stop in control.options} and text.strip() in ("", PRESET):
        return PRESET
    value = float(PARAMETERS[name].check(text))
    return int(value) if value.is_integer() else value
