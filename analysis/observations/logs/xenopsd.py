"""The log of XenServer and XCP-ng (xensource.log): xenopsd's synchronisation points of a migration.

At point 1 the memory begins to be sent, at 2 all of it is, at 4 the machine runs on the other host. Bytes
sent and the pause are not told.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from analysis.observations.logs.lines import Dialect, LogLine
from analysis.observations.samples import Sample

_TASK = re.compile(r"\|([^|\]]*?R:\w+)\|")
POINT = re.compile(r"(?:VM\.migrate: )?Synchronisation point (\d)(-\w+)?(?: (\w+))?")
LIMIT = re.compile(r"VM (?:= )?([0-9a-fA-F-]{36})\b.*? has memory_limit = (\d+)")
FAILED = re.compile(
    r"VM\.migrate: Failed|cannot transmit vm to host: |Failed during Synchronisation point \d"
)
NAMES = {"1": "the memory begins to be sent", "2": "all of the memory is sent", "3": "the other host is told",
         "4": "the machine runs on the other host"}  # fmt: skip


class Xenopsd(Dialect):
    """Lines of xenopsd on the source; the task in brackets tells migrations apart."""

    kind = "a log of Xen's xenopsd"
    stop_rule = "xen"
    mark = re.compile(r"Synchronisation point \d|has memory_limit = \d+")

    def feed(self, line: LogLine) -> Iterator[Sample]:
        """The samples that a line completes."""
        found = _TASK.search(line.text)
        task = found[1].strip() if found else ""
        if limit := LIMIT.search(line.text):
            course = self.course(task)
            course.key = course.told["vm"] = limit[1]
            course.figures["memory_gib"] = self.figures.gib(limit[2], "B", "memory_limit", line.number)
            self.took(line, f"{course.figures['memory_gib']:.4g} GiB of memory")
        elif FAILED.search(line.text) and task in self.courses and not self.courses[task].ended:
            self.courses[task].told["reason"] = " ".join(line.text.split("] ")[-1].split())[:200]
            yield self.end(self.courses[task], line, "failed")
        elif (point := POINT.search(line.text)) and not point[2]:
            yield from self._point(task, point[1], line)

    def _point(self, task: str, number: str, line: LogLine) -> Iterator[Sample]:
        if number == "1":
            course = self.course(task)
            course.began_s = course.last_at_s = line.at_s
        if task not in self.courses or self.courses[task].ended:
            return
        course = self.courses[task]
        time_s = course.since_began(line, self.notes)
        self.took(line, NAMES.get(number, f"point {number}"))
        memory = {n: v for n, v in course.figures.items() if n == "memory_gib"}
        if number == "2":
            yield self.sample(course, line, "active", time_s=time_s, remaining_gib=0.0, **memory)
        elif number == "4":
            yield self.end(
                course, line, "completed", time_s=time_s if math.isfinite(time_s) else math.nan, **memory
            )
