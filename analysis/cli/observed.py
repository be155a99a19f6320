"""What ``observe`` answers: the record of a host, as figures and as readable text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.cli.written import VERSION, Figures
from analysis.errors import UserError
from analysis.observations import files
from analysis.observations.record import Record
from analysis.parameters import PARAMETERS

OBSERVED_ROWS = 20
"""Rows of a table that ``observe`` shows a person."""


def observed(
    paths: Sequence[Path],
    pattern: str | None = None,
    names: dict[str, str] | None = None,
    progress: Any = None,
    memory_gib: float | None = None,
    *,
    accept_units: bool = False,
) -> Record:
    """What files of a host hold: migrations, passes, samples, and notes on what is missing or odd."""
    how = {"pattern": pattern, "names": names, "progress": progress, "accept_units": accept_units}
    return files.read_all(list(paths), memory_gib=memory_gib, **how)


def local_names(pairs: Sequence[str]) -> dict[str, str]:
    """English names of counters by the local ones, from ``LOCAL=ENGLISH``."""
    for pair in pairs:
        if not all(part.strip() for part in pair.partition("=")[::2]):
            raise UserError(f"--name {pair!r} is not of the form LOCAL=ENGLISH")
    split = (pair.partition("=") for pair in pairs)
    return {local.strip(): english.strip() for local, _, english in split}


def observed_figures(found: Record) -> Figures:
    """A record as ``observe --json`` prints it."""
    tables = {name: getattr(found, name).to_dict("records") for name in ("migrations", "passes")}
    return (
        {"version": VERSION, "kind": found.kind, "sources": found.sources} | tables | {"notes": found.notes}
    )


def observed_text(found: Record) -> str:
    """A record for a person: what it is, its migrations, their passes, and what is missing or odd."""
    count = f"{len(found.migrations)} migrations, {len(found.passes)} looks at the dirty pages"
    parts = ["\n".join([f"{found.kind}: {count}, {len(found.samples)} samples", *found.sources])]
    for table in (found.migrations, found.passes):
        shown = table.drop(columns=[n for n in table if table[n].isna().all() or n in PARAMETERS])
        if len(shown):
            parts.append(shown.head(OBSERVED_ROWS).to_string(index=False, float_format="{:.4g}".format))
        if len(shown) > OBSERVED_ROWS:
            parts.append(f"... and {len(shown) - OBSERVED_ROWS} more (--json shows all)")
    return "\n\n".join(parts + [f"note: {note}" for note in found.notes])
