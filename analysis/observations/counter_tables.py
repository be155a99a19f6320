"""Tables of the migrations that counters tell of; what cannot be told is missing in them."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from analysis.observations.counter_names import (
    AFTER,
    BEFORE,
    BUFFERS,
    DARK,
    GIB,
    KIND,
    LOST,
    PAGE,
    PLAIN,
    SAMPLE_TABLE,
    SMB,
    STOP_RULE,
    Migration,
    Recording,
)  # fmt: skip
from analysis.observations.record import Notes, Record, record, table


def as_record(reading: Recording) -> Record:
    reading.done.sort(key=lambda m: m.line)
    count: dict[str, int] = {}
    keys: dict[int, str] = {}
    migrations, passes = [], []
    for migration in reading.done:
        count[migration.vm] = count.get(migration.vm, 0) + 1
        again = sum(m.vm == migration.vm for m in reading.done) > 1
        key = f"{migration.vm or 'unnamed'} {count[migration.vm]}" if again else migration.vm or "unnamed"
        keys[id(migration)] = key
        migrations.append(_row(key, migration, reading))
        passes += _looks(key, migration, reading.file)
    rows = [
        (keys[id(m)], time_s if m.clock_holds else math.nan, *others)
        for m, time_s, *others in reading.samples.rows
    ]
    samples = pd.DataFrame(rows, columns=list(SAMPLE_TABLE)) if rows else table([], SAMPLE_TABLE)
    return record(KIND, reading.notes, migrations, passes, samples)


def _row(key: str, migration: Migration, reading: Recording) -> dict[str, Any]:
    """The row of a migration; what cannot be told is NaN."""
    status = _status(migration, reading)
    whole = migration.whole and status == "completed"
    end = migration.end if whole else migration.last
    total = end - migration.start if whole else math.nan
    dark = end - migration.dark if whole else math.nan
    stream, how = _stream(migration)
    if whole and migration.interval > 0:
        reading.notes.add(
            f"times of {migration.vm} are known to {migration.interval:g} s, the interval of the recording",
            migration.line,
            "times are known to the interval of the recording",
        )
    if whole and DARK in reading.known and math.isnan(migration.dark):
        _tell_unseen(migration, reading.notes)
    if how:
        reading.notes.add(f"{migration.vm}: {how}", kind=how)
    row: dict[str, Any] = {"migration": key, "vm": migration.vm, "status": status}
    row |= {"stop_rule": STOP_RULE, "transport": _transport(migration)}
    row |= {"began": str(pd.Timestamp(round(migration.start * 1000), unit="ms")), "measured_total_s": total}
    row |= {"measured_brownout_s": total - dark, "measured_blackout_s": dark}
    row |= {
        "measured_stream_gib": stream / GIB if whole else math.nan,
        "transferred_bytes": stream if whole else math.nan,
    }
    row |= {"measured_throughput_gbps": stream * 8e-9 / total if total > 0 else math.nan}
    row |= {"measured_within_s": migration.interval, "observed_for_s": end - migration.start}
    if not migration.clock_holds:
        row["observed_for_s"] = math.nan
    row |= _compressed(migration) | _buffers(migration)
    return row | {"source_file": reading.file, "source_line": migration.line}


def _status(migration: Migration, reading: Recording) -> str:
    """How a migration ended, by what says so: its blackout does, and its counters' end alone does not."""
    if not migration.end_seen:
        return "not ended"
    if migration.given_up:
        return "given up"
    if math.isfinite(migration.dark) or (DARK in reading.known and _could_end(migration)):
        return "completed"
    told = f"nothing says that the migration of {migration.vm} completed"
    left = migration.looks[-1]["dirty"]
    told += f": its counters end in pass {migration.looks[-1]['number']:g}"
    told += f" with {left:,.0f} dirty pages" if math.isfinite(left) else ""
    told += "" if DARK in reading.known else " ('Transfer Pass: Is blackout' would)"
    reading.notes.add(told, migration.line, "nothing says that a migration completed")
    return "end not told"


def _could_end(migration: Migration) -> bool:
    """True where the pages left at the last row could be sent before the next: no sample had to see it."""
    left = migration.looks[-1]["dirty"] * PAGE
    memory = sum(v for n in (BEFORE, PLAIN, SMB) if math.isfinite(v := _added(migration, n)))
    taken = migration.last - migration.start
    if not (math.isfinite(left) and memory > 0 and taken > 0):
        return True
    return bool(left * taken <= 2 * migration.interval * memory)


def _tell_unseen(migration: Migration, notes: Notes) -> None:
    """A migration without any sample in its blackout; nothing tells such a one from one that was given up."""
    told = f"no sample of {migration.vm} fell into its blackout: it was shorter than the interval"
    notes.add(f"{told}, or the migration was given up", migration.line, "no sample fell into the blackout")


def _transport(migration: Migration) -> str | None:
    """What carried the memory, by the counters that rose; None where none did."""
    carried = {"smb": SMB, "compression": AFTER, "tcpip": PLAIN}
    return next((name for name, counter in carried.items() if _added(migration, counter) > 0), None)


def _added(migration: Migration, name: str) -> float:
    """What a counter added up to during the migration; NaN where it is not told."""
    return migration.latest.get(name, math.nan) - migration.base.get(name, 0.0)


def _stream(migration: Migration) -> tuple[float, str]:
    """Bytes sent, from counters that add up, else from the rate; and a sentence where it is the latter."""
    sent = [_added(migration, n) for n in (AFTER, PLAIN) if n in migration.latest]
    if migration.latest.get(SMB, 0) > 0:
        return _added(migration, SMB), ""
    if sent:
        return math.fsum(sent), ""
    if migration.integral > 0:
        return migration.integral, "no counter adds up the bytes sent; they are the sum of the rate over time"
    return math.nan, "no counter tells the bytes sent"


def _compressed(migration: Migration) -> dict[str, float]:
    before, after = _added(migration, BEFORE), _added(migration, AFTER)
    ratio = before / after if after > 0 else math.nan
    row = {"measured_before_compression_gib": before / GIB, "measured_compressed_gib": after / GIB}
    return row | {"measured_compression_ratio": ratio}


def _buffers(migration: Migration) -> dict[str, float]:
    least = migration.least_posted if math.isfinite(migration.least_posted) else math.nan
    row = {"posted_receive_buffers_least": least, "total_buffers": migration.latest.get(BUFFERS, math.nan)}
    return row | {name: migration.lost.get(name, math.nan) for name in LOST.values()}


def _looks(key: str, migration: Migration, file: str) -> list[dict[str, Any]]:
    """Ends of passes, as the study counts them: row n is the end of pass n, row 0 the start.

    The dirty pages of pass n are the last count while n was the pass. The pause is no pass.
    """
    running = migration.looks[: migration.running]
    starts = [p["start"] for p in running]
    end = migration.end if migration.end_seen else migration.last
    stop = migration.dark if math.isfinite(migration.dark) else end
    numbers = [running[0]["number"] - 1, *(p["number"] for p in running)]
    times = [*starts, stop]
    dirty = [0.0 if numbers[0] == 0 else math.nan, *(p["dirty"] for p in running)]
    lines = [running[0]["line"], *(p["line"] for p in running)]
    lasts = [*times[1:], end]
    holds, begun = migration.clock_holds, migration.clock_holds and migration.start_seen
    return [
        {"migration": key, "pass_number": int(n), "time_s": t - times[0] if begun else math.nan,
         "duration_s": after - t if begun or (holds and t > times[0]) else math.nan, "dirtied_pages": d,
         "source_file": file, "source_line": line}
        for n, t, after, d, line in zip(numbers, times, lasts, dirty, lines, strict=True)
    ]  # fmt: skip
