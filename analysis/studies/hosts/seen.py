"""Which migrations a host was calibrated to, so that errors on these are not taken for a test of it.

A host keeps a short mark of each migration's measurements, of at most :data:`KEPT` of them: those with the
smallest marks. Of other rows it is then known whether they are among those, as far as their marks are small
enough to have been kept. Marks say nothing of a migration but that it is the same one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

KEPT = 200
_TOLD_BY = ("measured_total_s", "measured_blackout_s", "measured_stream_gib")
"""Measurements that tell one migration from another; to six digits, as files round them."""
_MOST = "g"


def marks(table: pd.DataFrame) -> list[str]:
    """A mark for each migration: eight digits in base 16, the same for the same measurements."""
    empty = pd.Series(np.nan, index=table.index)
    columns = [table.get(name, empty).astype(float) for name in _TOLD_BY]
    return [_mark(values) for values in zip(*columns, strict=True)]


def _mark(values: Sequence[float]) -> str:
    text = ",".join(f"{value:.6g}" for value in values)
    return hashlib.blake2s(text.encode(), digest_size=4).hexdigest()


def kept(table: pd.DataFrame) -> tuple[str, ...]:
    """The marks that a host keeps of the migrations that it was calibrated to."""
    return tuple(sorted(set(marks(table)))[:KEPT])


def share(table: pd.DataFrame, known: Sequence[str]) -> float:
    """Share of a table's migrations that a host was calibrated to, by those of which it can be told.

    0 where the host keeps no marks.

    >>> table = pd.DataFrame({"measured_total_s": [1.5, 2.5, 3.5, 4.5]})
    >>> share(table, kept(table)), share(table, kept(table.head(2))), share(table, ())
    (1.0, 0.5, 0.0)
    """
    here = sorted(set(marks(table)))
    # Beyond the greatest mark that a full list holds nothing is known.
    last = max(known) if len(known) >= KEPT else _MOST
    told = [mark for mark in here if mark <= last] if known else []
    return len(set(told) & set(known)) / len(told) if told else 0.0
