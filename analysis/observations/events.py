"""Hyper-V's events of live migrations: how long brownout and blackout lasted.

Of the texts of events 22507 to 22509, 20415 and 20417 only the last one's is published, and the unit of their
properties is not documented. So a figure is taken where its unit stands beside it, in a
property or in the message, or where a pattern of the user's finds it; a bare number is told in a note and not
used.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.errors import UserError
from analysis.observations.counter_names import STOP_RULE
from analysis.observations.durations import (
    BEGUN,
    COUNT_OF_PAGES,
    DURATION,
    durations,
    number_of,
    without_names,
)
from analysis.observations.event_files import Event, read_event_file
from analysis.observations.lines import Progress
from analysis.observations.record import Notes, Record, record
from analysis.observations.tables import TableError

KIND = "events of live migrations"
ABOUT = {22507: "total", 22508: "brownout", 22509: "blackout", 20415: "blackout", 20417: "blackout"}
"""The duration that an event tells of."""
SUCCEEDED, CLUSTERS = (20415, 20417, 20418), (21125, 21501, 21502)
FAILED = (21024, 21111, *CLUSTERS)
"""Failures; those of the failover cluster count where their message speaks of a migration."""
IDS = (*ABOUT, 20418, *FAILED)
APART_S = 3600.0
"""Events of one machine further apart than this are of two migrations."""
TOGETHER_S = 60.0
"""Events of one end are this close where no duration tells when what they are about began."""
STAMP_S = 1.0
"""Stamps are written to the second."""
TOTAL_TOLD = 22507
FROM_THE_START = (22507, 22508)
"""What these are about began with the migration."""
DIFFERS = 0.1
LIMIT_REACHED = re.compile(r"migration limit \W?(\d{1,4})\W? was reached", re.IGNORECASE)
UNITS = {"s": 1.0, "ms": 1e-3}
BARE = re.compile(r"\d+(?:[.,]\d+)*")
GROUPS = {f"{what}_{unit}" for what in ("total", "brownout", "blackout") for unit in UNITS} | {
    "dirty_pages",
    "vm",
}


def read_events(path: str | Path, *, pattern: str | None = None, progress: Progress | None = None) -> Record:
    """Migrations from an event log, a row each, and a row an event as samples.

    ``pattern``: a regular expression with the named groups ``total_s``, ``brownout_ms``, ``blackout_s`` and
    the like (seconds or milliseconds), ``dirty_pages`` and ``vm``; it is searched in each message, or where
    there is none in the properties joined by ``|``. Raises UserError for a pattern that cannot be used and
    TableError for a file without events.
    """
    notes, search = Notes(path), compiled(pattern)
    events: list[Told] = []
    seen: set[Event] = set()
    others = 0
    for event in read_event_file(path, notes, progress):
        meant = event.id in IDS and (event.id not in CLUSTERS or "migrat" in event.message.lower())
        if meant and not _is_twice(event, seen, notes):
            events.append((event, _figures(event, search, notes)))
        others += not meant
    if not events and not others:
        raise TableError(f"{path} holds no event" + "".join(f" ({note})" for note in notes.sentences()[:1]))
    if not events:
        notes.add(f"none of its {others} events is of a live migration ({', '.join(map(str, IDS))})")
    return _as_record(_in_time(events, notes), Path(path).name, notes)


def compiled(pattern: str | None) -> re.Pattern[str] | None:
    """A pattern that finds figures in messages; UserError for one that cannot be used."""
    if pattern is None:
        return None
    try:
        search = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise UserError(f"the pattern {pattern!r} is no regular expression: {error}") from None
    unknown = set(search.groupindex) - GROUPS
    if unknown or not search.groupindex:
        wrong = f"has the group {sorted(unknown)[0]!r}" if unknown else "has no named group"
        raise UserError(f"the pattern {pattern!r} {wrong}; groups are {', '.join(sorted(GROUPS))}")
    return search


def _is_twice(event: Event, seen: set[Event], notes: Notes) -> bool:
    """True, with a note, for an event that was there with all it tells, as where exports overlap."""
    told = replace(event, line=0)
    if event.time_s is not None and told in seen:
        notes.add(f"event {event.id} stands here twice; it counts once", event.line, "an event stands twice")
        return True
    seen.add(told)
    return False


def _figures(event: Event, search: re.Pattern[str] | None, notes: Notes) -> dict[str, Any]:
    """What one event tells, in seconds and pages."""
    match = search.search(event.message or "|".join(event.properties)) if search else None
    if match:
        return _by_pattern(event, match, notes)
    what = ABOUT.get(event.id)
    found: dict[str, Any] = {f"{what}_s": _duration(event, notes)} if what else {}
    pages = _pages(_without_names(event))
    if event.id == 22509 and len(pages) == 1:
        found["dirty_pages"] = pages[0]
        if math.isnan(pages[0]):
            notes.add("its number of pages can be read in two ways", event.line, "pages in two ways")
    return found


def _pages(text: str) -> list[float]:
    """Counts of pages in a text; NaN for one that can be read in two ways."""
    found = [(m, number_of(m[1])) for m in COUNT_OF_PAGES.finditer(text)]
    return [math.nan if BEGUN.search(text[: m.start()]) or value % 1 else value for m, value in found]


def _by_pattern(event: Event, match: re.Match[str], notes: Notes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in match.groupdict().items():
        if text is None or name == "vm":
            found |= {"vm": text.strip()} if text else {}
            continue
        value = number_of(text.strip())
        if math.isnan(value):
            notes.add(
                f"event {event.id}: {text[:40]!r} of the pattern's {name} is not one clear number", event.line
            )
        what, _, unit = name.rpartition("_")
        found |= {name: value} if name == "dirty_pages" else {f"{what}_s": value * UNITS[unit]}
    return found


def _duration(event: Event, notes: Notes) -> float:
    """The one duration with a unit, of the properties or else of the message; NaN, with a note, for none."""
    for where, texts in (("properties", _figures_among(event)), ("message", (_without_names(event),))):
        found = [told for text in texts for told in durations(text)]
        if len(found) > 1:
            told = f"event {event.id} tells {len(found)} durations in its {where}"
            told += "; which is meant, a pattern must say"
            notes.add(told, event.line, "an event tells several durations")
            return math.nan
        if found:
            told = f"event {event.id}: {found[0].text!r} {found[0].why}; a pattern can say"
            if found[0].why:
                notes.add(told, event.line, "a duration is not clear")
            return found[0].seconds
    bare = [p.strip() for p in event.properties if BARE.fullmatch(p.strip())]
    told = f"its properties hold {bare[0]!r} without a unit" if bare else "it holds no number with a unit"
    notes.add(f"event {event.id} is not read: {told}; a pattern can say (--pattern)", event.line,
              f"event {event.id} has no number with a unit")  # fmt: skip
    return math.nan


def _figures_among(event: Event) -> list[str]:
    """Properties that are a duration and nothing else, and not what the message quotes as a name."""
    told = [p.strip() for p in event.properties if DURATION.fullmatch(p.strip())]
    return [p for p in told if p != event.vm and f"'{p}'" not in event.message]


def _without_names(event: Event) -> str:
    """The message without what is a name, a path or an identifier in it."""
    told = [p.strip() for p in event.properties]
    names = [p for p in told if not DURATION.fullmatch(p) and not BARE.fullmatch(p)]
    return without_names(event.message, [event.vm, *names])


Told = tuple[Event, dict[str, Any]]


def _in_time(events: list[Told], notes: Notes) -> list[Told]:
    """Events from the earliest to the latest; Get-WinEvent writes the latest first."""
    stamps = [e.time_s for e, _ in events if e.time_s is not None]
    falls = sum(b < a for a, b in pairwise(stamps))
    rises = sum(b > a for a, b in pairwise(stamps))
    if falls and rises:
        told = f"the clock goes backwards {min(falls, rises)} times"
        notes.add(f"{told}; events are taken in the order of their times")
    ordered = events[::-1] if falls > rises else events
    return sorted(ordered, key=lambda told: -math.inf if told[0].time_s is None else told[0].time_s)


def _as_record(events: list[Told], file: str, notes: Notes) -> Record:
    groups: list[list[Told]] = []
    current: dict[str, list[Told]] = {}
    ids = _ids_of_names(events)
    for told in events:
        key = told[0].vm_id or _machine(told, ids)
        if key not in current or _another(current[key], told):
            current[key] = []
            groups.append(current[key])
        current[key].append(told)
    names = _names(groups)
    rows = [_row(name, group, file, notes) for name, group in zip(names, groups, strict=True)]
    samples = [_sample(name, told, group[0][0], file) for name, group in zip(names, groups, strict=True)
               for told in group]  # fmt: skip
    return record(KIND, notes, rows, (), samples)


def _ids_of_names(events: list[Told]) -> dict[str, str]:
    """The ID of each name that some event ties to exactly one: other events tell only one of the two."""
    found: dict[str, set[str]] = {}
    for event, figures in events:
        name = event.vm or figures.get("vm", "")
        if name and event.vm_id:
            found.setdefault(name.casefold(), set()).add(event.vm_id)
    return {name: ids.pop() for name, ids in found.items() if len(ids) == 1}


def _machine(told: Told, ids: dict[str, str]) -> str:
    """The ID of the machine that an event names in any way, else the name that it tells, if it tells one."""
    event, name = told[0], told[0].vm or told[1].get("vm", "")
    quoted = re.findall(r"['\"]([^'\"\n]+)['\"]", event.message)
    for known in (name, *event.properties, *quoted):
        if known.strip().casefold() in ids:
            return ids[known.strip().casefold()]
    return name


def _another(group: list[Told], told: Told) -> bool:
    """True where an event is of another migration than those before it.

    What the events promise decides, then time: each tells of a migration once; one that completed cannot
    fail, one that failed tells no phase any more; and what began after the end is of the next.
    """
    event, last = told[0], group[-1][0]
    seen = {e.id for e, _ in group}
    since = _between(last, event)
    if since > APART_S or event.id in seen:
        return True
    if seen & set(FAILED):
        return event.id not in FAILED or since > TOGETHER_S
    ends = [e for e, _ in group if e.id in SUCCEEDED or e.id == TOTAL_TOLD]
    if not ends:
        return event.id in FROM_THE_START and _lasted(told) < since - STAMP_S
    if event.id in FAILED:
        return True
    lasted = _lasted(told)
    return _between(ends[-1], event) > (lasted if math.isfinite(lasted) else TOGETHER_S) + STAMP_S


def _between(first: Event, then: Event) -> float:
    """Seconds from one event to another; NaN where one has no time."""
    return then.time_s - first.time_s if first.time_s is not None and then.time_s is not None else math.nan


def _lasted(told: Told) -> float:
    """The duration that an event tells of; NaN where it tells none."""
    event, figures = told
    return float(figures.get(f"{ABOUT.get(event.id, '')}_s", math.nan))


def _names(groups: list[list[Told]]) -> list[str]:
    named = [
        next((n for e, f in g for n in (e.vm, f.get("vm", ""), e.vm_id) if n), "unnamed") for g in groups
    ]
    return [f"{n} {named[: i + 1].count(n)}" if named.count(n) > 1 else n for i, n in enumerate(named)]


def _row(name: str, group: list[Told], file: str, notes: Notes) -> dict[str, Any]:
    """The row of a migration; a total that no event tells is the sum of both phases, with a note."""
    first = group[0][0]
    durations = {what: _agreed(name, group, what, notes) for what in ("total", "brownout", "blackout")}
    total = durations["total"]
    if math.isnan(total) and not math.isnan(durations["brownout"] + durations["blackout"]):
        total = durations["brownout"] + durations["blackout"]
        told = f"no event tells the total time of {name}; it is brownout and blackout, without set-up"
        notes.add(told, first.line, "totals are brownout and blackout, without set-up")
    if durations["brownout"] > total or durations["blackout"] > total:
        notes.add(f"a phase of {name} is longer than all of it: no duration is taken", first.line)
        total, durations = math.nan, dict.fromkeys(durations, math.nan)
    ids = {e.id for e, _ in group}
    status = (
        "failed" if ids & set(FAILED) else "completed" if ids & set(SUCCEEDED) or 22507 in ids else "not told"
    )
    without_setup = math.isnan(durations["total"]) and not math.isnan(total)
    pages = [f["dirty_pages"] for _, f in group if "dirty_pages" in f]
    row: dict[str, Any] = {
        "migration": name,
        "vm": next((e.vm for e, _ in group if e.vm), ""),
        "status": status,
    }
    row |= {"stop_rule": STOP_RULE, "without_setup": without_setup}
    row |= _moments(group) | {"measured_total_s": total if status != "failed" else math.nan}
    row |= _why_failed(name, group, notes) if status == "failed" else {}
    row |= {"measured_brownout_s": durations["brownout"], "measured_blackout_s": durations["blackout"]}
    row |= {"residual_pages": pages[-1] if pages else math.nan, "vm_id": first.vm_id}
    return row | {"source_file": file, "source_line": first.line}


def _moments(group: list[Told]) -> dict[str, Any]:
    """When a migration began and ended; an event's stamp is that of the end of what it tells of."""
    first, ends = group[0][0], [e for e, _ in group if e.id in (*SUCCEEDED, *FAILED, TOTAL_TOLD)]
    lasted = _lasted(group[0]) if first.id in FROM_THE_START else math.nan
    known = first.time_s is not None and math.isfinite(lasted)
    began = first.time_s - lasted if known and first.time_s is not None else None
    return {
        "began": _stamp(began),
        "ended": _stamp(ends[-1].time_s) if ends else None,
        "first_event": _stamp(first.time_s),
    }


def _why_failed(name: str, group: list[Told], notes: Notes) -> dict[str, Any]:
    """Why a migration failed, as its last event says it, and the limit that was reached."""
    event = next(e for e, _ in reversed(group) if e.id in FAILED)
    limit = LIMIT_REACHED.search(event.message)
    reason = next((part for part in event.message.splitlines()[::-1] if part.strip()), "").strip()[:200]
    if limit:
        reason = f"the limit of {limit[1]} at once was reached"
    if not reason:
        return {}
    notes.add(f"{name} failed: {reason}", event.line, "a migration failed")
    return {"reason": reason} | ({"simultaneous_migrations": float(limit[1])} if limit else {})


def _agreed(name: str, group: list[Told], what: str, notes: Notes) -> float:
    """The duration that the events of a migration tell; the first, with a note, where they differ."""
    found = [(e, f[f"{what}_s"]) for e, f in group if not math.isnan(f.get(f"{what}_s", math.nan))]
    found.sort(key=lambda told: told[0].id)
    for event, value in found[1:]:
        if abs(value - found[0][1]) > DIFFERS * max(value, found[0][1]):
            notes.add(f"event {event.id} tells {value:g} s of {what} for {name}, event {found[0][0].id} "
                      f"{found[0][1]:g} s; the latter is taken", event.line, "events differ")  # fmt: skip
    return found[0][1] if found else math.nan


def _stamp(time_s: float | None) -> str | None:
    return None if time_s is None else str(pd.Timestamp(round(time_s * 1000), unit="ms"))


def _sample(name: str, told: Told, first: Event, file: str) -> dict[str, Any]:
    event, figures = told
    since = event.time_s - first.time_s if event.time_s is not None and first.time_s is not None else math.nan
    row: dict[str, Any] = {"migration": name, "time_s": since, "event": event.id}
    row |= {n: v for n, v in figures.items() if n != "vm"}
    return row | {"source_file": file, "source_line": event.line}
