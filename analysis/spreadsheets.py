"""Tables for people who open them in a spreadsheet: no cell of theirs is taken for a formula.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line's end as a formula, and
names of machines, scenarios and workloads come from files of others. Such a text gets an apostrophe before
it, by which spreadsheets know a text. Numbers stay as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

_BEGINS = ("=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Beginnings of formulas; the last four are their full-width forms, which some spreadsheets take for them."""


def cell(value: Any) -> Any:
    """A value as a spreadsheet takes it literally.

    >>> [cell(value) for value in ("=1+1", "web-01", -5, "-5")]
    ["'=1+1", 'web-01', -5, "'-5"]
    """
    if not isinstance(value, str):
        return value
    # A lone carriage return ends a line for a spreadsheet, and stands unquoted in a CSV.
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(_BEGINS) else text


def csv(table: pd.DataFrame) -> str:
    """A table as CSV, its texts and the names of its columns none of them a formula."""
    safe = table.rename(columns=cell)
    texts = [k for k, kind in enumerate(safe.dtypes) if not pd.api.types.is_numeric_dtype(kind)]
    for k in texts:
        safe.isetitem(k, [cell(value) for value in safe.iloc[:, k]])
    written: str = safe.to_csv(index=False, lineterminator="\n")
    return written


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV."""
    path.write_text(csv(table), encoding="utf-8", newline="\n")
