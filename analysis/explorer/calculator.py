"""One migration computed in the reader's browser: fields, picture, figures, curve, as HTML for a report.

Everything that is shown is computed by :mod:`.engine` from what stands in the fields. Without a script, and
in print, the picture and the answer of the run's own values stand. The address holds what differs from the
run, so a case can be sent on.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from IPython.display import display

from analysis.explorer.engine import engine
from analysis.explorer.fields import GROUPS, IMPORTANT, NEEDS, SLIDERS, named, short
from analysis.explorer.followed import one
from analysis.explorer.picture import (
    STYLE,
    alternative,
    answer,
    picture,
    style_sheet,
    thumbnail,
)
from analysis.figures.timeline import finding
from analysis.parameters import FACTOR, OUTCOMES, PARAMETERS, Parameter
from analysis.presets import HOSTS

_OWN_KEYS = "data-lm-suppress-shortcuts"
"""JupyterLab would take arrow keys for its own, but for this attribute."""
POINTS = 120
"""Values for which a curve is computed at each change."""


def description(
    start: Mapping[str, Any], host: str = "", over: str = "", names: Sequence[str] = ()
) -> dict[str, Any]:
    """What the script has to know: parameters, the run's values, sliders, presets, a host's factors."""
    asked = {name: PARAMETERS[name].default for name in (*IMPORTANT, *names)}
    asked |= {name: value for name, value in start.items() if name in PARAMETERS}
    changed = {name for preset in HOSTS.values() for name in preset.parameters}
    return {
        "parameters": {name: _parameter(p) for name, p in PARAMETERS.items()},
        "start": {name: _value(value) for name, value in asked.items()},
        "factors": {n.removesuffix(FACTOR): float(v) for n, v in start.items() if n.endswith(FACTOR)},
        "sliders": {name: [_value(stop) for stop in stops] for name, stops in SLIDERS.items()},
        "presets": {name: dict(preset.parameters) for name, preset in HOSTS.items()},
        "preset_defaults": {name: _value(PARAMETERS[name].default) for name in sorted(changed)},
        "needs": {name: list(need) for name, need in NEEDS.items()},
        "outcomes": [[name, short(name), outcome.unit] for name, outcome in OUTCOMES.items()],
        "host": host,
        "over": over,
        "points": POINTS,
        "style": STYLE,
    }


def _parameter(p: Parameter) -> dict[str, Any]:
    empty = isinstance(p.default, float) and math.isnan(p.default)
    told: dict[str, Any] = {"label": _label(p), "default": _value(p.default), "rule": f"it takes {p.rule}"}
    if p.choices:
        return told | {"choices": list(p.choices)}
    return told | {"low": p.low, "high": p.high, "least": p.least, "whole": p.whole, "empty": empty}


def _label(p: Parameter) -> str:
    """A control's name with its unit, as an axis has it."""
    return f"{short(p.name)} [{_unit(p)}]" if p.unit else short(p.name)


def _value(value: Any) -> Any:
    """A value as the script has it: null where a preset decides, numbers as plain ones."""
    if isinstance(value, str):
        return None if value not in _WORDS else value
    return None if value is None or math.isnan(value) else float(value)


_WORDS = {word for parameter in PARAMETERS.values() for word in parameter.choices}


def embedded(told: Mapping[str, Any]) -> str:
    """JSON that no text in it can end: a script element is over at the first ``</``, wherever that stands."""
    plain = json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=str)
    finite = plain.replace("-Infinity", "-1e999").replace("Infinity", "1e999")
    return finite.replace("<", "\\u003c").replace("&", "\\u0026")


def calculator(host: str = "", **start: Any) -> str:
    """The calculator as HTML; ``start``: the run's values, a host's factors among them."""
    run = one(**start)
    return f"""<div class="calculator whole">
<style>{style_sheet("calculator.css")}</style>
<div class="side">{_controls(start)}</div>
<div class="shown">
<p class="told">{escape(answer(run).replace("**", ""))}</p>
<p class="spoken" role="status" aria-live="polite"></p>
<p class="note" role="alert"></p>
<div class="picture">{picture(run, STYLE)}</div>
</div>
{_tables()}
<script type="application/json" class="description">{embedded(description(start, host))}</script>
<script>{engine()}</script>
</div>"""


def what_if(names: Sequence[str], over: str, host: str = "", **start: Any) -> str:
    """A small panel for a few parameters: the answer, and a curve over one of them, at every change."""
    fields = "".join(field(name, start.get(name, PARAMETERS[name].default), slides=True) for name in names)
    title = ", ".join(short(name).lower() for name in names)
    told = embedded(description(start, host, over, (*names, over)))
    return f"""<div class="calculator what-if" hidden>
<style>{STYLE.removeprefix("<style>").removesuffix("</style>")} {style_sheet("calculator.css")}</style>
<div class="side" role="group" aria-label="What if: {escape(title)}">
<p class="head">What if?</p>{fields}</div>
<div class="shown">
<p class="told"></p>
<p class="spoken" role="status" aria-live="polite"></p>
<p class="note" role="alert"></p>
<div class="curve"></div>
</div>
<script type="application/json" class="description">{told}</script>
<script>{engine()}</script>
</div>"""


def show_calculator(host: str = "", **start: Any) -> None:
    """Display the calculator; the picture of the run's values is the key figure of the report."""
    run = one(**start)
    data = {
        "text/html": calculator(host, **start),
        "image/svg+xml": thumbnail(run),
        "text/plain": finding(run.outcome),
    }
    display(data, metadata={"image/svg+xml": {"alt": alternative(run)}, "study": _trusted()}, raw=True)


def show_what_if(names: Sequence[str], over: str = "", host: str = "", **start: Any) -> None:
    """Display a panel that computes anew what a notebook is about; ``over``: the parameter of its curve.

    The case begins at ``start``; parameters that are not named there have their defaults.
    """
    page = what_if(names, over or names[0], host, **start)
    text = f"A panel in the page computes anew: {', '.join(names)}."
    told = {"role": "what-if"} | _trusted()
    display({"text/html": page, "text/plain": text}, metadata={"study": told}, raw=True)


def _trusted() -> dict[str, str]:
    """The digest by which a page's policy knows the script as the study's own."""
    digest = hashlib.sha256(engine().encode()).digest()
    return {"script": f"sha256-{base64.b64encode(digest).decode()}"}


# --- its parts ------------------------------------------------------------------------


def _controls(start: Mapping[str, Any]) -> str:
    """All parameters: the important ones with sliders, the others in groups that fold open."""
    every = {name: start.get(name, PARAMETERS[name].default) for name in PARAMETERS}
    first = "".join(field(name, every[name], slides=True) for name in IMPORTANT)
    rest = {group: [n for n in names if n not in IMPORTANT] for group, names in GROUPS.items()}
    groups = "".join(
        f'<details class="group"><summary>{escape(group)}</summary>'
        f"{''.join(field(name, every[name]) for name in names)}</details>"
        for group, names in rest.items()
        if names
    )
    presets = "".join(f'<option value="{name}">{escape(_preset(name))}</option>' for name in HOSTS)
    return f"""<div class="live" role="group" aria-label="Parameters" hidden>
<div class="row"><label>Search<input type="search" class="search" autocomplete="off"></label>
<label>Host<select class="preset"><option value="">as in this run</option>{presets}</select></label></div>
{first}{groups}
<div class="row"><button type="button" class="restart">Back to this run</button>
<button type="button" class="keep">Take as reference</button></div>
</div>
<noscript><p>With JavaScript every parameter can be changed here; without it the run's own values stand.</p>
</noscript>"""


def _preset(name: str) -> str:
    return name.replace("windows_", "Windows Server ").replace("r2", " R2")


def field(name: str, value: Any, slides: bool = False) -> str:
    """A field for a number or a menu for words, with its unit, its meaning and where asked a slider."""
    parameter, ident = PARAMETERS[name], f"calc-{name}"
    meaning = f'<span class="meaning" id="{ident}-help">{escape(parameter.meaning)}</span>'
    label = f'<label for="{ident}">{escape(short(name))}</label>'
    common = f'id="{ident}" data-name="{name}" aria-describedby="{ident}-help" autocomplete="off" {_OWN_KEYS}'
    if parameter.choices:
        chosen = {word: " selected" if word == value else "" for word in parameter.choices}
        options = "".join(
            f'<option value="{word}"{mark}>{escape(named(name, word))}</option>'
            for word, mark in chosen.items()
        )
        body = f"<select {common}>{options}</select>"
    else:
        unit = f'<span class="unit">{escape(_unit(parameter))}</span>' if parameter.unit else ""
        shown = _value(value)
        text = "" if shown is None else f"{shown:.12g}"
        body = (
            f'<span class="typed"><input type="text" inputmode="decimal" {common} value="{text}"'
            f' placeholder="{"by preset" if shown is None else ""}">{unit}</span>'
        )
        body += _slider(name, shown) if slides else ""
    return f'<div class="field" data-field="{name}">{label}{body}{meaning}</div>'


def _slider(name: str, value: float | None) -> str:
    stops = [float("nan") if isinstance(stop, str) else stop for stop in SLIDERS[name]]
    near = min(range(len(stops)), key=lambda i: abs(stops[i] - value) if value is not None else i)
    return (
        f'<input type="range" data-slides="{name}" min="0" max="{len(stops) - 1}" step="1" value="{near}"'
        f' aria-label="{escape(short(name))}" autocomplete="off" {_OWN_KEYS}>'
    )


def _unit(parameter: Parameter) -> str:
    return {"us": "µs", "0-1": "0 to 1"}.get(parameter.unit, parameter.unit)


def _tables() -> str:
    """Where the script puts figures, passes, curve and commands."""
    numbers = [name for name in IMPORTANT if not PARAMETERS[name].choices]
    numbers += [name for name in SLIDERS if name not in numbers]
    options = "".join(f'<option value="{n}">{escape(short(n))}</option>' for n in numbers)
    return f"""<div class="live more" hidden>
<table><caption>Against the reference</caption>
<thead><tr><th scope="col">Outcome</th><th scope="col">This case</th><th scope="col">Reference</th>
<th scope="col">Changed</th></tr></thead><tbody class="outcomes"></tbody></table>
<label>Curve over <select class="over">{options}</select></label>
<div class="curve"></div>
<details><summary>Passes</summary><table><caption>The first passes</caption>
<thead><tr><th scope="col">Pass</th><th scope="col">Begins after</th><th scope="col">Lasts</th>
<th scope="col">Sent</th><th scope="col">Dirtied meanwhile</th></tr></thead><tbody class="passes"></tbody>
</table></details>
<details><summary>As a command, as a scenario for a batch</summary>
<label>Command<textarea class="command" readonly rows="3"></textarea></label>
<button type="button" data-copies="command">Copy the command</button>
<label>Scenario (YAML)<textarea class="yaml" readonly rows="6"></textarea></label>
<button type="button" data-copies="yaml">Copy the scenario</button></details>
</div>"""
