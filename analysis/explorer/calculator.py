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

from analysis.explorer.controls import FIGURES, FOLDED, controls, field, over_menu, plain, unit_words
from analysis.explorer.engine import engine
from analysis.explorer.fields import LINES, NEEDS, short, stops
from analysis.explorer.followed import one
from analysis.explorer.picture import (
    STYLE,
    alternative,
    answer,
    picture,
    style_sheet,
    thumbnail,
)
from analysis.figures.language import number
from analysis.figures.timeline import finding
from analysis.model.stop_rules import STOP_RULES
from analysis.parameters import FACTOR, OUTCOMES, PARAMETERS, Parameter
from analysis.presets import HOSTS
from analysis.studies.hosts.host import on

POINTS = 200
"""Values for which a curve is computed at each change."""


def description(start: Mapping[str, Any], host: str = "", over: str = "") -> dict[str, Any]:
    """What the script has to know: parameters, the run's values, sliders, presets, a host's factors.

    ``start``: what the run says; ``usual`` is what holds on its host where a scenario says nothing.
    """
    changed = {name for preset in HOSTS.values() for name in preset.parameters}
    numbers = [name for name, parameter in PARAMETERS.items() if not parameter.choices]
    return {
        "parameters": {name: _parameter(p) for name, p in PARAMETERS.items()},
        "start": _parameters(start),
        "usual": _parameters(on(host, {})) if host else {},
        "factors": {n.removesuffix(FACTOR): float(v) for n, v in start.items() if n.endswith(FACTOR)},
        "sliders": {name: [plain(stop) for stop in stops(name)] for name in numbers},
        "presets": {name: dict(preset.parameters) for name, preset in HOSTS.items()},
        "preset_names": sorted(changed),
        "needs": {name: list(need) for name, need in NEEDS.items()},
        "rules": {name: _rule(name) for name in PARAMETERS["stop_rule"].choices},
        "lines": list(LINES),
        "outcomes": [[name, short(name), outcome.unit] for name, outcome in OUTCOMES.items()],
        "host": host,
        "over": over,
        "points": POINTS,
    }


def _parameters(scenario: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in scenario.items() if name in PARAMETERS}


def _parameter(p: Parameter) -> dict[str, Any]:
    empty = isinstance(p.default, float) and math.isnan(p.default)
    unit = unit_words(p)
    label = f"{short(p.name)} [{unit}]" if unit else short(p.name)
    told = {"label": label, "default": plain(p.default), "rule": f"it takes {p.rule}", "meaning": p.meaning}
    if p.choices:
        return told | {"choices": list(p.choices)}
    bounds = {"low": p.low, "high": p.high, "least": p.least, "most": p.most}
    return told | bounds | {"whole": p.whole, "empty": empty, "unit": unit}


def _rule(name: str) -> dict[str, str]:
    """A stop rule in words: what it leaves to nobody else, and where it was found."""
    rule = STOP_RULES[name]
    passes = f"{number(rule.pass_limit)}" if math.isfinite(rule.pass_limit) else "no limit"
    return {"pass_limit": passes, "blackout_target_ms": number(rule.target_ms), "source": rule.source}


def embedded(told: Mapping[str, Any]) -> str:
    """JSON that no text in it can end: a script element is over at the first ``</``, wherever that stands."""
    plain_text = json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=str)
    finite = plain_text.replace('":-Infinity', '":-1e999').replace('":Infinity', '":1e999')
    return finite.replace("<", "\\u003c").replace("&", "\\u0026")


def calculator(host: str = "", **start: Any) -> str:
    """The calculator as HTML; ``start``: the run's values, a host's factors among them."""
    run = one(**start)
    return f"""<div class="calculator whole">
<style>{_styles()}</style>
<div class="side">{_host(host, start)}{controls(start, host)}</div>
<div class="shown">
<div class="said"><p class="told">{escape(answer(run).replace("**", ""))}</p><p class="compared"></p>
{_LIVE}</div>
<div class="picture">{picture(run, "")}</div>
</div>
<div class="live more" hidden><div>{FIGURES}</div>
<div>{over_menu("memory_gib")}<div class="curve"></div>{FOLDED}</div></div>
{_script(description(start, host, "memory_gib"))}
</div>"""


def what_if(names: Sequence[str], over: str, host: str = "", **start: Any) -> str:
    """A small panel for a few parameters: the answer, and a curve over one of them, at every change.

    The other parameters, the picture and the figures are in it too, folded away until they are wanted.
    """
    fields = "".join(field(name, start.get(name, PARAMETERS[name].default), slides=True) for name in names)
    title = ", ".join(short(name).lower() for name in names)
    return f"""<div class="calculator what-if" hidden>
<style>{_styles()}</style>
<div class="side" role="group" aria-label="What if: {escape(title)}">
<p class="head">What if?</p>{_host(host, start)}{fields}</div>
<div class="shown">
<div class="said"><p class="told"></p><p class="compared"></p>{_LIVE}</div>
{over_menu(over)}<div class="curve"></div>
</div>
<details class="every"><summary>All parameters, the picture, the figures, and the case as a command</summary>
<div class="inside"><div class="side">{controls(start, host, names)}</div>
<div class="shown"><div class="picture"></div></div>
<div class="live more" hidden><div>{FIGURES}</div><div>{FOLDED}</div></div></div></details>
{_script(description(start, host, over))}
</div>"""


_LIVE = """<p class="spoken" role="status" aria-live="polite"></p><p class="note" role="alert"></p>"""


def _styles() -> str:
    return f"{STYLE.removeprefix('<style>').removesuffix('</style>')} {style_sheet('calculator.css')}"


def _script(told: Mapping[str, Any]) -> str:
    data = f'<script type="application/json" class="description">{embedded(told)}</script>'
    return f"{data}\n<script>{engine()}</script>"


def _host(host: str, start: Mapping[str, Any]) -> str:
    """Which calibrated host the page computes for, and what it makes of what is asked for."""
    if not host:
        return ""
    made = [(n.removesuffix(FACTOR), float(v)) for n, v in start.items() if n.endswith(FACTOR)]
    times = ", ".join(
        f"{short(name).lower()} {number(factor)} times what is asked for" for name, factor in made
    )
    return f'<p class="host">On the calibrated host {escape(host)}{": " if times else ""}{escape(times)}.</p>'


def show_calculator(host: str = "", **start: Any) -> None:
    """Display the calculator; the picture of the run's values is the key figure of the report."""
    run = one(**start)
    data = {
        "text/html": calculator(host, **start),
        "image/svg+xml": thumbnail(run),
        "text/plain": finding(run.outcome),
    }
    told = {"role": "calculator"} | _trusted()
    display(data, metadata={"image/svg+xml": {"alt": alternative(run)}, "study": told}, raw=True)


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
