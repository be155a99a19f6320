"""Reading a table of measurements strictly: what is wrong is said with file, line, column and value."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pandas as pd

from analysis.observations.sources import TableError, text_of

__all__ = ["TableError", "header", "line_of", "read_table"]


def read_table(path: str | Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """Read a CSV file whose ``columns`` must be there, as ``number``, ``number or empty`` or ``text``.

    Other columns are carried along as text. Raises :class:`TableError` for a file that is
    missing, empty, cut off, separated by something else than commas or tabs, or has a value that is
    not a number where one is due.
    """
    table = _raw(path)
    missing = [name for name in columns if name not in table]
    if missing:
        raise TableError(_missing(path, missing, table))
    _check_even(path)
    if table.empty:
        raise TableError(f"{path} has a header but no rows")
    return table.assign(
        **{n: _numbers(path, table[n], kind) for n, kind in columns.items() if kind != "text"}
    )


def header(path: str | Path) -> list[str]:
    """Names of the columns of a CSV file."""
    return list(_raw(path, rows=0).columns)


def line_of(path: str | Path, row: int) -> int:
    """The line on which a row of a table begins (rows count from 0, without the header and blank lines)."""
    return next(line for place, (line, _) in enumerate(_rows(path)) if place == row + 1)


def _raw(path: str | Path, rows: int | None = None) -> pd.DataFrame:
    text, _ = _body(text_of(path))
    try:
        # Read apart, because pandas would rename the second of two columns that are called alike.
        names = _cells(text, header=None, nrows=1).iloc[0]
        twice = names[names.duplicated() & (names != "")]
        if len(twice):
            raise TableError(f"{path} has two columns {twice.iloc[0]!r}; which one counts cannot be told")
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
    lines = StringIO(text, newline="").readlines()
    blank = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
    return "".join(lines[blank:]), blank


def _separator(text: str) -> str:
    """The tab where it separates the header, else the comma."""
    head = text[: 10**5].splitlines()[:1]
    outside = "".join(head[0].split('"')[::2]) if head else ""
    return "\t" if outside.count("\t") > outside.count(",") else ","


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
    sentence = f"{path} has no column {', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}"
    if len(table.columns) == 1 and ";" in table.columns[0]:
        return sentence + "; it is separated by semicolons: save it with commas and decimal points"
    return sentence


def _numbers(path: str | Path, column: pd.Series, kind: str) -> pd.Series:
    text = column.fillna("").str.strip()
    numbers = pd.to_numeric(text.where(text != ""), errors="coerce")
    bad = numbers.isna() & ((text != "") | (kind == "number"))
    if bad.any():
        row = int(bad.to_numpy().argmax())
        value = text.iloc[row]
        why = "uses a decimal comma; write a decimal point" if _decimal_comma(value) else "is not a number"
        raise TableError(f"{path}, line {line_of(path, row)}, column {column.name}: {value!r} {why}")
    return numbers.astype(float)


def _decimal_comma(value: str) -> bool:
    try:
        float(value.replace(",", ".", 1))
    except ValueError:
        return False
    return "," in value
