"""Reading a table of measurements strictly: what is wrong is said with file, line, column and value."""

from __future__ import annotations

import csv
import functools
import math
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pandas as pd

from analysis import quantities
from analysis.observations.sources import TableError, separator, text_of
from analysis.parameters import PARAMETERS

__all__ = ["TableError", "header", "line_of", "read_table"]
MOST_COLUMNS = 2000
"""Columns beyond which a file is no table of migrations."""


def read_table(path: str | Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """Read a CSV file whose ``columns`` must be there, as ``number``, ``number or empty`` or ``text``.

    Other columns are carried along as text. Raises :class:`TableError` for a file that is
    missing, empty, cut off, separated by something else than commas, semicolons or tabs, or has a value that
    is not a number where one is due. Decimal commas are read where semicolons or tabs separate the cells.
    """
    table = _raw(path)
    missing = [name for name in columns if name not in table]
    if missing:
        raise TableError(_missing(path, missing, table))
    _check_even(path)
    if table.empty:
        raise TableError(f"{path} has a header but no rows")
    mark = _decimal_mark(path, table, columns)
    return table.assign(
        **{n: _numbers(path, table[n], kind, mark) for n, kind in columns.items() if kind != "text"}
    )


def header(path: str | Path) -> list[str]:
    """Names of the columns of a CSV file."""
    text, _ = _body(text_of(path))
    return _named_once(path, text)


def first_row(path: str | Path) -> dict[str, str]:
    """The cells of the first row by the names of their columns; none where there is no row."""
    table = _raw(path, rows=1)
    return {str(name): str(table[name].iloc[0]) for name in table} if len(table) else {}


def _named_once(path: str | Path, text: str) -> list[str]:
    """Names of the columns; TableError for a file without any, for far too many, for two called alike."""
    if not text.strip():
        raise TableError(f"{path} is empty")
    try:
        names = next(csv.reader(StringIO(text, newline=""), delimiter=_separator(text)))
    except csv.Error as error:
        raise TableError(f"{path} is not a well-formed CSV file: {error}") from None
    if len(names) > MOST_COLUMNS:
        raise TableError(
            f"{path} has {len(names):,} columns, and a table of migrations at most {MOST_COLUMNS:,}; are its "
            "rows and columns interchanged?"
        )
    seen: set[str] = set()
    for name in names:
        if name and name in seen:
            raise TableError(f"{path} has two columns {name!r}; which one counts cannot be told")
        seen.add(name)
    return [name or f"Unnamed: {place}" for place, name in enumerate(names)]


def line_of(path: str | Path, row: int) -> int:
    """The line on which a row of a table begins (rows count from 0, without the header and blank lines)."""
    return next(line for place, (line, _) in enumerate(_rows(path)) if place == row + 1)


def _raw(path: str | Path, rows: int | None = None) -> pd.DataFrame:
    text, _ = _body(text_of(path))
    # Read apart, because pandas would rename the second of two columns that are called alike.
    _named_once(path, text)
    try:
        return _cells(text, nrows=rows)
    except pd.errors.EmptyDataError:
        raise TableError(f"{path} is empty") from None
    except pd.errors.ParserError as error:
        raise TableError(f"{path} is not a well-formed CSV file: {str(error).strip()}") from None


def _cells(text: str, **how: Any) -> pd.DataFrame:
    """All cells as the text that they are."""
    source = StringIO(text, newline="")
    return cast(
        pd.DataFrame, pd.read_csv(source, dtype=str, keep_default_na=False, sep=_separator(text), **how)
    )


def _body(text: str) -> tuple[str, int]:
    """A text from its first line on that is not blank, and how many lines stand before."""
    text = text.removeprefix("\N{BYTE ORDER MARK}")
    blank, at = 0, 0
    for line in StringIO(text, newline=""):
        if line.strip() and not _SEPARATED_BY.match(line):
            break
        blank, at = blank + 1, at + len(line)
    return text[at:], blank


_SEPARATED_BY = re.compile(r"sep=[,;\t]\s*$", re.IGNORECASE)
"""Excel's own first line, which says what separates the cells; the header says it too."""


def _separator(text: str) -> str:
    """Comma, semicolon (Excel in much of Europe) or tab, whichever separates the header."""
    return separator(next(iter(text[: 10**5].splitlines()), ""))


def _check_even(path: str | Path) -> None:
    """TableError where a row has another number of cells than the header: pandas would shift or fill them."""
    rows = _rows(path)
    count = len(next(rows)[1])
    for line, cells in rows:
        if len(cells) != count:
            which = "more" if len(cells) > count else "fewer"
            asked = "" if len(cells) > count else "; was it cut off?"
            raise TableError(f"{path}, line {line}: the row has {which} cells than the header{asked}")


def _rows(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, with the line on which each begins."""
    text, blank = _body(text_of(path))
    reader, begun = csv.reader(StringIO(text, newline=""), delimiter=_separator(text)), blank + 1
    try:
        for cells in reader:
            if cells:
                yield begun, cells
            begun = blank + reader.line_num + 1
    except csv.Error as error:
        raise TableError(f"{path}, line {begun}: {error}") from None


def _missing(path: str | Path, missing: list[str], table: pd.DataFrame) -> str:
    return f"{path} has no column {', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}"


_COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+(?:[eE][+-]?\d+)?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+")


def _decimal_mark(path: str | Path, table: pd.DataFrame, columns: Mapping[str, str]) -> str:
    """The decimal mark of a table's numbers: a comma only where semicolons or tabs separate the cells.

    TableError where points could be decimal marks or part thousands, as in a table of ``1.234`` alone.
    """
    if _separator(_body(text_of(path))[0]) == ",":
        return "."
    names = [name for name, kind in columns.items() if kind != "text"]
    cells = {(n, row): v.strip() for n in names for row, v in enumerate(table[n].fillna(""))}
    if any(_COMMA.fullmatch(value) for value in cells.values()):
        return ","
    dotted = {place: value for place, value in cells.items() if "." in value}
    if dotted and all(_GROUPED.fullmatch(value) for value in dotted.values()):
        (name, row), value = next(iter(dotted.items()))
        told = f"{path}, line {line_of(path, row)}, column {name}: {value!r} can be read in two ways"
        raise TableError(f"{told}; write it without parting thousands, or with another decimal")
    return "."


def _numbers(path: str | Path, column: pd.Series, kind: str, mark: str = ".") -> pd.Series:
    text = column.fillna("").str.strip()
    plain = text.map(_with_point) if mark == "," else text
    numbers = _with_units(pd.to_numeric(plain.where(text != ""), errors="coerce"), plain)
    bad = numbers.isna() & ((text != "") | (kind == "number"))
    if bad.any():
        row = int(bad.to_numpy().argmax())
        value = text.iloc[row]
        why = "uses a decimal comma; write a decimal point" if _decimal_comma(value) else "is not a number"
        why += _about_unit(str(column.name), value)
        raise TableError(f"{path}, line {line_of(path, row)}, column {column.name}: {value!r} {why}")
    return numbers.astype(float)


def _with_units(numbers: pd.Series, text: pd.Series) -> pd.Series:
    """Numbers of a column, those with a unit of their own in the column's, up to one that is none."""
    found = numbers.to_numpy(float, copy=True)
    for row in (numbers.isna() & (text != "")).to_numpy().nonzero()[0].tolist():
        found[row] = _with_unit(str(numbers.name), str(text.iloc[row]))
        if math.isnan(found[row]):
            break
    return pd.Series(found, index=numbers.index, name=numbers.name)


_UNITS = {"_pages_per_s": "pages/s", "_gib_per_s": "GiB/s", "_gbps": "Gbit/s", "_bytes": "bytes",
          "_gib": "GiB", "_mib": "MiB", "_kib": "KiB", "_ms": "ms", "_us": "us", "_s": "s"}  # fmt: skip
"""Units that columns of measurements have at the end of their names."""


def _unit_of(name: str) -> str:
    if name in PARAMETERS:
        return PARAMETERS[name].unit
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")


@functools.lru_cache(maxsize=4096)
def _with_unit(name: str, value: str) -> float:
    """A number with a unit of its own (``80 MB/s``) in the unit of its column; not a number if it is none."""
    unit = _unit_of(name)
    try:
        return quantities.read(value, unit) if unit else math.nan
    except quantities.UnitError:
        return math.nan


def _about_unit(name: str, value: str) -> str:
    """Why a number with a unit is not taken in a column, after a colon; empty for any other reason."""
    unit = _unit_of(name)
    try:
        quantities.read(value, unit or "0-1")
    except quantities.UnitError as error:
        return f": {error} [{unit}]" if str(error) and unit else ""
    return ""


def _with_point(value: str) -> str:
    """A number with a decimal comma as one with a point; nothing where a point in it parts no thousands."""
    if _COMMA.fullmatch(value) or _GROUPED.fullmatch(value):
        return value.replace(".", "").replace(",", ".")
    return "no number" if "." in value or "," in value else value


def _decimal_comma(value: str) -> bool:
    try:
        float(value.replace(",", ".", 1))
    except ValueError:
        return False
    return "," in value
