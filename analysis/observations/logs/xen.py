"""What ``xl migrate`` and Xen's older tools print: rounds of pre-copy with pages and milliseconds.

Progress alone has no times; with ``xl -v`` or in xend's log each round tells its duration, the pages sent and
the pages found dirty. How long the machine was paused is never told.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from analysis.observations.logs.lines import Course, Dialect, LogLine
from analysis.observations.samples import PAGE, Sample

PROGRESS = re.compile(
    r"(?:Reloading memory pages|Saving memory: iter (\d+) \(last sent (\d+) skipped \d+\)|Frames|Memory)"
    r"\s*:\s*(\d+)\s*/\s*(\d+)\s+\d+%"
)
ROUND = re.compile(
    r"(?:(?P<number>\d+): sent (?P<sent>\d+), skipped \d+, )?delta (?P<ms>\d+)ms, dom0 -?\d+%, "
    r"target -?\d+%, sent (?P<mbps>\d+)Mb/s, dirtied \d+Mb/s (?P<dirty>\d+) pages"
)
LAST = re.compile(r"Start last iteration")
BEGIN = re.compile(
    r"migration target: Ready to receive|Saving to migration stream|xc_save: |Saving memory pages: iter 1\b"
)
ENDS = {
    "completed": re.compile(r"Migration successful\.?|Save exit.*rc=0\b"),
    "failed": re.compile(r"Migration failed|libxl_domain_suspend failed|Save exit.*rc=[^0\s]"),
}
HOLES_FROM = 1_044_480
"""Frames from which on Xen's table may have holes: at the top of 4 GiB HVM machines have special pages."""
GIB = 2.0**30


class Xen(Dialect):
    """Lines of xl and xend; they name no machine, so one migration follows another."""

    kind = "output of Xen's xl migrate"
    stop_rule = "xen"
    mark = re.compile(
        r"xc: progress: |migration (?:target|sender): (?:Ready|Target|Transfer|libxl)"
        r"|Saving memory(?: pages)?: iter \d|delta \d+ms, dom0 -?\d+%"
    )

    def feed(self, line: LogLine) -> Iterator[Sample]:
        """The samples that a line completes."""
        text = line.text
        if BEGIN.search(text):
            self._begin(line)
        elif progress := PROGRESS.search(text):
            self._progress(self._course(line), line, progress)
        elif (told := ROUND.search(text)) and self._course(line) is not None:
            yield from self._round(self._course(line), line, told)
        elif LAST.search(text) and self.courses:
            self.took(line, "the last round begins: the machine is paused")
            self._course(line).figures["passes_s"] = self._course(line).figures.get("time_s", math.nan)
        else:
            yield from self._ended(line)

    def _course(self, line: LogLine) -> Course:
        course = self.course("")
        if math.isnan(course.began_s):
            course.began_s = course.last_at_s = line.at_s
        return course

    def _begin(self, line: LogLine) -> None:
        last = self.courses.get("")
        if last is None or last.ended or last.figures:
            self.course("", anew=last is not None)
            self.took(line, "a migration begins")
        self._course(line)

    def _progress(self, course: Course, line: LogLine, match: re.Match[str]) -> None:
        frames = self.figures.number(match[4], "frames", line.number)
        if match[2] and float(match[2]) > 0:
            course.figures["last_sent"] = self.figures.number(match[2], "pages sent", line.number)
        self.took(line, f"{match[3]} of {match[4]} frames")
        if frames >= HOLES_FROM:
            told = f"{frames:.0f} frames may include holes, so the machine's memory is not taken from them"
            self.notes.add(told, line.number, "frames may include holes")
        elif frames > 0:
            course.figures["memory_gib"] = frames * PAGE / GIB

    def _round(self, course: Course, line: LogLine, match: re.Match[str]) -> Iterator[Sample]:
        """A round of pre-copy: before the first a sample of the beginning, after each one of what it left."""
        figures, number = course.figures, self.figures.number
        if match["number"] and float(match["number"]) <= figures.get("round", 0):
            told = f"round {match['number']} is told twice, and counted once"
            self.notes.add(told, line.number, "told twice")
            return
        figures["round"] = float(match["number"] or 0)
        memory = {n: figures[n] for n in ("memory_gib",) if n in figures}
        if "time_s" not in figures:
            figures |= {"time_s": 0.0, "sync_count": 1.0, "content_pages": 0.0}
            yield self.sample(course, line, "active", time_s=0.0, sync_count=1.0, content_pages=0.0, **memory)
        took_s = number(match["ms"], "delta", line.number) / 1000
        sent = (
            number(match["sent"], "sent", line.number) if match["sent"] else self._made(match, took_s, line)
        )
        figures["time_s"] = round(figures["time_s"] + took_s, 6)
        figures["sync_count"] += 1
        figures["content_pages"] += sent
        dirty = number(match["dirty"], "dirtied pages", line.number)
        self.took(
            line,
            f"round {figures['sync_count'] - 1:g}: {took_s:g} s, {sent:g} pages sent, {dirty:g} found dirty",
        )
        seen = {name: figures[name] for name in ("time_s", "sync_count", "content_pages")}
        sizes = {"stream_gib": figures["content_pages"] * PAGE / GIB, "remaining_gib": dirty * PAGE / GIB}
        yield self.sample(course, line, "active", **seen, **sizes, **memory) | {"found_pages": dirty}

    def _made(self, match: re.Match[str], took_s: float, line: LogLine) -> float:
        """Pages that a round sent, from its rate and its time, where it does not count them."""
        self.notes.once("pages sent are made of rate and time, to a Mbit/s", line.number)
        return round(self.figures.number(match["mbps"], "sent", line.number) * 1e6 / 8 * took_s / PAGE)

    def _ended(self, line: LogLine) -> Iterator[Sample]:
        status = next((status for status, pattern in ENDS.items() if pattern.search(line.text)), "")
        last = self.courses.get("")
        if not status or last is None or last.ended:
            return
        kept = {"memory_gib", "content_pages", "sync_count"}
        figures = {name: value for name, value in last.figures.items() if name in kept}
        if "content_pages" in figures:
            figures["stream_gib"] = figures["content_pages"] * PAGE / GIB
        if "time_s" in last.figures:
            passes_s = last.figures.get("passes_s", last.figures["time_s"])
            last.told["measured_brownout_s"] = passes_s
            self.notes.add(f"the rounds took {passes_s:.4g} s; the pause is not told", line.number)
        # The clock of a log tells whole seconds, and rounds milliseconds: together they may take longer.
        time_s = max(last.at_end(line), last.figures.get("time_s", 0.0))
        yield self.end(last, line, status, time_s=time_s if status == "completed" else math.nan, **figures)
