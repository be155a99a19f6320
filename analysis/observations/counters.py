"""Performance counters of a Hyper-V host: the passes of a migration, what it sent, and what it lacked.

Names are those of the counter set ``Hyper-V VM Live Migration`` (facts: hyperv, section 2). What the counters
mean is not documented; how each is read here is said where it is read. Files are read row by row, so a file
of a gigabyte takes no more memory than one of a megabyte.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.observations.counter_files import Column, read_rows
from analysis.observations.lines import Progress
from analysis.observations.record import SAMPLE_COLUMNS, Notes, Record, record, table
from analysis.observations.tables import TableError

KIND = "performance counters"
STOP_RULE = "hyperv"
"""Who writes these counters; an older Windows, whose passes end otherwise, the reader has to name."""
SET = "hyper-v vm live migration"
SUFFIX = ":vm live migration"
PASS, DIRTY, DARK = "transfer pass: number", "transfer pass: dirty page count", "transfer pass: is blackout"
BEFORE = "memory walker: bytes sent for compression"
AFTER = "compressor: compressed bytes sent"
PLAIN = "memory walker: uncompressed bytes sent"
SMB = "smb transport: bytes sent"
TCP_RATE, SMB_RATE = "tcp transport: bytes sent/sec", "smb transport: bytes sent/sec"
POSTED, BUFFERS = "tcp transport: posted receive buffer count", "tcp transport: total buffer count"
OF_MIGRATION = (PASS, DIRTY, DARK, BEFORE, AFTER, PLAIN, SMB, TCP_RATE, SMB_RATE, POSTED, BUFFERS)
ADAPTERS = ("network adapter", "network interface")
LOST = {"packets received discarded": "discarded_received_packets",
        "packets outbound discarded": "discarded_sent_packets"}  # fmt: skip
TOTALS = (BEFORE, AFTER, PLAIN, SMB)
"""Counters that add up."""
MOST_SAMPLES = 100_000
"""Samples that are kept; of a longer recording every second, fourth, ... one."""
GIB = 2.0**30
MOST_PASSES = 1_000_000
"""A number of a pass beyond which it is none."""
SAMPLE_NAMES = {PASS: "pass_number", DIRTY: "dirty_pages", DARK: "is_blackout",
                BEFORE: "before_compression_gib", AFTER: "compressed_gib", PLAIN: "uncompressed_gib",
                TCP_RATE: "throughput_gbps", POSTED: "posted_receive_buffers"}  # fmt: skip
IN_UNIT = {BEFORE: GIB, AFTER: GIB, PLAIN: GIB, TCP_RATE: 1e9 / 8}
SAMPLE_TABLE = (*SAMPLE_COLUMNS[:2], *SAMPLE_NAMES.values(), *SAMPLE_COLUMNS[2:])


@dataclass
class _Migration:
    """One migration while its rows go by."""

    vm: str
    line: int
    start: float
    last: float
    end: float = math.nan
    looks: list[dict[str, Any]] = field(default_factory=list)
    dark: float = math.nan
    running: int = MOST_PASSES
    base: dict[str, float] = field(default_factory=dict)
    latest: dict[str, float] = field(default_factory=dict)
    integral: float = 0.0
    least_posted: float = math.inf
    lost: dict[str, float] = field(default_factory=dict)
    clock_holds: bool = True
    falls: int = 0
    interval: float = 0.0
    end_seen: bool = False
    start_seen: bool = True

    @property
    def whole(self) -> bool:
        """True where begin and end were recorded, by a clock that went forwards."""
        return self.start_seen and self.end_seen and self.clock_holds


class _Samples:
    """Samples in bounded memory: every second one goes when there are too many."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.step, self.seen = 1, 0

    def add(self, row: tuple[Any, ...]) -> None:
        if self.seen % self.step == 0:
            self.rows.append(row)
        self.seen += 1
        if len(self.rows) > MOST_SAMPLES:
            self.rows, self.step = self.rows[::2], self.step * 2


class _Reading:
    """The state of reading one file: migrations under way, those done, adapters' counts."""

    def __init__(self, path: str | Path, notes: Notes):
        self.file, self.notes = Path(path).name, notes
        self.open: dict[str, _Migration] = {}
        self.done: list[_Migration] = []
        self.samples = _Samples()
        self.known: set[str] = set()
        self.base: dict[str, dict[str, float]] = {}
        self.last = math.nan
        self.dropped: dict[Column, float] = {}
        self.falls = 0

    def row(self, line: int, at: float, values: dict[Column, float]) -> None:
        if at < self.last:
            self._clock_goes_back(line, at)
        of_vm = self._by_machine(line, values)
        for vm, counters in of_vm.items():
            if not counters.get(PASS, 0) > 0:
                self.base.setdefault(vm, {}).update({n: v for n, v in counters.items() if n in TOTALS})
        for vm in [vm for vm in self.open if not of_vm.get(vm, {}).get(PASS, 0) > 0]:
            self._close(vm, at)
        for vm, counters in of_vm.items():
            if counters.get(PASS, 0) > 0:
                self._step(vm, line, at, counters)
        self.last = at

    def _by_machine(self, line: int, values: dict[Column, float]) -> dict[str, dict[str, float]]:
        """The counters of each machine's migration in one row; what adapters discarded is added up."""
        of_vm: dict[str, dict[str, float]] = {}
        for (what, instance, counter), value in values.items():
            if value < 0:
                self.notes.add(
                    f"{counter} = {value:g}: typeperf's word for no value", line, "a value below 0"
                )
            elif counter == PASS and (value % 1 or value > MOST_PASSES):
                self.notes.add(f"{counter} = {value:g} is no number of a pass", line, "no number of a pass")
            elif what == SET:
                of_vm.setdefault(instance.removesuffix(SUFFIX), {})[counter] = value
            elif what in ADAPTERS and counter in LOST:
                self._discarded((what, instance, counter), value)
            self.known.add(counter)
        return of_vm

    def _between(self, at: float) -> float:
        """What changed between two rows is taken to have changed half-way."""
        return (self.last + at) / 2 if self.last <= at else at

    def _clock_goes_back(self, line: int, at: float) -> None:
        self.falls += 1
        told = f"the clock goes backwards by {self.last - at:g} s"
        if self.open:
            told += f"; how long {', '.join(sorted(self.open))} took is therefore not told"
        self.notes.add(told, line, "the clock goes backwards")
        for migration in self.open.values():
            migration.clock_holds = False

    def _discarded(self, column: Column, value: float) -> None:
        """Add what an adapter discarded since the row before to every migration under way."""
        before = self.dropped.get(column)
        self.dropped[column] = value
        for migration in self.open.values():
            name = LOST[column[2]]
            more = value - before if before is not None else 0.0
            if more < 0:
                self.notes.add(f"{column[2]} of {column[1]!r} falls: discarded packets are a lower bound")
            migration.lost[name] = migration.lost.get(name, 0.0) + max(more, 0.0)

    def _resumed(self, vm: str, line: int, at: float, counters: dict[str, float]) -> _Migration | None:
        """The last migration of a machine, where a row without its counters was only a gap."""
        earlier = next((m for m in reversed(self.done) if m.vm == vm), None)
        if earlier is None or not _goes_on(earlier, counters):
            return None
        told = f"the counters of {vm} were gone and are back in pass {counters[PASS]:g}: taken as a gap"
        self.notes.add(told, line, "a gap in the counters")
        # Within the gap too the clock may have gone back, and forth again.
        earlier.clock_holds = earlier.clock_holds and earlier.falls == self.falls
        self.done.remove(earlier)
        # A copy: rows without a pass number change what the next migration begins from, not this one.
        self.base[vm] = dict(earlier.base)
        return earlier

    def _close(self, vm: str, at: float) -> None:
        """A migration ends with the first row in which its counters are gone."""
        migration = self.open.pop(vm)
        self.base[vm] = dict(migration.latest)
        migration.end_seen, migration.end = True, (migration.last + at) / 2
        migration.interval = max(migration.interval, at - migration.last)
        self.done.append(migration)

    def _step(self, vm: str, line: int, at: float, counters: dict[str, float]) -> None:
        number = counters[PASS]
        if vm in self.open and number < self.open[vm].looks[-1]["number"]:
            self.notes.add(f"the passes of {vm} begin anew: another migration", line, "passes begin anew")
            self._close(vm, at)
        if vm not in self.open:
            self.open[vm] = self._resumed(vm, line, at, counters) or self._begun(vm, line, at)
            self.open[vm].end_seen = False
        migration = self.open[vm]
        self._pass(migration, line, at, number, counters)
        self._totals(migration, at, counters)
        values = [counters.get(n, math.nan) / IN_UNIT.get(n, 1.0) for n in SAMPLE_NAMES]
        self.samples.add((migration, at - migration.start, *values, self.file, line))

    def _begun(self, vm: str, line: int, at: float) -> _Migration:
        """A migration that begins here, or, in the first row of all, began at a time that nobody saw."""
        seen = not math.isnan(self.last)
        if not seen:
            told = f"the recording begins within the migration of {vm}"
            self.notes.add(f"{told}: its totals are lower bounds and not told", line)
        return _Migration(vm, line, self._between(at), at, start_seen=seen, falls=self.falls)

    def _pass(
        self, migration: _Migration, line: int, at: float, number: float, counters: dict[str, float]
    ) -> None:
        looks = migration.looks
        if not looks or number > looks[-1]["number"]:
            if looks and number > looks[-1]["number"] + 1:
                missed = f"passes {looks[-1]['number'] + 1:g} to {number - 1:g} of {migration.vm}"
                self.notes.add(f"{missed} fell between two samples", line, "passes fell between two samples")
            elif not looks and number > 1:
                self.notes.add(f"what is recorded of {migration.vm} begins in pass {number:g}", line)
            start = self._between(at) if looks else migration.start
            looks.append({"number": number, "start": start, "line": line, "dirty": math.nan})
        if DIRTY in counters:
            looks[-1]["dirty"] = counters[DIRTY]
        if counters.get(DARK, 0) > 0 and math.isnan(migration.dark):
            migration.dark = max(self._between(at), migration.start)
            # A pass that begins with the pause is none.
            migration.running = max(len(looks) - (looks[-1]["line"] == line), 1)

    def _totals(self, migration: _Migration, at: float, counters: dict[str, float]) -> None:
        gap = at - migration.last
        migration.interval = max(migration.interval, gap)
        migration.integral += max(gap, 0.0) * (counters.get(TCP_RATE, 0.0) + counters.get(SMB_RATE, 0.0))
        for name in TOTALS:
            if name in counters:
                self._add_up(migration, name, counters[name])
        migration.latest[BUFFERS] = counters.get(BUFFERS, migration.latest.get(BUFFERS, math.nan))
        migration.least_posted = min(migration.least_posted, counters.get(POSTED, math.inf))
        migration.last = at

    def _add_up(self, migration: _Migration, name: str, value: float) -> None:
        """Keep the latest of a counter that adds up; one that falls tells nothing (NaN is kept)."""
        if name not in migration.latest:
            before = self.base.get(migration.vm, {}).get(name, 0.0)
            migration.base[name] = before if value >= before else 0.0
        latest = migration.latest.get(name, 0.0)
        if value < latest:
            self.notes.add(
                f"{name} of {migration.vm} falls: what it adds up to is not told", kind=f"{name} falls"
            )
        migration.latest[name] = math.nan if value < latest or math.isnan(latest) else value


def _goes_on(earlier: _Migration, counters: dict[str, float]) -> bool:
    """True where counters are of the migration before the gap: its pass or a later one.

    In the first pass only what adds up tells a migration that goes on from one that begins anew.
    """
    sums = [(counters[n], earlier.latest.get(n, math.nan)) for n in TOTALS if counters.get(n, 0) > 0]
    grown = bool(sums) and all(now >= before for now, before in sums)
    return counters[PASS] >= earlier.looks[-1]["number"] and (counters[PASS] >= 2 or grown)


def read_counters(
    path: str | Path, *, names: Mapping[str, str] | None = None, progress: Progress | None = None
) -> Record:
    """Migrations, passes and samples from performance counters.

    ``names``: English names by those of a translated Windows. A migration begins with the first row in which
    its pass number is above 0 and ends with the first in which it is not. What changed between two rows is
    taken to have changed half-way, so times are known to the recording's interval, ``measured_within_s``.
    Raises TableError for what is no counter file.
    """
    notes = Notes(path)
    reading = _Reading(path, notes)
    english = {local.strip().lower(): name.strip().lower() for local, name in (names or {}).items()}
    rows = 0
    for line, at, values in read_rows(path, english, _wanted, notes, progress):
        reading.row(line, at, values)
        rows += 1
    if not rows:
        raise TableError(
            f"{path} holds no row of counters" + "".join(f" ({n})" for n in notes.sentences()[:1])
        )
    for vm in list(reading.open):
        notes.add(
            f"the recording ends before the migration of {vm}: its totals are lower bounds and not told"
        )
        reading.done.append(reading.open.pop(vm))
    _tell_missing(reading)
    return _as_record(reading)


def _wanted(column: Column) -> bool:
    """True for the columns that are read."""
    return (column[0] == SET and column[2] in OF_MIGRATION) or (column[0] in ADAPTERS and column[2] in LOST)


def _tell_missing(reading: _Reading) -> None:
    """Plain sentences for counters that are not there."""
    notes, known = reading.notes, reading.known
    if PASS not in known:
        notes.add(
            "there is no counter 'Transfer Pass: Number': no migration can be told apart; on a Windows in "
            "another language give the names of its counters (--name 'LOCAL=ENGLISH')"
        )
        return
    meanings = {DIRTY: "dirty pages are not told", DARK: "the start of the blackout is not told",
                POSTED: "posted receive buffers are not told"}  # fmt: skip
    for name, meaning in meanings.items():
        if name not in known:
            notes.add(f"there is no counter {name.capitalize()!r}: {meaning}")
    if not {BEFORE, AFTER} <= known:
        notes.add("there are no counters of bytes before and after compression: the ratio is not told")
    if not known & set(LOST):
        notes.add(
            "there is no counter of discarded packets of an adapter: whether buffers ran out is not told"
        )
    if reading.samples.step > 1:
        notes.add(f"of the samples one in {reading.samples.step} is kept; passes and totals are of all")


def _as_record(reading: _Reading) -> Record:
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


def _row(key: str, migration: _Migration, reading: _Reading) -> dict[str, Any]:
    """The row of a migration; what cannot be told is NaN."""
    whole = migration.whole
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
    row: dict[str, Any] = {
        "migration": key,
        "vm": migration.vm,
        "status": "completed" if migration.end_seen else "not ended",
    }
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


def _tell_unseen(migration: _Migration, notes: Notes) -> None:
    """A migration without any sample in its blackout; nothing tells such a one from one that was given up."""
    told = f"no sample of {migration.vm} fell into its blackout: it was shorter than the interval"
    notes.add(f"{told}, or the migration was given up", migration.line, "no sample fell into the blackout")


def _transport(migration: _Migration) -> str | None:
    """What carried the memory, by the counters that rose; None where none did."""
    carried = {"smb": SMB, "compression": AFTER, "tcpip": PLAIN}
    return next((name for name, counter in carried.items() if _added(migration, counter) > 0), None)


def _added(migration: _Migration, name: str) -> float:
    """What a counter added up to during the migration; NaN where it is not told."""
    return migration.latest.get(name, math.nan) - migration.base.get(name, 0.0)


def _stream(migration: _Migration) -> tuple[float, str]:
    """Bytes sent, from counters that add up, else from the rate; and a sentence where it is the latter."""
    sent = [_added(migration, n) for n in (AFTER, PLAIN) if n in migration.latest]
    if migration.latest.get(SMB, 0) > 0:
        return _added(migration, SMB), ""
    if sent:
        return math.fsum(sent), ""
    if migration.integral > 0:
        return migration.integral, "no counter adds up the bytes sent; they are the sum of the rate over time"
    return math.nan, "no counter tells the bytes sent"


def _compressed(migration: _Migration) -> dict[str, float]:
    before, after = _added(migration, BEFORE), _added(migration, AFTER)
    ratio = before / after if after > 0 else math.nan
    row = {"measured_before_compression_gib": before / GIB, "measured_compressed_gib": after / GIB}
    return row | {"measured_compression_ratio": ratio}


def _buffers(migration: _Migration) -> dict[str, float]:
    least = migration.least_posted if math.isfinite(migration.least_posted) else math.nan
    row = {"posted_receive_buffers_least": least, "total_buffers": migration.latest.get(BUFFERS, math.nan)}
    return row | {name: migration.lost.get(name, math.nan) for name in LOST.values()}


def _looks(key: str, migration: _Migration, file: str) -> list[dict[str, Any]]:
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
