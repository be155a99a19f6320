"""The explorer in JupyterLab: sliders and menus (ipywidgets) beside the picture of one migration.

Names, units, help and menus come from :mod:`analysis.parameters`; only where a slider begins and ends is
set here, since a parameter's allowed range is wider than any real host.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

import ipywidgets as widgets

from analysis.errors import UserError
from analysis.explorer.fields import GROUPS, NEEDS, PRESET, SLIDERS, named, short
from analysis.explorer.picture import scene, style_sheet
from analysis.parameters import PARAMETERS

_STYLE = f"<style>{style_sheet('explorer-panel.css')}</style>"


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
        for name, (other, value) in NEEDS.items():
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
        "description": short(name),
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
