"""The parameters of notebook files: which there are, and whether a name is one of them.

What a value may be is told by :mod:`analysis.inputs`, which the notebooks ask too.
"""

from __future__ import annotations

import json
import tokenize
from collections.abc import Iterable, Mapping
from pathlib import Path

import nbformat
import papermill

from analysis.inputs import Input, check_value, literal, plain, read_lines
from analysis.parameters import ParameterError, meant

MOST_BYTES = 256 * 2**20
"""Size of a notebook: with all its pictures one has a few MiB."""
__all__ = ["Input", "check_names", "check_value", "inputs", "literal", "plain"]


def inputs(notebook: Path) -> dict[str, Input]:
    """The parameters of a notebook; ParameterError if it is no notebook papermill can run."""
    _refuse_others(notebook)
    try:
        papermill.inspect_notebook(str(notebook))
        cells = nbformat.read(notebook, as_version=4).cells
    except Exception as error:  # papermill, nbformat and json each have their own
        reason = str(error).strip().partition("\n")[0][:200]
        raise ParameterError(f"'{notebook.name}' is not a notebook that can be run: {reason}") from error
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    try:
        return read_lines(tagged[0]) if tagged else {}
    except SyntaxError as error:
        raise _none(notebook, f"its parameters, line {error.lineno}: {error.msg}") from None
    except tokenize.TokenError as error:
        raise _none(notebook, f"its parameters: {error.args[0]}") from None


def _none(notebook: Path, reason: str) -> ParameterError:
    return ParameterError(f"'{notebook.name}' is not a notebook that can be run: {reason}")


def _refuse_others(notebook: Path) -> None:
    """ParameterError for a file of another kind, of which the libraries would tell in Python's own words."""
    if notebook.suffix != ".ipynb":
        raise _none(notebook, f"its name ends in '{notebook.suffix}', not in .ipynb")
    if notebook.stat().st_size > MOST_BYTES:
        raise _none(notebook, f"it is larger than {MOST_BYTES // 2**20} MiB")
    try:
        content = json.loads(notebook.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise _none(notebook, "it is no text in UTF-8") from None
    except (ValueError, RecursionError):
        raise _none(notebook, "it is no JSON") from None
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise _none(notebook, "it is JSON of another kind, or a notebook of before 2015: it has no cells")


def check_names(given: Iterable[str], known: Mapping[Path, Mapping[str, Input]]) -> None:
    """Refuse a name that none of the notebooks has, with the nearest right one."""
    everywhere: set[str] = set().union(*known.values())
    for name in given:
        if name not in everywhere:
            near = meant(str(name), sorted(everywhere))
            hint = f"did you mean '{near}'?" if near else f"they have: {', '.join(sorted(everywhere))}"
            raise ParameterError(f"none of the notebooks has a parameter '{name}'; {hint}")
