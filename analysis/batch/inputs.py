"""The parameters of notebook files: which there are, and whether a name is one of them.

What a value may be is told by :mod:`analysis.inputs`, which the notebooks ask too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import nbformat
import papermill

from analysis.inputs import Input, check_value, literal, plain, read_lines
from analysis.parameters import ParameterError, meant

__all__ = ["Input", "check_names", "check_value", "inputs", "literal", "plain"]


def inputs(notebook: Path) -> dict[str, Input]:
    """The parameters of a notebook; ParameterError if it is no notebook papermill can run."""
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
        reason = f"its parameters, line {error.lineno}: {error.msg}"
        raise ParameterError(f"'{notebook.name}' is not a notebook that can be run: {reason}") from None


def check_names(given: Iterable[str], known: Mapping[Path, Mapping[str, Input]]) -> None:
    """Refuse a name that none of the notebooks has, with the nearest right one."""
    everywhere: set[str] = set().union(*known.values())
    for name in given:
        if name not in everywhere:
            near = meant(str(name), sorted(everywhere))
            hint = f"did you mean '{near}'?" if near else f"they have: {', '.join(sorted(everywhere))}"
            raise ParameterError(f"none of the notebooks has a parameter '{name}'; {hint}")
