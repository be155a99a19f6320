"""What PowerShell prints of a migration that a person timed: Measure-Command, with Get-VM around it.

Measure-Command's words are the same in every language; its ticks are whole and so need no decimal mark. It
times the whole cmdlet, Move-VM's preparation included.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.observations.counter_names import STOP_RULE
from analysis.observations.durations import number_of
from analysis.observations.lines import Progress, read_lines
from analysis.observations.record import Notes, Record, Taken, record
from analysis.observations.sources import TableError

KIND = "output of PowerShell's Measure-Command"
MARK = re.compile(r"^\s*Total(?:Milli)?seconds\s*:", re.IGNORECASE | re.MULTILINE)
_FIELD = re.compile(r"^\s*([A-Za-z]\w*)\s*:\s*(.*?)\s*$")
PARTS_S = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0, "milliseconds": 1e-3}
WHOLE_S = {"totaldays": 86400.0, "totalhours": 3600.0, "totalminutes": 60.0, "totalseconds": 1.0,
           "totalmilliseconds": 1e-3}  # fmt: skip
TICK_S = 1e-7
DIFFERS_S = 0.002
"""Figures of one duration may differ by this: its parts are cut to milliseconds."""
_MOVED = re.compile(r"\bMove-(?:VM|ClusterVirtualMachineRole)\b", re.IGNORECASE)
_HEAD = re.compile(r"^(?=.*\bName\b)(?=.*\bMemoryAssigned\b).*$")
_BYTES = {"memoryassigned": 2.0**-30}
"""Get-VM's list tells bytes; its table, under MemoryAssigned(M), whole MiB."""


def read_powershell(path: str | Path, *, progress: Progress | None = None) -> Record:
    """A migration for each Measure-Command; the memory of the machine where Get-VM tells of just one."""
    notes = Notes(path)
    blocks = list(_blocks(path, notes, progress))
    timed = [block for block in blocks if {"ticks", "totalseconds", "totalmilliseconds"} & set(block.fields)]
    memory: dict[str, float] = {}
    for block in blocks:
        memory |= block.memory
    rows = [row for block in timed if (row := _row(block, Path(path), memory, notes))]
    if not rows:
        raise TableError(f"{path} holds no duration of Measure-Command that can be read")
    if len(rows) > 1:
        for place, row in enumerate(rows, 1):
            row["migration"] = f"{row['migration']} {place}"
    notes.add("Measure-Command times the whole cmdlet; neither the pause nor bytes are told")
    found = record(KIND, notes, rows)
    found.taken.extend(
        Taken(r["source_file"], r["source_line"], f"a duration: {r['measured_total_s']:g} s") for r in rows
    )
    return found


class _Block:
    """Lines that belong together: a duration, a machine as a list, or a row of a table of machines."""

    def __init__(self, moved: str = "") -> None:
        self.fields: dict[str, tuple[int, str]] = {}
        self.memory: dict[str, float] = {}
        self.moved = moved


def _blocks(path: str | Path, notes: Notes, progress: Progress | None) -> Iterator[_Block]:
    """Blocks of a transcript; a blank line or a name that comes again ends one."""
    block, columns, moved = _Block(), list[tuple[str, int]](), ""
    for number, text in read_lines(path, notes, progress):
        command = bool(_MOVED.search(text))
        moved = (_name_after(text) or moved) if command else moved
        field = None if command or columns else _FIELD.match(text)
        ends = not text.strip() or (field and field[1].lower() in block.fields)
        if ends and (block.fields or block.memory):
            yield block
            block = _Block()
        if not text.strip():
            columns = []
        elif _HEAD.match(text):
            columns = [(match[0], match.start()) for match in re.finditer(r"\S+", text)]
        elif columns:
            block.memory |= _machine(text, columns)
        elif field:
            block.fields[field[1].lower()], block.moved = (number, field[2]), moved
            block.memory |= _listed(block.fields)
    if block.fields or block.memory:
        yield block


def _name_after(text: str) -> str:
    """The machine that a command of Move-VM names; empty where it names a variable or none."""
    words = re.search(r"Move-\w+\s+(?:-(?:Name|VMName)\s+)?[\"']?([A-Za-z][\w.-]*)[\"']?", text)
    return words[1] if words else ""


def _machine(text: str, columns: list[tuple[str, int]]) -> dict[str, float]:
    """Name and memory of a row of Get-VM's table, whose cells begin where their heads do."""
    starts = {name.split("(")[0].lower(): at for name, at in columns}
    cells = re.match(r"(\S+(?: \S+)*)\s{1,}\S", text)
    if "memoryassigned" not in starts or not cells or set(text) <= set("- "):
        return {}
    number = re.match(r"\d+", text[starts["memoryassigned"] :])
    later = sorted(at for at in starts.values() if at > starts.get("name", 0))
    name = text[starts.get("name", 0) : later[0] if later else None].strip()
    return {name: float(number[0]) / 1024} if number and float(number[0]) > 0 and name else {}


def _listed(fields: dict[str, tuple[int, str]]) -> dict[str, float]:
    """Name and memory of a machine that Get-VM printed as a list, where memory is told in bytes."""
    name, bytes_told = fields.get("name", (0, ""))[1], fields.get("memoryassigned", (0, ""))[1]
    if not name or not re.fullmatch(r"[1-9]\d{6,18}", bytes_told):
        return {}
    return {name: float(bytes_told) * _BYTES["memoryassigned"]}


def _row(block: _Block, path: Path, memory: dict[str, float], notes: Notes) -> dict[str, Any] | None:
    line = min(number for number, _ in block.fields.values())
    total_s = _duration(block.fields, line, notes)
    if not total_s > 0:
        return None
    vm = block.moved or (next(iter(memory)) if len(memory) == 1 else "")
    row: dict[str, Any] = {"migration": vm or path.stem, "vm": vm, "status": "completed"}
    row |= {"measured_total_s": total_s, "stop_rule": STOP_RULE}
    if vm in memory:
        row["memory_gib"] = memory[vm]
    elif memory:
        notes.add(f"Get-VM tells of {len(memory)} machines, and nothing says which was moved", line)
    return row | {"source_file": path.name, "source_line": line}


def _duration(fields: dict[str, tuple[int, str]], line: int, notes: Notes) -> float:
    """The seconds that all figures of one duration agree on; NaN, with a note, where they do not."""
    told: dict[str, float] = {}
    if "ticks" in fields:
        told["Ticks"] = _number(fields["ticks"][1]) * TICK_S
    for name, one in WHOLE_S.items():
        if name in fields:
            told[name] = number_of(fields[name][1]) * one
    if set(PARTS_S) <= set(fields):
        told["its parts"] = math.fsum(_number(fields[n][1]) * one for n, one in PARTS_S.items())
    known = {name: value for name, value in told.items() if math.isfinite(value)}
    if not known:
        notes.add("no figure of this duration can be read", line, "no figure of a duration can be read")
        return math.nan
    best = next(iter(known.values()))
    other = {n: v for n, v in known.items() if abs(v - best) > DIFFERS_S + 1e-6 * best}
    if other:
        name, value = next(iter(other.items()))
        notes.add(f"its figures contradict: {best:g} s, but {name} makes {value:g} s; it is left out", line)
        return math.nan
    return best


def _number(text: str) -> float:
    return float(text) if re.fullmatch(r"\d{1,18}", text) else math.nan
