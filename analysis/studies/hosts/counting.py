"""Bytes as each way to migrate counts them: QEMU's multifd counts pages before it compresses them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Bools, Floats
from analysis.model.units import PAGE_BYTES
from analysis.observations.lab import COUNTED_RAW
from analysis.parameters import PARAMETERS


class Counting(NamedTuple):
    """How the bytes of some migrations are counted.

    ``raw``: before compression; ``header``: bytes beside each of their pages.
    """

    raw: Bools
    header: Floats

    @classmethod
    def of(cls, migrations: pd.DataFrame) -> Counting:
        """As their columns ``method`` and ``page_header_bytes`` say; without them the stream is counted."""
        raw = np.zeros(len(migrations), bool)
        if "method" in migrations:
            raw = migrations.method.isin(COUNTED_RAW).to_numpy(bool)
        header: Any = migrations.get("page_header_bytes", float(PARAMETERS["page_header_bytes"].default))
        return cls(raw, np.asarray(header, float))

    def sent_gib(self, stream_gib: Floats, memory_sent_gib: Floats) -> Floats:
        """Bytes counted [GiB], shape (..., migrations), of those that cross the link and of the pages'."""
        counted: Floats = np.where(self.raw, memory_sent_gib * (1 + self.header / PAGE_BYTES), stream_gib)
        return counted


def as_counted(outcomes: pd.DataFrame, migrations: pd.DataFrame) -> pd.Series:
    """Bytes sent [GiB] by the outcomes of some migrations, a row each, as these counted them."""
    columns = (outcomes[name].to_numpy(float) for name in ("stream_gib", "memory_sent_gib"))
    return pd.Series(Counting.of(migrations).sent_gib(*columns), outcomes.index, name="stream_gib")
