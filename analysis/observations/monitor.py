"""The text of QEMU's monitor command ``info migrate``, in the spelling of every version, once or repeated.

Until QEMU 10.0 a line tells one figure with its unit (``transferred ram: 2201476 kbytes``); after it a line
tells several of one kind (``Transfers: transferred=459 MiB, remain=278 MiB``), sizes to three digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from analysis.observations.lines import Progress, read_lines
from analysis.observations.qemu import ENDS, RUNNING, tables
from analysis.observations.record import Notes, Record, Taken
from analysis.observations.samples import Sample, blank
from analysis.observations.sizes import Figures
from analysis.observations.sources import TableError

KIND = "text of QEMU's info migrate"
_STATUS = re.compile(r"^\s*(?:Migration status|Status):\s*([a-z-]+)\s*(?:\((.*)\))?\s*$")
_LINE = re.compile(r"^\s*([A-Za-z][A-Za-z -]*?)\s*(?:\((\w+)\))?:\s*(.*?)\s*$")
_PAIR = re.compile(r"(\w+)=([\d.]+)\s*([KMGTPE]?i?B)?\b")
_SPELT = re.compile(r"([\d.]+)\s*([A-Za-z]*)$")
MARK = re.compile(
    r"^\s*(?:Migration status:\s*[a-z-]+|\(qemu\) info migrate|Status:\s*[a-z-]+\s*$)", re.MULTILINE
)
MS, KIB, PAGES = ("ms", "milliseconds"), ("kbytes",), ("pages", "")
FIELDS = {
    "total time": ("time_s", MS), "downtime": ("blackout_s", MS), "setup": ("setup_s", MS),
    "expected downtime": ("expected_blackout_s", MS), "transferred ram": ("stream_gib", KIB),
    "remaining ram": ("remaining_gib", KIB), "total ram": ("memory_gib", KIB),
    "throughput": ("throughput_gbps", ("mbps",)), "duplicate": ("zero_pages", PAGES),
    "normal": ("content_pages", PAGES), "dirty sync count": ("sync_count", ("",)),
    "dirty pages rate": ("dirty_pages_per_s", PAGES), "page size": ("page_bytes", KIB),
    "transferred disk": ("storage_gib", KIB), "xbzrle pages": ("elsewhere", PAGES),
    "compression pages": ("elsewhere", PAGES),
}  # fmt: skip
"""Figures of old versions, and the units in which one may be."""
FACTORS = {"ms": 1e-3, "milliseconds": 1e-3, "mbps": 1e-3, "pages": 1.0, "": 1.0}
GROUPED = {
    "time": {"total": "time_s", "setup": "setup_s", "down": "blackout_s", "exp_down": "expected_blackout_s"},
    "sizes": {"pagesize": "page_bytes", "psize": "page_bytes", "total": "memory_gib",
              "transferred": "stream_gib", "remain": "remaining_gib"},
    "transfers": {"transferred": "stream_gib", "remain": "remaining_gib"},
    "page types": {"normal": "content_pages", "zero": "zero_pages"},
    "pages": {"normal": "content_pages", "zero": "zero_pages"},
    "page rates": {"dirty": "dirty_pages_per_s", "dirty_rate": "dirty_pages_per_s"},
    "others": {"dirty_syncs": "sync_count", "dirty_pages_rate": "dirty_pages_per_s"},
    "xbzrle": {"pages": "elsewhere"},
}  # fmt: skip
"""Figures of new versions by the head of their line."""
RATES = ("throughput", "bandwidth")
UNIT_OF_HEAD = {"ms": "ms", "kib": "KiB", "kb": "KiB", "mbps": "mbps", "pps": "", "": ""}


def read_monitor(path: str | Path, *, progress: Progress | None = None) -> Record:
    """Migrations, passes and samples from answers to ``info migrate``; TableError where there is none."""
    notes = Notes(path)
    taken: list[Taken] = []
    found = list(_samples(path, notes, taken, progress))
    if not found:
        raise TableError(f"{path} holds no answer of info migrate with a status")
    whole = tables(KIND, found, notes, Path(path).stem)
    whole.taken.extend(taken)
    return whole


def _samples(
    path: str | Path, notes: Notes, taken: list[Taken], progress: Progress | None
) -> Iterator[Sample]:
    """A sample an answer; each begins with its status, and what precedes the first is passed over."""
    answer: _Answer | None = None
    for number, text in read_lines(path, notes, progress):
        status = _STATUS.match(text)
        if status:
            if answer:
                yield answer.sample()
            answer = _Answer(Path(path).name, number, notes, status[1], status[2])
            taken.append(Taken(Path(path).name, number, f"an answer begins: {status[1]}"))
        elif answer and (what := answer.read(number, text)):
            taken.append(Taken(Path(path).name, number, what))
    if answer:
        yield answer.sample()


class _Answer:
    """One answer of the monitor, line by line."""

    def __init__(self, file: str, line: int, notes: Notes, status: str, reason: str | None):
        self.file, self.line, self.notes, self.figures = file, line, notes, Figures(notes)
        self.status, self.reason, self.head, self.unit = status, reason, "", ""
        self.found: dict[str, float] = {}
        if status not in (*RUNNING, *ENDS):
            notes.add(
                f"the status {status[:40]!r} is not one of QEMU's", line, "a status is not one of QEMU's"
            )

    def read(self, number: int, text: str) -> str:
        """Take the figures of a line; what they are, empty where there is none."""
        match = _LINE.match(text)
        if match:
            self.head, self.unit = match[1].lower(), (match[2] or "").lower()
            rest = match[3]
        else:
            rest = text
        if self.head in FIELDS and match and not match[2] and "=" not in rest:
            return self._spelt(number, self.head, rest)
        if self.head in RATES and self.unit == "mbps":
            return self._keep(number, "throughput_gbps", self.figures.number(rest, self.head, number, 1e-3))
        if self.head in GROUPED:
            told = [self._grouped(number, *pair) for pair in _PAIR.findall(rest)]
            return ", ".join(one for one in told if one)
        return ""

    def _spelt(self, number: int, name: str, text: str) -> str:
        """A figure of an old version, whose unit stands behind it."""
        ours, units = FIELDS[name]
        match = _SPELT.match(text)
        if not match or match[2] not in units:
            wanted = " or ".join(unit for unit in units if unit) or "no unit"
            self.notes.add(
                f"{name} = {text[:40]!r} is not a figure with {wanted}", number, f"{name} is no figure"
            )
            return ""
        if match[2] == "kbytes":
            return self._keep(number, ours, self._size(ours, match[1], "KiB", name, number))
        return self._keep(number, ours, self.figures.number(match[1], name, number, FACTORS[match[2]]))

    def _grouped(self, number: int, name: str, value: str, unit: str) -> str:
        """A figure of a new version, whose unit stands behind it or in the head of its line."""
        ours = GROUPED[self.head].get(name, "")
        if not ours:
            return ""
        if ours.endswith("_gib") or ours == "page_bytes":
            if unit:
                self.notes.once("this version of QEMU tells sizes to three digits", number)
            return self._keep(
                number, ours, self._size(ours, value, unit or UNIT_OF_HEAD.get(self.unit, ""), name, number)
            )
        factor = FACTORS[UNIT_OF_HEAD.get(self.unit, "")] if self.head == "time" else 1.0
        return self._keep(number, ours, self.figures.number(value, name, number, factor))

    def _size(self, ours: str, value: str, unit: str, name: str, number: int) -> float:
        size = self.figures.gib(value, unit, name, number)
        return size * 2**30 if ours == "page_bytes" else size

    def _keep(self, number: int, ours: str, value: float) -> str:
        if ours in self.found and ours != "elsewhere":
            self.notes.add(
                f"{ours} is told twice in one answer; the first is kept", number, "a figure is told twice"
            )
            return ""
        self.found[ours] = value
        return f"{ours} = {value:.6g}"

    def sample(self) -> Sample:
        """The answer in the study's units."""
        found = dict(self.found)
        elsewhere = found.pop("elsewhere", 0.0)
        if elsewhere > 0 and "content_pages" in found:
            found["content_pages"] += elsewhere
        if not found.get("page_bytes", 0.0) > 0:
            found.pop("page_bytes", None)
        if self.status not in ENDS:
            found.pop("blackout_s", None)
        told = {"reason": self.reason} if self.reason else {}
        place = {"source_file": self.file, "source_line": self.line}
        return blank(ENDS.get(self.status, self.status[:40]), **found) | {"told": told} | place
