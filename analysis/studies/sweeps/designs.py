"""Designs of sweeps: every combination of some values, or random scenarios, a stretch of rows at a time.

A design is never laid out whole: it gives the columns of any stretch of its rows. A design file is YAML::

    parameters:
      memory_gib:        {from: 1, to: 256, count: 100, spacing: log}   # 100 values
      bandwidth_gbps:    [1, 10, 25, 100]                               # these
      working_set_gib:   {from: 0.01, to: 0.5, count: 50, of: memory_gib}   # times another one's value
      stop_rule:         qemu                                           # one for all
    rows: 1_000_000          # left out: every combination; given: so many random scenarios, where a range
    seed: 1                  # needs no count
    outcomes: [total_s, blackout_s]     # all, if left out
    precision: single                   # double, if left out
    host: my-host.yml                   # a calibrated host, or
    preset: windows_2022                # a version of Windows, whose defaults hold where nothing is said
    reduce: {...}                       # see analysis.studies.sweeps.reductions
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from analysis import quantities, unusual, yaml_files
from analysis.arrays import Columns
from analysis.model.factors import applied
from analysis.model.migration import streams
from analysis.parameters import FACTOR, OUTCOMES, PARAMETERS, ParameterError, check, defaults, meant, nearest
from analysis.schemas import first_fault
from analysis.studies.hosts.host import on

CHUNK = 131_072
"""Rows of a stretch: enough that calls of NumPy cost little of their time. Part of what a seed means."""
MOST_ROWS = 10**12
"""Rows of a design: what is done is kept as a list of parts, two million of them."""
MOST_VALUES = 10**6
"""Values of one axis: these are laid out, and stand in the dataset's description."""
_RANGE = {
    "type": "object",
    "properties": {
        "from": {"type": "number"}, "to": {"type": "number"},
        "count": {"type": "integer", "minimum": 1, "maximum": MOST_VALUES},
        "spacing": {"enum": ["linear", "log"]}, "of": {"type": "string"},
    },
    "required": ["from", "to"],
    "additionalProperties": False,
}  # fmt: skip
_SCHEMA = {
    "type": "object",
    "properties": {
        "parameters": {"type": "object", "minProperties": 1},
        "rows": {"type": "integer", "minimum": 1, "maximum": MOST_ROWS},
        "seed": {"type": "integer", "minimum": 0},
        "outcomes": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
        "precision": {"enum": ["single", "double"]},
        "reduce": {"type": "object"},
        "host": {"type": "string"},
        "preset": {"type": "string"},
    },
    "required": ["parameters"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Axis:
    """One parameter of a design: listed values, or in a random design a range from ``low`` to ``high``.

    ``of`` names the parameter whose value these are multiples of.
    """

    name: str
    values: np.ndarray | None = None
    low: float = math.nan
    high: float = math.nan
    log: bool = False
    of: str = ""

    @property
    def is_range(self) -> bool:
        """True for a range to draw from, without listed values."""
        return self.values is None

    @property
    def is_text(self) -> bool:
        """True for a parameter whose values are words."""
        return bool(PARAMETERS[self.name].choices)

    def drawn(self, draw: np.random.Generator, rows: int) -> np.ndarray:
        """Random places: numbers of listed values, or values of the range by its spacing."""
        if self.values is not None:
            return draw.integers(len(self.values), size=rows)
        return self.at(draw.random(rows))

    def at(self, chance: np.ndarray) -> np.ndarray:
        """Values at chances from 0 to 1: of a range by its spacing, else listed ones, each as likely."""
        if self.values is not None:
            place = np.minimum((chance * len(self.values)).astype(int), len(self.values) - 1)
            listed: np.ndarray = self.values[place]
            return listed
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            values = np.exp(low + (high - low) * chance).clip(self.low, self.high)  # rounding may leave it
        else:
            values = self.low + (self.high - self.low) * chance
        return values if self.of else _whole(self.name, values)

    def cells(self, count: int | None) -> np.ndarray:
        """Values of the axis; of a range, the middles of ``count`` equal cells."""
        if self.values is not None:
            return self.values
        edges = self.edges(count or 1)
        middles: np.ndarray = np.sqrt(edges[1:] * edges[:-1]) if self.log else (edges[1:] + edges[:-1]) / 2
        return middles

    def edges(self, count: int) -> np.ndarray:
        """Edges of ``count`` equal cells of a range."""
        spread = np.geomspace if self.log else np.linspace
        edges: np.ndarray = spread(self.low, self.high, count + 1)
        return edges


@dataclass(frozen=True)
class Design:
    """Scenarios in a fixed order: ``axes`` vary, ``constants`` do not; see the module for its file.

    ``factors`` are those of a calibrated host (:mod:`analysis.model.factors`), by the parameter's name.

    Of every combination the last axis varies fastest; text comes first and what sets the link's rate next,
    so that a stretch of rows has them in common. Random rows depend on ``seed`` and their place alone.
    """

    axes: tuple[Axis, ...]
    constants: Mapping[str, Any] = field(default_factory=dict)
    rows: int = 1
    random: bool = False
    seed: int = 0
    outcomes: tuple[str, ...] = tuple(OUTCOMES)
    precision: str = "double"
    reduce: Mapping[str, Any] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)

    def on(self, host_file: str | Path = "", preset: str = "", workload: str = "") -> Design:
        """The design on a calibrated host, or with a preset's defaults: what it does not say is theirs."""
        if not host_file and not preset:
            return self
        usual = on(host_file, {}, preset, workload)
        plain = {
            name: value for name, value in usual.items() if name in PARAMETERS and name not in self.names
        }
        factors = {n.removesuffix(FACTOR): value for n, value in usual.items() if n.endswith(FACTOR)}
        return replace(self, constants=plain | dict(self.constants), factors=factors)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that vary, in order."""
        return tuple(axis.name for axis in self.axes)

    def axis(self, name: str) -> Axis:
        """The axis of a parameter; ParameterError if it does not vary."""
        for axis in self.axes:
            if axis.name == name:
                return axis
        near = nearest(name, self.names)
        hint = f"; did you mean {near!r}?" if near else f": {', '.join(self.names)} do"
        raise ParameterError(f"{name!r} does not vary in this design{hint}")

    def stretch(self, start: int) -> tuple[Columns, dict[str, np.ndarray]]:
        """Columns of all parameters for :data:`CHUNK` rows from a multiple of it, and their places.

        A column of one value holds for the whole stretch. A place is the number of a listed value, or what
        was drawn from a range.
        """
        rows = min(CHUNK, self.rows - start)
        places = self._drawn(start, rows) if self.random else self._combined(start, rows)
        varying = {
            axis.name: places[axis.name] if axis.values is None else axis.values[places[axis.name]]
            for axis in self.axes
        }
        return self.columns(varying), places

    def columns(self, varying: Columns) -> Columns:
        """Columns of all parameters for some values of the axes, multiples of others still to be made."""
        varying = dict(varying)
        for axis in self.axes:
            if axis.of:
                product = varying[axis.name] * self._base(axis.of, varying)
                varying[axis.name] = _whole(axis.name, product)
        constants = {**defaults(), **self.constants}
        columns: Columns = {name: np.array([value], _kind(value)) for name, value in constants.items()}
        columns |= varying
        columns = applied(columns, self.factors, {*self.constants, *varying})
        return columns | {"streams": streams(columns)}

    def _base(self, name: str, varying: Columns) -> Any:
        return varying[name] if name in varying else self.constants.get(name, defaults()[name])

    def _drawn(self, start: int, rows: int) -> dict[str, np.ndarray]:
        draw = np.random.Generator(np.random.SFC64([self.seed, start // CHUNK]))
        # The whole stretch, so that a row is the same in a design that ends within it and in a longer one.
        return {axis.name: axis.drawn(draw, CHUNK)[:rows] for axis in self.axes}

    def _combined(self, start: int, rows: int) -> dict[str, np.ndarray]:
        places, step = {}, 1
        for axis in reversed(self.axes):
            count = len(axis.cells(None))
            places[axis.name] = _turns(start, rows, step, count)
            step *= count
        return places


def _turns(start: int, rows: int, step: int, count: int) -> np.ndarray:
    """Which of ``count`` values, each for ``step`` rows in turn, some rows have; one if all the same.

    Laid out: a remainder computed for each row would take longer than its passes.
    """
    first = start // step
    turns = np.arange(first, (start + rows - 1) // step + 1)
    if len(turns) > count:  # they come again and again
        turns = np.resize((first + np.arange(count)) % count, len(turns))
    else:
        turns %= count
    return turns if step == 1 or len(turns) == 1 else np.repeat(turns, step)[start - first * step :][:rows]


def _kind(value: Any) -> type:
    return object if isinstance(value, str) else float


def _whole(name: str, values: np.ndarray) -> np.ndarray:
    """Values of a parameter; of one that takes whole numbers, the nearest of these."""
    return np.rint(values) if PARAMETERS[name].whole else values


# --- design files -------------------------------------------------------------------------------


def read(path: Path) -> Design:
    """Read a design file; ParameterError, naming the file and the fault, if it is none."""
    return yaml_files.read(path, "the design", parse)


def remarks(design: Design) -> list[str]:
    """Lines on values of a design that are allowed and hardly meant; multiples of others are left out."""
    given = dict(design.constants)
    for axis in design.axes:
        if not axis.of:
            given[axis.name] = [axis.low, axis.high] if axis.values is None else axis.values
    return unusual.lines(unusual.remarks(given))


def parse(content: Any) -> Design:
    """The design in the content of a file: a mapping as the module shows it."""
    if not isinstance(content, Mapping):
        raise ParameterError(f"a design is a mapping with the key 'parameters', not {content!r:.40}")
    _known(content, _SCHEMA["properties"], "key")
    content = _numbers(content, "rows", "seed")
    wrong = _first_fault(content, _SCHEMA)
    if wrong:
        raise ParameterError(wrong)
    given = content["parameters"]
    _known(given, PARAMETERS, "parameter")
    outcomes = tuple(content.get("outcomes", OUTCOMES))
    _known(outcomes, OUTCOMES, "outcome")
    random = "rows" in content
    axes, constants = [], {}
    for name, value in given.items():
        if isinstance(value, (Mapping, list, tuple, np.ndarray)):
            axes.append(_axis(name, value, random))
        else:
            constants[name] = check({name: value})[name].item()
    _check_multiples(axes, constants)
    axes = axes if random else sorted(axes, key=_outermost_first)
    rows = content["rows"] if random else math.prod(len(axis.cells(None)) for axis in axes)
    if rows > MOST_ROWS:
        raise ParameterError(f"every combination would be {rows:,} rows, more than {MOST_ROWS:,}")
    named = {key: content[key] for key in ("seed", "precision", "reduce") if key in content}
    design = Design(tuple(axes), constants, rows, random, outcomes=outcomes, **named)
    return design.on(content.get("host", ""), content.get("preset", ""))


_INNERMOST = ("blackout_target_ms", "pass_limit", "dirty_pages_per_s", "working_set_gib", "memory_gib")


def _outermost_first(axis: Axis) -> int:
    """Text, then what the link's rate may depend on, then what only the passes do; multiples with these."""
    if PARAMETERS[axis.name].choices:
        return 0
    return 2 if axis.name in _INNERMOST else 1


def _axis(name: str, value: Any, random: bool) -> Axis:
    """An axis from a list or a range."""
    if not isinstance(value, Mapping):
        return Axis(name, _listed(name, value))
    if PARAMETERS[name].choices:
        raise ParameterError(f"{name} is a text: list its values, it has no range")
    low, high, count, log = spread_of(name, value)
    of = value.get("of", "")
    if not of:
        check({name: [low, high]})
    if not count:
        if not random:
            raise ParameterError(f"{name}: a range needs a count, unless `rows` asks for random scenarios")
        return Axis(name, None, low, high, log, of)
    values = (np.geomspace if log else np.linspace)(low, high, count)
    # Whole numbers, and a range of one value, may come more than once.
    return Axis(name, np.unique(values if of else _whole(name, values)), of=of)


def spread_of(name: str, value: Mapping[str, Any]) -> tuple[float, float, int, bool]:
    """Ends, count (0 if not given) and whether logarithmic of a range in a file; ParameterError if none."""
    _known(value, _RANGE["properties"], f"key of {name}")
    value = _numbers(_in_unit(name, value), "from", "to", "count")
    wrong = _first_fault(value, _RANGE)
    if wrong:
        raise ParameterError(f"{name}: {wrong}")
    low, high, log = float(value["from"]), float(value["to"]), value.get("spacing") == "log"
    if low > high or (log and low <= 0):
        rule = "above 0 for logarithmic spacing" if low <= high else f"no more than `to` = {high:g}"
        raise ParameterError(f"{name}: `from` = {low:g} must be {rule}")
    if math.isinf(high):
        raise ParameterError(f"{name}: `to` = {high:g} must be finite")
    return low, high, value.get("count", 0), log


def _in_unit(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """A range whose ends, where they are texts with a unit, are numbers in the parameter's own."""
    found = dict(value)
    for key in ("from", "to") if name in PARAMETERS and not value.get("of") else ():
        if isinstance(found.get(key), str):
            found[key] = _end(name, key, found[key])
    return found


def _end(name: str, key: str, text: str) -> Any:
    unit = PARAMETERS[name].unit
    try:
        return quantities.read(text, unit)
    except quantities.UnitError as error:
        if not str(error):  # a number without a unit, or no number: that is told with the rest of the file
            return text
        told = f"{name}: {key}: {text!r} is not allowed: it takes a number [{unit}]"
        raise ParameterError(f"{told}; {error}") from None


def _listed(name: str, value: Any) -> np.ndarray:
    """The values of a list, each once."""
    values = check({name: value})[name]
    if values.ndim != 1:
        raise ParameterError(f"{name}: a list of values holds no lists")
    if not len(values):
        raise ParameterError(f"{name} has no values")
    if len(values) > MOST_VALUES:
        raise ParameterError(f"{name} has {len(values):,} values, more than {MOST_VALUES:,}")
    seen = set()
    for shown in map(str, values.tolist()):
        if shown in seen:
            raise ParameterError(f"{name} lists {shown} twice: its rows would count twice")
        seen.add(shown)
    return values


def _numbers(given: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """A mapping whose numbers are such: YAML takes 2e5 for a text, and 2.0e+5 for no whole number."""
    return {key: _number(value) if key in keys else value for key, value in given.items()}


def _number(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return value
    if isinstance(value, np.generic):
        value = value.item()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_multiples(axes: list[Axis], constants: Mapping[str, Any]) -> None:
    """What multiples of other parameters can be at most and at least is allowed, too."""
    by_name = {axis.name: axis for axis in axes}
    for axis in axes:
        if not axis.of:
            continue
        _known([axis.of], PARAMETERS, "parameter")
        if PARAMETERS[axis.of].choices:
            raise ParameterError(f"{axis.name} cannot be a multiple of {axis.of}, which is a text")
        base = by_name.get(axis.of)
        if base is not None and base.of:
            raise ParameterError(f"{axis.name} is a multiple of {axis.of}, which is one itself")
        default = constants.get(axis.of, defaults()[axis.of])
        if base is None and math.isnan(default):
            raise ParameterError(f"{axis.name} is a multiple of {axis.of}, which has no value here: give it")
        ends = (
            [default] * 2
            if base is None
            else base.cells(None)
            if base.values is not None
            else [base.low, base.high]
        )
        own = axis.values if axis.values is not None else [axis.low, axis.high]
        products = np.array([min(own) * min(ends), max(own) * max(ends)])
        check({axis.name: _whole(axis.name, products)})


def _known(names: Any, allowed: Any, what: str) -> None:
    """ParameterError for the first name that is none of those allowed."""
    for name in names:
        if name not in allowed:
            near = meant(str(name), allowed)
            few = f": {', '.join(allowed)} are" if len(allowed) <= len(OUTCOMES) else ""
            hint = f"; did you mean {near!r}?" if near else few
            raise ParameterError(f"{name!r} is no {what} of a sweep{hint}")


_JSON_WORDS = {"object": "a mapping", "array": "a list", "string": "a text", "number": "a number"}
_JSON_WORDS |= {"integer": "a whole number"}


def _told(wrong: Any) -> str:
    """What a schema finds, in the words of a design file."""
    where = "".join(f"{part}: " for part in wrong.absolute_path)
    rule = wrong.validator_value
    if wrong.validator == "required":
        missing = next(name for name in rule if name not in wrong.instance)
        return f"{where}the key {missing!r} is missing"
    said: dict[str, Callable[[], str]] = {
        "type": lambda: f"it takes {_JSON_WORDS[rule]}",
        "enum": lambda: f"it takes one of {', '.join(rule)}",
        "minimum": lambda: f"it takes at least {rule:,}",
        "maximum": lambda: f"it takes at most {rule:,}",
        "minProperties": lambda: "it names at least one",
        "minItems": lambda: "it names at least one",
        "uniqueItems": lambda: "each is named once",
    }
    near = nearest(str(wrong.instance), rule) if wrong.validator == "enum" else ""
    hint = f"; did you mean {near!r}?" if near else ""
    return f"{where}{wrong.instance!r:.60} is not allowed: {said[wrong.validator]()}{hint}"


def _first_fault(content: Any, schema: Mapping[str, Any]) -> str:
    """What is wrong with the content of a file by its schema, in words; empty if nothing is."""
    wrong = first_fault(content, schema)
    return _told(wrong) if wrong else ""
