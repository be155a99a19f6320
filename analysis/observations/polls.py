"""Polls of a migration while it runs: out of any record, and as the laboratory kept them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from analysis.observations.lab import DATA, located
from analysis.observations.record import Record
from analysis.observations.samples import PAGE
from analysis.observations.sources import TableError

GIB = 2.0**30
KNOWN_AS = {"sent_bytes": ("stream_gib", GIB), "remaining_bytes": ("remaining_gib", GIB),
            "memory_bytes": ("memory_gib", GIB), "looks": ("sync_count", 1.0),
            "dirty_pages_per_s": ("dirty_pages_per_s", 1.0),
            "expected_blackout_ms": ("expected_blackout_s", 1000.0),
            "content_pages": ("content_pages", 1.0), "zero_pages": ("zero_pages", 1.0),
            "page_bytes": ("page_bytes", 1.0)}  # fmt: skip
"""Columns of samples, and what turns them into the units of a poll."""
COURSES = DATA / "critical_courses.jsonl"


class Poll(NamedTuple):
    """One look at a running migration, in bytes and seconds since its start; NaN for what it doesn't tell.

    ``looks``: looks at the dirty pages so far (QEMU: bitmap synchronisations, 1 in the first pass).
    ``content_pages``, ``zero_pages``: pages of ``page_bytes`` sent so far with and without content.
    ``expected_blackout_ms``: QEMU's, which is its limit as long as it knows no dirty rate.
    """

    time_s: float
    sent_bytes: float
    remaining_bytes: float
    memory_bytes: float = math.nan
    looks: float = math.nan
    dirty_pages_per_s: float = math.nan
    expected_blackout_ms: float = math.nan
    content_pages: float = math.nan
    zero_pages: float = math.nan
    page_bytes: float = PAGE


def polls_of(found: Record, migration: str) -> list[Poll]:
    """The polls of one migration of a record, oldest first; those without a time or bytes are left out.

    Proxmox's log tells what was sent and not what remains.
    """
    rows = found.samples[found.samples.migration == migration]
    if "pass_number" in rows:
        return _of_counters(rows)
    if "stream_gib" not in rows:
        return []
    told: dict[str, Any] = {"time_s": rows.time_s.to_numpy(float)}
    for ours, (theirs, unit) in KNOWN_AS.items():
        if theirs in rows:
            told[ours] = rows[theirs].to_numpy(float) * unit
    told.setdefault("remaining_bytes", math.nan)
    made = pd.DataFrame(told).dropna(subset=["time_s", "sent_bytes"])
    return [Poll(**{str(n): float(v) for n, v in row.items()}) for row in made.to_dict("records")]


def _of_counters(rows: pd.DataFrame) -> list[Poll]:
    """Hyper-V's counters: what remains is what the pass had to send, less what was sent since it began.

    Where the counter of dirty pages itself comes down during a pass, it is what remains.
    """
    sent = rows[["before_compression_gib", "uncompressed_gib"]].fillna(0.0).sum(axis=1).to_numpy(float) * GIB
    result, number, begun, whole = [], math.nan, 0.0, 0.0
    for at, bytes_sent, of_pass, dirty in zip(
        rows.time_s, sent, rows.pass_number, rows.dirty_pages, strict=True
    ):
        if of_pass != number:
            number, begun, whole = of_pass, bytes_sent, dirty * PAGE
        remains = max(min(dirty * PAGE, whole - (bytes_sent - begun)), 0.0)
        if math.isfinite(remains + at) and number > 0:
            result.append(Poll(float(at), float(bytes_sent), remains, looks=float(number)))
    return result


def read_courses(path: str | Path = COURSES) -> dict[str, list[Poll]]:
    """Polls by migration from lines of the laboratory's form; TableError with file and line for others."""
    found = {}
    lines = located(path).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            course = json.loads(line)
            found[str(course["migration"])] = [_poll(*values) for values in course["polls"]]
        except (ValueError, KeyError, TypeError) as error:
            raise TableError(f"{path}, line {number}: this is no course of a migration ({error})") from None
    return found


def _poll(
    time_s: float, looks: Any, sent: Any, remaining: Any, dirty: Any, expected: Any, _throttle: Any = None
) -> Poll:
    """A poll of the laboratory's six figures, of which one that QEMU did not tell is null.

    The seventh, where it is told, is a throttle: what it does is seen in what the guest writes.
    """
    told = [math.nan if v is None else float(v) for v in (looks, sent, remaining, dirty, expected)]
    return Poll(float(time_s), told[1], told[2], math.nan, told[0], told[3], told[4])
