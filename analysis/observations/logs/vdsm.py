"""The log of oVirt's vdsm: "Migration Progress" every ten seconds, and how long it took.

Its MB are 2**20 bytes. What it calls "zero pages: ...MB" is libvirt's count of pages without any conversion,
so it is not taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.observations.logs.lines import Course, Dialect, LogLine
from analysis.observations.samples import Sample

_VM = re.compile(r"vmId=[`'\"]([\w-]{1,64})[`'\"]")
PROGRESS = re.compile(r"Migration Progress: (\d+)(?:\.\d+)? seconds elapsed, ")
FIELDS = {
    "memory_gib": re.compile(r"total data: (\d+)MB"),
    "stream_gib": re.compile(r"processed data: (\d+)MB"),
    "remaining_gib": re.compile(r"remaining data: (\d+)MB"),
}
SPEED = re.compile(r"transfer speed (\d+)MBps")
DIRTY = re.compile(r"dirty rate: (\d+)")
ITERATION = re.compile(r"memory iteration: (\d+)")
TOOK = re.compile(r"migration took (\d+) seconds to complete")
LIMIT = re.compile(r"\b[Ss]et(?:ting)? (?:vm )?(?:migration )?downtime to (\d+)")
CANCELLED = re.compile(r"migration (?:out )?job: canceled by client|Migration cancel+ed", re.IGNORECASE)
FAILED = re.compile(r"Failed to migrate|Migration is stuck: (.*\S)|operation (?:failed|aborted): migration.*")


class Vdsm(Dialect):
    """Lines of vdsm; the vmId before each tells machines apart."""

    kind = "a log of oVirt's vdsm"
    mark = re.compile(r"Migration Progress: \d+(?:\.\d+)? seconds elapsed")

    def feed(self, line: LogLine) -> Iterator[Sample]:
        """The samples that a line completes."""
        found = _VM.search(line.text)
        key = found[1] if found else ""
        progress, took = PROGRESS.search(line.text), TOOK.search(line.text)
        if progress:
            yield self._sample(key, line, progress)
        elif key not in self.courses or self.courses[key].ended:
            return
        elif took:
            yield self._completed(self.courses[key], line, took)
        elif CANCELLED.search(line.text):
            yield self._broken_off(self.courses[key], line, "cancelled")
        elif FAILED.search(line.text):
            yield self._broken_off(self.courses[key], line, "failed")
        elif limit := LIMIT.search(line.text):
            self.courses[key].told["blackout_target_ms"] = self.figures.number(
                limit[1], "downtime", line.number
            )
            self.took(line, f"the limit of the pause: {limit[1]} ms")

    def _completed(self, course: Course, line: LogLine, took: re.Match[str]) -> Sample:
        course.told["measured_task_s"] = self.figures.number(took[1], "seconds", line.number)
        self.notes.once("the end is known to a second, by its stamp", line.number)
        return self.end(course, line, "completed", time_s=course.at_end(line))

    def _broken_off(self, course: Course, line: LogLine, status: str) -> Sample:
        course.told["reason"] = " ".join(line.text.split(")")[-1].split())[:200] or "not told"
        match = FAILED.search(line.text) or CANCELLED.search(line.text)
        if match:
            course.told["reason"] = " ".join(match[0].split())[:200]
        return self.end(course, line, status)

    def _sample(self, key: str, line: LogLine, progress: re.Match[str]) -> Sample:
        count_s = self.figures.number(progress[1], "seconds", line.number)
        course = self.course(key)
        course = self.course(key, anew=count_s < course.last_time_s)
        course.told.setdefault("vm", key)
        figures = self._figures(line)
        self.took(line, f"{count_s:g} s: {figures.get('stream_gib', float('nan')):.4g} GiB sent")
        time_s = course.counted(line, count_s, self.notes)
        return self.sample(course, line, "active", time_s=time_s, **figures)

    def _figures(self, line: LogLine) -> dict[str, float]:
        """The figures of one line in the study's units; old versions tell shares only."""
        text, at = line.text, line.number
        found = {n: self.figures.gib(m[1], "MiB", n, at) for n, p in FIELDS.items() if (m := p.search(text))}
        if not found:
            self.notes.once("this version of vdsm tells shares and no bytes", at)
        if speed := SPEED.search(text):
            found["throughput_gbps"] = self.figures.gbps(speed[1], "MiB/s", "transfer speed", at)
        if dirty := DIRTY.search(text):
            found["dirty_pages_per_s"] = self.figures.number(dirty[1], "dirty rate", at)
        if iteration := ITERATION.search(text):
            found["sync_count"] = self.figures.number(iteration[1], "memory iteration", at)
        if found.get("memory_gib") == 0:
            del found["memory_gib"]
        return found
