"""The parameters of a run in words: a value, what was changed, and which machine a report speaks of."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.parameters import PARAMETERS

SHOWN_CHANGES = 3
"""Changed parameters named in the one line above the table; the table has them all."""
SHOWN_VALUES = 3
"""A longer list of values is counted there."""
MACHINE = ("memory_gib", "dirty_pages_per_s", "bandwidth_gbps", "line_rate_gbps")
"""What a machine and its link are known by, where a notebook has these parameters."""

Line = Mapping[str, Any]
"""A parameter of a run as its record keeps it: name, value, unit, meaning, default, changed."""


def told(value: Any) -> str:
    """A parameter's value as a person would write it.

    >>> told([10.0, 2.5]), told(150000.0), told(None), told("xen"), told("")
    ('10, 2.5', '150,000', 'by preset', 'xen', 'none')
    """
    if isinstance(value, (list, tuple)):
        return ", ".join(map(told, value))
    if value is None:
        return "by preset"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.10g}" if isinstance(value, (int, float)) else str(value) or "none"


def told_unit(unit: str) -> str:
    """A unit for readers.

    >>> told_unit("us"), told_unit("0-1"), told_unit("GiB")
    ('µs', '0 to 1', 'GiB')
    """
    return {"us": "µs", "0-1": "0 to 1"}.get(unit, unit)


def with_unit(name: str, value: Any) -> str:
    """A value with the unit that the study knows for its name; units held to their numbers.

    >>> with_unit("bandwidth_gbps", 25.0).replace(chr(0xA0), " "), with_unit("stop_rule", "xen")
    ('25 Gbit/s', 'xen')
    """
    known = PARAMETERS.get(name.removesuffix("_values"))
    unit = known.unit if known and isinstance(value, (int, float)) and known.unit != "0-1" else ""
    return f"{told(value)}\N{NO-BREAK SPACE}{told_unit(unit)}".rstrip("\N{NO-BREAK SPACE}")


def changes(lines: Sequence[Line]) -> list[list[str]]:
    """Name, value and default of the first parameters that differ, each short enough for one line.

    >>> line = {"name": "rates", "value": [1, 2, 3, 4], "default": [1, 2], "changed": True}
    >>> changes([line, line | {"changed": False}])
    [['rates', '4 values', '1, 2']]
    """
    shown = changed(lines)[:SHOWN_CHANGES]
    return [
        [str(line["name"]), *(_brief(line["name"], line[key]) for key in ("value", "default"))]
        for line in shown
    ]


def _brief(name: str, value: Any) -> str:
    if isinstance(value, (list, tuple)) and len(value) > SHOWN_VALUES:
        return f"{len(value)} values"
    return with_unit(name, value)


def changed(lines: Sequence[Line]) -> list[Line]:
    """The parameters that differ from their notebook's defaults."""
    return [line for line in lines if line["changed"]]


def machine(lines: Sequence[Line], data: Mapping[str, str]) -> str:
    """The machine and link that a report speaks of, or the files of measured ones; empty if it has neither.

    >>> line = {"name": "memory_gib", "value": 64.0}
    >>> machine([line], {}).replace(chr(0xA0), " "), machine([], {"data/lab.csv": "1f"})
    ('64 GiB', 'data/lab.csv')
    """
    values = {line["name"]: line["value"] for line in lines}
    told_of = [with_unit(name, values[name]) for name in MACHINE if values.get(name)]
    files = [name for name in data if name.endswith((".csv", ".jsonl", ".json", ".xml", ".evtx"))]
    return ", ".join(told_of) or _few(files)


def _few(files: list[str]) -> str:
    """Names of files in about a line: of more than three the first two, and how many there are besides.

    >>> _few(["a.csv", "b.csv", "c.csv"]), _few(["a.csv", "b.csv", "c.csv", "d.csv"])
    ('a.csv, b.csv, c.csv', 'a.csv, b.csv and 2 more files')
    """
    return ", ".join(files) if len(files) <= 3 else f"{', '.join(files[:2])} and {len(files) - 2} more files"
