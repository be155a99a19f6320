"""Samples of a migration, as QEMU and libvirt tell them, into migrations and passes.

A sample says how many pages were sent so far and how much remains. Between two samples nothing is lost:
pages found dirty are what remains now, less what remained, plus what was sent meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from analysis.observations.record import Notes

ENDED = ("completed", "failed", "cancelled")
SMALL_CLOCK_S = 1e-9
PAGE = 4096
"""Bytes of a page as the study counts pages; some hosts have larger ones."""

Sample = dict[str, Any]
"""``key`` tells migrations apart where the file does; the other fields are those of ``SAMPLE_FIELDS``."""
SAMPLE_FIELDS = {
    "status": "status",
    "stream_gib": "bytes sent so far [GiB]",
    "remaining_gib": "memory still to be sent [GiB]",
    "memory_gib": "memory of the virtual machine [GiB]",
    "content_pages": "pages with content sent so far",
    "zero_pages": "zero pages sent so far",
    "sync_count": "looks at the dirty pages so far",
    "dirty_pages_per_s": "the host's own estimate of the dirty-page rate",
    "throughput_gbps": "the host's own figure",
    "setup_s": "set-up",
    "blackout_s": "pause",
}


def split(samples: Iterable[Sample], notes: Notes) -> list[list[Sample]]:
    """Samples by migration: by key, and anew where counting starts again; what contradicts is left out."""
    current: dict[str, list[Sample]] = {}
    found: list[list[Sample]] = []
    latest: dict[str, float] = {}
    for sample in samples:
        key = sample["key"]
        last = current[key][-1] if key in current else None
        if last is None or _begins(last, sample):
            current[key], latest[key] = [sample], -math.inf
            found.append(current[key])
        elif sample["time_s"] < latest[key] - SMALL_CLOCK_S:
            told = f"the clock goes backwards, from {latest[key]:g} s to {sample['time_s']:g} s"
            notes.add(f"{told}; this sample is left out", sample["source_line"], "the clock goes backwards")
            continue
        else:
            current[key].append(sample)
        latest[key] = max(latest[key], sample["time_s"] if _known(sample["time_s"]) else -math.inf)
    return found


def _begins(last: Sample, sample: Sample) -> bool:
    """True where a sample belongs to another migration than the one before it."""
    if last["status"] in ENDED:
        return bool(sample["status"] != last["status"] or sample["time_s"] != last["time_s"])
    fields = ("time_s", "stream_gib", "content_pages", "sync_count")
    both = [n for n in fields if _known(last.get(n)) and _known(sample.get(n))]
    other_vm = _known(last["memory_gib"]) and _known(sample["memory_gib"]) and (
        abs(last["memory_gib"] / sample["memory_gib"] - 1) > 0.01 if sample["memory_gib"] else False
    )  # fmt: skip
    return bool(other_vm) or (len(both) > 1 and all(sample[n] < last[n] for n in both))


def passes_of(name: str, samples: list[Sample], notes: Notes) -> list[dict[str, Any]]:
    """A row a look at the dirty pages, numbered from 0 (the start); a pass that no sample shows is told.

    ``time_within_s``: how long before ``time_s`` the look may have been.
    """
    seen = [s for s in samples if _known(s.get("sync_count")) and _known(s["time_s"])]
    if not seen:
        notes.add("no sample counts the looks at the dirty pages: passes are not told")
        return []
    rows, last = [], None
    for sample in seen:
        if last is None or sample["sync_count"] > last["sync_count"]:
            rows.append(_look(name, last, sample, notes))
        elif sample["sync_count"] < last["sync_count"]:
            notes.add("the count of passes falls; this sample is left out", sample["source_line"])
            continue
        last = sample
    end = seen[-1]["time_s"]
    for row, after in zip(rows, [*(r["time_s"] for r in rows[1:]), end], strict=True):
        row["duration_s"] = after - row["time_s"]
    return rows


def _look(name: str, last: Sample | None, now: Sample, notes: Notes) -> dict[str, Any]:
    """The row of one look; looks are counted from 1 by the host, from 0 here."""
    number = int(now["sync_count"]) - 1
    row = {"migration": name, "pass_number": max(number, 0), "time_s": now["time_s"], "duration_s": math.nan}
    row |= {name: now[name] for name in ("source_file", "source_line")}
    if last is None:
        if number > 0:
            notes.add(
                f"the first sample is of pass {number}: what came before was not recorded",
                now["source_line"],
                "the first sample comes late",
            )
        return row | {"dirtied_pages": 0.0 if number <= 0 else math.nan, "time_within_s": math.nan}
    row |= {"time_within_s": now["time_s"] - last["time_s"], "dirtied_pages": _found_dirty(last, now)}
    if now["sync_count"] - last["sync_count"] > 1:
        told = f"{now['sync_count'] - last['sync_count']:g} looks at the dirty pages fell between two samples"
        notes.add(
            f"{told}: what each found is not told", now["source_line"], "looks fell between two samples"
        )
        row["dirtied_pages"] = math.nan
    return row


def _found_dirty(last: Sample, now: Sample) -> float:
    """Pages of 4 KiB found dirty between two samples; NaN where a figure is missing or figures contradict."""
    size = now["page_bytes"]
    sent = _plus(now["content_pages"], now["zero_pages"]) - _plus(last["content_pages"], last["zero_pages"])
    found = ((now["remaining_gib"] - last["remaining_gib"]) * 2**30 + sent * size) / PAGE
    # Sizes are rounded where they are written, so nothing found may come out a little below 0.
    return max(round(found, 3), 0.0) if found >= -0.5 else math.nan


def _plus(content: float, zero: float) -> float:
    return content + (zero if _known(zero) else 0.0)


def migration_of(name: str, samples: list[Sample], notes: Notes) -> dict[str, Any]:
    """The row of one migration, from its last sample; totals only of one that was completed."""
    last, first = samples[-1], samples[0]
    done = last["status"] == "completed"
    if last["status"] not in ENDED:
        told = f"migration {name} ends as {last['status']!r}: its totals are not known"
        notes.add(told, last["source_line"], "a migration has no end")
    total, pause = (last["time_s"], last["blackout_s"]) if done else (math.nan, math.nan)
    for what, value in (("total time", total), ("downtime", pause)):
        if done and not _known(value):
            notes.add(f"migration {name} has no {what}", last["source_line"], f"there is no {what}")
    if pause > total:
        told = f"migration {name} has a downtime of {pause:g} s in {total:g} s: neither is taken"
        notes.add(told, last["source_line"], "a downtime is longer than its migration")
        total = pause = math.nan
    row = {"migration": name, "vm": last.get("vm", ""), "status": last["status"], "measured_total_s": total}
    setup = last["setup_s"] if _known(last["setup_s"]) else 0.0
    row |= {"measured_blackout_s": pause, "measured_brownout_s": max(total - pause - setup, 0.0)}
    if not _known(total - pause):
        row["measured_brownout_s"] = math.nan
    row |= {
        "measured_setup_s": last["setup_s"],
        "measured_stream_gib": last["stream_gib"] if done else math.nan,
    }
    row["transferred_bytes"] = round(last["stream_gib"] * 2**30) if _known(last["stream_gib"]) else math.nan
    row["measured_throughput_gbps"] = last["throughput_gbps"] if done else math.nan
    row |= _contents(samples, last)
    return row | {"source_file": first["source_file"], "source_line": last["source_line"]}


def _contents(samples: list[Sample], last: Sample) -> dict[str, Any]:
    """Memory, and the pages that were sent."""
    sizes = [s["memory_gib"] for s in samples if _known(s["memory_gib"]) and s["memory_gib"] > 0]
    row = {"memory_gib": sizes[-1] if sizes else math.nan}
    pages = {f"measured_{n}": last[n] * last["page_bytes"] / PAGE for n in ("content_pages", "zero_pages")}
    return row | pages | {"measured_sync_count": last["sync_count"]}


def _known(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
