"""Lines of logs with the moments they tell, and the course of one migration through them.

A stamp with a zone is read as UTC; one without stays on the log's own clock. Clocks of hosts jump: where the
stamps of a migration go back, or run away from the seconds that its log counts, no time is made of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar

from analysis.observations.record import Notes, Taken
from analysis.observations.samples import Sample, blank
from analysis.observations.sizes import Figures

_ISO = re.compile(r"(?<!\d)(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?(?!\d)")
_IN_JSON = re.compile(r'"(?:timestamp|ts|time)"\s*:\s*"([^"]*)"')
_SYSLOG = re.compile(r"(?:^|[\s>])([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?!\d)")
SEARCHED = 240
"""A stamp stands in the first characters of a line, after what a collector of logs put before it."""
ANY_YEAR = 2000
"""Stands for the year where a log tells none; a leap year, so that it has every day."""
HALF_A_YEAR_S = 182 * 86400.0
BACK_S = 1.0
"""Writers of one log overtake each other by less than this."""
APART_S = 3.0
"""Stamps may differ by this from seconds that a log counts whole."""


@dataclass(frozen=True)
class LogLine:
    """One line of a log; ``at_s`` since 1970, NaN where it has no stamp; ``dated`` where the year is told."""

    file: str
    number: int
    text: str
    at_s: float
    dated: bool = True


class Stamps:
    """Lines of one log with their moments; a log without years goes on over the end of one."""

    def __init__(self, notes: Notes):
        self.notes, self.years, self.last_s = notes, 0, -math.inf

    def line(self, file: str, number: int, text: str) -> LogLine:
        """A line with its moment."""
        inside = _IN_JSON.search(text) if text.lstrip().startswith("{") else None
        at_s = _iso(inside[1] if inside else text[:SEARCHED])
        if at_s is not None:
            return LogLine(file, number, text, at_s)
        at_s = self._without_year(text[:SEARCHED], number)
        return LogLine(file, number, text, math.nan if at_s is None else at_s, at_s is None)

    def _without_year(self, text: str, number: int) -> float | None:
        match = _SYSLOG.search(text)
        if not match:
            return None
        at_s = self._seconds(match, self.years)
        if at_s is not None and at_s < self.last_s - HALF_A_YEAR_S:
            self.years += 1
            at_s = self._seconds(match, self.years)
        if at_s is not None:
            self.notes.once("its stamps tell no year", number)
            self.last_s = at_s
        return at_s

    def _seconds(self, match: re.Match[str], years: int) -> float | None:
        try:
            day = datetime.strptime(f"{ANY_YEAR} {match[1]} {match[2]} {match[3]}", "%Y %b %d %H:%M:%S")
        except ValueError:
            return None
        fraction = float(f"0.{match[4]}") if match[4] else 0.0
        return (day - datetime(1970, 1, 1)).total_seconds() + fraction + years * 366 * 86400.0


def _iso(text: str) -> float | None:
    match = _ISO.search(text)
    return seconds_of(match) if match else None


def seconds_of(match: re.Match[str]) -> float | None:
    """Seconds since 1970 of a stamp in ISO 8601; UTC where it has a zone."""
    try:
        stamp = datetime.fromisoformat(f"{match[1]} {match[2]}").replace(tzinfo=UTC)
    except ValueError:
        return None
    fraction = float(f"0.{match[3]}") if match[3] else 0.0
    zone = match[4] or "Z"
    if zone == "Z":
        return stamp.timestamp() + fraction
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 14 or minutes > 59:
        return None
    shift = timezone(timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1))
    return stamp.replace(tzinfo=shift).timestamp() + fraction


def seconds(text: str) -> float:
    """Seconds since 1970 of a text that is one stamp in ISO 8601; NaN for any other."""
    match = _ISO.fullmatch(text.strip())
    found = seconds_of(match) if match else None
    return math.nan if found is None else found


def moment(at_s: float) -> str | None:
    """A moment as text, to the millisecond where it is told so finely; None where it is not known."""
    if not math.isfinite(at_s):
        return None
    try:
        stamp = datetime(1970, 1, 1) + timedelta(milliseconds=round(at_s * 1000))
    except OverflowError:
        return None
    return stamp.isoformat(" ", "milliseconds" if stamp.microsecond else "seconds")


@dataclass
class Course:
    """A migration under way: when it began, what was told of it, and how far its clock can be believed."""

    key: str
    run: int = 0
    began_s: float = math.nan
    last_at_s: float = math.nan
    last_time_s: float = math.nan
    jumped: bool = False
    ended: bool = False
    told: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    held: Sample | None = None

    def since_began(self, line: LogLine, notes: Notes) -> float:
        """Seconds since it began, by stamps alone; NaN from where the clock went back."""
        if math.isnan(line.at_s):
            return math.nan
        if line.at_s < self.last_at_s - BACK_S:
            back = f"the log's clock goes back by {self.last_at_s - line.at_s:g} s"
            notes.add(
                f"{back}: no time is made of its stamps from here on", line.number, "the clock goes back"
            )
            self.jumped = True
        self.last_at_s = line.at_s
        return math.nan if self.jumped else max(round(line.at_s - self.began_s, 6), 0.0)

    def counted(self, line: LogLine, count_s: float, notes: Notes) -> float:
        """The seconds that the log itself counts; a note where its stamps run away from them."""
        began = line.at_s - count_s
        if math.isnan(self.began_s):
            self.began_s = began
        elif abs(began - self.began_s) > APART_S:
            apart = f"stamps and counted seconds run apart by {began - self.began_s:+.3g} s"
            notes.add(f"{apart}: the clock jumped, and the counted ones are taken", line.number,
                      "stamps and counted seconds run apart")  # fmt: skip
            self.began_s, self.jumped = began, True
        self.last_at_s, self.last_time_s = line.at_s, count_s
        return count_s

    def at_end(self, line: LogLine) -> float:
        """Seconds from the beginning to a line that tells the end."""
        rest = line.at_s - self.last_at_s
        if self.jumped:
            return round(self.last_time_s + rest, 6) if rest >= 0 else math.nan
        return round(line.at_s - self.began_s, 6) if line.at_s >= self.began_s else math.nan


class Dialect:
    """What one program's log tells of migrations; a subclass reads it line by line with :meth:`feed`.

    ``mark`` finds a line that no other program writes. ``taken`` says what was taken from which line.
    """

    kind: ClassVar[str]
    mark: ClassVar[re.Pattern[str]]
    stop_rule: ClassVar[str] = "qemu"

    def __init__(self, notes: Notes):
        self.notes, self.figures = notes, Figures(notes)
        self.courses: dict[str, Course] = {}
        self.taken: list[Taken] = []

    def feed(self, line: LogLine) -> Iterator[Sample]:
        """The samples that a line completes."""
        raise NotImplementedError

    def finish(self) -> Iterator[Sample]:
        """The samples that are complete because the log ends."""
        return iter(())

    def took(self, line: LogLine, what: str) -> None:
        """Say what a line was taken for."""
        self.taken.append(Taken(line.file, line.number, what))

    def course(self, key: str, *, anew: bool = False) -> Course:
        """The migration under way of a machine; a new one where there is none, or ``anew``."""
        last = self.courses.get(key)
        if last is None or last.ended or anew:
            self.courses[key] = Course(key, last.run + 1 if last else 0)
        return self.courses[key]

    def sample(self, course: Course, line: LogLine, status: str, **figures: Any) -> Sample:
        """A sample at a line, with all that was told of its migration so far."""
        if line.dated and "began" not in course.told and moment(course.began_s):
            course.told["began"] = moment(course.began_s)
        place = {"source_file": line.file, "source_line": line.number}
        return (
            blank(status, **figures)
            | {"key": course.key, "run": course.run, "told": dict(course.told)}
            | place
        )

    def end(self, course: Course, line: LogLine, status: str, **figures: Any) -> Sample:
        """The last sample of a migration, which is known to be over."""
        course.ended = True
        if line.dated and moment(line.at_s):
            course.told["ended"] = moment(line.at_s)
        self.took(line, f"the end: {status}")
        return self.sample(course, line, status, **figures) | {"is_end": True}


def first_of(text: str, patterns: Iterable[tuple[str, re.Pattern[str]]]) -> tuple[str, re.Match[str] | None]:
    """The name of the first pattern that is found in a text, and the match."""
    for name, pattern in patterns:
        match = pattern.search(text)
        if match:
            return name, match
    return "", None
