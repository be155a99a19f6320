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
CONTRADICTED = "contradicted"
"""How a migration ended of which one moment is told in two ways."""
SMALL_CLOCK_S = 1e-9
END_CLOCK_S = 0.5
"""The same of a migration's end: QEMU stamps it before it says that it has ended: what was asked in between
counted longer."""
ROUNDED = 1.001
"""Bytes are rounded to three decimals of their unit where text tells them."""
LEFT_SHARE = 0.01
"""More of the memory than this cannot still be due when all of it has been sent."""
RATE_DIFFERS = 2.0
"""A throughput further than this factor from bytes over time is of something else."""
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
    "storage_gib": "storage copied beside the memory [GiB]",
    "blackout_s": "pause",
}


def blank(status: str, **figures: Any) -> Sample:
    """A sample that tells nothing but ``status`` and the figures given."""
    nothing = dict.fromkeys((*SAMPLE_FIELDS, "time_s", "expected_blackout_s"), math.nan)
    return {"key": "", **nothing, "page_bytes": float(PAGE), **figures, "status": status}


def split(samples: Iterable[Sample], notes: Notes) -> list[list[Sample]]:
    """Samples by migration: by key, and anew where counting starts again; what contradicts is left out.

    ``run`` in a sample tells migrations with one key apart where its reader knows where each begins.
    """
    current: dict[Any, list[Sample]] = {}
    found: list[list[Sample]] = []
    latest: dict[Any, float] = {}
    for sample in samples:
        key = sample["key"], sample.get("run", 0)
        last = current[key][-1] if key in current else None
        if last is not None and _is_bare(sample) and last["status"] == sample["status"]:
            # Asked once more, the host says only how it ended: that is no second migration.
            continue
        if last is not None and _contradicts(last, sample):
            told = f"one moment is told as {last['status']!r} and as {sample['status']!r}"
            notes.add(f"{told}: how the migration ended is not taken", sample["source_line"])
            last["status"] = CONTRADICTED
            continue
        if last is None or _begins(last, sample):
            current[key], latest[key] = [sample], -math.inf
            found.append(current[key])
        elif sample["time_s"] < latest[key] - (END_CLOCK_S if sample["status"] in ENDED else SMALL_CLOCK_S):
            told = f"the clock goes backwards, from {latest[key]:g} s to {sample['time_s']:g} s"
            notes.add(f"{told}; this sample is left out", sample["source_line"], "the clock goes backwards")
            continue
        else:
            current[key].append(sample)
        latest[key] = max(latest[key], sample["time_s"] if _known(sample["time_s"]) else -math.inf)
    return found


def _is_bare(sample: Sample) -> bool:
    """True for a sample that tells how a migration ended and nothing else."""
    figures = ("time_s", "stream_gib", "remaining_gib", "memory_gib", "content_pages", "blackout_s")
    return sample["status"] in ENDED and not any(_known(sample.get(name)) for name in figures)


def _begins(last: Sample, sample: Sample) -> bool:
    """True where a sample belongs to another migration than the one before it."""
    if last["status"] in ENDED:
        other_bytes = _known(last["stream_gib"]) and last["stream_gib"] != sample["stream_gib"]
        return bool(sample["status"] != last["status"] or sample["time_s"] != last["time_s"] or other_bytes)
    if last["status"] == CONTRADICTED:
        return True
    fields = ("time_s", "stream_gib", "content_pages", "sync_count")
    both = [n for n in fields if _known(last.get(n)) and _known(sample.get(n))]
    other_vm = _known(last["memory_gib"]) and _known(sample["memory_gib"]) and (
        abs(last["memory_gib"] / sample["memory_gib"] - 1) > 0.01 if sample["memory_gib"] else False
    )  # fmt: skip
    return bool(other_vm) or (len(both) > 1 and all(sample[n] < last[n] for n in both))


def _contradicts(last: Sample, sample: Sample) -> bool:
    """True where two ends are told of the same moment with the same bytes."""
    ends = {last["status"], sample["status"]}
    same = last["time_s"] == sample["time_s"] and last["stream_gib"] == sample["stream_gib"]
    return same and len(ends) == 2 and ends <= {*ENDED, CONTRADICTED}


def told_once(groups: list[list[Sample]], notes: Notes) -> list[list[Sample]]:
    """Migrations without those that were recorded twice: every figure of every sample is there before."""
    seen: set[Any] = set()
    once = []
    for group in groups:
        figures = tuple(
            (s["status"], *(str(s[n]) for n in ("time_s", "stream_gib", "content_pages", "sync_count")))
            for s in group
        )
        key = (group[0]["key"], str(group[0].get("known", {})), figures)
        if key in seen and _known(group[-1]["time_s"]):
            told = f"the same recording of {group[-1]['time_s']:g} s stands here twice; it counts once"
            notes.add(told, group[0]["source_line"], "the same recording stands here twice")
            continue
        seen.add(key)
        once.append(group)
    return once


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
    if "found_pages" in now:
        return float(now["found_pages"])
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
    if done and _cannot_be(name, last, notes):
        total = pause = math.nan
    row = {"migration": name, "vm": last.get("vm", ""), "status": last["status"], "measured_total_s": total}
    if last["setup_s"] > last["time_s"]:
        told = (
            f"migration {name} has a set-up of {last['setup_s']:g} s in {last['time_s']:g} s: it is not taken"
        )
        notes.add(told, last["source_line"], "a set-up is longer than its migration")
        last = last | {"setup_s": math.nan}
    stream = _stream(name, samples, notes)
    setup = last["setup_s"] if _known(last["setup_s"]) else 0.0
    row |= {"measured_blackout_s": pause, "measured_brownout_s": max(total - pause - setup, 0.0)}
    if not _known(total - pause):
        row["measured_brownout_s"] = math.nan
    row |= {
        "measured_setup_s": last["setup_s"],
        "measured_stream_gib": stream if done else math.nan,
    }
    row["transferred_bytes"] = round(stream * 2**30) if _known(stream) else math.nan
    row["measured_throughput_gbps"] = _throughput(name, last, notes) if done else math.nan
    if last["storage_gib"] > 0:
        row["measured_storage_gib"] = last["storage_gib"]
    row |= _contents(samples, last)
    return row | {"source_file": first["source_file"], "source_line": last["source_line"]}


def _cannot_be(name: str, last: Sample, notes: Notes) -> bool:
    """True, with a note, where a completed migration tells what no completed one can."""
    due, told = last["remaining_gib"], ""
    if due > LEFT_SHARE * last["memory_gib"]:
        told = f"{due:.4g} GiB of its memory still to be sent"
    if last["time_s"] == 0:
        told = "a total time of 0 s"
    if told:
        notes.add(f"migration {name} is completed with {told}: its times are not taken", last["source_line"],
                  "a completed migration cannot be so")  # fmt: skip
    return bool(told)


def _stream(name: str, samples: list[Sample], notes: Notes) -> float:
    """Bytes sent at the end [GiB]; NaN, with a note, where an earlier sample counted more."""
    last = float(samples[-1]["stream_gib"])
    most = max((s["stream_gib"] for s in samples if _known(s["stream_gib"])), default=math.nan)
    if most > ROUNDED * last:
        told = f"the bytes that {name} sent fall from {most:.4g} to {last:.4g} GiB: they are not taken"
        notes.add(told, samples[-1]["source_line"], "bytes sent fall")
        return math.nan
    return last


def _throughput(name: str, last: Sample, notes: Notes) -> float:
    """The host's own figure; NaN, with a note, where bytes and time of the same answer make another."""
    told, made = float(last["throughput_gbps"]), last["stream_gib"] * 8 * 2**30 / 1e9
    made = made / last["time_s"] if last["time_s"] > 0 else math.nan
    if told > RATE_DIFFERS * made or told * RATE_DIFFERS < made:
        both = f"{name} tells a throughput of {told:.4g} Gbit/s, but its bytes and time make {made:.4g}"
        notes.add(f"{both}: the former is not taken", last["source_line"], "throughput and bytes differ")
        return math.nan
    return told


def _contents(samples: list[Sample], last: Sample) -> dict[str, Any]:
    """Memory, and the pages that were sent."""
    sizes = [s["memory_gib"] for s in samples if _known(s["memory_gib"]) and s["memory_gib"] > 0]
    row = {"memory_gib": sizes[-1] if sizes else math.nan}
    pages = {f"measured_{n}": last[n] * last["page_bytes"] / PAGE for n in ("content_pages", "zero_pages")}
    return row | pages | {"measured_sync_count": last["sync_count"]}


def _known(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
