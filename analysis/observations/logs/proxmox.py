"""Task logs of Proxmox VE's ``qm migrate``, old and new, with and without local disks.

The total is the memory's phase, which is what QEMU calls total; the task around it (``measured_task_s``) also
starts the machine on the other node and mirrors local disks. The "average migration speed" is the machine's
memory over that time and no throughput, so it is not taken as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from analysis.observations.logs.lines import Course, Dialect, LogLine, first_of
from analysis.observations.samples import Sample

_SIZE = r"([\d.]+) ([KMGTP]?i?B)"
PATTERNS = tuple((name, re.compile(pattern)) for name, pattern in {
    "start": r"starting migration of VM (\d+) to (?:remote |node )?(?:node )?'([^']*)'",
    "online": r"starting online/live migration on",
    "limit_ms": r"migration downtime limit: ([\d.]+) ms|auto-increased downtime to continue \w+: (\d+) ms",
    "limit_s": r"migrate_set_downtime: ([\d.]+)\s*$",
    "active": rf"migration active, transferred {_SIZE} of {_SIZE} VM-state(?:, {_SIZE}/s)?",
    "active_bytes": r"migration status: active \(transferred (\d+), remaining (\d+)\)?, total (\d+)\)?",
    "pause": r"(?:average )?migration speed: \S+ \S+ - downtime (\d+) ms",
    "sent": rf"migration completed, transferred {_SIZE} VM-state",
    "over": r"migration status: completed",
    "disk": rf"(?:drive|mirror)-(\w+): transferred {_SIZE} of {_SIZE}",
    "disk_bytes": r"drive-(\w+): transferred: (\d+) bytes remaining: \d+ bytes total: \d+ bytes",
    "task": r"migration (finished successfully|finished with problems|aborted) "
            r"\(duration (\d+):(\d\d):(\d\d)\)",
    "error": r"(?:TASK )?ERROR: (.*\S)|migration status error: (.*\S)",
    "cancel": r"\bmigrate_cancel\b",
}.items())  # fmt: skip
CANCELLED = re.compile(r"interrupted by signal|cancel|abort(?:ed)? by user|received interrupt", re.IGNORECASE)
DISK = "disk "


class Proxmox(Dialect):
    """Lines of Proxmox VE's tasks, one after the other; what a journal puts before them tells tasks apart."""

    kind = "a task log of Proxmox VE"
    mark = re.compile(
        r"starting migration of VM \d+ to |migration active, transferred [\d.]+ "
        r"|migration status: active \(transf|starting online/live migration on "
        r"|migration speed: [\d.]+ \S+ - downtime"
    )

    def feed(self, line: LogLine) -> Iterator[Sample]:
        """The samples that a line completes."""
        name, match = first_of(line.text, PATTERNS)
        if match is None:
            return
        writer = _writer(line.text[: match.start()])
        if name == "start":
            yield from self._flush(writer)
            course = self.course(writer, anew=writer in self.courses)
            course.key = match[1]
            course.told |= {"vm": match[1], "target_node": match[2]}
            self.took(line, f"the task of VM {match[1]} begins")
            return
        course = self.courses.get(writer) or self.course(writer)
        yield from getattr(self, f"_{name}")(course, line, match)

    def finish(self) -> Iterator[Sample]:
        """Ends that no later line said more of."""
        for writer in self.courses:
            yield from self._flush(writer)

    def _online(self, course: Course, line: LogLine, _: re.Match[str]) -> Iterator[Sample]:
        course.began_s = course.last_at_s = line.at_s
        self.took(line, "the memory's phase begins")
        return iter(())

    def _limit_ms(self, course: Course, line: LogLine, match: re.Match[str]) -> Iterator[Sample]:
        return self._limit(course, line, match[1] or match[2], 1.0)

    def _limit_s(self, course: Course, line: LogLine, match: re.Match[str]) -> Iterator[Sample]:
        return self._limit(course, line, match[1], 1000.0)

    def _limit(self, course: Course, line: LogLine, text: str, factor: float) -> Iterator[Sample]:
        course.told["blackout_target_ms"] = self.figures.number(
            text, "the limit of the pause", line.number, factor
        )
        self.took(line, f"the limit of the pause: {course.told['blackout_target_ms']:g} ms")
        return iter(())

    def _active(self, course: Course, line: LogLine, match: re.Match[str]) -> Iterator[Sample]:
        sizes = self.figures
        figures = {
            "stream_gib": sizes.gib(match[1], match[2], "transferred", line.number),
            "memory_gib": sizes.gib(match[3], match[4], "VM-state", line.number),
        }
        if match[5]:
            figures["throughput_gbps"] = sizes.gbps(match[5], match[6], "the speed", line.number)
        self.notes.once("sizes are rounded to a tenth of their unit", line.number)
        yield self._moment(course, line, figures)

    def _active_bytes(self, course: Course, line: LogLine, match: re.Match[str]) -> Iterator[Sample]:
        names = ("stream_gib", "remaining_gib", "memory_gib")
        figures = {n: self.figures.gib(match[i], "B", n, line.number) for i, n in enumerate(names, 1)}
        yield self._moment(course, line, figures)

    def _moment(self, course: Course, line: LogLine, figures: dict[str, Any]) -> Sample:
        time_s = course.since_began(line, self.notes)
        self.took(line, f"{figures['stream_gib']:.4g} of {figures['memory_gib']:.4g} GiB sent")
        course.figures["memory_gib"] = figures["memory_gib"]
        return self.sample(course, line, "active", time_s=time_s, **figures)

    def _pause(self, course: Course, line: LogLine, match: re.Match[str]) -> Iterator[Sample]:
        course.figures["blackout_s"] = self.figures.number(match[1], "downtime", line.number) / 1000
        self.took(line, f"the pause: {course.figures['blackout_s']:g} s")
        return iter(())

    def _sent(self, course: Course, line: LogLine, match: re.Match[str]) -> Iterator[Sample]:
        course.figures["stream_gib"] = self.figures.gib(match[1], match[2], "transferred", line.number)
        self.took(line, f"all that was sent: {course.figures['stream_gib']:.4g} GiB")
        return iter(())

    def _over(self, course: Course, line: LogLine, _: re.Match[str]) -> Iterator[Sample]:
        if not course.ended:
            self._hold(course, line, "completed", course.since_began(line, self.notes))
        return iter(())

    def _hold(self, course: Course, line: LogLine, status: str, time_s: float) -> None:
        """Keep the end until its task ends: the task says how long all of it took."""
        if status == "completed" and "stream_gib" not in course.figures:
            self.notes.add("all that was sent is not told", line.number, "all that was sent is not told")
        figures = {name: value for name, value in course.figures.items() if not name.startswith(DISK)}
        course.held = self.end(course, line, status, time_s=time_s, **figures)

    def _disk(self, course: Course, line: LogLine, match: re.Match[str]) -> Iterator[Sample]:
        return self._disk_is(
            course, line, match[1], self.figures.gib(match[2], match[3], "transferred", line.number)
        )

    def _disk_bytes(self, course: Course, line: LogLine, match: re.Match[str]) -> Iterator[Sample]:
        return self._disk_is(
            course, line, match[1], self.figures.gib(match[2], "B", "transferred", line.number)
        )

    def _disk_is(self, course: Course, line: LogLine, disk: str, sent_gib: float) -> Iterator[Sample]:
        name = f"{DISK}{disk}"
        before = course.figures.get(name, 0.0)
        course.figures[name] = max(before, sent_gib) if sent_gib == sent_gib else before
        all_gib = sum(size for name, size in course.figures.items() if name.startswith(DISK))
        if all_gib > 0:
            course.told["measured_storage_gib"] = all_gib
        self.took(line, f"disk {disk}: {sent_gib:.4g} GiB")
        return iter(())

    def _task(self, course: Course, line: LogLine, match: re.Match[str]) -> Iterator[Sample]:
        hours, minutes, rest = (self.figures.number(match[i], "duration", line.number) for i in (2, 3, 4))
        course.told["measured_task_s"] = 3600 * hours + 60 * minutes + rest
        self.took(line, f"the task: {match[1]}, {course.told['measured_task_s']:g} s")
        if match[1] == "finished with problems":
            self.notes.add("the task finished with problems", line.number, "the task finished with problems")
        if match[1] == "aborted" and course.held is None:
            self._hold(course, line, "failed", float("nan"))
        if course.held is None and not course.ended:
            self.notes.add(f"VM {course.key} was moved without a live migration of its memory", line.number)
            course.ended = True
        return self._flush_course(course)

    def _error(self, course: Course, line: LogLine, match: re.Match[str]) -> Iterator[Sample]:
        reason = " ".join((match[1] or match[2]).split())
        if course.held is None and not course.ended:
            course.told["reason"] = reason[:200]
            self._hold(course, line, "cancelled" if CANCELLED.search(reason) else "failed", float("nan"))
        timed = PATTERNS_TASK.search(line.text)
        return self._task(course, line, timed) if timed else iter(())

    def _cancel(self, course: Course, line: LogLine, _: re.Match[str]) -> Iterator[Sample]:
        self.took(line, "Proxmox cancels the migration")
        return iter(())

    def _flush(self, writer: str) -> Iterator[Sample]:
        return self._flush_course(self.courses[writer]) if writer in self.courses else iter(())

    def _flush_course(self, course: Course) -> Iterator[Sample]:
        held, course.held = course.held, None
        if held:
            yield held | {"told": held["told"] | course.told}


PATTERNS_TASK = dict(PATTERNS)["task"]
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.,+Z-]+|[A-Z][a-z]{2} +\d+ [\d:]+|\[\d+(?::\d+)?\]")


def _writer(before: str) -> str:
    """Who wrote a line, where a journal says so before the message: host and program with its number."""
    told = " ".join(_STAMP.sub("", before, count=1).split())
    return told if told.endswith("]:") else ""
