"""``openstack server migration show`` and its older ``nova`` twin, as a table or as JSON, once or repeated.

Bytes of memory are as libvirt counts them; times are those at which nova last wrote its row.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.observations.lines import Progress, read_lines
from analysis.observations.logs.lines import moment, seconds
from analysis.observations.qemu import read_json, tables
from analysis.observations.record import Notes, Record, Taken
from analysis.observations.samples import Sample, blank
from analysis.observations.sizes import Figures
from analysis.observations.sources import TableError

KIND = "OpenStack's server migration show"
MARK = re.compile(r"\bmemory[_ ]processed[_ ]bytes\b", re.IGNORECASE)
_ROW = re.compile(r"^\s*\|\s*([A-Za-z][\w ]*?)\s*\|\s*(.*?)\s*\|\s*$")
HEADS = ("field", "property")
STATUS = {"completed": "completed", "done": "completed", "finished": "completed", "error": "failed",
          "failed": "failed", "cancelled": "cancelled"}  # fmt: skip
SIZES = {"memory_processed_bytes": "stream_gib", "memory_remaining_bytes": "remaining_gib",
         "memory_total_bytes": "memory_gib", "disk_processed_bytes": "storage_gib"}  # fmt: skip
PLACES = {"source_compute": "source_node", "dest_compute": "target_node"}

Told = dict[str, tuple[int, str]]


def read_openstack(path: str | Path, *, progress: Progress | None = None) -> Record:
    """Migrations and samples; TableError where there is none."""
    notes = Notes(path)
    found = [
        _sample(told, Path(path).name, notes) for told in _tables(path, notes, progress) if "status" in told
    ]
    if not found:
        raise TableError(f"{path} holds no answer of server migration show with a status")
    whole = tables(KIND, found, notes, Path(path).stem)
    whole.taken.extend(Taken(s["source_file"], s["source_line"], f"an answer: {s['status']}") for s in found)
    return whole


def _tables(path: str | Path, notes: Notes, progress: Progress | None) -> Iterator[Told]:
    """Fields by name, with their lines, of each answer."""
    first = next((text for _, text in read_lines(path, Notes(path)) if text.strip()), "")
    if first.lstrip("\N{BYTE ORDER MARK} \t").startswith(("{", "[")):
        for line, value in read_json(path, notes, progress):
            yield from _objects(line, value)
        return
    told: Told = {}
    for number, text in read_lines(path, notes, progress):
        match = _ROW.match(text)
        if not match:
            continue
        name = _name(match[1])
        if name in HEADS or name in told:
            yield told
            told = {}
        if name not in HEADS:
            told[name] = number, match[2]
    yield told


def _name(text: str) -> str:
    return "_".join(text.lower().split())


def _objects(line: int, value: Any) -> Iterator[Told]:
    """Answers inside a JSON value: one, a list, or under ``migration`` and ``migrations``."""
    if isinstance(value, list):
        for item in value:
            yield from _objects(line, item)
    elif isinstance(value, dict):
        inner = value.get("migrations", value.get("migration"))
        if isinstance(inner, (dict, list)):
            yield from _objects(line, inner)
        else:
            plain = {
                n: v for n, v in value.items() if isinstance(v, (str, int, float)) and not isinstance(v, bool)
            }
            yield {_name(name): (line, str(v)) for name, v in plain.items()}


def _sample(told: Told, file: str, notes: Notes) -> Sample:
    line = min(number for number, _ in told.values())
    figures = Figures(notes)
    found = {
        ours: figures.gib(told[n][1], "B", n, told[n][0])
        for n, ours in SIZES.items()
        if n in told and told[n][1] not in ("", "None", "-")
    }
    created, updated = (seconds(told[n][1]) if n in told else math.nan for n in ("created_at", "updated_at"))
    status = told["status"][1]
    key = next(
        (told[n][1] for n in ("server_uuid", "server_id", "uuid", "id") if n in told and told[n][1]), ""
    )
    known = {ours: told[n][1] for n, ours in PLACES.items() if n in told and told[n][1] not in ("", "None")}
    ended = moment(updated) if status in STATUS else None
    stamps = {"vm": key, "began": moment(created), "ended": ended}
    known |= {name: text for name, text in stamps.items() if text}
    if not found.get("memory_gib", 0.0) > 0:
        found.pop("memory_gib", None)
    if not found.get("storage_gib", 0.0) > 0:
        found.pop("storage_gib", None)
    # The row is written anew every few seconds, so its last change is when the figures were true.
    time_s = updated - created if updated >= created else math.nan
    sample = blank(STATUS.get(status, status[:40]), time_s=time_s, **found) | {"key": key, "told": known}
    return sample | {"source_file": file, "source_line": line}
