"""The text of ``virsh domjobinfo``, once or again and again in one file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.observations.lines import Progress, read_lines
from analysis.observations.qemu import tables
from analysis.observations.record import Notes, Record
from analysis.observations.samples import Sample
from analysis.observations.tables import TableError

KIND = "text of virsh domjobinfo"
LARGEST = 2.0**63
"""What no figure of libvirt exceeds."""
FIRST = "job type"
"""The field with which each answer begins."""
ANOTHER_JOB = "another job"
STATUS = {"completed": "completed", "failed": "failed", "cancelled": "cancelled", "none": "none",
          "bounded": "active", "unbounded": "active"}  # fmt: skip
UNITS = {
    "size": {"b": 2.0**-30, "kib": 2.0**-20, "mib": 2.0**-10, "gib": 1.0, "tib": 1024.0, "pib": 2.0**20,
             "eib": 2.0**30},
    "time": {"ms": 1e-3, "s": 1.0},
    "rate": {"b/s": 8e-9, "kib/s": 8192e-9, "mib/s": 8 * 2**20 * 1e-9, "gib/s": 8 * 2**30 * 1e-9},
    "pages": {"": 1.0}, "count": {"": 1.0}, "pages/s": {"pages/s": 1.0}, "bytes": {"bytes": 1.0, "b": 1.0,
             "kib": 1024.0},
}  # fmt: skip
FIELDS = {
    "time elapsed": ("time_s", "time"), "data processed": ("stream_gib", "size"),
    "memory processed": ("memory_processed_gib", "size"), "memory remaining": ("remaining_gib", "size"),
    "memory total": ("memory_gib", "size"), "memory bandwidth": ("throughput_gbps", "rate"),
    "dirty rate": ("dirty_pages_per_s", "pages/s"), "page size": ("page_bytes", "bytes"),
    "iteration": ("sync_count", "count"), "constant pages": ("zero_pages", "pages"),
    "normal pages": ("content_pages", "pages"), "total downtime": ("blackout_s", "time"),
    "expected downtime": ("expected_blackout_s", "time"), "setup time": ("setup_s", "time"),
    "compressed pages": ("compressed_pages", "pages"), "file processed": ("storage_gib", "size"),
}  # fmt: skip
MIGRATIONS = ("outgoing migration", "incoming migration")
"""What libvirt calls the jobs that move a machine; its others write to a file or read from one."""
_LINE = re.compile(r"\s*([A-Za-z][\w /.-]*?)\s*:\s*(.*?)\s*$")
_FIGURE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z/]*)$")


def read_libvirt(path: str | Path, *, progress: Progress | None = None) -> Record:
    """Migrations, passes and samples from ``virsh domjobinfo``.

    Sizes have three decimals of their unit there, so bytes and pages that were found dirty are as
    coarse as that. Raises TableError where the file holds no answer.
    """
    notes = Notes(path)
    told = list(_samples(path, notes, progress))
    found = [sample for sample in told if sample["status"] not in ("none", ANOTHER_JOB)]
    if not any(sample["status"] != "none" for sample in told):
        raise TableError(f"{path} holds no answer of virsh domjobinfo about a running or completed job")
    if found and all(math.isnan(s["throughput_gbps"]) for s in found):
        notes.add("there is no line 'Memory bandwidth': the throughput is not told")
    return tables(KIND, found, notes, Path(path).stem)


def _samples(path: str | Path, notes: Notes, progress: Progress | None) -> Iterator[Sample]:
    fields: dict[str, tuple[int, str]] = {}
    for number, text in read_lines(path, notes, progress):
        match = _LINE.match(text)
        if not match:
            if text.strip():
                notes.add(f"{text.strip()[:60]!r} is no line of domjobinfo", number, "no line of domjobinfo")
            continue
        name = " ".join(match[1].lower().split())
        if name == FIRST and fields:
            yield from _sample(fields, path, notes)
            fields = {}
        if name in fields:
            notes.add(
                f"{match[1]!r} stands twice in one answer; the first is kept", number, "a line stands twice"
            )
            continue
        fields[name] = number, match[2]
    if fields:
        yield from _sample(fields, path, notes)


def _sample(fields: dict[str, tuple[int, str]], path: str | Path, notes: Notes) -> Iterator[Sample]:
    if FIRST not in fields:
        line = min(number for number, _ in fields.values())
        notes.add("lines before the first 'Job type' are left out", line)
        return
    line, told = fields[FIRST]
    status = STATUS.get(told.lower(), "")
    if not status:
        notes.add(
            f"the job type {told[:40]!r} is not one of libvirt's", line, "a job type is not one of libvirt's"
        )
    sample: Sample = {"key": "", "status": status or told[:40]}
    for name, (ours, kind) in FIELDS.items():
        sample[ours] = _figure(name, *fields[name], kind, notes) if name in fields else math.nan
    sample["page_bytes"] = sample["page_bytes"] if sample["page_bytes"] > 0 else 4096.0
    if sample["compressed_pages"] > 0:
        # Pages that were sent as the difference to what was sent before; libvirt counts them apart.
        sample["content_pages"] += sample["compressed_pages"]
    if _is_another(fields, notes):
        sample["status"] = ANOTHER_JOB
    else:
        _memory_only(sample, line, notes)
    if status != "completed":
        sample["blackout_s"] = math.nan
    yield sample | {"source_file": Path(path).name, "source_line": line}


def _memory_only(sample: Sample, line: int, notes: Notes) -> None:
    """Bytes of memory where storage was copied too: libvirt's ``Data processed`` is both together."""
    storage, memory = sample["storage_gib"], sample.pop("memory_processed_gib")
    if not storage > 0:
        return
    told = f"of {sample['stream_gib']:.4g} GiB processed, {storage:.4g} GiB are storage"
    notes.add(
        f"{told}; the bytes sent are the memory's, the times are of both", line, "storage was copied too"
    )
    sample["stream_gib"] = memory if math.isfinite(memory) else sample["stream_gib"] - storage


def _is_another(fields: dict[str, tuple[int, str]], notes: Notes) -> bool:
    """True, with a note, for a job that is no migration: Dump, Save, Snapshot, Backup, Restore."""
    line, operation = fields.get("operation", (0, ""))
    if not operation or operation.lower() in MIGRATIONS:
        return False
    notes.add(f"the operation {operation[:40]!r} is no migration; it is left out", line,
              "an operation is no migration")  # fmt: skip
    return True


def _figure(name: str, line: int, text: str, kind: str, notes: Notes) -> Any:
    """A figure with its unit in the study's unit; NaN, with a note, for anything else."""
    match = _FIGURE.match(text)
    if not match or match[2].lower() not in UNITS[kind]:
        units = ", ".join(u for u in UNITS[kind] if u) or "no unit"
        notes.add(f"{name} = {text[:40]!r} is not a figure with {units}", line, f"{name} is not a figure")
        return math.nan
    if float(match[1]) > LARGEST:
        notes.add(f"{name} = {text[:40]!r} is out of range", line, f"{name} is out of range")
        return math.nan
    return float(match[1]) * UNITS[kind][match[2].lower()]
