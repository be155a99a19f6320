"""Fields, sliders and menus of a page that computes, and where its script puts tables and commands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from analysis.explorer.fields import IMPORTANT, every_group, named, short, stops
from analysis.parameters import PARAMETERS, Parameter
from analysis.presets import HOSTS

_OWN_KEYS = "data-lm-suppress-shortcuts"
"""JupyterLab would take arrow keys for its own, but for this attribute."""


def controls(start: Mapping[str, Any], host: str = "", without: Sequence[str] = ()) -> str:
    """All parameters: the important ones with sliders, the others in groups that fold open.

    ``without``: those that have a field already.
    """
    every = {name: start.get(name, PARAMETERS[name].default) for name in PARAMETERS}
    first = "".join(field(name, every[name], slides=True) for name in IMPORTANT if name not in without)
    shown = {*IMPORTANT, *without}
    groups = "".join(
        f'<details class="group"><summary>{escape(group)}</summary>'
        f"{''.join(field(name, every[name]) for name in names if name not in shown)}</details>"
        for group, names in every_group().items()
        if not shown.issuperset(names)
    )
    presets = "".join(f'<option value="{name}">{escape(preset_words(name))}</option>' for name in HOSTS)
    run = "your host, as in this run" if host else "as in this run"
    return f"""<div class="live" role="group" aria-label="Parameters" hidden>
<div class="row"><label>Search<input type="search" class="search" autocomplete="off" {_OWN_KEYS}></label>
<label>Host<select class="preset" {_OWN_KEYS}><option value="">{run}</option>{presets}</select></label></div>
{first}{groups}
<div class="row"><button type="button" class="restart">Back to this run</button>
<button type="button" class="keep">Take as reference</button></div>
</div>
<noscript><p>With JavaScript every parameter can be changed here; without it the run's own values stand.</p>
</noscript>"""


def preset_words(name: str) -> str:
    """A host preset as people call it: ``Windows Server 2012 R2``."""
    return name.replace("windows_", "Windows Server ").replace("r2", " R2")


def field(name: str, value: Any, slides: bool = False) -> str:
    """A field for a number or a menu for words, with its unit, its meaning and where asked a slider."""
    parameter, ident = PARAMETERS[name], f"calc-{name}"
    meaning = f'<span class="meaning" id="{ident}-help">{escape(parameter.meaning)}</span>'
    label = f'<label for="{ident}">{escape(short(name))}</label>'
    common = f'id="{ident}" data-name="{name}" aria-describedby="{ident}-help" autocomplete="off" {_OWN_KEYS}'
    if parameter.choices:
        body = f"<select {common}>{_choices(parameter, value)}</select>"
    else:
        unit = f'<span class="unit">{escape(unit_words(parameter))}</span>' if parameter.unit else ""
        shown = plain(value)
        text = "" if shown is None else f"{shown:.12g}"
        body = (
            f'<span class="typed"><input type="text" inputmode="decimal" {common} value="{text}"'
            f' placeholder="{"by preset" if shown is None else ""}">{unit}</span>'
        )
        body += _slider(name, shown) if slides else ""
    return f'<div class="field" data-field="{name}">{label}{body}{meaning}</div>'


def _choices(parameter: Parameter, value: Any) -> str:
    chosen = {word: " selected" if word == value else "" for word in parameter.choices}
    return "".join(
        f'<option value="{word}"{mark}>{escape(named(parameter.name, word))}</option>'
        for word, mark in chosen.items()
    )


def _slider(name: str, value: float | None) -> str:
    places = [float("nan") if isinstance(stop, str) else stop for stop in stops(name)]
    near = min(range(len(places)), key=lambda i: abs(places[i] - value) if value is not None else i)
    return (
        f'<input type="range" data-slides="{name}" min="0" max="{len(places) - 1}" step="1" value="{near}"'
        f' aria-label="{escape(short(name))}" autocomplete="off" {_OWN_KEYS}>'
    )


def unit_words(parameter: Parameter) -> str:
    """A unit as it stands beside a field."""
    return {"us": "µs", "0-1": "0 to 1"}.get(parameter.unit, parameter.unit)


def plain(value: Any) -> Any:
    """A value as the script has it: null where a preset decides, numbers as plain ones."""
    if isinstance(value, str):
        return None if value not in _WORDS else value
    return None if value is None or math.isnan(value) else float(value)


_WORDS = {word for parameter in PARAMETERS.values() for word in parameter.choices}


def over_menu(chosen: str) -> str:
    """The parameter of the curve: any that is a number, the important ones first."""
    numbers = [name for name in (*IMPORTANT, *PARAMETERS) if not PARAMETERS[name].choices]
    options = "".join(
        f'<option value="{name}"{" selected" if name == chosen else ""}>{escape(short(name))}</option>'
        for name in dict.fromkeys(numbers)
    )
    return f'<label class="along">Curve over <select class="over" {_OWN_KEYS}>{options}</select></label>'


FIGURES = """<table><caption>Against the reference</caption>
<thead><tr><th scope="col">Outcome</th><th scope="col">This case</th><th scope="col">Reference</th>
<th scope="col">Changed</th></tr></thead><tbody class="outcomes"></tbody></table>"""
FOLDED = """<details><summary>Passes</summary><table><caption>The first passes</caption>
<thead><tr><th scope="col">Pass</th><th scope="col">Begins after</th><th scope="col">Lasts</th>
<th scope="col">Sent</th><th scope="col">Dirtied meanwhile</th></tr></thead><tbody class="passes"></tbody>
</table></details>
<details><summary>As a command, as a scenario for a batch</summary>
<label>Command<textarea class="command" readonly rows="4"></textarea></label>
<button type="button" data-copies="command">Copy the command</button>
<label>Scenario: save it as mine.yml, then run <code>python -m analysis report --grid mine.yml</code>
<textarea class="yaml" readonly rows="8"></textarea></label>
<button type="button" data-copies="yaml">Copy the scenario</button></details>"""
"""Where the script puts figures, passes and commands."""
