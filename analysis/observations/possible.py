"""What a measurement cannot be: said with file, line, column and value, for every table alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.observations.sources import TableError
from analysis.observations.tables import line_of
from analysis.parameters import nearest

MORE_THAN_LINK = 1.05
"""Bytes over time may be this much above the link, for stamps and links are rounded."""
ROUNDED_S = 0.005
"""Half a hundredth: parts and whole of a time are often written with different digits."""
AHEAD_BITS = 8 * 2.0**26
"""What sockets and queues took at once may have been counted before it was sent: 64 MiB."""
ENDED = {
    "completed": "completed complete success successful succeeded ok done finished",
    "failed": "failed failure fail error aborted abort",
    "cancelled": "cancelled canceled timeout timed_out given_up stopped",
}
"""Words for how a migration ended, however spelt."""
VERDICTS = ("converged", "forced", "never")


def refuse(path: object, bad: pd.Series, reason: str) -> None:
    """Raise TableError for the first row that is bad."""
    raise TableError(f"{path}, line {line_of(str(path), int(bad.to_numpy().argmax()))}: {reason}")


def positive(path: object, table: pd.DataFrame, columns: Sequence[str], *, may_be_zero: bool = False) -> None:
    """TableError for a value that is negative, infinite or, where that cannot be, zero; empty ones pass."""
    for name in (n for n in columns if n in table):
        values = table[name]
        low = values < 0 if may_be_zero else values <= 0
        bad = low | np.isinf(values)
        if bad.any():
            told = f"{name} = {values[bad].iloc[0]:g} is not allowed: it takes "
            refuse(path, bad, told + ("0 or more" if may_be_zero else "more than 0")
                   + (", and no infinity" if np.isinf(values[bad].iloc[0]) else ""))  # fmt: skip


def not_longer(path: object, table: pd.DataFrame, part: str, whole: str) -> None:
    """TableError where a part of a time is longer than all of it."""
    if part not in table or whole not in table:
        return
    longer = table[part] > table[whole] + ROUNDED_S
    if longer.any():
        told = f"{part} = {table[part][longer].iloc[0]:g} is longer than {whole}"
        refuse(path, longer, f"{told} = {table[whole][longer].iloc[0]:g}")


def carried(path: object, bits: pd.Series, gbps: pd.Series, time_s: pd.Series, column: str) -> None:
    """TableError where more bits are told than the link carries in that time."""
    more = above_link(bits, gbps, time_s)
    if more.any():
        told, link, took = (float(s[more].iloc[0]) for s in (bits, gbps, time_s))
        most = f"{link:g} Gbit/s carry at most {link * took / 8:.4g} GB in that time"
        refuse(path, more, f"{column} is {told / 8e9:.4g} GB in {took:g} s, and {most}")


def above_link(bits: pd.Series, gbps: pd.Series, time_s: pd.Series) -> pd.Series:
    """True where there are more bits than a link carries in that time."""
    return bits > MORE_THAN_LINK * gbps * 1e9 * time_s + AHEAD_BITS


def words(
    path: object, column: pd.Series, known: Mapping[str, str] | Sequence[str], *, exact: bool = False
) -> pd.Series:
    """The column in the study's own words, however spelt; TableError for a word that is none of them.

    ``exact``: only the words as they are, as a program writes them.
    """
    listed = known if isinstance(known, Mapping) else {word: word for word in known}
    plain = column if exact else column.str.strip().str.casefold().str.replace(r"[\s-]+", "_", regex=True)
    ours = {word: name for name, all_words in listed.items() for word in all_words.split()}
    found = plain.map(ours).where(plain != "", "")
    bad = found.isna()
    if bad.any():
        value = str(column[bad].iloc[0])
        near = nearest(value, list(listed))
        hint = f"did you mean {near!r}? " if near else ""
        told = f"{column.name} = {value!r} is not known; {hint}it is one of {', '.join(listed)}"
        refuse(path, bad, told)
    return found
