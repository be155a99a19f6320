"""What is to be measured: a list that a person edits, a configuration a row, told what is wrong with one."""

from __future__ import annotations

import csv
import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from analysis.errors import UserError

PATTERNS = ("uniform", "seq", "hotcold", "zipf")
GUEST_NEEDS_MIB = 4
"""What the guest's own code and the first two MiB of a PC take."""

NEEDED_BY_RULE: dict[str, tuple[str, ...]] = {
    "fixed": (),
    "autoconverge": (),
    "steps": ("ceiling_ms", "steps", "step_every_s"),
    "ramp": ("ceiling_ms", "steps", "step_every_s", "after_sync"),
    "doubling": (),
    "postcopy": ("postcopy_at_s",),
}
"""The ways to stop, and what each wants to know besides the first limit."""
OF_RULES = ("ceiling_ms", "steps", "step_every_s", "after_sync", "postcopy_at_s")


@dataclass(frozen=True)
class Configuration:
    """One migration to measure; the names and units are those of the columns of the tables.

    ``processor_share_pct``: how much of its processor the guest needs to keep its rate of writing. The rule
    ``steps`` grows the limit from ``first_limit_ms`` to ``ceiling_ms`` in ``steps`` equal steps, one every
    ``step_every_s``; ``ramp`` the same after ``after_sync`` bitmap synchronisations; ``doubling`` doubles it
    after six polls without progress. A migration is cancelled after ``timeout_s``. ``repeat`` tells repeats
    of one configuration apart.
    """

    group: str = "own"
    memory_mib: int = 256
    filled_mib: int = 192
    working_set_mib: int = 64
    write_rate_pages_per_s: int = 4000
    write_pattern: str = "uniform"
    hot_share_of_working_set_pct: int = 10
    writes_to_hot_pct: int = 90
    zipf_exponent: float = 1.0
    random_bytes_per_page_pct: int = 50
    processor_share_pct: int = 0
    link_mbit_per_s: int = 300
    rule: str = "fixed"
    first_limit_ms: int = 300
    ceiling_ms: int | None = None
    steps: int | None = None
    step_every_s: float | None = None
    after_sync: int | None = None
    postcopy_at_s: float | None = None
    timeout_s: float = 90.0
    repeat: int = 0

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that tell this configuration from every other."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:12]

    @property
    def writes_of_link(self) -> float:
        """Page writes a second over the pages that the link carries in one."""
        return self.write_rate_pages_per_s * 4096 * 8 / (self.link_mbit_per_s * 1e6)


RANGES: dict[str, tuple[float, float]] = {
    "memory_mib": (16, 3000),
    "filled_mib": (1, 2996),
    "working_set_mib": (1, 2996),
    "write_rate_pages_per_s": (1, 500_000),
    "hot_share_of_working_set_pct": (1, 100),
    "writes_to_hot_pct": (0, 100),
    "zipf_exponent": (0.001, 4),
    "random_bytes_per_page_pct": (0, 100),
    "processor_share_pct": (0, 95),
    "link_mbit_per_s": (1, 40_000),
    "first_limit_ms": (1, 2_000_000),
    "ceiling_ms": (1, 2_000_000),
    "steps": (1, 1000),
    "step_every_s": (0.1, 3600),
    "after_sync": (1, 1000),
    "postcopy_at_s": (0, 3600),
    "timeout_s": (1, 86_400),
    "repeat": (0, 1_000_000),
}
CHOICES = {"write_pattern": PATTERNS, "rule": tuple(NEEDED_BY_RULE)}
NAMES = [field.name for field in fields(Configuration)]
WHOLE = {field.name for field in fields(Configuration) if str(field.type).startswith("int")}


def read_list(path: Path) -> list[Configuration]:
    """The configurations of a ``.csv`` (a row each) or ``.yml`` (``defaults`` and ``configurations``).

    A cell or key left out takes its default. UserError where one is impossible, or given twice.
    """
    given = _rows_of_csv(path) if path.suffix == ".csv" else _rows_of_yaml(path)
    made = [configured(row, f"{path.name}, {where}") for where, row in given]
    if not made:
        raise UserError(f"'{path.name}' holds no configuration")
    for place, one in enumerate(made):
        if one in made[:place]:
            first, second = given[made.index(one)][0], given[place][0]
            raise UserError(f"{path.name}: {second} is the same as {first}; give it another `repeat` number")
    return made


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"the list '{path}' cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"the list '{path.name}' is no text in UTF-8") from None


def _rows_of_csv(path: Path) -> list[tuple[str, dict[str, Any]]]:
    lines = [line for line in _text(path).splitlines() if not line.startswith("#")]
    reader = csv.DictReader(lines)
    found = []
    for number, row in enumerate(reader, 1):
        if None in row or None in row.values():
            raise UserError(f"{path.name}, row {number} has not as many cells as the heading has names")
        found.append((f"row {number}", {name: cell for name, cell in row.items() if cell.strip()}))
    return found


def _rows_of_yaml(path: Path) -> list[tuple[str, dict[str, Any]]]:
    try:
        content = yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        raise UserError(f"the list '{path.name}' is not valid YAML: {error}".splitlines()[0]) from None
    whole = content if isinstance(content, dict) else {"configurations": content}
    if extra := set(whole) - {"defaults", "configurations"}:
        raise UserError(
            f"'{path.name}': {sorted(map(str, extra))[0]!r} is neither 'defaults' nor 'configurations'"
        )
    rows, defaults = whole.get("configurations") or [], whole.get("defaults") or {}
    if not (isinstance(rows, list) and isinstance(defaults, dict) and all(isinstance(r, dict) for r in rows)):
        raise UserError(f"'{path.name}' is to hold a list of configurations, each with names and values")
    return [(f"configuration {number}", defaults | row) for number, row in enumerate(rows, 1)]


def configured(row: Mapping[str, Any], where: str) -> Configuration:
    """A configuration out of names and values; UserError, saying where, if they are none."""
    for name in row:
        if name not in NAMES:
            near = difflib.get_close_matches(str(name), NAMES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(NAMES)}"
            raise UserError(f"{where}: there is no {name!r}{hint}")
    made = Configuration(**{name: _value(name, value, where) for name, value in row.items()})
    _hold_together(made, where)
    return made


def _value(name: str, value: Any, where: str) -> Any:
    if name == "group":
        return str(value).strip()
    if name in CHOICES:
        return _choice(name, str(value).strip(), where)
    low, high = RANGES[name]
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise UserError(f"{where}: {name} is {value!r}, which is no number") from None
    if isinstance(value, bool) or not low <= number <= high:
        raise UserError(f"{where}: {name} is {value}; allowed are {low:g} to {high:g}")
    if name in WHOLE and number != int(number):
        raise UserError(f"{where}: {name} is {value}; it has to be a whole number")
    return int(number) if name in WHOLE else number


def _choice(name: str, value: str, where: str) -> str:
    if value in CHOICES[name]:
        return value
    near = difflib.get_close_matches(value, CHOICES[name], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise UserError(f"{where}: {name} is {value!r}; there are {', '.join(CHOICES[name])}{hint}")


def _hold_together(one: Configuration, where: str) -> None:
    """What must fit between values; UserError if something does not."""
    if one.filled_mib > one.memory_mib - GUEST_NEEDS_MIB:
        raise UserError(
            f"{where}: filled_mib is {one.filled_mib}; of {one.memory_mib} MiB at most "
            f"{one.memory_mib - GUEST_NEEDS_MIB} can be filled"
        )
    if one.working_set_mib > one.filled_mib:
        raise UserError(
            f"{where}: working_set_mib {one.working_set_mib} is more than filled_mib {one.filled_mib}"
        )
    needed = NEEDED_BY_RULE[one.rule]
    if missing := [name for name in needed if getattr(one, name) is None]:
        raise UserError(f"{where}: the rule {one.rule!r} needs {' and '.join(missing)}")
    if unused := [name for name in OF_RULES if name not in needed and getattr(one, name) is not None]:
        raise UserError(f"{where}: {unused[0]} is not for the rule {one.rule!r}")
    if one.ceiling_ms is not None and one.ceiling_ms <= one.first_limit_ms:
        raise UserError(
            f"{where}: ceiling_ms {one.ceiling_ms} is not above first_limit_ms {one.first_limit_ms}"
        )


def write_list(path: Path, rows: Iterable[Configuration]) -> None:
    """A list as CSV, with every name, as :func:`read_list` reads it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, NAMES, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
