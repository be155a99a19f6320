"""What ``sweep`` answers: how many rows it made, where they lie, and the reductions that are small."""

from __future__ import annotations

from analysis.cli.written import Figures
from analysis.studies.sweeps.sweep import Swept

PRINTED_CELLS = 30
"""Rows of a reduction that is printed whole."""


def swept_figures(swept: Swept) -> Figures:
    """What a sweep made: rows in all and of this call, seconds, rows a second, path, reductions."""
    figures: Figures = {"rows": swept.rows, "new_rows": swept.new_rows, "seconds": round(swept.seconds, 3)}
    figures |= {"rows_per_s": round(swept.rows_per_s), "path": str(swept.path), "tables": str(swept.beside)}
    return figures | {"reductions": {name: len(table) for name, table in swept.tables.items()}}


def swept_text(swept: Swept) -> str:
    """The same in words, with the reductions that are small enough to be read."""
    rate = f" at {swept.rows_per_s:,.0f} rows a second" if swept.new_rows else ""
    parts = [f"{swept.rows:,} rows, {swept.new_rows:,} of them now{rate}: {swept.path}"]
    for name, table in swept.tables.items():
        told = f"{swept.beside / name}.csv, .parquet: {len(table):,} cells"
        small = len(table) <= PRINTED_CELLS
        parts.append(f"{told}\n\n{table.to_string(index=False)}\n" if small else told)
    return "\n".join(parts).rstrip()
