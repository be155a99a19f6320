"""Events as PowerShell prints them with ``Get-WinEvent | Format-List``: names, colons, and texts that wrap.

A message goes on over indented and blank lines until the next event begins. A line that PowerShell wrapped at
the width of its window is joined again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from analysis.observations.lines import Progress, read_lines
from analysis.observations.record import Notes

_FIELD = re.compile(r"^([A-Za-z][A-Za-z ]{0,40}?)\s*: ?(.*)$")
KNOWN = (
    *("timecreated", "id", "eventid", "message", "providername", "machinename", "leveldisplayname", "level"),
    *("logname", "recordid", "userid", "processid", "threadid", "containerlog", "taskdisplayname", "version"),
    *("properties", "keywords", "opcode", "opcodedisplayname", "task", "activityid", "relatedactivityid"),
    *("qualifiers", "providerid", "bookmark", "keywordsdisplaynames", "matchedqueryids"),
)
"""Properties of an event that Format-List prints; any other word before a colon is part of a message."""

Cells = dict[str, str]


def is_list(text: str) -> bool:
    """True for the beginning of a text that is a list of events."""
    names = {match[1].lower() for line in text.splitlines() if (match := _FIELD.match(line))}
    return "timecreated" in names and bool(names & {"id", "eventid"})


def read_list(
    path: str | Path, notes: Notes, progress: Progress | None = None
) -> Iterator[tuple[int, Cells]]:
    """The properties of each event by their names, lower case, with the line on which the event begins."""
    cells: Cells = {}
    begun, name = 0, ""
    for number, text in read_lines(path, notes, progress):
        match = _FIELD.match(text)
        known = match[1].replace(" ", "").lower() if match else ""
        if match and known in KNOWN:
            if known in cells:
                yield begun, _joined(cells)
                cells = {}
            if not cells:
                begun = number
            cells[known], name = match[2], known
        elif name and cells:
            cells[name] += "\n" + text.strip()
    if cells:
        yield begun, _joined(cells)


def _joined(cells: Cells) -> Cells:
    """Texts in which what was wrapped is one line again: blank lines part paragraphs, the others do not."""
    parts = {
        name: [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)] for name, text in cells.items()
    }
    return {name: "\n".join(part for part in found if part) for name, found in parts.items()}
