"""Inventories: which machine is on which node, as a person or Windows wrote it down, and the nodes
themselves.

A row is a machine: ``machine``, ``node``, ``memory_gib``, and where wanted ``destination``, ``priority``,
``group`` (machines that must not share a node), ``owners`` (nodes that may have it), ``deadline`` (clock
time), and any parameter of the study by its name. What ``Get-VM`` or ``Get-ClusterGroup`` exported is read
as it comes: UTF-16, semicolons, a line ``#TYPE``, bytes in ``MemoryAssigned``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.errors import UserError
from analysis.observations.sources import text_of
from analysis.parameters import PARAMETERS, ParameterError, meant, nearest, takes

OWN = ("machine", "node", "memory_gib", "destination", "priority", "group", "owners", "deadline")
"""Columns of an inventory beside parameters."""
NODE_OWN = ("node", "memory_gib", "free_gib", "parallel_limit", "uplink", "uplink_gbps")
"""Columns of a table of nodes beside the parameters of a link."""
EXPORTED = {
    "machine": ("VMName", "Name"),
    "node": ("ComputerName", "OwnerNode", "VMHost", "HostName"),
    "memory_gib": ("MemoryAssigned", "MemoryStartup"),
    "priority": ("Priority",),
    "group": ("AntiAffinityClassNames",),
    "owners": ("PossibleOwners",),
}
"""What Windows calls a column, the first that is there."""
PRIORITIES = {"high": 3000.0, "medium": 2000.0, "low": 1000.0, "noautostart": 0.0}
"""Names of a failover cluster's priorities (MSDN clustering blog, 2012-04)."""
OF_GUEST = (
    *("memory_gib", "resident_share", "extra_resident_mib", "top_content_share", "dirty_pages_per_s"),
    *("working_set_gib", "write_pattern", "hot_page_share", "hot_write_share", "zipf_exponent"),
    *("idle_dirty_pages_per_s", "idle_working_set_mib"),
)
"""Parameters that are a machine's and no node's."""


MOST_COLUMNS = 1000
"""Columns of a table: more is no inventory, and the header alone would take minutes."""

MOST_GIB = 1e9
"""Memory of a node: an EiB. Beyond it a number is no size, whatever it is."""


class Inventory(NamedTuple):
    """Machines, one a row, what their readers noticed, and where they come from."""

    machines: pd.DataFrame
    notes: list[str]
    path: str


def read_inventory(path: str | Path, defaults: Mapping[str, object] | None = None) -> Inventory:
    """An inventory from a file; ``defaults``: values of parameters that it lacks (``memory_gib``).

    UserError in one sentence for what is no inventory, or holds a value that is not allowed.
    """
    rows, lines = _table(path)
    notes: list[str] = []
    if not set(OWN[:2]) <= set(rows) and any(name in rows for name in EXPORTED["node"]):
        rows, lines = _exported(path, rows, lines, notes)
    _known(path, rows, (*OWN, *PARAMETERS), ("machine", "node"), notes)
    defaults = dict(defaults or {})
    if "memory_gib" not in rows:
        if "memory_gib" not in defaults:
            raise UserError(
                f"{path} has no column memory_gib; give the memory of every machine with --memory-gib"
            )
        rows["memory_gib"] = str(defaults["memory_gib"])
    for name in OWN:
        if name not in rows:
            rows[name] = ""
    _filled_in(path, rows, lines, ("machine", "node"))
    _once(path, rows, lines, "machine")
    _with_memory(path, rows, lines, defaults)
    for name in [str(n) for n in rows if str(n) in PARAMETERS]:
        rows[name] = _checked(path, rows[name], lines, name, rows.machine, defaults)
    rows["priority"] = [_priority(path, v, line) for v, line in zip(rows.priority, lines, strict=True)]
    rows["owners"] = [tuple(re.split(r"[\s,;|]+", v.strip())) if v.strip() else () for v in rows.owners]
    _own_place(path, rows, lines)
    return Inventory(rows, notes, str(path))


def read_nodes(path: str | Path) -> Inventory:
    """Nodes from a file: ``node``, and ``memory_gib`` (all of it) or ``free_gib``, and what its link is."""
    rows, lines = _table(path)
    notes: list[str] = []
    of_link = [name for name in PARAMETERS if name not in OF_GUEST]
    _known(path, rows, (*NODE_OWN, *of_link), ("node",), notes)
    _filled_in(path, rows, lines, ("node",))
    _once(path, rows, lines, "node")
    for name in [n for n in rows if n not in ("node", "uplink")]:
        rows[name] = _node_values(path, rows[name], lines, str(name), rows.node)
    if {"memory_gib", "free_gib"} <= set(rows):
        for node, line, most, free in zip(rows.node, lines, rows.memory_gib, rows.free_gib, strict=True):
            if free > most:
                raise UserError(
                    f"{path}, line {line} ({node}): free_gib = {free:g} is more than memory_gib = {most:g}"
                )
    return Inventory(rows, notes, str(path))


# --- text to cells ------------------------------------------------------------------------------


def _table(path: str | Path) -> tuple[pd.DataFrame, list[int]]:
    """Cells of a table as text, and the line on which each row stands."""
    text = text_of(path).removeprefix("\N{BYTE ORDER MARK}")
    kept = [(k, line) for k, line in enumerate(text.splitlines(), 1) if line.strip()]
    if kept and kept[0][1].startswith("#TYPE"):
        kept = kept[1:]
    if not kept:
        raise UserError(f"{path} is empty; an inventory begins with a line of column names")
    separator = _separator(kept[0][1])
    if kept[0][1].count(separator) > MOST_COLUMNS:
        raise UserError(f"{path} has more than {MOST_COLUMNS:,} columns; an inventory has a few")
    try:
        header, *rows = csv.reader(
            StringIO("\n".join(line for _, line in kept)), delimiter=separator, strict=True
        )
    except csv.Error as error:
        raise UserError(f"{path} is no table: {error}; is a quotation mark left open?") from None
    header = [name.strip() for name in header]
    lines = [k for k, _ in kept[1:]]
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise UserError(f"{path} has two columns {twice[0]!r}; which one counts cannot be told")
    if not rows:
        raise UserError(f"{path} has column names and no row")
    for line, row in zip(lines, rows, strict=False):
        if len(row) != len(header):
            which = "more" if len(row) > len(header) else "fewer"
            raise UserError(f"{path}, line {line}: the row has {which} cells than there are columns")
    table = pd.DataFrame(rows, columns=header)
    if separator == ";":
        # Where a semicolon separates, a comma is the decimal point of the language.
        table = table.apply(lambda column: column.str.replace(r"^\s*(-?\d+),(\d+)\s*$", r"\1.\2", regex=True))
    return table.apply(lambda column: column.str.strip()), lines


def _separator(head: str) -> str:
    outside = "".join(head.split('"')[::2])
    return max(",;\t", key=outside.count)


def _exported(
    path: str | Path, rows: pd.DataFrame, lines: list[int], notes: list[str]
) -> tuple[pd.DataFrame, list[int]]:
    """Our columns of what Windows exported; machines that are off need no migration."""
    found = {ours: next((n for n in theirs if n in rows), "") for ours, theirs in EXPORTED.items()}
    if not found["machine"]:
        raise UserError(f"{path} looks like an export of Windows and has no column Name or VMName")
    keep = pd.Series(True, index=rows.index)
    if "GroupType" in rows:
        keep &= rows.GroupType.str.lower().isin(["virtualmachine", "111"])
    if "State" in rows:
        off = rows.State.str.lower().isin(["off", "offline", "saved", "3"])
        if (off & keep).any():
            notes.append(f"{path}: {int((off & keep).sum())} machines are off or saved; they are left out")
        keep &= ~off
    if not keep.any():
        raise UserError(f"{path} holds no virtual machine that runs")
    table = pd.DataFrame({ours: rows.loc[keep, theirs] for ours, theirs in found.items() if theirs})
    table = table.replace({"System.String[]": "", "{}": ""})
    if found["memory_gib"]:
        cells = zip(np.flatnonzero(keep), table.memory_gib, strict=True)
        table["memory_gib"] = [_bytes(path, value, lines[k]) for k, value in cells]
    more = [n for n in map(str, rows) if takes(n) or n in ("destination", "deadline")]
    table = table.assign(**{name: rows.loc[keep, name] for name in more if name not in table})
    return table.reset_index(drop=True), [line for line, kept in zip(lines, keep, strict=True) if kept]


def _bytes(path: str | Path, text: str, line: int) -> str:
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{path}, line {line}: memory of {text!r} is no number of bytes") from None
    if 0 < value < 2**20:
        raise UserError(
            f"{path}, line {line}: memory of {text} bytes is less than a machine has; is it in MB?"
        )
    return repr(value / 2**30)


# --- checks -------------------------------------------------------------------------------------


def _known(
    path: str | Path, rows: pd.DataFrame, known: Sequence[str], needed: Sequence[str], notes: list[str]
) -> None:
    """UserError for a column that is missing or nearly one of ours; a note on those that are not read."""
    for name in needed:
        if name not in rows:
            near = meant(name, [str(n) for n in rows])
            hint = f"; is it {near!r}?" if near else f"; it has {', '.join(map(str, rows))}"
            raise UserError(f"{path} has no column {name!r}{hint}")
    unread = [str(name) for name in rows if name and name not in known]
    for name in unread:
        near = nearest(name, known, 0.8)
        if near and near not in rows:
            raise UserError(f"{path} has a column {name!r}, which is not read; did you mean {near!r}?")
    if unread:
        notes.append(f"{path}: not read: {', '.join(unread)}")


def _filled_in(path: str | Path, rows: pd.DataFrame, lines: list[int], names: Sequence[str]) -> None:
    for name in names:
        for value, line in zip(rows[name], lines, strict=True):
            if not value:
                raise UserError(f"{path}, line {line}: the {name} has no name")
            if not value.isprintable():
                raise UserError(f"{path}, line {line}: the name {value!r} of a {name} cannot be printed")


def _with_memory(
    path: str | Path, rows: pd.DataFrame, lines: list[int], defaults: Mapping[str, object]
) -> None:
    """UserError for a machine without its memory: no default is that of a machine of somebody's."""
    lacking = np.flatnonzero(rows.memory_gib == "")
    if len(lacking) and "memory_gib" not in defaults:
        where = f"{path}, line {lines[lacking[0]]} ({rows.machine[lacking[0]]})"
        raise UserError(
            f"{where} has no memory_gib; write it there, or give that of all such with --memory-gib"
        )


def _once(path: str | Path, rows: pd.DataFrame, lines: list[int], name: str) -> None:
    first: dict[str, int] = {}
    for value, line in zip(rows[name].str.casefold(), lines, strict=True):
        if value in first:
            raise UserError(
                f"{path}: {name} {value!r} stands on lines {first[value]} and {line}; which one holds?"
            )
        first[value] = line


def _checked(
    path: str | Path,
    column: pd.Series,
    lines: list[int],
    name: str,
    of: pd.Series,
    defaults: Mapping[str, object],
) -> np.ndarray:
    """Values of a parameter; an empty cell takes what was given for all, or the study's default."""
    parameter = PARAMETERS[name]
    filled = column.where(column != "", str(defaults.get(name, parameter.default)))
    try:
        return parameter.check(filled.tolist())
    except ParameterError:
        for value, line, machine in zip(filled, lines, of, strict=True):
            try:
                parameter.check([value])
            except ParameterError as error:
                raise UserError(f"{path}, line {line} ({machine}): {error}") from None
        raise


def _node_values(
    path: str | Path, column: pd.Series, lines: list[int], name: str, of: pd.Series
) -> np.ndarray:
    if name in PARAMETERS and name != "memory_gib":
        return _checked(path, column, lines, name, of, {})
    least = {"parallel_limit": 1.0, "uplink_gbps": 1e-3}.get(name, 0.0)
    found = np.full(len(column), np.nan)
    for k, (value, line, node) in enumerate(zip(column, lines, of, strict=True)):
        try:
            found[k] = float(value) if value else np.nan
        except ValueError:
            raise UserError(f"{path}, line {line} ({node}): {name} = {value!r} is not a number") from None
        endless = bool(value) and not abs(found[k]) <= MOST_GIB
        if endless or found[k] < least or (name == "parallel_limit" and found[k] % 1 > 0):
            kind = (
                "a whole number of at least 1"
                if name == "parallel_limit"
                else f"a number of at least {least:g}"
            )
            raise UserError(f"{path}, line {line} ({node}): {name} = {value} is not allowed: it takes {kind}")
    return found


def _priority(path: str | Path, text: str, line: int) -> float:
    """A priority as a number: 3000, 2000 (also where none is given), 1000, 0."""
    name = re.sub(r"[\s_-]", "", text).lower()
    if not name:
        return PRIORITIES["medium"]
    if name in PRIORITIES:
        return PRIORITIES[name]
    try:
        value = float(name)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 3000:
        near = nearest(name, PRIORITIES)
        hint = f"; did you mean {near!r}?" if near else ""
        raise UserError(
            f"{path}, line {line}: priority {text!r} is none: high (3000), medium (2000), low (1000), 0{hint}"
        )
    return value


def _own_place(path: str | Path, rows: pd.DataFrame, lines: list[int]) -> None:
    for machine, node, to, line in zip(rows.machine, rows.node, rows.destination, lines, strict=True):
        if to and to.casefold() == node.casefold():
            raise UserError(
                f"{path}, line {line}: {machine} is to move from {node} to {to}, where it already is"
            )
