"""Parameters of notebooks: what a line says of one, and what may be given for it.

The rules stand where the person who edits a notebook reads them, in the parameter's own line::

    map_points: int = 120  # points along each side of the maps [points, 2 to 1000]
    streams: float = None  # TCP connections of one migration [connections or None]
    rates_gbps: list[float] = [1, 10]  # line rates to compare [Gbit/s, 0.001 to 1e4, 2 or more]
    block_kib: float = 64.0  # block that the compressors work on [KiB, one of 4, 64, 1024]
    host_file: str = ""  # a calibrated host [path from the repository or empty]

The annotation is its type. The brackets hold its unit, then its range (``LOW to HIGH``, ``at least LOW`` or
``one of``) unless it is one of the study's parameters, whose range :mod:`analysis.parameters` knows; then
whether a list needs ``2 or more`` values, and whether ``None`` or an empty text is allowed.
``<parameter>_values`` is a list of values to compare and ``<parameter>_range`` the least and the greatest,
each by the range of that parameter.

``report`` checks before any kernel starts, and a notebook checks itself by :func:`check_parameters`, so that
plain papermill and a person in JupyterLab get the same answer: papermill hands over any value, ``1e9`` from
YAML and a misspelt truth value as texts.
"""

from __future__ import annotations

import ast
import io
import json
import math
import re
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis import quantities
from analysis.parameters import PARAMETERS, Parameter, ParameterError, nearest, shown
from analysis.presets import HOSTS


@dataclass(frozen=True)
class Input:
    """One line of a notebook's parameters cell.

    Name, type and default as written, meaning and unit; ``item`` is the type of a list's items. ``low``,
    ``high`` and ``choices`` are what the line itself allows, ``several`` whether a list needs two values that
    differ, ``may_be_empty`` whether None or "" is allowed.
    """

    name: str
    kind: str
    default: Any
    meaning: str
    unit: str
    item: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[Any, ...] = ()
    several: bool = False
    may_be_empty: bool = False

    @property
    def study(self) -> Parameter | None:
        """The parameter of the study that this is, or that its list holds values of."""
        return PARAMETERS.get(re.sub(r"_(values|range)$", "", self.name))

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest number allowed."""
        study = self.study
        if study is None or study.choices:
            return self.low, self.high
        return max(self.low, study.low), min(self.high, study.high)

    @property
    def items(self) -> str:
        """The type of a list's items: as written, or as the study's parameter has it."""
        if self.item or not self.study:
            return self.item
        return "str" if self.study.choices else "int" if self.study.whole else "float"

    @property
    def rule(self) -> str:
        """What is allowed, in words."""
        choices = self.choices or (self.study.choices if self.study else ())
        if self.kind == "list":
            return _list_rule(self, choices)
        if choices:
            return "one of " + ", ".join(map(str, choices))
        within = _within(*self.bounds)
        if self.kind in ("int", "float") and within:
            endless = self.kind == "float" and math.isinf(self.bounds[1])
            number = "a whole number" if self.kind == "int" else "a finite number" if endless else "a number"
            return f"{number} {within}"
        return _KINDS.get(self.kind, f"a {self.kind}")


_KINDS = {
    "int": "a whole number",
    "float": "a number such as 10, 2.5 or 1e9",
    "bool": "true or false",
    "str": "a text",
}


def _list_rule(line: Input, choices: tuple[Any, ...]) -> str:
    """What a list may hold, in words, with the notebook's own as an example."""
    example = line.default if isinstance(line.default, list) and line.default else None
    such = f" such as {json.dumps(example)}" if example else ""
    what = f"a list{such}"
    if line.name.endswith("_range"):
        what = f"the least and the greatest,{such}"
    elif line.several:
        what = f"two or more different values,{such}"
    within = "of " + ", ".join(map(str, choices)) if choices else _within(*line.bounds)
    return what + (f", each {within}" if within else "")


def _within(low: float, high: float) -> str:
    if math.isfinite(high):
        return f"from {low:g} to {high:g}"
    return f"of at least {low:g}" if math.isfinite(low) else ""


# --- reading lines ----------------------------------------------------------------------


def read_lines(source: str) -> dict[str, Input]:
    """The parameters that a cell assigns; SyntaxError if it is no Python.

    >>> read_lines("map_points: int = 120  # along each side [points, 2 to 1000]")["map_points"].rule
    'a whole number from 2 to 1000'
    """
    remarks = _remarks(source)
    found = {}
    for statement in ast.parse(source).body:
        if (target := _target(statement)) is not None:
            lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
            remark = next((remarks[line] for line in reversed(lines) if line in remarks), "")
            found[target] = _input(target, statement, remark)
    return found


def _remarks(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ").strip() for t in tokens if t.type == tokenize.COMMENT}


def _target(statement: ast.stmt) -> str | None:
    """The one name that a statement assigns, or None."""
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets: list[ast.expr] = [statement.target]
    elif isinstance(statement, ast.Assign):
        targets = list(statement.targets)
    else:
        return None
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else None


_LINE = re.compile(r"(?P<meaning>.*?)\s*(?:\[(?P<rule>[^\[\]]*)\])?", re.DOTALL)
_NUMBER = r"[-+]?[\d.]+(?:e[-+]?\d+)?"
_RANGE = rf"(?P<low>{_NUMBER}) to (?P<high>{_NUMBER})|at least (?P<least>{_NUMBER})|one of (?P<some>.+?)"
_RULE = re.compile(
    rf"(?P<unit>.*?)(?:, (?:{_RANGE}))?(?P<several>, 2 or more)?(?P<empty> or (?:None|empty))?"
)


def _input(name: str, statement: Any, remark: str) -> Input:
    """Read ``name: kind = default  # meaning [unit, range or None]``."""
    try:
        default = ast.literal_eval(statement.value)
    except ValueError:
        default = ast.unparse(statement.value)
    written = ast.unparse(statement.annotation) if isinstance(statement, ast.AnnAssign) else ""
    if written in ("", "None") and default is not None:
        written = type(default).__name__
    kind, _, item = written.partition("[")
    line = _LINE.fullmatch(remark)
    rule = _RULE.fullmatch(line["rule"] or "") if line else None
    if line is None or rule is None:
        return Input(name, kind, default, remark, "", item.rstrip("]"), may_be_empty=True)
    limits = {"low": rule["low"] or rule["least"], "high": rule["high"]}
    return Input(
        name, kind, default, line["meaning"], rule["unit"], item.rstrip("]"),
        **{end: float(limit) for end, limit in limits.items() if limit},
        choices=_choices(rule["unit"], rule["some"]),
        several=bool(rule["several"]),
        may_be_empty=bool(rule["empty"]) or line["rule"] is None,
    )  # fmt: skip


def _choices(unit: str, some: str | None) -> tuple[Any, ...]:
    """What a line's ``one of`` lists, or the names of presets."""
    if some:
        return tuple(literal(choice.strip()) for choice in re.split(r",| or ", some))
    return tuple(HOSTS) if unit == "preset" else ()


# --- a notebook checks itself -----------------------------------------------------------


def check_parameters(names: dict[str, Any]) -> None:
    """Check each parameter of a running notebook, and leave its value in the type of its line.

    For the cell after the parameters: ``check_parameters(globals())``. Raises ParameterError for the first
    value that its line does not allow: the error is the sentence, whoever handed the value over. Which the
    parameters are is read from the newest cell that was run and holds nothing but annotated assignments.
    """
    for name, line in read_lines(_parameters_cell(names)).items():
        if name in names:
            names[name] = check_value(line, names[name])


def _parameters_cell(names: Mapping[str, Any]) -> str:
    """The source of the parameters cell, from the kernel's list of what it ran (or a script's own file)."""
    for source in reversed(names.get("In", [])):
        if _holds_parameters(source):
            return str(source)
    if "__file__" in names:
        body = ast.parse(Path(names["__file__"]).read_text(encoding="utf-8"))
        lines = Path(names["__file__"]).read_text(encoding="utf-8").splitlines()
        annotated = [s for s in body.body if isinstance(s, ast.AnnAssign)]
        return "\n".join(line for s in annotated for line in lines[s.lineno - 1 : s.end_lineno])
    raise LookupError("no cell of parameters was run: run the cell above first")


def notebook_defaults(names: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a running notebook as it came: by the first cell of parameters that was run.

    What papermill hands over, or a person changes there later, is another value than these.
    """
    first = next((source for source in names.get("In", []) if _holds_parameters(source)), "")
    return {name: line.default for name, line in read_lines(first).items()}


def _holds_parameters(source: str) -> bool:
    try:
        body = ast.parse(source).body
    except SyntaxError:  # a cell with a magic
        return False
    annotated = [s for s in body if isinstance(s, ast.AnnAssign)]
    return bool(annotated) and all(_target(statement) for statement in body)


# --- values ---------------------------------------------------------------------------


def check_value(parameter: Input, given: Any) -> Any:
    """The value as the notebook will get it; ParameterError if its type or its range is wrong."""
    value = _as_kind(parameter, plain(given))
    if value is None:
        return None
    listed = value if isinstance(value, list) else [value]
    study = parameter.study
    if study:
        _check_study(parameter, study, value)
    for item in listed:
        _check_item(parameter, item)
    if parameter.name.endswith("_range") and not (len(listed) == 2 and listed[0] < listed[1]):
        raise _wrong(parameter, value)
    if parameter.several and len(set(listed)) < 2:
        raise _wrong(parameter, value)
    return value


def _check_study(parameter: Input, study: Parameter, value: Any) -> None:
    """A parameter of the study has its range, and so has each of a list of its values."""
    if not isinstance(value, list):
        study.check(value)
        return
    if parameter.name == study.name:
        raise _wrong(parameter, value)
    try:
        study.check(value)
    except ParameterError as error:
        raise ParameterError(f"{parameter.name}: {error}") from None


def _check_item(parameter: Input, item: Any) -> None:
    """The line's own rule for a value, or for one of a list."""
    if item == "" and parameter.kind == "str" and parameter.may_be_empty:
        return
    if item == "" or (isinstance(item, str) and not item.strip()):
        raise _wrong_item(parameter, item)
    if parameter.unit == "expression":
        _check_expression(parameter, item)
    if parameter.choices and item not in parameter.choices:
        raise _wrong_item(parameter, item, nearest(str(item), map(str, parameter.choices)))
    if isinstance(item, (int, float)) and not isinstance(item, bool):
        low, high = parameter.bounds
        # `predict` takes an endless link as the limit case; a picture has no place for one.
        if not low <= item <= high or math.isinf(item):
            raise _wrong_item(parameter, item)


def _check_expression(parameter: Input, text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise ParameterError(f"{parameter.name} = {text!r} is no regular expression: {error}") from None


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
    none = isinstance(value, str) and value.strip().lower() == "none" and parameter.kind != "str"
    if value is None or none:
        if parameter.may_be_empty:
            return None
        raise _wrong(parameter, value)
    convert = _CONVERT.get(parameter.kind)
    return convert(parameter, value) if convert else literal(value)


def _number(parameter: Input, value: Any) -> float:
    number = literal(value)
    if isinstance(number, str):
        number = _quantity(parameter, number)
    if isinstance(number, bool) or not isinstance(number, (int, float)) or math.isnan(number):
        raise _wrong_item(parameter, value)
    return float(number)


def _quantity(parameter: Input, text: str) -> float:
    """A text with a unit of its own, in the unit of the line."""
    study = parameter.study
    try:
        return quantities.read(text, study.unit if study else parameter.unit)
    except quantities.UnitError as error:
        told = _wrong_item(parameter, text)
        raise ParameterError(f"{told}; {error}" if str(error) else str(told)) from None


def _whole(parameter: Input, value: Any) -> int:
    number = _number(parameter, value)
    if not number.is_integer():
        raise _wrong_item(parameter, value)
    return int(number)


_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
"""The words of YAML for a truth value."""


def _truth(parameter: Input, value: Any) -> bool:
    truth = _TRUTH.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(truth, bool):
        raise _wrong_item(parameter, value)
    return truth


def _text(parameter: Input, value: Any) -> str:
    """A text; YAML reads the words ``no`` and ``yes`` as false and true, which are choices of the study."""
    if isinstance(value, bool) and parameter.study:
        value = "yes" if value else "no"
    if not isinstance(value, str):
        raise _wrong_item(parameter, value)
    return value


def _list(parameter: Input, value: Any) -> list[Any]:
    """A list that is not empty, its items of the type that the line names, or that its default has."""
    try:
        items = literal(value)
    except ParameterError as error:
        raise ParameterError(f"{parameter.name}: {error}") from None
    if not isinstance(items, list) or not items:
        raise _wrong(parameter, value)
    if parameter.items in _CONVERT:
        return [_CONVERT[parameter.items](parameter, item) for item in items]
    default = parameter.default if isinstance(parameter.default, list) else []
    if not default or not all(isinstance(item, (int, float)) for item in default):
        return items
    return [_as_written(parameter, item) for item in items]


def _as_written(parameter: Input, item: Any) -> int | float:
    """A number of a list whose line does not say of which type: a whole one stays whole."""
    number, written = _number(parameter, item), literal(item)
    return int(number) if written == number and isinstance(written, int) else number


_CONVERT: dict[str, Callable[[Input, Any], Any]] = {
    "int": _whole,
    "float": _number,
    "bool": _truth,
    "str": _text,
    "list": _list,
}


def _wrong(line: Input, value: Any, near: str = "") -> ParameterError:
    """The sentence for a value that the line does not take."""
    return ParameterError(f"{line.name} = {shown(value)} is not allowed: {_takes(line, near)}")


def _wrong_item(line: Input, item: Any, near: str = "") -> ParameterError:
    """The sentence for a value, or for one of a list of them."""
    if line.kind != "list":
        return _wrong(line, item, near)
    return ParameterError(f"{line.name} holds {shown(item)}, which is not allowed: {_takes(line, near)}")


def _takes(line: Input, near: str) -> str:
    named = line.kind == "str" and (line.choices or line.study)
    unit = f" [{line.unit}]" if line.unit and not named else ""
    hint = f"; did you mean {near!r}?" if near else ""
    return f"it takes {line.rule}{unit}{hint}"
