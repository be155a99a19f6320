"""Parameters of notebooks: which there are, and what may be given, checked before any kernel starts.

papermill only logs a misspelt name and hands over any value: ``1e9`` from YAML as a text, a NumPy number
as a text, a tuple as a text. Here a name must exist, a value must have the type of the notebook's own line,
and where the name is one of the study's parameters (or ``<parameter>_values``, a list of them), it must lie
within its range.
"""

import ast
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import papermill

from analysis.parameters import PARAMETERS, ParameterError, nearest


@dataclass(frozen=True)
class Input:
    """One line of a notebook's parameters cell: name, type and default as written, meaning, unit."""

    name: str
    kind: str
    default: Any
    meaning: str
    unit: str


def inputs(notebook: Path) -> dict[str, Input]:
    """The parameters of a notebook; ParameterError if it is no notebook papermill can run."""
    try:
        found = papermill.inspect_notebook(str(notebook))
    except Exception as error:  # papermill, nbformat and json each have their own
        reason = str(error).strip().partition("\n")[0][:200]
        raise ParameterError(f"'{notebook.name}' is not a notebook that can be run: {reason}") from error
    return {name: _input(name, line) for name, line in found.items()}


def _input(name: str, line: Mapping[str, str]) -> Input:
    """Read what papermill found in a line ``name: kind = default  # meaning [unit]``."""
    try:
        default = ast.literal_eval(line["default"])
    except (ValueError, SyntaxError):
        default = line["default"]
    kind = line["inferred_type_name"]
    if kind in ("", "None") and default is not None:
        kind = type(default).__name__
    help_text = re.fullmatch(r"(.*?)\s*(?:\[([^\[\]]*)\])?", line["help"].strip(), re.DOTALL)
    assert help_text  # any text is of that form
    meaning, unit = help_text.groups()
    return Input(name, kind.partition("[")[0], default, meaning, unit or "")


# --- names ----------------------------------------------------------------------------


def check_names(given: Iterable[str], known: Mapping[Path, Mapping[str, Input]]) -> None:
    """Refuse a name that none of the notebooks has, with the nearest right one."""
    everywhere = set().union(*known.values())
    for name in given:
        if name not in everywhere:
            near = nearest(str(name), sorted(everywhere))
            hint = f"did you mean '{near}'?" if near else f"they have: {', '.join(sorted(everywhere))}"
            raise ParameterError(f"none of the notebooks has a parameter '{name}'; {hint}")


# --- values ---------------------------------------------------------------------------


def check_value(parameter: Input, given: Any) -> Any:
    """The value as the notebook will get it; ParameterError if its type or its range is wrong."""
    value = _as_kind(parameter, plain(given))
    study = PARAMETERS.get(parameter.name.removesuffix("_values"))
    if study and not (value is None and parameter.default is None):
        if isinstance(value, list) and not parameter.name.endswith("_values"):
            raise _wrong(parameter, value)
        study.check(value)
    return value


def plain(value: Any) -> Any:
    """A value as papermill can hand it over: what is NumPy's, a tuple or a path becomes plain."""
    if isinstance(value, (np.generic, np.ndarray)):
        return plain(value.tolist())
    if isinstance(value, (list, tuple, set, range)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    return str(value) if isinstance(value, Path) else value


def literal(value: Any) -> Any:
    """The value a text stands for: a number, true, false, none, a list in brackets, or itself.

    >>> [literal(text) for text in ("5", "1e9", "true", "[1, 10]", "tcpip")]
    [5, 1000000000.0, True, [1, 10], 'tcpip']
    """
    if not isinstance(value, str):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    if value.startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ParameterError(f"'{value}' is not a list: write it like [1, 10, 25]") from None
    return {"true": True, "false": False, "none": None}.get(value.lower(), value)


def _as_kind(parameter: Input, value: Any) -> Any:
    """The value in the type of the notebook's line, converted where nothing is lost."""
    if value is None:
        if parameter.default is None or parameter.kind in ("", "None"):
            return None
        raise _wrong(parameter, value)
    convert = {"int": _whole, "float": _number, "bool": _truth, "str": _text, "list": _list}
    return convert.get(parameter.kind, lambda _, same: literal(same))(parameter, value)


def _number(parameter: Input, value: Any) -> float | None:
    number = literal(value)
    if number is None and parameter.default is None:
        return None
    if isinstance(number, bool) or not isinstance(number, (int, float)) or math.isnan(number):
        raise _wrong(parameter, value)
    return float(number)


def _whole(parameter: Input, value: Any) -> int | None:
    number = _number(parameter, value)
    if number is None:
        return None
    if not number.is_integer():
        raise _wrong(parameter, value)
    return int(number)


def _truth(parameter: Input, value: Any) -> bool:
    truth = literal(value)
    if not isinstance(truth, bool):
        raise _wrong(parameter, value)
    return truth


def _text(parameter: Input, value: Any) -> str | None:
    """A text; YAML reads the words ``no`` and ``yes`` as false and true, which are choices of the study."""
    if isinstance(value, bool) and parameter.name in PARAMETERS:
        value = "yes" if value else "no"
    if not isinstance(value, str):
        raise _wrong(parameter, value)
    return value


def _list(parameter: Input, value: Any) -> list[Any]:
    """A list, whose texts become numbers where the default has numbers."""
    items = literal(value)
    if not isinstance(items, list) or not items:
        raise _wrong(parameter, value)
    default = parameter.default if isinstance(parameter.default, list) else []
    if not default or not all(isinstance(item, (int, float)) for item in default):
        return items
    numbers = [literal(item) for item in items]
    if any(isinstance(item, bool) or not isinstance(item, (int, float)) for item in numbers):
        raise _wrong(parameter, value)
    return numbers


_KINDS = {
    "int": "a whole number",
    "float": "a number such as 10, 2.5 or 1e9",
    "bool": "true or false",
    "str": "a text",
    "list": "a list such as [1, 10, 25]",
}


def _wrong(parameter: Input, value: Any) -> ParameterError:
    """The sentence for a value of the wrong type."""
    unit = f" [{parameter.unit}]" if parameter.unit else ""
    kind = _KINDS.get(parameter.kind, f"a {parameter.kind}")
    if parameter.kind == "list" and isinstance(parameter.default, list):
        kind = f"a list such as {json.dumps(parameter.default)}"
    return ParameterError(f"{parameter.name} = {value!r} is not allowed: it takes {kind}{unit}")
