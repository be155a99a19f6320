"""The tables out of the records: in the form of ``data/``, a column there is the same column here."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from data.collect.laboratory.guest import Report, rate

POLLS_KEPT, POLL_VALUES = 150, 6
OF_HOTCOLD = ("hot_share_of_working_set_pct", "writes_to_hot_pct")
PERIOD_S = 1.0
"""QEMU counts dirty pages on over a period, which ends at the first synchronisation after this time."""


def migration(record: dict[str, Any]) -> dict[str, Any]:
    """The row of one migration: its configuration, then what came of it."""
    return (
        {"migration": record["key"]} | _given(record["configuration"], record["status"]) | _measured(record)
    )


def _given(one: dict[str, Any], status: str) -> dict[str, Any]:
    """The configuration's columns; what its pattern or rule has no use for stays empty."""
    row = {"group": one["group"], "status": status} | {k: v for k, v in one.items() if k != "group"}
    for name in OF_HOTCOLD:
        row[name] = one[name] if one["write_pattern"] == "hotcold" else None
    row["zipf_exponent"] = one["zipf_exponent"] if one["write_pattern"] == "zipf" else None
    row["processor_share_pct"] = one["processor_share_pct"] or None
    return row


def _measured(record: dict[str, Any]) -> dict[str, Any]:
    end, ram = record["end"], record["end"].get("ram", {})
    limits = [limit for _, limit, event in record["changes"] if event == "limit"]
    throttles = [int(event.split()[1]) for _, _, event in record["changes"] if event.startswith("throttle")]
    switched = any(event == "postcopy" for _, _, event in record["changes"])
    blocked, after = record["postcopy_blocked_ms"], _reports(record["written_after"])
    throttled = record["configuration"]["rule"] == "autoconverge"
    return {
        "total_time_s": total_s(record),
        "downtime_s": end.get("downtime", 0) / 1000,
        "setup_time_s": end.get("setup-time", 0) / 1000,
        "transferred_bytes": ram.get("transferred"),
        "precopy_bytes": ram.get("precopy-bytes"),
        "downtime_bytes": ram.get("downtime-bytes"),
        "postcopy_bytes": ram.get("postcopy-bytes"),
        "postcopy_requests": ram.get("postcopy-requests"),
        "pages_sent": ram.get("normal"),
        "zero_pages_sent": ram.get("duplicate"),
        "bitmap_syncs": ram.get("dirty-sync-count"),
        "last_limit_ms": limits[-1],
        "highest_throttle_pct": max(throttles, default=0 if throttled else None),
        "host_load": round(record["host_load"], 2),
        "qemu": record["qemu"],
        "written_pages_per_s_before": _rounded(rate(_reports(record["written_before"])[1:])),
        "written_pages_per_s_during": _rounded(rate(_reports(record["written_during"]))),
        "written_pages_per_s_after_switch": _rounded(rate(after)) if switched else None,
        "postcopy_blocked_s": blocked / 1000 if switched and blocked is not None else None,
        "processor_share_measured_pct": _rounded(record["processor_pct"][0]),
        "processor_waited_pct": _rounded(record["processor_pct"][1]),
        "accelerator": record["accelerator"],
    }  # fmt: skip


def total_s(record: dict[str, Any]) -> float:
    """How long it took [s]: as QEMU says, or up to the cancellation."""
    told = record["end"].get("total-time")
    return float(record["polls"][-1][0] if told is None else told / 1000)


def passes(record: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each synchronisation of the bitmap: when, how long to the next, pages newly found dirty."""
    times = [at for at, _ in record["syncs"]] + [max(total_s(record), record["syncs"][-1][0])]
    found = newly_dirty(record["syncs"])
    return [
        {"migration": record["key"], "sync": k, "time_s": times[k],
         "seconds_to_next": round(times[k + 1] - times[k], 4), "pages_found_dirty": found[k]}
        for k in range(len(found))
    ]  # fmt: skip


def newly_dirty(syncs: Iterable[tuple[float, int]]) -> list[int]:
    """Pages that each synchronisation found, out of a count that runs on and begins anew after each period.

    >>> newly_dirty([(0.0, 0), (0.4, 30), (0.7, 50), (1.2, 60), (1.5, 7)])
    [0, 30, 20, 10, 7]
    """
    found, before, since = [], 0, None
    for at, count in syncs:
        since = at if since is None else since
        found.append(count - before if count >= before else count)
        before = count
        if at - since > PERIOD_S:
            before, since = 0, at
    return found


def changes(record: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each change: of the limit, of the throttle, the switch to post-copy."""
    return [{"migration": record["key"], "time_s": at, "limit_ms": limit, "event": event}
            for at, limit, event in record["changes"]]  # fmt: skip


def course(record: dict[str, Any]) -> dict[str, Any]:
    """Polls, at most some 150, the last always; what the guest wrote, on source and target."""
    told = [poll[:POLL_VALUES] for poll in record["polls"]]
    kept = told[:: max(1, len(told) // POLLS_KEPT)]
    last = told[-1:] if kept[-1] != told[-1] else []
    written = record["written_before"] + record["written_during"][1:] + record["written_after"]
    return {"migration": record["key"], "polls": kept + last, "written": written}


def write(folder: Path, records: list[dict[str, Any]], prefix: str = "") -> list[Path]:
    """Write the four tables into a folder, each whole or not at all; the files, in that order."""
    made = {
        f"{prefix}migrations.csv": _csv(migration(record) for record in records),
        f"{prefix}passes.csv": _csv(row for record in records for row in passes(record)),
        f"{prefix}changes.csv": _csv(row for record in records for row in changes(record)),
        f"{prefix}courses.jsonl": "".join(_line(course(record)) for record in records),
    }
    for name, text in made.items():
        aside = folder / f".{name}.new"
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, folder / name)
    return [folder / name for name in made]


def _csv(rows: Iterable[dict[str, Any]]) -> str:
    """Rows of one form as CSV; None is an empty cell."""
    listed = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, listed[0] if listed else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(listed)
    return text.getvalue()


def _line(value: Any) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _reports(told: list[Any]) -> list[Report]:
    return [Report(*each) for each in told]
