"""The explorer for a report: a control in plain JavaScript over pictures drawn in the run.

Every state of a small grid of scenarios is drawn by :mod:`.picture` and goes into the page, deflated. The
script only puts one picture in place of another; without it the page shows the starting values.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
from IPython.display import display

from analysis.explorer.followed import Migration, followed, one
from analysis.explorer.picture import (
    HERE,
    STYLE,
    alternative,
    binding,
    picture,
    style_sheet,
    thumbnail,
)
from analysis.figures.language import axis_label, number, sentence, value_of
from analysis.figures.timeline import finding
from analysis.figures.words import percent
from analysis.parameters import PARAMETERS
from analysis.studies.grids import grid

NUMBERS = ("total_s", "brownout_s", "blackout_s", "passes", "goodput_gbps", "limited_by")
"""Outcomes that each state carries beside its picture."""


def states(axes: Mapping[str, Sequence[Any]], fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Every combination of some parameters' values, drawn and told; the last axis varies fastest.

    ``axes``: the ``labels`` of each axis; ``pictures``, ``texts`` and ``numbers`` (outcomes by
    :data:`NUMBERS`) have one element a state.
    """
    table = grid(**fixed, **axes)
    drawn = followed(table)
    labels = [
        {"name": name, "labels": [named(name, value) for value in values]} for name, values in axes.items()
    ]
    return {
        "axes": labels,
        "numbers": {name: [_plain(m.outcome[name]) for m in drawn] for name in NUMBERS},
        "pictures": [picture(m, style="") for m in drawn],
        "texts": [told(m, row) for m, (_, row) in zip(drawn, table[list(axes)].iterrows(), strict=True)],
    }


def told(migration: Migration, values: pd.Series) -> str:
    """What a state is and what comes of it, in two sentences to be read aloud."""
    given = ", ".join(named(str(name), value) for name, value in values.items())
    return f"{sentence(given)}: {finding(migration.outcome)}. {binding(migration)}."


def control(axes: Mapping[str, Sequence[Any]], **start: Any) -> str:
    """The control as HTML; ``axes`` have values to choose from, ``start`` the values at first."""
    full = {name: _with_start(values, start[name]) for name, values in axes.items()}
    fixed = {name: value for name, value in start.items() if name not in axes}
    made = states(full, fixed)
    at, first = 0, []
    for name, values in full.items():
        first.append(values.index(start[name]))
        at = at * len(values) + first[-1]
    inputs = zip(full, made["axes"], first, strict=True)
    fields = "\n".join(_field(name, axis["labels"], index) for name, axis, index in inputs)
    packed = base64.urlsafe_b64encode(zlib.compress(_json(made).encode(), 9)).decode()
    return f"""<div class="explorer">
<style>{style_sheet("explorer-controls.css")}</style>
<div class="side">
<div class="controls" role="group" aria-label="Parameters of the picture" hidden>
{fields}
</div>
<noscript><p>With JavaScript there are sliders here; without it the picture has the starting values.</p>
</noscript>
<p class="outcome" aria-live="polite">{escape(made["texts"][at])}</p>
</div>
<div class="picture">{picture(one(**start), STYLE)}</div>
<script type="text/plain" class="states">{packed}</script>
<script>
{(HERE / "explorer.js").read_text(encoding="utf-8")}</script>
</div>"""


def show_control(axes: Mapping[str, Sequence[Any]], **start: Any) -> None:
    """Display the control; the picture of the starting values goes along as the key figure of the report."""
    key = one(**start)
    data = {
        "text/html": control(axes, **start),
        "image/svg+xml": thumbnail(key),
        "text/plain": finding(key.outcome),
    }
    display(data, metadata={"image/svg+xml": {"alt": alternative(key)}}, raw=True)


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
_RULES |= {"simgrid": "SimGrid"}


_WORDS = {"dirty_pages_per_s": "Page writes"}


def _with_start(values: Sequence[Any], start: Any) -> list[Any]:
    """The values to choose from with the starting one among them: numbers in order, names as given."""
    if isinstance(start, str):
        return list(dict.fromkeys([*values, start]))
    return sorted({float(value) for value in [*values, start]})


def _field(name: str, labels: Sequence[str], index: int) -> str:
    """A slider for numbers, a menu for names, each with its label, value and meaning."""
    ident, words = (
        f"explorer-{name}",
        escape(_WORDS.get(name) or sentence(axis_label(name).partition(" [")[0])),
    )
    meaning = f'<div class="meaning" id="{ident}-help">{escape(PARAMETERS[name].meaning)}</div>'
    # JupyterLab would take arrow keys for its own, but for the attribute data-lm-suppress-shortcuts.
    common = f'id="{ident}" data-axis="{name}" aria-describedby="{ident}-help" data-lm-suppress-shortcuts'
    if PARAMETERS[name].choices:
        options = "".join(
            f'<option value="{i}"{" selected" if i == index else ""}>{escape(label)}</option>'
            for i, label in enumerate(labels)
        )
        return f'<div><label for="{ident}">{words}</label>{meaning}<select {common}>{options}</select></div>'
    shown = escape(labels[index])
    return (
        f'<div><label for="{ident}">{words}</label>{meaning}'
        f'<input type="range" {common} min="0" max="{len(labels) - 1}" step="1" value="{index}" '
        f'aria-valuetext="{shown}" autocomplete="off"><output for="{ident}">{shown}</output></div>'
    )


def _plain(value: Any) -> Any:
    """A number that JSON knows: endless is written as text."""
    plain = value.item() if hasattr(value, "item") else value
    return "endless" if plain == float("inf") else plain


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
