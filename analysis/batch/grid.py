"""Grid files: scenarios with their parameters by name, lists to cross, and the runs they make.

A grid is YAML with any of three keys::

    notebooks: [01-bandwidth, 03-dirty-rate]     # all notebooks that have the parameters, if left out
    scenarios:                                   # names, each with its parameters
      today:  {bandwidth_gbps: 10}
      faster: {bandwidth_gbps: 25, memory_gib: 128}
    cross:                                       # every combination of the values, for each scenario
      dirty_pages_per_s: [5000, 50000, 1e6]
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis import yaml_files
from analysis.parameters import ParameterError, nearest

KEYS = ("notebooks", "scenarios", "cross")
LONGEST_NAME = 100
MOST_SCENARIOS = 10_000


@dataclass(frozen=True)
class Grid:
    """Scenarios by name, each with the parameters it sets; the notebooks they are for (empty: any)."""

    scenarios: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"": {}})
    notebooks: Sequence[str] = ()

    @property
    def names(self) -> set[str]:
        """The names of all parameters that some scenario sets."""
        return set().union(*self.scenarios.values())


def read(path: Path) -> Grid:
    """Read a grid file; ParameterError, naming the file and the fault, if it is none."""
    return yaml_files.read(path, "the grid", parse)


def parse(content: Any) -> Grid:
    """The grid in the content of a file."""
    _check_keys(content)
    scenarios = _table(content, "scenarios", dict) or {"": {}}
    crossed = _table(content, "cross", list)
    notebooks = content.get("notebooks") or []
    notebooks = [notebooks] if isinstance(notebooks, str) else notebooks
    if not isinstance(notebooks, list) or not all(isinstance(name, str) for name in notebooks):
        raise ParameterError("'notebooks' takes a list of notebooks, such as [01-bandwidth]")
    return Grid(_crossed(scenarios, crossed), notebooks)


def _check_keys(content: Any) -> None:
    if not isinstance(content, dict) or not content:
        raise ParameterError("it takes the keys scenarios, cross and notebooks")
    for key in content:
        if key not in KEYS:
            near = nearest(str(key), KEYS)
            hint = f"; did you mean '{near}'?" if near else f"; it takes {', '.join(KEYS)}"
            raise ParameterError(f"there is no key '{key}'{hint}")
    if not content.get("scenarios") and not content.get("cross"):
        raise ParameterError("it has neither scenarios nor values to cross")


def _table(content: Mapping[str, Any], key: str, kind: type) -> dict[str, Any]:
    """One of the tables of a grid, each of whose entries is of one kind."""
    table = content.get(key) or {}
    form = "name: {parameter: value}" if kind is dict else "parameter: [value, value]"
    if not isinstance(table, dict):
        raise ParameterError(f"'{key}' takes lines of the form {form}")
    table = {str(name): {} if entry is None and kind is dict else entry for name, entry in table.items()}
    for name, entry in table.items():
        if not isinstance(entry, kind) or (kind is list and not entry):
            raise ParameterError(f"'{name}' under '{key}' takes the form {form}")
    return table


def _crossed(
    scenarios: Mapping[str, Mapping[str, Any]], crossed: Mapping[str, list[Any]]
) -> dict[str, dict[str, Any]]:
    """Every scenario with every combination of the crossed values, under names that are good for files."""
    both = [name for name in crossed for values in scenarios.values() if name in values]
    if both:
        raise ParameterError(f"'{both[0]}' is set by a scenario and crossed at the same time")
    made: dict[str, dict[str, Any]] = {}
    taken: set[str] = set()
    for label, values in scenarios.items():
        for number, combination in enumerate(itertools.product(*crossed.values()), 1):
            chosen = dict(zip(crossed, combination, strict=True))
            name = _name(label, chosen, number)
            if name.casefold() in taken:  # on Windows and macOS they would be one file
                raise ParameterError(f"two scenarios would both be called '{name}'")
            taken.add(name.casefold())
            made[name] = {**values, **chosen}
            if len(made) > MOST_SCENARIOS:
                raise ParameterError(f"it makes more than {MOST_SCENARIOS:,} scenarios; use a sweep for that")
    return made


def _name(label: str, chosen: Mapping[str, Any], number: int) -> str:
    """The name of a scenario: its label and what it crosses, as far as a file name may be long.

    >>> _name("to day", {"bandwidth_gbps": 10, "stop_rule": "xen"}, 1)
    'to-day,bandwidth_gbps=10,stop_rule=xen'
    """
    values = [f"{name}={_short(value)}" for name, value in chosen.items()]
    name = ",".join(filter(None, [label, *values]))
    if len(name) > LONGEST_NAME:
        name = ",".join(filter(None, [label[: LONGEST_NAME - 10], f"cross={number}"]))
    return re.sub(r"[^\w.=,+-]+", "-", name, flags=re.ASCII).strip("-.") or f"scenario={number}"


def _short(value: Any) -> str:
    """A value within a name: a list with its items joined."""
    if isinstance(value, list):
        return "+".join(map(_short, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)
