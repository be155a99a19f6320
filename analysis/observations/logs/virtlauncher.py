"""The log of KubeVirt's virt-launcher: "Migration info for ..." every few seconds, what libvirt told it.

Sizes are cut to whole MiB there. The first versions wrote bytes over eight as "Mbps": where a bandwidth is a
small part of what bytes and time make, neither it nor the dirty rate beside it is taken.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from analysis.observations.logs.lines import Course, Dialect, LogLine
from analysis.observations.samples import PAGE, Sample

INFO = re.compile(r"Migration info for ([\w-]*): (?=TimeElapsed:)")
PAIR = re.compile(r"\b([A-Z]\w+):(\d+)(ms|MiB|Mbps)?(?![\w.])")
SIZES = {"MemoryProcessed": "stream_gib", "MemoryRemaining": "remaining_gib", "MemoryTotal": "memory_gib"}
COUNTS = {"Iteration": "sync_count", "ConstantPages": "zero_pages", "NormalPages": "content_pages"}
UNITS = {"TimeElapsed": "ms", "Downtime": "ms", "ExpectedDowntime": "ms", "MemoryBandwidth": "Mbps",
         "DirtyRate": "Mbps", "DataProcessed": "MiB", "DataTotal": "MiB",
         **dict.fromkeys(SIZES, "MiB")}  # fmt: skip
_NAME = re.compile(r'"name":\s*"([^"\\]{1,253})"')
ENDS = {
    "completed": re.compile(
        r"Live migration succeeded|Migration (?:has been completed|completed successfully)"
    ),
    "cancelled": re.compile(r"Migration was canceled|Live migration abort(?:ed| detected)"),
    "failed": re.compile(r"Live migration failed|Migration job failed|Live migration is not completed"),
}
FAR_BELOW = 0.25
"""A bandwidth below this share of bytes over time is in another unit than it says."""


class VirtLauncher(Dialect):
    """Lines of virt-launcher, as JSON or text; the machine's name or the migration's id tells them apart."""

    kind = "a log of KubeVirt's virt-launcher"
    mark = re.compile(r"Migration info for [\w-]*: TimeElapsed:\d+ms")

    def feed(self, line: LogLine) -> Iterator[Sample]:
        """The samples that a line completes."""
        info = INFO.search(line.text)
        name = _NAME.search(line.text)
        if info:
            yield self._sample(name[1] if name else info[1], info[1], line, line.text[info.end() :])
            return
        status = next((status for status, pattern in ENDS.items() if pattern.search(line.text)), "")
        course = self._under_way(name[1] if name else "")
        if status and course:
            yield self.end(
                course, line, status, time_s=course.at_end(line) if status == "completed" else math.nan
            )

    def _under_way(self, key: str) -> Course | None:
        """The migration that an end is of: the machine's, or the only one there is."""
        open_ones = [course for course in self.courses.values() if not course.ended]
        if key in self.courses:
            return self.courses[key] if not self.courses[key].ended else None
        return open_ones[0] if len(open_ones) == 1 and not key else None

    def _sample(self, key: str, uid: str, line: LogLine, text: str) -> Sample:
        pairs = self._pairs(line, text)
        time_s = pairs.get("TimeElapsed", math.nan) / 1000
        course = self.course(key)
        another = time_s < course.last_time_s or course.told.get("migration_uid", uid) != uid
        course = self.course(key, anew=another)
        course.told |= {"vm": key, "migration_uid": uid}
        figures = self._figures(line, pairs, time_s)
        if figures.get("storage_gib", 0.0) > 0:
            course.told["measured_storage_gib"] = figures["storage_gib"]
            self.notes.once("storage was copied too: the times are of both", line.number)
        self.took(line, f"{time_s:g} s: {figures.get('stream_gib', math.nan):.4g} GiB sent")
        course.counted(line, time_s, self.notes)
        if "Downtime" in pairs:
            # Only the statistics of a completed job tell the pause itself.
            return self._completed(course, line, time_s, figures, pairs["Downtime"] / 1000)
        return self.sample(course, line, "active", time_s=time_s, **figures)

    def _completed(
        self, course: Course, line: LogLine, time_s: float, figures: dict[str, float], pause_s: float
    ) -> Sample:
        sample = self.end(course, line, "completed", time_s=time_s, blackout_s=pause_s, **figures)
        return {name: value for name, value in sample.items() if name != "is_end"}

    @staticmethod
    def _storage_gib(pairs: dict[str, float]) -> float:
        """What of the data is no memory [GiB]."""
        return max(pairs.get("DataProcessed", math.nan) - pairs.get("MemoryProcessed", math.nan), 0.0) / 1024

    def _pairs(self, line: LogLine, text: str) -> dict[str, float]:
        """Figures by virt-launcher's names; one with another unit than its own is told and left out."""
        found = {}
        for name, value, unit in PAIR.findall(text):
            if name in UNITS and unit != UNITS[name]:
                self.notes.add(f"{name}:{value}{unit} is not in {UNITS[name]}; it is left out", line.number,
                               f"{name} has another unit")  # fmt: skip
                continue
            found[name] = self.figures.number(value, name, line.number)
        return found

    def _figures(self, line: LogLine, pairs: dict[str, float], time_s: float) -> dict[str, float]:
        found = {ours: pairs[n] / 1024 for n, ours in SIZES.items() if n in pairs}
        found |= {ours: pairs[n] for n, ours in COUNTS.items() if n in pairs}
        if pairs.get("DataTotal", 0.0) > pairs.get("MemoryTotal", math.inf):
            found["storage_gib"] = self._storage_gib(pairs)
        if found.get("memory_gib") == 0:
            del found["memory_gib"]
        if "ExpectedDowntime" in pairs:
            found["expected_blackout_s"] = pairs["ExpectedDowntime"] / 1000
        made_mbps = found.get("stream_gib", math.nan) * 2**30 * 8e-6 / time_s if time_s > 0 else math.nan
        if 0 < pairs.get("MemoryBandwidth", math.nan) < FAR_BELOW * made_mbps:
            told = f"MemoryBandwidth:{pairs['MemoryBandwidth']:g}Mbps is far below the {made_mbps:.4g}"
            told += (
                " that bytes and time make, as early versions wrote it: it and the dirty rate are not taken"
            )
            self.notes.add(told, line.number, "rates are in another unit than they say")
            return found
        if "MemoryBandwidth" in pairs:
            found["throughput_gbps"] = pairs["MemoryBandwidth"] / 1000
        if "DirtyRate" in pairs:
            found["dirty_pages_per_s"] = pairs["DirtyRate"] * 1e6 / 8 / PAGE
        return found
