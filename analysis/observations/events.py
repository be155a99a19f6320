"""Hyper-V's events of live migrations: how long brownout and blackout lasted.

The texts of events 22507 to 22509, 20415 and 20417 are published nowhere (facts: hyperv, section 2), and the
unit of their properties is not documented. So a figure is taken where its unit stands beside it, in a
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
from analysis.observations.counters import STOP_RULE
from analysis.observations.event_files import Event, read_event_file
from analysis.observations.lines import Progress
from analysis.observations.record import Notes, Record, record
from analysis.observations.tables import TableError

KIND = "events of live migrations"
ABOUT = {22507: "total", 22508: "brownout", 22509: "blackout", 20415: "blackout", 20417: "blackout"}
"""The duration that an event tells of."""
SUCCEEDED, FAILED = (20415, 20417, 20418), (21024, 21111)
IDS = (*ABOUT, 20418, *FAILED)
APART_S = 3600.0
"""Events of one machine further apart than this are of two migrations."""
DIFFERS = 0.1
UNITS = {"s": 1.0, "ms": 1e-3}
NUMBER = r"\d+(?:[.,\N{NO-BREAK SPACE}\u202f']\d+)*"
DURATION = re.compile(
    rf"(?<![\w.,])({NUMBER})\s*(milliseconds?|millisekunden?|msec|ms|seconds?|sekunden?|secs?|s)(?!\w)",
    re.IGNORECASE,
)
LONGER = re.compile(
    rf"{NUMBER}\s*(minutes?|minuten?|min|hours?|hrs?|h|stunden?|std|days?|tagen?|d)(?!\w)", re.IGNORECASE
)
"""Part of a duration of which the seconds would only be the rest."""
BEGUN = re.compile(r"(\d[ \N{THIN SPACE}]|(^|[\s(:=])[-\N{MINUS SIGN}])$")
"""What before a number makes it a part of another one: a group of thousands, or a minus."""
PAGES = re.compile(rf"(?<![\w.,])({NUMBER})\s+(?:dirty\s+)?pages(?!\w)", re.IGNORECASE)
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
    notes, search = Notes(path), _compiled(pattern)
    events: list[Told] = []
    seen: set[Event] = set()
    others = 0
    for event in read_event_file(path, notes, progress):
        if event.id in IDS and not _is_twice(event, seen, notes):
            events.append((event, _figures(event, search, notes)))
        others += event.id not in IDS
    if not events and not others:
        raise TableError(f"{path} holds no event" + "".join(f" ({note})" for note in notes.sentences()[:1]))
    if not events:
        notes.add(f"none of its {others} events is of a live migration ({', '.join(map(str, IDS))})")
    return _as_record(_in_time(events, notes), Path(path).name, notes)


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
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


def number_of(text: str, *, comma: bool = False) -> float:
    """A number in English or German writing; NaN where it could be either.

    >>> [number_of(t) for t in ("19.43", "19,43", "1,234.5", "1.234,5", "1,234", "12.5.3")]
    [19.43, 19.43, 1234.5, 1234.5, nan, nan]

    ``comma``: the words around it are those of a language with a decimal comma, so a point followed by three
    digits could separate thousands.
    """
    text = re.sub("[\N{NO-BREAK SPACE}\u202f']", "", text)
    if "," in text and "." in text:
        thousand, decimal = (",", ".") if text.rfind(".") > text.rfind(",") else (".", ",")
        whole, _, part = text.rpartition(decimal)
        return _float(f"{whole.replace(thousand, '')}.{part}") if _grouped(whole, thousand) else math.nan
    mark = "," if "," in text else "."
    if text.count(mark) > 1 or ((mark == "," or comma) and re.fullmatch(r"\d{1,3}[.,]\d{3}", text)):
        return math.nan
    return _float(text.replace(",", "."))


def _grouped(whole: str, mark: str) -> bool:
    return re.fullmatch(rf"\d{{1,3}}({re.escape(mark)}\d{{3}})*", whole) is not None


def _float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if value < 1e12 else math.nan


def _figures(event: Event, search: re.Pattern[str] | None, notes: Notes) -> dict[str, Any]:
    """What one event tells, in seconds and pages."""
    match = search.search(event.message or "|".join(event.properties)) if search else None
    if match:
        return _by_pattern(event, match, notes)
    what = ABOUT.get(event.id)
    found: dict[str, Any] = {f"{what}_s": _duration(event, notes)} if what else {}
    pages = [math.nan if _is_part(m) else number_of(m[1]) for m in PAGES.finditer(event.message)]
    if event.id == 22509 and len(pages) == 1:
        found["dirty_pages"] = pages[0]
        if math.isnan(pages[0]):
            notes.add("its number of pages can be read in two ways", event.line, "pages in two ways")
    return found


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
    for where, texts in (("properties", event.properties), ("message", (event.message,))):
        found = [m for text in texts for m in DURATION.finditer(text)]
        if len(found) > 1:
            told = f"event {event.id} tells {len(found)} durations in its {where}"
            told += "; which is meant, a pattern must say"
            notes.add(told, event.line, "an event tells several durations")
            return math.nan
        if found:
            return _in_seconds(event, found[0], notes)
    bare = [p.strip() for p in event.properties if re.fullmatch(NUMBER, p.strip())]
    told = f"its properties hold {bare[0]!r} without a unit" if bare else "it holds no number with a unit"
    notes.add(f"event {event.id} is not read: {told}; a pattern can say (--pattern)", event.line,
              f"event {event.id} has no number with a unit")  # fmt: skip
    return math.nan


def _in_seconds(event: Event, match: re.Match[str], notes: Notes) -> float:
    unit = match[2].lower()
    longer = LONGER.search(match.string)
    if longer:
        told = f"event {event.id} tells {longer[0]!r} beside {match[0]!r}; what both make, a pattern must say"
        notes.add(told, event.line, "an event tells minutes or more")
        return math.nan
    value = math.nan if _is_part(match) else number_of(match[1], comma="sekunde" in unit)
    if math.isnan(value):
        notes.add(f"event {event.id}: {match[0]!r} can be read in two ways; a pattern can say", event.line,
                  "a number can be read in two ways")  # fmt: skip
    return value * (1e-3 if unit.startswith("m") else 1.0)


def _is_part(match: re.Match[str]) -> bool:
    """True where a number goes on to the left: ``1 000 ms``, ``-5 s``."""
    return BEGUN.search(match.string[: match.start()]) is not None


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
    for told in events:
        key = told[0].vm_id or told[0].vm or told[1].get("vm", "")
        if key not in current or _another(current[key], told[0]):
            current[key] = []
            groups.append(current[key])
        current[key].append(told)
    names = _names(groups)
    rows = [_row(name, group, file, notes) for name, group in zip(names, groups, strict=True)]
    samples = [_sample(name, told, group[0][0], file) for name, group in zip(names, groups, strict=True)
               for told in group]  # fmt: skip
    return record(KIND, notes, rows, (), samples)


def _another(group: list[Told], event: Event) -> bool:
    """True where an event begins another migration: its kind was there already, or long ago."""
    last = group[-1][0]
    later = event.time_s is not None and last.time_s is not None and event.time_s - last.time_s > APART_S
    ends = {*SUCCEEDED, *FAILED}
    seen = {e.id for e, _ in group}
    return later or event.id in seen or (event.id in ends and bool(seen & set(FAILED)))


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
    pages = [f["dirty_pages"] for _, f in group if "dirty_pages" in f]
    row: dict[str, Any] = {
        "migration": name,
        "vm": next((e.vm for e, _ in group if e.vm), ""),
        "status": status,
    }
    row |= {"stop_rule": STOP_RULE}
    row |= {"began": _stamp(first.time_s), "measured_total_s": total if status != "failed" else math.nan}
    row |= {"measured_brownout_s": durations["brownout"], "measured_blackout_s": durations["blackout"]}
    row |= {"residual_pages": pages[-1] if pages else math.nan, "vm_id": first.vm_id}
    return row | {"source_file": file, "source_line": first.line}


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
