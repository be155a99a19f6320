"""The script that lets a page compute: the model's laws, its words and its pictures, translated.

Plain JavaScript of less than 100 kB without a library; it works from a file and without a network.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from analysis.explorer.compared import compared
from analysis.explorer.curve import curve
from analysis.explorer.followed import follow
from analysis.explorer.picture import alternative, answer, picture
from analysis.explorer.translation import script
from analysis.figures.language import duration, number
from analysis.figures.words import size
from analysis.model.laws.one import migrated, work

HERE = Path(__file__).parent
_FUNCTIONS = (alternative, answer, compared, curve, duration, follow, migrated, number, picture, size, work)


@cache
def library() -> str:
    """The functions of the study alone, without the fields of a page."""
    runtime = (HERE / "runtime.js").read_text(encoding="utf-8")
    return _packed("\n".join([runtime, script({f.__name__: f for f in _FUNCTIONS})]))


@cache
def engine() -> str:
    """The page's script: the study's functions, and what the fields of a page do with them."""
    fields = _packed((HERE / "calculator.js").read_text(encoding="utf-8"))
    return f'(function () {{\n"use strict";\n{library()}\n{fields}\n}})();\n'


def _packed(script: str) -> str:
    """A script without the remarks and indents that only readers of its source need."""
    lines = (line.strip() for line in script.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
