"""Reading a table of measurements strictly: what is wrong is said with file, line, column and value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ..errors import UserError


class TableError(UserError):
    """A table that cannot be read as what it should be; the message is one sentence."""


def read_table(path: str | Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """Read a CSV file whose ``columns`` must be there, as ``number``, ``number or empty`` or ``text``.

    Other columns are carried along as text. Raises :class:`TableError` for a file that is
    missing, empty, cut off, separated by something else than commas, or has a value that is
    not a number where one is due.
    """
    table = _raw(Path(path))
    missing = [name for name in columns if name not in table]
    if missing:
        raise TableError(_missing(path, missing, table))
    if table.empty:
        raise TableError(f"{path} has a header but no rows")
    return table.assign(
        **{n: _numbers(path, table[n], kind) for n, kind in columns.items() if kind != "text"}
    )


def header(path: str | Path) -> list[str]:
    """Names of the columns of a CSV file."""
    return list(_raw(Path(path), rows=0).columns)


def _raw(path: Path, rows: int | None = None) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", nrows=rows)
    except FileNotFoundError:
        raise TableError(f"there is no file {path}") from None
    except IsADirectoryError:
        raise TableError(f"{path} is a folder, not a file") from None
    except UnicodeDecodeError as error:
        raise TableError(f"{path} is not UTF-8 text (byte {error.start}); save it as CSV in UTF-8") from None
    except pd.errors.EmptyDataError:
        raise TableError(f"{path} is empty") from None
    except pd.errors.ParserError as error:
        raise TableError(f"{path} is not a well-formed CSV file: {str(error).strip()}") from None


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
        row = bad.idxmax()
        value = text[row]
        why = "uses a decimal comma; write a decimal point" if _decimal_comma(value) else "is not a number"
        # Line 1 is the header.
        raise TableError(f"{path}, line {row + 2}, column {column.name}: {value!r} {why}")
    return numbers.astype(float)


def _decimal_comma(value: str) -> bool:
    try:
        float(value.replace(",", ".", 1))
    except ValueError:
        return False
    return "," in value
