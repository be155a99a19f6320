"""The log of OpenStack's nova-compute: "Migration running for ..." every few seconds, and how it ended.

Bytes are those of the memory as libvirt counts them; what was sent after the last line is not told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.observations.logs.lines import Dialect, LogLine
from analysis.observations.samples import Sample

_INSTANCE = re.compile(r"\[instance: ([\w-]{1,64})\]")
_BYTES = r"\(bytes processed=(\d+), remaining=(\d+), total=(\d+)\)"
RUNNING = re.compile(
    rf"Migration running for (\d+) secs?[,;] memory (?:progress )?(\d+)% remaining;? {_BYTES}"
    rf"(?:[;.,]* disk (\d+)% remaining;? {_BYTES})?"
)
ENDS = {
    "completed": re.compile(r"Migration operation has completed"),
    "failed": re.compile(r"Migration operation has aborted"),
    "cancelled": re.compile(r"Migration operation was cancelled"),
}
REASON = re.compile(r"Live Migration failure: (.*\S)")
LIMIT = re.compile(r"Increasing downtime to (\d+) ms after (\d+) sec elapsed time")
POST_COPY = re.compile(r"Switching to post-copy migration mode")


class Nova(Dialect):
    """Lines of nova-compute; the instance in brackets tells machines apart."""

    kind = "a log of OpenStack's nova-compute"
    mark = re.compile(r"Migration running for \d+ secs?[,;] memory|\[instance: [\w-]+\] Migration operation ")

    def feed(self, line: LogLine) -> Iterator[Sample]:
        """The samples that a line completes."""
        found = _INSTANCE.search(line.text)
        key = found[1] if found else ""
        running = RUNNING.search(line.text)
        if running:
            yield self._sample(key, line, running)
            return
        ended = next((status for status, pattern in ENDS.items() if pattern.search(line.text)), "")
        if ended:
            course = self.course(key)
            course.told.setdefault("vm", key)
            yield self.end(course, line, ended, time_s=course.at_end(line))
            return
        self._beside(key, line)

    def _beside(self, key: str, line: LogLine) -> None:
        """What else is told of a migration: a limit that was raised, a change of mode, why it failed."""
        for name, pattern in (("limit", LIMIT), ("mode", POST_COPY), ("reason", REASON)):
            match = pattern.search(line.text)
            if not match:
                continue
            told = self.course(key).told
            if name == "limit":
                told["blackout_target_ms"] = self.figures.number(match[1], "downtime", line.number)
            else:
                told[name] = "post-copy" if name == "mode" else " ".join(match[1].split())[:200]
            self.took(line, f"{name}: {match[0][:60]}")

    def _sample(self, key: str, line: LogLine, match: re.Match[str]) -> Sample:
        number, at = self.figures.number, line.number
        count_s = number(match[1], "seconds", at)
        course = self.course(key)
        course = self.course(key, anew=count_s < course.last_time_s)
        course.told.setdefault("vm", key)
        sent, left, memory = (self.figures.gib(match[i], "B", "bytes", at) for i in (3, 4, 5))
        figures = {"stream_gib": sent, "remaining_gib": left} if memory > 0 else {"stream_gib": sent}
        if memory > 0:
            figures["memory_gib"] = memory
        if match[7] and float(match[9]) > 0:
            figures["storage_gib"] = self.figures.gib(match[7], "B", "bytes", at)
            course.told["measured_storage_gib"] = figures["storage_gib"]
            self.notes.once("storage was copied too: the times are of both", at)
        time_s = course.counted(line, count_s, self.notes)
        self.took(line, f"{count_s:g} s: {sent:.4g} GiB sent, {left:.4g} GiB left")
        return self.sample(course, line, "active", time_s=time_s, **figures)
