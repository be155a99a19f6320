"""The rows of counter files, whoever wrote them: typeperf, logman, perfmon, relog, Get-Counter.

Whatever the form, a row becomes a moment, its line, and values by the column's place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from analysis.observations.lines import Progress, read_cells
from analysis.observations.record import Notes
from analysis.observations.tables import TableError

PDH = "(pdh-csv 4.0)"
_PATH = re.compile(
    r"(?:\\\\[^\\]*)?\\(?P<object>[^\\(]+?)(?:\((?P<instance>.*)\))?\\(?P<counter>.+)", re.DOTALL
)
_POINT = re.compile(r"\s*[-+]?\d+(\.\d*)?([eE][-+]?\d+)?\s*")
_COMMA = re.compile(r"\s*[-+]?\d+,\d+([eE][-+]?\d+)?\s*")
_EITHER_MARK = re.compile(r"\s*[-+]?\d{1,3},\d{3}\s*")
"""One comma before three digits: it may set thousands apart or be a decimal mark."""
LARGEST = 2.0**63
"""What no counter exceeds: they have 64 bits."""
_WHOLE = re.compile(r"\s*[-+]?\d+([eE][-+]?\d+)?\s*")
_STAMPS = ("%m/%d/%Y %H:%M:%S.%f", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%d.%m.%Y %H:%M:%S",
           "%d.%m.%Y %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f%z",
           "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %I:%M:%S %p", "%Y/%m/%d %H:%M:%S", "%d-%m-%Y %H:%M:%S")  # fmt: skip
_EITHER = re.compile(r"(0?[1-9]|1[0-2])/(0?[1-9]|1[0-2])/")
"""Dates whose day and month could be taken for each other; with 12 hours they are American."""
_READING = re.compile(r"^\s*(?P<path>\\\\.*\S)\s+:[ \t]*\n\s*(?P<value>\S.*?)\s*$", re.MULTILINE)

Column = tuple[str, str, str]
"""Object, instance and counter, lower case."""
Row = tuple[int, float, dict[Column, float]]
"""Line, seconds on the file's own clock, and the values that are there."""


def column_of(path: str) -> Column | None:
    r"""Object, instance and counter of a counter's path; None for what is no path.

    >>> column_of(r"\\HOST\Hyper-V VM Live Migration(web:VM Live Migration)\Transfer Pass: Number")
    ('hyper-v vm live migration', 'web:vm live migration', 'transfer pass: number')
    """
    match = _PATH.fullmatch(path.strip())
    if not match:
        return None
    return (
        match["object"].strip().lower(),
        (match["instance"] or "").lower(),
        match["counter"].strip().lower(),
    )


class Figures:
    """Numbers as one file writes them: with a decimal point or a decimal comma, not both."""

    def __init__(self, notes: Notes):
        self.notes, self.style = notes, ""

    def read(self, text: str, line: int, name: str) -> float | None:
        """The number; None where the cell is blank, or, with a note, where it is no number."""
        if self.style != "," and _POINT.fullmatch(text):
            self.style = self.style or ("." if "." in text else "")
            return self._counted(float(text), text, line, name)
        if not text.strip():
            return None
        comma = (
            self.style != "." and _COMMA.fullmatch(text) and (self.style or not _EITHER_MARK.fullmatch(text))
        )
        if comma or (self.style == "," and _WHOLE.fullmatch(text)):
            self.style = ","
            return self._counted(float(text.replace(",", ".")), text, line, name)
        return self._refused(text, line, name)

    def _counted(self, value: float, text: str, line: int, name: str) -> float | None:
        """The value, if a counter can hold it; 0 also where it stands with a minus."""
        return value + 0.0 if abs(value) <= LARGEST else self._refused(text, line, name, "is out of range")

    def _refused(self, text: str, line: int, name: str, why: str = "is not a number") -> float | None:
        if not self.style and _EITHER_MARK.fullmatch(text):
            why = "can be read in two ways"
        elif (self.style == "," and "." in text) or (self.style == "." and "," in text):
            why = "has another decimal mark than the values before it"
        self.notes.add(f"{name} = {text.strip()[:40]!r} {why}", line, f"a value {why}")
        return None


_PDH_STAMP = re.compile(r"(\d\d/\d\d/\d{4} \d\d:\d\d):([0-5]\d(?:\.\d+)?)")


class PdhClock:
    """Stamps of PDH-CSV, which are American everywhere; a minute is looked up once."""

    def read(self, text: str) -> float | None:
        """Seconds since 1970 on the file's own clock; None for what is no stamp."""
        match = _PDH_STAMP.fullmatch(text.strip())
        minute = _minute(match[1]) if match else None
        return minute + float(match[2]) if match and minute is not None else None


@lru_cache(maxsize=4)
def _minute(text: str) -> float | None:
    try:
        return (datetime.strptime(text, "%m/%d/%Y %H:%M") - datetime(1970, 1, 1)).total_seconds()
    except ValueError:
        return None


class Clock:
    """Stamps of one file as seconds; its form is that of the first stamp."""

    def __init__(self, notes: Notes | None = None, forms: tuple[str, ...] = _STAMPS):
        self.notes, self.forms, self.form = notes, forms, ""

    def read(self, text: str) -> float | None:
        """Seconds since 1970 on the file's own clock; None for what is no stamp in the file's form."""
        text = text.strip()
        for form in (self.form,) if self.form else self.forms:
            try:
                stamp = datetime.strptime(text, form)
            except ValueError:
                continue
            if not self.form and form.startswith("%m/") and "%p" not in form:
                self._tell_order(text)
            self.form = form
            return (stamp.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()
        return None

    def _tell_order(self, text: str) -> None:
        if self.notes and _EITHER.match(text):
            self.notes.add(f"the date in {text[:30]!r} is read as month/day/year")


def read_rows(
    path: str | Path,
    wanted: Mapping[str, str],
    keep: Callable[[Column], bool],
    notes: Notes,
    progress: Progress | None = None,
) -> Iterator[Row]:
    """Rows of a counter file of any form, with the values of the columns to ``keep``.

    ``wanted`` gives the English name of a translated one, lower case. Raises TableError for a file of another
    kind.
    """
    cells = read_cells(path, notes, progress)
    _, head = next(cells, (0, []))
    names = [name.strip().lower() for name in head]

    def column(text: str) -> Column | None:
        found = _english(column_of(text), wanted)
        return found if found and keep(found) else None

    if names and names[0].startswith("(pdh-csv"):
        yield from _wide(cells, head, column, notes)
    elif {"timestamp", "path"} <= set(names) and {"value", "cookedvalue"} & set(names):
        yield from _long(cells, names, column, notes)
    elif {"timestamp", "readings"} <= set(names):
        yield from _readings(cells, names, column, notes)
    else:
        raise TableError(f"{path} is no counter file: its first cell is {(head or [''])[0].strip()[:40]!r}")


def _english(column: Column | None, wanted: Mapping[str, str]) -> Column | None:
    if column is None:
        return None
    return wanted.get(column[0], column[0]), column[1], wanted.get(column[2], column[2])


ToColumn = Callable[[str], Column | None]
Cells = Iterator[tuple[int, list[str]]]


def _wide(cells: Cells, head: list[str], column: ToColumn, notes: Notes) -> Iterator[Row]:
    """PDH-CSV: a column a counter. A row that is cut off may be cut inside a number, so it is left out."""
    columns, least, most = _header(head, column, notes)
    clock, figures = PdhClock(), Figures(notes)
    for line, row in cells:
        at = clock.read(row[0])
        if at is None and row[0].lower().startswith("(pdh-csv"):
            notes.add("the header stands here again; the columns are taken as it says", line)
            columns, least, most = _header(row, column, notes)
        elif at is None:
            _tell_odd(row, line, notes)
        elif not least <= len(row) <= most:
            notes.add(f"the row has {len(row)} cells, the header {most}; it is left out", line,
                      "a row has another number of cells than the header")  # fmt: skip
        else:
            values = {c: figures.read(row[i], line, c[2]) for i, c in columns}
            yield line, at, {c: v for c, v in values.items() if v is not None}


def _tell_odd(row: list[str], line: int, notes: Notes) -> None:
    """A line without a stamp: typeperf's last words are passed over, anything else is told."""
    if row[0].lower().startswith(("exiting", "the command")):
        return
    if len(row) > 1:
        notes.add(
            f"{row[0].strip()[:40]!r} is not a time; the row is left out", line, "a stamp is not a time"
        )
    else:
        notes.add(f"{row[0].strip()[:60]!r} is no row of counters", line, "a line is no row of counters")


def _header(head: list[str], column: ToColumn, notes: Notes) -> tuple[list[tuple[int, Column]], int, int]:
    """Place and name of each column, and the fewest and most cells of a row.

    A name that stands twice counts once; the last column may be a description, without data.
    """
    found: dict[Column, int] = {}
    for i, text in enumerate(head[1:], 1):
        name = column(text)
        if name in found:
            notes.add(
                f"the column {text.strip()[:80]!r} stands twice; the first is read",
                kind="a column stands twice",
            )
        elif name:
            found[name] = i
    least = max((i + 1 for i, text in enumerate(head) if column_of(text)), default=1)
    return [(i, name) for name, i in found.items()], least, len(head)


def _long(cells: Cells, names: list[str], column: ToColumn, notes: Notes) -> Iterator[Row]:
    """Get-Counter: a row a value; those of one stamp belong together."""
    value = names.index("cookedvalue" if "cookedvalue" in names else "value")
    stamp, path = names.index("timestamp"), names.index("path")
    clock, figures = Clock(notes), Figures(notes)
    last, begun, ends, final = math.nan, 0, "", ""
    held: dict[Column, float] = {}
    for line, row in cells:
        at = clock.read(row[stamp]) if len(row) == len(names) and column_of(row[path]) else None
        if at is None:
            notes.add("this is no row of Get-Counter; it is left out", line, "no row of Get-Counter")
            continue
        if at != last and begun:
            yield begun, last, held
            held, ends = {}, final
        begun, last = (line, at) if at != last else (begun, last)
        name, final = column(row[path]), row[path]
        number = figures.read(row[value], line, name[2]) if name else None
        if name is None or number is None:
            continue
        if name in held:
            notes.add(
                f"{final.strip()[:80]!r} stands twice at one time; the first is read", line, "a path twice"
            )
        held.setdefault(name, number)
    if begun and ends not in ("", final):
        notes.add("the file breaks off within the values of one time; they are left out", begun)
    elif begun:
        yield begun, last, held


def _readings(cells: Cells, names: list[str], column: ToColumn, notes: Notes) -> Iterator[Row]:
    """Get-Counter | Export-Csv without more ado: one cell holds all paths and values of a stamp."""
    stamp, place = names.index("timestamp"), names.index("readings")
    clock, figures = Clock(notes), Figures(notes)
    for line, row in cells:
        at = clock.read(row[stamp]) if len(row) == len(names) else None
        if at is None:
            notes.add("this is no row of Get-Counter; it is left out", line, "no row of Get-Counter")
        else:
            yield line, at, _cell(row[place], line, column, figures, notes)


def _cell(text: str, line: int, column: ToColumn, figures: Figures, notes: Notes) -> dict[Column, float]:
    """The values of one cell: a path, a blank and a colon, below it the value, then an empty line."""
    found: dict[Column, float] = {}
    pairs = [(match["path"], match["value"]) for match in _READING.finditer(text)]
    if len(pairs) < text.count("\\\\"):
        notes.add("paths and values of this cell do not pair up", line, "paths and values do not pair up")
    for path, value in pairs:
        name = column(path)
        number = figures.read(value, line, name[2]) if name else None
        if name is None or number is None:
            continue
        if name in found:
            notes.add(
                f"{path.strip()[:80]!r} stands twice at one time; the first is read", line, "a path twice"
            )
        found.setdefault(name, number)
    return found
