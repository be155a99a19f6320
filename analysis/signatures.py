"""What Shift-Tab and Tab show of ``migrate`` and its kin: every parameter with unit, range and default."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from analysis.parameters import PARAMETERS, Parameter

F = TypeVar("F", bound=Callable[..., Any])


def takes_parameters(function: F) -> F:
    """Give a function of ``(scenarios, /, **given)`` the signature it has in truth, and a table of names.

    The function itself stays as it is: what it is called with, it checks itself.
    """
    first = next(iter(inspect.signature(function).parameters.values()))
    named = [_keyword(parameter) for parameter in PARAMETERS.values()]
    shown = inspect.Signature([first, *named], return_annotation="DataFrame")
    function.__signature__ = shown  # type: ignore[attr-defined]
    return names_parameters(function)


def names_parameters(function: F) -> F:
    """Add the table of parameters to a function's documentation: the columns that its scenarios may have."""
    rows = "\n".join(_row(parameter) for parameter in PARAMETERS.values())
    told = inspect.cleandoc(function.__doc__ or "")
    title = "The parameters, all of them optional"
    function.__doc__ = "\n".join([told, "", title, "-" * len(title), rows, ""])
    return function


def _keyword(parameter: Parameter) -> inspect.Parameter:
    """A parameter as a keyword whose annotation is its range and unit: ``'number from 0 to 1 [0-1]'``."""
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(
        parameter.name, kind, default=_default(parameter), annotation=_allowed(parameter)
    )


def _default(parameter: Parameter) -> Any:
    """The default; None where the preset, or nothing, stands behind it."""
    empty = isinstance(parameter.default, float) and np.isnan(parameter.default)
    return None if empty else parameter.default


def _allowed(parameter: Parameter) -> str:
    unit = f" [{parameter.unit}]" if parameter.unit else ""
    return parameter.rule.removeprefix("a ") + unit


def _row(parameter: Parameter) -> str:
    default = _default(parameter)
    return f"{parameter.name} : {_allowed(parameter)}, default {default}\n    {parameter.meaning}"
