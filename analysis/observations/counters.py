"""Performance counters of a Hyper-V host: the passes of a migration, what it sent, and what it lacked.

Names are those of the counter set ``Hyper-V VM Live Migration`` (facts: hyperv, section 2). What the counters
mean is not documented; how each is read here is said where it is read. Files are read row by row, so a file
of a gigabyte takes no more memory than one of a megabyte.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from analysis.observations.counter_files import Column, read_rows
from analysis.observations.counter_names import (
    ADAPTERS,
    AFTER,
    BEFORE,
    BUFFERS,
    DARK,
    DIRTY,
    IN_UNIT,
    LOST,
    MOST_PASSES,
    OF_MIGRATION,
    PASS,
    POSTED,
    SAMPLE_NAMES,
    SET,
    SMB_RATE,
    SUFFIX,
    SUM_OF_ALL,
    TCP_RATE,
    TOTALS,
    Migration,
    Recording,
)
from analysis.observations.counter_tables import as_record
from analysis.observations.lines import Progress
from analysis.observations.record import Notes, Record
from analysis.observations.tables import TableError

AS_IN_BOTH = str.maketrans("()#/", "[]__")
"""The two sets of counters write the name of one card each in its own way."""


class Reading(Recording):
    """The state of reading one file: migrations under way, those done, adapters' counts."""

    def __init__(self, path: str | Path, notes: Notes):
        super().__init__(path, notes)
        self.open: dict[str, Migration] = {}
        self.cards: dict[tuple[str, str], str] = {}
        self.counted: dict[Column, float] = {}
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
        # Adapters before interfaces: both sets of counters tell of one card.
        for (what, instance, counter), value in sorted(values.items()):
            vm = instance.removesuffix(SUFFIX)
            if value < 0:
                self.notes.add(
                    f"{counter} = {value:g}: typeperf's word for no value", line, "a value below 0"
                )
            elif counter == PASS and (value % 1 or value > MOST_PASSES):
                self.notes.add(f"{counter} = {value:g} is no number of a pass", line, "no number of a pass")
            elif vm == SUM_OF_ALL:
                told = "the instance _Total is the sum of all others and none of them: it is left out"
                self.notes.add(told, kind="the instance _Total is left out")
                continue
            elif what == SET:
                of_vm.setdefault(vm, {})[counter] = value
            elif what in ADAPTERS and counter in LOST and self._is_counted(what, instance, counter):
                self._discarded((what, instance, counter), value)
            self.known.add(counter)
        return of_vm

    def _is_counted(self, what: str, instance: str, counter: str) -> bool:
        """True for the first of the sets of counters that tell of a card; a note for another."""
        card = instance.translate(AS_IN_BOTH)
        if self.cards.setdefault((card, counter), what) == what:
            return True
        told = f"{counter} of {instance!r} stands here as {self.cards[card, counter]!r} and as {what!r}"
        self.notes.add(f"{told}: one card, counted once", kind=f"one card counted once: {card}")
        return False

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
            self.counted[column] = self.counted.get(column, 0.0) + max(more, 0.0)

    def _resumed(self, vm: str, line: int, at: float, counters: dict[str, float]) -> Migration | None:
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
        anew = vm in self.open and self._begins_anew(self.open[vm], line, counters)
        if anew:
            self.open[vm].given_up = math.isnan(self.open[vm].dark)
            self._close(vm, at)
        if vm not in self.open:
            earlier = None if anew else self._resumed(vm, line, at, counters)
            self.open[vm] = earlier or self._begun(vm, line, at)
            self.open[vm].end_seen = False
        migration = self.open[vm]
        self._pass(migration, line, at, number, counters)
        self._totals(migration, at, counters)
        values = [counters.get(n, math.nan) / IN_UNIT.get(n, 1.0) for n in SAMPLE_NAMES]
        self.samples.add((migration, at - migration.start, *values, self.file, line))

    def _begins_anew(self, migration: Migration, line: int, counters: dict[str, float]) -> bool:
        """True, with a note, where the row is of another migration: its pass or all that adds up fell."""
        ended = "given up" if math.isnan(migration.dark) else "over"
        told = f"another migration; the one before was {ended} in pass {migration.looks[-1]['number']:g}"
        if counters[PASS] < migration.looks[-1]["number"]:
            self.notes.add(f"the passes of {migration.vm} begin anew: {told}", line, "passes begin anew")
            return True
        if _fell(migration, counters):
            self.notes.add(f"the bytes of {migration.vm} begin anew: {told}", line, "bytes begin anew")
            return True
        return False

    def _begun(self, vm: str, line: int, at: float) -> Migration:
        """A migration that begins here, or, in the first row of all, began at a time that nobody saw."""
        seen = not math.isnan(self.last)
        if not seen:
            told = f"the recording begins within the migration of {vm}"
            self.notes.add(f"{told}: its totals are lower bounds and not told", line)
        return Migration(vm, line, self._between(at), at, start_seen=seen, falls=self.falls)

    def _pass(
        self, migration: Migration, line: int, at: float, number: float, counters: dict[str, float]
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

    def _totals(self, migration: Migration, at: float, counters: dict[str, float]) -> None:
        gap = at - migration.last
        migration.interval = max(migration.interval, gap)
        migration.integral += max(gap, 0.0) * (counters.get(TCP_RATE, 0.0) + counters.get(SMB_RATE, 0.0))
        for name in TOTALS:
            if name in counters:
                self._add_up(migration, name, counters[name])
        migration.latest[BUFFERS] = counters.get(BUFFERS, migration.latest.get(BUFFERS, math.nan))
        migration.least_posted = min(migration.least_posted, counters.get(POSTED, math.inf))
        migration.last = at

    def _add_up(self, migration: Migration, name: str, value: float) -> None:
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


def _fell(earlier: Migration, counters: dict[str, float]) -> bool:
    """True where all that adds up within a migration is less than it was."""
    both = [(counters[n], earlier.latest.get(n, 0.0)) for n in TOTALS if n in counters]
    counted = [(now, before) for now, before in both if before > 0]
    return bool(counted) and all(now < before for now, before in counted)


def _goes_on(earlier: Migration, counters: dict[str, float]) -> bool:
    """True where counters are of the migration before the gap: its pass or a later one.

    In the first pass only what adds up tells a migration that goes on from one that begins anew.
    """
    sums = [(counters[n], earlier.latest.get(n, math.nan)) for n in TOTALS if counters.get(n, 0) > 0]
    grown = bool(sums) and all(now >= before for now, before in sums)
    later = counters[PASS] >= earlier.looks[-1]["number"] and (counters[PASS] >= 2 or grown)
    return later and not _fell(earlier, counters)


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
    reading = Reading(path, notes)
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
    _tell_alike(reading)
    return as_record(reading)


def _wanted(column: Column) -> bool:
    """True for the columns that are read."""
    return (column[0] == SET and column[2] in OF_MIGRATION) or (column[0] in ADAPTERS and column[2] in LOST)


def _tell_alike(reading: Reading) -> None:
    """A sentence for adapters that lost packets in step: perhaps one card by two names."""
    alike: dict[tuple[str, float, float], list[str]] = {}
    for (_, instance, counter), lost in reading.counted.items():
        if lost > 0:
            last = next(v for (_, i, c), v in reading.dropped.items() if (i, c) == (instance, counter))
            alike.setdefault((counter, lost, last), []).append(instance)
    for (counter, _, _), cards in alike.items():
        if len(cards) > 1:
            told = f"{counter} of {' and '.join(map(repr, cards))} count alike"
            reading.notes.add(f"{told}: if they are one card, its discarded packets are counted twice")


def _tell_missing(reading: Reading) -> None:
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
