"""Logs of live migrations as records: which program wrote one, and what it tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.observations.lines import Progress, read_lines
from analysis.observations.logs.lines import Dialect, LogLine, Stamps
from analysis.observations.logs.nova import Nova
from analysis.observations.logs.proxmox import Proxmox
from analysis.observations.logs.vdsm import Vdsm
from analysis.observations.logs.virtlauncher import VirtLauncher
from analysis.observations.logs.xen import Xen
from analysis.observations.logs.xenopsd import Xenopsd
from analysis.observations.qemu import tables
from analysis.observations.record import Notes, Record
from analysis.observations.samples import Sample
from analysis.observations.sources import TableError

DIALECTS: dict[str, type[Dialect]] = {
    "proxmox": Proxmox,
    "nova": Nova,
    "vdsm": Vdsm,
    "virt-launcher": VirtLauncher,
    "xen": Xen,
    "xenopsd": Xenopsd,
}
"""Programs whose logs are read."""


def dialect_in(text: str) -> str:
    """The program whose words come first in a text; empty where it is none that is read."""
    found = {name: match.start() for name, kind in DIALECTS.items() if (match := kind.mark.search(text))}
    return min(found, key=lambda name: found[name], default="")


def dialect_of(path: str | Path) -> str:
    """The program that wrote a log, also where it tells of migrations only far down; empty for none."""
    for _, text in read_lines(path, Notes(path)):
        if any(word in text for word in WORDS) and (found := dialect_in(text)):
            return found
    return ""


WORDS = ("igration", "Saving memory", "xc: progress", "dom0 ", "ynchronisation point", "memory_limit")
"""Every mark of a dialect has one of these: looking for them first is a hundred times faster."""


def read_log(
    paths: str | Path | Sequence[str | Path], dialect: str, *, progress: Progress | None = None
) -> Record:
    """What a log of :data:`DIALECTS` tells; several paths are parts of one log, the earliest first.

    Raises TableError where it tells of no migration.
    """
    parts = [paths] if isinstance(paths, (str, Path)) else list(paths)
    notes = Notes(parts[0])
    reader = DIALECTS[dialect](notes)
    found = list(_samples(reader, parts, notes, progress))
    notes.path = Path(parts[0])
    if not found:
        raise TableError(f"{parts[0]} is {reader.kind}, and tells of no live migration" + _why(notes))
    whole = tables(reader.kind, found, notes, Path(parts[0]).stem, reader.stop_rule)
    whole.taken.extend(reader.taken)
    return whole


def _samples(
    reader: Dialect, parts: Sequence[str | Path], notes: Notes, progress: Progress | None
) -> Iterator[Sample]:
    stamps = Stamps(notes)
    for path in parts:
        notes.path = Path(path)
        for number, text in read_lines(path, notes, progress):
            yield from reader.feed(stamps.line(Path(path).name, number, text))
    yield from reader.finish()


def _why(notes: Notes) -> str:
    return f" ({notes.told[0].split(': ', 1)[-1]})" if notes.told else ""


def follow(
    dialect: str, path: str | Path, lines: Iterator[tuple[int, str]]
) -> Iterator[tuple[LogLine, Sample]]:
    """Samples of a log that still grows, each with the line that completed it."""
    notes = Notes(path)
    reader, stamps = DIALECTS[dialect](notes), Stamps(notes)
    for number, text in lines:
        line = stamps.line(Path(path).name, number, text)
        for sample in reader.feed(line):
            yield line, sample
