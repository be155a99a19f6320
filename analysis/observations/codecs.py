"""Compressors measured on memory images: what they yield and what they cost."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis.observations.lab import DATA, located
from analysis.observations.tables import read_table

MB = 1e6
HARD = ("encrypted", "packed")
"""Images that hold mostly incompressible data; the others are ordinary guests and processes."""
COLUMNS = {
    "image": "text",
    "compressor": "text",
    "block_bytes": "number",
    "ratio_nonzero_pages": "number",
    "compress_mb_per_cpu_s_median": "number",
    "decompress_mb_per_cpu_s_median": "number",
}


def read_codecs(path: str | Path = DATA / "compression.csv", *, hard: bool = False) -> pd.DataFrame:
    """One row a compressor and block size, over the ordinary images (``hard``: over the others).

    Columns: ``compressor``, ``block_kib``; ``compression_ratio`` of pages that are not zero (median over
    images), ``ratio_low``, ``ratio_high`` (least and greatest image); ``compress_gib_per_s_per_core``
    and ``decompress_gib_per_s_per_core`` (medians of thread time, about 30 % uncertain).
    """
    raw = read_table(located(path), COLUMNS)
    chosen = raw[(raw.image.isin(HARD) == hard) & (raw.compressor != "memcpy")]
    grouped = chosen.groupby(["compressor", "block_bytes"], sort=False)
    ratio, to_gib = grouped.ratio_nonzero_pages, MB / 2**30
    table = pd.DataFrame(
        {
            "compression_ratio": ratio.median(),
            "ratio_low": ratio.min(),
            "ratio_high": ratio.max(),
            "compress_gib_per_s_per_core": grouped.compress_mb_per_cpu_s_median.median() * to_gib,
            "decompress_gib_per_s_per_core": grouped.decompress_mb_per_cpu_s_median.median() * to_gib,
        }
    ).reset_index()
    table.insert(1, "block_kib", table.pop("block_bytes") / 1024)
    return table
